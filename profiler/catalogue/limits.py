"""The one table of thresholds, and the rule that turns a bounded value into a verdict.

CATALOGUE section 1, rule 2: ``pass`` needs the 95 % upper bound inside P, ``fail`` needs the 95 %
lower bound beyond F, everything else is ``marginal``. Every quantity here is better when smaller.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import bdtr, chdtri

from profiler.model import Reason, Verdict

Z95 = 1.645
"""One-sided 95 % bound of a normal error, in sigmas."""
MIN_REPEATS = 5
"""Opens below which nothing is claimed (CATALOGUE rule 8, CTS: mean of 5); it is also the
smallest number whose extremes bound the median with 95 %: 1 - 2**-5 = 96.9 %."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Pass and fail limit of one quantity, with where they come from."""

    test_id: str
    quantity: str
    unit: str
    pass_limit: float
    fail_limit: float
    pass_source: str
    fail_source: str
    reason: Reason
    """Said when the value does not pass."""
    pass_includes: bool = True
    """Whether a value equal to ``pass_limit`` passes."""
    fail_includes: bool = False
    """Whether a value equal to ``fail_limit`` fails."""


_ROWS = (
    Limit(
        "L1", "rtl_ms", "ms", 50.0, 120.0,
        "CDD 5.6 strongly recommended", "proposal", Reason.LATENCY_HIGH,
    ),
    Limit(
        "L1", "rtl_mad_ms", "ms", 5.0, 10.0,
        "proposal", "CDD 14 (third-party note)", Reason.LATENCY_SPREAD,
    ),
    Limit(
        "L3", "reported_diff_ms", "ms", 2.0, 30.0,
        "CDD 10/11 C-1-1, C-3-1", "CTS TIMESTAMP_ACCURACY_MS", Reason.TIMESTAMPS_UNTRUSTED,
    ),
    Limit("L4", "wander_pp_ms", "ms", 10.0, 40.0, "proposal", "proposal", Reason.WANDER_HIGH),
    Limit(
        "L5", "skew_ppm", "ppm", 50.0, 200.0,
        "3GPP TS 26.131 (send)", "proposal", Reason.SKEW_HIGH, pass_includes=False,
    ),
    Limit(
        "D1", "zero_run_ms", "ms", 20.0, 100.0,
        "proposal", "proposal", Reason.ZERO_RUN, pass_includes=False, fail_includes=True,
    ),
)  # fmt: skip

LIMITS: dict[tuple[str, str], Limit] = {(row.test_id, row.quantity): row for row in _ROWS}
"""Every threshold of the catalogue, by test and quantity."""

WANDER_NOTE_MS = 25.0
"""L4's note level inside the marginal band (proposal: 21 ms was seen on a Pixel 6a)."""
STEP_MS = 5.0
"""L4 lists every step larger than this (proposal)."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A value with its one-sided 95 % bounds."""

    value: float
    low: float
    high: float


def grade(test_id: str, quantity: str, bounded: Bounded) -> tuple[Verdict, tuple[Reason, ...]]:
    """Verdict of one quantity, and the reason when it does not pass."""
    limit = LIMITS[test_id, quantity]
    high, low = bounded.high, bounded.low
    if high < limit.pass_limit or (limit.pass_includes and high == limit.pass_limit):
        return Verdict.PASS, ()
    if low > limit.fail_limit or (limit.fail_includes and low == limit.fail_limit):
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
    spread = 1.4826 * mad(values)
    return math.hypot(1.2533 * spread / math.sqrt(len(values)), measurement_sigma)


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
