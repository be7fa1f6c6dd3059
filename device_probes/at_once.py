"""Asking many devices at the same time: most of an answer is waiting for the device."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

MAX_AT_ONCE = 16


def at_once(work: Iterable[Callable[[], None]], timeout_s: float, *, name: str) -> None:
    """Do each piece, some at once, and leave behind what does not end in time.

    ``name`` is that of the threads. A piece must not raise.
    """
    left = list(work)
    lock = threading.Lock()

    def take() -> None:
        while True:
            with lock:
                if not left:
                    return
                piece = left.pop(0)
            piece()

    threads = [
        threading.Thread(target=take, name=name, daemon=True)
        for _ in range(min(MAX_AT_ONCE, len(left)))
    ]
    for thread in threads:
        thread.start()
    end_s = time.monotonic() + timeout_s
    for thread in threads:
        thread.join(max(end_s - time.monotonic(), 0.0))
