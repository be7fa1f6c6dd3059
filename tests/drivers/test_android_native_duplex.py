"""The probe's C library plays and records through a fake libaaudio: exact to the frame.

The library is Android's own file out of the APK: x86_64 in a JVM, arm64 and armv7 under qemu; and
the same C built for Linux, in a JVM and with the address and undefined-behaviour sanitizers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from android_native import native_rig as rig

UNIT = 1 / 32768
"""The fake adds one unit of int16, of either sign, to every sample that is not meant to be 0."""

BURST = 192
RUN = "warmup=2000 frames=12000 record=18000 plays=0"
WARM_FRAMES = 2112
"""2000 frames of warm-up in whole callbacks of 192: the output frame that is frame 0."""

LAGS = {f"lag_{d}_{b}": (d, b) for d in (0, 1, 480, 1234, 4801) for b in (96, 192, 441)}
"""Name -> delay and burst of the fake, in frames. What is injected is their sum: see its header."""

EXACT = {
    **{name: (f"{RUN} delay={d} burst={b}", d + b) for name, (d, b) in LAGS.items()},
    "vary": (f"{RUN} delay=480 vary=1", 672),
    "int16_both": (f"{RUN} delay=480 w3=1 w4=1", 672),
    "int16_out": (f"{RUN} delay=480 w3=1 w4=2", 672),
    "int16_only_input": (f"{RUN} delay=480 in_formats=1", 672),
    "int16_only_output": (f"{RUN} delay=480 formats=1", 672),
    "stereo": (f"{RUN} delay=480 w1=2 w2=2", 672),
    "eight_channels": (f"{RUN} delay=480 w1=8 w2=8 w4=1", 672),
    "other_channels": (f"{RUN} delay=480 w1=1 w2=1 channels=2 in_channels=3", 672),
    "rate_96000": (f"{RUN} delay=480 w0=96000", 672),
    "rate_8000": (f"{RUN} delay=80 burst=80 w0=8000", 160),
    "other_rate": (f"{RUN} delay=480 rate=44100 in_rate=44100", 672),
    "cold": ("warmup=0 frames=12000 record=18000 plays=0 delay=480", 672),
    "cold_input_early": ("warmup=0 frames=12000 record=18000 plays=0 delay=480 lead=3000", 672),
    "cold_input_late": ("warmup=0 frames=12000 record=18000 plays=1500 delay=480 lead=-1000", 672),
    "warm_input_early": (f"{RUN} delay=480 lead=5000", 672),
    "warm_input_late": (f"{RUN} delay=480 lead=-2500", 672),
    "plays": (f"{RUN}:100:4000:11000 delay=480", 672),
    "timeline_longer": ("warmup=2000 frames=17000 record=9000 plays=12:6000 delay=480", 672),
    "timeline_empty": ("warmup=2000 frames=0 record=4000", 672),
    "stalls": (f"{RUN} delay=480 stall_at=30 stall=3", 672),
    "stalls_at_frame_0": (f"{RUN} delay=480 stall_at=11 stall=4", 672 + 4 * BURST),
    "read_error": (f"{RUN} delay=480 read_error_at=40 read_error=-895", 672),
    "xruns": (f"{RUN} delay=480 xrun_every=10", 672),
    "exclusive_refused": (f"{RUN} delay=480 w5=0 exclusive=0 mmap=0", 672),
    "late_callback": (f"{RUN} delay=480 late_callback=1", 672),
}
"""Name -> words and the lag that must be found."""

OTHER = {
    # pieces of 960 frames: 1920 are drained, the next come in the callback that writes frame 576
    "pieces": f"{RUN} delay=480 in_burst=960",
    "rate_third": "warmup=1920 frames=12000 record=6000 plays=0 delay=480 in_rate=16000",
    "rate_44100_in": f"{RUN} delay=480 in_rate=44100",
    "loses": f"{RUN} delay=480 lose_at=40 lose=100",
    "zeros": f"{RUN} delay=480 zero_from=6000 zero=777",
    "silence": f"{RUN} delay=480 zero_from=0 zero=9999999",
    "no_input": f"{RUN} delay=480 lead=-9999999",
    "stopped": f"{RUN} delay=480 stop_at=3000 record=9000000",
    "output_lost": f"{RUN} delay=480 disconnect_at=50",
    "input_lost": f"{RUN} delay=480 in_disconnect_at=50",
}

SCENARIOS = {name: words for name, (words, _) in EXACT.items()} | OTHER

STATE, ERROR, LOST, PLAYED, RECORDED, CALLBACKS, SHORT, FILLED, OWED, DRAINED = range(10)
XRUNS_OUT, XRUNS_IN, OPENED, STARTED, FIRST_OUT, FIRST_IN, FIRST_NONZERO = range(10, 17)
FRAME_0, READ_ERRORS, READ_ERROR = 18, 19, 20
DONE, STOPPED, LOST_STATE = 3, 4, 5

PLACES = {
    "jvm": (lambda folder: rig.in_jvm(folder, SCENARIOS, shipped=False), (*rig.GCC, *rig.JDK)),
    "x86_64": (
        lambda folder: rig.in_jvm(folder, SCENARIOS, shipped=True),
        (*rig.GCC, *rig.JDK, *rig.CLANG),
    ),
    "sanitizers": (
        lambda folder: rig.with_sanitizer(folder, SCENARIOS, "address,undefined"),
        (*rig.GCC, *rig.JDK),
    ),
}


def places() -> list[object]:
    found = [pytest.param(name, marks=rig.apt(*needs)) for name, (_, needs) in PLACES.items()]
    return found + [pytest.param(abi, marks=rig.cross_marks(abi)) for abi in rig.CROSS]


@pytest.fixture(scope="module", params=places())
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp(request.param)
    if request.param in rig.CROSS:
        return rig.under_qemu(folder, SCENARIOS, request.param)
    return PLACES[request.param][0](folder)


def word(name: str, key: str, otherwise: str) -> str:
    found = [w.split("=")[1] for w in SCENARIOS[name].split() if w.startswith(f"{key}=")]
    return found[-1] if found else otherwise


def timeline(name: str) -> np.ndarray:
    """What was played from frame 0 on."""
    frames = int(word(name, "frames", "0"))
    played = np.zeros(frames)
    for at in map(int, filter(None, word(name, "plays", "").split(":"))):
        part = rig.STIMULUS[: frames - at]
        played[at : at + len(part)] += part
    return played


def delayed(played: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Half of ``played`` at the given frames; 0 where it has none."""
    inside = (places >= 0) & (places < len(played))
    return np.where(inside, played[np.where(inside, places, 0)] if len(played) else 0.0, 0.0) / 2


