"""Packets meet what the scenario says: loss, bursts, jitter, rate, order; seeds repeat them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from profiler.model import NetworkPhase, NetworkScenario
from profiler.networks import PacketChannel, load_networks
from profiler.networks.channel import deviation

PACKETS = 20_000
STEP_S = 0.02
SIZE = 130


def scenario(*phases: NetworkPhase) -> NetworkScenario:
    return NetworkScenario("under-test", "under test", phases or (NetworkPhase(),), "test")


def run(
    wanted: NetworkScenario, seed: int = 7, packets: int = PACKETS, step_s: float = STEP_S
) -> list[tuple[float, ...]]:
    channel = PacketChannel(wanted, seed)
    return [channel.send(k * step_s, SIZE) for k in range(packets)]


def lost(arrivals: list[tuple[float, ...]]) -> np.ndarray:
    return np.array([not a for a in arrivals])


def delays_ms(arrivals: list[tuple[float, ...]], step_s: float = STEP_S) -> np.ndarray:
    return np.array([1000 * (a[0] - k * step_s) for k, a in enumerate(arrivals) if a])


def bursts(missing: np.ndarray) -> np.ndarray:
    edges = np.diff(np.concatenate(([0], missing.astype(int), [0])))
    return np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)


def test_a_clean_network_adds_its_delay_and_nothing_else():
    assert np.allclose(delays_ms(run(scenario(NetworkPhase(delay_ms=35)), packets=500)), 35)


@pytest.mark.parametrize("percent", [1.0, 10.0, 40.0])
def test_independent_loss_is_as_asked_and_single(percent: float):
    missing = lost(run(scenario(NetworkPhase(loss_percent=percent))))
    share = percent / 100
    assert missing.mean() == pytest.approx(share, abs=4 * (share * (1 - share) / PACKETS) ** 0.5)
    assert bursts(missing).mean() == pytest.approx(1 / (1 - percent / 100), rel=0.1)


@pytest.mark.parametrize(("enter", "leave"), [(3.0, 25.0), (6.0, 50.0), (11.0, 25.0)])
def test_gilbert_loss_has_its_mean_and_its_burst_length(enter: float, leave: float):
    phase = NetworkPhase(burst_enter_percent=enter, burst_leave_percent=leave)
    missing = lost(run(scenario(phase)))
    assert missing.mean() == pytest.approx(enter / (enter + leave), rel=0.1)
    assert bursts(missing).mean() == pytest.approx(100 / leave, rel=0.1)


@pytest.mark.parametrize("distribution", ["normal", "half_normal", "pareto", "uniform"])
@pytest.mark.parametrize("correlation", [0.0, 50.0])
def test_jitter_has_the_asked_deviation_and_correlation(distribution: str, correlation: float):
    phase = NetworkPhase(
        delay_ms=500, jitter_ms=20, distribution=distribution, correlation_percent=correlation
    )
    late = delays_ms(run(scenario(phase)))
    assert late.std() == pytest.approx(20, rel=0.06)
    if distribution == "half_normal":
        assert late.min() >= 500
    else:
        assert late.mean() == pytest.approx(500, abs=1)
    neighbours = np.corrcoef(late[:-1], late[1:])[0, 1]
    # Of the normal numbers behind it; a skewed distribution shows less of it.
    assert neighbours == pytest.approx(correlation / 100, abs=0.12)


@pytest.mark.parametrize("distribution", ["normal", "half_normal", "pareto", "uniform"])
def test_every_distribution_has_unit_deviation_and_rises(distribution: str):
    at = (np.arange(40_000) + 0.5) / 40_000
    values = np.array([deviation(distribution, die) for die in at])
    assert values.std() == pytest.approx(1, rel=0.01)
    assert np.all(np.diff(values) >= 0)


def test_no_packet_arrives_before_it_was_sent():
    late = delays_ms(run(scenario(NetworkPhase(delay_ms=10, jitter_ms=50)), packets=3000))
    assert late.min() == 0


def test_duplicates_and_overtaking_are_as_often_as_asked():
    phase = NetworkPhase(delay_ms=100, duplicate_percent=2, reorder_percent=5)
    arrivals = run(scenario(phase))
    assert np.mean([len(a) == 2 for a in arrivals]) == pytest.approx(0.02, rel=0.2)
    assert np.mean(delays_ms(arrivals) < 1) == pytest.approx(0.05, rel=0.2)


def test_a_rate_spaces_packets_and_its_queue_overflows():
    # 130 bytes at 52 kbps take 20 ms: as fast as they come.
    assert delays_ms(run(scenario(NetworkPhase(rate_kbps=52)), packets=400)).max() < 20.1
    arrivals = run(scenario(NetworkPhase(rate_kbps=26, queue_packets=5)), packets=2000)
    assert lost(arrivals).mean() == pytest.approx(0.5, abs=0.02)
    assert delays_ms(arrivals).max() == pytest.approx(6 * 40, abs=45)
    gaps = np.diff([a[0] for a in arrivals if a])
    assert gaps.min() == pytest.approx(0.04, abs=1e-6)


def test_phases_change_the_network_on_time():
    wanted = scenario(NetworkPhase(delay_ms=10), NetworkPhase(begin_s=4, delay_ms=90))
    late = delays_ms(run(wanted, packets=400))
    assert np.allclose(late[:200], 10)
    assert np.allclose(late[200:], 90)


def test_equal_seeds_give_equal_fates_and_others_do_not():
    wanted = load_networks()["international"]
    assert run(wanted, seed=3, packets=2000) == run(wanted, seed=3, packets=2000)
    assert run(wanted, seed=3, packets=2000) != run(wanted, seed=4, packets=2000)


def test_a_packets_loss_does_not_depend_on_when_and_how_large_it_is():
    wanted = scenario(NetworkPhase(loss_percent=10, burst_enter_percent=5, burst_leave_percent=50))
    slow, quick = run(wanted, packets=2000), run(wanted, packets=2000, step_s=0.06)
    assert np.array_equal(lost(slow), lost(quick))


@pytest.mark.parametrize("name", sorted(load_networks()))
def test_every_built_in_network_does_what_its_numbers_say(name: str):
    wanted = load_networks()[name]
    for phase in wanted.phases:
        alone = replace(wanted, phases=(replace(phase, begin_s=0.0),))
        arrivals = run(alone, packets=8000)
        bad = phase.burst_enter_percent / (phase.burst_enter_percent + phase.burst_leave_percent)
        loss = 1 - (1 - bad) * (1 - phase.loss_percent / 100)
        assert lost(arrivals).mean() == pytest.approx(loss, abs=0.02)
        if phase.jitter_ms and not phase.reorder_percent:
            assert delays_ms(arrivals).std() == pytest.approx(phase.jitter_ms, rel=0.1)
