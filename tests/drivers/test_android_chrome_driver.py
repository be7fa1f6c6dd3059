"""A phone's browser over the real adb server: opened, given the microphone, and all taken back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import adbutils
import pytest
from adb_servers import until
from android_benches import Rig, has_note, rig
from phone_browsers import (
    TOKEN,
    Host,
    PlainBrowser,
    assert_as_found,
    chrome_of,
    host,
    link,
    pages,
    with_chrome,
)

from device_probes.android import PrivateServer
from device_probes.android.chrome import PhoneChrome
from device_probes.virtual.adbd.browser import CHROME, DEVTOOLS
from profiler.errors import (
    DeviceError,
    DeviceNotReady,
    ProbeBackground,
)


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


# --- the whole way --------------------------------------------------------------------------------


def test_a_page_comes_through_the_cable_and_everything_is_taken_back(server, page) -> None:
    with with_chrome(server) as made:
        chrome = chrome_of(made)
        facts = chrome.connect()
        assert (facts.manufacturer, facts.model, facts.is_virtual) == ("Acme", "A 1", True)
        assert facts.raw["browser"] == f"{CHROME} 150.0.7300.40"
        assert chrome.browser == "Chrome"
        port = chrome.reach(page.server_port)
        assert port == page.server_port, "the same number makes the same address everywhere"
        assert chrome.allow_microphone()
        assert made.phone.packages.allowed(CHROME)
        chrome.show(link(port))
        assert pages(made.phone) == [(link(port), 200, page.body)]
        assert page.asked == [(f"/?t={TOKEN}", f"{made.phone.loopback}:{port}", 300_000)]
        assert made.phone.state.top.startswith(CHROME)
        chrome.check()
        chrome.to_back()
        with pytest.raises(ProbeBackground, match="launcher3"):
            chrome.check()
        chrome.to_front()
        chrome.check()
        assert len(pages(made.phone)) == 1, "to the front is no new tab"
        chrome.close()
        chrome.close()
        assert not made.phone.state.top.startswith(CHROME)
        assert_as_found(made)


def test_its_devtools_are_reached_without_a_port_of_this_computer(server, page) -> None:
    with with_chrome(server) as made:
        chrome = chrome_of(made)
        chrome.connect()
        chrome.show(link(9))
        assert pages(made.phone)[0][1] == 0, "nothing is behind that port"
        browser = made.phone.browser
        for name in (DEVTOOLS, f"{DEVTOOLS}_{browser.pid}"):  # the name when two browsers run
            browser.devtools_name = name
            with chrome.devtools(2.0) as sock:
                sock.sendall(b"hello")
                assert sock.recv(16) == b"hello"
        browser.devtools_name = None
        with pytest.raises(DeviceError, match="no DevTools socket"):
            chrome.devtools(2.0)
        chrome.close()


def test_a_port_the_phone_uses_itself_is_left_alone(server, page) -> None:
    with with_chrome(server) as made:
        chrome = chrome_of(made)
        chrome.connect()
        with socket.create_server((made.phone.loopback, page.server_port)):
            port = chrome.reach(page.server_port)
        assert port != page.server_port
        chrome.show(link(port))
        assert pages(made.phone)[0][1:] == (200, page.body)
        chrome.close()
        assert_as_found(made)


def test_a_way_that_somebody_else_set_up_stays(server, page) -> None:
    with with_chrome(server) as made:
        chrome = chrome_of(made)
        adb_device(made).reverse(f"tcp:{page.server_port}", "tcp:9")
        chrome.connect()
        port = chrome.reach(page.server_port)
        assert made.phone.reversed.listed() == {
            f"tcp:{page.server_port}": "tcp:9", f"tcp:{port}": f"tcp:{page.server_port}"
        }  # fmt: skip
        chrome.close()
        assert made.phone.reversed.listed() == {f"tcp:{page.server_port}": "tcp:9"}


def adb_device(made: Rig) -> adbutils.AdbDevice:
    client = adbutils.AdbClient("127.0.0.1", made.server.adb.port, socket_timeout=10)
    return client.device(made.phone.address)


def test_a_microphone_that_was_allowed_before_stays_allowed(server) -> None:
    with with_chrome(server, microphone=True) as made:
        chrome = chrome_of(made)
        chrome.connect()
        assert chrome.allow_microphone()
        chrome.show(link(9))
        pages(made.phone)
        chrome.close()
        assert made.phone.browser.pid, "to take it away would have ended the browser"
        assert not made.phone.state.top.startswith(CHROME)
        assert_as_found(made, microphone=True)


def test_a_browser_that_records_is_no_other_app(server) -> None:
    with with_chrome(server) as made:
        made.phone.other_app_records(CHROME)
        chrome = chrome_of(made)
        chrome.connect()
        chrome.show(link(9))
        chrome.check()
        chrome.close()


def test_a_phone_that_lets_nobody_grant_leaves_it_to_a_person(server) -> None:
    with with_chrome(server) as made:
        made.phone.refuse_grants()
        chrome = chrome_of(made)
        chrome.connect()
        assert not chrome.allow_microphone()
        chrome.close()
        assert_as_found(made)


def test_a_browser_that_was_in_front_stays_there(server) -> None:
    with with_chrome(server) as made:
        made.phone.state.show(made.phone.browser.component)
        chrome = chrome_of(made)
        chrome.connect()
        chrome.close()
        assert made.phone.state.top.startswith(CHROME)


def test_only_one_uses_a_phone(server) -> None:
    with with_chrome(server) as made:
        native = made.driver()
        native.connect()
        chrome = chrome_of(made)
        with pytest.raises(DeviceNotReady, match="busy"):
            chrome.connect()
        native.close()
        chrome.connect()
        with pytest.raises(DeviceNotReady, match="busy"):
            native.connect()
        chrome.close()


def test_each_phone_has_a_loopback_of_its_own(server, page) -> None:
    with rig("A1", "B2", on=server) as made:
        for phone in made.phones:
            phone.have_browser(PlainBrowser)
        found = made.bench().browsers()
        assert len({phone.loopback for phone in made.phones}) == 2
        for chrome in found:
            chrome.connect()
            assert chrome.reach(page.server_port) == page.server_port
            chrome.show(link(page.server_port))
        for phone in made.phones:
            assert pages(phone)[0][2] == page.body
        for chrome in found:
            chrome.close()


# --- a session that was killed --------------------------------------------------------------------

VICTIM = """
import sys
from pathlib import Path
from device_probes.android import AdbBench
from device_probes.android.adb import Adb
from profiler.model import Platform