def assert_heard(samples: np.ndarray, expected: np.ndarray, first: int = 0) -> None:
    """Every sample from ``first`` on is the expected one and one unit of noise, nothing else."""
    assert np.array_equal(np.abs(samples - expected)[first:], np.full(len(samples) - first, UNIT))
    assert not samples[:first].any()


@pytest.mark.parametrize("name", EXACT)
def test_lag_is_the_injected_one(results: rig.Results, name: str) -> None:
    lag = EXACT[name][1]
    got = results.outcomes[name]
    status = got.values["status"]
    samples = got.samples()
    frames = int(word(name, "record", ""))
    assert [got.one(key) for key in ("open", "prepare", "mix", "start", "stop", "close")] == [
        *(1, 0, 0, 0, 0, 0)
    ]
    assert got.one("closed") == -1003
    assert (status[STATE], status[ERROR], status[LOST], len(samples)) == (DONE, 0, -1, frames)
    played = timeline(name)
    if played.any():
        correlation = np.correlate(samples[:, 0], played[: frames // 2], "valid")
        assert int(np.argmax(correlation)) == lag
    expected = delayed(played, np.arange(frames) - lag)
    for channel in range(samples.shape[1]):
        sign = -1 if channel % 2 else 1
        assert_heard(samples[:, channel] * sign, expected, status[FILLED])


def test_every_counter_of_a_plain_run(results: rig.Results) -> None:
    status = results.outcomes["lag_480_192"].values["status"]
    # 18000 frames in callbacks of 192, the last one cut
    assert status[PLAYED] == 18048
    assert status[CALLBACKS] == 94
    assert status[SHORT : OWED + 1] == [0, 0, 0]
    assert (status[DRAINED], status[FRAME_0]) == (WARM_FRAMES, WARM_FRAMES)
    assert status[XRUNS_OUT : XRUNS_IN + 1] == [0, 0]
    assert 0 <= status[OPENED] <= status[STARTED]
    assert status[OPENED] <= status[FIRST_OUT] <= status[FIRST_IN] <= status[FIRST_NONZERO]
    bins = results.outcomes["lag_480_192"].values["histogram"]
    assert sum(bins) == status[CALLBACKS] - 1
    assert len(bins) == 82


def test_timestamps_have_the_numbers_of_the_timeline_and_the_recording(results) -> None:
    """The fake's frame f passes at 1000 s + (f - lead) / 48 kHz."""
    for name, lead in (("lag_480_192", 0), ("warm_input_early", 5000), ("cold_input_late", -1000)):
        got = results.outcomes[name]
        status = got.values["status"]
        frame, time_ns = got.values["output_time"]
        assert time_ns == 10**12 + (frame + status[FRAME_0]) * 10**9 // 48000
        frame, time_ns = got.values["input_time"]
        stream_frame = frame + status[DRAINED] - status[FILLED]
        assert time_ns == 10**12 + (stream_frame - lead) * 10**9 // 48000


def test_cold_start_throws_away_what_is_older_than_its_callback(results: rig.Results) -> None:
    assert results.outcomes["cold"].values["status"][DRAINED] == 0
    early = results.outcomes["cold_input_early"].values["status"]
    assert (early[DRAINED], early[FILLED], early[FRAME_0]) == (3000, 0, 0)
    late = results.outcomes["cold_input_late"].values["status"]
    # frames come first in the sixth callback, 152 of 192 of them
    assert (late[DRAINED], late[FILLED], late[SHORT]) == (0, 1000, 6)


def test_input_that_stalls_is_read_later_and_counted(results: rig.Results) -> None:
    status = results.outcomes["stalls"].values["status"]
    assert (status[SHORT], status[OWED], status[FILLED]) == (3, 3 * BURST, 0)
    late = results.outcomes["stalls_at_frame_0"].values["status"]
    assert (late[SHORT], late[OWED], late[FILLED]) == (4, 0, 4 * BURST)


def test_counted_faults(results: rig.Results) -> None:
    status = results.outcomes["read_error"].values["status"]
    assert (status[READ_ERRORS], status[READ_ERROR], status[SHORT]) == (1, -895, 1)
    callbacks = WARM_FRAMES // BURST + results.outcomes["xruns"].values["status"][CALLBACKS]
    # callbacks go on until the harness stops, so at least those until the end
    assert results.outcomes["xruns"].values["status"][XRUNS_OUT] >= (callbacks - 1) // 10


def test_input_in_large_pieces_keeps_its_place(results: rig.Results) -> None:
    got = results.outcomes["pieces"]
    status = got.values["status"]
    assert (status[DRAINED], status[FILLED], status[OWED]) == (1920, 576, 0)
    lag = 480 + BURST + 576 - (1920 - WARM_FRAMES)
    assert_heard(
        got.samples()[:, 0], delayed(timeline("pieces"), np.arange(18000) - lag), first=576
    )


@pytest.mark.parametrize(("name", "rate_hz"), [("rate_third", 16000), ("rate_44100_in", 44100)])
def test_rates_that_differ_are_read_in_their_ratio(results, name: str, rate_hz: int) -> None:
    got = results.outcomes[name]
    status = got.values["status"]
    assert (got.values["granted"][0], got.values["granted"][20]) == (48000, rate_hz)
    assert (status[STATE], status[FILLED]) == (DONE, 0)
    stream_frames = np.arange(int(word(name, "record", ""))) + status[DRAINED]
    heard = stream_frames * 48000 // rate_hz - (480 + BURST) - status[FRAME_0]
    assert_heard(got.samples()[:, 0], delayed(timeline(name), heard))
    assert status[PLAYED] - BURST < len(stream_frames) * 48000 / rate_hz <= status[PLAYED]


def test_lost_input_frames_shorten_the_lag_from_there_on(results: rig.Results) -> None:
    got = results.outcomes["loses"]
    status = got.values["status"]
    assert (status[XRUNS_IN], status[OWED]) == (1, 100)
    frames = np.arange(18000)
    cut = 40 * BURST - WARM_FRAMES
    lag = np.where(frames < cut, 672, 572)
    assert_heard(got.samples()[:, 0], delayed(timeline("loses"), frames - lag))


def test_longest_run_of_exact_zeros(results: rig.Results) -> None:
    assert results.outcomes["lag_480_192"].one("zero_run") == 0
    assert results.outcomes["zeros"].one("zero_run") == 777
    for name in ("silence", "no_input"):
        got = results.outcomes[name]
        assert got.one("zero_run") == 18000
        assert got.values["status"][STATE] == DONE
        assert got.values["status"][FIRST_NONZERO] == -1
    assert results.outcomes["silence"].values["status"][FIRST_IN] >= 0
    assert results.outcomes["no_input"].values["status"][FIRST_IN] == -1
    assert results.outcomes["no_input"].values["status"][FILLED] == 18000


def test_stop_in_the_middle_keeps_what_was_recorded(results: rig.Results) -> None:
    got = results.outcomes["stopped"]
    status = got.values["status"]
    assert status[STATE] == STOPPED
    assert 3000 - BURST <= status[RECORDED] < 9000000
    expected = delayed(timeline("stopped"), np.arange(status[RECORDED]) - 672)
    assert_heard(got.samples()[:, 0], expected)


@pytest.mark.parametrize(("name", "direction"), [("output_lost", 0), ("input_lost", 1)])
def test_a_lost_stream_is_a_state(results: rig.Results, name: str, direction: int) -> None:
    got = results.outcomes[name]
    status = got.values["status"]
    assert (status[STATE], status[ERROR], status[LOST]) == (LOST_STATE, -899, direction)
    recorded = 50 * BURST - WARM_FRAMES
    assert status[RECORDED] == recorded
    assert_heard(got.samples()[:, 0], delayed(timeline(name), np.arange(recorded) - 672))
    assert [line for line in got.log if line.startswith("close")] == ["close output", "close input"]


def test_a_callback_after_close_touches_nothing_and_never_says_stop(results) -> None:
    assert results.outcomes["late_callback"].log[-2:] == [
        "late callback -> 0, sample 1.0",
        "close input",
    ]
