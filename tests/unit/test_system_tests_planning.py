"""System events: what is planned for which phone, and what it would need where it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import store_records as make

from profiler.catalogue import TESTS, TrialOptions, judge
from profiler.catalogue.kinds import PlannedTrial, Skip
from profiler.catalogue.system.acts import offered_routes
from profiler.model import (
    DeviceFacts,
    Platform,
    Reason,
    TimedAction,
    TrialRequest,
    Verdict,
)

RUN = "run-1"
ADB = frozenset(
    f"action:{word}"
    for word in ("route", "lock", "screen_off", "screen_on", "home", "front", "volume_up",
                 "volume_down")
)  # fmt: skip
OPTIONS = TrialOptions(seed=3, abilities=ADB)
PHONE = make.facts(
    platform=Platform.ANDROID, native_rate_hz=48_000, raw={"routes": "speaker, earpiece"}
)


def plan(test_id: str, facts: DeviceFacts = PHONE, **changes: Any) -> tuple[PlannedTrial, ...]:
    found = TESTS[test_id].trials(facts, replace(OPTIONS, **changes))
    assert not isinstance(found, Skip), found
    return found


def skip(test_id: str, facts: DeviceFacts = PHONE, **changes: Any) -> Skip:
    found = TESTS[test_id].trials(facts, replace(OPTIONS, **changes))
    assert isinstance(found, Skip)
    return found


def with_routes(routes: str) -> DeviceFacts:
    return replace(PHONE, raw={"routes": routes})


def test_routes_that_the_probe_names() -> None:
    assert offered_routes(PHONE) == ("speaker", "earpiece")
    assert offered_routes(with_routes("speaker, speaker,$(reboot), , bluetooth_sco")) == (
        "speaker",
        "bluetooth_sco",
    )
    assert offered_routes(replace(PHONE, raw={})) == ()


def test_r1_goes_to_every_other_route_and_back_within_its_budget() -> None:
    (only,) = plan("R1")
    assert only.setup.actions == (
        TimedAction(5.0, "route", "earpiece"),
        TimedAction(13.0, "route", "speaker"),
    )
    assert (only.request.api, only.request.audio_mode) == ("java", "communication")
    assert only.setup.analysis == "actions"
    many = with_routes("speaker, earpiece, wired, usb, bluetooth_sco")
    assert [p.setup.actions[0].value for p in plan("R1", many)] == [
        "earpiece", "bluetooth_sco", "wired"
    ]  # fmt: skip
    quick = plan("R1", many, brief=True)
    assert len(quick) == 2
    assert sum(p.audio_s for p in quick) <= 60
    ear = plan("R1", base=TrialRequest(route="earpiece"))
    assert [a.value for a in ear[0].setup.actions] == ["speaker", "earpiece"]


def test_r1_needs_a_route_to_go_to_and_a_probe_that_goes() -> None:
    assert skip("R1", with_routes("speaker")).reason is Reason.NEEDS_HEADSET
    assert "none that the probe names" in skip("R1", replace(PHONE, raw={})).text
    assert skip("R1", abilities=frozenset()).reason is Reason.NOT_ON_THIS_PROBE


def test_k1_records_on_for_longer_than_a_minute_behind_the_lock() -> None:
    (only,) = plan("K1")
    assert only.request.background == "continue"
    (lock,) = only.setup.actions
    assert only.request.duration_s - lock.at_s > 65
    secret = skip("K1", abilities=ADB - {"action:lock", "action:screen_off"})
    assert secret.reason is Reason.NOT_ON_THIS_PROBE
    assert "screen lock to None" in secret.text
    host = replace(PHONE, platform=Platform.HOST)
    assert skip("K1", host, abilities=frozenset()).reason is Reason.NEEDS_ADB


def test_r4_presses_keys_in_a_call() -> None:
    (only,) = plan("R4")
    assert [a.action for a in only.setup.actions] == ["volume_down", "volume_up"]
    assert only.request.audio_mode == "communication"
    assert only.request.volume is not None
    for platform, reason in (
        (Platform.IOS, Reason.NOT_ON_THIS_PROBE),
        (Platform.WEB, Reason.NOT_ON_THIS_PROBE),
    ):
        elsewhere = replace(PHONE, platform=platform)
        assert skip("R4", elsewhere, abilities=frozenset()).reason is reason


def test_bluetooth_is_measured_when_it_is_there() -> None:
    for test_id in ("B1", "B2", "B3"):
        found = skip(test_id)
        assert found.reason is Reason.NEEDS_HEADSET
        assert "speaker, earpiece" in found.text
    sco = with_routes("speaker, earpiece, bluetooth_sco")
    assert [p.request.route for p in plan("B1", sco)] == ["bluetooth_sco"] * 3 + ["speaker"] * 3
    assert all(p.request.warmup_s == 0 for p in plan("B2", sco))
    assert "bluetooth_le" in skip("B3", sco).text
    both = with_routes("speaker, bluetooth_sco, bluetooth_le")
    assert {p.request.route for p in plan("B3", both)} == {"bluetooth_sco", "bluetooth_le"}


@pytest.mark.parametrize(
    ("test_id", "reason"),
    [("R2", Reason.NEEDS_CALL), ("R3", Reason.NEEDS_SECOND_APP), ("K2", Reason.NEEDS_SECOND_APP)],
)
def test_what_nothing_on_the_bench_can_make_says_what_it_needs(
    test_id: str, reason: Reason
) -> None:
    found = skip(test_id)
    assert found.reason is reason
    assert found.text.startswith("needs a second")
    assert judge(test_id, RUN, []).verdict is Verdict.SKIPPED
