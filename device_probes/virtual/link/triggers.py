"""Things that go wrong at an exact moment: triggers on named events.

Which events there are, the text of each kind of phone says (:mod:`..adbd.android`,
:mod:`..usbmuxd.iphone`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeAlias, TypeVar

P = TypeVar("P")
Action: TypeAlias = str | Callable[[P], Any]
"""The name of a method of the phone, or a callable that is given the phone; a coroutine it
returns is awaited."""


@dataclass(slots=True)
class _Trigger(Generic[P]):
    pattern: str
    action: Action[P]
    left: int
    """How much more may happen before it fires."""


class Triggers(Generic[P]):
    """What was set on one phone. Each trigger fires once."""

    def __init__(self) -> None:
        self._set: list[_Trigger[P]] = []

    def on(self, pattern: str, action: Action[P], *, after: int = 0) -> None:
        """Run ``action`` at the first event like ``pattern`` beyond the first ``after``.

        ``pattern`` is the beginning of the event's name, or a shell pattern when it has a ``*``.
        ``after`` counts events, or bytes where the event is about data: with ``after=1000`` a
        data trigger fires when 1000 bytes have passed and before the next one does.
        """
        if after < 0:
            raise ValueError(f"after {after} is negative")
        self._set.append(_Trigger(pattern, action, after))

    def clear(self) -> None:
        """Forget everything that was set."""
        self._set.clear()

    def due(self, name: str, amount: int = 1) -> list[Action[P]]:
        """Count ``amount`` of the event ``name``; returns the actions to run now."""
        if not self._set:
            return []
        fired = []
        for trigger in [t for t in self._set if matches(t.pattern, name)]:
            trigger.left -= amount
            if trigger.left < 0:
                self._set.remove(trigger)
                fired.append(trigger.action)
        return fired

    def room(self, name: str) -> int | None:
        """How much of ``name`` may pass before a trigger fires; ``None``: any amount."""
        return min((t.left for t in self._set if matches(t.pattern, name)), default=None)


def matches(pattern: str, name: str) -> bool:
    """Whether ``pattern`` (a beginning, or with ``*`` a shell pattern) fits ``name``."""
    return fnmatchcase(name, pattern) if "*" in pattern else name.startswith(pattern)
