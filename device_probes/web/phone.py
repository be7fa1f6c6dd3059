"""The probe's page in the browser of a phone on a cable: opened, allowed, tapped from here.

The phone is whatever can do what :class:`Phone` says. Where its browser cannot be steered, the page
is opened all the same and a person taps.
"""

from __future__ import annotations

import re
import socket
import time
from contextlib import suppress
from typing import Protocol

from device_probes.web.devtools import DevTools, Page
from profiler.errors import ChirpbenchError, DeviceError, DeviceTimeout, ProbePermission
from profiler.model import DeviceFacts

_URL = re.compile(r"http://localhost:(?P<port>[0-9]{1,5})(?P<rest>/.*)\Z")
_LOOK_S = 0.2
_CONNECT_S = 3.0
"""A browser that is just starting can be steered within this, or not at all."""
_FIND_S = 10.0
"""Longer, and something else is on the phone's screen than the page."""
_CALL_S = 5.0
_CLOSE_S = 2.0
_VISIBLE = "document.visibilityState"
_PERMISSION = "navigator.permissions.query({name: 'microphone'}).then((p) => p.state)"
_TAP = """(() => {
  const button = document.getElementById('start');
  if (!button || button.disabled) return 'not there';
  button.click();
  return 'tapped';
})()"""


class Phone(Protocol):
    """A phone and its browser. Every call ends within deadlines of its own and raises only
    :class:`~profiler.errors.DeviceError`; no message holds a token."""

    @property
    def name(self) -> str:
        """The phone's name in messages."""
        ...

    @property
    def browser(self) -> str:
        """What people call its browser."""
        ...

    @property
    def left_ports(self) -> tuple[int, ...]:
        """Ports from which an earlier session may have left a page open."""
        ...

    def connect(self) -> DeviceFacts:
        """Reach the phone, have it awake and unlocked; what it says of itself."""
        ...

    def reach(self, host_port: int, /) -> int:
        """Let a port of the phone lead to ``host_port`` of this computer; returns that port."""
        ...

    def allow_microphone(self) -> bool:
        """Let the browser, as an app, record; ``False``: a person has to."""
        ...

    def show(self, url: str, /) -> None:
        """Open a page, in front."""
        ...

    def to_front(self) -> None:
        """Bring the browser to the front."""
        ...

    def to_back(self) -> None:
        """Take the browser out of sight."""
        ...

    def devtools(self, timeout_s: float, /) -> socket.socket:
        """A new connection to the browser's DevTools."""
        ...

    def check(self) -> None:
        """Raise when the page could not be measured now, and say why."""
        ...

    def close(self) -> None:
        """Give the phone back as it was found. Never raises."""
        ...


