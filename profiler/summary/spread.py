"""Spread of latencies: between the sessions of a device, within one, and of a median."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from profiler.intervals import between_sd, line_scatter, quantiles
from profiler.model import SessionRow

Float = npt.NDArray[np.float64]


def latencies(rows: Iterable[SessionRow]) -> Float:
    """The latencies of the sessions that have one, in ms."""
    return np.array([row.latency_ms for row in rows if row.latency_ms is not None], dtype=float)


def or_none(statistic: Callable[[Float], float], values: Float) -> float | None:
    """The statistic, or ``None`` of no values."""
    return float(statistic(values)) if values.size else None


def mad(values: Float) -> float:
    """Median absolute deviation from the median, not scaled to a standard deviation."""
    return float(np.median(np.abs(values - np.median(values))))


def p95(values: Float) -> float:
    """95th percentile, median-unbiased (Hyndman & Fan 1996, no. 8); few values give the largest."""
    return quantiles(values, [0.95])[0]


def between_session_sd(rows: Sequence[SessionRow]) -> float | None:
    """Standard deviation of a device's latency from one stream open to the next, in ms.

    Pooled over the devices about each device's own mean, so that differences between units of
    one model do not count; the mean variance of the sessions' own estimates is subtracted
    (0.0 = the spread is below what the method resolves). ``None`` unless a device has two
    sessions.
    """
    by_device: defaultdict[str, list[SessionRow]] = defaultdict(list)
    for row in rows:
        by_device[row.device_uid].append(row)
    own = [row.uncertainty_us / 1000.0 for row in rows if row.uncertainty_us is not None]
    return between_sd(map(latencies, by_device.values()), own)


def within_session_sd(rows: Iterable[SessionRow]) -> float | None:
    """Scatter of single chirps about their session's own line, in ms, pooled over sessions.

    The line takes out clock drift; a step at each reported jump takes out edits of the
    timeline. Each takes a degree of freedom. ``None`` when no session has chirps to spare.
    """
    squares, freedom = 0.0, 0
    for row in rows:
        part, free = _scatter(row)
        squares, freedom = squares + part, freedom + free
    return math.sqrt(squares / freedom) if freedom else None


def _scatter(row: SessionRow) -> tuple[float, int]:
    """Residual sum of squares in ms² and its degrees of freedom."""
    jumps_s = [jump.time_s for jump in row.jumps]
    return line_scatter(row.per_chirp_ms, row.per_chirp_time_s, jumps_s)
