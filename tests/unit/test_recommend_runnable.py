"""Advice names no test as what would tell that a device of the kind cannot run."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from known_models import advice, facts, knowledge

from profiler.catalogue import TESTS, Skip, TrialOptions
from profiler.catalogue.systems import NEVER, as_runs_on, runs_on
from profiler.model import DeviceFacts, DeviceRef, Platform, Reason, UseCase
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
    platform, _ = FAMILIES[family]
    phone = {"android": facts(), "ios": facts(ios=True)}.get(family)
    model = phone or facts(platform=platform, os_name="", api_level=None, apis=())
    found = advice(knowledge(of=model), use=use)
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


def test_only_the_tests_that_cannot_run_are_left_out() -> None:
    both = "the stack's own guess (A1 or L1 would tell)"
    assert as_runs_on(both, "ios") == both
    assert as_runs_on(both, "host") == "the stack's own guess (L1 would tell)"
    assert as_runs_on("whatever (V6 would measure it)", "ios") == "whatever"
    assert as_runs_on("a clock of its own (L5 on this route would tell)", "ios").endswith("tell)")
    assert as_runs_on("F9 (Signal A6)", "ios") == "F9 (Signal A6)"
