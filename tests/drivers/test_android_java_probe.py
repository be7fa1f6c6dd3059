"""The host's ProbeClient against the app's own Java code, running in a JVM."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import android_java
import numpy as np
import pytest

from device_probes.client import Deadlines, ProbeClient
from device_probes.driver import Play, Progress
from device_probes.protocol import MAX_PROGRESS_PER_S, PROTOCOL_VERSION
from profiler import __version__
from profiler.analysis import analyze
from profiler.errors import DeviceLost, ProbeRefused
from profiler.model import CodecRequest, EffectState, Platform, TrialRequest, Verdict
from profiler.stimulus import make_train, render

pytestmark = [pytest.mark.needs_apt(*android_java.JDK), pytest.mark.timeout(180)]

DELAY_FRAMES = 2357
RATE_HZ = 48_000
SPEC = make_train(11, chirps=4)
SECONDS = 4.5
TOLERANCE_MS = 0.5 * 1000 / RATE_HZ
"""Half a frame, the bug limit of docs/add-a-probe.md; the loopback itself is exact."""


@pytest.fixture(scope="module")
def probe() -> Iterator[android_java.JavaProbe]:
    """One JVM for all: it takes seconds to start."""
    android_java.require_jars()
    build = {"MANUFACTURER": "ACME", "MODEL": "Robot\u202e 1", "HARDWARE": "acme9000"}
    with android_java.JavaProbe(delay_frames=DELAY_FRAMES, build=build) as running:
        yield running


@pytest.fixture(scope="module")
def slow_probe() -> Iterator[android_java.JavaProbe]:
    """Its clock is the real one: a trial takes as long as it says."""
    android_java.require_jars()
    with android_java.JavaProbe(delay_frames=DELAY_FRAMES, realtime=True) as running:
        yield running


def client(probe: android_java.JavaProbe, **changes: object) -> ProbeClient:
    made = ProbeClient(probe.connect(), "java", token=android_java.TOKEN, **changes)  # type: ignore[arg-type]
    assert made.handshake() == __version__
    return made


@pytest.fixture
def host(probe: android_java.JavaProbe) -> Iterator[ProbeClient]:
    """A connected client."""
    made = client(probe)
    yield made
    made.close()


@pytest.fixture
def slow_host(slow_probe: android_java.JavaProbe) -> Iterator[ProbeClient]:
    """A connected client of the probe in real time."""
    made = client(slow_probe)
    yield made
    made.close()


def request(**changes: object) -> TrialRequest:
    return TrialRequest(
        **{"api": "java", "warmup_s": 0.2, "duration_s": SECONDS, "route": "speaker", **changes}  # type: ignore[arg-type]
    )


def ignore(_: Progress) -> None:
    """Nobody looks."""


def refused(made: ProbeClient, code: str, **changes: object) -> ProbeRefused:
    with pytest.raises(ProbeRefused) as caught:
        made.run(request(**changes), (), ignore)
    assert caught.value.code == code, caught.value
    return caught.value


def test_versions_agree() -> None:
    limits = (android_java.MAIN / "org/chirpbench/probe/Limits.java").read_text("utf-8")
    assert f"PROTOCOL = {PROTOCOL_VERSION};" in limits


def test_facts(host: ProbeClient) -> None:
    facts = host.facts()
    assert facts.platform is Platform.ANDROID
    assert (facts.manufacturer, facts.model) == ("ACME", "Robot\ufffd 1")
    assert facts.api_level == 34
    assert facts.soc == "acme9000"
    assert not facts.is_virtual
    assert not facts.is_emulator
    assert facts.collected_at is not None
    assert facts.raw["output.0"].startswith("speaker (")
    assert "not loaded" in facts.raw["aaudio"]


@pytest.mark.parametrize("warmup_s", [0.0, 0.2])
def test_the_analysis_finds_the_injected_delay(host: ProbeClient, warmup_s: float) -> None:
    stages: list[str] = []
    capture = host.run(
        request(warmup_s=warmup_s), (Play(SPEC),), lambda event: stages.append(event.stage)
    )
    truth_ms = 1000 * DELAY_FRAMES / RATE_HZ
    estimate = analyze(capture.audio, SPEC)
    assert estimate.verdict is Verdict.PASS, estimate.reasons
    assert estimate.round_trip_latency_ms == pytest.approx(truth_ms, abs=TOLERANCE_MS)
    assert capture.audio.samples.shape == (round(SECONDS * RATE_HZ), 1)
    expected = np.zeros(round(SECONDS * RATE_HZ), np.float32)
    wave = 0.5 * render(SPEC, RATE_HZ)
    end = min(DELAY_FRAMES + wave.size, expected.size)
    expected[DELAY_FRAMES:end] = wave[: end - DELAY_FRAMES]
    assert np.array_equal(capture.audio.samples[:, 0], expected)
    assert stages[0] == "opening"
    assert "playing" in stages


def test_what_was_granted_and_observed(host: ProbeClient) -> None:
    wanted = request(
        audio_mode="communication",
        route="earpiece",
        volume=1.0,
        input_preset="voice_communication",
        output_channels=2,
        input_channels=2,
        ns=EffectState.DEFAULT,
        buffer_frames=4096,
        duration_s=0.5,
    )
    capture = host.run(wanted, (), ignore)
    report = capture.report
    assert (report.input.rate_hz, report.input.channels) == (RATE_HZ, 2)
    assert (report.output.rate_hz, report.output.channels) == (RATE_HZ, 2)
    assert report.output.buffer_frames == 4096
    assert report.observed["audio_mode"] == "communication"
    assert report.observed["volume_stream"] == "voice_call"
    assert report.observed["volume_index"] == report.observed["volume_max"]
    assert report.observed["communication_device"].startswith("earpiece")
    assert report.observed["input_preset"] == "voice_communication"
    assert report.observed["api"] == "java"
    assert report.effects["aec"].state is EffectState.OFF
    assert report.effects["ns"].state is EffectState.DEFAULT
    assert set(report.startup_ms) == {"open", "start", "first_output", "first_input"}
    assert report.longest_zero_run_frames == RATE_HZ // 2
    assert report.thermal_status == "none"
    loops = int(report.observed["callbacks"])
    assert sum(count for _, count in report.callback_histogram_ms) == loops - 1


def test_a_trial_at_44100_hz(host: ProbeClient) -> None:
    """Not the native rate of most phones: Java resamples, and says so nowhere."""
    capture = host.run(request(rate_hz=44_100, duration_s=2.0), (Play(SPEC),), ignore)
    assert capture.audio.rate_hz == 44_100
    assert capture.audio.samples.shape == (88_200, 1)


def test_a_load_on_the_processor_changes_no_sample(host: ProbeClient) -> None:
    capture = host.run(request(cpu_load=0.5, cpu_threads=2, duration_s=1.5), (Play(SPEC),), ignore)
    wave = 0.5 * render(SPEC, RATE_HZ)
    first = capture.audio.samples[DELAY_FRAMES:, 0]
    assert np.array_equal(first, wave[: first.size])


def test_refusals_name_the_reason(host: ProbeClient) -> None:
    assert "java.library.path" in str(refused(host, "unsupported", api="aaudio"))
    assert "speaker, earpiece" in str(refused(host, "unsupported", route="usb"))
    refused(host, "unsupported", aec=EffectState.ON)
    refused(host, "permission", route="bluetooth_sco")
    refused(host, "too_large", duration_s=900.0, input_channels=8)
    assert host.facts().api_level == 34


def test_coding_is_refused_without_a_coder(host: ProbeClient) -> None:
    with pytest.raises(ProbeRefused) as caught:
        host.codec_cost(CodecRequest(frames=5))
    assert caught.value.code == "unsupported"
    assert "no Opus encoder" in str(caught.value)


def test_a_wrong_token_is_turned_away(probe: android_java.JavaProbe) -> None:
    stranger = ProbeClient(probe.connect(), "java", token="0" * 32)
    with pytest.raises(ProbeRefused) as caught:
        stranger.handshake()
    assert caught.value.code == "unauthorized"
    stranger.close()


def test_cancel_ends_a_trial(slow_host: ProbeClient) -> None:
    def stop_when_it_plays(event: Progress) -> None:
        if event.stage == "playing":
            slow_host.cancel()

    with pytest.raises(ProbeRefused) as caught:
        slow_host.run(request(duration_s=60.0), (), stop_when_it_plays)
    assert caught.value.code == "cancelled"
    assert slow_host.facts().api_level == 34


def test_progress_keeps_to_the_contract(slow_host: ProbeClient) -> None:
    seen: list[Progress] = []
    began = time.monotonic()
    slow_host.run(request(duration_s=1.0, warmup_s=0.3), (), seen.append)
    elapsed_s = time.monotonic() - began
    played = [event.fraction for event in seen if event.stage == "playing"]
    assert played == sorted(played)
    assert len(played) >= 5
    assert len(seen) <= MAX_PROGRESS_PER_S * elapsed_s
    assert {event.stage for event in seen} == {"opening", "warming", "playing", "fetching"}


def test_the_background_ends_a_trial(
    slow_probe: android_java.JavaProbe, slow_host: ProbeClient
) -> None:
    gone = threading.Event()

    def leave(event: Progress) -> None:
        if event.stage == "playing" and not gone.is_set():
            gone.set()
            slow_probe.tell("background")

    with pytest.raises(ProbeRefused) as caught:
        slow_host.run(request(duration_s=60.0), (), leave)
    assert caught.value.code == "background"
    refused(slow_host, "background", duration_s=0.1)
    slow_probe.tell("foreground")
    slow_host.run(request(duration_s=0.1, warmup_s=0.0), (), ignore)


def test_a_frozen_microphone_ends_in_the_hosts_time(
    slow_probe: android_java.JavaProbe, slow_host: ProbeClient
) -> None:
    slow_probe.tell("freeze")
    try:
        refused(slow_host, "stream_lost", duration_s=0.5)
    finally:
        slow_probe.tell("thaw")


def test_a_host_that_vanished_makes_way_for_the_next(slow_probe: android_java.JavaProbe) -> None:
    first = client(slow_probe, deadlines=Deadlines(open_s=0.1))
    began = threading.Event()

    def pull(event: Progress) -> None:
        if event.stage == "playing" and not began.is_set():
            began.set()
            first._wire.close()  # as a pulled cable: no word is said

    with pytest.raises(DeviceLost):
        first.run(request(duration_s=30.0), (), pull)
    second = client(slow_probe)
    second.run(request(duration_s=0.1, warmup_s=0.0), (), ignore)
    second.close()
