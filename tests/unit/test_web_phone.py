"""The opener of a page on a phone: what it asks of the phone, and what it leaves to people."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from devtools_peers import ORIGIN, TAB, answering, browser, peer

from device_probes.web.phone import PhoneOpener
from profiler.errors import DeviceError, ProbeCrashed, ProbePermission
from profiler.model import DeviceFacts, Platform

TIME_S = 5.0
SOON_S = 0.3
FACTS = DeviceFacts(
    Platform.ANDROID, "Acme", "A 1", "Acme One", "S9", "Android", "14", "acme/a1:14"
)


class PlainPhone:
    """A phone that does what it is told, over a DevTools peer (or none)."""

    name, browser, left_ports = "A1", "Chrome", (7000,)

    def __init__(self, dial=None, *, port: int = 0, may_record: bool = True) -> None:
        self._dial = dial
        self._port = port
        self._may_record = may_record
        self.calls: list[str] = []
        self.trouble: DeviceError | None = None

    def connect(self) -> DeviceFacts:
        self.calls.append("connect")
        return FACTS

    def reach(self, host_port: int) -> int:
        self.calls.append(f"reach {host_port}")
        return self._port or host_port

    def allow_microphone(self) -> bool:
        return self._may_record

    def show(self, url: str) -> None:
        self.calls.append(f"show {url}")
        if self.trouble is not None:
            raise self.trouble

    def to_front(self) -> None:
        self.calls.append("front")

    def to_back(self) -> None:
        self.calls.append("back")

    def devtools(self, timeout_s: float) -> socket.socket:
        if self._dial is None:
            raise DeviceError("no DevTools", device="A1")
        return self._dial(timeout_s)

    def check(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def close(self) -> None:
        self.calls.append("close")


def opened(phone: PlainPhone, seconds: float = TIME_S) -> PhoneOpener:
    opener = PhoneOpener(phone)
    opener.open("http://localhost:8000/?t=secret", seconds)
    return opener


def clicks(heard: list[dict[str, Any]]) -> int:
    return sum("click()" in command["params"].get("expression", "") for command in heard)


def tapping(command: dict[str, Any]) -> object:
    """The button is there at the second look."""
    script = command["params"].get("expression", "")
    if "click()" not in script:
        return browser(command)
    tapping.looks += 1
    return {"result": {"value": "tapped" if tapping.looks > 1 else "not there"}}


def test_a_page_is_opened_allowed_tapped_and_closed() -> None:
    tapping.looks = 0
    with peer(tapping) as other:
        phone = PlainPhone(other.dial)
        opener = opened(phone)
        assert phone.calls == ["close", "connect", "reach 8000",
                               "show http://localhost:8000/?t=secret"]  # fmt: skip
        assert opener.phone_facts() is FACTS
        assert opener.tap(TIME_S)
        assert clicks(other.heard) == 2
        opener.hide(TIME_S)
        opener.show(TIME_S)
        assert phone.calls[-2:] == ["back", "front"]
        opener.close()
        assert phone.calls[-1] == "close"
        assert other.methods()[-1] == "Target.closeTarget"


def test_the_page_is_asked_for_by_the_port_it_has_on_the_phone() -> None:
    tab = {**TAB, "url": "http://localhost:9/?t=secret"}
    with peer(answering("Target.getTargets", {"targetInfos": [TAB, tab]})) as other:
        phone = PlainPhone(other.dial, port=9)
        opener = opened(phone)
        assert phone.calls[-1] == "show http://localhost:9/?t=secret"
        granted = next(c for c in other.heard if c["method"] == "Browser.grantPermissions")
        assert granted["params"]["origin"] == "http://localhost:9"
        opener.close()
        closed = [c["params"]["targetId"] for c in other.heard if "close" in c["method"]]
        assert closed == ["AB12"]


def test_tabs_that_earlier_sessions_have_left_are_closed_and_no_others() -> None:
    targets = [
        {"targetId": "OLD", "type": "page", "url": "http://localhost:7000/?t=x"},
        {"targetId": "HIS", "type": "page", "url": "http://localhost:70001/"},
        {"targetId": "TWIN", "type": "page", "url": f"{ORIGIN}/?t=y"},
        {"targetId": "BANK", "type": "page", "url": "https://bank.example/"},
        TAB,
    ]
    attached = ""

    def several(command: dict[str, Any]) -> object:
        nonlocal attached
        if command["method"] == "Target.getTargets":
            return {"targetInfos": targets}
        if command["method"] == "Target.attachToTarget":
            attached = command["params"]["targetId"]
        if "visibilityState" in command["params"].get("expression", ""):
            return {"result": {"value": "visible" if attached == "AB12" else "hidden"}}
        return browser(command)

    with peer(several) as other:
        opener = opened(PlainPhone(other.dial))
        closed = [c["params"]["targetId"] for c in other.heard if "close" in c["method"]]
        assert sorted(closed) == ["OLD", "TWIN"]
        opener.close()


def test_without_devtools_a_person_is_told_what_to_tap() -> None:
    opener = opened(PlainPhone(), SOON_S)
    assert not opener.tap(SOON_S)
    assert opener.tell() == "on the phone: tap Start, then Allow"
    opener.close()
    opener = opened(PlainPhone(may_record=False), SOON_S)
    assert opener.tell().endswith("then Allow, twice if Android asks for Chrome as well")
    opener.close()


def test_a_browser_that_stops_answering_leaves_the_tap_to_a_person() -> None:
    with peer(answering("Runtime.evaluate", None)) as other:
        opener = opened(PlainPhone(other.dial))
        assert not opener.tap(SOON_S)
        opener.close()


def test_what_was_allowed_is_allowed_again_when_the_connection_was_lost() -> None:
    tapping.looks = 1
    with peer(lambda c: "hang up" if c["method"] == "Target.activateTarget" else tapping(c)) as it:
        opener = opened(PlainPhone(it.dial))
        opener.show(TIME_S)  # it hangs up
        assert opener.tap(TIME_S)
        assert it.methods().count("Browser.grantPermissions") == 2
        opener.close()


def test_a_microphone_that_stays_blocked_is_an_error_with_the_way_to_the_switch() -> None:
    with peer(answering("Runtime.evaluate", {"result": {"value": "denied"}})) as other:
        opener = opened(PlainPhone(other.dial))
        with pytest.raises(ProbePermission, match="Site settings → Microphone"):
            opener.tap(TIME_S)
        assert clicks(other.heard) == 0
        opener.close()


def test_a_phone_in_trouble_is_named_and_given_back() -> None:
    phone = PlainPhone()
    opener = opened(phone, SOON_S)
    phone.trouble = ProbeCrashed("Chrome ended", device="A1", hint="run again")
    with pytest.raises(ProbeCrashed):
        opener.tap(SOON_S)
    assert opener.tell() == "Chrome ended; run again"
    with pytest.raises(ProbeCrashed):
        opener.open("http://localhost:8000/?t=secret", SOON_S)
    assert phone.calls[-1] == "close", "a phone that was reached was not given back"
    assert opener.phone_facts() is None
    assert "data cable" in opener.tell()


@pytest.mark.parametrize("url", ["https://localhost:8000/?t=s", "http://192.168.1.5:8000/?t=s", ""])
def test_a_phone_on_a_cable_is_given_pages_of_its_own_localhost_only(url: str) -> None:
    phone = PlainPhone()
    with pytest.raises(DeviceError, match="http://localhost only") as caught:
        PhoneOpener(phone).open(url, SOON_S)
    assert "?t=" not in str(caught.value)
    assert phone.calls == []
