"""Who plays the other part of an exchange: devices of one zone help each other.

A device's link has a lock that is held while its driver is in use. The order is: the turn of the
zone, the device's own lock, the partner's lock. A partner is taken only by who has the turn of
its zone, and a lock is waited for without the turn only by its own device, so that nobody waits
in a circle.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from profiler.bench.stop import Stop
from profiler.model import DeviceRef

if TYPE_CHECKING:
    from profiler.bench.link import DeviceLink

_LOOK_S = 0.1


class Partners:
    """All devices of one bench. Used from every worker's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._links: list[DeviceLink] = []
        self._used: dict[str, str] = {}
        """Who helped a device last, by uid."""

    def add(self, link: DeviceLink) -> None:
        """Make a device known, before any worker runs."""
        self._links.append(link)

    def candidates(self, link: DeviceLink, *, last: str = "") -> list[DeviceLink]:
        """Who can help, the first choice first; ``last`` is the uid of who has just failed.

        The plan's partner, then who helped before, then who has finished, then the others.
        """
        used = self._used.get(link.ref.uid)
        found = [o for o in self._links if o is not link and o.zone == link.zone and not o.unfit]
        return sorted(
            found,
            key=lambda o: (
                o.ref.uid == last,
                not o.named_partner,
                o.ref.uid != used,
                not o.finished,
            ),
        )

    def best(self, link: DeviceLink) -> DeviceRef | None:
        """Whom an exchange would be planned with."""
        return next((o.ref for o in self.candidates(link)), None)

    @contextmanager
    def borrowed(
        self, link: DeviceLink, stop: Stop, *, wait_s: float, last: str = ""
    ) -> Iterator[DeviceLink | None]:
        """A partner whose lock is held; ``None`` when there is none or all stay busy.

        The caller holds the turn of the zone and its own lock. The first choice is waited for
        (a change of the partner is a change of the geometry), after ``wait_s`` any other.
        """
        taken = self._take(link, stop, wait_s, last)
        try:
            yield taken
        finally:
            if taken is not None:
                taken.lock.release()

    def _take(self, link: DeviceLink, stop: Stop, wait_s: float, last: str) -> DeviceLink | None:
        end = time.monotonic() + wait_s
        while not stop.requested:
            late = time.monotonic() > end
            choice = self.candidates(link, last=last)
            for other in choice if late else choice[:1]:
                if other.lock.acquire(blocking=False):
                    if not other.unfit:
                        self._used[link.ref.uid] = other.ref.uid
                        return other
                    other.lock.release()
            if late or not choice:
                return None
            stop.wait(_LOOK_S)
        return None

    def done(self, link: DeviceLink) -> None:
        """A device's run is over: give back those of its zone that nobody can need any more."""
        with self._lock:
            link.finished, link.may_ask = True, False
            zone = [o for o in self._links if o.zone == link.zone]
            spare = [
                o
                for o in zone
                if o.finished and (o.unfit or not any(p.may_ask for p in zone if p is not o))
            ]
        for other in spare:
            other.close()

    def close_all(self) -> None:
        """The bench is over."""
        for link in self._links:
            link.close()
