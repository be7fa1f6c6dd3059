"""Colours that read on both backgrounds, and numbers as people write them."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import altair as alt
import pandas as pd
import pytest
from store_records import NOON

from dashboard import look
from profiler.model import Verdict

COLOURS = {
    **{v.value: c for v, c in look.VERDICT_COLORS.items()},
    **{f"series {i}": c for i, c in enumerate(look.SERIES)},
    "valid": look.VALID, "muted": look.MUTED, "limit": look.LIMIT, "granted": look.GRANTED,
    "on": look.ECHO_ON, "stands out": look.STANDS_OUT,
}  # fmt: skip


def channels(colour: str) -> tuple[float, float, float]:
    """Linear red, green, blue, each 0..1."""

    def linear(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return linear(colour[1:3]), linear(colour[3:5]), linear(colour[5:7])


def contrast(a: str, b: str) -> float:
    """WCAG 2.1 contrast ratio."""

    def luminance(colour: str) -> float:
        red, green, blue = channels(colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", sorted(COLOURS))
@pytest.mark.parametrize("background", [look.LIGHT_BACKGROUND, look.DARK_BACKGROUND])
def test_every_colour_reads_on_both_backgrounds(name: str, background: str) -> None:
    assert contrast(COLOURS[name], background) >= 3.0  # WCAG 1.4.11: graphical objects


@pytest.mark.parametrize(
    "group", [list(look.SERIES), list(look.VERDICT_COLORS.values())], ids=["series", "verdicts"]
)
def test_colours_of_one_chart_differ(group: list[str]) -> None:
    for a, b in combinations(group, 2):
        parts = (
            abs(int(a[i : i + 2], 16) - int(b[i : i + 2], 16)) for i in (1, 3, 5)
        )  # fmt: skip
        assert sum(parts) >= 60, (a, b)


def test_what_stands_out_looks_like_nothing_else() -> None:
    others = {*look.SERIES, *look.VERDICT_COLORS.values(), *look.TRIAL_COLORS.values(), look.MUTED}
    for other in others:
        parts = (abs(int(look.STANDS_OUT[i : i + 2], 16) - int(other[i : i + 2], 16))
                 for i in (1, 3, 5))  # fmt: skip
        assert sum(parts) >= 60, other


def test_every_verdict_has_colour_word_and_its_own_sign() -> None:
    assert set(look.VERDICT_COLORS) == set(look.VERDICT_WORDS) == set(Verdict)
    assert len(set(look.VERDICT_SIGNS.values())) == len(Verdict)
    assert look.verdict_words(Verdict.NOT_MEASURABLE) == "○ not measurable"


def test_a_trials_verdict_never_looks_like_a_tests() -> None:
    """A valid recording of a slow phone is ``pass`` in the store: no page may praise the phone."""
    for verdict in (Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL):
        assert look.TRIAL_WORDS[verdict] != look.VERDICT_WORDS[verdict]
        assert look.TRIAL_SIGNS[verdict] not in look.VERDICT_SIGNS.values()
        assert look.TRIAL_COLORS[verdict] not in {
            look.VERDICT_COLORS[v] for v in (Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL)
        }
    assert set(look.TRIAL_COLORS) == set(look.TRIAL_WORDS) == set(look.TRIAL_SIGNS) == set(Verdict)
    assert len(set(look.TRIAL_SIGNS.values())) == len(Verdict)
    assert look.trial_words(Verdict.PASS) == "✓ valid"
    assert look.trial_words(Verdict.NOT_MEASURABLE) == look.verdict_words(Verdict.NOT_MEASURABLE)


def test_a_finished_chart_has_no_background_on_screen_and_white_on_paper() -> None:
    table = pd.DataFrame({"x": [1.0], "y": [2.0]})
    chart = alt.Chart(table).mark_point().encode(x="x", y="y")
    assert look.finish(chart).to_dict()["config"]["background"] == "transparent"
    paper = look.finish(chart, paper=True).to_dict()["config"]
    assert paper["background"] == "white"
    assert contrast(paper["axis"]["labelColor"], "#ffffff") >= 7


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (look.ms(None), "–"), (look.ms(42.34), "42.3 ms"), (look.ms(123.4), "123 ms"),
        (look.ms(-0.04), "0.0 ms"), (look.ms(1234.5), "1,234 ms"), (look.ms(-3.21), "−3.2 ms"),
        (look.db(31.25), "31.2 dB"), (look.with_uncertainty(42.1234, 7.0), "42.123 ± 0.007 ms"),
        (look.with_uncertainty(42.1234, 120.0), "42.12 ± 0.12 ms"),
        (look.with_uncertainty(42.1234, 0.0), "42.1234 ± 0.0001 ms"),
        (look.with_uncertainty(42.1, None), "42.10 ms"),
        (look.interval(41.9, 42.3), "41.9 … 42.3 ms"), (look.interval(None, 1.0), "–"),
        (look.p_value(0.03124), "0.0312"), (look.p_value(1e-9), "< 0.0001"),
        (look.p_value(0.0), "< 0.0001"), (look.p_value(None), "–"),
        (look.rate(44_100), "44.1 kHz"), (look.rate(None), "–"),
        (look.when(NOON), "2026-03-01 12:00 UTC"), (look.when(None), "–"),
    ],
)  # fmt: skip
def test_numbers(said: str, wanted: str) -> None:
    assert said == wanted


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s ago"), (0, "0 s ago"), (59, "59 s ago"), (61, "1 min ago"),
        (3 * 3600, "3 h ago"), (47 * 3600, "47 h ago"), (5 * 86_400, "5 days ago"),
        (100 * 86_400, "3 months ago"),
    ],
)  # fmt: skip
def test_ago(seconds: float, words: str) -> None:
    assert look.ago(NOON, NOON + timedelta(seconds=seconds)) == words
    assert look.ago(None, NOON) == "never"
