"""API, mode, preset, rates, channels and buffer: knowledge in, setting out."""

from __future__ import annotations

import pytest
from known_models import advice, facts, knowledge, quantity, said, setting

from profiler.model import Confidence, SettingValue, SupportLevel, UseCase, Verdict

L1, JAVA = ("L1", "rtl_ms"), ("L3", "rtl_ms[api=java]")
PHONE = facts(apis=("aaudio", "java", "opensles"))
CALL, MUSIC = UseCase.CALL, UseCase.MUSIC


def value(name: str, numbers: dict, use: UseCase = CALL, **more: object) -> SettingValue:  # type: ignore[type-arg]
    return setting(advice(knowledge(numbers, of=PHONE, **more), use), name).value  # type: ignore[arg-type]


def test_the_fastest_api_is_taken_when_the_gain_is_sure() -> None:
    made = advice(knowledge({L1: 60.0, JAVA: 140.0}, of=PHONE), CALL)
    api = setting(made, "api")
    assert (api.value, api.default, api.rule) == ("aaudio", "java", "streams.fastest_api")
    assert "aaudio 60 ms, java 140 ms" in api.reason
    assert api.test_ids == ("L1", "L3")
    assert api.trial_uuids == ("L1-trial", "L3-trial")
    assert value("api", {L1: 136.0, JAVA: 140.0}) == "java"  # below 5 ms
    assert value("api", {L1: (125.0, 105.0, 145.0), JAVA: (140.0, 139.0, 141.0)}) == "java"
    assert value("api", {L1: 60.0}) == "java"  # nothing to compare with
    other = {L1: 60.0, JAVA: 140.0, ("L3", "rtl_ms[api=opensles]"): 50.0}
    assert value("api", other) == "opensles"


def test_never_onto_a_path_that_is_silent_glitches_or_does_not_cancel() -> None:
    fast = {L1: 60.0, JAVA: 140.0, ("L3", "rtl_ms[api=opensles]"): 70.0}
    dead = quantity("D1", "zero_run_ms[api=opensles]", 1312.0)
    assert value("api", fast | {L1: 90.0}, quantities=[dead]) == "aaudio"
    glitches = said("G1", Verdict.FAIL)
    assert value("api", fast, tests=[glitches]) == "opensles"
    deaf = {
        ("A6", "erle_low_db[api=default,session=default]"): 2.0,
        ("A6", "erle_low_db[api=opensles,session=default]"): 31.0,
        ("A6", "erle_low_db[api=java,session=default]"): 31.0,
    }
    assert value("api", fast | deaf) == "opensles"
    assert value("api", fast | deaf, MUSIC) == "aaudio"  # music needs no canceller
    made = advice(knowledge(fast | deaf, of=PHONE, quantities=[dead], tests=[glitches]), CALL)
    api = setting(made, "api")
    assert api.value == "java"
    assert "opensles: its microphone delivers runs of zeros" in api.reason
    every = [dead, quantity("D1", "zero_run_ms[api=java]", 1312.0)]
    nothing = advice(knowledge(fast, of=PHONE, quantities=every, tests=[glitches]), CALL)
    assert setting(nothing, "api").rule == "streams.stack"
    assert [c.code for c in nothing.cautions if c.code == "no_fit_api"] == ["no_fit_api"]


def test_the_worst_of_several_runs_counts_as_silence() -> None:
    once = quantity("D1", "zero_run_ms[api=opensles]", 0.0, worst=1312.0)
    numbers = {L1: 90.0, JAVA: 140.0, ("L3", "rtl_ms[api=opensles]"): 50.0}
    assert value("api", numbers, quantities=[once]) == "aaudio"


def test_an_api_that_nobody_knows_is_no_choice() -> None:
    odd = facts(apis=("évil\x1b[2J", "java"))
    numbers = {L1: 10.0, JAVA: 140.0, ("L3", "rtl_ms[api=opensles]"): 70.0}
    numbers |= {("L3", "rtl_ms[api=*]"): 1.0}
    made = advice(knowledge(numbers, of=odd), CALL)
    assert setting(made, "api").value == "opensles"
    assert "évil" not in setting(made, "api").reason


