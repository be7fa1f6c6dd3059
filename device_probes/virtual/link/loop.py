"""One event loop in one thread, and the way of other threads to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
_START_S = 20.0
_STOP_S = 10.0
_CALL_S = 15.0


class LoopThread:
    """A loop that runs in a thread of its own from :meth:`start` to :meth:`stop`."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._started = False

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    def start(self, first: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run, and wait until ``first`` is done; raises what it raises.

        After an error it still runs: :meth:`stop` is due then, too.
        """
        self._thread.start()
        self._started = True
        self.result(first(), _START_S)

    def result(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run ``work`` there and wait for it; raises ``TimeoutError``."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def stop(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Let ``last`` have the last word, and end. May be called twice, or without a start."""
        if not self._started:
            self._loop.close()
        elif self.alive:
            with suppress(TimeoutError):
                self.result(last(), _STOP_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()


async def end_other_tasks() -> None:
    """Cancel every task of the running loop but this one, and wait for their ends."""
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class HomeLoop:
    """The loop a phone's connections live on, for those who are on it and those who are not.

    Before :meth:`settle`, and after the loop was closed, there is none: nothing waits then.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None
        self._background: set[asyncio.Task[Any]] = set()

    def settle(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    @property
    def is_here(self) -> bool:
        """Whether this is its thread."""
        return threading.get_ident() == self._thread

    @property
    def _running(self) -> asyncio.AbstractEventLoop | None:
        loop = self._loop
        return None if loop is None or loop.is_closed() else loop

    def call(self, do: Callable[[], T]) -> T:
        """Run ``do`` on the loop's thread and wait for it; here when there is no loop."""
        loop = self._running
        if loop is None or self.is_here:
            return do()

        async def there() -> T:
            return do()

        return asyncio.run_coroutine_threadsafe(there(), loop).result(_CALL_S)

    def submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T] | None:
        """Begin ``work`` on it, from another thread; ``None``: there is no loop."""
        loop = self._running
        return None if loop is None else asyncio.run_coroutine_threadsafe(work(), loop)

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run ``work`` on it; from another thread, wait for it and return its result."""
        loop = self._running
        if loop is None:
            work.close()
            return None
        if self.is_here:
            self.in_background(work)
            return None
        return asyncio.run_coroutine_threadsafe(work, loop).result(_CALL_S)

    def in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin ``work`` on it and wait for nothing; without a loop it is never begun."""
        loop = self._running
        if loop is None:
            work.close()
            return

        def begin() -> None:
            task = loop.create_task(work)
            self._background.add(task)
            task.add_done_callback(self._background.discard)

        self.call(begin)

    async def end_background(self) -> None:
        """End what still runs in the background."""
        tasks = list(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
