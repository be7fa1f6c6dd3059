"""The time a virtual phone lives in."""

from __future__ import annotations

import math
import threading
import time


class Clock:
    """Real time by default; ``speed`` times faster on request, ``math.inf`` for no waiting.

    Phones that share a clock share its epoch: the moment it was made is their second 0.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed {speed} is not positive")
        self.speed = speed
        self._epoch = time.monotonic()

    @property
    def passes(self) -> bool:
        """Whether time passes at all: without waiting, nothing happens at the same time."""
        return not math.isinf(self.speed)

    def now_s(self) -> float:
        """Seconds of this clock since it was made; 0 when it never waits."""
        return self._at_s(time.monotonic())

    def start(self) -> Stopwatch:
        """A stopwatch that counts this clock's seconds."""
        start = time.monotonic()
        return Stopwatch(self.speed, start, self._at_s(start))

    def _at_s(self, monotonic_s: float) -> float:
        return (monotonic_s - self._epoch) * self.speed if self.passes else 0.0


class Stopwatch:
    """Seconds of a :class:`Clock` since it was made."""

    def __init__(self, speed: float, start: float, began_s: float) -> None:
        self._speed = speed
        self._start = start
        self.began_s = began_s
        """What the clock showed when the watch was started."""
        self._waited_s = 0.0

    def shows_s(self) -> float:
        """Seconds since it was made; of a clock that never waits, what was last waited for."""
        if math.isinf(self._speed):
            return self._waited_s
        return (time.monotonic() - self._start) * self._speed

    def wait_until(self, seconds: float, cancelled: threading.Event) -> bool:
        """Wait until the watch shows ``seconds``; ``True`` at once when ``cancelled`` is set."""
        self._waited_s = seconds
        if math.isinf(self._speed):
            return cancelled.is_set()
        left = seconds / self._speed - (time.monotonic() - self._start)
        return cancelled.wait(max(left, 0.0))