def test_mode_and_usage_follow_the_use() -> None:
    for use, mode, usage in (
        (CALL, "communication", "voice_communication"),
        (UseCase.VOICE_AGENT, "communication", "voice_communication"),
        (MUSIC, "media", "media"),
    ):
        assert value("audio_mode", {}, use) == mode
        assert value("usage", {}, use) == usage


def test_ios_takes_the_unit_of_its_use() -> None:
    phone = facts(ios=True)
    assert setting(advice(knowledge(of=phone), CALL), "api").value == "coreaudio_voice_processing"
    assert setting(advice(knowledge(of=phone), MUSIC), "api").value == "coreaudio_remote_io"
    assert advice(knowledge(of=phone), CALL).setting("usage") is None


@pytest.mark.parametrize(
    ("without_ms", "highest_ms", "results", "mode", "word"),
    [
        (95.0, 114.0, 1, "none", "slower here"),  # 14 ms; opens lie within 12
        (95.0, 119.0, 1, "low_latency", "undecided"),  # they lie within 17
        (95.0, 119.0, 4, "none", "slower here"),  # four runs said so
        (105.0, 109.0, 1, "low_latency", "undecided"),  # below 5 ms nobody hears it
        (119.0, 111.0, 1, "low_latency", "faster here"),
    ],
)
def test_the_mode_follows_a_difference_that_is_real(
    without_ms: float, highest_ms: float, results: int, mode: str, word: str
) -> None:
    numbers = {
        L1: 109.0, JAVA: 171.0, ("L1", "rtl_min_ms"): 102.0, ("L1", "rtl_max_ms"): highest_ms,
    }  # fmt: skip
    other = quantity("L3", "rtl_ms[performance=none]", without_ms, results=results)
    found = setting(
        advice(knowledge(numbers, of=PHONE, quantities=[other]), CALL), "performance_mode"
    )
    assert (found.value, word in found.reason) == (mode, True), found.reason
    assert f"109 ms with it, {without_ms:.0f} ms without it" in found.reason
    assert (found.confidence is Confidence.LOW) == (word == "undecided")


def test_a_wide_interval_decides_nothing() -> None:
    numbers = {
        L1: 109.0, JAVA: 171.0, ("L1", "rtl_min_ms"): 108.0, ("L1", "rtl_max_ms"): 110.0,
        ("L3", "rtl_ms[performance=none]"): (95.0, 75.0, 115.0),
    }  # fmt: skip
    found = setting(advice(knowledge(numbers, of=PHONE), CALL), "performance_mode")
    assert (found.value, "undecided" in found.reason) == ("low_latency", True)


def test_performance_mode_and_sharing() -> None:
    fast = {L1: 60.0, JAVA: 140.0}
    assert value("performance_mode", {}) == "none"
    assert value("performance_mode", fast) == "low_latency"
    slow_mode = {("L3", "rtl_ms[performance=none]"): 40.0}
    assert value("performance_mode", fast | slow_mode) == "none"
    assert value("performance_mode", fast | {("L3", "rtl_ms[performance=none]"): 90.0}) == (
        "low_latency"
    )
    refused = fast | {("L3", "rtl_ms"): 62.0}
    said = setting(advice(knowledge(refused, of=PHONE), CALL), "performance_mode").reason
    assert "was not measured (L3 was made and got no other mode)" in said
    dead = {("D1", "zero_run_ms[performance=low_latency]"): 1312.0}
    assert value("performance_mode", fast | dead) == "none"
    assert value("performance_mode", fast | {("L3", "rtl_ms[performance=none]"): 41.0}) == (
        "low_latency"  # 20 ms may be two opens where L1 did not see how far they differ
    )
    plain = {("D1", "zero_run_ms[rate=48000]"): 1312.0}
    assert value("performance_mode", fast | dead | plain) == "low_latency"  # it was the rate
    assert value("sharing", fast) == "shared"
    assert value("sharing", fast | {("D1", "zero_run_ms[sharing=exclusive]"): 0.0}) == "exclusive"
    assert value("sharing", fast | {("D1", "zero_run_ms[sharing=exclusive]"): 900.0}) == "shared"


