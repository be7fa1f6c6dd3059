"""Change points: what the tests find, what they must not find, and what weakens them."""

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import altair as alt
import pytest
import vl_convert

from dashboard.views.model import history_chart
from dashboard.views.model.history import (
    ENOUGH_RUNS,
    SIGNIFICANT,
    History,
    history,
    pettitt,
    runs_of,
)
from db.points import LatencyPoint
from profiler.model import AudioPath, ModelKey, Verdict

MEDIA = AudioPath("speaker", "media", "aaudio", "generic")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def opens(
    runs_ms: Sequence[float],
    *,
    build: str = "b1",
    first_day: int = 0,
    device: str = "android:1",
    spread_ms: float = 0.3,
    each: int = 6,
    seed: int = 1,
) -> list[LatencyPoint]:
    """Runs a day apart with these middles."""
    dice = random.Random(f"{seed} {build} {device}")
    return [
        LatencyPoint(
            f"{build}-{device}-{day}-{i}", f"{build}-{device}-{day}", device, "L1",
            ModelKey("Acme", "A1", "soc9", build), False, MEDIA, 48_000, Verdict.PASS,
            dice.gauss(middle, spread_ms), 5.0, 0.99, 30.0,
            NOON + timedelta(days=first_day + day, seconds=12 * i),
        )
        for day, middle in enumerate(runs_ms)
        for i in range(each)
    ]  # fmt: skip


def test_p_of_a_perfect_step_of_eight_is_the_exact_one() -> None:
    place, p = pettitt([1, 2, 3, 4, 11, 12, 13, 14])
    assert place == 4
    assert p == pytest.approx(2 * 24 * 24 / 40_320, abs=0.006)  # 2·4!·4!/8!: Monte Carlo ±0.005
    assert p < SIGNIFICANT


def test_seven_runs_cannot_prove_a_step() -> None:
    assert pettitt([1, 2, 3, 4, 11, 12, 13])[1] > SIGNIFICANT
    assert ENOUGH_RUNS == 8


def test_equal_values_are_no_change() -> None:
    assert pettitt([40.0] * 12)[1] == pytest.approx(1.0)


def test_noise_is_called_a_change_as_rarely_as_promised() -> None:
    dice = random.Random(7)
    found = sum(pettitt([dice.gauss(0, 1) for _ in range(14)])[1] < SIGNIFICANT for _ in range(300))
    assert found <= 26  # 300·0.05 = 15, and three standard deviations of it


def test_a_step_within_a_build_has_its_size_and_place() -> None:
    found = history(opens([40.0] * 6 + [46.0] * 6))
    (change,) = found.changes
    assert not change.between_builds
    assert change.shift_ms == pytest.approx(6.0, abs=0.3)
    assert change.ci95_ms[0] < 6.0 < change.ci95_ms[1]
    assert change.at == NOON + timedelta(days=6)
    assert (change.runs_before, change.runs_after, change.same_devices) == (6, 6, True)
    assert change.p_value is not None
    assert change.p_value < 0.01
    assert [span.median_ms for span in found.builds] == pytest.approx([40.0, 46.0], abs=0.3)


def test_two_steps_within_a_build_are_both_found() -> None:
    found = history(opens([40.0] * 8 + [50.0] * 8 + [44.0] * 8))
    assert [round(c.shift_ms) for c in found.changes] == [10, -6]
    assert [c.slower for c in found.changes] == [True, False]
    assert len(found.builds) == 3


def test_a_step_below_the_margin_is_none_however_certain() -> None:
    assert history(opens([40.0] * 8 + [40.6] * 8, spread_ms=0.05)).changes == ()


def test_builds_are_compared_where_they_meet() -> None:
    """A build that changed within itself is not compared as a mixture of both."""
    first = opens([38.0] * 5)
    second = opens([47.0] * 6 + [41.0] * 6, build="b2", first_day=10)
    third = opens([41.0] * 5, build="b3", first_day=30)
    found = history([*third, *first, *second])
    assert [(c.between_builds, round(c.shift_ms)) for c in found.changes] == [
        (True, 9), (False, -6),
    ]  # fmt: skip
    assert (found.changes[0].before, found.changes[0].after) == ("b1", "b2")


