"""An iPhone's state, its signatures, and what is said of them."""

from __future__ import annotations

import plistlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_probes.fields import Malformed
from device_probes.ios.errors import (
    LOCKDOWN_NUMBERS,
    LOCKDOWN_STATES,
    REMEDIES,
    WDA_BUNDLE,
    launch_refused,
    not_ready,
)
from device_probes.ios.lockdown import LockdownFacts, Trust
from device_probes.ios.programs import Privileges
from device_probes.ios.signing import Profile, holding, is_over, read_profile, warning
from device_probes.ios.states import ABSENT_AFTER_S, Condition, Rest
from profiler.bench.faults import fault_of
from profiler.model import DeviceState, Reason, RunStatus, Verdict

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
WALL = NOW.timestamp()
IOS_STATES = (
    DeviceState.NO_USBMUXD, DeviceState.UNTRUSTED, DeviceState.NO_DEVELOPER_MODE,
    DeviceState.LOCKED, DeviceState.WDA_MISSING, DeviceState.WDA_EXPIRED, DeviceState.WDA_HUNG,
    DeviceState.PROBE_MISSING, DeviceState.PROBE_EXPIRED, DeviceState.PORT_CLOSED,
)  # fmt: skip
LISTED = Condition().sighted(10.0)


def profile(days_left: float, lifetime_days: int = 365, app: str = WDA_BUNDLE) -> Profile:
    expires = NOW + timedelta(days=days_left)
    return Profile("P", "Team", app, expires - timedelta(days=lifetime_days), expires)


# --- words ---


def test_every_state_of_an_iphone_has_its_own_remedy() -> None:
    assert not REMEDIES[DeviceState.READY]
    told = [REMEDIES[state] for state in IOS_STATES]
    assert all(told)
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("state", IOS_STATES)
def test_an_error_says_what_where_and_what_to_do(state: DeviceState) -> None:
    error = not_ready("iPhone 13 (0000)", state, "during a trial")
    assert error.state == state.value
    assert str(error).startswith("iPhone 13 (0000): ")
    assert "(during a trial)" in str(error)
    assert str(error).endswith(REMEDIES[state])
    assert "_" not in error.message, "in words, not in our names"


@pytest.mark.parametrize("state", IOS_STATES)
def test_every_state_has_a_reason_of_its_own(state: DeviceState) -> None:
    fault = fault_of(not_ready("X", state))
    wanted = {DeviceState.LOCKED: Reason.DEVICE_LOCKED}.get(state)
    assert fault.reason is (wanted or Reason(state.value))
    assert (fault.verdict, fault.ends_run) == (Verdict.ERROR, RunStatus.ERROR)
    assert fault.retry is (state in (DeviceState.WDA_HUNG, DeviceState.PORT_CLOSED))


def test_lockdowns_numbers_and_names_fit() -> None:
    assert set(LOCKDOWN_NUMBERS.values()) == set(LOCKDOWN_STATES)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        # appium/WebDriverAgent #706
        ('Error Domain=FBSOpenApplicationServiceErrorDomain Code=4 "The request to open '
         '\\"com.google.chrome.io\\" failed." UserInfo={BSErrorCodeDescription=InvalidRequest, '
         'NSUnderlyingError=0x283546b50 {Error Domain=FBSOpenApplicationErrorDomain Code=4 '
         '"Application info provider (FBSApplicationLibrary) returned nil for '
         '\\"com.google.chrome.io\\"" UserInfo={BSErrorCodeDescription=NotFound}}}',
         DeviceState.PROBE_MISSING),
        # appium #14339, #13890
        ('code: 1 (RequestDenied); reason: "The request was denied by service delegate '
         '(SBMainWorkspace) for reason: Security (\\"Unable to launch x because it has an invalid '
         'code signature, inadequate entitlements or its profile has not been explicitly trusted '
         'by the user\\").', DeviceState.PROBE_EXPIRED),
        # appium #7535
        ("not valid: 0xe8008015: A valid provisioning profile for this executable was not found.",
         DeviceState.PROBE_EXPIRED),
        ("Unable to launch org.chirpbench.probe because the device was not, or could not be, "
         "unlocked.", DeviceState.LOCKED),
        ("FBSOpenApplicationErrorDomain Code=7 UserInfo={BSErrorCodeDescription=Locked}",
         DeviceState.LOCKED),
        ('domain: FBSOpenApplicationErrorDomain; code: 7 (Locked); reason: "Locked"',
         DeviceState.LOCKED),
    ],
)  # fmt: skip
def test_why_an_app_does_not_start(text: str, state: DeviceState) -> None:
    refused = launch_refused("X", text)
    assert refused is not None
    assert refused.state == state


