"""Ending a bench early: the first Ctrl-C finishes cleanly, the second ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """A request to end the bench, from any thread. Running trials are cancelled, not awaited."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def request(self) -> None:
        """Ask for the end; repeating it changes nothing."""
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether anyone asked."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep unless or until the end is asked for; returns whether it is."""
        return self._event.wait(timeout_s)


@contextmanager
def interrupts(first: Callable[[], None]) -> Iterator[None]:
    """Call ``first`` on the first SIGINT or SIGTERM and raise ``KeyboardInterrupt`` on the next.

    ``first`` runs inside the signal handler: it may only do what is re-entrant. Outside the main
    thread signals are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        if seen:
            raise KeyboardInterrupt
        seen = True
        first()

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(s, handle) for s in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
