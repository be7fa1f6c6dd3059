"""Real Chromium over a real PulseAudio loop, through the whole command: what the web probe owes.

The loop's own delay is not known beforehand and differs from session to session; what is known is
the delay between its two channels, from a plugin inside the sound server.
"""

from __future__ import annotations

import os
import signal
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench_stores import measured
from web_loops import WebLoop, web_loop

from db import queries
from db.store import Store
from device_probes.driver import Capture, Play
from device_probes.web.bench import WebBench
from device_probes.web.driver import FreshWebDriver
from device_probes.web.server import PageServer
from profiler.analysis import analyze
from profiler.errors import ChirpbenchError, ProbeRefused
from profiler.model import Estimate, StimulusSpec, TrialRequest
from profiler.stimulus import make_train
from profiler.summary import summarise
from profiler.wav import Audio

pytestmark = [
    pytest.mark.alone,
    pytest.mark.needs_apt("chromium", "chromium"),
    pytest.mark.needs_apt("pulseaudio", "pulseaudio"),
    pytest.mark.needs_apt("pulseaudio-utils", "pactl"),
    pytest.mark.timeout(400),
]

SESSIONS, MEASURED = 14, 10
"""A busy machine tears some sessions; those are stored too, and their verdict says so."""
WITHIN_SD_MS = 0.05
CHANNELS_ERROR_MS = 0.1
LATE_FRAMES = (480, 4807)
BENCH = f"""
name = "web loop"
suite = "smoke"
repeats = {SESSIONS}

[timeouts]
retries = 2
retry_wait_s = 0.2
"""


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebLoop]:
    with web_loop(tmp_path_factory.mktemp("wl")) as started:
        yield started


