"""Intervals of a median for any distribution, shared by summaries and verification."""

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
