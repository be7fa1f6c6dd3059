"""Browsers on the command line: which are asked for, how they join, what is said meanwhile."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from page_clients import Browser, status
from websockets.sync.client import ClientConnection

from device_probes.driver import Driver
from device_probes.web.status import PageState
from profiler.cli.arguments import build_parser
from profiler.cli.browsers import SAID, link_server, web_browsers
from profiler.cli.commands import devices
from profiler.cli.connect import kinds, nothing_connected
from profiler.cli.health import WEB_PACKAGES, Health, web
from profiler.cli.web_arguments import JOIN_S, WebChoice, web_choice
from profiler.errors import DeviceNotFound, DeviceTimeout, InputError
from profiler.model import Platform


def parsed(*words: str) -> Namespace:
    return build_parser().parse_args(["run", *words])


# --- options -------------------------------------------------------------------------------------


def test_the_options_say_which_browsers() -> None:
    assert web_choice(parsed()) == WebChoice(("chromium",), "127.0.0.1", 1, JOIN_S)
    several = parsed("--browser", "link", "--browser", "chromium", "--browser", "link")
    assert web_choice(several).browsers == ("link", "chromium")
    by_link = parsed("--browser=link", "--listen=192.168.1.5", "--browsers=3", "--join-timeout=9")
    assert web_choice(by_link) == WebChoice(("link",), "192.168.1.5", 3, 9.0)


@pytest.mark.parametrize("option", ["--listen=127.0.0.1", "--browsers=2", "--join-timeout=5"])
def test_options_of_links_need_a_link(option: str) -> None:
    for words in ((option,), (option, "--probe", "web"), (option, "--browser", "android")):
        with pytest.raises(InputError, match="--browser link"):
            kinds(parsed(*words))


@pytest.mark.parametrize(
    "words",
    [["--browser", "netscape"], ["--browsers", "0"], ["--join-timeout", "-1"], ["--browser"]],
)
def test_wrong_words_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert "see 'chirpbench run --help'" in capsys.readouterr().err


def test_naming_a_browser_asks_for_the_web_probe() -> None:
    assert kinds(parsed("--probe", "web")) == (Platform.WEB,)
    assert kinds(parsed("--browser", "link")) == (Platform.WEB,)
    assert kinds(parsed("--browser", "android", "--virtual")) == (Platform.VIRTUAL, Platform.WEB)
    assert kinds(parsed()) == ()
    assert "allow USB debugging" in nothing_connected((Platform.WEB,)), "the only way to have none"


def test_a_phones_app_and_its_browser_take_turns() -> None:
    with pytest.raises(InputError, match="two runs"):
        kinds(parsed("--probe", "android,web", "--browser", "android"))
    assert kinds(parsed("--probe", "android,web")) == (Platform.ANDROID, Platform.WEB)


def test_devices_waits_for_nobody() -> None:
    args = build_parser().parse_args(["devices", "--browser", "link"])
    with pytest.raises(InputError, match="joins a run"):
        devices.execute(args)


def test_without_a_chromium_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHIRPBENCH_CHROMIUM", "/nowhere/chromium")
    wrong = pytest.raises(DeviceNotFound, match="correct it, or unset CHIRPBENCH_CHROMIUM")
    with wrong, web_browsers(WebChoice()):
        pass
    monkeypatch.delenv("CHIRPBENCH_CHROMIUM")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DeviceNotFound, match="apt install chromium"), web_browsers(WebChoice()):
        pass
    finding = web()
    assert finding.health is Health.WARN
    assert "apt install chromium" in finding.next_step


def test_doctor_names_the_packages_and_the_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("CHIRPBENCH_CHROMIUM", str(program))
    finding = web()
    assert finding.health is Health.OK
    assert finding.found.startswith(str(program))
    assert all(name in finding.found for name in WEB_PACKAGES)


# --- browsers that join --------------------------------------------------------------------------


class People:
    """Opens the links that the terminal shows, as people with browsers would."""

    def __init__(self, read_terminal: pytest.CaptureFixture[str]) -> None:
        self._capsys = read_terminal
        self.said = ""
        self._done = threading.Event()

    def wait_for(self, text: str, times: int = 1) -> str:
        """Until the terminal shows it."""
        for _ in range(1000):
            self.said += self._capsys.readouterr().err
            if self.said.count(text) >= times:
                return self.said
            self._done.wait(0.02)
        raise AssertionError(f"no {text!r} in {self.said!r}")

    def links(self, count: int) -> list[str]:
        """The links in the terminal."""
        lines = self.wait_for("/?t=", count).splitlines()
        return [line.strip() for line in lines if "/?t=" in line]


@contextmanager
def page(link: str) -> Iterator[ClientConnection]:
    """A page that was opened from a link and is connected."""
    url = urlsplit(link)
    assert url.port is not None
    browser = Browser(url.port)
    assert browser.get(f"{url.path}?{url.query}").status == 200
    with browser.socket("?" + url.query) as connection:
        yield connection


def looking(choice: WebChoice) -> tuple[threading.Thread, list[list[Driver]], list[Exception]]:
    """``web_browsers`` on a thread of its own, so that the test can be the people."""
    found: list[list[Driver]] = []
    failed: list[Exception] = []

    def look() -> None:
        try:
            with web_browsers(choice) as drivers:
                found.append(list(drivers))
        except (DeviceTimeout, InputError) as exc:
            failed.append(exc)

    thread = threading.Thread(target=look)
    thread.start()
    return thread, found, failed


def test_a_browser_joins_by_the_link_and_its_way_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    thread, found, failed = looking(WebChoice(("link",), join_s=30.0))
    people = People(capsys)
    (link,) = people.links(1)
    assert link.startswith("http://localhost:")
    with page(link) as connection:
        for state, told in (
            ("waiting_for_tap", "tap its button"),
            ("asking", "allow it"),
            ("hidden", "bring it to the front"),
            ("ready", "browser 1: ready"),
        ):
            connection.send(status(state))
            people.wait_for(told)
        thread.join(20)
    assert not failed
    ((driver,),) = found
    assert (driver.ref.platform, driver.ref.transport) == (Platform.WEB, "link")
    assert driver.ref.serial == "browser-0123456789abcdef"
    assert "waiting for 1 browser, 30 s at most" in people.said
    assert "only browsers of this computer reach this link" in people.said


def test_what_a_page_says_is_shown_as_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    thread, _, _ = looking(WebChoice(("link",), join_s=30.0))
    people = People(capsys)
    (link,) = people.links(1)
    with page(link) as connection:
        connection.send(status("suspended", detail="\x1b[31mred\x1b[0m"))
        people.wait_for("tap the page")
        connection.send(status("ready"))
        thread.join(20)
    assert "\x1b" not in people.said
    assert "█" not in people.said, "a QR code is for a terminal"


def test_some_of_several_are_enough_when_the_time_is_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    thread, found, _ = looking(WebChoice(("link",), count=2, join_s=4.0))
    people = People(capsys)
    first, second = people.links(2)
    assert first != second
    with page(second) as connection:
        connection.send(status("ready"))
        people.wait_for("browser 2: ready")
        people.wait_for("going on with 1 of 2 browsers")
        thread.join(20)
    assert [len(drivers) for drivers in found] == [1]


def test_nobody_came(capsys: pytest.CaptureFixture[str]) -> None:
    thread, found, failed = looking(WebChoice(("link",), join_s=0.3))
    thread.join(20)
    assert not found
    (problem,) = failed
    assert "no browser was ready within" in str(problem)
    assert "/?t=" not in str(problem), "a token is no part of a message"
    assert "waiting for 1 browser" in capsys.readouterr().err


def test_every_state_of_a_page_has_a_line() -> None:
    assert set(SAID) == set(PageState)
    assert all(SAID.values())


# --- certificates --------------------------------------------------------------------------------


def test_links_in_the_lab_are_served_with_the_benchs_own_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    _, fingerprint = link_server("192.168.77.7")
    assert len(fingerprint.split(":")) == 32
    assert (tmp_path / "chirpbench" / "web" / "ca.pem").stat().st_mode & 0o077 == 0
    _, again = link_server("192.168.77.8")
    assert again == fingerprint, "a phone trusts the bench once"
    assert link_server("127.0.0.1")[1] == link_server("::1")[1] == ""


@pytest.mark.parametrize("address", ["8.8.8.8", "0.0.0.0", "example.org", "bench.local", "", "\n"])
def test_other_addresses_are_refused(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(InputError):
        link_server(address)


def test_a_damaged_authority_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "chirpbench" / "web"
    folder.mkdir(parents=True)
    (folder / "ca.pem").write_text("nothing")
    (folder / "ca.pem").chmod(0o600)
    with pytest.raises(InputError, match="damaged"):
        link_server("192.168.77.7")