@pytest.mark.parametrize("text", ["", "timed out", "the phone was unlocked", "Code=77", "trusted"])
def test_other_words_are_no_state(text: str) -> None:
    assert launch_refused("X", text) is None


def test_a_long_refusal_is_read_and_shown_in_part() -> None:
    refused = launch_refused("X", "invalid code signature \x1b[31m" + "a" * 10**6)
    assert refused is not None
    assert len(str(refused)) < 1000
    assert "\x1b" not in str(refused)


# --- states ---


def test_a_phone_is_absent_only_after_a_while() -> None:
    assert Condition().state(WALL) is DeviceState.ABSENT
    assert LISTED.missing(10.0 + ABSENT_AFTER_S - 0.1).state(WALL) is DeviceState.READY
    assert LISTED.missing(10.0 + ABSENT_AFTER_S).state(WALL) is DeviceState.ABSENT


def test_what_was_known_of_a_phone_ends_when_it_goes() -> None:
    known = LISTED.told(DeviceState.UNTRUSTED).told(DeviceState.LOCKED)
    back = known.missing(99.0).sighted(100.0)
    assert back.state(WALL) is DeviceState.READY
    assert known.sighted(11.0).state(WALL) is DeviceState.LOCKED, "it was there all the time"


@pytest.mark.parametrize("state", [*IOS_STATES, DeviceState.BUSY, DeviceState.OFFLINE])
def test_what_a_call_raised_is_the_state(state: DeviceState) -> None:
    condition = LISTED.told(state)
    assert condition.state(WALL) is state
    assert REMEDIES[state] in condition.detail(WALL)


@pytest.mark.parametrize("state", IOS_STATES)
def test_states_pass_when_the_opposite_is_seen(state: DeviceState) -> None:
    condition = LISTED.told(state)
    over = replace(condition, listed=DeviceState.READY).unlocked(locked=False).reached()
    assert over.state(WALL) is DeviceState.READY


def test_a_probe_that_answers_needs_no_webdriveragent() -> None:
    open_by_hand = LISTED.told(DeviceState.WDA_MISSING).reached()
    assert open_by_hand.state(WALL) is DeviceState.READY
    closed = open_by_hand.told(DeviceState.PORT_CLOSED)
    assert closed.state(WALL) is DeviceState.WDA_MISSING
    assert "open the probe app by hand" in closed.detail(WALL)


def test_a_missing_app_is_said_before_a_missing_webdriveragent() -> None:
    neither = LISTED.told(DeviceState.PROBE_MISSING).told(DeviceState.WDA_MISSING)
    assert neither.state(WALL) is DeviceState.PROBE_MISSING


def test_what_a_person_has_to_do_first_is_said_first() -> None:
    condition = LISTED.told(DeviceState.PORT_CLOSED).told(DeviceState.WDA_HUNG)
    order = [DeviceState.WDA_HUNG]
    assert condition.state(WALL) is order[0]
    for state in (DeviceState.BUSY, DeviceState.NO_DEVELOPER_MODE, DeviceState.UNTRUSTED,
                  DeviceState.LOCKED):  # fmt: skip
        condition = condition.told(state)
        assert condition.state(WALL) is state
    assert condition.told(DeviceState.NO_USBMUXD).state(WALL) is DeviceState.NO_USBMUXD


