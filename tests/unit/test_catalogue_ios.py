"""What the tests plan on an iPhone, and on a virtual one: nothing that its probe app refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import store_records as make

from device_probes.virtual import load_fleet
from device_probes.virtual.usbmuxd import words
from profiler.catalogue import SUITES, TESTS, PlannedTrial, Skip, TrialOptions, planned_trials
from profiler.catalogue.inputs import REMOTE_IO, VOICE_PROCESSING, inputs_of, system_of
from profiler.catalogue.latency.l1 import offered_apis
from profiler.model import DeviceFacts, DeviceRef, EffectState, Platform, Reason

ROUTES = {"routes": "speaker, earpiece"}
IPHONE = make.facts(platform=Platform.IOS, is_virtual=False, raw=ROUTES)
VIRTUAL = make.facts(raw={"apis": f"{REMOTE_IO},{VOICE_PROCESSING}", **ROUTES})
ANDROID = make.facts(raw={"apis": "aaudio,java", **ROUTES})
PARTNER = DeviceRef(Platform.HOST, "interface")
CAN = frozenset({"fresh_process", "action:route"})
"""What an iPhone's driver can do."""


def planned(
    test_id: str, facts: DeviceFacts = IPHONE, **changes: object
) -> tuple[PlannedTrial, ...] | Skip:
    options = TrialOptions(seed=3, tests=(test_id,), abilities=CAN)
    return TESTS[test_id].trials(facts, replace(options, **changes))  # type: ignore[arg-type]


def trials(test_id: str, facts: DeviceFacts = IPHONE, **changes: object) -> list[PlannedTrial]:
    found = planned(test_id, facts, **changes)
    assert not isinstance(found, Skip), found.text
    return list(found)


def skip(test_id: str, facts: DeviceFacts = IPHONE, **changes: object) -> Skip:
    found = planned(test_id, facts, **changes)
    assert isinstance(found, Skip)
    return found


@pytest.mark.parametrize("facts", [IPHONE, VIRTUAL])
@pytest.mark.parametrize("partner", [None, PARTNER])
@pytest.mark.parametrize("budget", ["short", "brief", "thorough", ""])
def test_nothing_is_planned_that_the_app_refuses(
    facts: DeviceFacts, partner: DeviceRef | None, budget: str
) -> None:
    with_headset = replace(facts, raw={**facts.raw, "routes": "speaker, earpiece, bluetooth_sco"})
    options = TrialOptions(
        seed=3, tests=SUITES["full"], partner=partner, operator=True, abilities=CAN,
        **({budget: True} if budget else {}),  # type: ignore[arg-type]
    )  # fmt: skip
    found = planned_trials(with_headset, options)
    refused = {t.test_id: words.fault(t.request) for t in found if words.fault(t.request)}
    assert len(found) > 50
    assert refused == {}


def test_the_app_refuses_what_is_androids() -> None:
    android = planned_trials(ANDROID, TrialOptions(seed=3, tests=("L8", "D1", "A6"), abilities=CAN))
    refused = [t for t in android if words.fault(t.request)]
    assert {"camcorder", "voice_recognition"} <= {t.request.input_preset for t in refused}
    assert any(t.request.sharing == "exclusive" for t in refused)


def test_whose_rules_hold() -> None:
    assert [system_of(f) for f in (IPHONE, VIRTUAL, ANDROID)] == [
        Platform.IOS, Platform.IOS, Platform.ANDROID,
    ]  # fmt: skip
    for platform in (Platform.HOST, Platform.WEB):
        other = replace(IPHONE, platform=platform)
        assert inputs_of(other).presets == ()
        assert skip("L8", other).reason is Reason.NOT_ON_THIS_PROBE


