"""One place for colours and numbers: the same colour means the same thing on every page.

Every colour reads on the dark and on the light background (contrast 3 to 1 or more, a test holds
it), and none is the only sign: a verdict's word or symbol always stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import altair as alt

from profiler.model import Difference, Verdict

LIGHT_BACKGROUND: Final = "#ffffff"
DARK_BACKGROUND: Final = "#11161d"

VERDICT_COLORS: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "#2a9461",
    Verdict.MARGINAL: "#c07f14",
    Verdict.FAIL: "#d64550",
    Verdict.NOT_MEASURABLE: "#7b74c4",
    Verdict.ERROR: "#b452a5",
    Verdict.SKIPPED: "#87909a",
}
VERDICT_WORDS: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "pass",
    Verdict.MARGINAL: "marginal",
    Verdict.FAIL: "fail",
    Verdict.NOT_MEASURABLE: "not measurable",
    Verdict.ERROR: "error",
    Verdict.SKIPPED: "skipped",
}
VERDICT_SIGNS: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "●",
    Verdict.MARGINAL: "◐",
    Verdict.FAIL: "✖",
    Verdict.NOT_MEASURABLE: "○",
    Verdict.ERROR: "▲",
    Verdict.SKIPPED: "–",
}
"""Shapes, so that a table without colours still shows its verdicts."""

# A trial passes nothing: its verdict says what its recording is worth (docs/reasons.md), whatever
# the phone is worth. Only its test has limits, so ``pass`` and ``marginal`` have other words,
# signs and colours there; what means the same for both keeps them.
VALID: Final = "#5f7f96"
"""A recording that can be used; says nothing about the phone."""
TRIAL_WORDS: Final[Mapping[Verdict, str]] = {
    **VERDICT_WORDS,
    Verdict.PASS: "valid",
    Verdict.MARGINAL: "valid, with a warning",
    Verdict.FAIL: "rejected",
}
TRIAL_SIGNS: Final[Mapping[Verdict, str]] = {
    **VERDICT_SIGNS, Verdict.PASS: "✓", Verdict.MARGINAL: "⚑", Verdict.FAIL: "⊘",
}  # fmt: skip
TRIAL_COLORS: Final[Mapping[Verdict, str]] = {
    **VERDICT_COLORS, Verdict.PASS: VALID, Verdict.MARGINAL: VALID,
    Verdict.FAIL: VERDICT_COLORS[Verdict.NOT_MEASURABLE],
}  # fmt: skip
TRIAL_VERDICTS: Final = tuple(v for v in Verdict if v is not Verdict.FAIL)
"""How a trial can end: no analysis gives ``fail``; only limits do, and those are a test's."""

MUTED: Final = "#87909a"
"""Rest of the fleet, limits, grid."""
DIFFERENCE_COLORS: Final[Mapping[Difference, str]] = {
    Difference.BETTER: VERDICT_COLORS[Verdict.PASS],
    Difference.WORSE: VERDICT_COLORS[Verdict.FAIL],
    Difference.SAME: "#3d7fd0",
    Difference.UNCLEAR: MUTED,
}

SERIES: Final = ("#3d7fd0", "#cf6a2c", "#2a9481", "#9566c9", "#d04c7f", "#8a7a2e")
"""Models or builds beside each other, in the order in which they were chosen."""
MAIN: Final = SERIES[0]
"""One thing alone: a latency, a curve."""
LIMIT: Final = VERDICT_COLORS[Verdict.FAIL]
"""A limit that must not be crossed."""
GRANTED: Final = VERDICT_COLORS[Verdict.MARGINAL]
"""What was granted is not what was requested."""
STANDS_OUT: Final = "#7f9a00"
"""What is unlike its peers; verdicts and models beside each other have other colours."""
ECHO_ON: Final = "#2b9cb3"
"""What an echo canceller removes; not the green of a pass, which a removed echo need not be."""


def verdict_words(verdict: Verdict, *, sign: bool = True) -> str:
    """``● pass``: the sign and the word."""
    word = VERDICT_WORDS[verdict]
    return f"{VERDICT_SIGNS[verdict]} {word}" if sign else word


