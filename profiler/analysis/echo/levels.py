"""From projections to levels: when the far end speaks, how loud the noise is, what is echo."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiler.analysis.echo.coherence import BLOCK_S, HOP, HOPS_PER_BLOCK, Projection
from profiler.analysis.echo.delay import EchoDelay
from profiler.analysis.echo.signals import WORK_RATE_HZ

ACTIVE_DB, PAUSE_DB = -20.0, -40.0
"""A block of the far end against its loud half: speech from the first, a pause below the second."""
TAIL_BLOCKS = 3
"""A pause begins 0.3 s after the last sound: a living room has lost 35 dB by then."""
CLEAR = 1.5
"""Total above noise, in units of the noise, from which the difference of both is the echo.
WebRTC's canceller lowers the noise by up to 1.5 dB while the far end speaks (measured): the error
stays below 1 dB."""
LIKELY = 0.5
"""The same in an energy mean over seconds, where chance plays no part: 2 sigma of that effect."""
NOISE_LOW, NOISE_HIGH = 0.5, 1.26
"""The noise under speech lies within -3 and +1 dB of that in the pauses (measured as above)."""
SURE = 3.0
"""Sigmas of chance that one block's coherent part must exceed."""
SURE_MEAN = 4.0
"""The same for the mean: below, its error would be above 1 dB."""
Z95 = 1.645
OPEN_DB = 5.0
"""An echo that may be this much larger than its coherent part is not a number but a bound: a
suppressor's gains make the rest incoherent, and it hides in the noise."""
FOREIGN_SHARE, FOREIGN_LIKENESS = 0.1, 0.2
"""Sound above the noise is not the far end's when less than the first is coherent with it and its
level follows the far end's less than the second (correlation)."""
FLOOR = 1e-20

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """The far end's level as the echo brings it, and what follows; shape (blocks,) each."""

    power: F64
    active: Bools
    pause: Bools


@dataclass(frozen=True, slots=True)
class Levels:
    """Mean squares over the active blocks after settling; ``None`` where nothing is known."""

    total: float
    noise: float | None
    echo: float | None
    low: float | None
    high: float
    coherent_high: float
    hidden: float
    """Echo that the noise could hide: what follows the far end's level from block to block
    (95 %), be it coherent with it or not."""
    foreign: bool
    """Something else than the far end was loud."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A recording taken apart; ``late`` are the blocks after settling."""

    p: Projection
    a: Activity
    noise: F64 | None
    late: Bools