def test_a_silent_preset_is_left_for_the_next_that_delivers() -> None:
    assert value("input_preset", {}) == "voice_communication"
    dead = {("D1", "zero_run_ms[mode=communication,preset=voice_communication]"): 1312.0}
    heard = {("D1", "zero_run_ms[preset=voice_recognition]"): 0.0}
    made = advice(knowledge(dead | heard, of=PHONE), CALL)
    preset = setting(made, "input_preset")
    assert (preset.value, preset.rule) == ("voice_recognition", "inputs.preset_not_silent")
    assert value("input_preset", dead) == "voice_communication"  # none is known to deliver
    plain = {("D1", "zero_run_ms[rate=48000]"): 1312.0}
    assert value("input_preset", dead | heard | plain) == "voice_communication"
    music = {("D1", "zero_run_ms[preset=unprocessed]"): 1312.0}
    music |= {("D1", "zero_run_ms[preset=voice_performance]"): 0.0}
    assert value("input_preset", music, MUSIC) == "voice_performance"
    both = {
        ("L8", "rtl_ms[preset=unprocessed]"): 80.0,
        ("L8", "rtl_ms[preset=voice_performance]"): 60.0,
    }
    assert value("input_preset", both, MUSIC) == "voice_performance"
    assert value("input_preset", both, CALL) == "voice_communication"


@pytest.mark.parametrize(
    ("zeros", "more", "expected"),
    [
        ({48_000: 0.0, 16_000: 0.0}, {}, 48_000),
        ({48_000: 1312.0, 44_100: 0.0, 16_000: 0.0}, {}, 44_100),
        (
            {48_000: 1312.0, 44_100: 0.0, 16_000: 0.0},
            {("L7", "pitch_error_percent[rate=44100]"): 8.1},
            16_000,
        ),
        ({48_000: 0.0, 44_100: 0.0}, {("L7", "zero_run_ms[rate=48000]"): 3390.0}, 44_100),
        ({48_000: 0.0, 44_100: 0.0}, {("L7", "added_ms[rate=48000]"): 200.0}, 44_100),
        ({16_000: 0.0}, {}, 16_000),
    ],
)
def test_the_first_rate_that_delivers(zeros: dict, more: dict, expected: int) -> None:  # type: ignore[type-arg]
    numbers = {("D1", f"zero_run_ms[rate={r}]"): ms for r, ms in zeros.items()} | more
    assert value("capture_rate_hz", numbers) == expected
    assert value("output_rate_hz", numbers) == 48_000


def test_a_phone_that_delivers_at_no_rate_is_a_caution() -> None:
    numbers = {("D1", f"zero_run_ms[rate={r}]"): 1312.0 for r in (48_000, 16_000)}
    made = advice(knowledge(numbers), CALL)
    assert setting(made, "capture_rate_hz").rule == "inputs.native_rate"
    assert [c.text for c in made.cautions if c.code == "no_fit_rate"] == [
        "no capture rate works on this model: 16000 Hz: runs of zeros, 48000 Hz: runs of zeros"
    ]
    unknown = advice(knowledge(of=facts(native_rate_hz=None)), CALL)
    assert setting(unknown, "capture_rate_hz").value == 48_000


@pytest.mark.parametrize(
    ("proof", "expected"),
    [
        (("L1", "rtl_ms"), 48_000),
        (("L3", "rtl_ms"), 48_000),
        (("D1", "rtl_ms[rate=48000]"), 48_000),
        (("L7", "added_ms[rate=44100]"), 44_100),
        (("L3", "rtl_ms[rate=16000]"), 16_000),
        (("D1", "rtl_ms[rate=16000]"), 16_000),
    ],
)
def test_a_rate_with_a_round_trip_works_in_spite_of_runs_of_zeros(
    proof: tuple[str, str], expected: int
) -> None:
    """A loop without noise delivers exact zeros between the sounds, and the sounds."""
    zeros = {("D1", f"zero_run_ms[rate={r}]"): 480.0 for r in (16_000, 44_100, 48_000)}
    made = advice(knowledge(zeros | {proof: 15.0}), CALL)
    rate = setting(made, "capture_rate_hz")
    assert (rate.value, rate.rule) == (expected, "inputs.rate_that_delivers")
    assert "a round trip was measured in spite of runs of zeros" in rate.reason
    assert set(rate.test_ids) == {"D1", proof[0]}
    assert "no_fit_rate" not in [c.code for c in made.cautions]


