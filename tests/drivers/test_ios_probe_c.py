"""The iOS probe plays and records for a real host: exact to the frame.

Core and I/O unit run on Linux behind a port, with a fake of Core Audio one layer below them
(tests/fakes/ios_native/fake_unit.h): once under the address and undefined-behaviour sanitizers,
with a few lines of C in place of the app's Swift, and once as the app that Xcode compiles.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ios_native import ios_rig as rig
from ios_native.ios_rig import Program

from device_probes.client import ProbeClient
from device_probes.driver import Capture, Play
from profiler.errors import DeviceLost, ProbeRefused
from profiler.model import CallPath, CodecRequest, EffectState, TrialRequest
from profiler.stimulus import make_train, render

RATE, BURST, DELAY = 48_000, 192, 480
UNIT = 1 / 32_768
"""The fake adds so much, of either sign, to every sample."""
PLAIN = TrialRequest(api="coreaudio_remote_io", warmup_s=0.05, duration_s=0.5)
VOICE = replace(PLAIN, api="coreaudio_voice_processing")
TRAIN = make_train(3, chirps=2)
OTHER = make_train(4, chirps=1)
pytestmark = [pytest.mark.needs_apt(*package) for package in rig.GCC]


@pytest.fixture(scope="module", params=["core", "app"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> object:
    return rig.build(request.param, tmp_path_factory.mktemp(request.param))


@contextmanager
def connected(port: int, token: str = "") -> Iterator[ProbeClient]:
    client = ProbeClient(socket.create_connection(("127.0.0.1", port), 5.0), "ios", token=token)
    try:
        client.handshake()
        yield client
    finally:
        client.close()


def trial(
    program: Program, words: str = "", request: TrialRequest = PLAIN, *plays: Play
) -> Capture:
    with rig.probe(program, words) as running, connected(running.port) as client:
        return client.run(request, plays or (Play(TRAIN, 0.0),), lambda _: None)


def played(capture: Capture, *plays: Play) -> np.ndarray:
    """The timeline as the host knows it, as long as the recording."""
    frames = len(capture.audio.samples)
    found = np.zeros(frames, np.float32)
    for play in plays or (Play(TRAIN, 0.0),):
        samples = render(play.stimulus, RATE)
        at = round(play.at_s * RATE)
        found[at : at + len(samples)] += samples[: max(frames - at, 0)]
    return found


def assert_heard(heard: np.ndarray, timeline: np.ndarray, lag: int, first: int = 0) -> None:
    """Half of what was played, ``lag`` frames later, and one unit of noise: nothing else."""
    expected = np.concatenate([np.zeros(lag, np.float32), timeline])[: len(heard)] / 2
    difference = np.abs(heard.astype(np.float64) - expected)[first:]
    assert difference.max() < 1.01 * UNIT
    assert difference.min() > 0.99 * UNIT


EXACT = {
    "plain": ("", PLAIN, BURST + DELAY),
    "no_delay": ("delay=0", PLAIN, BURST),
    "other_burst": ("burst=441 delay=1", PLAIN, 442),
    "output_first": ("order=1", PLAIN, 2 * BURST + DELAY),
    "slices": ("slices=1", PLAIN, BURST + DELAY),
    "input_early": ("lead=30", PLAIN, BURST + DELAY),
    "cold": ("", replace(PLAIN, warmup_s=0.0), BURST + DELAY),
    "cold_input_early": ("lead=30", replace(PLAIN, warmup_s=0.0), BURST + DELAY),
    "voice": ("", replace(VOICE, aec=EffectState.ON), BURST + DELAY),
    "long": ("burst=1024", replace(PLAIN, duration_s=6.0), 1024 + DELAY),
}


@pytest.mark.parametrize("name", EXACT)
def test_lag_is_the_injected_one(program: Program, name: str) -> None:
    words, request, lag = EXACT[name]
    capture = trial(program, words, request)
    assert capture.audio.samples.shape == (round(request.duration_s * RATE), 1)
    assert_heard(capture.audio.samples[:, 0], played(capture), lag)
    report = capture.report
    assert (report.xruns_output, report.xruns_input, report.longest_zero_run_frames) == (0, 0, 0)
    observed = report.observed
    assert (observed["overrun_frames"], observed["render_errors"]) == ("0", "0")
    assert (observed["filled_frames"], observed["short_reads"]) == ("0", "0")


def test_several_plays_are_added_where_they_belong(program: Program) -> None:
    plays = (Play(TRAIN, 0.1), Play(OTHER, 0.1), Play(OTHER, 0.3), Play(TRAIN, 0.49))
    capture = trial(program, "", PLAIN, *plays)
    assert_heard(capture.audio.samples[:, 0], played(capture, *plays), BURST + DELAY)


def test_nothing_played_is_a_recording_too(program: Program) -> None:
    with rig.probe(program) as running, connected(running.port) as client:
        capture = client.run(PLAIN, (), lambda _: None)
    assert_heard(capture.audio.samples[:, 0], np.zeros(24_000, np.float32), 0)


def test_channels_are_granted_as_the_unit_takes_them(program: Program) -> None:
    request = replace(PLAIN, input_channels=2, output_channels=4)
    capture = trial(program, "out_channels=2", request)
    assert (capture.report.output.channels, capture.report.input.channels) == (2, 2)
    left, right = capture.audio.samples.T
    assert_heard(left, played(capture), BURST + DELAY)
    np.testing.assert_array_equal(left, -right)  # the fake's second channel is turned over
    mono = trial(program, "in_channels=1", request)
    assert mono.audio.samples.shape == (24_000, 1)


def test_times_are_of_one_clock_and_latencies_are_the_systems(program: Program) -> None:
    words = "latency_out_us=7000 latency_in_us=3000"
    report = trial(program, words, replace(PLAIN, duration_s=3.0)).report
    out, into = report.timestamps_output, report.timestamps_input
    assert 20 < len(out) <= 256
    assert abs(len(into) - len(out)) <= 1
    for pairs in (out, into):
        frames = np.array([pair.frame for pair in pairs])
        times_ns = np.array([pair.time_ns for pair in pairs], float)
        slope, _ = np.polyfit(frames, times_ns, 1)
        assert slope == pytest.approx(1e9 / RATE, rel=1e-4)
        assert (np.diff(frames) > 0).all()
    # one buffer on the way to the loudspeaker and what the session claims beyond it
    assert report.reported_output_latency_ms == pytest.approx(4.0 + 7.0, abs=0.01)
    assert report.reported_input_latency_ms == pytest.approx(4.0 + 3.0, abs=0.01)
    # the pairs say the same: between playing a frame and hearing the one beside it
    lag_ns = out[0].time_ns - into[0].time_ns - (out[0].frame - into[0].frame) * 1e9 / RATE
    assert lag_ns == pytest.approx(18e6, abs=1e4)


def test_startup_and_histogram(program: Program) -> None:
    report = trial(program, "lead=30", replace(PLAIN, warmup_s=0.0)).report
    startup = report.startup_ms
    assert list(startup) == ["open", "start", "first_output", "first_input", "first_nonzero"]
    assert startup["first_input"] == startup["first_nonzero"] < startup["first_output"]
    assert startup["first_output"] - startup["first_input"] == pytest.approx(30 * 4.0, abs=0.1)
    (bin_,) = report.callback_histogram_ms
    assert bin_ == (4.0, 24_000 // BURST - 1)
    assert report.observed["callbacks"] == str(24_000 // BURST)
    assert int(report.observed["drained_frames"]) == 30 * BURST


def test_a_late_input_is_filled_up_to_its_first_frames(program: Program) -> None:
    capture = trial(program, "lead=-20", replace(PLAIN, warmup_s=0.0))
    filled = int(capture.report.observed["filled_frames"])
    assert filled == 20 * BURST
    samples = capture.audio.samples[:, 0]
    assert not samples[:filled].any()
    assert_heard(samples, played(capture), BURST + DELAY, filled)
    assert capture.report.longest_zero_run_frames == filled


def test_the_newest_frame_read_lies_beside_the_newest_written(program: Program) -> None:
    capture = trial(program, "lead=-5 in_burst=100", replace(PLAIN, warmup_s=0.0))
    filled = 5 * BURST + BURST - 100  # one piece came with the sixth callback, and ends with it
    assert capture.report.observed["filled_frames"] == str(filled)
    samples = capture.audio.samples[:, 0]
    assert not samples[:filled].any()
    assert_heard(samples, played(capture), BURST + DELAY + BURST - 100, filled)


def test_pieces_of_another_size_lose_nothing(program: Program) -> None:
    capture = trial(program, "in_burst=960 delay=2000", replace(PLAIN, duration_s=1.0))
    observed = capture.report.observed
    # drained with every callback of the warm-up, it has nothing for the first one after it; the
    # piece that comes with the second began 960 frames before that one's end
    assert (observed["short_reads"], observed["filled_frames"]) == ("1", str(BURST))
    assert observed["waiting_frames_max"] == "960"
    samples = capture.audio.samples[:, 0]
    assert_heard(samples, played(capture), 2000 + BURST + 960 - BURST, BURST)


def test_a_gap_in_the_systems_count_is_an_xrun(program: Program) -> None:
    capture = trial(program, "gap_at=60 gap=100")
    assert (capture.report.xruns_output, capture.report.xruns_input) == (1, 1)
    warm = trial(program, "gap_at=3 gap=100")  # what starting up costs is no fault of the trial
    assert (warm.report.xruns_output, warm.report.xruns_input) == (0, 0)
    samples, timeline = capture.audio.samples[:, 0], played(capture)
    cut = (60 - 13) * BURST  # 2400 frames of warm-up are 13 callbacks
    assert_heard(samples[:cut], timeline, BURST + DELAY)
    assert_heard(samples, timeline, BURST + DELAY - 100, cut)


def test_a_failed_render_is_owed_and_counted(program: Program) -> None:
    capture = trial(program, "render_error_at=50")
    observed = capture.report.observed
    assert (observed["render_errors"], observed["owed_frames_max"]) == ("1", str(BURST))
    samples, timeline = capture.audio.samples[:, 0], played(capture)
    cut = (50 - 13) * BURST
    assert_heard(samples[:cut], timeline, BURST + DELAY)
    assert_heard(samples, timeline, DELAY, cut)


def test_exact_zeros_are_counted(program: Program) -> None:
    report = trial(program, "silent=1").report
    assert report.longest_zero_run_frames == 24_000
    assert "first_nonzero" not in report.startup_ms
    assert "first_input" in report.startup_ms


@pytest.mark.parametrize(
    ("asked", "states"),
    [
        ({}, "bypass=1 agc=0 ducking=10"),
        ({"aec": EffectState.ON}, "bypass=0 agc=0 ducking=10"),
        ({"aec": EffectState.ON, "agc": EffectState.ON}, "bypass=0 agc=1 ducking=10"),
        ({"aec": EffectState.DEFAULT, "agc": EffectState.DEFAULT}, "bypass=0 agc=1 ducking=10"),
    ],
)
def test_voice_processing_is_set_and_read_back(program: Program, asked: dict, states: str) -> None:
    with rig.probe(program) as running, connected(running.port) as client:
        capture = client.run(replace(VOICE, **asked), (Play(TRAIN, 0.0),), lambda _: None)
    assert f"unit voice=1 {states}" in running.last_words
    observed = capture.report.observed
    assert f"bypass={observed['bypass']} agc={observed['agc']}" in states


def test_voice_processing_that_initializing_sets_back_is_set_again(program: Program) -> None:
    with rig.probe(program, "forgets=1") as running, connected(running.port) as client:
        capture = client.run(VOICE, (Play(TRAIN, 0.0),), lambda _: None)
    assert "unit voice=1 bypass=1 agc=0 ducking=10" in running.last_words
    observed = capture.report.observed
    assert [observed[name] for name in ("bypass", "agc", "ducking_level")] == ["1", "0", "10"]


def test_a_unit_that_is_not_ready_at_once_is_tried_again(program: Program) -> None:
    assert trial(program, "init_fails=4").report.xruns_output == 0
    with pytest.raises(ProbeRefused, match="initializing: status -10875"):
        trial(program, "init_fails=5")


def test_voice_processing_that_knows_one_channel_is_opened_with_one(program: Program) -> None:
    request = replace(VOICE, input_channels=2, output_channels=2)
    report = trial(program, "mono_voice=1", request).report
    assert (report.output.channels, report.input.channels) == (1, 1)
    both = trial(program, "", request).report
    assert (both.output.channels, both.input.channels) == (2, 2)


def test_remote_io_has_no_processing_and_old_ios_no_ducking(program: Program) -> None:
    observed = trial(program).report.observed
    assert not {"bypass", "agc", "ducking_level"} & set(observed)
    observed = trial(program, "no_ducking=1", replace(VOICE, aec=EffectState.ON)).report.observed
    assert (observed["bypass"], observed["ducking_level"]) == ("0", "-1")


REFUSED = {
    "no_unit=1": "the unit: status -10875",
    "refuse=2003": "the microphone: status -10851",
    "in_channels=0": "the input's format: status -10868",
    "out_channels=0": "the output's format: status -10868",
    "refuse=14": "the slice: status -10851",
    "refuse=2005": "the input callback: status -10851",
    "refuse=23": "the output callback: status -10851",
    "init_error=-66637": "initializing: status -66637",
    "start_error=-66681": "the unit does not start: status -66681",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_does_not_open_is_refused_with_step_and_status(program: Program, words: str) -> None:
    with pytest.raises(ProbeRefused, match=re.escape(REFUSED[words])) as caught:
        trial(program, words)
    assert caught.value.code == "open_failed"


@pytest.mark.parametrize("words", ["deaf=1", "freeze_at=0", "freeze_at=60"])
def test_a_stream_that_stands_still_is_lost(program: Program, words: str) -> None:
    with pytest.raises(ProbeRefused) as caught:
        trial(program, words)
    assert caught.value.code == "stream_lost"


def test_one_session_of_many_trials(program: Program) -> None:
    """Another rate, coding, a call and words iOS has not are refused, and the session goes on."""
    plays = (Play(TRAIN, 0.0),)
    with rig.probe(program, "token=5eed") as running, connected(running.port, "5eed") as client:
        assert client.facts().os_build == "21A329"
        capture = client.run(replace(PLAIN, rate_hz=44_100), plays, lambda _: None)
        assert (capture.audio.rate_hz, capture.report.output.rate_hz) == (RATE, RATE)
        refused = {
            "codec": lambda: client.codec_cost(CodecRequest()),
            "call": lambda: client.run(replace(PLAIN, call=CallPath()), plays, print),
            "api": lambda: client.run(replace(PLAIN, api="aaudio"), plays, print),
        }
        for ask in refused.values():
            with pytest.raises(ProbeRefused) as caught:
                ask()
            assert caught.value.code == "unsupported"
        stages = []
        again = client.run(PLAIN, plays, lambda p: stages.append(p.stage))
        assert_heard(again.audio.samples[:, 0], played(again), BURST + DELAY)
        assert stages[0] == "opening"


def test_cancel_ends_a_trial_and_the_next_one_runs(program: Program) -> None:
    with rig.probe(program) as running, connected(running.port) as client:
        started = threading.Event()
        long = replace(PLAIN, duration_s=400.0)
        thread = threading.Thread(target=lambda: started.wait(20) and client.cancel())
        thread.start()
        with pytest.raises(ProbeRefused) as caught:
            client.run(long, (Play(TRAIN, 0.0),), lambda p: p.stage == "playing" and started.set())
        thread.join()
        assert caught.value.code == "cancelled"
        capture = client.run(PLAIN, (Play(TRAIN, 0.0),), lambda _: None)
        assert_heard(capture.audio.samples[:, 0], played(capture), BURST + DELAY)


def test_a_callback_in_the_middle_of_its_render_is_waited_for(program: Program) -> None:
    """The stop of a unit may return before: what the callback goes on with must still be there."""
    with rig.probe(program, "linger_ms=300") as running, connected(running.port) as client:
        long = replace(PLAIN, duration_s=400.0)
        with pytest.raises(ProbeRefused) as caught:
            client.run(long, (), lambda p: client.cancel() if p.stage != "opening" else None)
        assert caught.value.code == "cancelled"
    assert "left open 0" in running.last_words


def test_a_host_that_goes_in_mid_trial_is_cleaned_up_after(program: Program) -> None:
    with rig.probe(program) as running:
        with connected(running.port) as client:
            gone = threading.Event()

            def leave(progress: object) -> None:
                if not gone.is_set() and getattr(progress, "stage", "") == "playing":
                    gone.set()
                    client.close()

            with pytest.raises(DeviceLost):
                client.run(replace(PLAIN, duration_s=400.0), (Play(TRAIN, 0.0),), leave)
        with connected(running.port) as client:
            assert client.facts().model == "iPhone14,7"
    assert "left open 0" in running.last_words


def test_no_data_race_between_callbacks_session_and_trial(tmp_path: Path) -> None:
    program = rig.build_probe(tmp_path, *rig.THREADS)
    with rig.probe(program, "in_burst=500 slices=1") as running, connected(running.port) as client:
        for request in (PLAIN, replace(PLAIN, duration_s=2.0)):
            client.run(request, (Play(TRAIN, 0.0),), lambda _: None)
    assert "ThreadSanitizer" not in running.errors


def test_the_ring_is_safe_between_two_threads(tmp_path: Path) -> None:
    """The two callbacks of a voice-processing unit may come on different threads."""
    sources = (rig.HERE / "ring_threads.c", rig.CORE / "ring.c")
    target = ("-lpthread", "-o", tmp_path / "ring")
    rig.run(["gcc", *rig.WARNINGS, *rig.THREADS, f"-I{rig.CORE}", *sources, *target])
    assert rig.run([tmp_path / "ring"]) == "0 wrong\n"


@pytest.mark.needs_apt("binutils", "nm")
def test_the_callbacks_reach_no_lock_no_memory_and_no_file(tmp_path: Path) -> None:
    imports = set()
    for name in ("callbacks", "ring", "samples"):
        target = tmp_path / f"{name}.o"
        flags = ("-std=c11", "-O2", "-fno-stack-protector")
        rig.run(["gcc", *flags, "-c", rig.CORE / f"{name}.c", "-o", target])
        imports |= set(rig.run(["nm", "-u", target]).split()) - {"U"}
    imports -= {"calloc", "free", "qsort"}  # of opening a ring, closing it and the report's median
    own = {name for name in imports if name.startswith("cp_")}
    assert imports - own <= {"memcpy", "memmove", "memset", "_GLOBAL_OFFSET_TABLE_"}
    for name in ("callbacks", "samples"):
        text = (rig.CORE / f"{name}.c").read_text("utf-8")
        assert not re.search(r"\b([mc]alloc|free|printf|lock|sleep)\w*\(", text), name


@pytest.mark.parametrize("path", sorted(rig.CORE.glob("*.c")), ids=lambda path: path.name)
def test_the_core_is_strict_c11_without_a_platform(tmp_path: Path, path: Path) -> None:
    rig.run(["gcc", *rig.WARNINGS, *rig.STRICT, "-c", path, "-o", tmp_path / "out.o"])
    standard = {"math", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib", "string"}
    for source in (path, path.with_suffix(".h")):
        if source.exists():
            found = set(re.findall(r"#include <([\w/]+)\.h>", source.read_text("utf-8")))
            assert found <= standard, source.name


@pytest.mark.needs_apt("clang-14", "clang-14")
def test_clang_takes_core_and_unit_as_xcode_would(tmp_path: Path) -> None:
    flags = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wdocumentation", "-O2")
    includes = (f"-I{rig.HERE / 'sdk'}", f"-I{rig.CORE}")
    for path in (*rig.CORE.glob("*.c"), *rig.UNIT.glob("*.c")):
        rig.run(["clang-14", *flags, *includes, "-c", path, "-o", tmp_path / "out.o"])
