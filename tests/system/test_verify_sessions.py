"""Real sessions: libwebrtc over a clean and a lossy network on this machine, 6 s each."""

from __future__ import annotations

import pytest

from profiler.model import NetworkPhase, NetworkScenario
from profiler.networks import predict_playout
from profiler.verify import StackBench
from profiler.verify.bench import Measured
from profiler.verify.proofs import proofs
from profiler.verify.stack import StackSettings

pytestmark = pytest.mark.alone

SECONDS, SEED = 6.0, 4
CLEAN = NetworkScenario("clean", "clean", (NetworkPhase(delay_ms=20),), "test")
LOSSY = NetworkScenario(
    "lossy",
    "lossy",
    (NetworkPhase(delay_ms=20, loss_percent=15, jitter_ms=8, distribution="half_normal"),),
    "test",
)
PLAIN = StackSettings(frame_ms=20, bitrate_bps=32_000, fec=False, dtx=False)
FLOOR = StackSettings(frame_ms=20, floor_ms=150)
LONG = StackSettings(frame_ms=60, bitrate_bps=16_000, fec=False)
DOUBLE = StackSettings(frame_ms=20, red=True)
RUNS = {
    "plain": (PLAIN, CLEAN),
    "floor": (FLOOR, CLEAN),
    "long": (LONG, LOSSY),
    "double": (DOUBLE, LOSSY),
}


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    bench = StackBench()
    keys = {name: (*pair, SEED, SECONDS) for name, pair in RUNS.items()}
    bench.measure(keys.values())
    results = {name: bench.done[key] for name, key in keys.items()}
    busy = [r.why for r in results.values() if not isinstance(r, Measured)]
    if busy and all("too busy" in why for why in busy):
        pytest.skip(busy[0])
    assert not busy
    return {name: r for name, r in results.items() if isinstance(r, Measured)}


@pytest.mark.parametrize("name", RUNS)
def test_every_setting_and_loss_is_proven_in_force(measured: dict[str, Measured], name: str):
    found = proofs([measured[name].seen], *RUNS[name])
    assert [p.line for p in found if p.ok is False] == []


def test_a_clean_network_loses_nothing_and_sounds_good(measured: dict[str, Measured]):
    run = measured["plain"]
    assert run.seen.receiver_lost == run.seen.network_lost == 0
    assert run.values["pesq"] > 3.5
    assert run.values["stoi"] > 0.97


def test_the_receiver_misses_what_the_network_took(measured: dict[str, Measured]):
    seen = measured["long"].seen
    assert seen.receiver_lost > 0
    assert abs(seen.receiver_lost - seen.network_lost) <= 2
    assert seen.network_sent == pytest.approx(SECONDS * 1000 / 60, abs=3)


def test_redundancy_repairs_what_plain_packets_lose(measured: dict[str, Measured]):
    assert measured["double"].seen.receiver_lost > 0
    assert measured["double"].values["pesq"] > measured["long"].values["pesq"] + 0.5


def test_a_floor_is_kept_and_costs_what_it_says(measured: dict[str, Measured]):
    plain, floor = measured["plain"].values, measured["floor"].values
    assert floor["jitter_buffer_ms"] > 110
    assert floor["stack_delay_ms"] - plain["stack_delay_ms"] > 60


@pytest.mark.parametrize("name", ["plain", "floor"])
def test_the_delay_is_as_predicted(measured: dict[str, Measured], name: str):
    settings, scenario = RUNS[name]
    frame_ms = settings.frame_ms or 20
    playout_ms = predict_playout(scenario, frame_ms=frame_ms, min_ms=settings.floor_ms)[0]
    predicted = frame_ms + 6.5 + scenario.rtt_ms / 2 + playout_ms
    assert measured[name].values["stack_delay_ms"] == pytest.approx(predicted, abs=40)


def test_equal_runs_are_made_once(measured: dict[str, Measured]):
    bench = StackBench()
    bench.done[PLAIN, CLEAN, SEED, SECONDS] = measured["plain"]
    calls: list[tuple[int, int]] = []
    bench.measure([(PLAIN, CLEAN, SEED, SECONDS)] * 3, lambda *at: calls.append(at))
    assert calls == []
