"""One model against another: a shift with its interval, and a verdict by a written rule.

The interval speaks of the devices that were measured: sessions of one phone say nothing of
other units of its model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist

import numpy as np

from profiler.intervals import CONFIDENCE
from profiler.model import Comparison, Difference, SessionRow
from profiler.summary.spread import Float, latencies, or_none

MARGIN_MS = 1.0
"""Smallest difference that counts: one recording promises its latency within 1 ms, no better."""
_EXACT = 50
"""Sessions a side up to which the null distribution is counted exactly."""


def compare(
    a: Iterable[SessionRow],
    b: Iterable[SessionRow],
    *,
    name_a: str = "A",
    name_b: str = "B",
    margin_ms: float = MARGIN_MS,
) -> Comparison:
    """Latency of A against B; sessions that were rejected do not count.

    ``better`` or ``worse``: the 95 % interval of the shift excludes 0 and the shift is at least
    ``margin_ms``. ``same``: the whole interval is within ±``margin_ms``. ``unclear``: neither,
    or too few sessions for an interval (four a side are enough).
    """
    rows_a, rows_b = _measured(a), _measured(b)
    x, y = latencies(rows_a), latencies(rows_b)
    median_a, median_b = or_none(np.median, x), or_none(np.median, y)
    shift = hodges_lehmann(x, y)
    interval = shift_interval(x, y)
    difference = _judge(shift, interval, margin_ms)
    p_value, effect = _mann_whitney(x, y)
    return Comparison(
        a=name_a,
        b=name_b,
        sessions_a=len(rows_a),
        sessions_b=len(rows_b),
        devices_a=len({row.device_uid for row in rows_a}),
        devices_b=len({row.device_uid for row in rows_b}),
        median_a_ms=median_a,
        median_b_ms=median_b,
        median_difference_ms=_minus(median_a, median_b),
        shift_ms=shift,
        ci95_ms=interval,
        p_value=p_value,
        effect=effect,
        margin_ms=margin_ms,
        difference=difference,
        text=_words(f"{name_a} - {name_b}", shift, interval, margin_ms, difference),
        is_virtual=any(row.is_virtual for row in (*rows_a, *rows_b)),
    )


def _measured(rows: Iterable[SessionRow]) -> list[SessionRow]:
    return [row for row in rows if row.latency_ms is not None]


def shift_interval(x: Float, y: Float) -> tuple[float, float] | None:
    """95 % confidence interval of the shift of ``x`` against ``y``, for any distribution.

    The k-th smallest and k-th largest of all differences x - y, with the largest k for which
    ``2·P(U < k) <= 0.05`` under the Mann-Whitney null distribution (exact up to 50 × 50
    sessions, normal with continuity correction above; Hollander, Wolfe & Chicken 2014, 4.3).
    ``None`` when the sessions are too few for any k.
    """
    k = _critical_rank(x.size, y.size)
    if k < 1:
        return None
    return _nth_difference(x, y, k), _nth_difference(x, y, x.size * y.size + 1 - k)


def hodges_lehmann(x: Float, y: Float) -> float | None:
    """Median of all differences x - y: the shift that fits best, for any distribution."""
    pairs = x.size * y.size
    if not pairs:
        return None
    upper = pairs // 2 + 1
    return 0.5 * (_nth_difference(x, y, pairs + 1 - upper) + _nth_difference(x, y, upper))


def _nth_difference(x: Float, y: Float, n: int) -> float:
    """The n-th smallest of all x - y, to 1e-6 ms, found without listing them: thousands of
    sessions a side would make a table of gigabytes."""
    ordered = np.sort(y)
    low, high = float(x.min() - y.max()) - 1e-9, float(x.max() - y.min())
    while high - low > 1e-9 * max(1.0, abs(low), abs(high)):
        middle = 0.5 * (low + high)
        # x - y <= middle for every y from x - middle on
        not_above = y.size * x.size - int(np.searchsorted(ordered, x - middle, "left").sum())
        low, high = (low, middle) if not_above >= n else (middle, high)
    return round(high, 6)


def _mann_whitney(x: Float, y: Float) -> tuple[float | None, float | None]:
    """Two-sided p-value and Cliff's delta."""
    if not x.size or not y.size:
        return None, None
    from scipy import stats  # noqa: PLC0415 - half a second that only a comparison needs

    test = stats.mannwhitneyu(x, y)
    return float(test.pvalue), float(2.0 * test.statistic / (x.size * y.size) - 1.0)


def _critical_rank(m: int, n: int) -> int:
    """Largest k with ``2·P(U < k) <= 0.05``; 0 when there is none."""
    if max(m, n) > _EXACT:
        sd = math.sqrt(m * n * (m + n + 1) / 12.0)
        return int(m * n / 2.0 + 0.5 - NormalDist().inv_cdf(0.5 + CONFIDENCE / 2.0) * sd)
    # Counts of U: the Gaussian binomial coefficient, as a product of (1-q^(n+i)) / (1-q^i).
    counts = [1] + [0] * (m * n)
    for i in range(1, m + 1):
        for u in range(m * n, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, m * n + 1):
            counts[u] += counts[u - i]
    total, below, k = math.comb(m + n, m), 0, 0
    while k < len(counts) and 2 * (below + counts[k]) <= (1.0 - CONFIDENCE) * total:
        below += counts[k]
        k += 1
    return k


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _judge(
    shift: float | None, interval: tuple[float, float] | None, margin_ms: float
) -> Difference:
    if shift is None or interval is None:
        return Difference.UNCLEAR
    low, high = interval
    if high < 0.0 and shift <= -margin_ms:
        return Difference.BETTER
    if low > 0.0 and shift >= margin_ms:
        return Difference.WORSE
    if -margin_ms <= low and high <= margin_ms:
        return Difference.SAME
    return Difference.UNCLEAR


def _words(
    names: str,
    shift: float | None,
    interval: tuple[float, float] | None,
    margin_ms: float,
    difference: Difference,
) -> str:
    if shift is None:
        return f"{names}: one of them has no measured session: unclear"
    if interval is None:
        return f"{names} = {shift:+.2f} ms, too few sessions for an interval: unclear"
    return (
        f"{names} = {shift:+.2f} ms "
        f"(95 % {interval[0]:+.2f} to {interval[1]:+.2f} ms): {difference.value}; "
        f"differences below {margin_ms:g} ms do not count"
    )