def trial_words(verdict: Verdict, *, sign: bool = True) -> str:
    """``✓ valid``: what a trial's verdict says of its recording, never ``pass`` or ``fail``."""
    word = TRIAL_WORDS[verdict]
    return f"{TRIAL_SIGNS[verdict]} {word}" if sign else word


def series_scale(names: list[str]) -> alt.Scale:
    """The scale of things beside each other, at most six."""
    return alt.Scale(domain=names, range=list(SERIES[: len(names)]))


def finish(chart: Any, *, paper: bool = False) -> Any:
    """What every chart has in common; returns it.

    On screen the browser's theme gives the colours of texts and axes (``st.altair_chart`` with
    ``theme="streamlit"``, its default). ``paper`` gives black on white, for reports.
    """
    chart = (
        chart.configure(background="white" if paper else "transparent")
        .configure_view(strokeOpacity=0)
        .configure_legend(orient="top", title=None, labelLimit=360)
        .configure_axis(
            labelLimit=260, titleFontWeight="normal", labelFontSize=12, titleFontSize=12
        )
    )
    if paper:
        ink = {"labelColor": "#222222", "titleColor": "#222222"}
        chart = chart.configure_axis(
            labelLimit=260, titleFontWeight="normal", gridColor="#dddddd", domainColor="#888888",
            labelFontSize=11, titleFontSize=11, **ink,
        ).configure_legend(orient="top", title=None, labelLimit=360, **ink)  # fmt: skip
    return chart


def number(value: float | None, digits: int = 1, unit: str = "") -> str:
    """``1,234.5 ms``; a dash when there is none. A minus is a minus, not a hyphen."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return f"{text.replace('-', '−')} {unit}".strip()


def ms(value: float | None, digits: int | None = None) -> str:
    """A duration in milliseconds; above 100 ms a tenth says nothing."""
    if digits is None:
        digits = 0 if value is not None and abs(value) >= 100 else 1
    return number(value, digits, "ms")


def db(value: float | None, digits: int = 1) -> str:
    """A level or a ratio in decibel."""
    return number(value, digits, "dB")


def with_uncertainty(value_ms: float | None, uncertainty_us: float | None) -> str:
    """``42.123 ± 0.004 ms`` (1 σ), with as many decimals as the uncertainty supports."""
    if value_ms is None or uncertainty_us is None:
        return ms(value_ms, 2)
    digits = 2 if uncertainty_us >= 50 else 3 if uncertainty_us >= 5 else 4
    sigma = max(uncertainty_us / 1000, 10.0**-digits)
    return f"{number(value_ms, digits)} ± {sigma:.{digits}f} ms"


def interval(low: float | None, high: float | None, digits: int = 1, unit: str = "ms") -> str:
    """``41.9 … 42.3 ms``, a dash when there is none."""
    if low is None or high is None:
        return "–"
    return f"{number(low, digits)} … {number(high, digits, unit)}"


def p_value(value: float | None) -> str:
    """``0.0312``, ``< 0.0001``: a probability is never 0."""
    if value is None:
        return "–"
    return f"{value:.4f}" if value >= 0.0001 else "< 0.0001"


def rate(rate_hz: int | None) -> str:
    """``48 kHz``, ``44.1 kHz``."""
    return "–" if rate_hz is None else f"{rate_hz / 1000:g} kHz"


def when(at: datetime | None) -> str:
    """``2026-03-01 12:00 UTC``."""
    return "–" if at is None else at.strftime("%Y-%m-%d %H:%M UTC")


def ago(at: datetime | None, now: datetime) -> str:
    """``3 s ago``, ``5 min ago``, ``2 days ago``; clocks may differ, so never in the future."""
    if at is None:
        return "never"
    seconds = max((now - at).total_seconds(), 0.0)
    for size, word in ((1, "s"), (60, "min"), (3600, "h")):
        if seconds < size * 60 or (word == "h" and seconds < 48 * 3600):
            return f"{seconds / size:.0f} {word} ago"
    days = seconds / 86_400
    return f"{days:.0f} days ago" if days < 60 else f"{days / 30.44:.0f} months ago"
