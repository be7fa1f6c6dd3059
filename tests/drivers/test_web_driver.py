"""The driver of browsers over the real page server; the page is a WebSocket client that says what
pages say, with the repository's own device side of the contract behind it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
import pytest
from page_clients import Browser, serving, status
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from device_probes.driver import Play
from device_probes.protocol import RefusedCode
from device_probes.server import ProbeServer, TrialRefused
from device_probes.web.bench import WebBench
from device_probes.web.driver import FreshWebDriver, WebDriver
from device_probes.web.openers import LinkOpener
from device_probes.web.server import PageServer
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotReady,
    DeviceTimeout,
    ProbeBackground,
    ProbePermission,
    ProbeRefused,
)
from profiler.model import (
    DeviceFacts,
    DeviceRef,
    EffectReport,
    EffectState,
    GrantedStream,
    Platform,
    ProbeReport,
    TimedAction,
    TrialRequest,
)
from profiler.stimulus import make_train

RATE_HZ = 48_000
FACTS = DeviceFacts(
    platform=Platform.WEB,
    manufacturer="",
    model="Tape (Browser)",
    marketing_name="Tape (Browser)",
    soc="",
    os_name="Linux",
    os_version="",
    os_build="Browser 1",
    native_rate_hz=RATE_HZ,
    collected_at=datetime(2026, 1, 1, tzinfo=UTC),
)
REQUEST = TrialRequest(api="web_audio", duration_s=0.5)
REF = DeviceRef(Platform.WEB, "tape", "Tape", "test")


class Tape:
    """What the page measures with: zeros, or the refusal it is set to."""

    def __init__(self) -> None:
        self.refuses: RefusedCode | None = None

    def facts(self) -> DeviceFacts:
        return FACTS

    def run(self, request, plays, emit_progress, cancelled):
        if self.refuses is not None:
            raise TrialRefused(self.refuses, "as it was told")
        stream = GrantedStream(RATE_HZ, 1)
        report = ProbeReport(
            "tape 1", stream, stream, effects={"aec": EffectReport(EffectState.OFF)}
        )
        return report, np.zeros((round(request.duration_s * RATE_HZ), 1), np.float32)


class Page(threading.Thread):
    """One load of the page: says ``states`` in turn, then serves the contract until it is shut."""

    def __init__(
        self, browser: Browser, url_query: str, states: tuple[str, ...], tape: Tape
    ) -> None:
        super().__init__(daemon=True)
        self._connection: ClientConnection = browser.socket(url_query)
        self._states = states
        self._tape = tape
        self.said: list[str] = []
        self._open = threading.Event()

    def run(self) -> None:
        here, there = socket.socketpair()
        server = threading.Thread(target=ProbeServer(self._tape, there, version="1").serve)
        back = threading.Thread(target=self._send, args=(here,))
        with self._connection, here, there:
            for state in self._states:
                self._connection.send(status(state))
            self._open.set()
            server.start()
            back.start()
            with suppress(ConnectionClosed, OSError):
                for message in self._connection:
                    if isinstance(message, bytes):
                        here.sendall(message)
                    else:
                        self.said.append(message)
            here.shutdown(socket.SHUT_RDWR)
            server.join(10)
            back.join(10)

    def _send(self, here: socket.socket) -> None:
        with suppress(ConnectionClosed, OSError):
            while data := here.recv(65_536):
                self._connection.send(data)

    def shut(self) -> None:
        """Close the tab."""
        assert self._open.wait(10)
        self._connection.close()
        self.join(10)

    def state(self, name: str) -> None:
        assert self._open.wait(10)
        self._connection.send(status(name))


class Tab:
    """An opener: each ``open`` loads the page anew in the same browser."""

    def __init__(self, port: int, *states: str, taps: bool = True) -> None:
        self.browser = Browser(port)
        self.states = states
        self.taps = taps
        self.tape = Tape()
        self.pages: list[Page] = []
        self.urls: list[str] = []

    def open(self, url: str, timeout_s: float) -> None:
        self.urls.append(url)
        query = "?" + url.partition("?")[2]
        self.browser.get("/" + query)
        page = Page(self.browser, query, self.states, self.tape)
        page.start()
        self.pages.append(page)

    def tap(self, timeout_s: float) -> bool:
        if self.taps:
            self.pages[-1].state("asking")
            self.pages[-1].state("ready")
        return self.taps

    def tell(self) -> str:
        return "tap the tab"

    def phone_facts(self) -> None:
        return None

    def close(self) -> None:
        for page in self.pages:
            page.shut()


@pytest.fixture
def server() -> Iterator[PageServer]:
    with serving() as running:
        yield running


@pytest.fixture
def opened(server: PageServer) -> Iterator[Callable[..., tuple[WebDriver, Tab, list[str]]]]:
    """Makes a driver with a tab that says these states when it is opened."""
    made: list[WebDriver] = []

    def make(*states: str, taps: bool = True, join_s: float = 10.0):
        told: list[str] = []
        tab = Tab(server.port, *states, taps=taps)
        driver = WebBench(server, told.append).opened_by(REF, tab, join_s=join_s)
        made.append(driver)
        return driver, tab, told

    yield make
    for driver in made:
        driver.close()


def run(driver: WebDriver):
    return driver.run(
        REQUEST, [Play(make_train(1, chirps=2, chirp_s=0.05))], lambda _progress: None
    )


def test_a_page_that_waits_is_tapped_and_measures(opened) -> None:
    driver, tab, told = opened("waiting_for_tap")
    assert driver.connect().model == "Tape (Browser)"
    assert run(driver).audio.frames == RATE_HZ // 2
    assert told == []
    assert len(tab.urls) == 1


def test_the_page_shows_what_is_measured(opened) -> None:
    driver, tab, _ = opened("ready")
    driver.connect()
    run(driver)
    driver.close()
    assert any("48 kHz, no processing" in line for line in tab.pages[0].said)


def test_a_person_who_has_to_tap_is_told_so(opened) -> None:
    driver, _, told = opened("waiting_for_tap", taps=False, join_s=1.0)
    with pytest.raises(DeviceTimeout, match="nobody tapped Start within 1 s; tap the tab"):
        driver.connect()
    assert told == ["Tape (tape): tap the tab"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("asking", "the microphone was not allowed"),
        ("hidden", "behind another tab"),
        ("suspended", "kept the sound suspended"),
    ],
)
def test_how_far_the_page_got_is_said(opened, state: str, words: str) -> None:
    driver, _, _ = opened(state, join_s=0.6)
    with pytest.raises(DeviceTimeout, match=words):
        driver.connect()


def test_a_page_that_never_comes_is_said(server: PageServer) -> None:
    driver = WebDriver(REF, server.seat("tape"), LinkOpener(), join_s=0.3)
    with pytest.raises(DeviceTimeout, match="the page was not opened within"):
        driver.connect()


def test_a_refused_microphone_is_a_permission(opened) -> None:
    driver, _, _ = opened("denied")
    with pytest.raises(ProbePermission, match="may not use the microphone"):
        driver.connect()


@pytest.mark.parametrize("state", ["no_microphone", "insecure", "no_worklet"])
def test_a_browser_that_cannot_measure_says_why(opened, state: str) -> None:
    driver, _, _ = opened(state)
    with pytest.raises(DeviceNotReady) as caught:
        driver.connect()
    assert caught.value.state == "unsuitable"
    assert caught.value.hint


def test_every_opening_has_a_link_of_its_own(opened) -> None:
    driver, tab, _ = opened("ready")
    driver.connect()
    driver.close()
    tab.pages.clear()
    tab.browser = Browser(tab.browser.port)  # another browser: the old link would be refused
    driver.connect()
    assert len(set(tab.urls)) == 2
    assert run(driver).audio.frames == RATE_HZ // 2


def test_a_closed_tab_is_a_lost_device_and_comes_back(opened) -> None:
    driver, tab, _ = opened("ready")
    driver.connect()
    tab.pages[-1].shut()
    with pytest.raises(DeviceLost, match="the page went away"):
        run(driver)
    driver.connect()
    assert run(driver).audio.frames == RATE_HZ // 2


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (RefusedCode.PERMISSION, ProbePermission),
        (RefusedCode.BACKGROUND, ProbeBackground),
        (RefusedCode.UNSUPPORTED, ProbeRefused),
    ],
)
def test_refusals_have_their_own_names(opened, code: RefusedCode, kind: type[DeviceError]) -> None:
    driver, tab, _ = opened("ready")
    driver.connect()
    tab.tape.refuses = code
    with pytest.raises(kind) as caught:
        run(driver)
    assert type(caught.value) is kind


def test_without_a_connection_nothing_runs(opened) -> None:
    driver, _, _ = opened("ready")
    with pytest.raises(DeviceLost, match="not connected"):
        run(driver)


def test_a_browser_that_cannot_be_hidden_has_no_actions(opened) -> None:
    driver, _, _ = opened("ready")
    assert driver.actions == frozenset()
    with pytest.raises(ProbeRefused, match="no action 'home'"):
        driver.act(TimedAction(1.0, "home"))


class HidingTab(Tab):
    """A tab that can be covered and started anew."""

    covered = False
    starts = 0

    def hide(self, timeout_s: float) -> None:
        self.covered = True

    def show(self, timeout_s: float) -> None:
        self.covered = False

    def restart(self) -> None:
        self.starts += 1
        self.close()
        self.pages.clear()
        self.browser = Browser(self.browser.port)


def test_a_hidden_page_is_brought_back_after_its_trial(server: PageServer) -> None:
    tab = HidingTab(server.port, "ready")
    driver = WebBench(server).opened_by(REF, tab)
    try:
        driver.connect()
        assert driver.actions == {"home", "front"}
        driver.act(TimedAction(0.1, "home"))
        assert tab.covered
        run(driver)
        assert not tab.covered
    finally:
        driver.close()


def test_a_fresh_browser_gets_a_new_link(server: PageServer) -> None:
    tab = HidingTab(server.port, "ready")
    driver = FreshWebDriver(REF, server.seat("a"), tab, renew=lambda: server.seat("b"))
    try:
        driver.connect()
        driver.restart()
        assert tab.starts == 1
        assert len(set(tab.urls)) == 2
        assert run(driver).audio.frames == RATE_HZ // 2
    finally:
        driver.close()


# --- browsers that people bring -----------------------------------------------------------------


def test_invited_browsers_are_measured_when_all_are_ready(server: PageServer) -> None:
    bench, seen = WebBench(server), []
    seats = bench.invite(2)
    tabs = [Tab(server.port, "waiting_for_tap") for _ in seats]
    for tab, seat in zip(tabs, seats, strict=True):
        tab.open(seat.url, 1.0)
        tab.tap(1.0)
    try:
        drivers = bench.joined(
            seats, 10.0, lambda seat, said: seen.append((seat.label, said.state))
        )
        assert len({d.ref.serial for d in drivers}) == 2, "one browser, two links, two names"
        assert [d.connect().model for d in drivers] == ["Tape (Browser)"] * 2
        assert {label for label, _ in seen} == {"link-1", "link-2"}
    finally:
        for tab in tabs:
            tab.close()


def test_who_refused_may_think_again(server: PageServer) -> None:
    bench = WebBench(server)
    (seat,) = bench.invite(1)
    tab = Tab(server.port, "denied")
    tab.open(seat.url, 1.0)

    def changed(_seat, said) -> None:
        if said.state == "denied":
            tab.pages[-1].state("ready")

    try:
        (driver,) = bench.joined((seat,), 10.0, changed)
        assert driver.connect().model == "Tape (Browser)"
    finally:
        tab.close()


def test_who_stays_with_no_gets_a_driver_that_says_so(server: PageServer) -> None:
    bench = WebBench(server)
    (seat,) = bench.invite(1)
    tab = Tab(server.port, "denied")
    tab.open(seat.url, 1.0)
    try:
        (driver,) = bench.joined((seat,), 1.2, lambda _seat, _said: None)
        with pytest.raises(ProbePermission):
            driver.connect()
    finally:
        tab.close()


def test_nobody_came(server: PageServer) -> None:
    bench = WebBench(server)
    with pytest.raises(
        DeviceTimeout, match="no browser was ready within 1 s; open the link in that browser"
    ):
        bench.joined(bench.invite(1), 0.6, lambda _seat, _said: None)
