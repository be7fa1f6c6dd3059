"""Short sweeps while the canceller works: a right number or none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exchange_sim import random_burst_scene, simulate_burst

from profiler.analysis.exchange import measure_burst
from profiler.analysis.takes import Take, read_take
from profiler.errors import InputError
from profiler.model import TrialSetup, Verdict
from profiler.stimulus import tone
from profiler.wav import Audio, mono_audio


@pytest.mark.parametrize(("latency_s", "effects"), [(0.65, "aec"), (0.7, "aec+ns+agc")])
def test_a_long_echo_path_is_measured(latency_s: float, effects: str) -> None:
    scene = random_burst_scene(3_100_002, effects=effects)
    scene = replace(scene, way=replace(scene.way, latency_s=latency_s))
    audio, truth_s = simulate_burst(scene)
    e = measure_burst(audio, scene.spec)
    assert e.round_trip_latency_ms == pytest.approx(1000 * truth_s, abs=0.2)


@pytest.mark.parametrize("effects", ["aec", "aec+ns+agc"])
@pytest.mark.parametrize("latency_s", [0.03, 0.09])
def test_a_cancelled_burst_is_no_number(latency_s: float, effects: str) -> None:
    scene = random_burst_scene(3_100_003, effects=effects)
    scene = replace(scene, way=replace(scene.way, latency_s=latency_s))
    e = measure_burst(simulate_burst(scene)[0], scene.spec)
    assert (e.valid, e.round_trip_latency_ms, e.verdict) == (False, None, Verdict.NOT_MEASURABLE)
    assert e.reasons[0] == "aec_suppressed"


@pytest.mark.parametrize("seed", [3_100_010, 3_100_011, 3_100_012, 3_100_013])
def test_any_delay_is_right_or_refused(seed: int) -> None:
    scene = random_burst_scene(seed)
    audio, truth_s = simulate_burst(scene)
    e = measure_burst(audio, scene.spec)
    assert not e.valid or e.round_trip_latency_ms == pytest.approx(1000 * truth_s, abs=1.0)


def test_without_processing_a_burst_is_a_plain_measurement() -> None:
    scene = random_burst_scene(3_100_003, effects="")
    audio, truth_s = simulate_burst(scene)
    e = measure_burst(audio, scene.spec)
    assert e.verdict is Verdict.PASS
    assert e.round_trip_latency_ms == pytest.approx(1000 * truth_s, abs=0.2)


def test_odd_recordings_never_raise() -> None:
    spec = random_burst_scene(1).spec
    rng = np.random.default_rng(1)
    frames = round(spec.duration_s * 48_000)
    for samples, reason in (
        (np.zeros(frames), "silent_capture"),
        (np.full(frames, np.nan), "non_finite"),
        (0.1 * rng.standard_normal(4800), "too_short"),
        (0.1 * rng.standard_normal(frames), "aec_suppressed"),
        (np.full(frames, 0.5), "aec_suppressed"),
    ):
        e = measure_burst(mono_audio(samples, 48_000), spec)
        assert e.reasons[0] == reason
        assert e.round_trip_latency_ms is None


def test_the_door_reads_bursts_only_from_sweeps() -> None:
    scene = random_burst_scene(3_100_003, effects="")
    audio, _ = simulate_burst(scene)
    reading = read_take(Take(audio, scene.spec, TrialSetup("burst")))
    assert reading.estimate == measure_burst(audio, scene.spec)
    with pytest.raises(InputError):
        read_take(Take(Audio(audio.samples, 48_000), tone(48_000, 1.0), TrialSetup("burst")))
