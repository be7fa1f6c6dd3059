"""How far relatives may differ, and how far results of one model: named tables.

All numbers are proposals until a fleet of real phones has been measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from profiler.model import SupportLevel


@dataclass(frozen=True, slots=True)
class Floor:
    """Smallest 1σ between models of a SoC family: the larger of a share and an amount."""

    share: float
    amount: float


BETWEEN_MODELS: dict[str, Floor] = {
    "ms": Floor(0.25, 5.0),
    "s": Floor(0.25, 0.1),
    "dB": Floor(0.0, 4.0),
    "dBFS": Floor(0.0, 4.0),
    "bursts": Floor(0.25, 1.0),
    "1/min": Floor(0.5, 1.0),
    "ppm": Floor(0.0, 10.0),
    "%": Floor(0.25, 1.0),
    "1": Floor(0.25, 0.0),
}
"""By unit (proposal)."""
OTHER_UNIT = Floor(0.25, 0.0)
"""Of a unit that is not in the table (proposal)."""
LEVEL_FACTOR: dict[SupportLevel, float] = {
    SupportLevel.SAME_MODEL: 0.5,
    SupportLevel.SAME_SOC: 1.0,
    SupportLevel.SAME_MAKER: 1.5,
}
"""Another build of the model is nearer than another model; a maker's other chip is farther
(proposal)."""
OTHER_VERSION_FACTOR = 1.5
"""Instead, for another build with another API level or OS version: from one Android version to
the next the round trip of a phone changed by a factor of e**±0.37 (rms of 13 steps of Nexus 5, 6,
7, 9 and 10; AOSP, Audio latency measurements)."""
FLAGS: dict[str, bool] = {
    "full_duplex": False,
    "timestamps_trusted": False,
    "reported_on": False,
    "aosp_software_effect": True,
}
"""Numbers that are yes or no, with the cautious answer, which wins a tie."""
SHARES = ("max_safe_volume",)
"""Numbers from 0 to 1; between models they differ by a step of the volumes that are tried."""
SHARE_FLOOR = 0.25
"""1σ between models of a SoC family (proposal)."""
_SIGNED = ("minus", "added", "diff", "change", "slope", "order", "error", "drift")
"""Words in the names of quantities that may be negative although all results were positive."""
_SIGNED_UNITS = ("dB", "dBFS", "ppm", "ms/min")


def base_name(name: str) -> str:
    """The quantity's name without its variant."""
    return name.partition("[")[0]


def cautious_flag(name: str) -> bool | None:
    """The cautious answer of a quantity that is yes or no; ``None`` of every other."""
    return FLAGS.get(base_name(name))


def floor_sigma(name: str, unit: str, value: float, factor: float) -> float:
    """Smallest 1σ between relatives, in the quantity's unit; ``factor`` is their level's."""
    if base_name(name) in SHARES:
        return SHARE_FLOOR * factor
    floor = BETWEEN_MODELS.get(unit, OTHER_UNIT)
    return max(floor.amount, floor.share * abs(value)) * factor


def within_range(
    name: str, unit: str, measured: tuple[float, float], interval: tuple[float, float]
) -> tuple[float, float]:
    """The interval inside what the quantity can be, but never without what was measured."""
    (least, most), (low, high) = measured, interval
    if base_name(name) in SHARES:
        low, high = max(low, 0.0), min(high, 1.0)
    elif least >= 0.0 and unit not in _SIGNED_UNITS and not any(w in name for w in _SIGNED):
        low = max(low, 0.0)
    return min(low, least), max(high, most)
