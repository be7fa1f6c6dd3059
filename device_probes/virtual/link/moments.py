"""What happens to one phone, moment by moment: events, what was set on them, and being frozen."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError
from typing import Any

from device_probes.virtual.link.loop import HomeLoop
from device_probes.virtual.link.triggers import Action, Triggers


class Moments:
    """The events of ``phone``, to which the actions that were set on them are done.

    ``home`` is the loop its connections live on, ``times_pulled`` counts how often its cable was.
    """

    def __init__(self, phone: Any, home: HomeLoop, times_pulled: Callable[[], int]) -> None:
        self.triggers: Triggers[Any] = Triggers()
        self._phone = phone
        self._home = home
        self._times_pulled = times_pulled
        self._gate = asyncio.Event()
        self._gate.set()

    async def event(self, name: str, amount: int = 1) -> None:
        """Something happens: run what was set on it, then wait while the phone is frozen.

        Raises ``ConnectionResetError`` when that pulled the cable: what was about to happen for
        the host then does not.
        """
        before = self._times_pulled()
        await self._happen(name, amount)
        if self._times_pulled() != before:
            raise ConnectionResetError(f"unplugged at {name}")

    def event_here(self, name: str) -> None:
        """Like :meth:`event`, from a thread of the probe; the cable does not matter there.

        Raises ``ConnectionAbortedError`` when the phone ends meanwhile.
        """
        if self.triggers.room(name) is None and self._gate.is_set():
            return
        try:
            happening = self._home.submit(lambda: self._happen(name))
            if happening is not None:
                happening.result()
                return
        except (CancelledError, RuntimeError) as exc:
            raise ConnectionAbortedError("the phone is being switched off") from exc
        for action in self.triggers.due(name):
            self._do(action)

    async def pieces(self, name: str, data: bytes) -> AsyncIterator[memoryview]:
        """Cut ``data`` where a trigger on the data event ``name`` fires."""
        view = memoryview(data)
        while view:
            room = self.triggers.room(name)
            size = len(view) if room is None else min(len(view), max(room, 1))
            await self.event(name, size)
            yield view[:size]
            view = view[size:]

    # --- being frozen -----------------------------------------------------------------------------

    async def thawed(self) -> None:
        """Return when the phone is not frozen."""
        await self._gate.wait()

    def freeze(self) -> None:
        """Let nothing happen from now on, with every connection open."""
        self._home.call(self._gate.clear)

    def thaw(self) -> None:
        """Go on where it froze."""
        self._home.call(self._gate.set)

    def end(self) -> None:
        """On the loop: forget what was set, and hold nobody up any more."""
        self.triggers.clear()
        self._gate.set()

    async def _happen(self, name: str, amount: int = 1) -> None:
        for action in self.triggers.due(name, amount):
            result = self._do(action)
            if inspect.isawaitable(result):
                await result
        await self._gate.wait()

    def _do(self, action: Action[Any]) -> Any:
        return getattr(self._phone, action)() if isinstance(action, str) else action(self._phone)
