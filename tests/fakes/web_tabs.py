"""The probe's real page in a real Chromium, for tests: one tab, its seat, a host's client."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, sync_playwright

from device_probes.client import ProbeClient
from device_probes.driver import Capture, Play
from device_probes.web.seats import PageStatus, Seat
from device_probes.web.server import PageServer
from device_probes.wire import Connection, Deadline, Frame
from profiler.model import TrialRequest
from profiler.stimulus import make_train

INSECURE_HOST = "bench.test"
"""A name of this computer that browsers do not trust without TLS."""
FAKE_SOUND = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
TRAIN = make_train(5, chirps=4, chirp_s=0.1, gap_s=(0.05, 0.1), tail_s=0.4)
REQUEST = TrialRequest(api="web_audio", warmup_s=0.2, duration_s=TRAIN.duration_s)
CONTEXTS = (
    "globalThis.contexts = []; const Plain = AudioContext;"
    "globalThis.AudioContext = class extends Plain {"
    " constructor(...all) { super(...all); contexts.push(this); } };"
)
"""Init script: the page's AudioContexts can be reached from outside."""


@contextmanager
def chromium(*args: str, env: Mapping[str, str] | None = None) -> Iterator[Browser]:
    """Debian's Chromium; ``args`` are added, ``env`` replaces its environment.

    One of them at a time in a thread; :func:`launch` starts others beside it.
    """
    with sync_playwright() as playwright, launch(playwright.chromium, *args, env=env) as browser:
        yield browser


@contextmanager
def launch(
    kind: BrowserType, *args: str, env: Mapping[str, str] | None = None
) -> Iterator[Browser]:
    """A browser of ``kind`` (that of another one is its ``browser_type``)."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = kind.launch(
        executable_path=shutil.which("chromium"),
        ignore_default_args=["--mute-audio"],
        args=[
            *sandbox, "--disable-gpu", "--no-first-run", "--disable-background-networking",
            f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1", *args,
        ],
        env=None if env is None else dict(env),
    )  # fmt: skip
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def page_server(*names: str) -> Iterator[PageServer]:
    """The real server; ``names`` are those of its links."""
    server = PageServer(names=names or ("localhost",))
    server.start()
    try:
        yield server
    finally:
        server.close()


class Tab:
    """One tab that shows the page of one seat."""

    def __init__(self, context: BrowserContext, seat: Seat, script: str = "") -> None:
        self.seat = seat
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        if script:
            self.page.add_init_script(script)
        self.page.goto(seat.url)

    def wait(self, *states: str, timeout_s: float = 30.0) -> PageStatus:
        """The page's status as soon as it is in one of ``states``."""
        return self.seat.wait_for(frozenset(states), timeout_s)

    def tap(self, *states: str) -> PageStatus:
        """Press the button once the page waits for it; its status then."""
        self.wait("waiting_for_tap")
        self.page.click("#start")
        return self.wait(*(states or ("ready",)))

    def shows(self, state: str) -> None:
        """Wait until the page shows the card of ``state``."""
        self.page.wait_for_selector(f"html[data-state={state}]", timeout=10_000)

    @contextmanager
    def client(self) -> Iterator[ProbeClient]:
        """A host that has shaken hands."""
        self.wait("ready", "measuring", "suspended")
        client = ProbeClient(self.seat.stream(), "page")
        try:
            client.handshake()
            yield client
        finally:
            client.close()

    @contextmanager
    def wires(self) -> Iterator[Wires]:
        """The bare frames of a session, after the hellos."""
        self.wait("ready")
        wires = Wires(self.seat)
        try:
            yield wires
        finally:
            wires.connection.close()


class Wires:
    """Frames to and from the page, for hosts that break the rules."""

    def __init__(self, seat: Seat) -> None:
        self.connection = Connection(seat.stream(), "page")
        self.send({"type": "hello", "protocol": 4, "version": "test"})
        assert self.read().type == "hello"

    def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        self.connection.write(header, Deadline(5.0, "test"), payload)

    def read(self) -> Frame:
        return self.connection.read(Deadline(10.0, "test"))

    def until(self, kind: str) -> Frame:
        """The next frame that is no progress; it must be of ``kind``."""
        while (frame := self.read()).type == "progress":
            pass
        assert frame.type == kind, frame.header
        return frame


def run(
    client: ProbeClient, request: TrialRequest = REQUEST, stages: list[str] | None = None
) -> Capture:
    """One trial that plays TRAIN."""
    told = stages if stages is not None else []
    return client.run(request, [Play(TRAIN)], lambda progress: told.append(progress.stage))


class Trial:
    """A trial that runs in a thread while the test does something to the page."""

    def __init__(self, client: ProbeClient, request: TrialRequest) -> None:
        self.capture: Capture | None = None
        self.error: BaseException | None = None
        self._stages: list[str] = []
        self._thread = threading.Thread(target=self._work, args=(client, request))
        self._thread.start()

    def _work(self, client: ProbeClient, request: TrialRequest) -> None:
        try:
            self.capture = run(client, request, self._stages)
        except BaseException as exc:  # noqa: BLE001 - the test looks at it
            self.error = exc

    def wait_for(self, stage: str) -> None:
        """Until the page tells ``stage``; fails when the trial ends before."""
        end = time.monotonic() + 15
        while stage not in self._stages:
            assert self._thread.is_alive(), self.error
            assert time.monotonic() < end, self._stages
            time.sleep(0.01)

    def result(self) -> Capture:
        """What was recorded; raises what went wrong."""
        self._thread.join(30)
        if self.error is not None:
            raise self.error
        assert self.capture is not None
        return self.capture


def until(true: Callable[[], bool], what: str) -> None:
    """Poll until it holds."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)
