"""Recommended beside default in the real stack: what came out of a verification."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard import look, text
from profiler.model import (
    Difference,
    MetricDifference,
    ModelFacts,
    Outcome,
    Side,
    Verification,
)

OUTCOME_WORDS: Final = {
    Outcome.BETTER: "The recommendation is better than the defaults",
    Outcome.SAME: "The recommendation is as good as the defaults",
    Outcome.WORSE: "The recommendation is worse than the defaults",
    Outcome.NOT_VERIFIED: "Not verified",
}
OUTCOME_SHORT: Final = {
    Outcome.BETTER: "better", Outcome.SAME: "as good", Outcome.WORSE: "worse",
    Outcome.NOT_VERIFIED: "not verified",
}  # fmt: skip
WORDS: Final = {
    Difference.BETTER: "✔ better",
    Difference.SAME: "= same",
    Difference.WORSE: "✖ worse",
    Difference.UNCLEAR: "? unclear",
}
METRIC_WORDS: Final[Mapping[str, str]] = {
    "mouth_to_ear_ms": "mouth to ear",
    "pesq": "speech quality (PESQ)",
    "stoi": "intelligibility (STOI)",
    "plcmos": "loss concealment (PLCMOS)",
    "erle_db": "echo removed (AEC3)",
    "stack_delay_ms": "delay of the stack alone",
    "jitter_buffer_ms": "jitter buffer",
    "concealed_percent": "sound made up",
    "lost_percent": "packets lost",
    "dnsmos": "overall quality (DNSMOS)",
    "bitrate_kbps": "bit rate",
}
WHOLE: Final = "mouth_to_ear_ms"
DECIDING: Final = (WHOLE, "pesq", "stoi", "plcmos", "erle_db")
"""Metrics that make a recommendation better or worse (docs/verify.md); the others are shown. Where
no mouth to ear is known the stack's delay stands for it."""
MAX_MARGINS: Final = 8.0
"""Where the axis of differences ends."""


def newest(found: Sequence[Verification]) -> Verification | None:
    """The one that counts: the newest, but a worse outcome is never hidden by a later one."""
    worse = [v for v in found if v.outcome is Outcome.WORSE]
    return max(worse or found, key=lambda v: v.verified_at, default=None)


def metric_words(name: str) -> str:
    """A metric for people."""
    return METRIC_WORDS.get(name) or text.plain(name, 40)


def decides(found: Verification, name: str) -> bool:
    """Whether this metric was judged."""
    whole = any(d.name == WHOLE for d in found.differences)
    return name in DECIDING or (name == "stack_delay_ms" and not whole)


def because(found: Verification) -> str:
    """What decided, in one line: the judged metrics that are worse, then those that are better."""
    told = (Difference.WORSE, Difference.BETTER, Difference.UNCLEAR)
    judged = [d for d in found.differences if decides(found, d.name)]
    said = [_told(d) for kind in told for d in judged if d.difference is kind]
    if found.outcome is Outcome.NOT_VERIFIED or not judged:
        return text.plain(found.text.removeprefix("not verified: "), 600)
    return "; ".join(said) or "no difference beyond what counts"


def _told(d: MetricDifference) -> str:
    unit = "" if d.unit == "1" else text.plain(d.unit, 12)
    digits = 1 if d.margin >= 1 else 2
    begin = "+" if round(d.median, digits) > 0 else ""
    size = f"{begin}{look.number(d.median, digits, unit)}"
    interval = "" if d.ci95 is None else f" (95 %: {look.interval(*d.ci95, digits, unit)})"
    word = " is unclear" if d.difference is Difference.UNCLEAR else ""
    return f"{metric_words(d.name)} {size}{interval}{word}"


DIFFERENCE_WORDS: Final = (
    "Difference: the median of what each pair of sessions differs by, both of a pair with the same "
    "words over the same network, with its 95 % interval. It is not the difference of the two "
    "medians beside it, and may even have another sign where the two sides differ little."
)


def metrics_frame(found: Verification) -> pd.DataFrame:
    """A row a metric: both sides with intervals, their difference, and which side is better."""
    return pd.DataFrame([_row(found, d) for d in found.differences], columns=[*_METRICS])


_METRICS: Final = (
    "metric", "unit", "recommended", "default", "difference", "margin", "the recommendation is",
)  # fmt: skip


def _row(found: Verification, d: MetricDifference) -> dict[str, Any]:
    digits = 1 if d.margin >= 1 else 2
    return {
        "metric": metric_words(d.name),
        "unit": "" if d.unit == "1" else text.plain(d.unit, 12),
        "recommended": side_words(found.recommended, d.name, digits),
        "default": side_words(found.default, d.name, digits),
        "difference": _with(d.median, d.ci95, digits, signed=True),
        "margin": d.margin,
        "the recommendation is": WORDS[d.difference]
        if decides(found, d.name)
        else f"({WORDS[d.difference]})",
    }


