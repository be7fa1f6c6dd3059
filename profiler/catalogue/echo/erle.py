"""Echo return loss enhancement and convergence, from the findings of two recordings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.catalogue.limits import Bounded
from profiler.catalogue.table import CONVERGED_DB, ECHO_LOSS_DB, ERLE_ERROR_DB
from profiler.model import EchoFindings, Reason

SMOOTH_BLOCKS = 5
"""Energies are summed over half a second of speech before they are compared."""
APART_BLOCKS, LASTING_BLOCKS = 10, 5
"""Late again after a second of speech without: a lapse when it is shorter than half a second."""
OWN_DB = 3.0
"""A tenth of a second alone scatters by so much about the half second around it (measured)."""
UNKNOWN_DB = 200.0
"""Stands for "no upper bound" where a number is needed."""


@dataclass(frozen=True, slots=True)
class Erle:
    """10·log10(P_off / P_on) over active blocks after settling, with 95 % bounds."""

    value_db: float | None
    """``None``: what is left lies below the noise, only ``low_db`` is known."""
    low_db: float
    high_db: float | None
    """``None``: it could be any larger."""
    raised_db: float
    """How much louder the pauses are with the canceller on: a gain control at work."""
    reasons: tuple[Reason, ...] = ()

    @property
    def bounded(self) -> Bounded:
        """For a grade; without a value the lower bound stands for it."""
        high = UNKNOWN_DB if self.high_db is None else self.high_db
        return Bounded(self.low_db if self.value_db is None else self.value_db, self.low_db, high)

    @property
    def text(self) -> str:
        """``23.4 dB`` or ``at least 41.0 dB``."""
        if self.value_db is None:
            return f"at least {round(self.low_db, 1) + 0.0:.1f} dB"
        return f"{round(self.value_db, 1) + 0.0:.1f} dB"


def erle(off: EchoFindings, on: EchoFindings) -> Erle | None:
    """What the canceller removes; ``None`` when even without it no echo was heard.

    Both recordings have the same far end at the same volume on the same route.
    """
    low_off, high_off = off.echo_level_low_dbfs, off.echo_level_bound_dbfs
    if off.echo_level_dbfs is None or low_off is None or high_off is None:
        return None
    if on.echo_level_bound_dbfs is None:
        return None
    value = None if on.echo_level_dbfs is None else off.echo_level_dbfs - on.echo_level_dbfs
    low = low_off - on.echo_level_bound_dbfs - ERLE_ERROR_DB
    high = None
    if value is not None and on.echo_level_low_dbfs is not None:
        low = min(low, value - ERLE_ERROR_DB)
        high = max(high_off - on.echo_level_low_dbfs, value) + ERLE_ERROR_DB
    raised = 0.0
    if on.noise_dbfs is not None and off.noise_dbfs is not None:
        raised = on.noise_dbfs - off.noise_dbfs
    return Erle(value, low, high, raised, () if value is not None else (Reason.BELOW_NOISE,))


@dataclass(frozen=True, slots=True)
class Convergence:
    """When the canceller had settled."""

    seconds: float
    """From the first echo (or from the given moment) until the attenuation stays within 6 dB of
    its final value."""
    final_db: float
    """Attenuation over the last third of the blocks."""
    bounded: bool
    """What is left in the end lies below the noise: it may go on converging there."""


def convergence(off: EchoFindings, on: EchoFindings, begin_s: float = 0.0) -> Convergence | None:
    """How long the canceller takes; ``None`` without enough blocks in which the far end speaks.

    The attenuation counts, not the level left, because speech has loud and soft moments. An echo
    below its bound counts as none until the end, and there with the bound: only what is seen is
    late.
    """
    moved = _moved(off, on)
    first = math.ceil(begin_s / on.block_s - 1e-9)
    blocks = [
        b
        for b in range(first, len(on.far_active))
        if on.far_active[b] and 0 <= b - moved < len(off.far_active)
        and off.echo_dbfs[b - moved] is not None
    ]  # fmt: skip
    if len(blocks) < 3 * SMOOTH_BLOCKS:
        return None
    into = [_power(off.echo_dbfs[b - moved]) for b in blocks]
    most = [_power(on.echo_bound_dbfs[b]) for b in blocks]
    left = [_power(on.echo_dbfs[b]) for b in blocks]
    third = len(blocks) // 3
    hidden = sum(on.echo_dbfs[b] is None for b in blocks[-third:]) > third / 2
    final = _ratio_db(into[-third:], most[-third:] if hidden else left[-third:])
    least = min(final, ECHO_LOSS_DB) - CONVERGED_DB
    # Also in itself: half a second around it reaches over a pause into what was before. And not
    # alone: where most is below the noise, the one that is not is chance.
    late = [
        i
        for i in range(len(blocks) - third)
        if _ratio_db(_around(into, i), _around(left, i)) < least
        and _ratio_db(into[i : i + 1], left[i : i + 1]) < least + OWN_DB
        and sum(power > 0 for power in _around(left, i)) > SMOOTH_BLOCKS // 2
    ]
    last = _last_lasting(late)
    seconds = 0.0 if last is None else (blocks[last] + 1 - blocks[0]) * on.block_s
    return Convergence(round(seconds, 3), final, hidden)


def _last_lasting(late: Sequence[int]) -> int | None:
    """End of the last stretch of late blocks, not counting short ones long after another.

    A canceller that has converged still lets a syllable through now and then; that is A1's and
    A9's matter.
    """
    last, begin = None, 0
    for i, block in enumerate(late):
        if i and block - late[i - 1] > APART_BLOCKS:
            begin = i
        near = late[begin] <= (APART_BLOCKS if last is None else last + APART_BLOCKS)
        if near or i - begin + 1 >= LASTING_BLOCKS:
            last = block
    return last


def _moved(off: EchoFindings, on: EchoFindings) -> int:
    """Blocks by which the echo of ``on`` comes later."""
    if off.delay_ms is None or on.delay_ms is None:
        return 0
    return round((on.delay_ms - off.delay_ms) / 1000 / on.block_s)


def _power(level_dbfs: float | None) -> float:
    return 0.0 if level_dbfs is None else float(10 ** (level_dbfs / 10))


def _around(powers: Sequence[float], at: int) -> Sequence[float]:
    reach = SMOOTH_BLOCKS // 2
    return powers[max(0, at - reach) : at + reach + 1]


def _ratio_db(into: Sequence[float], left: Sequence[float]) -> float:
    return 10 * math.log10((sum(into) + 1e-20) / (sum(left) + 1e-20))