def test_a_rate_that_is_silent_at_times_is_not_saved_by_a_round_trip() -> None:
    at_times = quantity("D1", "zero_run_ms[rate=48000]", 0.0, worst=1312.0)
    numbers = {L1: 85.0, ("D1", "zero_run_ms[rate=16000]"): 0.0}
    assert value("capture_rate_hz", numbers, quantities=[at_times]) == 16_000
    seldom = quantity("D1", "rtl_ms[rate=48000]", 85.0, results=3)
    assert value("capture_rate_hz", numbers, quantities=[at_times, seldom]) == 16_000
    always = quantity("D1", "rtl_ms[rate=48000]", 85.0)
    assert value("capture_rate_hz", numbers, quantities=[at_times, always]) == 48_000


def test_a_relatives_round_trip_says_nothing_of_this_models_zeros() -> None:
    zeros = {("D1", "zero_run_ms[rate=48000]"): 1312.0, ("D1", "zero_run_ms[rate=16000]"): 0.0}
    theirs = quantity("L1", "rtl_ms", 85.0, level=SupportLevel.SAME_SOC)
    assert value("capture_rate_hz", zeros, quantities=[theirs]) == 16_000


def test_channels_and_conversion() -> None:
    ratio = "pitch_ratio[channels={},preset=voice_communication]"
    assert value("input_channels", {}) == 1
    assert value("input_channels", {("D2", ratio.format(1)): 1.0}) == 1
    false_mono = {("D2", ratio.format(1)): 0.5, ("D2", ratio.format(2)): 1.0}
    assert value("input_channels", false_mono) == 2
    assert value("input_channels", false_mono | {("D2", ratio.format(2)): 0.5}) == 1
    fast = {L1: 60.0, JAVA: 140.0}
    assert value("src_quality", fast) == "none"
    at_times = quantity("D1", "zero_run_ms[rate=48000]", 1312.0, least=0.0)
    heard = {("D1", "zero_run_ms[rate=16000]"): 0.0}
    assert value("src_quality", fast | heard, quantities=[at_times]) == "medium"
    assert advice(knowledge()).setting("src_quality") is None  # the Java path converts itself


# --- buffer --------------------------------------------------------------------------------------

FAST = {L1: 60.0, JAVA: 140.0}


def sizes(clean_from: int, minutes: float, *, top: int = 8) -> dict:  # type: ignore[type-arg]
    """G1 as a sweep gives it: 5 glitches a minute below ``clean_from`` bursts."""
    found = {("G1", "safe_bursts"): float(clean_from), ("G1", "sizes_refused"): 0.0}
    for n in range(1, top + 1):
        at = f"[bursts={n}]"
        rate = 5.0 if n < clean_from else 0.0
        found["G1", f"glitches_per_min{at}"] = rate
        found["G1", f"glitches_per_min_ub95{at}"] = 20.0 if rate else 3.0 / minutes
        found["G1", f"watched_min{at}"] = minutes
    return FAST | found


def bursts(numbers: dict, use: UseCase = MUSIC, **more: object) -> tuple[SettingValue, str]:  # type: ignore[type-arg]
    more.setdefault("tests", [said("G1", Verdict.MARGINAL)])
    more.setdefault("results", 1)
    made = advice(knowledge(numbers, of=PHONE, **more), use)  # type: ignore[arg-type]
    found = setting(made, "buffer_bursts")
    frames = setting(made, "buffer_frames").value
    assert frames == (None if found.value is None else found.value * 240)
    return found.value, found.rule