@pytest.mark.parametrize(
    ("trust", "words"), [(Trust.ASKING, "it asks right now"), (Trust.DENIED, "Don’t Trust")]
)
def test_untrusted_says_how(trust: Trust, words: str) -> None:
    condition = LISTED.answered(LockdownFacts(trust=trust))
    assert condition.state(WALL) is DeviceState.UNTRUSTED
    assert words in condition.detail(WALL)
    later = condition.privileged(Privileges(Trust.TRUSTED, developer_mode=False))
    assert later.state(WALL) is DeviceState.NO_DEVELOPER_MODE
    assert later.privileged(Privileges()).state(WALL) is DeviceState.NO_DEVELOPER_MODE
    assert later.answered(LockdownFacts()).state(WALL) is DeviceState.NO_DEVELOPER_MODE


def test_a_locked_phone_is_locked_until_it_is_seen_open() -> None:
    locked = LISTED.answered(LockdownFacts(trust=Trust.LOCKED))
    assert locked.state(WALL) is DeviceState.LOCKED
    assert locked.unlocked(locked=True).state(WALL) is DeviceState.LOCKED
    assert locked.unlocked(locked=False).state(WALL) is DeviceState.READY


def test_a_frozen_phone_is_offline_until_it_answers() -> None:
    frozen = LISTED.silent()
    assert frozen.state(WALL) is DeviceState.OFFLINE
    assert "does not answer" in frozen.detail(WALL)
    assert frozen.answered(LockdownFacts()).state(WALL) is DeviceState.READY


def test_a_resting_phone_says_for_how_long_and_why() -> None:
    resting = LISTED.held(busy=False, rest=Rest(WALL + 540, "3 failures in a row, the last: x"))
    assert resting.state(WALL) is DeviceState.QUARANTINED
    assert "9 min more (3 failures in a row, the last: x)" in resting.detail(WALL)
    assert "--release" in resting.detail(WALL)
    assert resting.state(WALL + 540) is DeviceState.READY


# --- signatures ---


@pytest.mark.parametrize(
    ("days_left", "lifetime", "words"),
    [
        (7.01, 365, ""),
        (7.0, 365, "ends in 7 days"),
        (1.5, 365, "ends in 1 day,"),
        (0.5, 365, "ends in 12 h"),
        (0.01, 365, "ends in less than an hour"),
        (0.0, 365, "ended 2026-03-10 12:00 UTC (paid team: a year)"),
        (-400.0, 365, "ended"),
        (3.01, 7, ""),
        (3.0, 7, "ends in 3 days, 2026-03-13 12:00 UTC (free team: 7 days)"),
        (-0.01, 7, "ended"),
    ],
)
def test_signatures_are_warned_of_ahead(days_left: float, lifetime: int, words: str) -> None:
    text = warning(profile(days_left, lifetime), NOW, "the probe")
    assert (words in text) if words else (text == "")
    assert is_over(profile(days_left, lifetime), NOW) is (days_left <= 0)


def test_the_longest_profile_for_an_app_counts() -> None:
    old, new = profile(-1), profile(3, app="com.facebook.*")
    other = profile(100, app="org.example.app")
    assert holding((old, new, other), WDA_BUNDLE) is new
    assert holding((old, other), WDA_BUNDLE) is old
    assert holding((other,), WDA_BUNDLE) is None
    assert profile(1, app="*").covers("anything.at.all")
    assert not profile(1, app="com.face").covers("com.facebook")


def test_a_webdriveragent_that_is_missing_and_signed_no_more_has_expired() -> None:
    missing = LISTED.told(DeviceState.WDA_MISSING)
    over = missing.privileged(Privileges(), (profile(-2, 7),))
    assert over.state(WALL) is DeviceState.WDA_EXPIRED
    assert "ended 2026-03-08" in over.detail(WALL)
    assert missing.privileged(Privileges(), (profile(1, 7),)).state(WALL) is DeviceState.WDA_MISSING
    assert over.unlocked(locked=False).state(WALL) is DeviceState.READY, "it runs all the same"


