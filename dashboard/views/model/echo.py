"""Echo by volume: what is removed, how much is to spare before a false turn, how fast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from dashboard import look
from dashboard.views.marks import Picture, across, inline, picture
from dashboard.views.model.measured import Found, numbers, own_results, volume_order, volume_words
from profiler.catalogue.table import LIMITS, Limit
from profiler.model import KnownResult, ModelKey

HEIGHT = 280
SIGMAS_95 = 1.96
REMOVED, CREDITED = "removed (A1)", "as A2 counts it"


@dataclass(frozen=True, slots=True)
class AtVolume:
    """One number of one result at one volume."""

    volume: str
    value: float
    low: float
    high: float | None
    """``None``: no upper end is known."""
    is_bound: bool
    """``value`` is at least so much, no more is known."""
    age: int
    series: str


def removed(results: Iterable[KnownResult], key: ModelKey) -> list[AtVolume]:
    """ERLE at each volume of every result of this build, by A1 and by A2.

    ``*_low_db`` is the lower 95 % bound. Where no value stands beside it, what is left lies below
    the noise: at least so much is removed.
    """
    results = list(results)
    found = []
    for test_id, base, series in (("A1", "erle", REMOVED), ("A2", "effective", CREDITED)):
        known = list(numbers(own_results(results, key, test_id), f"{base}_db", f"{base}_low_db"))
        values = {_at(f): f for f in known if f.base == f"{base}_db"}
        for low in (f for f in known if f.base == f"{base}_low_db"):
            value = values.get(_at(low))
            found.append(
                AtVolume(
                    low.variant.get("volume", ""), low.value if value is None else value.value,
                    low.value, None, value is None, low.age, series,
                )
            )  # fmt: skip
    return found


def condition(results: Iterable[KnownResult], key: ModelKey, test_id: str) -> str:
    """Which volume the number of the newest A1 or A2 is of, and which its verdict rests on:
    ``at 100 % volume; the worst of 50, 75, 100 % decides``. Empty for a single volume as found."""
    known = numbers(own_results(results, key, test_id)[:1], "erle_low_db", "effective_low_db")
    found = sorted({f.variant["volume"] for f in known if "volume" in f.variant}, key=volume_order)
    if not found or volume_order(found[-1]) < 0:
        return ""
    loudest = f"at {volume_words(found[-1])} volume"
    if len(found) == 1:
        return loudest
    every = ", ".join(volume_words(v).removesuffix(" %") for v in found)
    return f"{loudest}; the worst of {every} % decides"


WHAT_A2_ASKS = (
    "A2 asks whether the canceller does what the system says; it counts what is removed with the "
    "rise that a gain control gives the pauses credited to the canceller."
)
WHICH_VOLUME = (
    "The verdicts of A1, A2 are those of the worst volume, A4’s that of the middle time "
    "(the longer of two)."
)


def _at(found: Found) -> tuple[str, str]:
    return found.run_uuid, found.variant.get("volume", "")


def margins(results: Iterable[KnownResult], key: ModelKey) -> list[AtVolume]:
    """dB between the loudest moment of the echo and what counts as a turn (A9)."""
    known = numbers(own_results(results, key, "A9"), "margin_db")
    return [
        AtVolume(f.variant["volume"], f.value, f.value, f.value, False, f.age, "margin")
        for f in known
        if "volume" in f.variant
    ]


def settling(results: Iterable[KnownResult], key: ModelKey) -> list[AtVolume]:
    """Seconds until the canceller has converged (A4), with the 95 % interval of its σ."""
    known = numbers(own_results(results, key, "A4"), "convergence_s")
    found = []
    for f in known:
        reach = SIGMAS_95 * (f.sigma or 0.0)
        found.append(
            AtVolume(
                f.variant.get("volume", ""), f.value, max(0.0, f.value - reach), f.value + reach,
                False, f.age, "settled",
            )
        )  # fmt: skip
    return found


def removed_chart(found: Sequence[AtVolume], *, paper: bool = False) -> Picture | None:
    """Bounds as arrows, values as points with what they are at least."""
    if not found:
        return None
    return _chart(
        found, "echo removed, dB", LIMITS["A1", "erle_db"], paper=paper,
        colors={REMOVED: look.ECHO_ON, CREDITED: look.SERIES[3]},
    )  # fmt: skip


def margin_chart(found: Sequence[AtVolume], *, paper: bool = False) -> Picture | None:
    """How far the echo stays below a false turn."""
    if not found:
        return None
    return _chart(
        found, "margin to a false turn, dB", LIMITS["A9", "margin_db"], paper=paper,
        colors={"margin": look.MAIN},
    )  # fmt: skip


def settling_chart(found: Sequence[AtVolume], *, paper: bool = False) -> Picture | None:
    """Time to hold the microphone back."""
    if not found:
        return None
    return _chart(
        found, "time to converge, s", LIMITS["A4", "convergence_s"], paper=paper,
        colors={"settled": look.MAIN},
    )  # fmt: skip


def _chart(
    found: Sequence[AtVolume],
    title: str,
    limit: Limit,
    *,
    colors: dict[str, str],
    paper: bool,
) -> Picture:
    volumes = sorted({a.volume for a in found}, key=volume_order)
    rows = [_row(a) for a in found]
    several = len({a.series for a in found}) > 1
    both = _across_volumes([volume_words(v) for v in volumes], colors, several=several)
    y = alt.Y("value:Q", title=title, scale=alt.Scale(padding=16, nice=True))
    shade = alt.Opacity("weight:Q", scale=None, legend=None)
    tooltip = [
        alt.Tooltip("volume:N"), alt.Tooltip("words:N", title=title),
        alt.Tooltip("of:N", title="result"), alt.Tooltip("series:N"),
    ]  # fmt: skip
    points = alt.Chart(inline(row for row in rows if not row["bound"]))
    bounds = alt.Chart(inline(row for row in rows if row["bound"]))
    low = alt.Y("low:Q", title=title)
    layers = [
        *across(limit),
        points
        .mark_rule(strokeWidth=2).encode(y=low, y2=alt.Y2("high:Q"), opacity=shade, **both),
        points.mark_tick(thickness=2, size=12).encode(y=low, opacity=shade, **both),
        points.mark_point(filled=True, size=80).encode(
            y=y, opacity=shade, tooltip=tooltip, **both
        ),
        bounds.mark_tick(thickness=3, size=18).encode(y=y, opacity=shade, **both),
        bounds.mark_text(text="▲", fontSize=17, baseline="bottom", dy=-1).encode(
            y=y, opacity=shade, tooltip=tooltip, **both
        ),
    ]  # fmt: skip
    return picture(layers, height=HEIGHT, paper=paper)


def _across_volumes(volumes: list[str], colors: dict[str, str], *, several: bool) -> dict[str, Any]:
    """Volumes from quiet to loud, series beside each other in their colours."""
    legend = alt.Legend(orient="top", title=None, direction="vertical") if several else None
    both: dict[str, Any] = {
        "x": alt.X(
            "volume:N", sort=volumes, title="volume", axis=alt.Axis(labelAngle=0, grid=False)
        ),
        "color": alt.Color(
            "series:N",
            scale=alt.Scale(domain=list(colors), range=list(colors.values())),
            legend=legend,
        ),
    }
    if several:
        both["xOffset"] = alt.XOffset("series:N", sort=list(colors))
    return both


def _row(at: AtVolume) -> dict[str, Any]:
    value = look.number(at.value, 1)
    if at.is_bound:
        words = f"at least {value}"
    elif at.high is None:
        words = f"{value}, at least {look.number(at.low, 1)} (95 %)"
    elif at.high > at.low:
        words = f"{value}, 95 % {look.interval(at.low, at.high, 1, '')}"
    else:
        words = value
    return {
        "volume": volume_words(at.volume), "value": at.value, "low": at.low,
        "high": at.value if at.high is None else at.high, "bound": at.is_bound, "words": words,
        "of": "newest" if at.age == 0 else f"{at.age} before the newest",
        "weight": 1.0 if at.age == 0 else 0.35, "series": at.series,
    }  # fmt: skip
