"""The browsers of one bench: a page server, and a driver for each browser that is to measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from device_probes.web.chromium import Chromium, find_program, require_playwright, version_of
from device_probes.web.driver import (
    ENDS,
    HOPELESS,
    JOIN_S,
    READY,
    FreshWebDriver,
    WebDriver,
)
from device_probes.web.openers import LinkOpener, Opener
from device_probes.web.seats import PageStatus, Seat
from device_probes.web.server import PageServer
from device_probes.web.status import PageState
from profiler.errors import DeviceTimeout
from profiler.model import DeviceRef, Platform

LOCAL_SERIAL = "chromium"
_LOOK_S = 0.5


def local_browser(env: Mapping[str, str] | None = None) -> DeviceRef:
    """The Chromium of this computer; nothing is started.

    Raises :class:`~profiler.errors.DeviceNotFound` without one and
    :class:`~profiler.errors.InputError` without the package that drives it.
    """
    name = version_of(find_program(env))
    require_playwright()
    return DeviceRef(Platform.WEB, LOCAL_SERIAL, f"{name} on this computer", "local")


class WebBench:
    """Makes drivers over one running :class:`~device_probes.web.server.PageServer`."""

    def __init__(
        self, server: PageServer, tell: Callable[[str], None] = lambda _line: None
    ) -> None:
        """``tell`` gets a line when a browser waits for a person."""
        self._server = server
        self._tell = tell

    def local(self, env: Mapping[str, str] | None = None) -> FreshWebDriver:
        """This computer's Chromium; ``env`` replaces its environment."""
        ref = local_browser(env)
        renew = partial(self._server.seat, ref.serial)
        return FreshWebDriver(ref, renew(), Chromium(env=env), renew=renew)

    def opened_by(self, ref: DeviceRef, opener: Opener, *, join_s: float = JOIN_S) -> WebDriver:
        """A browser that ``opener`` reaches, such as Chrome on a phone."""
        renew = partial(self._server.seat, ref.serial)
        return WebDriver(ref, renew(), opener, renew=renew, tell=self._tell, join_s=join_s)

    def invite(self, count: int) -> tuple[Seat, ...]:
        """A place for each of ``count`` browsers that people open; show them ``seat.url``."""
        return tuple(self._server.seat(f"link-{n}") for n in range(1, count + 1))

    def joined(
        self, seats: Sequence[Seat], timeout_s: float, on_change: Callable[[Seat, PageStatus], None]
    ) -> list[WebDriver]:
        """A driver for each invited browser once its page is ready.

        ``on_change`` is told what every page says meanwhile. Who refused the microphone may think
        again until then; pages that cannot measure get a driver, too, whose ``connect`` says why.
        Raises
        :class:`~profiler.errors.DeviceTimeout` when no browser came within ``timeout_s``.
        """
        end = time.monotonic() + timeout_s
        seen: dict[str, PageStatus] = {}
        while time.monotonic() < end:
            for seat in seats:
                status = seat.status
                if status is not None and seen.get(seat.label) != status:
                    seen[seat.label] = status
                    on_change(seat, status)
            if all(_is(s.status, READY | HOPELESS) for s in seats):
                break
            time.sleep(_LOOK_S)
        drivers = _drivers([s for s in seats if _is(s.status, READY | ENDS)])
        if not drivers:
            raise DeviceTimeout(
                f"no browser was ready within {timeout_s:.0f} s",
                device="link",
                hint=LinkOpener().tell(),
            )
        return drivers


def _is(status: PageStatus | None, states: frozenset[PageState]) -> bool:
    return status is not None and status.state in states


def _drivers(seats: Sequence[Seat]) -> list[WebDriver]:
    """A driver for each browser, which keeps its name from run to run: its page remembers it."""
    found: dict[str, WebDriver] = {}
    for seat in seats:
        status = seat.status
        name = serial = f"browser-{status.browser_id if status is not None else seat.label}"
        if serial in found:  # the same browser opened two links
            serial = f"{name}-{seat.label}"
        ref = DeviceRef(Platform.WEB, serial, "browser by link", "link")
        found[serial] = WebDriver(ref, seat, LinkOpener())
    return list(found.values())