def side_words(side: Side, name: str, digits: int = 1) -> str:
    """A median with its interval; a dash when the side has none."""
    metric = next((m for m in side.metrics if m.name == name), None)
    return "–" if metric is None else _with(metric.median, metric.ci95, digits)


def _with(
    value: float, ci: tuple[float, float] | None, digits: int, *, signed: bool = False
) -> str:
    begin = "+" if signed and round(value, digits) > 0 else ""
    interval = "no interval" if ci is None else f"{look.interval(*ci, digits, unit='')}"
    return f"{begin}{look.number(value, digits)}  ({interval})"


def difference_chart(found: Verification) -> alt.LayerChart | None:
    """Every difference in units of the smallest one that counts, with its 95 % interval."""
    rows = [_scaled(d) for d in found.differences if d.margin > 0]
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    limit = min(MAX_MARGINS, max(2.0, float(frame[["low", "high", "x"]].abs().max().max())))
    x = alt.Scale(domain=[-limit, limit], nice=False, clamp=True)
    title = "recommended − default, in units of the smallest difference that counts"
    scale = alt.Scale(domain=[*WORDS.values()], range=[look.DIFFERENCE_COLORS[d] for d in WORDS])
    y = alt.Y("metric:N", sort=list(frame["metric"]), title=None)
    band = alt.Chart(pd.DataFrame([{"a": -1.0, "b": 1.0}])).mark_rect(
        color=look.MUTED, opacity=0.2
    ).encode(alt.X("a:Q", scale=x, title=title), alt.X2("b:Q"))  # fmt: skip
    base = alt.Chart(frame).encode(y, alt.Color("verdict:N", scale=scale, title=None))
    interval = base.mark_rule(strokeWidth=4, opacity=0.6, strokeCap="round").encode(
        alt.X("low:Q", scale=x, title=title), alt.X2("high:Q")
    )
    dot = base.mark_point(size=80, filled=True, opacity=1).encode(
        alt.X("x:Q", scale=x, title=title, axis=alt.Axis(tickCount=9)),
        tooltip=["metric:N", alt.Tooltip("said:N", title="difference"), "verdict:N"],
    )
    chart = (band + interval + dot).properties(height=26 * len(rows) + 90)
    return look.finish(chart)  # type: ignore[no-any-return]


def _scaled(d: MetricDifference) -> dict[str, Any]:
    low, high = d.ci95 or (d.median, d.median)
    return {
        "metric": metric_words(d.name), "x": d.median / d.margin, "low": low / d.margin,
        "high": high / d.margin, "verdict": WORDS[d.difference],
        "said": f"{d.median:+.2f} {text.plain(d.unit, 8)}",
    }  # fmt: skip


def settings_frame(found: Verification) -> pd.DataFrame:
    """The settings in which the two sides differed; what is left to the system is the default."""
    ours, theirs = found.recommended.settings, found.default.settings
    names = [n for n, value in ours.items() if value is not None and value != theirs.get(n)]
    return pd.DataFrame(
        [
            {"setting": text.plain(n, 40), "recommended": _value(ours.get(n)),
             "default": _value(theirs.get(n))}
            for n in names
        ],
        columns=["setting", "recommended", "default"],
    )  # fmt: skip


def _value(value: object) -> str:
    return "–" if value is None else text.plain(value, 60)


def proofs_lines(side: Side) -> list[str]:
    """What shows that settings and network were in force."""
    return [text.plain(line, 300) for line in side.proofs]


def command(facts: ModelFacts, use: str, network: str, store: str) -> str:
    """What to type to verify; names are quoted for a shell, and all of them are given, so that
    a model which nobody measured is described, too."""
    key = facts.key
    described = {"--manufacturer": key.manufacturer, "--soc": key.soc, "--os-build": key.os_build}
    words = [f"chirpbench verify {quoted(key.model)}"]
    words += [f"{option} {quoted(value)}" for option, value in described.items() if value]
    if facts.api_level is not None:
        words.append(f"--api-level {facts.api_level}")
    words += [f"--use {use}", f"--network {network}", f"--db {quoted(store)}"]
    return " \\\n    ".join(words)


def quoted(word: str) -> str:
    """One word of a POSIX shell, on one line and without the marks that :func:`text.plain` sets."""
    return shlex.quote(text.plain(word, 200).strip("\u2068\u2069"))
