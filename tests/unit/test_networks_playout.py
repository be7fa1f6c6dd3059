"""The jitter buffer as it is predicted: limits, loss, jitter, and the same answer every time."""

from __future__ import annotations

import math

import pytest

from profiler.model import NetworkPhase, NetworkScenario
from profiler.networks import load_networks, predict_playout
from profiler.networks.neteq import START_DELAY_MS, Arrivals, Histogram, Limits, TargetDelay


def net(**phase: float | str) -> NetworkScenario:
    return NetworkScenario("n", "n", (NetworkPhase(**phase),), "test")  # type: ignore[arg-type]


CLEAN = net(delay_ms=20)


def mean_ms(scenario: NetworkScenario, **settings) -> float:
    return predict_playout(scenario, **{"frame_ms": 20, **settings})[0]


def test_a_clean_network_costs_one_to_two_packets():
    mean, low, high, late = predict_playout(CLEAN, frame_ms=20)
    assert 20 <= mean <= 45
    assert low <= mean <= high
    assert late == 0


def test_equal_questions_have_equal_answers():
    lossy = load_networks()["lossy"]
    assert predict_playout(lossy, frame_ms=20) == predict_playout(lossy, frame_ms=20)


def test_a_way_without_jitter_adds_nothing_to_the_buffer():
    assert mean_ms(net(delay_ms=200)) == pytest.approx(mean_ms(CLEAN), abs=0.5)


def test_more_jitter_costs_more():
    found = [mean_ms(net(delay_ms=100, jitter_ms=j, distribution="half_normal"))
             for j in (0, 10, 30, 60)]  # fmt: skip
    assert found == sorted(found)
    assert found[-1] > found[0] + 60


@pytest.mark.parametrize("name", ["min_ms", "target_ms"])
def test_a_floor_is_a_floor(name: str):
    assert mean_ms(CLEAN, **{name: 150}) == pytest.approx(150, abs=15)
    assert mean_ms(net(jitter_ms=60, delay_ms=200), **{name: 40}) > 60


def test_a_ceiling_cuts_and_pays_with_late_packets():
    wild = net(delay_ms=100, jitter_ms=50, distribution="pareto")
    free = predict_playout(wild, frame_ms=20)
    cut = predict_playout(wild, frame_ms=20, max_ms=40)
    assert cut[0] < free[0] - 20
    assert cut[3] > free[3]


def test_a_ceiling_that_is_never_met_changes_nothing():
    lossy = load_networks()["lossy"]
    free = predict_playout(lossy, frame_ms=20)
    assert predict_playout(lossy, frame_ms=20, max_ms=900) == free
    assert predict_playout(lossy, frame_ms=20, max_ms=1234) == free


def test_copies_make_the_buffer_wait_for_them():
    lossy = net(delay_ms=40, loss_percent=15)
    assert mean_ms(lossy, red=True) > mean_ms(lossy) + 5


def test_a_narrow_link_costs_what_its_queue_holds():
    narrow = net(delay_ms=40, rate_kbps=50, queue_packets=10)
    assert mean_ms(narrow) > mean_ms(net(delay_ms=40)) + 30
    assert mean_ms(narrow, bitrate_bps=16_000) < mean_ms(narrow) - 30


def test_nothing_that_arrives_has_no_delay():
    mean, low, high, late = predict_playout(net(loss_percent=100), frame_ms=20)
    assert all(map(math.isnan, (mean, low, high)))
    assert late == 1


@pytest.mark.parametrize("frame_ms", [10, 20, 60, 120])
def test_every_built_in_network_can_be_predicted(frame_ms: int):
    for scenario in load_networks().values():
        mean, low, high, late = predict_playout(scenario, frame_ms=frame_ms, seeds=(1, 2))
        assert low <= mean <= high < 1000
        assert 0 <= late <= 0.5


def test_a_histogram_forgets_quickly_at_first():
    histogram = Histogram(0.983)
    for index in (9, 9, 0):
        histogram.add(index)
    assert sum(histogram.buckets) == pytest.approx(1)
    assert histogram.buckets[0] == pytest.approx(2 / 3)
    for _ in range(300):
        histogram.add(0)
    assert histogram.quantile(0.95) == 0


def test_the_target_starts_high_and_follows_the_slowest_of_half_a_second():
    target = TargetDelay()
    assert target.ms == START_DELAY_MS
    for k in range(100):
        target.update(0 if k % 10 else 45, False, k * 20)
    assert target.ms == 60


def test_packets_that_are_overtaken_raise_the_target_by_their_cost():
    target = TargetDelay()
    for k in range(400):
        target.update(120 if k % 5 == 0 else 0, k % 5 == 0, k * 20)
    assert target.ms >= 120


def test_delays_are_counted_from_the_fastest_of_two_seconds():
    arrivals = Arrivals(20)
    assert arrivals.insert(0, 100) is None
    assert arrivals.insert(20, 150) == (30, False)
    assert arrivals.insert(60, 160) == (0, False)
    assert arrivals.insert(40, 170) == (30, True)
    assert arrivals.insert(40, 180) is None  # a copy teaches nothing
    assert arrivals.spread_ms == 30
    for k in range(4, 120):
        arrivals.insert(k * 20, k * 20 + 200)
    assert arrivals.spread_ms == 0
    assert arrivals.delay_ms(119 * 20, 119 * 20 + 250) == 50


def test_limits_are_floor_ceiling_and_capacity():
    assert Limits(40, 0, 20).clamp(20) == 40
    assert Limits(0, 100, 20).clamp(400) == 100
    assert Limits(0, 0, 10).clamp(5000) == 0.75 * 200 * 10
