"""The one latency axis of the fleet: the strip of all models and the rows' pictures share it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.views.fleet.rows import FleetRow

STEPS = (1.0, 2.0, 5.0)
USUAL_MS = (10.0, 500.0)
"""When nothing was measured."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Logarithmic: from fast to slow phones is a factor of twenty, and peers differ by factors."""

    low_ms: float
    high_ms: float

    @property
    def ticks_ms(self) -> tuple[float, ...]:
        """1, 2 and 5 times powers of ten, within the axis."""
        first = math.floor(math.log10(self.low_ms))
        last = math.ceil(math.log10(self.high_ms))
        every = (s * 10.0**e for e in range(first, last + 1) for s in STEPS)
        return tuple(t for t in every if self.low_ms <= t * 1.0001 and t <= self.high_ms * 1.0001)

    def place(self, ms: float) -> float:
        """0 at the left end, 1 at the right; beyond them for what lies outside."""
        if ms <= 0:
            return 0.0
        return math.log(ms / self.low_ms) / math.log(self.high_ms / self.low_ms)


def scale_of(rows: Iterable[FleetRow]) -> Scale:
    """An axis that holds the drawn range of every row, ending on ticks."""
    values = [
        value
        for row in rows
        if row.latency is not None
        for value in (row.latency.p05_ms, row.latency.median_ms, row.latency.p95_ms)
        if value is not None and value > 0 and math.isfinite(value)
    ]
    if not values:
        return Scale(*USUAL_MS)
    low, high = _tick(min(values) / 1.02, down=True), _tick(max(values) * 1.02, down=False)
    return Scale(low, high)


def _tick(ms: float, *, down: bool) -> float:
    power = math.floor(math.log10(ms))
    near = [s * 10.0**e for e in (power, power + 1) for s in STEPS]
    return max(t for t in near if t <= ms) if down else min(t for t in near if t >= ms)
