"""Advice names no test as what would tell that a device of the kind cannot run."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from known_models import Number, advice, facts, knowledge, network

from profiler.budget import Known
from profiler.catalogue import TESTS, Skip, TrialOptions
from profiler.catalogue.systems import NEVER, in_brackets, runs_on, that_run_on
from profiler.model import DeviceFacts, DeviceRef, ModelFacts, Platform, Reason, Setting, UseCase
from profiler.networks import load_networks
from profiler.recommend import defaults
from profiler.recommend.case import Case, Choice
from profiler.recommend.rule import Rule, apply
from profiler.recommend.supported import support

FAMILIES = {
    "android": (Platform.ANDROID, "codec fresh_process route screen_off screen_on volume_up"
                " volume_down home lock"),
    "ios": (Platform.IOS, "fresh_process route lock"),
    "web": (Platform.WEB, "fresh_process hide show"),
    "host": (Platform.HOST, "fresh_process"),
}  # fmt: skip
"""What the drivers can do beside a trial."""
FOR_EVER = {Reason.NOT_ON_THIS_PROBE, Reason.NEEDS_CODER, Reason.NEEDS_ADB}
"""Skips that nothing on the bench changes."""
TEST_ID = re.compile(r"\b[A-Z][1-9]\b")
PARTLY: dict[tuple[str, str], Number] = {
    ("L1", "rtl_ms"): 60.0, ("L3", "rtl_ms"): 61.0, ("L3", "rtl_ms[api=java]"): 140.0,
    ("L5", "skew_ppm"): 1.0, ("A1", "erle_db[volume=1]"): 35.0, ("A9", "full_duplex"): 1.0,
    ("A1", "erle_low_db[volume=1]"): 33.0, ("G1", "glitches_per_min_ub95[bursts=2]"): 0.05,
    ("G1", "glitches_per_min[bursts=2]"): 0.0, ("L6", "input_lost_ms[start=later]"): 400.0,
}  # fmt: skip
"""Some rules measured, a whole block that rests on a proven buffer, the rest assumed."""

NETWORKS = [load_networks()[name] for name in ("good", "bursty")]


def model_of(family: str, **more: object) -> ModelFacts:
    platform, _ = FAMILIES[family]
    if platform in (Platform.ANDROID, Platform.IOS):
        return facts(ios=platform is Platform.IOS, **more)
    return facts(platform=platform, os_name="", api_level=None, apis=(), **more)


def named_in(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(TEST_ID.findall(text)))


def skipped_for_ever(family: str) -> set[str]:
    """As the tests' own planners say, with everything at hand that a bench can have."""
    platform, can = FAMILIES[family]
    abilities = {w if w in ("codec", "fresh_process") else f"action:{w}" for w in can.split()}
    options = TrialOptions(
        seed=1, operator=True, partner=DeviceRef(Platform.HOST, "H"), abilities=frozenset(abilities)
    )
    device = DeviceFacts(
        platform=platform, manufacturer="M", model="X", marketing_name="X", soc="S",
        os_name="", os_version="17", os_build="b", collected_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    planned = {test_id: test.trials(device, options) for test_id, test in TESTS.items()}
    return {n for n, p in planned.items() if isinstance(p, Skip) and p.reason in FOR_EVER}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_table_is_what_the_planners_say(family: str) -> None:
    assert skipped_for_ever(family) == NEVER[family]


@pytest.mark.parametrize("use", UseCase)
@pytest.mark.parametrize("family", FAMILIES)
def test_advice_on_what_nothing_measured_names_tests_that_can_run(
    family: str, use: UseCase
) -> None:
    found = advice(knowledge(of=model_of(family)), use=use)
    texts = [s.reason for s in found.settings]
    texts += [part.text for budget in found.budgets for part in budget.parts]
    named = {test for text in texts for test in TEST_ID.findall(text)}
    assert named
    assert {t for t in named if not runs_on(t, family)} == set()
    assert not {t for t in support(found.settings).would_tell if not runs_on(t, family)}


def test_an_android_phone_is_still_told_of_both() -> None:
    found = advice(knowledge(of=facts()))
    named = " ".join(s.reason for s in found.settings)
    assert "G5 would" in named


@pytest.mark.parametrize("use", UseCase)
@pytest.mark.parametrize("family", FAMILIES)
def test_what_an_assumed_reason_names_is_what_the_rule_states(family: str, use: UseCase) -> None:
    """A rule that names a test in its prose alone would be missing from what would tell."""
    stated = 0
    for of in (model_of(family), model_of(family, frames_per_burst=96)):
        for numbers in ({}, PARTLY):
            for on in NETWORKS:
                known = knowledge(numbers, of=of)
                for s in advice(known, use, on).settings:
                    if not s.test_ids:
                        named = named_in(s.reason)
                        assert s.would_tell == tuple(t for t in named if t in s.would_tell), s
                        # What is named besides was made, and did not tell.
                        assert all(t in s.would_tell or Known(known).made(t) for t in named), s
                        stated += bool(s.would_tell)
    assert stated


def made_of(family: str, choice: Choice) -> Setting:
    known = Known(knowledge(of=model_of(family)))
    case = Case(known, UseCase.CALL, network(), defaults(known, UseCase.CALL))
    apply((Rule("a", (choice.name,), "x", "x", (), ("x",), lambda _: (choice,)),), case)
    return case.settings[choice.key]


def test_only_the_tests_that_cannot_run_are_left_out() -> None:
    both = Choice("aec_delay_hint_ms", None, "a guess", would_tell=("A1", "L1"))
    assert made_of("ios", both).reason == "a guess (A1 or L1 would tell)"
    assert made_of("ios", both).would_tell == ("A1", "L1")
    assert made_of("host", both).reason == "a guess (L1 would tell)"
    assert made_of("host", both).would_tell == ("L1",)
    none = Choice("ns", "off", "whatever", would_tell=("V6",), telling="would measure it")
    assert made_of("android", none).reason == "whatever (V6 would measure it)"
    assert (made_of("ios", none).reason, made_of("ios", none).would_tell) == ("whatever", ())
    itself = Choice("ns", "off", "V6 was not made", would_tell=("V6",), telling="")
    assert made_of("android", itself).reason == "V6 was not made"
    assert made_of("android", itself).would_tell == ("V6",)
    prose = made_of("ios", Choice("ns", "off", "as V6 (V6 would tell)"))
    assert named_in(prose.reason) != prose.would_tell  # what the test of the table is to find


def test_words_of_tests_in_brackets() -> None:
    assert that_run_on(["A1", "L1"], "host") == ("L1",)
    assert in_brackets(["L5"], "on this route would tell") == " (L5 on this route would tell)"
    assert in_brackets(()) == in_brackets(["L5"], "") == ""
    more = (["A1"], "was made and found none")
    assert in_brackets(["L5"], "would tell", more) == " (L5 would tell; A1 was made and found none)"
    assert in_brackets([], "would tell", more) == " (A1 was made and found none)"
