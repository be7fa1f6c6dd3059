"""PulseAudio's null sink through the real host probe, ALSA and PortAudio included.

Its latency is not known beforehand: it differs from open to open. What is checked is that the
command measures and stores it, keeps the spread between opens, and shows the reported latency
beside the measured one.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from audio_servers import PulseServer, probes_running, pulse_server
from bench_stores import measured
from scipy.signal import correlate

from db import queries
from db.store import Store
from device_probes.driver import Play
from device_probes.host.driver import HostDriver, discover
from profiler.errors import DeviceTimeout
from profiler.model import StimulusSpec, TrialRequest
from profiler.stimulus import make_train, render
from profiler.summary import summarise
from profiler.wav import Audio

pytestmark = [
    pytest.mark.alone,
    pytest.mark.needs_apt("pulseaudio", "pulseaudio"),
    pytest.mark.needs_apt("pulseaudio-utils", "pactl"),
    pytest.mark.needs_apt(
        "libasound2-plugins", "/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so"
    ),
    pytest.mark.needs_apt("libportaudio2", "lib:portaudio"),
    pytest.mark.timeout(400),
]

OPENS = 14
MEASURED = 10
"""A busy machine tears some streams; those are stored too, with a reason instead of a number."""
BENCH = f"""
name = "null sink"
suite = "smoke"
repeats = {OPENS}
rates_hz = [48000]
buffer_frames = [1024]

[timeouts]
retries = 2
retry_wait_s = 0.2
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseServer]:
    with pulse_server(tmp_path_factory.mktemp("pa")) as started:
        yield started


@pytest.fixture(scope="module")
def store(server: PulseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store after ``chirpbench run --probe host``."""
    with measured(tmp_path_factory.mktemp("bench"), "host", BENCH, server.env) as opened:
        yield opened


def plain_latency_frames(audio: Audio, spec: StimulusSpec) -> int:
    """The plainest estimator there is: where the correlation with the whole train is largest."""
    train = render(spec, audio.rate_hz)
    matched = np.abs(correlate(audio.samples[:, 0], train, mode="full", method="fft"))
    return int(np.argmax(matched)) - (train.size - 1)


def test_ten_opens_are_stored_with_evidence_and_the_reported_latency(store: Store) -> None:
    trials = queries.trials(store, queries.Filter(test_ids=("L1",)))
    assert len({t.index for t in trials}) == OPENS
    valid = [t for t in trials if t.estimate is not None and t.estimate.valid]
    assert len(valid) >= MEASURED, [t.reasons for t in trials]
    for trial in valid:
        assert trial.report is not None
        assert trial.recording is not None
        assert trial.stimulus is not None
        assert trial.estimate is not None
        reported = trial.report.reported_latency_ms
        assert reported is not None
        assert 5 < reported < 500
        latency = trial.estimate.round_trip_latency_ms
        assert latency is not None
        audio = store.evidence.load(trial.recording)
        assert audio.frames == round(trial.request.duration_s * 48_000)
        if not trial.estimate.jumps and not trial.estimate.dropouts:
            assert latency * 48 == pytest.approx(
                plain_latency_frames(audio, trial.stimulus), abs=1.0
            )


def test_the_spread_between_opens_is_kept_apart(store: Store) -> None:
    sessions = queries.sessions(store, queries.Filter(test_ids=("L1",)))
    assert len(sessions) >= MEASURED
    (result,) = queries.results(store, queries.Filter(test_ids=("L1",)))
    numbers = {m.name: m.value for m in result.measurements}
    latencies = [
        t.estimate.round_trip_latency_ms
        for t in queries.trials(store, queries.Filter(test_ids=("L1",)))
        if t.estimate is not None and t.estimate.round_trip_latency_ms is not None
    ]
    assert numbers["rtl_ms"] == pytest.approx(float(np.median(latencies)), abs=1e-3)
    assert numbers["rtl_min_ms"] == pytest.approx(min(latencies), abs=1e-3)
    assert numbers["rtl_max_ms"] == pytest.approx(max(latencies), abs=1e-3)
    (summary,) = summarise(sessions)
    assert summary.sessions >= MEASURED
    assert summary.between_session_sd_ms is not None
    assert summary.within_session_sd_ms is not None
    assert not summary.is_virtual


def test_reported_and_measured_are_compared(store: Store) -> None:
    (result,) = queries.results(store, queries.Filter(test_ids=("L3",)))
    assert any(m.name.startswith("reported_minus_measured_ms") for m in result.measurements)


def test_a_stalled_sound_server_ends_in_a_timeout_and_the_probe_recovers(
    server: PulseServer,
) -> None:
    train = make_train(3, chirps=4, chirp_s=0.2)
    request = TrialRequest(warmup_s=0.5, duration_s=20.0)
    driver = HostDriver(discover(server.env)[0], env=server.env)
    freeze = threading.Timer(2.0, os.kill, (server.process.pid, signal.SIGSTOP))
    try:
        driver.connect()
        freeze.start()
        with pytest.raises(DeviceTimeout, match="stopped calling back at"):
            driver.run(request, [Play(train)], lambda _progress: None)
        freeze.join()
        os.kill(server.process.pid, signal.SIGCONT)
        assert driver.connect().raw["host_api"] == "alsa"
    finally:
        freeze.cancel()
        os.kill(server.process.pid, signal.SIGCONT)
        driver.close()
    assert probes_running() == []
