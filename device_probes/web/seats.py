"""One browser's seat as the host sees it: its link, its status, its stream. Thread-safe."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

from device_probes.fields import clean
from device_probes.web.status import MAX_LINE_CHARS, PageStatus
from device_probes.web.stream import DONE, GOING_AWAY, PageStream
from profiler.errors import DeviceLost, DeviceTimeout

__all__ = ["PageStatus", "Seat"]

SEE_OFF_S = 2.0
"""A page whose session ended connects again within a second."""


class Seat:
    """Made by :meth:`device_probes.web.server.PageServer.seat`.

    ``url`` is the link for the browser: whoever opens it first may use the seat.
    """

    def __init__(self, label: str, url: str, forget: Callable[[], None]) -> None:
        self.label = label
        self.url = url
        self._forget = forget
        self._changed = threading.Condition()
        self._stream: PageStream | None = None
        self._status: PageStatus | None = None
        self._problem = ""
        self._over = ""
        self._met = False
        """A page was here once."""

    @property
    def status(self) -> PageStatus | None:
        """What the page said last; ``None`` while no page is connected."""
        return self._status if self.connected else None

    @property
    def connected(self) -> bool:
        """Whether a page is connected that the host did not hang up on."""
        stream = self._stream
        return stream is not None and not stream.closed

    def wait_for(self, states: frozenset[str], timeout_s: float) -> PageStatus:
        """The page's status as soon as its state is one of ``states``.

        Raises :class:`DeviceTimeout` with what the page said instead, and :class:`DeviceLost` when
        the seat or its server was closed.
        """
        end_s = time.monotonic() + timeout_s
        with self._changed:
            while not self._over:
                status = self.status
                if status is not None and status.state in states:
                    return status
                if not self._changed.wait(max(end_s - time.monotonic(), 0.0)):
                    raise self._late(timeout_s)
        raise DeviceLost(self._over, device=self.label)

    def stream(self) -> PageStream:
        """The bytes of the page that is connected; raises :class:`DeviceLost` when none is."""
        with self._changed:
            if self._stream is not None and not self._stream.closed:
                return self._stream
        raise DeviceLost(
            self._over or "the page is not open",
            device=self.label,
            hint="open the link again in the same browser",
        )

    def say(self, line: str) -> None:
        """Show one line on the page (at most 200 characters); nothing happens without a page."""
        stream = self._stream
        if stream is not None:
            stream.tell(json.dumps({"say": clean(line)[:MAX_LINE_CHARS]}))

    def finish(self) -> None:
        """Tell the page that all is done; the link is dead from now on. May be called twice."""
        self._forget()
        self._end("the seat was finished")
        stream = self._stream
        if stream is not None:
            stream.finish(DONE)

    def see_off(self, timeout_s: float = SEE_OFF_S) -> None:
        """:meth:`finish`, after a page that is just coming back has had the time to hear it."""
        with self._changed:
            self._changed.wait_for(
                lambda: not self._met or self.connected or bool(self._over), timeout_s
            )
        self.finish()

    # The server's side.

    def attach(self, stream: PageStream) -> None:
        """A page is connected; it has not said yet how it is."""
        with self._changed:
            self._stream, self._status, self._problem = stream, None, ""
            self._met = True
            over = bool(self._over)
            self._changed.notify_all()
        if over:
            stream.finish(DONE)

    def detach(self, stream: PageStream, problem: str = "") -> None:
        """That page is gone; ``problem`` says what it did wrong."""
        with self._changed:
            if self._stream is stream:
                self._stream, self._status, self._problem = None, None, problem
                self._changed.notify_all()

    def report(self, stream: PageStream, status: PageStatus) -> None:
        """The page behind ``stream`` said how it is; one that gave way is not heard any more."""
        with self._changed:
            if self._stream is stream:
                self._status = status
                self._changed.notify_all()

    def shut(self) -> None:
        """The server closes."""
        self._end("the page server was closed")
        stream = self._stream
        if stream is not None:
            stream.finish(GOING_AWAY)

    def _end(self, why: str) -> None:
        with self._changed:
            self._over = self._over or why
            self._changed.notify_all()

    def _late(self, timeout_s: float) -> DeviceTimeout:
        status = self.status
        if status is not None:
            detail = f" ({status.detail})" if status.detail else ""
            seen = f"the page is at {status.state.value!r}{detail}"
            hint = "look at the page and do what it says"
        elif self._problem:
            seen, hint = self._problem, "reload the page"
        else:
            seen, hint = "no page is connected", "open the link in the browser"
        return DeviceTimeout(f"{seen} after {timeout_s:.3g} s", device=self.label, hint=hint)
