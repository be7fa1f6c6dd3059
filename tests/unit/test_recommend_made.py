"""Advice sends nobody to a test that was made, or that cannot answer on this system."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from known_models import Number, advice, facts, knowledge, quantity, said, setting

from profiler.budget import Known, device_part
from profiler.catalogue import SUITES
from profiler.catalogue.inputs import inputs_of_family
from profiler.model import (
    Advice,
    Confidence,
    ModelFacts,
    Platform,
    SupportLevel,
    TestKnowledge,
    UseCase,
    Verdict,
)
from profiler.recommend.saying import count_words, weakest_words
from profiler.recommend.supported import support, why_no_more

Numbers = dict[tuple[str, str], Number]
REMOTE, VOICE = "coreaudio_remote_io", "coreaudio_voice_processing"
IPHONE = facts(ios=True, apis=(REMOTE, VOICE))
PHONE = facts(apis=("aaudio", "java"))
HOST = facts(platform=Platform.HOST, os_name="", api_level=None, apis=())
L1, JAVA = ("L1", "rtl_ms"), ("L3", "rtl_ms[api=java]")
FAST: Numbers = {L1: 60.0, JAVA: 140.0}
"""AAudio is chosen."""
RATES: Numbers = {("D1", f"zero_run_ms[rate={rate}]"): 0.0 for rate in (16_000, 48_000)}
"""All that ``smoke`` tries of D1."""
GOOD: Numbers = {("A1", "erle_db[volume=1]"): 35.0, ("A1", "erle_low_db[volume=1]"): 33.0}


def told(
    numbers: Numbers, *made: str | TestKnowledge, of: ModelFacts = PHONE,
    use: UseCase = UseCase.CALL,
) -> Advice:  # fmt: skip
    tests = [said(t) if isinstance(t, str) else t for t in made]
    return advice(knowledge(numbers, of=of, tests=tests), use)


def test_an_iphone_has_one_way_to_share_and_one_mode() -> None:
    """L3 and D1 never try on it what it does not have."""
    assert not inputs_of_family("ios").sharings
    assert not inputs_of_family("ios").performance_modes
    assert inputs_of_family("android").sharings
    assert inputs_of_family("web") == inputs_of_family("host")
    for made in ([], ["L1", "L3"]):
        found = told({L1: 30.0}, *made, of=IPHONE)
        for name in ("sharing", "performance_mode"):
            one = setting(found, name)
            assert one.reason == "the default stack's own: the system has no other"
            assert one.would_tell == ()
            assert one in support(found.settings).free


@pytest.mark.parametrize("name", ["api", "sharing", "performance_mode"])
def test_a_sound_interface_has_nothing_to_compare_either(name: str) -> None:
    assert setting(told({}, of=HOST), name).would_tell == ()


def test_l3_that_was_made_is_said_to_be_made() -> None:
    before, after = told(FAST), told(FAST, "L1", "L3")
    assert setting(told({}), "api").would_tell == ("L3",)
    assert setting(told({}), "api").reason.endswith(" (L3 would)")
    mode = setting(after, "performance_mode")
    assert mode.reason.endswith("was not measured (L3 was made and got no other mode)")
    assert mode.would_tell == ()
    assert "L3" not in support(after.settings).would_tell
    assert "L3" not in weakest_words(after)
    assert before.value("performance_mode") == after.value("performance_mode") == "low_latency"
    one = told({L1: 60.0}, "L1", "L3")
    assert setting(one, "api").reason.endswith(" (L3 was made and left no other to choose)")
    assert setting(one, "trust_timestamps").reason.endswith(" (L3 was made and got none)")
    assert "L3" not in weakest_words(one)


def test_made_is_what_measured_something_on_this_very_build() -> None:
    def made(*quantities: object, **test: object) -> bool:
        tests = [said("L3", **test)] if test else []  # type: ignore[arg-type]
        return Known(knowledge(quantities=quantities, tests=tests)).made("L3")  # type: ignore[arg-type]

    assert not made()
    assert made(verdict=Verdict.FAIL)
    assert not made(verdict=Verdict.SKIPPED)
    assert not made(verdict=Verdict.ERROR)
    assert not made(level=SupportLevel.SAME_MODEL)
    number = quantity("L3", "rtl_ms", 60.0)
    assert made(number, verdict=Verdict.NOT_MEASURABLE)  # a round trip, and no time stamps
    assert not made(replace(number, level=SupportLevel.SAME_SOC))
    counted = replace(quantity("L3", "variants_refused", 6.0), unit="1")
    assert not made(counted, verdict=Verdict.NOT_MEASURABLE)


def test_another_build_may_still_be_measured() -> None:
    other = [said("L3", level=SupportLevel.SAME_MODEL)]
    found = advice(knowledge(FAST, of=PHONE, tests=other, level=SupportLevel.SAME_MODEL))
    assert setting(found, "performance_mode").would_tell == ("L3",)


def test_exclusive_streams_are_what_d1_hears_and_not_l3() -> None:
    mode = {("L3", "rtl_ms[performance=none]"): 90.0}
    assert setting(told(FAST | mode), "sharing").would_tell == ("D1",)
    short = setting(told(FAST | mode | RATES, "D1"), "sharing")
    assert short.reason.endswith(" (D1 tried rates only, in the quick suite it would tell)")
    assert short.would_tell == ("D1",)
    longer = RATES | {("D1", "zero_run_ms[preset=generic]"): 0.0}
    refused = setting(told(FAST | mode | longer, "D1"), "sharing")
    assert refused.reason.endswith(" (D1 was made and could not open it)")
    assert refused.would_tell == ()
    heard = longer | {("D1", "zero_run_ms[sharing=exclusive]"): 0.0}
    assert told(FAST | heard, "D1").value("sharing") == "exclusive"
    assert setting(told({}), "sharing").would_tell == ()  # Java shares always


def test_no_test_sizes_the_buffer_of_the_other_unit() -> None:
    sized: Numbers = {("G1", "safe_bursts"): 2.0, ("G1", "watched_min[bursts=2]"): 0.2}
    for numbers, made in (({L1: 30.0}, ["L1"]), ({L1: 30.0} | sized, ["L1", "G1"])):
        found = setting(told(numbers, *made, of=IPHONE), "buffer_bursts")
        assert found.reason.startswith(f"not measured on {VOICE}, whose buffer no test sizes: ")
        assert found.would_tell == ()
        unknown = replace(IPHONE, frames_per_burst=None)
        assert setting(told(numbers, *made, of=unknown), "buffer_bursts").would_tell == ()
    music = told({L1: 30.0}, of=IPHONE, use=UseCase.MUSIC)
    assert setting(music, "buffer_bursts").would_tell == ("G1",)


def test_g3_that_failed_is_not_what_would_tell_of_whole_blocks() -> None:
    tiny = facts(apis=PHONE.apis, frames_per_burst=96)  # 2 ms
    sized: Numbers = {("G1", "safe_bursts"): 2.0, ("G1", "glitches_per_min[bursts=2]"): 0.0}
    for rest, would in (([], ("G3",)), ([said("G3", Verdict.FAIL)], ())):
        found = setting(told(FAST | sized, "G1", *rest, of=tiny), "buffer_bursts")
        assert found.rule == "buffer.whole_blocks"
        assert found.would_tell == would
        assert "G3 (left untouched for minutes)" in found.reason


def test_suppression_that_was_measured_is_told_with_its_number() -> None:
    assert setting(told(GOOD, "A1"), "ns").reason.endswith(" (V6 would measure it)")
    found = setting(told(GOOD | {("V6", "attenuation_db"): 2.0}, "A1", "V6"), "ns")
    assert found.value == "hardware"
    assert found.reason.endswith("as libwebrtc does; it takes 2 dB of the voice")
    assert found.would_tell == ()


def test_gain_control_that_was_measured_is_told_with_its_number() -> None:
    assert setting(told({}), "agc").reason.endswith(" (V3 would find one)")

    def agc(follows_db: float, verdict: Verdict) -> str:
        made = said("V3", verdict)
        found = setting(told({("V3", "gain_range_db"): follows_db}, made), "agc")
        assert (found.value, found.would_tell) == ("software", ())
        return found.reason.partition("; the device's own ")[2]

    assert agc(1.0, Verdict.PASS) == "follows by 1 dB"
    assert agc(11.0, Verdict.FAIL) == "follows by 11 dB and does not settle in time"
    alone = setting(told({}, "V3"), "agc")
    assert alone.reason.endswith(" (V3 was made and found none)")


def test_a_budget_names_tests_that_can_run_and_were_not_made() -> None:
    call = {"audio_mode": "communication", "api": "java"}

    def text(of: ModelFacts, *made: str) -> str:
        tests = [said(t) for t in made]
        return device_part(Known(knowledge({L1: 60.0}, of=of, tests=tests)), call).text

    assert "a call may cost more (L2 would tell)" in text(PHONE)
    assert "java may cost more (L3 would tell)" in text(PHONE)
    assert "(L2 was made and did not tell)" in text(PHONE, "L2")
    assert "(L3 was made and did not tell)" in text(PHONE, "L3")
    assert "L2" not in text(HOST)


def test_why_it_is_no_surer_is_read_from_data() -> None:
    """A reason that happens to begin with the word is no proof of it, and a proof needs no word."""
    sure = next(s for s in told(FAST, "L1", "L3").settings if s.test_ids)
    low = replace(sure, confidence=Confidence.LOW, level=SupportLevel.SAME_BUILD)
    prose = replace(low, reason="undecided, as it says", would_tell=())
    assert why_no_more(prose, ()) == "only indirect evidence: undecided, as it says"
    data = replace(low, reason="60 or 61 ms", would_tell=low.test_ids)
    assert why_no_more(data, ()) == "60 or 61 ms"
    other = replace(low, reason="60 or 61 ms", would_tell=("G3",))
    assert why_no_more(other, ()) == "only indirect evidence: 60 or 61 ms"


def lacking(suite: str) -> dict[str, tuple[str, ...]]:
    """Settings of a phone that nothing measured and that no test of the suite would decide."""
    found: dict[str, tuple[str, ...]] = {}
    for of in (PHONE, IPHONE):
        for numbers in ({}, FAST, FAST | GOOD):
            for s in support(told(numbers, of=of).settings).unmeasured:
                if not set(s.would_tell).intersection(SUITES[suite]):
                    found[s.name] = s.would_tell
    return found


def test_what_the_quick_suite_leaves_open_is_what_its_page_says() -> None:
    """It was said to give every advice."""
    page = (Path(__file__).parents[2] / "docs" / "bench.md").read_text(encoding="utf-8")
    _, _, after = page.partition("It leaves at its cautious value")
    said = dict(re.findall(r"`(\w+)`[^`]*?\(([A-Z]\d)\)", after.partition("\n\n")[0]))
    quick = lacking("quick")
    clocks = quick.pop("drift_compensation")
    assert clocks == ("L5",)  # L4, which is in it, decides that, too
    assert {name: (test,) for name, test in said.items()} == quick
    assert set(lacking("standard")) == {n for n, t in said.items() if t in ("V3", "V5", "V6")}
    assert not lacking("full")
    for name in ("README.md", "docs/bench.md"):
        assert "every advice" not in (Path(__file__).parents[2] / name).read_text("utf-8")


def test_the_count_of_settings_says_what_it_counts() -> None:
    found = told({L1: 30.0}, "L1", of=IPHONE, use=UseCase.VOICE_AGENT)
    everywhere = [s for s in found.settings if not s.route]
    assert len(found.settings) > len(everywhere)
    words = f"{len(everywhere)} settings, {len(found.settings)} with those of single routes"
    assert count_words(found) == words
    assert count_words(replace(found, settings=tuple(everywhere))) == f"{len(everywhere)} settings"