def test_a_second_unit_is_no_step_of_the_first() -> None:
    """Another device, 8 ms slower, is measured in the second half of one build."""
    old = opens([40.0] * 6, device="android:1")
    new = opens([48.0] * 6, device="android:2", first_day=6)
    assert history([*old, *new]).changes == ()
    between = history([*old, *opens([48.0] * 6, device="android:2", build="b2", first_day=6)])
    (change,) = between.changes
    assert not change.same_devices
    assert "may be the unit" in history_chart.words(change)


def test_a_single_run_after_says_so() -> None:
    found = history([*opens([40.0] * 4), *opens([52.0], build="b2", first_day=9)])
    assert "one run alone" in history_chart.words(found.changes[0])
    assert history_chart.shift_words(found.changes[0]).startswith("▲ +")


def test_rejected_opens_count_and_enter_no_number() -> None:
    points = opens([40.0] * 2)
    lost = [LatencyPoint(*(*_values(p)[:9], None, *_values(p)[10:])) for p in points[:6]]
    runs = runs_of([*lost, *points[6:]])
    assert (runs[0].median_ms, runs[0].opens, runs[0].rejected) == (None, 6, 6)
    assert runs[1].is_interval
    assert history_chart.chart(history(lost)) is None


def _values(point: LatencyPoint) -> tuple[object, ...]:
    return tuple(getattr(point, name) for name in LatencyPoint.__dataclass_fields__)


@pytest.mark.parametrize(
    "found",
    [
        history(opens([40.0])),
        history(opens([40.0] * 6 + [46.0] * 6)),
        history([p for i in range(9) for p in opens([40.0 + i], build=f"b{i}", first_day=i)]),
    ],
)
def test_the_chart_is_valid_vega(found: History) -> None:
    made = history_chart.chart(found)
    assert made is not None
    alt.LayerChart.from_dict(dict(made.spec))
    svg = vl_convert.vegalite_to_svg(dict(made.spec))
    assert "round trip, ms" in svg
    assert svg.count("▲") >= sum(c.slower for c in found.changes)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (20, "%H:%M:%S"), (7 * 60, "%H:%M"), (3 * 3600, "%H:%M"), (20 * 3600, "%m-%d %H:%M"),
        (5 * 86_400, "%Y-%m-%d"), (40 * 86_400, "%Y-%m-%d"), (300 * 86_400, "%Y-%m"),
        (9_000 * 86_400, "%Y-%m"),
    ],
)  # fmt: skip
def test_no_two_ticks_of_the_time_have_equal_words(seconds: float, text: str) -> None:
    last = NOON + timedelta(seconds=seconds)
    places, words = history_chart.ticks(NOON, last)
    assert words == text
    assert 2 <= len(places) <= history_chart.MAX_TICKS + 1
    assert all(NOON <= at <= last for at in places)
    said = [at.strftime(words) for at in places]
    assert len(said) == len(set(said))


def test_ticks_are_moments_as_the_browser_takes_them() -> None:
    """Plain numbers draw no label in the browser, though they do in a picture."""
    axis = history_chart._time(NOON, NOON + timedelta(minutes=5)).to_dict()["axis"]
    assert axis["values"][1] == {
        "year": 2026, "month": 3, "date": 1, "hours": 12, "minutes": 1, "seconds": 0, "utc": True,
    }  # fmt: skip


def test_one_moment_has_an_axis() -> None:
    assert history_chart.ticks(NOON, NOON) == ([NOON], "%H:%M:%S")


def test_two_runs_within_minutes_have_an_axis_of_different_words() -> None:
    first = opens([40.0, 41.0])
    close = [replace(p, started_at=NOON + timedelta(seconds=30 * i)) for i, p in enumerate(first)]
    made = history_chart.chart(history(close))
    assert made is not None
    svg = vl_convert.vegalite_to_svg(dict(made.spec))
    labels = re.findall(r">(12:\d\d)<", svg)
    assert len(labels) >= 2
    assert len(labels) == len(set(labels))
