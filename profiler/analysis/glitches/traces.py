"""What a glitch leaves in the samples themselves: exact zeros, exact copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MIN_ZERO_S = 0.0005
MIN_COPY_FRAMES = 24
"""So many equal samples in a row are a copy when there is noise in the last bits."""
LONGEST_COPY_S = 0.0875
"""4200 frames at 48 kHz: two of the largest bursts seen (FIELD D, 1920 frames)."""
COPY_CHANCE = 1e-6
"""A recording may be as likely as this to hold such a copy by chance."""
BLOCK_S = 60.0
MAX_RUNS = 5000

F32 = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trace:
    """Frames [first, last) that a fault wrote."""

    first: int
    last: int


def zero_runs(samples: F32, period: float, rate_hz: int) -> list[Trace]:
    """Runs of exact zeros that no sine crosses so slowly: half a period or 0.5 ms at least."""
    least = max(round(MIN_ZERO_S * rate_hz), round(period / 2), 4)
    return [Trace(a, b) for a, b in _long_runs(samples == 0, least)]


def find_copies(samples: F32, rate_hz: int) -> list[Trace]:
    """Repeats in order: [first, last) is an exact copy of as many frames right before it.

    This shows also repeats of nearly whole periods, which the tone's phase cannot; where there is
    no noise to tell them by, nothing is found.
    """
    longest = round(LONGEST_COPY_S * rate_hz)
    size = round(BLOCK_S * rate_hz)
    found: dict[int, Trace] = {}
    for begin in range(0, samples.size, size):
        origin = max(0, begin - 2 * longest)
        block = samples[origin : begin + size]
        for trace in _copies(block, longest):
            found.setdefault(origin + trace.first, Trace(origin + trace.first, origin + trace.last))
    return [found[first] for first in sorted(found)]


def _copies(samples: F32, longest: int) -> list[Trace]:
    if samples.size <= 2 * MIN_COPY_FRAMES:
        return []
    marks = _marks(samples)
    order = np.argsort(marks, kind="stable")
    twins = np.flatnonzero(marks[order[1:]] == marks[order[:-1]])
    earlier, later = order[twins], order[twins + 1]
    lags = later - earlier
    near = (lags >= MIN_COPY_FRAMES) & (lags <= longest)
    by_time = np.argsort(later[near], kind="stable")
    at, lag = later[near][by_time], lags[near][by_time]
    starts = np.flatnonzero((np.diff(at, prepend=-2) != 1) | (np.diff(lag, prepend=-1) != 0))
    found: list[Trace] = []
    chance: dict[int, float] = {}
    for first, step in zip(
        at[starts[:MAX_RUNS]].tolist(), lag[starts[:MAX_RUNS]].tolist(), strict=True
    ):
        if found and first < found[-1].last:
            continue
        trace = _whole_copy(samples, first, step)
        if trace is None:
            continue
        if step not in chance:
            chance[step] = float(np.mean(samples[step:] == samples[:-step]))
        # A tone without noise repeats itself.
        if chance[step] ** (trace.last - trace.first) * samples.size < COPY_CHANCE:
            found.append(trace)
    return found


def _whole_copy(samples: F32, at: int, lag: int) -> Trace | None:
    """The run of equal frames around ``at``, when it is as long as a repeat of ``lag``."""
    first = last = at
    limit = lag + lag // 20 + 2
    while first > lag and at - first <= limit and samples[first - 1] == samples[first - 1 - lag]:
        first -= 1
    while last < samples.size and last - first <= limit and samples[last] == samples[last - lag]:
        last += 1
    return Trace(first, last) if 0.95 * lag <= last - first <= limit else None


def _marks(samples: F32) -> npt.NDArray[np.uint64]:
    """A hash of the ``MIN_COPY_FRAMES`` samples that begin at each frame."""
    bits = samples.view(np.uint32).astype(np.uint64)
    size = bits.size - MIN_COPY_FRAMES + 1
    total = np.zeros(size, np.uint64)
    factors = np.random.default_rng(1).integers(1, 2**63, MIN_COPY_FRAMES, dtype=np.uint64)
    for k, factor in enumerate((2 * factors + 1).tolist()):
        total += bits[k : k + size] * np.uint64(factor % 2**64)
    return total


def _long_runs(mask: Bools, least: int) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    begin, end = edges[::2], edges[1::2]
    long = end - begin >= least
    return list(zip(begin[long].tolist(), end[long].tolist(), strict=True))