@pytest.fixture(scope="module")
def store(loop: WebLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store after ``chirpbench run --probe web``."""
    with measured(tmp_path_factory.mktemp("bench"), "web", BENCH, loop.env) as opened:
        yield opened


def sessions(store: Store) -> list[tuple[float, Estimate]]:
    """(reported latency in ms, estimate) of each session of L1 that has a number."""
    found = []
    for trial in queries.trials(store, queries.Filter(test_ids=("L1",))):
        if trial.estimate is not None and trial.estimate.valid:
            assert trial.report is not None
            assert trial.request.path.api == "web_audio"
            reported = trial.report.reported_output_latency_ms
            assert reported is not None
            found.append((reported, trial.estimate))
    return found


def test_ten_sessions_repeat_within_themselves(store: Store) -> None:
    steady = [e for _, e in sessions(store) if not e.jumps and not e.dropouts]
    assert len(steady) >= MEASURED
    for estimate in steady:
        assert statistics.stdev(estimate.per_chirp_ms) <= WITHIN_SD_MS


def test_the_spread_between_sessions_is_shown_apart(store: Store) -> None:
    latencies = [e.round_trip_latency_ms for _, e in sessions(store)]
    assert max(latencies) - min(latencies) > 1, "equal sessions: are they fresh ones?"
    (result,) = queries.results(store, queries.Filter(test_ids=("L1",)))
    numbers = {m.name: m.value for m in result.measurements}
    assert numbers["rtl_ms"] == pytest.approx(statistics.median(latencies), abs=1e-3)
    assert numbers["rtl_max_ms"] - numbers["rtl_min_ms"] == pytest.approx(
        max(latencies) - min(latencies), abs=1e-3
    )
    assert numbers["within_sd_ms"] <= WITHIN_SD_MS
    (summary,) = summarise(queries.sessions(store, queries.Filter(test_ids=("L1",))))
    assert summary.sessions >= MEASURED
    assert summary.between_session_sd_ms > 10 * summary.within_session_sd_ms
    assert not summary.is_virtual
    assert summary.model_key.model.endswith("(Chromium)")


def test_reported_output_latency_stands_beside_the_measured(store: Store) -> None:
    for reported_ms, estimate in sessions(store):
        assert 1 < reported_ms < estimate.round_trip_latency_ms
    (result,) = queries.results(store, queries.Filter(test_ids=("L3",)))
    assert any("reported" in m.name for m in result.measurements), result


@contextmanager
def chromium(loop: WebLoop) -> Iterator[FreshWebDriver]:
    """A connected Chromium that plays and records through ``loop``."""
    server = PageServer()
    server.start()
    driver = WebBench(server).local(env=loop.env)
    try:
        driver.connect()
        yield driver
    finally:
        driver.close()
        server.close()


def stereo(driver: FreshWebDriver, train: StimulusSpec) -> Capture:
    """One session that records both channels, with the buffers of music: fewer tears."""
    request = TrialRequest(
        api="web_audio",
        performance_mode="power_saving",
        input_channels=2,
        output_channels=2,
        duration_s=train.duration_s + 1.0,
    )
    return driver.run(request, [Play(train)], lambda _progress: None)


def latency_ms(capture: Capture, channel: int, train: StimulusSpec) -> float | None:
    """Of a session that did not jump: before and after a jump are two latencies."""
    samples = capture.audio.samples[:, channel : channel + 1]
    estimate = analyze(Audio(samples, capture.audio.rate_hz), train)
    return None if estimate.jumps else estimate.round_trip_latency_ms


@pytest.mark.needs_apt("ladspa-sdk", "/usr/include/ladspa.h")
@pytest.mark.needs_apt("gcc", "gcc")
@pytest.mark.parametrize("late_frames", LATE_FRAMES)
def test_a_known_delay_is_found_as_a_difference(tmp_path: Path, late_frames: int) -> None:
    """Truth: the plugin's frames at 48 kHz; 0.1 ms, in every session that does not jump."""
    train = make_train(17, chirps=6, chirp_s=0.1)
    found = []
    with web_loop(tmp_path, right_late_frames=late_frames) as late, chromium(late) as driver:
        for _ in range(6):
            capture = stereo(driver, train)
            left, right = (latency_ms(capture, channel, train) for channel in (0, 1))
            if left is not None and right is not None:
                found.append(right - left)
    assert len(found) >= 3, "the machine tore nearly every session: nothing was shown"
    assert found == pytest.approx([late_frames / 48] * len(found), abs=CHANNELS_ERROR_MS)


def test_the_sound_goes_where_the_route_says(loop: WebLoop) -> None:
    """A second output that the microphone does not hear: through it nothing comes back."""
    loop.server.pactl(
        "load-module", "module-null-sink", "sink_name=bt",
        "sink_properties=device.description=Bluetooth",
    )  # fmt: skip
    train = make_train(9, chirps=4, chirp_s=0.1)
    heard, routes = {}, {}
    with chromium(loop) as driver:
        for route in ("bluetooth_a2dp", "speaker"):
            request = TrialRequest(
                api="web_audio",
                route=route,
                performance_mode="power_saving",
                duration_s=train.duration_s + 1.0,
            )
            capture = driver.run(request, [Play(train)], lambda _progress: None)
            heard[route] = float(np.abs(capture.audio.samples).max())
            routes[route] = capture.report.output.route
        with pytest.raises(ProbeRefused, match="no such device: earpiece"):
            driver.run(replace(request, route="earpiece"), [Play(train)], lambda _progress: None)
    assert "Bluetooth" in routes["bluetooth_a2dp"]
    assert "Bluetooth" not in routes["speaker"]
    assert heard["bluetooth_a2dp"] < 0.001 < 0.1 < heard["speaker"]


def test_a_stalled_sound_server_is_a_clear_error_and_the_page_recovers(loop: WebLoop) -> None:
    train = make_train(3, chirps=4, chirp_s=0.2)
    request = TrialRequest(api="web_audio", duration_s=15.0)
    pid = loop.server.process.pid
    freeze = threading.Timer(2.5, os.kill, (pid, signal.SIGSTOP))
    with chromium(loop) as driver:
        try:
            freeze.start()
            with pytest.raises(ChirpbenchError) as caught:
                driver.run(request, [Play(train)], lambda _progress: None)
            assert "chromium" in str(caught.value).lower()
        finally:
            freeze.cancel()
            os.kill(pid, signal.SIGCONT)
        driver.restart()
        assert stereo(driver, train).audio.frames > 0