class Kept:
    adb = Adb("127.0.0.1", int(sys.argv[1]))
    def ensure(self): return self.adb.version()
    def close(self): pass

bench = AdbBench(Kept(), Path(sys.argv[3]), platform=Platform.VIRTUAL, names={sys.argv[2]: "A1"})
bench.start()
(chrome,) = bench.browsers()
chrome.connect()
chrome.reach(int(sys.argv[4]))
assert chrome.allow_microphone()
print("ready", flush=True)
sys.stdin.read()
"""


def killed_session(made: Rig, port: int) -> None:
    """A process that prepared the phone and was ended by SIGKILL."""
    made.bench()  # connects the adb server to the phone
    words = (made.server.adb.port, made.phone.address, made.folder / "state", port)
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, *map(str, words)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as victim:  # fmt: skip
        try:
            assert victim.stdout.readline() == "ready\n"
        finally:
            victim.send_signal(signal.SIGKILL)
            victim.wait(10)


@pytest.mark.parametrize("way", ["browser", "probe"])
def test_whoever_comes_next_takes_back_what_a_killed_session_left(server, page, way: str) -> None:
    with with_chrome(server) as made:
        killed_session(made, page.server_port)
        port = f"tcp:{page.server_port}"
        assert made.phone.reversed.listed() == {port: port}
        assert made.phone.packages.allowed(CHROME)
        assert has_note(made.phone)
        next_one = chrome_of(made) if way == "browser" else made.driver()
        next_one.connect()
        assert made.phone.reversed.listed() == {}
        assert not made.phone.packages.allowed(CHROME)
        if isinstance(next_one, PhoneChrome):
            assert next_one.left_ports == (page.server_port,)
        next_one.close()
        assert_as_found(made)


def test_a_pulled_cable_ends_the_way_and_the_next_contact_takes_back_the_rest(server, page) -> None:
    with with_chrome(server) as made:
        chrome = chrome_of(made)
        chrome.connect()
        chrome.reach(page.server_port)
        chrome.allow_microphone()
        made.phone.unplug()
        until(lambda: not made.phone.plug.transports, 10, "the cable is out")
        assert made.phone.reversed.listed() == {}, "as on a real phone it ends with the connection"
        with pytest.raises(DeviceError):
            chrome.check()
        chrome.close()
        assert has_note(made.phone)
        made.phone.replug()
        chrome.connect()
        assert not made.phone.packages.allowed(CHROME)
        chrome.close()
        assert_as_found(made)


def test_an_adb_server_that_dies_is_an_error_and_the_phone_is_given_back_later(page) -> None:
    with tempfile.TemporaryDirectory(prefix="adb-") as home:
        server = PrivateServer(Path(home))
        server.ensure()
        with with_chrome(server) as made:
            chrome = chrome_of(made)
            chrome.connect()
            chrome.reach(page.server_port)
            chrome.allow_microphone()
            os.killpg(server.process_group, signal.SIGKILL)
            with pytest.raises(DeviceError):
                chrome.check()
            chrome.close()  # nobody answers, and it does not raise
            chrome.connect()  # the bench has started a new one
            chrome.close()
            assert_as_found(made)
        server.close()
