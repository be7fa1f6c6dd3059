"""Python's collector kept away from work that makes many objects and no cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """No cyclic collections inside: knowledge is tens of thousands of objects that all stay, and
    each collection walks all of them for nothing (a third of the time for 1,000 models)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