class PhoneOpener:
    """An :class:`~device_probes.web.openers.Opener` for the browser of one phone.

    ``timeout_s`` of its calls is for the page; the phone has deadlines of its own.
    """

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self._facts: DeviceFacts | None = None
        self._origin = ""
        self._app_may_record = False
        self._devtools: DevTools | None = None
        self._page: Page | None = None

    def open(self, url: str, timeout_s: float, /) -> None:
        """Show the page, allowed to record as far as the platform lets us.

        Raises :class:`~profiler.errors.DeviceError`; a browser that cannot be steered is no error.
        """
        found = _URL.match(url)
        if found is None:
            raise DeviceError(
                "a phone on a cable is given pages of http://localhost only",
                device=self._phone.name, hint="let the page server listen on 127.0.0.1 without TLS",
            )  # fmt: skip
        self.close()
        try:
            self._facts = self._phone.connect()
            port = self._phone.reach(int(found["port"]))
            self._origin = f"http://localhost:{port}"
            self._app_may_record = self._phone.allow_microphone()
            self._phone.show(self._origin + found["rest"])
            with suppress(DeviceError):  # a person taps then
                self._steer(time.monotonic() + min(timeout_s, _FIND_S))
        except BaseException:  # Ctrl-C, too, must not leave the phone prepared
            self.close()
            raise

    def tap(self, timeout_s: float, /) -> bool:
        """Press the page's button; ``False``: a person has to.

        Raises :class:`~profiler.errors.DeviceError` when phone or browser is in no state to be
        measured, and :class:`~profiler.errors.ProbePermission` when the browser keeps the
        microphone from the page whatever it is told.
        """
        end = time.monotonic() + timeout_s
        try:
            tools, page = self._steer(end)
            if tools.evaluate(page, _PERMISSION, _short(end)) == "denied":
                raise self._denied()
            while tools.evaluate(page, _TAP, _short(end)) != "tapped":
                self._pause(end, "no Start button on the page")
        except ProbePermission:
            raise
        except DeviceError:
            self._phone.check()
            return False
        return True

    def tell(self) -> str:
        """What a person should do now; looks at the phone when the page was open already."""
        name = self._phone.browser
        if self._facts is None:
            return "connect the phone with a data cable and switch on USB debugging"
        try:
            self._phone.check()
        except DeviceError as exc:
            return exc.message.removeprefix(f"{exc.device}: ") + f"; {exc.hint}"
        if self._devtools is not None:
            return f"look at the phone: answer what {name} asks, and leave the page in front"
        app = "" if self._app_may_record else f", twice if Android asks for {name} as well"
        return f"on the phone: tap Start, then Allow{app}"

    def phone_facts(self) -> DeviceFacts | None:
        """What adb tells of the phone."""
        return self._facts

    def hide(self, _timeout_s: float, /) -> None:
        """Press the home button."""
        self._phone.to_back()

    def show(self, timeout_s: float, /) -> None:
        """Bring the page to the front again."""
        self._phone.to_front()
        if self._devtools is not None and self._page is not None:
            with suppress(DeviceError):  # it was the tab in front before
                self._devtools.bring_to_front(self._page, timeout_s)

    def close(self) -> None:
        """Close the page's tab, if it can be, and give the phone back. Never raises."""
        tools, self._devtools = self._devtools, None
        page, self._page = self._page, None
        self._facts = None
        if tools is not None:
            with suppress(ChirpbenchError):
                if page is not None and tools.alive:
                    tools.close_page(page, _CLOSE_S)
            tools.close()
        self._phone.close()

    # --- pieces -----------------------------------------------------------------------------------

    def _steer(self, end: float) -> tuple[DevTools, Page]:
        """The page in a browser that lets itself be steered, with the microphone allowed; connects
        again when the connection is gone, as what was allowed is gone with it."""
        tools, page = self._devtools, self._page
        if tools is not None and tools.alive and page is not None:
            return tools, page
        self._devtools = self._page = None
        if tools is not None:
            tools.close()
        tools = self._connect(end)
        try:
            tools.allow_microphone(self._origin, _short(end))
            page = self._find(tools, end)
        except BaseException:  # also Ctrl-C: nothing stays open
            tools.close()
            raise
        self._devtools, self._page = tools, page
        return tools, page

    def _connect(self, end: float) -> DevTools:
        """A browser that was just started takes its time until it can be steered."""
        until = min(end, time.monotonic() + _CONNECT_S)
        while True:
            try:
                return DevTools(self._phone.devtools, self._phone.name, _short(end))
            except DeviceError:
                if time.monotonic() >= until:
                    raise
            time.sleep(_LOOK_S)

    def _find(self, tools: DevTools, end: float) -> Page:
        """Our page among the browser's tabs; closes those that earlier sessions have left."""
        left = tuple(f"http://localhost:{port}/" for port in self._phone.left_ports)
        while True:
            pages = tools.pages(_short(end))
            ours = [page for page in pages if page.url.startswith(self._origin + "/")]
            if ours:
                break
            self._pause(end, f"{self._phone.browser} has no tab with the page")
        mine = next((p for p in ours if len(ours) > 1 and self._is_seen(tools, p, end)), ours[0])
        for page in pages:
            if page != mine and (page in ours or (left and page.url.startswith(left))):
                tools.close_page(page, _short(end))
        return mine

    def _pause(self, end: float, what: str) -> None:
        """Wait a moment, unless the time is over."""
        if time.monotonic() >= end:
            raise DeviceTimeout(what, device=self._phone.name, hint="look at the phone")
        time.sleep(_LOOK_S)

    @staticmethod
    def _is_seen(tools: DevTools, page: Page, end: float) -> bool:
        return tools.evaluate(page, _VISIBLE, _short(end)) == "visible"

    def _denied(self) -> ProbePermission:
        name = self._phone.browser
        return ProbePermission(
            f"{name} may not use the microphone on this page", device=self._phone.name,
            hint=f"on the phone: {name} → ⋮ → Settings → Site settings → Microphone: on, and "
            f"{self._origin} not blocked; then run again",
        )  # fmt: skip


def _short(end: float) -> float:
    """Seconds for one call; an exhausted time leaves a moment, so that the call itself says so."""
    return max(min(end - time.monotonic(), _CALL_S), 0.05)
