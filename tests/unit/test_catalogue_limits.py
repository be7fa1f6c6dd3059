"""The table of thresholds at its edges, and the bounds the verdicts rest on."""

from __future__ import annotations

import random

import pytest

from profiler.catalogue import LIMITS, Limit
from profiler.catalogue.limits import (
    Bounded,
    exact,
    grade,
    mad,
    mad_bounds,
    median_bounds,
    median_sigma,
    normal,
    normal_magnitude,
    rate_bounds,
)
from profiler.model import Reason, Verdict

PASS, MARGINAL, FAIL = Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL

EDGES = [
    ("L1", "rtl_ms", [(50.0, PASS), (50.001, MARGINAL), (120.0, MARGINAL), (120.001, FAIL)]),
    ("L1", "rtl_mad_ms", [(5.0, PASS), (5.001, MARGINAL), (10.0, MARGINAL), (10.001, FAIL)]),
    ("L3", "reported_diff_ms", [(2.0, PASS), (2.001, MARGINAL), (30.0, MARGINAL), (30.01, FAIL)]),
    ("L4", "wander_pp_ms", [(10.0, PASS), (10.001, MARGINAL), (40.0, MARGINAL), (40.001, FAIL)]),
    ("L5", "skew_ppm", [(49.999, PASS), (50.0, MARGINAL), (200.0, MARGINAL), (200.001, FAIL)]),
    ("D1", "zero_run_ms", [(19.999, PASS), (20.0, MARGINAL), (99.999, MARGINAL), (100.0, FAIL)]),
]


@pytest.mark.parametrize(("test_id", "quantity", "edges"), EDGES)
def test_edges(test_id: str, quantity: str, edges: list[tuple[float, Verdict]]) -> None:
    for value, verdict in edges:
        got, reasons = grade(test_id, quantity, exact(value))
        assert (value, got) == (value, verdict)
        assert bool(reasons) == (verdict is not PASS)


@pytest.mark.parametrize("row", LIMITS.values(), ids=lambda r: f"{r.test_id}-{r.quantity}")
def test_both_edges_of_every_limit(row: Limit) -> None:
    worse = -1e-6 if row.larger_is_better else 1e-6
    expected = [
        (row.pass_limit - worse, PASS),
        (row.pass_limit, PASS if row.pass_includes else MARGINAL),
        (row.pass_limit + worse, MARGINAL),
        (row.fail_limit - worse, MARGINAL),
        (row.fail_limit, FAIL if row.fail_includes else MARGINAL),
        (row.fail_limit + worse, FAIL),
    ]
    got = [(v, grade(row.test_id, row.quantity, exact(v))[0]) for v, _ in expected]
    assert got == expected


def test_every_limit_has_a_unit_and_a_source() -> None:
    for row in LIMITS.values():
        assert (row.pass_limit < row.fail_limit) is not row.larger_is_better
        assert row.unit
        assert row.pass_source
        assert row.fail_source
        assert isinstance(row.reason, Reason)


def test_the_bound_decides_and_not_the_value() -> None:
    assert grade("L1", "rtl_ms", Bounded(40.0, 30.0, 51.0))[0] is MARGINAL
    assert grade("L1", "rtl_ms", Bounded(130.0, 119.0, 140.0))[0] is MARGINAL
    assert grade("L1", "rtl_ms", Bounded(130.0, 121.0, 140.0))[0] is FAIL
    assert grade("L5", "skew_ppm", normal_magnitude(-45.0, 10.0))[0] is MARGINAL
    assert grade("L5", "skew_ppm", normal_magnitude(-45.0, 1.0))[0] is PASS


def test_median_bounds_are_the_extremes_of_five_and_inner_ranks_of_more() -> None:
    assert median_bounds([5.0, 1.0, 4.0, 2.0, 3.0]) == Bounded(3.0, 1.0, 5.0)
    # P(Bin(8, 1/2) <= 1) = 9/256 = 3.5 %, P(Bin(8, 1/2) <= 2) = 14 %
    assert median_bounds([float(i) for i in range(1, 9)]) == Bounded(4.5, 2.0, 7.0)
    with pytest.raises(ValueError, match="4 values"):
        median_bounds([1.0, 2.0, 3.0, 4.0])


def test_median_bounds_cover_the_median() -> None:
    rng = random.Random(1)
    above = sum(
        median_bounds([rng.expovariate(1.0) for _ in range(9)]).high >= 0.6931 for _ in range(2000)
    )
    assert above / 2000 > 0.94


def test_mad_bounds_widen_what_five_opens_cannot_prove() -> None:
    values = [10.0, 12.0, 14.0, 16.0, 18.0]
    assert mad(values) == 2.0
    bounded = mad_bounds(values)
    # chi-square with 4 degrees of freedom: 5 % 0.711, 95 % 9.488
    assert bounded.high == pytest.approx(2.0 * (4 / 0.710723) ** 0.5, rel=1e-4)
    assert bounded.low == pytest.approx(2.0 * (4 / 9.487729) ** 0.5, rel=1e-4)
    with pytest.raises(ValueError, match="2 values"):
        mad_bounds([1.0, 2.0])


def test_normal_bounds() -> None:
    assert normal(3.0, 1.0) == Bounded(3.0, 3.0 - 1.645, 3.0 + 1.645)
    assert normal_magnitude(-1.0, 1.0) == Bounded(1.0, 0.0, 2.645)


def test_the_methods_own_error_stays_in_the_median() -> None:
    assert median_sigma([7.0] * 5, 0.25) == 0.25


def test_rate_bounds_are_the_rule_of_three_and_the_exact_poisson_interval() -> None:
    assert rate_bounds(0, 1.0).high == pytest.approx(2.9957, abs=1e-4)
    assert rate_bounds(0, 6.0).high == pytest.approx(0.4993, abs=1e-4)
    # Garwood's table, 90 % two-sided: 1 event 0.0513 to 4.744, 10 events 5.425 to 16.962
    assert rate_bounds(1, 1.0).low == pytest.approx(0.0513, abs=1e-4)
    assert rate_bounds(10, 2.0).high == pytest.approx(16.962 / 2, abs=1e-3)
    assert rate_bounds(10, 2.0).low == pytest.approx(5.425 / 2, abs=1e-3)
    with pytest.raises(ValueError, match="prove nothing"):
        rate_bounds(0, 0.0)