def test_a_ready_phone_warns_of_signatures() -> None:
    probe = profile(6, app="org.chirpbench.probe")
    ready = LISTED.privileged(Privileges(), (profile(2), probe)).reached()
    assert "WebDriverAgent ends in 2 days" in ready.detail(WALL)
    told = ready.warnings(WALL, probe=True)
    assert len(told) == 2
    assert "the probe app ends in 6 days" in told[1]
    assert LISTED.detail(WALL) == ""


def signed(**more: Any) -> bytes:
    """A profile as it stands in its file: a list within a message that is signed."""
    whole = {
        "Name": "iOS Team Provisioning Profile: *",
        "TeamName": "Jo Doe (Personal Team)",
        "CreationDate": datetime(2026, 3, 3, 8),
        "ExpirationDate": datetime(2026, 3, 10, 8),
        "Entitlements": {"application-identifier": "A1B2C3D4E5.org.chirpbench.probe"},
        **more,
    }
    return b"\x30\x82\x2f\x00" + plistlib.dumps(whole) + b"\xa0\x82signature"


def test_a_profile_is_read_out_of_its_signed_file() -> None:
    read = read_profile(signed())
    assert read.app == "org.chirpbench.probe"
    assert read.covers("org.chirpbench.probe")
    assert read.is_free
    assert read.expires == datetime(2026, 3, 10, 8, tzinfo=UTC)
    assert read.team == "Jo Doe (Personal Team)"
    year = read_profile(signed(ExpirationDate=datetime(2027, 3, 3, 8)))
    assert not year.is_free


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<?xml", b"<?xml</plist>", b"</plist><?xml", b"x" * (1 << 20) + b"x",
        signed(ExpirationDate="soon"), signed(Entitlements=[]), signed(Name=3),
        signed(Entitlements={}), signed(Entitlements={"application-identifier": "nodot"}),
        plistlib.dumps({"Name": "x"}), plistlib.dumps([]),
    ],
)  # fmt: skip
def test_a_profile_that_is_none(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_profile(data)


@given(st.integers(0, 900), st.integers(0, 255), st.integers(0, 900))
@settings(max_examples=100, deadline=None)
def test_a_damaged_profile_raises_nothing_else(at: int, byte: int, end: int) -> None:
    data = bytearray(signed())
    data[at % len(data)] = byte
    for part in (bytes(data), bytes(data[: end % len(data)])):
        with suppress(Malformed):
            assert read_profile(part).app


def test_the_page_of_reasons_names_the_remedies() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text("utf-8")
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if "| `" in line}
    for state in IOS_STATES:
        if state is not DeviceState.LOCKED:
            assert len(rows[f"`{state.value}`"]) > 60


# --- a probe that sleeps ---


def test_a_probe_that_sleeps_is_not_ready_and_says_what_to_do() -> None:
    without = LISTED.told(DeviceState.WDA_MISSING)
    asleep = without.reached().sleeping(locked=False)
    assert asleep.state(WALL) is DeviceState.PORT_CLOSED
    assert asleep.detail(WALL) == REMEDIES[DeviceState.PORT_CLOSED]
    assert without.sleeping(locked=True).state(WALL) is DeviceState.LOCKED
    assert asleep.reached().state(WALL) is DeviceState.READY
    assert asleep.told(DeviceState.PORT_CLOSED).state(WALL) is DeviceState.WDA_MISSING
    assert asleep.held(busy=True, rest=None).state(WALL) is DeviceState.BUSY


@pytest.mark.parametrize("before", [LISTED.sleeping(locked=False),
                                    LISTED.told(DeviceState.PORT_CLOSED)])  # fmt: skip
def test_webdriveragent_opens_a_probe_that_was_not_open(before: Condition) -> None:
    assert before.unlocked(locked=False).state(WALL) is DeviceState.READY
