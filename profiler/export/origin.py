"""Where exported numbers come from, for every format that has room for it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from profiler import __version__
from profiler.export.render import JsonValue, comment
from profiler.export.target import Item
from profiler.model import Outcome, Verification

GOOD = (Outcome.BETTER, Outcome.SAME)
"""Outcomes that prove a recommendation."""


def proofs(item: Item) -> tuple[Verification, ...]:
    """The verifications of exactly these settings, newest last.

    None when any of them came out worse: a worse outcome is never called verified.
    """
    mine = [v for v in item.verifications if v.advice_sha256 == item.advice_sha256]
    if any(v.outcome is Outcome.WORSE for v in mine):
        return ()
    good = (v for v in mine if v.outcome in GOOD)
    return tuple(sorted(good, key=lambda v: (v.verified_at, v.verification_uuid)))


def is_verified(item: Item) -> bool:
    """Whether the real stack proved exactly these settings."""
    return bool(proofs(item))


@lru_cache(maxsize=8192)
def timestamp(moment: datetime | None) -> str | None:
    """``2026-11-26T13:45:00Z``, in whole seconds; ``None`` stays ``None``."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def marks(item: Item) -> list[str]:
    """What makes an item a special case: ``virtual``, ``emulator``, ``custom_rom``, ``stale``.

    Also when the numbers come from relatives that are such.
    """
    facts = item.advice.facts
    cautions = {caution.code for caution in item.advice.cautions}
    found = {
        "virtual": item.advice.is_virtual,
        "emulator": facts.is_emulator,
        "custom_rom": facts.is_custom_rom or "custom_rom" in cautions,
        "stale": item.is_stale,
    }
    return [name for name, is_so in found.items() if is_so]


def origin(item: Item) -> dict[str, JsonValue]:
    """Provenance of one model as JSON; dates are those of the data, never of the export."""
    advice = item.advice
    return {
        "level": advice.level.value,
        "inherited": advice.level.value not in ("same_build", "default"),
        "confidence": advice.confidence.value,
        "devices": advice.devices,
        "runs": advice.runs,
        "oldest_at": timestamp(advice.oldest_at),
        "newest_at": timestamp(advice.newest_at),
        "expires_at": timestamp(item.expires_at),
        "os_builds": list(advice.os_builds),
        "tool_versions": list(advice.tool_versions),
        "probe_versions": list(advice.probe_versions),
        "marks": list(marks(item)),
        "verified": is_verified(item),
        "advice_sha256": item.advice_sha256,
    }


def origin_line(item: Item) -> str:
    """Provenance on one line of printable ASCII, safe inside a comment of any language."""
    advice = item.advice
    newest = timestamp(advice.newest_at)
    parts = [
        f"{advice.facts.key}",
        f"{advice.level.value}, confidence {advice.confidence.value}",
        f"{advice.devices} devices, {advice.runs} runs",
        f"newest {newest[:10] if newest else 'none'}",
        f"expires {(timestamp(item.expires_at) or 'never')[:10]}",
        "verified" if is_verified(item) else "not verified",
        *(mark.upper() for mark in marks(item)),
    ]
    return comment("; ".join(parts))


def head_lines(items: tuple[Item, ...] | list[Item], title: str) -> list[str]:
    """The lines a text file begins with, without comment signs."""
    lines = [comment(f"{title}, made by chirpbench {__version__}")]
    if items:
        advice = items[0].advice
        lines.append(comment(f"use {advice.use.value}, network {advice.network}"))
    if any(marks(item) for item in items):
        lines.append("HOLDS VALUES OF VIRTUAL PHONES, EMULATORS, CUSTOM ROMS OR STALE RESULTS")
    return lines
