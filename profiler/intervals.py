"""Statistics of latencies without any of our own types: intervals of a median for any distribution,
quantiles, spread between sessions, scatter of chirps about their line. Shared by the catalogue,
summaries, the store's overview and verification."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
MIN_SESSIONS_FOR_CI = 6
"""Fewest sessions with a 95 % interval of the median: 1 - 2·0.5**6 = 0.969, 1 - 2·0.5**5 < 0.95."""

Float = npt.NDArray[np.float64]


def median_interval(values: Sequence[float] | Float) -> tuple[float, float] | None:
    """95 % confidence interval of the median from order statistics, for any distribution.

    The k-th smallest and k-th largest value, with the largest k for which
    ``1 - 2·P(Binomial(n, 1/2) < k) >= 0.95``: exact, so the real coverage is at least 95 %.
    ``None`` below :data:`MIN_SESSIONS_FOR_CI` values, where even the extremes cover less.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    best = median_ranks(len(ordered))
    return None if best is None else (float(ordered[best - 1]), float(ordered[-best]))


@cache
def median_ranks(n: int) -> int | None:
    """Which smallest and which largest of ``n`` values bound the median; counted from 1."""
    if n < MIN_SESSIONS_FOR_CI:
        return None
    # Imported here: a quarter of a second that a program which opens a store need not spend.
    from scipy import special  # noqa: PLC0415

    k = np.arange(1, n // 2 + 1)
    covered = 1.0 - 2.0 * special.bdtr(k - 1, n, 0.5)
    return int(k[covered >= CONFIDENCE].max())


def quantiles(values: Sequence[float] | Float, parts: Sequence[float]) -> list[float]:
    """The quantiles at ``parts`` (0..1), median-unbiased (Hyndman & Fan 1996, no. 8); few values
    give the extremes."""
    found = np.quantile(values, parts, method="median_unbiased")
    return [float(value) for value in found]


def between_sd(groups: Iterable[Sequence[float] | Float], own_sd: Sequence[float]) -> float | None:
    """Standard deviation from one value of a group to the next, pooled over ``groups``.

    Each group is taken about its own mean; the mean variance of the values' own errors
    ``own_sd`` (same unit, one a value that has one) is subtracted, 0.0 = below what the method
    resolves. ``None`` unless a group has two values.
    """
    arrays = [np.asarray(group, dtype=float) for group in groups]
    freedom = sum(len(a) - 1 for a in arrays if len(a))
    if freedom < 1:
        return None
    squares = sum(float(np.sum((a - a.mean()) ** 2)) for a in arrays if len(a))
    method = float(np.mean([sd**2 for sd in own_sd])) if len(own_sd) else 0.0
    return math.sqrt(max(0.0, squares / freedom - method))


def line_scatter(
    latency_ms: Sequence[float], played_s: Sequence[float], jumps_s: Sequence[float]
) -> tuple[float, int]:
    """How single chirps of one session scatter about its own line.

    The line takes out clock drift; a step at each of ``jumps_s`` (on the recording's timeline)
    takes out edits of the timeline. Returns the sum of squares in ms² and its degrees of freedom;
    ``(0.0, 0)`` where there is nothing to spare, and of values that are not finite.
    """
    latency, played = np.array(latency_ms, dtype=float), np.array(played_s, dtype=float)
    if latency.shape != played.shape or not np.isfinite([*latency, *played]).all():
        return 0.0, 0
    heard = played + latency / 1000.0
    steps = [(heard >= at).astype(float) for at in jumps_s]
    design = np.column_stack([np.ones_like(played), played, *steps])
    fitted, _, rank, _ = np.linalg.lstsq(design, latency, rcond=None)
    free = len(latency) - int(rank)
    if free < 1:
        return 0.0, 0
    return float(np.sum((latency - design @ fitted) ** 2)), free
