"""Acoustic zones: devices that hear each other play in turn, first come, first served."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from profiler.bench.stop import Stop

_LOOK_S = 0.25
"""How often a waiting device looks whether the bench is being stopped."""


class Turn:
    """The right to make sound in a zone, given back early by :meth:`release` or at the end."""

    def __init__(self, zone: _Zone) -> None:
        self._zone = zone

    def release(self) -> None:
        """Let the next device play; calling it again does nothing."""
        self._zone.leave(self)


class Zones:
    """The zones of one bench, made as they are named."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._zones: dict[str, _Zone] = {}

    @contextmanager
    def turn(self, name: str, stop: Stop) -> Iterator[Turn | None]:
        """Wait for the zone; ``None`` when the bench was stopped while waiting."""
        with self._lock:
            zone = self._zones.setdefault(name, _Zone())
        turn = Turn(zone)
        try:
            yield turn if zone.wait_for(turn, stop) else None
        finally:
            turn.release()


class _Zone:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[Turn] = deque()

    def wait_for(self, turn: Turn, stop: Stop) -> bool:
        with self._changed:
            self._queue.append(turn)
            while self._queue[0] is not turn:
                if stop.requested:
                    return False
                self._changed.wait(_LOOK_S)
            return not stop.requested

    def leave(self, turn: Turn) -> None:
        with self._changed:
            if turn in self._queue:
                self._queue.remove(turn)
                self._changed.notify_all()