def activity(far: F64, delay: EchoDelay, blocks: int, dead_blocks: int) -> Activity:
    """When the far end is heard; the first ``dead_blocks`` hold no recording."""
    rows = far[: far.size // HOP * HOP].reshape(-1, HOP)
    hops = np.mean(rows**2, axis=1) if rows.size else np.zeros(1)
    heard_s = (np.arange(blocks * HOPS_PER_BLOCK) + 0.5) * HOP / WORK_RATE_HZ
    played = np.floor((heard_s - delay.delay_s) / (1 + delay.drift) * WORK_RATE_HZ / HOP)
    inside = (played >= 0) & (played < hops.size)
    power = np.where(inside, hops[np.clip(played, 0, hops.size - 1).astype(int)], 0.0)
    power = power.reshape(blocks, HOPS_PER_BLOCK).mean(axis=1)
    loud = power[power > 1e-2 * power.max(initial=0.0)]
    level = float(loud.mean()) if loud.size else 0.0
    active = (power > level * 10 ** (ACTIVE_DB / 10)) & (level > 0)
    sounding = power > level * 10 ** (PAUSE_DB / 10)
    reach = np.convolve(sounding, np.ones(TAIL_BLOCKS + 2))
    # One block before a sound (the delay is known to some 10 ms only) and three after it.
    pause = reach[1 : blocks + 1] < 0.5
    alive = np.arange(blocks) >= dead_blocks
    return Activity(power, active & alive, pause & alive)


def noise_track(total: F64, pause: Bools) -> F64 | None:
    """Noise power per block: the pauses' own, interpolated in dB; ``None`` without a pause."""
    edges = np.diff(np.concatenate(([0], pause.astype(np.int8), [0])))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not begins.size:
        return None
    times, levels = [], []
    for begin, end in zip(begins, ends, strict=True):
        # The later half: what a room adds is gone, and a gain control has settled.
        first = begin + (end - begin) // 2
        times.append((first + end - 1) / 2)
        levels.append(math.log(float(np.mean(total[first:end])) + FLOOR))
    return np.exp(np.interp(np.arange(total.size), times, levels))


def chance_spread(p: Projection) -> float:
    """1σ of one block's chance level, relative."""
    mean = p.controls.mean(axis=0) + FLOOR
    return float(np.sqrt(np.mean((p.controls / mean - 1) ** 2) * _UNBIASED))


_UNBIASED = 6 / 5  # six controls about their own mean


def block_echo(p: Projection, noise: F64 | None, active: Bools) -> tuple[F64, F64]:
    """Echo power per block (NaN = not known) and its upper bound."""
    coherent, sigma = coherent_part(p)
    echo = np.where(active & (coherent > SURE * sigma), coherent, np.nan)
    bound = np.maximum(coherent, 0.0) + Z95 * sigma
    if noise is not None:
        clear = active & (p.total - noise > CLEAR * noise)
        echo = np.where(clear, p.total - noise, echo)
        bound = np.where(clear, p.total - NOISE_LOW * noise, bound)
    return echo, np.minimum(bound, p.total + FLOOR)


def mean_levels(p: Projection, noise: F64 | None, a: Activity, chosen: Bools) -> Levels:
    """Levels over the ``chosen`` blocks, of which there must be one."""
    total = float(p.total[chosen].mean())
    smoothed = float(p.smoothed[chosen].mean()) + FLOOR
    controls = p.controls[:, chosen].mean(axis=1)
    share = min(float(controls.mean()) / smoothed, 0.9)
    coherent = (float(p.coherent[chosen].mean()) - float(controls.mean())) / (1 - share)
    # Six controls tell sigma to a third only; 3 % of the chance level is what they never undercut.
    sigma = max(float(controls.std(ddof=1)), 0.03 * float(controls.mean())) * 1.1 / (1 - share)
    sure = coherent if coherent > SURE_MEAN * sigma else None
    low = max(coherent - Z95 * sigma, 0.0)
    coherent_high = max(coherent, 0.0) + Z95 * sigma
    if noise is None:
        low_or = low if sure is not None and low > 0 else None
        return Levels(total, None, sure, low_or, total, coherent_high, total, foreign=False)
    quiet = float(noise[chosen].mean())
    excess = total - quiet
    foreign = excess > CLEAR * quiet and coherent < FOREIGN_SHARE * excess
    foreign = foreign and _likeness(p.total, a) < FOREIGN_LIKENESS
    echo = sure
    if not foreign and excess > LIKELY * quiet:
        echo = max(excess, sure or 0.0)
        low = max(low, total - NOISE_HIGH * quiet)
    high = max(total - NOISE_LOW * quiet, 0.5 * total, echo or 0.0)
    if echo is not None and high > echo * 10 ** (OPEN_DB / 10):
        echo = None
    low_or = low if echo is not None and low > 0 else None
    hidden = min(_following((p.total / noise)[chosen], a.power[chosen]) * quiet, high)
    return Levels(total, quiet, echo, low_or, high, coherent_high, hidden, foreign)


def coherent_part(p: Projection) -> tuple[F64, F64]:
    """Coherent power per block, chance taken off, and its sigma."""
    chance = p.controls.mean(axis=0)
    share = np.minimum(chance / (p.smoothed + FLOOR), 0.9)
    return (p.coherent - chance) / (1 - share), chance_spread(p) * chance / (1 - share) + FLOOR


def _following(total: F64, far: F64) -> float:
    """Upper bound of the part of ``total`` that grows with ``far``, as a mean over the blocks.

    A straight line; what a canceller does to the noise of every active block is in its intercept.
    """
    x = far / float(far.mean()) - 1.0
    spread = float(np.sum(x**2))
    if x.size < 3 or spread <= 0:
        return float(total.mean())
    slope = float(np.sum(x * total)) / spread
    rest = total - total.mean() - slope * x
    sigma = math.sqrt(float(np.sum(rest**2)) / (x.size - 2) / spread)
    return max(slope, 0.0) + Z95 * sigma


def held(power: F64) -> F64:
    """What each block and its louder neighbour have together: a tenth of a second's level that
    lasts for another, as a voice detector wants it."""
    before, after = np.roll(power, 1), np.roll(power, -1)
    if power.size:
        before[0] = after[-1] = 0.0
    return np.asarray((power + np.maximum(before, after)) / 2)


def _likeness(total: F64, a: Activity) -> float:
    """Correlation of the recording's level with the far end's, in dB."""
    x = 10 * np.log10(total + FLOOR)
    y = 10 * np.log10(np.maximum(a.power, 1e-4 * a.power.max(initial=0.0)) + FLOOR)
    if x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def to_db(power: float) -> float:
    """dBFS of a mean square, with two decimals, from -200 on."""
    return round(10 * math.log10(max(power, FLOOR)), 2)


def blocks_of(seconds: float) -> int:
    """Whole blocks until ``seconds``."""
    return math.ceil(seconds / BLOCK_S - 1e-9)
