"""What the C library asks of AAudio, what it says was granted, and what it does when refused.

In a JVM, with the fake libaaudio; the wrong calls also under sanitizers, and the ones from other
threads with the thread sanitizer.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from android_native import native_rig as rig

RUN = "warmup=200 frames=2000 record=3000 plays=0"
UNKNOWN = -(2**31)
UNASKED = -99
"""Of the fake: the setter was not called."""

RATE, CHANNELS, FORMAT, BURST, BUFFER, CAPACITY, SHARING, PERFORMANCE, DEVICE, SESSION = range(10)
MMAP, PRESET, USAGE, CONTENT, HW_RATE, HW_CHANNELS, HW_FORMAT = range(10, 17)
INPUT, NOT_ASKED, FAILED_STEP = 20, 40, 41

EVERYTHING = "w5=0 w6=12 w7=9 w8=2 w9=1 w11=31 w12=32 w15=1920"
SCENARIOS = {
    "plain": RUN,
    "everything": f"{RUN} {EVERYTHING}",
    "session_shared": f"{RUN} w10=0",
    "session_none": f"{RUN} w10=-2",
    "session_given": f"{RUN} w10=77",
    "exclusive_refused": f"{RUN} w5=0 exclusive=0 mmap=0",
    "buffer_bursts": f"{RUN} w13=3",
    "buffer_frames": f"{RUN} w13=3 w14=500",
    "buffer_over_capacity": f"{RUN} w13=1000",
    "system_rate": f"{RUN} w0=0",
    "other_rate": f"{RUN} rate=44100",
    "int16_only_input": f"{RUN} in_formats=1",
    "float_wanted_refused": f"{RUN} w4=2 in_formats=1",
    "no_format": f"{RUN} formats=0",
    "output_fails": f"{RUN} open_error=-896",
    "input_fails": f"{RUN} in_open_error=-881",
    "granted_24_bit": f"{RUN} grant_format=3",
    "granted_9_channels": f"{RUN} in_channels=9",
    "output_start_fails": f"{RUN} start_error=-895",
    "input_start_fails": f"{RUN} in_start_error=-899",
    "abuse": "abuse=1",
    "after_all": f"{RUN} delay=7",
}
ABUSE = {
    -1001: "open_null open_null_granted open_short channels_0 channels_9 format_3 rate_negative "
    "buffer_negative closed_poll prepare_nothing prepare_negative mix_null mix_beyond_array "
    "mix_beyond_timeline mix_before mix_overflow poll_null poll_short timestamp_direction "
    "histogram_short read_small read_null read_before read_beyond",
    -1002: "open_twice",
    -1003: "closed_prepare closed_stop closed_read closed_close close_twice start_closed",
    -1004: "prepare_huge",
    -1005: "start_unprepared mix_unprepared read_unprepared zero_run_unstopped prepare_twice "
    "timestamp_early start_stopped",
    0: "prepare mix read_early stop_unstarted stop_twice close",
    1: "opened",
}
pytestmark = rig.apt(*rig.GCC, *rig.JDK, *rig.CLANG)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> rig.Results:
    return rig.in_jvm(tmp_path_factory.mktemp("streams"), SCENARIOS, shipped=False)


def asked(outcome: rig.Outcome, direction: str) -> dict[str, int]:
    """Values of the last attempt to open a direction."""
    line = [one for one in outcome.log if one.startswith(f"open {direction}")][-1]
    words = [word.partition("=") for word in line.split()[2:]]
    return {key: int(value) for key, equals, value in words if equals}


def assert_nothing_left_open(outcome: rig.Outcome) -> None:
    for direction in ("output", "input"):
        opened = [x for x in outcome.log if x.startswith(f"open {direction}") and x.endswith(" 0")]
        assert outcome.log.count(f"close {direction}") == len(opened)


def test_library_loads_and_every_session_is_closed(results: rig.Results) -> None:
    assert results.header["available"] == "true"
    assert (results.header["reason"], results.header["missing"]) == ("", "")
    assert results.header["check"] == "0"
    for outcome in results.outcomes.values():
        assert_nothing_left_open(outcome)


def test_nothing_is_asked_that_was_left_to_the_system(results: rig.Results) -> None:
    outcome = results.outcomes["plain"]
    for direction, callback in (("output", 1), ("input", 0)):
        unasked = ("sharing", "performance", "usage", "content_type", "input_preset", "session")
        said = asked(outcome, direction)
        assert {said[key] for key in unasked} == {UNASKED}
        assert (said["rate"], said["channels"], said["format"]) == (48000, 1, 2)
        assert (said["device"], said["capacity"], said["callback"]) == (0, 0, callback)
    granted = outcome.values["granted"]
    assert granted[:17] == [
        *(48000, 1, 2, 192, 384, 3072, 1, 10, 2, -1, 1, UNKNOWN, 1, 2, 48000, 2, 3),
    ]
    assert granted[INPUT : INPUT + 17] == [
        *(48000, 1, 2, 192, 384, 3072, 1, 10, 3, -1, 1, 6, UNKNOWN, UNKNOWN, 48000, 1, 3),
    ]
    assert granted[NOT_ASKED:] == [0, 0]
    # the input runs first, so that the output's first callback finds it running
    assert outcome.log[2:] == [
        *("start input -> 0", "start output -> 0", "stop output", "stop input"),
        *("close output", "close input"),
    ]


def test_everything_is_asked_of_the_right_direction(results: rig.Results) -> None:
    outcome = results.outcomes["everything"]
    out, into = asked(outcome, "output"), asked(outcome, "input")
    for said in (out, into):
        assert (said["sharing"], said["performance"]) == (0, 12)
    assert (out["usage"], out["content_type"], out["input_preset"]) == (2, 1, UNASKED)
    assert (into["usage"], into["content_type"], into["input_preset"]) == (UNASKED, UNASKED, 9)
    assert (out["device"], into["device"], out["capacity"], into["capacity"]) == (31, 32, 1920, 0)
    granted = outcome.values["granted"]
    assert [granted[k] for k in (SHARING, PERFORMANCE, DEVICE, USAGE, CONTENT, CAPACITY)] == [
        *(0, 12, 31, 2, 1, 1920),
    ]
    assert [granted[INPUT + k] for k in (SHARING, PERFORMANCE, DEVICE, PRESET)] == [0, 12, 32, 9]


@pytest.mark.parametrize(
    ("name", "out_asked", "in_asked", "granted_id"),
    [
        ("session_shared", 0, 4711, 4711),
        ("session_none", -1, -1, -1),
        ("session_given", 77, 77, 77),
    ],
)
def test_sessions(results, name: str, out_asked: int, in_asked: int, granted_id: int) -> None:
    outcome = results.outcomes[name]
    assert asked(outcome, "output")["session"] == out_asked
    assert asked(outcome, "input")["session"] == in_asked
    granted = outcome.values["granted"]
    assert (granted[SESSION], granted[INPUT + SESSION]) == (granted_id, granted_id)


def test_granted_is_what_was_opened_not_what_was_wanted(results: rig.Results) -> None:
    granted = {name: one.values["granted"] for name, one in results.outcomes.items() if one.pcm}
    assert granted["exclusive_refused"][SHARING] == 1
    assert (granted["exclusive_refused"][MMAP], granted["plain"][MMAP]) == (0, 1)
    assert granted["buffer_bursts"][BUFFER] == 576
    assert granted["buffer_frames"][BUFFER] == 500
    assert granted["buffer_over_capacity"][BUFFER] == 3072
    assert asked(results.outcomes["system_rate"], "output")["rate"] == 0
    assert granted["system_rate"][RATE] == 48000
    assert (granted["other_rate"][RATE], granted["other_rate"][INPUT + RATE]) == (44100, 48000)


def test_int16_is_tried_where_float32_is_refused_unless_it_was_wanted(results) -> None:
    tried = results.outcomes["int16_only_input"]
    opens = [line.split("format=")[1][0] for line in tried.log if line.startswith("open input")]
    assert opens == ["2", "1"]
    assert tried.values["granted"][INPUT + FORMAT] == 1
    refused = results.outcomes["float_wanted_refused"]
    assert refused.one("open") == -883
    assert len([line for line in refused.log if line.startswith("open input")]) == 1


@pytest.mark.parametrize(
    ("name", "code", "step"),
    [
        ("float_wanted_refused", -883, 2),
        ("no_format", -883, 1),
        ("output_fails", -896, 1),
        ("input_fails", -881, 2),
        ("granted_24_bit", -1007, 2),
        ("granted_9_channels", -1007, 2),
    ],
)
def test_a_refused_open_gives_code_and_direction_and_leaves_nothing(
    results: rig.Results, name: str, code: int, step: int
) -> None:
    outcome = results.outcomes[name]
    assert outcome.one("open") == code
    assert outcome.values["granted"][FAILED_STEP] == step
    assert_nothing_left_open(outcome)
    known = outcome.values["granted"][RATE]
    assert known == (48000 if step == 2 else UNKNOWN)


@pytest.mark.parametrize(
    ("name", "code"), [("output_start_fails", -895), ("input_start_fails", -899)]
)
def test_a_refused_start_stops_both(results: rig.Results, name: str, code: int) -> None:
    outcome = results.outcomes[name]
    assert outcome.one("start") == code
    assert outcome.values["status"][0] == 4
    assert ("start output -> 0" in outcome.log) is False
    assert outcome.log[-4:] == ["stop output", "stop input", "close output", "close input"]
    assert (outcome.one("read"), outcome.one("close"), outcome.one("closed")) == (0, 0, -1003)


def test_wrong_calls_get_codes(results: rig.Results) -> None:
    expected = {name: [code] for code, names in ABUSE.items() for name in names.split()}
    assert results.outcomes["abuse"].values == expected
    assert len(results.outcomes["after_all"].pcm) == 3000 * 4


def test_wrong_calls_under_sanitizers(tmp_path: Path) -> None:
    lines = {
        "abuse": SCENARIOS["abuse"],
        "race": "race=1 warmup=0 frames=99 record=9000000 plays=0",
    }
    results = rig.with_sanitizer(tmp_path, lines, "address,undefined")
    expected = {name: [code] for code, names in ABUSE.items() for name in names.split()}
    assert results.outcomes["abuse"].values == expected
    race = results.outcomes["race"]
    assert (race.one("raced_stop"), race.one("raced_close"), race.one("raced_calls")) == (0, 0, 1)


def test_no_data_race_while_other_threads_poll_read_and_stop(tmp_path: Path) -> None:
    race = "race=1 warmup=500 frames=99 record=9000000 plays=0"
    lines = {"race_1": race, "race_2": race, "loss": f"{RUN} disconnect_at=5", "plain": RUN}
    results = rig.with_sanitizer(tmp_path, lines, "thread")
    assert "WARNING: ThreadSanitizer" not in results.errors
    assert results.outcomes["plain"].values["status"][0] == 3
    assert results.outcomes["race_2"].one("raced_close") == 0


def test_an_old_phone_lacks_functions_and_measures_all_the_same(tmp_path: Path) -> None:
    lines = {"old": f"{RUN} {EVERYTHING} w10=0 delay=100"}
    results = rig.with_sanitizer(tmp_path, lines, "address,undefined", "-DFAKE_OLD")
    assert results.header["check"] == "0"
    missing = results.header["missing"].split(",")
    assert len(missing) == 12
    assert "AAudioStreamBuilder_setInputPreset" in missing
    granted = results.outcomes["old"].values["granted"]
    assert granted[NOT_ASKED] == 15
    for what in (SESSION, MMAP, PRESET, USAGE, CONTENT, HW_RATE, HW_CHANNELS, HW_FORMAT):
        assert (granted[what], granted[INPUT + what]) == (UNKNOWN, UNKNOWN)
    assert results.outcomes["old"].values["status"][0] == 3
    assert len(results.outcomes["old"].pcm) == 12000


def jvm_without_scenarios(folder: Path, *fake: str, library: bool = True) -> dict[str, str]:
    """What Java finds where AAudio cannot work."""
    place = rig.Place(folder, {"never": RUN})
    libraries = folder / "libraries"
    libraries.mkdir()
    if library:
        shutil.copy(rig.shipped_library("x86_64", folder), libraries)
        rig.make_shims(["gcc"], libraries)
    if fake:
        rig.make_fake(["gcc"], libraries, *fake)
    classes = rig.make_java(folder)
    return rig.parse(rig.run_java(place, classes, libraries, *place.arguments())[0]).header


def test_java_says_why_there_is_no_aaudio(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("broken", "absent", "no_library")]
    broken = jvm_without_scenarios(folders[0], "-DFAKE_BROKEN")
    assert broken["available"] == "false"
    assert broken["reason"] == "AAudio functions are missing (-1006): AAudioStream_read"
    assert jvm_without_scenarios(folders[1])["reason"] == "no AAudio on this phone (-1000)"
    reason = jvm_without_scenarios(folders[2], library=False)["reason"]
    assert reason.startswith("native library not loaded: ")
