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
COMMON = 0.01
"""Share of places with a twin above which a copy proves nothing."""
SCAN_S = 0.004
"""Around a suspect a copy is looked for this far."""

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


def whole_period_copies(samples: F32, period: float, rate_hz: int) -> list[Trace]:
    """Repeats of nearly whole periods, which the tone's phase cannot show: [first, last) is a copy
    of as many frames before it.
    """
    found = []
    # Longer ones than a period or two may repeat by chance: the noise decides (below).
    for periods in range(1, int(LONGEST_COPY_S * rate_hz / period) + 1):
        lag = round(periods * period)
        if lag < MIN_COPY_FRAMES or lag >= samples.size // 2:
            continue
        same = samples[lag:] == samples[:-lag]
        least = max(MIN_COPY_FRAMES, round(0.95 * lag))
        if float(same.mean()) ** least * samples.size > COPY_CHANCE:
            continue
        for a, b in _long_runs(same, least):
            if b - a <= 1.05 * lag + 2:
                found.append(Trace(a + lag, b + lag))
    return found


def copy_at(samples: F32, first: int, last: int, rate_hz: int) -> Trace | None:
    """The repeat that begins within [first, last) give or take 4 ms, or ``None``.

    A repeat of n frames shows as n frames that equal those n frames earlier.
    """
    scan = round(SCAN_S * rate_hz)
    begin, end = max(0, first - scan), min(samples.size, last + scan)
    longest = min(round(LONGEST_COPY_S * rate_hz), begin)
    if longest < MIN_COPY_FRAMES or end - begin < MIN_COPY_FRAMES:
        return None
    origin = begin - longest
    marks = _marks(samples[origin:end])
    order = np.argsort(marks, kind="stable")
    twins = np.flatnonzero(marks[order[1:]] == marks[order[:-1]])
    earlier, later = order[twins], order[twins + 1]
    # Where copies abound there is no noise to tell them by.
    if np.count_nonzero(later < longest) > COMMON * longest:
        return None
    fitting = (later >= longest) & (later - earlier >= MIN_COPY_FRAMES)
    if not fitting.any():
        return None
    lag = int(np.median((later - earlier)[fitting]))
    at = int(later[fitting & (later - earlier == lag)].min(initial=marks.size))
    return _whole_copy(samples, origin + at, lag) if at < marks.size else None


def _marks(samples: F32) -> npt.NDArray[np.uint64]:
    """A hash of the ``MIN_COPY_FRAMES`` samples that begin at each frame."""
    bits = samples.view(np.uint32).astype(np.uint64)
    size = bits.size - MIN_COPY_FRAMES + 1
    total = np.zeros(size, np.uint64)
    factors = np.random.default_rng(1).integers(1, 2**63, MIN_COPY_FRAMES, dtype=np.uint64)
    for k, factor in enumerate((2 * factors + 1).tolist()):
        total += bits[k : k + size] * np.uint64(factor % 2**64)
    return total


def _whole_copy(samples: F32, at: int, lag: int) -> Trace | None:
    """Extend a copy found at ``at`` to both sides."""
    first = last = at
    while first > lag and at - first < lag and samples[first - 1] == samples[first - 1 - lag]:
        first -= 1
    while last < samples.size and last - first < lag and samples[last] == samples[last - lag]:
        last += 1
    return Trace(first, last) if last - first >= 0.9 * lag else None


def _long_runs(mask: Bools, least: int) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    begin, end = edges[::2], edges[1::2]
    long = end - begin >= least
    return list(zip(begin[long].tolist(), end[long].tolist(), strict=True))
