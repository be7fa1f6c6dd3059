"""Intervals of a median for any distribution, and the scatter of chirps about their line: shared by
the catalogue, summaries and verification."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

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


def median_ranks(n: int) -> int | None:
    """Which smallest and which largest of ``n`` values bound the median; counted from 1."""
    if n < MIN_SESSIONS_FOR_CI:
        return None
    k = np.arange(1, n // 2 + 1)
    covered = 1.0 - 2.0 * special.bdtr(k - 1, n, 0.5)
    return int(k[covered >= CONFIDENCE].max())


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
