"""From advice to what may be exported: expiry, proofs, and what needs permission."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from profiler.export.origin import marks
from profiler.export.target import Item
from profiler.model import Advice, Verification

FLAGS = {
    "virtual": "--allow-virtual",
    "emulator": "--allow-virtual",
    "custom_rom": "--allow-custom-rom",
    "stale": "--allow-stale",
}
"""Mark to the option that allows it."""


def item_of(
    advice: Advice,
    advice_sha256: str,
    verifications: Iterable[Verification],
    *,
    expires_days: int,
    now: datetime,
) -> Item:
    """Advice with its expiry, ``expires_days`` after its newest result.

    Of ``verifications`` only those of exactly this advice are kept.
    """
    newest = advice.newest_at
    expires_at = None if newest is None else newest + timedelta(days=expires_days)
    mine = tuple(v for v in verifications if v.advice_sha256 == advice_sha256)
    is_stale = expires_at is not None and expires_at < now
    return Item(_without_age(advice), advice_sha256, expires_at, mine, is_stale)


def _without_age(advice: Advice) -> Advice:
    """The same export a day later has the same bytes: an age becomes a date."""
    cautions = tuple(
        replace(c, text=f"the newest result is of {advice.newest_at:%Y-%m-%d}")
        if c.code == "stale"
        else c
        for c in advice.cautions
    )
    return replace(advice, cautions=cautions)


def forbidden(items: Iterable[Item], allowed: Collection[str]) -> list[tuple[Item, list[str]]]:
    """The items with marks that are not ``allowed``, each with those marks."""
    found = ((item, [m for m in marks(item) if m not in allowed]) for item in items)
    return [(item, left) for item, left in found if left]
