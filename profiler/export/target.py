"""What an export target is: a module with these names, registered in :mod:`profiler.export`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from profiler.model import Advice, Exported, ModelFacts, Verification


@dataclass(frozen=True, slots=True)
class Item:
    """One model's advice with what an export says of its origin."""

    advice: Advice
    advice_sha256: str
    expires_at: datetime | None
    """``None``: nothing of it was measured."""
    verifications: tuple[Verification, ...]
    """Of exactly this advice; empty = not verified. A worse outcome is never called verified."""
    is_stale: bool = False
    """Past its expiry when it was exported; the user allowed it."""


class Target(Protocol):
    """One export target. ``export`` is pure: equal items give equal bytes."""

    NAME: str
    """As ``--format`` takes it."""
    TITLE: str
    OPT_IN: bool
    """Not part of ``all``."""
    LOADED_BY: str
    """The line of app code, or the command, that loads the file (docs/exports.md)."""

    def export(self, items: Sequence[Item]) -> Exported:
        """Translate. Items are sorted by model key."""
        ...


@runtime_checkable
class Catching(Protocol):
    """A target whose wildcards may give settings to models nobody measured."""

    def catches(self, exported: Exported, others: Sequence[ModelFacts]) -> list[str]:
        """Names of such models among ``others`` and those the target knows itself."""
        ...
