"""What an export target is: a module with these names, registered in :mod:`profiler.export`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from profiler.model import Advice, Exported, Verification


@dataclass(frozen=True, slots=True)
class Item:
    """One model's advice with what an export says of its origin."""

    advice: Advice
    advice_sha256: str
    expires_at: datetime | None
    """``None``: nothing of it was measured."""
    verifications: tuple[Verification, ...]
    """Of exactly this advice; empty = not verified. A worse outcome is never called verified."""


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
