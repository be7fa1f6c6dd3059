"""Which repetition of a train is where in a recording.

The times of a schedule are irregular, so all trains of a device together are one long pattern that
fits at a single lag, whatever is missing from it. Unlike the search for a one-device train, the
lag may be anything: the other device started at another time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from profiler.analysis.search import (
    CELL_S,
    MAX_DRIFT_PPM,
    PEAK_TO_FLOOR,
    Correlogram,
    Found,
    correlogram,
    earlier_sound,
    log_cells,
)
from profiler.model import StimulusSpec
from profiler.stimulus import whole_train

AROUND_S = 0.25
"""A peak is held against the mean power of so long a stretch about it: another sweep, however
loud, is spread over all of it, and our own is compressed into one place."""
FLOOR_LOG = 0.5
"""Mean of the log cells where there is no train (measured on noise and on other sweeps)."""
MIN_PEAK = 10.0
"""A chirp's peak over the mean about it; chance reaches 6 within ``REACH_S`` (measured)."""
REACH_S = 0.0025
"""A chirp lies so near to where the coarse line puts it: half a drift step at the far end."""
EDIT_REACH_S = 0.13
"""A whole train that far from its place was moved by an edit of the timeline."""
EDIT_SPREAD_S = 0.001
MIN_TRAIN_CHIRPS = 2
NEAR_S = 0.1
"""Late reflections about the best lag are no other lag; a wrong train is more than 1 s away."""
MAX_EARLY_S = 120.0
"""No offset longer than this is searched; sessions are a minute long at most."""

