"""One model against another: the interval is honest and the verdict follows its rule."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import store_records as make
from scipy import stats

from profiler.model import Difference, SessionRow
from profiler.summary import compare
from profiler.summary.comparison import _critical_rank, hodges_lehmann, shift_interval


def rows(latencies: object, **changes: object) -> list[SessionRow]:
    return [make.session(None if v is None else float(v), **changes) for v in latencies]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        (np.linspace(20, 22, 8), np.linspace(40, 43, 8), Difference.BETTER),
        (np.linspace(40, 43, 8), np.linspace(20, 22, 8), Difference.WORSE),
        (np.linspace(40, 40.5, 8), np.linspace(40.1, 40.6, 8), Difference.SAME),
        (np.linspace(20, 60, 8), np.linspace(25, 70, 8), Difference.UNCLEAR),
        (np.linspace(20, 21, 3), np.linspace(40, 41, 3), Difference.UNCLEAR),  # too few
        ([20.0] * 4, [40.0] * 4, Difference.BETTER),  # the fewest there is an interval for
        ([], [40.0] * 8, Difference.UNCLEAR),
        ([None, None], [40.0] * 8, Difference.UNCLEAR),
    ],
)
def test_verdicts(a: object, b: object, difference: Difference) -> None:
    comparison = compare(rows(a), rows(b), name_a="Fast 1", name_b="Slow 2")
    assert comparison.difference is difference
    assert difference.value in comparison.text
    assert comparison.text.startswith("Fast 1 - Slow 2")
    assert "\n" not in comparison.text


def test_a_difference_below_the_margin_does_not_count() -> None:
    a, b = rows(np.linspace(40.0, 40.02, 30)), rows(np.linspace(40.5, 40.52, 30))
    assert compare(a, b).difference is Difference.SAME
    assert compare(a, b, margin_ms=0.1).difference is Difference.BETTER


def test_the_numbers_beside_the_verdict() -> None:
    a, b = [30.0, 31.0, 32.0, 33.0, None], [40.0, 42.0, 44.0, 46.0]
    c = compare(rows(a, is_virtual=False), rows(b, device_uid="x"))
    assert (c.sessions_a, c.sessions_b, c.devices_a, c.devices_b) == (4, 4, 1, 1)
    assert (c.median_a_ms, c.median_b_ms, c.median_difference_ms) == (31.5, 43.0, -11.5)
    assert c.shift_ms == pytest.approx(-11.5)
    assert c.ci95_ms == pytest.approx((-16.0, -7.0))
    assert c.effect == -1.0
    assert c.p_value == pytest.approx(2 / math.comb(8, 4))
    assert c.is_virtual


def test_swapping_the_models_mirrors_the_result() -> None:
    rng = np.random.default_rng(5)
    a, b = rows(rng.gamma(2, 10, 17)), rows(rng.gamma(2, 12, 23))
    there, back = compare(a, b), compare(b, a)
    assert there.ci95_ms is not None
    assert back.ci95_ms is not None
    assert there.shift_ms == pytest.approx(-(back.shift_ms or 0.0))
    assert there.ci95_ms == pytest.approx((-back.ci95_ms[1], -back.ci95_ms[0]))
    assert there.effect == pytest.approx(-(back.effect or 0.0))
    assert there.p_value == pytest.approx(back.p_value)


@pytest.mark.parametrize(("m", "n"), [(3, 3), (4, 4), (5, 5), (5, 8), (7, 4), (1, 39), (2, 8)])
def test_the_rank_is_that_of_every_arrangement_counted(m: int, n: int) -> None:
    smaller = [
        sum(rank - i for i, rank in enumerate(chosen)) for chosen in combinations(range(m + n), m)
    ]
    k = 0
    while 2 * sum(u < k + 1 for u in smaller) <= 0.05 * len(smaller):
        k += 1
    assert _critical_rank(m, n) == k


def test_the_normal_approximation_joins_the_exact_count() -> None:
    exact, normal = _critical_rank(50, 50), _critical_rank(51, 50)
    assert 0 < normal - exact < 25


def test_shift_and_interval_are_those_of_the_listed_differences() -> None:
    rng = np.random.default_rng(6)
    for m, n in ((4, 4), (9, 14), (30, 21), (60, 55)):
        x, y = np.round(rng.normal(50, 9, m), 1), np.round(rng.normal(45, 9, n), 1)
        listed = np.sort(np.subtract.outer(x, y).ravel())
        k = _critical_rank(m, n)
        assert shift_interval(x, y) == pytest.approx((listed[k - 1], listed[-k]), abs=2e-6)
        assert hodges_lehmann(x, y) == pytest.approx(float(np.median(listed)), abs=2e-6)


def test_thousands_of_sessions_need_no_table_of_pairs() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.normal(50, 5, 20_000), rng.normal(49, 5, 20_000)
    low, high = shift_interval(x, y) or (math.nan, math.nan)
    assert low < 1.0 < high
    assert high - low < 0.3


def test_the_interval_covers_the_true_shift() -> None:
    rng = np.random.default_rng(8)
    hits, trials = 0, 600
    for _ in range(trials):
        x, y = rng.gamma(3.0, 5.0, 9) + 7.0, rng.gamma(3.0, 5.0, 7)
        low, high = shift_interval(x, y) or (math.nan, math.nan)
        hits += low <= 7.0 <= high
    assert hits / trials > 0.95 - 3 * math.sqrt(0.95 * 0.05 / trials)


def test_interval_and_test_agree() -> None:
    rng = np.random.default_rng(9)
    for _ in range(60):
        x, y = rng.normal(1.5, 1.0, 8), rng.normal(0.0, 1.0, 8)
        low, high = shift_interval(x, y) or (math.nan, math.nan)
        assert (low > 0 or high < 0) == (stats.mannwhitneyu(x, y).pvalue <= 0.05)


def test_equal_latencies_have_a_shift_of_exactly_zero() -> None:
    c = compare(rows([40.0] * 6), rows([40.0] * 6))
    assert (c.shift_ms, c.ci95_ms, c.effect) == (0.0, (0.0, 0.0), 0.0)
    assert c.difference is Difference.SAME
