"""Follows usbmuxd for ever: which iPhones are there, as they come and go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

from device_probes.ios.door import MAX_PHONES, Following, MuxDoor, Notice, Seen, best
from profiler.errors import DeviceError

_WAIT_S = 5.0
"""Nothing is missed by it: a notice ends the wait."""
_SETTLE_S = 0.1
"""usbmuxd says who is there right after it says yes."""
_RETRY_S = (0.1, 0.3, 1.0)
_JOIN_S = 3.0


class MuxTracker:
    """One thread that follows one usbmuxd. Everything else here may be called from any thread.

    A usbmuxd that is not there is waited for: Debian's is started by the first phone and ends with
    the last.
    """

    def __init__(self, mux: MuxDoor) -> None:
        self._mux = mux
        self._news = threading.Condition()
        self._seen: dict[int, Seen] = {}
        """By usbmuxd's number: a phone may be there by cable and by network at once."""
        self._begun = False
        self._trouble: DeviceError | None = None
        self._stop = threading.Event()
        self._following: Following | None = None
        self._thread = threading.Thread(target=self._follow, name="ios tracker", daemon=True)

    @property
    def problem(self) -> str:
        """Why usbmuxd cannot be followed just now; ``""`` when it is."""
        return str(self._trouble or "")

    @property
    def trouble(self) -> DeviceError | None:
        """:attr:`problem` as the error it is."""
        return self._trouble

    def start(self, timeout_s: float = 5.0) -> None:
        """Begin, and wait until the phones are listed or it is known why they are not."""
        self._thread.start()
        with self._news:
            self._news.wait_for(lambda: self._begun, timeout_s)

    def close(self) -> None:
        """End the thread. Never raises."""
        self._stop.set()
        following = self._following
        if following is not None:
            following.stop()
        with self._news:
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=_JOIN_S)

    def snapshot(self) -> tuple[Seen, ...]:
        """Every phone that is there, each once."""
        with self._news:
            return best(self._seen.values())

    def wait_for(self, udid: str, present: bool, timeout_s: float) -> bool:
        """Wait until a phone is there, or is not; whether it came to that."""

        def done(phones: tuple[Seen, ...]) -> bool:
            return any(seen.udid == udid for seen in phones) is present

        return self.wait_until(done, timeout_s)

    def wait_until(self, done: Callable[[tuple[Seen, ...]], bool], timeout_s: float) -> bool:
        """Wait until ``done`` holds for the snapshot; whether it came to that."""
        with self._news:
            self._news.wait_for(
                lambda: self._stop.is_set() or done(best(self._seen.values())), timeout_s
            )
            return done(best(self._seen.values()))

    # --- the thread -----------------------------------------------------------------------------

    def _follow(self) -> None:
        tries = 0
        while not self._stop.is_set():
            try:
                with closing(self._mux.follow()) as following:
                    self._following = following
                    self._greet(following)
                    tries = 0
                    while not self._stop.is_set():
                        self._take(following.next(_WAIT_S))
            except DeviceError as exc:
                self._gone(exc)
                self._stop.wait(_RETRY_S[min(tries, len(_RETRY_S) - 1)])
                tries += 1

    def _greet(self, following: Following) -> None:
        """Take the phones that are there already before anybody is told that all are listed."""
        with self._news:
            self._trouble = None
        for _ in range(MAX_PHONES):
            notice = following.next(_SETTLE_S)
            if notice is None:
                break
            self._take(notice)
        with self._news:
            self._begun = True
            self._news.notify_all()

    def _take(self, notice: Notice | None) -> None:
        if notice is None:
            return
        with self._news:
            if notice.seen is None:
                self._seen.pop(notice.mux_id, None)
            elif notice.mux_id in self._seen or len(self._seen) < MAX_PHONES:
                self._seen[notice.mux_id] = notice.seen
            self._news.notify_all()

    def _gone(self, why: DeviceError) -> None:
        with self._news:
            self._seen.clear()
            self._begun = True
            self._trouble = None if self._stop.is_set() else why
            self._news.notify_all()
