"""When a jitter buffer has settled, and what the latency is from then on.

A jitter buffer stretches and compresses the sound until it is as long as it wants to be, and is
still then: Chromium's repeats within 0.01 ms (measured). What it does before is no failure of the
measurement.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.model import Estimate

SAME_MS = 1.0
"""Chirps within this of each other found the buffer at rest."""
MIN_CHIRPS = 4
"""So many in a row show that it rests (the latency analysis asks for as many, method.md 3.8)."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One session of a call once its jitter buffer rests."""

    latency_ms: float
    """Median of the chirps of the last rest."""
    sd_ms: float
    """Of these chirps."""
    from_s: float
    """When the first of them was played; 0 when it rested from the first chirp on."""
    chirps: int
    steps: int
    """How often the latency changed by more than :data:`SAME_MS` during the recording."""
    moved_ms: float
    """Largest distance of any chirp of the recording from the settled latency."""


def settled(estimate: Estimate) -> Settled | None:
    """The last rest of :data:`MIN_CHIRPS` chirps or more, if the recording ends with it.

    Fewer chirps than that may follow: too few to say whether the buffer rests again. ``None``
    when it never rested, or moved again for longer.
    """
    latency_ms, played_s = estimate.per_chirp_ms, estimate.per_chirp_time_s
    if not estimate.valid or not all(map(math.isfinite, (*latency_ms, *played_s))):
        return None
    rests = _rests(latency_ms)
    long = [(first, end) for first, end in rests if end - first >= MIN_CHIRPS]
    if not long or len(latency_ms) - long[-1][1] >= MIN_CHIRPS:
        return None
    first, end = long[-1]
    rest = latency_ms[first:end]
    middle = statistics.median(rest)
    return Settled(
        latency_ms=middle,
        sd_ms=statistics.stdev(rest),
        from_s=played_s[first] if first else 0.0,
        chirps=len(rest),
        steps=len(rests) - 1,
        moved_ms=max(abs(v - middle) for v in latency_ms),
    )


def _rests(latency_ms: Sequence[float]) -> list[tuple[int, int]]:
    """(first, end) of each stretch of chirps that are within :data:`SAME_MS` of each other."""
    found: list[tuple[int, int]] = []
    first = 0
    for i in range(1, len(latency_ms) + 1):
        here = latency_ms[first : i + 1]
        if i == len(latency_ms) or max(here) - min(here) > SAME_MS:
            found.append((first, i))
            first = i
    return found