F32 = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Voice:
    """What one device plays: a train at several times of its own timeline."""

    train: StimulusSpec
    at_s: tuple[float, ...]

    @property
    def whole(self) -> StimulusSpec:
        """All trains as one pattern."""
        return whole_train(self.train, self.at_s, 0.0)

    def train_of(self, played_s: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Which train each play time belongs to, same shape."""
        return np.searchsorted(np.asarray(self.at_s), played_s + 1e-6) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """Coarse places of a voice's trains in a recording."""

    voice: Voice
    lag_s: float
    """The train played at p is heard near ``lag_s + p * (1 + drift)``."""
    drift_ppm: float
    score: float
    """Sum over the trains of their mean log power above the floor."""
    rival: float
    """The same at the best other lag."""
    arrivals_s: tuple[float, ...]
    """Coarse arrival of each chirp of ``voice.whole``; NaN where it was not heard."""
    powers: tuple[float, ...]
    moved: tuple[float, ...]
    """Displacements of trains that are near their place, not in it."""

    @property
    def at_s(self) -> npt.NDArray[np.float64]:
        """When each train begins in the recording, shape (trains,)."""
        return self.lag_s + np.asarray(self.voice.at_s) * (1 + 1e-6 * self.drift_ppm)

    @property
    def heard(self) -> Bools:
        """Which trains have enough chirps in their place, shape (trains,)."""
        each = np.isfinite(self.arrivals_s).reshape(len(self.voice.at_s), -1)
        return np.asarray(each.sum(axis=1) >= min(MIN_TRAIN_CHIRPS, each.shape[1]))

    @property
    def whole_share(self) -> float:
        """The rarest chirp of the pattern: in which part of the heard trains it is; 0..1."""
        each = np.isfinite(self.arrivals_s).reshape(len(self.voice.at_s), -1)[self.heard]
        return float(each.mean(axis=0).min()) if each.size else 0.0

    def found(self, keep: Bools) -> Found:
        """What the measurement wants to know, of the trains in ``keep`` (and heard) only."""
        per = len(self.voice.train.starts_s)
        use = np.repeat(keep & self.heard, per)
        return Found(
            latency_s=self.lag_s,
            drift_ppm=self.drift_ppm,
            score=self.score,
            rival=self.rival,
            arrivals_s=tuple(
                t if u else math.nan for t, u in zip(self.arrivals_s, use, strict=True)
            ),
            powers=self.powers,
            observable=tuple(bool(u) for u in use),
        )


def listen(samples: F32, rate_hz: int, voice: Voice) -> Hearing:
    """Find the lag at which the voice's trains fit best; says nothing of whether they are there.

    ``samples`` has shape (n,), conditioned as for :func:`~profiler.analysis.measure.measure`.
    """
    corr = correlogram(samples, voice.train, rate_hz)
    sharp = _sharpness(corr)
    cells, step_s = log_cells(sharp)
    trains = _train_scores(cells, step_s, voice.train)
    lag_s, drift, score, rival = _best_lag(trains, step_s, voice)
    coarse = [lag_s + s * (1 + 1e-6 * drift) for s in voice.whole.starts_s]
    peaks = [corr.peak(t, REACH_S) for t in coarse]
    clear = [sharp.peak(t, 0.0)[1] >= MIN_PEAK and p >= PEAK_TO_FLOOR for t, p in peaks]
    arrivals = [t if c else math.nan for (t, _), c in zip(peaks, clear, strict=True)]
    earlier_s = earlier_sound(corr, arrivals)
    hearing = Hearing(
        voice=voice,
        lag_s=lag_s,
        drift_ppm=drift,
        score=score,
        rival=rival,
        arrivals_s=tuple(t - earlier_s for t in arrivals),
        powers=tuple(p for _, p in peaks),
        moved=(),
    )
    return replace(hearing, moved=_moved(corr, sharp, hearing))


def _sharpness(corr: Correlogram) -> Correlogram:
    """Power over the mean power around it."""
    wide = max(1, round(AROUND_S / corr.step_s))
    # A running mean of float32 would keep crumbs of loud sounds in silence.
    mean = ndimage.uniform_filter1d(corr.power.astype(np.float64), wide, mode="nearest")
    floor = 1e-6 * float(corr.power.mean(dtype=np.float64)) + 1e-30
    return Correlogram((corr.power / np.maximum(mean, floor)).astype(np.float32), corr.step_s)


def _train_scores(cells: F32, step_s: float, train: StimulusSpec) -> F32:
    """Mean log power of a train that begins at each cell; the margin before the recording is 0."""
    margin = math.ceil(train.duration_s / step_s)
    padded = np.concatenate([np.zeros(margin, np.float32), cells, np.zeros(margin, np.float32)])
    total = np.zeros(margin + cells.size, np.float32)
    for start_s in train.starts_s:
        at = round(start_s / step_s)
        total += padded[at : at + total.size]
    mean = total / len(train.starts_s) - np.float32(FLOOR_LOG)
    return np.maximum(mean[margin:], 0).astype(np.float32)


def _best_lag(scores: F32, step_s: float, voice: Voice) -> tuple[float, float, float, float]:
    """Lag, drift in ppm, score and rival score of the whole schedule."""
    at = np.asarray(voice.at_s)
    mid = float(at.mean())
    span_s = float(np.ptp(at))
    step_ppm = 1e6 * 2 * CELL_S / max(span_s, 1.0)
    count = math.ceil(MAX_DRIFT_PPM / step_ppm)
    drifts = step_ppm * np.arange(-count, count + 1)
    early = math.ceil(min(float(at[-1]) + 1.0, MAX_EARLY_S) / step_s)
    lags = early + scores.size
    tail = math.ceil((float(at[-1]) + 1.0) / step_s)
    padded = np.concatenate([np.zeros(early, np.float32), scores, np.zeros(tail, np.float32)])
    best_of_lag = np.zeros(lags, np.float32)
    which = np.zeros(lags, np.int16)
    for i, drift in enumerate(drifts):
        row = np.zeros(lags, np.float32)
        # Drift turns about the middle of the schedule, so that the lag means the same for all.
        for k in np.rint((at + 1e-6 * drift * (at - mid)) / step_s).astype(int):
            part = padded[k : k + lags]
            row[: part.size] += part
        better = row > best_of_lag
        best_of_lag[better] = row[better]
        which[better] = i
    lag = int(np.argmax(best_of_lag))
    drift = float(drifts[which[lag]])
    score = float(best_of_lag[lag])
    near = round(NEAR_S / step_s)
    best_of_lag[max(0, lag - near) : lag + near + 1] = 0
    lag_s = (lag - early + 0.5) * step_s - 1e-6 * drift * mid
    return lag_s, drift, score, float(best_of_lag.max())


def _moved(corr: Correlogram, sharp: Correlogram, hearing: Hearing) -> tuple[float, ...]:
    """How far from its place each train is that is whole, clear, and not in it."""
    starts = np.asarray(hearing.voice.train.starts_s)
    here = np.isfinite(hearing.arrivals_s).reshape(-1, starts.size)
    out = []
    for at_s, mine in zip(hearing.at_s, here, strict=True):
        peaks = [corr.peak(at_s + s, EDIT_REACH_S) for s in starts]
        shift = np.array([t for t, _ in peaks]) - at_s - starts
        clear = all(p >= PEAK_TO_FLOOR and sharp.peak(t, 0.0)[1] >= MIN_PEAK for t, p in peaks)
        if clear and np.ptp(shift) < EDIT_SPREAD_S and not mine.any():
            out.append(float(np.median(shift)))
    return tuple(out)
