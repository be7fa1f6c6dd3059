"""Which pieces of a train a recording holds, when the latency is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import signal

from profiler.model import StimulusSpec
from profiler.stimulus import render

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

PIECE_S = 0.02
"""A sweep moves on so far in it that another latency, or the room, hardly looks alike."""
HEARD = 0.5
"""Of the usual gain of that piece: a sound 6 dB down is taken for gone (proposal)."""
STEADY = 0.7
"""A piece whose 10 % quantile is below this part of its median says nothing: noise, or a null. The
noise alone then reaches HEARD in one of 20 pieces at most (normal theory)."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where the train is: what was played at p arrives at p + latency, which drifts."""

    at_s: float
    latency_s: float
    slope: float

    def arrival_s(self, played_s: F64) -> F64:
        """When it arrives, on the recording's timeline."""
        return played_s + self.latency_s + self.slope * (played_s - self.at_s)


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """The pieces of every sweep of a train."""

    starts_s: F64
    """When each sweep is played."""
    offsets_s: F64
    """Where in a sweep each piece begins."""
    template: npt.NDArray[np.complex64]
    """The sweep as an analytic signal."""
    rate_hz: int

    def gains(self, samples: F32, line: Line) -> F64:
        """Gain of every piece at the place where ``line`` has it, shape (sweeps, pieces).

        NaN where the recording does not reach.
        """
        size = round(PIECE_S * self.rate_hz)
        arrival = np.rint(line.arrival_s(self.starts_s) * self.rate_hz).astype(np.int64)
        found = np.full((self.starts_s.size, self.offsets_s.size), np.nan)
        for column, offset_s in enumerate(self.offsets_s):
            begin = round(offset_s * self.rate_hz)
            piece = self.template[begin : begin + size]
            energy = max(float(np.vdot(piece, piece).real) / 2, 1e-12)  # of the real sweep
            at = arrival + begin
            inside = (at >= 0) & (at + size <= samples.size)
            for row in np.flatnonzero(inside):
                part = samples[at[row] : at[row] + size]
                found[row, column] = abs(np.vdot(piece, part)) / energy
        return found


def pieces_of(spec: StimulusSpec, rate_hz: int) -> Pieces:
    """Cut the sweeps of a train; fades are left out."""
    one = replace(spec, starts_s=(0.0,), duration_s=spec.chirp_s)
    sweep = render(one, rate_hz)
    whole = np.asarray(signal.hilbert(sweep.astype(np.float64)), dtype=np.complex64)
    count = max(int((spec.chirp_s - 2 * spec.fade_s) / PIECE_S), 1)
    offsets = spec.fade_s + PIECE_S * np.arange(count)
    return Pieces(np.asarray(spec.starts_s), offsets.astype(np.float64), whole, rate_hz)


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What is usual on one line: the gain of each piece; NaN = it says nothing."""

    gain: F64

    @property
    def gain_db(self) -> float | None:
        """Median over the pieces that say something."""
        good = self.gain[np.isfinite(self.gain)]
        return float(20 * np.log10(np.median(good))) if good.size else None

    def heard(self, gains: F64) -> F64:
        """1 heard, 0 not heard, NaN not known; shape of ``gains``."""
        with np.errstate(invalid="ignore"):
            verdict = np.where(gains >= HEARD * self.gain, 1.0, 0.0)
        verdict[~np.isfinite(gains) | ~np.isfinite(self.gain)[None, :]] = np.nan
        return verdict


def usual_of(gains: F64, rows: Sequence[int]) -> Usual:
    """From the sweeps ``rows``, in which the train is known to be there."""
    mine = gains[list(rows)]
    mine = mine[np.isfinite(mine).all(axis=1)]
    if mine.shape[0] < 3:
        return Usual(np.full(gains.shape[1], np.nan))
    middle = np.median(mine, axis=0)
    low = np.quantile(mine, 0.1, axis=0)
    return Usual(np.where((low >= STEADY * middle) & (middle > 0), middle, np.nan))
