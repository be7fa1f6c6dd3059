"""The rule that turns a bounded value into a verdict; the thresholds are in ``table``.

CATALOGUE section 1, rule 2: ``pass`` needs the whole 95 % interval inside the pass limit, ``fail``
needs it beyond the fail limit, everything else is ``marginal``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import bdtr, chdtri

from profiler.catalogue.table import LIMITS, STEP_MS, WANDER_NOTE_MS, Limit
from profiler.model import Reason, Verdict

__all__ = [
    "LIMITS",
    "STEP_MS",
    "WANDER_NOTE_MS",
    "Bounded",
    "Limit",
    "exact",
    "grade",
    "mad",
    "mad_bounds",
    "median_bounds",
    "median_sigma",
    "normal",
    "normal_magnitude",
    "rate_bounds",
    "sigma_of_median",
]

Z95 = 1.645
"""One-sided 95 % bound of a normal error, in sigmas."""
MIN_REPEATS = 5
"""Opens below which nothing is claimed (CATALOGUE rule 8, CTS: mean of 5); it is also the
smallest number whose extremes bound the median with 95 %: 1 - 2**-5 = 96.9 %."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A value with its one-sided 95 % bounds."""

    value: float
    low: float
    high: float


def grade(test_id: str, quantity: str, bounded: Bounded) -> tuple[Verdict, tuple[Reason, ...]]:
    """Verdict of one quantity, and the reason when it does not pass."""
    limit = LIMITS[test_id, quantity]
    low, high = bounded.low, bounded.high
    pass_limit, fail_limit = limit.pass_limit, limit.fail_limit
    if limit.larger_is_better:
        low, high, pass_limit, fail_limit = -high, -low, -pass_limit, -fail_limit
    if high < pass_limit or (limit.pass_includes and high == pass_limit):
        return Verdict.PASS, ()
    if low > fail_limit or (limit.fail_includes and low == fail_limit):
        return Verdict.FAIL, (limit.reason,)
    return Verdict.MARGINAL, (limit.reason,)


def exact(value: float) -> Bounded:
    """A value that was counted, not estimated."""
    return Bounded(value, value, value)


def normal(value: float, sigma: float) -> Bounded:
    """A value with a normal error of ``sigma``."""
    return Bounded(value, value - Z95 * sigma, value + Z95 * sigma)


def normal_magnitude(value: float, sigma: float) -> Bounded:
    """Bounds of ``|value|``."""
    size = abs(value)
    return Bounded(size, max(0.0, size - Z95 * sigma), size + Z95 * sigma)


def median_bounds(values: Sequence[float]) -> Bounded:
    """Median with distribution-free bounds: the k-th smallest and the k-th largest value.

    k is the largest rank with ``P(Bin(n, 1/2) <= k - 1) <= 0.05``. Raises ``ValueError`` for
    fewer than :data:`MIN_REPEATS` values, which bound nothing.
    """
    if len(values) < MIN_REPEATS:
        raise ValueError(f"{len(values)} values give no 95 % bound")
    ordered = sorted(values)
    rank = 1
    while bdtr(rank, len(ordered), 0.5) <= 0.05:
        rank += 1
    return Bounded(statistics.median(ordered), ordered[rank - 1], ordered[-rank])


def median_sigma(values: Sequence[float], measurement_sigma: float) -> float:
    """Standard error of the median (normal theory, spread from the MAD) with the method's 1σ."""
    return sigma_of_median(mad(values), len(values), measurement_sigma)


def sigma_of_median(scatter: float, count: int, measurement_sigma: float) -> float:
    """The same from a known MAD: ``scatter`` is that of single values, ``count`` their number."""
    return math.hypot(1.2533 * 1.4826 * scatter / math.sqrt(count), measurement_sigma)


def mad(values: Sequence[float]) -> float:
    """Median absolute deviation from the median, unscaled."""
    middle = statistics.median(values)
    return statistics.median(abs(v - middle) for v in values)


def mad_bounds(values: Sequence[float]) -> Bounded:
    """MAD with the bounds a normal sample's standard deviation has (chi-square).

    Openings are not normal (whole buffers come and go), so this is an approximation; it keeps a
    spread seen in five opens from being called proven. Raises ``ValueError`` as above.
    """
    dof = len(values) - 1
    if len(values) < MIN_REPEATS:
        raise ValueError(f"{len(values)} values give no 95 % bound")
    value = mad(values)
    low = value * math.sqrt(dof / chdtri(dof, 0.05))
    high = value * math.sqrt(dof / chdtri(dof, 0.95))
    return Bounded(value, low, high)


def rate_bounds(events: int, minutes: float) -> Bounded:
    """Events a minute with exact Poisson bounds (Garwood 1936), one-sided 95 % each.

    Without an event the upper bound is 3.0/T, the rule of three. Raises ``ValueError`` unless
    ``minutes`` is positive.
    """
    if not minutes > 0:
        raise ValueError(f"{minutes} min prove nothing")
    low = chdtri(2 * events, 0.95) / 2 if events else 0.0
    high = chdtri(2 * events + 2, 0.05) / 2
    return Bounded(events / minutes, float(low) / minutes, float(high) / minutes)
