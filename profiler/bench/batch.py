"""Many recordings on all cores: results in order, memory bounded, one numeric thread each."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from profiler.errors import ChirpbenchError

CHUNK = 4
"""Items a process takes at once: an analysis takes tens of ms, handing one over under 1 ms."""
CHUNKS_AHEAD = 3
"""Chunks waiting per process; bounds what is in memory."""
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

A = TypeVar("A")
B = TypeVar("B")


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_ordered(
    function: Callable[[A], B], items: Iterable[A], *, workers: int | None = None
) -> Iterator[B]:
    """``map`` over ``workers`` processes (default: all cores), results in the order of ``items``.

    ``function``, items and results must be picklable; items are taken as they are needed. An
    exception of ``function`` is raised here, in its place. With one worker everything happens in
    this process. Raises :class:`~profiler.errors.ChirpbenchError` when a worker process dies.
    """
    count = cores() if workers is None else workers
    if count <= 1:
        yield from map(function, items)
        return
    # Not forked: the caller may have threads, and one of them may hold a lock at that moment.
    context = multiprocessing.get_context("spawn")
    with _one_numeric_thread():
        pool = ProcessPoolExecutor(count, context, initializer=_begin_worker)
        try:
            yield from _through(pool, function, items, ahead=count * CHUNKS_AHEAD)
        except BrokenProcessPool as exc:
            raise ChirpbenchError(
                "a worker process died",
                hint="it may have run out of memory: use fewer workers",
            ) from exc
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Worker processes start with SIGINT blocked: Ctrl-C while they import is the parent's."""
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _through(
    pool: ProcessPoolExecutor, function: Callable[[A], B], items: Iterable[A], *, ahead: int
) -> Iterator[B]:
    waiting: deque[Future[list[B]]] = deque()
    rest = iter(items)
    while True:
        while len(waiting) < ahead and (chunk := tuple(itertools.islice(rest, CHUNK))):
            with _interrupts_held():
                waiting.append(pool.submit(_apply, function, chunk))
        if not waiting:
            return
        yield from waiting.popleft().result()


def _apply(function: Callable[[A], B], chunk: Sequence[A]) -> list[B]:
    return [function(item) for item in chunk]


def _begin_worker() -> None:
    """Interrupts are the parent's; memory stays from one recording to the next."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from profiler.analysis.memory import (  # noqa: PLC0415 - the parent has no use for it
        reuse_freed_memory,
    )

    reuse_freed_memory()


@contextmanager
def _one_numeric_thread() -> Iterator[None]:
    """Processes started meanwhile inherit it: two pools of threads on the same cores only wait."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