def test_the_fleets_iphone_is_one() -> None:
    phone = next(p for p in load_fleet().phones() if p.spec.link == "usbmux")
    assert system_of(phone.facts()) is Platform.IOS
    others = [p for p in load_fleet().phones() if p.spec.link != "usbmux"]
    assert {system_of(p.facts()) for p in others} == {Platform.ANDROID}


def test_an_iphone_lists_no_apis_and_has_two() -> None:
    assert offered_apis(IPHONE) == offered_apis(VIRTUAL) == (VOICE_PROCESSING,)
    for test_id in ("L1", "L3"):
        assert VOICE_PROCESSING in {t.request.api for t in trials(test_id)}


def test_l8_opens_every_mode_and_both_units() -> None:
    found = trials("L8")
    modes = [(words.session_mode(t.request), words.is_voice(t.request)) for t in found]
    assert modes == [
        ("default", False), ("measurement", False), ("voice_chat", False), ("video_chat", False),
        ("voice_chat", True), ("video_chat", True),
    ]  # fmt: skip
    assert len({t.setup.note for t in found}) == 6
    android = trials("L8", ANDROID)
    assert [t.setup.note for t in android] == [t.request.input_preset for t in android]


def test_d1_takes_voice_processing_for_a_capture_configuration() -> None:
    found = trials("D1")
    voice = [t for t in found if words.is_voice(t.request)]
    working = [t for t in voice if t.request.aec is EffectState.ON]
    assert {t.request.rate_hz for t in working} == {8000, 16_000, 24_000, 44_100, 48_000}
    assert {words.session_mode(t.request) for t in voice} == {
        "default", "measurement", "voice_chat", "video_chat",
    }  # fmt: skip
    assert any(t.request.aec is EffectState.OFF for t in voice)
    assert {t.request.sharing for t in found} == {"default"}
    assert len({t.setup.note for t in found}) == len(found)
    brief = trials("D1", brief=True)
    assert sum(t.request.aec is EffectState.ON for t in brief) == 3


def test_d1_opens_a_headsets_microphone_at_its_rates_when_there_is_one() -> None:
    assert {t.request.route for t in trials("D1")} == {"speaker"}
    worn = replace(IPHONE, raw={"routes": "speaker, bluetooth_sco"})
    on_it = [t.request for t in trials("D1", worn) if t.request.route == "bluetooth_sco"]
    assert sorted({r.rate_hz for r in on_it}) == [8000, 16_000, 24_000]
    assert any(words.is_voice(r) for r in on_it)


def test_v1_compares_the_modes_of_the_session() -> None:
    found = trials("V1", partner=PARTNER)
    modes = [(words.session_mode(t.request), words.is_voice(t.request)) for t in found]
    assert modes == [
        ("default", False), ("measurement", False), ("video_chat", False), ("voice_chat", False),
        ("voice_chat", True),
    ]  # fmt: skip
    android = trials("V1", ANDROID, partner=PARTNER)
    assert "voice_recognition" in {t.request.input_preset for t in android}


def test_effects_that_come_together_are_asked_for_together() -> None:
    assert skip("V3").reason is Reason.NEEDS_PARTNER
    (gain,) = trials("V3", partner=PARTNER)
    assert (gain.request.aec, gain.request.agc) == (EffectState.ON, EffectState.ON)
    assert "in one unit" in skip("V6", partner=PARTNER).text
    assert "one API" in skip("A6").text
    (android,) = trials("V3", ANDROID)
    assert android.request.aec is EffectState.OFF


@pytest.mark.parametrize("facts", [IPHONE, VIRTUAL])
def test_what_nobody_does_to_an_iphone_is_said_so(facts: DeviceFacts) -> None:
    for test_id, what in (("R4", "volume_down"), ("K1", "WebDriverAgent")):
        found = skip(test_id, facts)
        assert found.reason is Reason.NOT_ON_THIS_PROBE
        assert what in found.text
        assert "adb" not in found.text
    assert skip("G5", facts).reason is Reason.NEEDS_CODER
    assert trials("R1", facts)
