"""The host driver and its real probe process; only sounddevice is replaced, one layer below."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audio_servers import probes_running

from device_probes.client import Deadlines
from device_probes.driver import Capture, Play, Progress
from device_probes.host.driver import HostDriver, discover
from profiler.analysis import analyze
from profiler.errors import DeviceError, DeviceLost, DeviceTimeout, ProbeRefused
from profiler.model import DeviceRef, EffectState, Platform, TrialRequest
from profiler.stimulus import make_train, render

FAKE = Path(__file__).parents[1] / "fakes" / "fake_portaudio"
TRAIN = make_train(5, chirps=4, chirp_s=0.1, gap_s=(0.05, 0.1), tail_s=0.4)
REF = DeviceRef(Platform.HOST, "alsa-default", "default", "alsa")
REQUEST = TrialRequest(warmup_s=0.1, duration_s=TRAIN.duration_s)


def env_of(**says: Any) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(FAKE), "FAKE_PORTAUDIO": json.dumps(says)}


@pytest.fixture
def driver_with() -> Iterator[Callable[..., HostDriver]]:
    started: list[HostDriver] = []

    def start(**says: Any) -> HostDriver:
        driver = HostDriver(REF, env=env_of(**says))
        started.append(driver)
        driver.connect()
        return driver

    yield start
    for driver in started:
        driver.close()
    assert probes_running() == []


def run(driver: HostDriver, request: TrialRequest = REQUEST) -> Capture:
    return driver.run(request, [Play(TRAIN)], lambda _progress: None)


def test_interfaces_are_listed_default_first_whatever_libraries_print() -> None:
    found = discover(env_of())
    assert [(r.serial, r.label, r.transport) for r in found] == [
        ("alsa-default", "default", "alsa"),
        ("alsa-scarlett_2i2_usb_audio", "Scarlett 2i2: USB Audio", "alsa"),
    ]


def test_a_missing_library_names_the_package() -> None:
    with pytest.raises(DeviceError, match=r"PortAudio library is missing.*libportaudio2"):
        discover(env_of(missing=True))
    driver = HostDriver(REF, env=env_of(missing=True))
    with pytest.raises(DeviceError, match=r"default \(alsa-default\): .*apt install libportaudio2"):
        driver.connect()
    driver.close()


def test_a_crash_of_the_sound_library_is_a_lost_device_with_its_last_words() -> None:
    driver = HostDriver(REF, env=env_of(abort=True))
    with pytest.raises(DeviceLost, match=r"process ended \(signal 6, last words: .*Unknown PCM"):
        driver.connect()
    driver.close()
    assert probes_running() == []


def test_a_hanging_sound_library_ends_in_a_timeout() -> None:
    driver = HostDriver(REF, env=env_of(hang=True), deadlines=Deadlines(hello_s=0.5))
    with pytest.raises(DeviceTimeout):
        driver.connect()
    driver.close()
    assert probes_running() == []


def test_an_unknown_interface_is_named() -> None:
    driver = HostDriver(DeviceRef(Platform.HOST, "alsa-gone"), env=env_of())
    with pytest.raises(DeviceError, match=r"alsa-gone: no such sound interface.*devices"):
        driver.connect()
    driver.close()


def test_latency_is_the_loop_and_everything_granted_is_reported(
    driver_with: Callable[..., HostDriver],
) -> None:
    driver = driver_with(delay=4321, block=192)
    seen: list[Progress] = []
    capture = driver.run(REQUEST, [Play(TRAIN)], seen.append)
    report = capture.report
    estimate = analyze(capture.audio, TRAIN)
    # The fake hands back what was written `delay` frames before the block it is reading.
    truth = 4321 + 192
    assert estimate.round_trip_latency_ms is not None
    assert estimate.round_trip_latency_ms * 48 == pytest.approx(truth, abs=0.01)
    assert capture.audio.frames == round(TRAIN.duration_s * 48_000)
    assert (report.output.frames_per_burst, report.input.channels) == (192, 1)
    assert report.reported_latency_ms == pytest.approx(40.0)
    assert (report.xruns_input, report.xruns_output) == (0, 0)
    assert report.timestamps_input
    assert {p.stage for p in seen} >= {"opening", "fetching"}
    apart = [
        o.time_ns - i.time_ns
        for o, i in zip(report.timestamps_output, report.timestamps_input, strict=True)
    ]
    assert apart == pytest.approx([30_000_000] * len(apart), abs=2000)
    assert sum(n for _, n in report.callback_histogram_ms) > 100


def test_several_plays_and_a_volume_are_written_where_they_belong(
    driver_with: Callable[..., HostDriver],
) -> None:
    driver = driver_with(delay=0, block=64)
    request = TrialRequest(
        warmup_s=0.0, duration_s=2 * TRAIN.duration_s + 0.5, volume=0.5, buffer_frames=128
    )
    plays = [Play(TRAIN), Play(TRAIN, at_s=TRAIN.duration_s + 0.25)]
    capture = driver.run(request, plays, lambda _progress: None)
    wanted = np.zeros(capture.audio.frames, dtype=np.float32)
    sound = render(TRAIN, 48_000) * 0.5
    for first in (128, 128 + round((TRAIN.duration_s + 0.25) * 48_000)):
        part = wanted[first : first + sound.size]
        part += sound[: part.size]
    assert np.array_equal(capture.audio.samples[:, 0], wanted)
    assert capture.report.output.buffer_frames == 128


def test_xruns_are_counted_by_direction(driver_with: Callable[..., HostDriver]) -> None:
    report = run(driver_with(xrun_every=10, block=256)).report
    blocks = round(TRAIN.duration_s * 48_000) / 256
    assert report.xruns_output == pytest.approx(blocks / 10, abs=1)
    assert report.xruns_input == 0


def test_performance_mode_chooses_the_latency(driver_with: Callable[..., HostDriver]) -> None:
    request = TrialRequest(
        warmup_s=0.0, duration_s=TRAIN.duration_s, performance_mode="low_latency"
    )
    assert run(driver_with(), request).report.reported_latency_ms == pytest.approx(10.0)


def test_nonsense_latency_is_not_reported(driver_with: Callable[..., HostDriver]) -> None:
    report = run(driver_with(latency=89478.48)).report
    assert report.reported_latency_ms is None
    assert any("nonsense" in note for note in report.notes)


def test_a_stereo_only_interface_is_opened_in_stereo(
    driver_with: Callable[..., HostDriver],
) -> None:
    capture = run(driver_with(stereo_only=True))
    assert capture.audio.channels == 2
    assert (capture.report.input.channels, capture.report.output.channels) == (2, 2)


def test_another_granted_rate_is_measured_at_that_rate(
    driver_with: Callable[..., HostDriver],
) -> None:
    capture = run(driver_with(granted_rate=44_100, delay=1000, block=250))
    assert capture.audio.rate_hz == capture.report.output.rate_hz == 44_100
    assert capture.audio.frames == round(TRAIN.duration_s * 44_100)
    latency = analyze(capture.audio, TRAIN).round_trip_latency_ms
    assert latency is not None
    assert latency * 44.1 == pytest.approx(1250, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rate_hz": 44_100}, "44100 Hz is refused"),
        ({"api": "core_audio"}, "alsa, not core_audio"),
        ({"aec": EffectState.ON}, "no voice processing"),
        ({"sharing": "exclusive"}, "exclusively"),
    ],
)
def test_what_cannot_be_done_is_refused_and_the_connection_stays(
    driver_with: Callable[..., HostDriver], changes: dict[str, Any], says: str
) -> None:
    driver = driver_with(refuse_rates=[44_100])
    request = TrialRequest(**{"warmup_s": 0.0, "duration_s": TRAIN.duration_s, **changes})
    with pytest.raises(ProbeRefused, match=says) as caught:
        run(driver, request)
    assert caught.value.code == "unsupported"
    assert run(driver).audio.frames == round(TRAIN.duration_s * 48_000)


def test_a_stream_that_stops_calling_back_ends_in_a_timeout_even_if_close_hangs(
    driver_with: Callable[..., HostDriver],
) -> None:
    driver = driver_with(stall_after=100, hang_close=True, block=480)
    with pytest.raises(DeviceTimeout, match=r"stopped calling back at 0\.90 s"):
        run(driver)
    with pytest.raises(DeviceLost, match="not connected"):
        run(driver)
    assert driver.connect().platform is Platform.HOST


def test_a_stream_that_dies_before_frame_0_is_opened_again(
    driver_with: Callable[..., HostDriver],
) -> None:
    capture = run(driver_with(die_after=3, dies=1))
    assert "reopened=1" in capture.report.notes
    assert analyze(capture.audio, TRAIN).valid


def test_a_stream_that_always_dies_is_a_timeout(driver_with: Callable[..., HostDriver]) -> None:
    with pytest.raises(DeviceTimeout, match="stopped calling back"):
        run(driver_with(die_after=3))


def test_cancel_from_another_thread_ends_the_trial(driver_with: Callable[..., HostDriver]) -> None:
    driver = driver_with()
    playing = threading.Event()
    threading.Thread(target=lambda: (playing.wait(30), driver.cancel()), daemon=True).start()
    request = TrialRequest(warmup_s=0.0, duration_s=300.0)
    with pytest.raises(ProbeRefused) as caught:
        driver.run(
            request,
            [Play(TRAIN)],
            lambda p: playing.set() if p.stage == "playing" else None,
        )
    assert caught.value.code == "cancelled"
    assert run(driver).audio.frames == round(TRAIN.duration_s * 48_000)
