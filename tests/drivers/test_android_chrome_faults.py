"""Browsers of phones that refuse, and trouble in the middle of a trial: named, and taken back."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from android_benches import IMPATIENT, QUICK, has_note, rig, stay_on
from phone_browsers import (
    TOKEN,
    Host,
    PlainBrowser,
    assert_as_found,
    chrome_of,
    host,
    link,
    with_chrome,
)

from device_probes.android import PrivateServer
from device_probes.virtual.adbd.browser import CHROME
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotFound,
    DeviceNotReady,
    DeviceTimeout,
    ProbeBackground,
    ProbeCrashed,
    ProbePermission,
)
from profiler.model import DeviceState


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with tempfile.TemporaryDirectory(prefix="adb-") as home:
        made = PrivateServer(Path(home))
        made.ensure()
        yield made
        made.close()


@pytest.fixture
def page() -> Iterator[Host]:
    with host() as made:
        yield made


# --- phones and browsers that refuse --------------------------------------------------------------


def test_a_phone_without_a_browser_says_which_would_do(server) -> None:
    with rig("A1", on=server) as made:
        chrome = chrome_of(made)
        with pytest.raises(DeviceNotFound, match=r"Chrome.*Edge.*install Chrome"):
            chrome.connect()
        assert stay_on(made.phone) == "0"
        assert not has_note(made.phone)


def test_a_browser_that_is_switched_off_is_none(server) -> None:
    with with_chrome(server) as made:
        made.phone.disable_browser()
        chrome = chrome_of(made)
        with pytest.raises(DeviceNotFound, match="switch it on in Settings"):
            chrome.connect()
        assert_as_found(made)


def test_another_browser_of_the_list_will_do(server) -> None:
    with rig("A1", on=server) as made:
        made.phone.have_browser(PlainBrowser, "com.microsoft.emmx")
        chrome = chrome_of(made)
        assert chrome.connect().raw["browser"].startswith("com.microsoft.emmx")
        chrome.show(link(9))
        assert chrome.browser == "Edge"
        chrome.close()


def test_an_old_adb_daemon_has_no_way_back(server) -> None:
    with with_chrome(server, android="[phone.android.at_start]\nlegacy_adbd = true") as made:
        chrome = chrome_of(made)
        chrome.connect()
        with pytest.raises(DeviceError, match="does not know adb reverse"):
            chrome.reach(8000)
        chrome.close()
        assert not has_note(made.phone)
        assert stay_on(made.phone) == "0"


def test_a_phone_with_no_free_port_says_so(server, page) -> None:
    with with_chrome(server) as made:
        made.phone.reversed._bind = no_port
        chrome = chrome_of(made)
        chrome.connect()
        with pytest.raises(DeviceError, match=r"cannot be had.*Address already in use"):
            chrome.reach(page.server_port)
        chrome.close()
        assert_as_found(made)


def no_port(_: int) -> socket.socket:
    raise OSError(98, "Address already in use")


def test_no_token_gets_into_a_message(server) -> None:
    with with_chrome(server) as made:
        made.phone.override(
            "am start -a android.intent.action.VIEW*",
            lambda argv: (f"Error: java.lang.SecurityException: {' '.join(argv)}\n", 1),
        )
        chrome = chrome_of(made)
        chrome.connect()
        with pytest.raises(DeviceError, match="did not open the page: Error: java") as caught:
            chrome.show(link(9))
        assert TOKEN not in str(caught.value)
        chrome.close()
        assert_as_found(made)


def test_a_browser_that_is_being_updated_opens_nothing(server) -> None:
    with with_chrome(server) as made:
        chrome = chrome_of(made)
        chrome.connect()
        made.phone.disable_browser()
        with pytest.raises(DeviceError, match=r"does not open pages.*updated"):
            chrome.show(link(9))
        chrome.close()


def test_something_else_in_front_of_the_page_is_named(server) -> None:
    with with_chrome(server) as made:
        made.phone.on("shell-done:am start", "go_background")
        chrome = chrome_of(made, deadlines=IMPATIENT)
        chrome.connect()
        with pytest.raises(ProbeBackground, match=r"com\.example\.caller"):
            chrome.show(link(9))
        chrome.close()
        assert_as_found(made)


# --- trouble in mid-trial -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "kind", "words"),
    [
        (lambda p: p.stop_browser(), ProbeCrashed, "Chrome ended"),
        (lambda p: p.update_browser(), ProbeCrashed, "updated from 150.0.7300.40 to 151.0.7400.9"),
        (lambda p: p.disable_browser(), ProbeCrashed, "removed or switched off"),
        (lambda p: p.packages.uninstall(CHROME) and p.stop_browser(), ProbeCrashed, "removed"),
        (lambda p: p.lock(), DeviceNotReady, "locked"),
        (lambda p: p.sleep(), ProbeBackground, "a dark screen"),
        (lambda p: p.go_background(), ProbeBackground, "com.example.caller"),
        (lambda p: p.switch_mic(), ProbePermission, "switched off"),
        (lambda p: p.other_app_records(), DeviceNotReady, "com.example.recorder records"),
        (lambda p: p.unplug(), DeviceLost, "went away"),
    ],
)
def test_trouble_is_named_and_the_phone_given_back(server, trouble, kind, words: str) -> None:
    with with_chrome(server) as made:
        phone = made.phone
        chrome = chrome_of(made)
        chrome.connect()
        chrome.reach(8000)
        chrome.allow_microphone()
        chrome.show(link(8000))
        chrome.check()
        trouble(phone)
        with pytest.raises(kind, match=words) as caught:
            chrome.check()
        assert caught.value.hint
        chrome.close()
        if not phone.plug.plugged:
            return  # the next contact does it, see above
        assert phone.reversed.listed() == {}
        assert not phone.packages.allowed(CHROME)
        assert stay_on(phone) == "0"
        assert not has_note(phone)


def test_a_locked_phone_is_not_opened(server) -> None:
    with with_chrome(server) as made:
        made.phone.lock()
        chrome = chrome_of(made)
        with pytest.raises(DeviceNotReady) as caught:
            chrome.connect()
        assert caught.value.state == DeviceState.LOCKED
        assert_as_found(made)


def test_a_dark_phone_is_woken(server) -> None:
    with with_chrome(server) as made:
        made.phone.sleep()
        chrome = chrome_of(made)
        chrome.connect()
        assert made.phone.state.awake
        chrome.close()


def test_a_frozen_phone_costs_a_deadline_and_is_given_back_at_the_next_contact(server) -> None:
    with with_chrome(server) as made:
        chrome = chrome_of(made, deadlines=IMPATIENT)
        chrome.connect()
        chrome.reach(8000)
        chrome.allow_microphone()
        made.phone.freeze()
        for call in (lambda: chrome.show(link(8000)), chrome.check, lambda: chrome.devtools(0.3)):
            with pytest.raises(DeviceTimeout):
                call()
        chrome.close()
        made.phone.thaw()
        chrome = chrome_of(made, deadlines=QUICK)
        chrome.connect()
        chrome.close()
        assert_as_found(made)


def test_calls_before_connect_and_after_close_are_errors_of_ours(server) -> None:
    with with_chrome(server) as made:
        chrome = chrome_of(made)
        for call in (chrome.check, chrome.to_front, chrome.to_back, chrome.allow_microphone,
                     lambda: chrome.show(link(9)), lambda: chrome.reach(9),
                     lambda: chrome.devtools(1.0)):  # fmt: skip
            with pytest.raises(DeviceLost, match="not connected"):
                call()
        chrome.close()
