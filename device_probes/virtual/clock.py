"""The time a virtual phone lives in."""

from __future__ import annotations

import math
import threading
import time


class Clock:
    """Real time by default; ``speed`` times faster on request, ``math.inf`` for no waiting."""

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed {speed} is not positive")
        self.speed = speed

    def start(self) -> Stopwatch:
        """A stopwatch that counts this clock's seconds."""
        return Stopwatch(self.speed)


class Stopwatch:
    """Seconds of a :class:`Clock` since it was made."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start = time.monotonic()

    def wait_until(self, seconds: float, cancelled: threading.Event) -> bool:
        """Wait until the watch shows ``seconds``; ``True`` at once when ``cancelled`` is set."""
        if math.isinf(self._speed):
            return cancelled.is_set()
        left = seconds / self._speed - (time.monotonic() - self._start)
        return cancelled.wait(max(left, 0.0))
