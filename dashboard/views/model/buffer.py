"""Buffer against glitches: how often the sound breaks at each size, and which size is safe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from dashboard import look, text
from dashboard.views.marks import Picture, across, inline, picture, y2_px, y_px
from dashboard.views.model.clean import seconds
from dashboard.views.model.measured import numbers, own_results
from profiler.catalogue.limits import rate_bounds
from profiler.catalogue.table import LIMITS
from profiler.model import KnownResult, ModelKey, Verdict

HEIGHT = 340
LINE_PX = 14
UNITS: tuple[str, ...] = ("bursts", "frames")
STATES = {"": "just opened (G1)", "idle": "untouched (G3)", "screen_off": "screen off (G3)"}
COLORS = {
    STATES[""]: look.SERIES[0], STATES["idle"]: look.SERIES[3], STATES["screen_off"]: look.SERIES[1]
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """One buffer size in one state of the phone, all results of the build together."""

    size: int
    unit: str
    state: str
    events: int
    minutes: float
    xruns: int | None
    """As the system counts them; ``None`` = it does not."""

    @property
    def rate(self) -> float:
        """Glitches a minute."""
        return self.events / self.minutes

    @property
    def bounds(self) -> tuple[float, float]:
        """Exact Poisson bounds of the rate (Garwood 1936), 95 % to each side."""
        found = rate_bounds(self.events, self.minutes)
        return found.low, found.high


def sizes(results: Iterable[KnownResult], key: ModelKey) -> list[Size]:
    """Glitches and minutes of G1 and G3 added up over the results of one build."""
    results = list(results)
    names = ("glitches_per_min", "watched_min", "xruns")
    seen: dict[tuple[int, str, str, str], dict[str, float]] = {}
    for test_id in ("G1", "G3"):
        for found in numbers(own_results(results, key, test_id), *names):
            unit: str | None = next((u for u in UNITS if u in found.variant), None)
            if unit is None or not found.variant[unit].isdigit():
                continue
            state = found.variant.get("state", "")
            at = (int(found.variant[unit]), unit, state, f"{test_id} {found.run_uuid}")
            seen.setdefault(at, {})[found.base] = found.value
    sums: dict[tuple[int, str, str], list[float]] = {}
    counted: dict[tuple[int, str, str], float] = {}
    for (size, unit, state, _), values in seen.items():
        minutes = values.get("watched_min", 0.0)
        if minutes <= 0 or "glitches_per_min" not in values or state not in STATES:
            continue
        total = sums.setdefault((size, unit, state), [0.0, 0.0])
        total[0] += round(values["glitches_per_min"] * minutes)
        total[1] += minutes
        if "xruns" in values:
            counted[size, unit, state] = counted.get((size, unit, state), 0.0) + values["xruns"]
    found_sizes = [
        Size(at[0], at[1], at[2], round(events), minutes, _whole(counted.get(at)))
        for at, (events, minutes) in sums.items()
    ]
    return sorted(found_sizes, key=lambda s: (s.unit, s.size, s.state))


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


@dataclass(frozen=True, slots=True)
class Safe:
    """The smallest size that the newest result of a test names, and how long it was clean."""

    size: int
    unit: str
    what: str
    """``G1: no glitch in 9 s``."""
    verdict: Verdict
    """Of that result: a size without a glitch in a few seconds is marginal, not proven."""


def safe_sizes(results: Iterable[KnownResult], key: ModelKey) -> list[Safe]:
    """By G1, just after the stream was opened; by G3, untouched."""
    results = list(results)
    found = []
    for test_id, state in (("G1", ""), ("G3", "idle")):
        newest = own_results(results, key, test_id)[:1]
        known = [
            n
            for n in numbers(newest, "safe_bursts", "safe_frames", "clean_min")
            if n.variant.get("state", "") == state
        ]
        watched = next((n.value for n in known if n.base == "clean_min"), None)
        how_long = "" if watched is None else f" in {seconds(watched)}"
        for number in known:
            if number.base != "clean_min":
                unit, verdict = number.base.removeprefix("safe_"), newest[0].result.verdict
                what = f"{test_id}: no glitch{how_long}"
                found.append(Safe(round(number.value), unit, what, verdict))
    return found


def chart(found: Sequence[Size], safe: Sequence[Safe], *, paper: bool = False) -> Picture | None:
    """Rates with their bounds; an arrow where no glitch was seen and only the bound is known."""
    if not found:
        return None
    unit = found[0].unit
    order = sorted({s.size for s in found if s.unit == unit})
    rows = [_row(s) for s in found if s.unit == unit]
    data = inline(rows)
    x = alt.X(
        "size:O", sort=[str(n) for n in order], title=f"output buffer, {unit}",
        axis=alt.Axis(labelAngle=0, grid=False),
    )  # fmt: skip
    top = 1.15 * max(20.0, *(row["high"] for row in rows))
    scale = alt.Scale(type="symlog", constant=1, domain=[0, top], nice=False)
    axis = alt.Axis(values=[0, 1, 3, 10, 30, 100, 300, 1000, 3000], format="d")

    def y_of(field: str) -> alt.Y:
        return alt.Y(field, scale=scale, axis=axis, title="glitches a minute")

    both = {"x": x, **_by_state(rows, sum(s.unit == unit for s in safe))}
    tooltip = _tooltip(unit)
    counted = inline(row for row in rows if row["xruns"] is not None)
    layers = [
        *_safe(safe, unit, x),
        *across(LIMITS["G1", "glitches_per_min"]),
        alt.Chart(data).mark_rule(strokeWidth=2).encode(
            y=y_of("low:Q"), y2=alt.Y2("high:Q"), **both
        ),
        alt.Chart(data).mark_tick(thickness=2, size=10).encode(
            y=y_of("high:Q"), **both
        ),
        alt.Chart(data).mark_point(filled=True, size=85, opacity=1).encode(
            y=y_of("rate:Q"), tooltip=tooltip, **both
        ),
        alt.Chart(counted).mark_point(shape="cross", size=45, opacity=0.9, strokeWidth=1.5).encode(
            x=x, xOffset=both["xOffset"], y=y_of("xruns:Q"),
            color=alt.ColorValue(look.MUTED), tooltip=tooltip,
        ),
    ]  # fmt: skip
    return picture(layers, height=HEIGHT, paper=paper)


def _by_state(rows: list[dict[str, Any]], lines: int) -> dict[str, Any]:
    """States beside each other, in their colours; their names above so many lines of words."""
    states = [s for s in COLORS if s in {row["state"] for row in rows}]
    return {
        "xOffset": alt.XOffset("state:N", sort=states),
        "color": alt.Color(
            "state:N",
            scale=alt.Scale(domain=states, range=[COLORS[s] for s in states]),
            legend=alt.Legend(orient="top", title=None, offset=6 + LINE_PX * lines)
            if len(states) > 1
            else None,
        ),
    }


def _tooltip(unit: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("size:O", title=f"buffer, {unit}"), alt.Tooltip("state:N"),
        alt.Tooltip("words:N", title="glitches a minute"), alt.Tooltip("seen:N"),
        alt.Tooltip("system:N", title="the system counts"),
    ]  # fmt: skip


def _row(size: Size) -> dict[str, Any]:
    low, high = size.bounds
    return {
        "size": str(size.size), "state": STATES[size.state], "rate": size.rate, "low": low,
        "high": high, "xruns": None if size.xruns is None else size.xruns / size.minutes,
        "words": f"{look.number(size.rate, 1)} (95 %: {look.interval(low, high, 1, '')})",
        "seen": f"{size.events} in {size.minutes * 60:.0f} s",
        "system": "nothing" if size.xruns is None else text.plural(size.xruns, "xrun"),
    }  # fmt: skip


def _safe(safe: Sequence[Safe], unit: str, x: alt.X) -> list[alt.Chart]:
    """A line of words each above the plot: those of two sizes beside each other would overlap."""
    layers = []
    for line, one in enumerate(s for s in safe if s.unit == unit):
        color = look.VERDICT_COLORS[one.verdict]
        base = alt.Chart(inline([{"size": str(one.size), "what": one.what}]))
        band = base.mark_bar(color=color, opacity=0.16)
        words = base.mark_text(
            color=color, fontWeight="bold", baseline="bottom", dy=-3 - LINE_PX * line
        )
        layers += [
            band.encode(x=x, y=y_px(0), y2=y2_px("height")),
            words.encode(x=x, y=y_px(0), text=alt.Text("what:N")),
        ]
    return layers