def test_an_unmeasured_buffer_is_twenty_milliseconds() -> None:
    assert bursts(FAST, tests=[]) == (4, "buffer.cautious")  # 4 * 5 ms
    assert bursts({}, tests=[]) == (None, "buffer.cautious")  # Java sizes its own
    small = facts(frames_per_burst=96, apis=PHONE.apis)
    made = advice(knowledge(FAST, of=small), MUSIC)
    assert setting(made, "buffer_bursts").value == 10
    unknown = facts(frames_per_burst=None, apis=PHONE.apis)
    made = advice(knowledge(FAST, of=unknown), MUSIC)
    assert setting(made, "buffer_bursts").value is None
    assert setting(made, "frames_per_burst").value is None


def test_the_smallest_size_that_is_proven() -> None:
    assert bursts(sizes(3, 40.0)) == (3, "buffer.smallest_safe")
    assert bursts(sizes(1, 40.0)) == (2, "buffer.smallest_safe")  # Nmin
    # Voice wants 0.5 a minute: 3 bursts are watched for 2 min (1.5), 3 to 5 together for 6 (0.5).
    assert bursts(sizes(3, 2.0), CALL) == (5, "buffer.smallest_safe")
    assert bursts(sizes(3, 2.0, top=4), CALL) == (3, "buffer.smallest_clean")
    assert bursts(sizes(3, 0.15)) == (3, "buffer.smallest_clean")
    idle = {("G3", "glitches_per_min[bursts=4,state=idle]"): 0.0}
    idle |= {("G3", "watched_min[bursts=4,state=idle]"): 5.0}
    assert bursts(sizes(3, 0.6) | idle, CALL) == (4, "buffer.smallest_safe")


def test_load_idle_and_blocks_raise_the_size() -> None:
    loaded = {("G2", "safe_bursts[state=loaded]"): 6.0}
    assert bursts(sizes(3, 40.0) | loaded) == (6, "buffer.load")
    idle = {("G3", "glitches_per_min[bursts=4,state=idle]"): 2.0}
    assert bursts(sizes(3, 40.0) | idle) == (6, "buffer.load")
    lower = {("G3", "glitches_per_min[bursts=2,state=idle]"): 2.0}
    assert bursts(sizes(3, 40.0) | lower) == (3, "buffer.smallest_safe")
    tiny = facts(frames_per_burst=96, apis=PHONE.apis)  # 2 ms
    made = advice(knowledge(sizes(3, 40.0), of=tiny, tests=[said("G1")]), CALL)
    found = setting(made, "buffer_bursts")
    assert (found.value, found.rule) == (5, "buffer.whole_blocks")
    assert found.confidence is Confidence.HIGH


def test_no_safe_size_one_size_and_another_path() -> None:
    failed = [said("G1", Verdict.FAIL)]
    made = advice(knowledge({L1: 60.0}, of=facts(apis=("java",)), tests=failed), CALL)
    assert setting(made, "buffer_bursts").value == 8
    assert "no_safe_buffer" in [c.code for c in made.cautions]
    fixed = sizes(4, 40.0) | {("G1", "sizes_refused"): 7.0}
    assert bursts(fixed) == (None, "buffer.one_size")
    slow = sizes(3, 40.0) | {L1: 200.0}  # Java is faster, and G1 was made on AAudio
    assert bursts(slow) == (None, "buffer.cautious")


def test_a_relative_counts_with_its_cautious_end() -> None:
    relative = {"level": SupportLevel.SAME_SOC, "tests": []}
    numbers = {("G1", "safe_bursts"): (3.0, 2.0, 5.0)}
    test = [said("G1", Verdict.MARGINAL, level=SupportLevel.SAME_SOC)]
    assert bursts(FAST | numbers, level=SupportLevel.SAME_SOC, tests=test)[0] == 5
    lost = {("L6", "input_lost_ms[start=later]"): (100.0, 60.0, 180.0)}
    assert value("preroll_ms", lost) == 100
    assert value("preroll_ms", lost, **relative) == 180
