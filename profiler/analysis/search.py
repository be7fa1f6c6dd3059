"""Where in the recording is the train? Whitened block correlation and a pattern search.

The recording is correlated with one chirp in overlapping blocks (batched transforms of one size
are twice as fast as one long one and need no template per length). Only the lower few kHz are
transformed back, as a complex baseband: the search needs 0.1 ms, not 1 us.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

from profiler.model import StimulusSpec
from profiler.stimulus import USABLE_BAND, chirp_spectrum

BASEBAND_HZ = 6000.0
SMOOTH_HZ = 40.0
"""Whitening resolution: narrow enough for hum, wide enough to keep the chirp (method.md 3.2)."""
MAX_LATENCY_S = 2.2
CELL_S = 0.0005
MAX_DRIFT_PPM = 360.0
PEAK_TO_FLOOR = 30.0
"""Envelope power over the median power from which a chirp counts as heard."""
JUMP_SEARCH_S = 0.13
"""Reach of the search for a chirp that is not where it should be: jumps of up to 100 ms."""

EARLIER_S = (0.008, 0.045)
EARLIER_SHARE = 0.15
"""Sound that all chirps have in common so long before the loudest, at this share of its power or
more (-8 dB), is where the first arrival is looked for."""

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Correlogram:
    """Power of the whitened chirp correlation over time, relative to its local median."""

    power: F32
    """Shape (n,), 1 = local median."""
    step_s: float

    def peak(self, at_s: float, reach_s: float) -> tuple[float, float]:
        """Time and value of the largest power within ``reach_s`` of ``at_s``; 0 outside."""
        a = max(0, math.floor((at_s - reach_s) / self.step_s))
        b = min(self.power.size, math.ceil((at_s + reach_s) / self.step_s) + 1)
        if a >= b:
            return at_s, 0.0
        i = a + int(np.argmax(self.power[a:b]))
        return i * self.step_s, float(self.power[i])


@dataclass(frozen=True, slots=True)
class Found:
    """Coarse position of the train."""

    latency_s: float
    drift_ppm: float
    score: float
    """Mean over the observable chirps of log(1 + power / 6) at the best position."""
    rival: float
    """The same at the best position more than 30 ms away."""
    arrivals_s: tuple[float, ...]
    """Coarse arrival of each chirp on the recording's timeline; NaN where it was not heard."""
    powers: tuple[float, ...]
    observable: tuple[bool, ...]
    """Whether the recording is long enough to hold the chirp."""


def correlogram(x: F32, spec: StimulusSpec, rate_hz: int) -> Correlogram:
    """Whiten, correlate with one chirp, take the envelope; shape of ``x`` is (n,)."""
    chirp = math.ceil(spec.chirp_s * rate_hz)
    size = 1 << math.ceil(math.log2(4.5 * chirp))
    decimate = 1 << max(0, round(math.log2(rate_hz / BASEBAND_HZ)))
    hop = (size - chirp) // decimate * decimate
    blocks = max(1, math.ceil(x.size / hop))
    padded = np.zeros((blocks - 1) * hop + size, np.float32)
    padded[: x.size] = x
    framed = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    first, last, template = _template(spec, rate_hz, size, decimate)
    spectrum = fft.rfft(framed, axis=1)[:, first:last]
    _whiten(spectrum, rate_hz / size)
    spectrum *= template
    base = np.zeros((blocks, size // decimate), np.complex64)
    base[:, : last - first] = spectrum
    response = fft.ifft(base, axis=1, overwrite_x=True)[:, : hop // decimate].reshape(-1)
    response = response[: math.ceil(x.size / decimate)]
    power = np.square(response.real) + np.square(response.imag)
    step_s = decimate / rate_hz
    return Correlogram(_over_local_median(power, step_s), step_s)


@lru_cache(maxsize=16)
def _template(
    spec: StimulusSpec, rate_hz: int, size: int, decimate: int
) -> tuple[int, int, npt.NDArray[np.complex64]]:
    width = rate_hz / size
    first = math.ceil(spec.f_lo_hz / width)
    top_hz = min(spec.f_hi_hz, USABLE_BAND * rate_hz, 0.95 * rate_hz / decimate)
    last = min(math.floor(top_hz / width), first + size // decimate)
    chirp = chirp_spectrum(spec, rate_hz, size)[first:last]
    x = np.linspace(0, 1, last - first)
    taper = np.minimum(1, np.minimum(x / 0.03, (1 - x) / 0.1))
    return first, last, (np.conj(chirp) / np.abs(chirp).clip(1e-9) * taper).astype(np.complex64)


def _whiten(spectrum: npt.NDArray[np.complex64], width_hz: float) -> None:
    """Divide by the square root of the power smoothed over ``SMOOTH_HZ``, in place."""
    rows, bins = spectrum.shape
    n = max(1, round(SMOOTH_HZ / width_hz))
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    cells = math.ceil(bins / n)
    padded = np.zeros((rows, cells * n), np.float32)
    padded[:, :bins] = power
    level = np.sqrt(padded.reshape(rows, cells, n).mean(axis=2))
    floor = 1e-4 * level.max(axis=1, keepdims=True) + 1e-20
    gain = 1 / (level + floor)
    # A staircase is enough here: the search needs a spectrum without lines, not a smooth one.
    spectrum *= np.repeat(gain, n, axis=1)[:, :bins]


def _over_local_median(power: F32, step_s: float) -> F32:
    n = max(1, round(1.0 / step_s))
    rows = max(1, power.size // n)
    body = power[: rows * n].reshape(rows, -1) if power.size >= n else power.reshape(1, -1)
    medians = np.median(body[:, ::2], axis=1)
    # Digital silence beside sound must not make the sound's neighbourhood infinitely quiet.
    floor = 0.05 * float(np.median(medians)) + 0.01 * float(medians.max(initial=0.0)) + 1e-30
    centres = (np.arange(rows) + 0.5) * body.shape[1]
    local = np.interp(np.arange(power.size), centres, np.maximum(medians, floor))
    return (power / local).astype(np.float32)


def find_train(corr: Correlogram, spec: StimulusSpec, duration_s: float) -> Found:
    """Find where the pattern fits best; says nothing of whether the train is there."""
    cells, per_cell = log_cells(corr)
    starts = np.asarray(spec.starts_s)
    span_s = float(starts[-1] - starts[0])
    step_ppm = 1e6 * 2 * CELL_S / max(span_s, 1.0)
    count = math.ceil(MAX_DRIFT_PPM / step_ppm)
    drifts = np.arange(-count, count + 1) * step_ppm
    mid = float(starts.mean())
    # Seen from the middle of the train, a short latency with a fast clock lies before 0. Without
    # those lags, the strongest image of a clipped chirp would win.
    early = math.ceil(drifts[-1] * 1e-6 * mid / per_cell) + 2
    lags = early + min(math.ceil(MAX_LATENCY_S / per_cell), cells.size)
    # Drift turns about the middle of the train, so that the lag axis means the same for all.
    turned_s = starts + drifts[:, None] * 1e-6 * (starts - mid)
    sums = _pattern_sums(cells, np.rint(turned_s / per_cell).astype(int), early, lags)
    best = int(np.argmax(sums))
    row_i, lag = divmod(best, lags)
    best_of_lag = sums.max(axis=0)
    near = round(0.03 / per_cell)
    best_of_lag[max(0, lag - near) : lag + near + 1] = 0
    drift = float(drifts[row_i])
    latency_s = (lag - early + 0.5) * per_cell - drift * 1e-6 * mid
    observable = starts + spec.chirp_s + latency_s <= duration_s + 0.01
    n = max(1, int(observable.sum()))
    arrivals, powers = _chirp_peaks(corr, spec, latency_s, drift)
    return Found(
        latency_s=latency_s,
        drift_ppm=drift,
        score=float(sums.flat[best]) / n,
        rival=float(best_of_lag.max(initial=0.0)) / n,
        arrivals_s=arrivals,
        powers=powers,
        observable=tuple(bool(o) for o in observable),
    )


def _pattern_sums(cells: F32, places: npt.NDArray[np.int64], early: int, lags: int) -> F32:
    """Sum of ``cells`` at each row's ``places``, for lags from ``-early`` on; (rows, lags)."""
    # Without a lead-in, a fast clock puts the first chirp before the recording.
    before = early + max(0, -int(places.min()))
    padded = np.concatenate([np.zeros(before, np.float32), cells, np.zeros(lags + 2, np.float32)])
    sums = np.zeros((places.shape[0], lags), np.float32)
    for i, its_places in enumerate(places):
        for at in its_places:
            if at < cells.size:
                sums[i] += padded[at + before - early :][:lags]
    return sums


def log_cells(corr: Correlogram) -> tuple[F32, float]:
    """Log power, the largest per pair of neighbouring cells, and the length of a cell in seconds.

    The log tames single loud clicks.
    """
    per = max(1, round(CELL_S / corr.step_s))
    n = corr.power.size // per
    pooled = corr.power[: n * per].reshape(n, per).max(axis=1) if n else np.zeros(1, np.float32)
    logs = np.log1p(pooled / 6)
    logs[:-1] = np.maximum(logs[:-1], logs[1:])
    return logs, per * corr.step_s


def _chirp_peaks(
    corr: Correlogram, spec: StimulusSpec, latency_s: float, drift_ppm: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Each chirp's peak: where the train says, else (after a jump) the largest near by."""
    reach_s = 0.0015
    expected = [latency_s + s * (1 + drift_ppm * 1e-6) for s in spec.starts_s]
    here = [corr.peak(e, reach_s) for e in expected]
    far = [corr.peak(e, JUMP_SEARCH_S) for e in expected]
    # The stretch that was found is among the loud quarter; a reflection of another one is not.
    typical = float(np.quantile([p for _, p in here], 0.75))
    missed = [
        p < max(PEAK_TO_FLOOR, 0.3 * typical) and far_p > max(PEAK_TO_FLOOR, 3 * p)
        for (_, p), (_, far_p) in zip(here, far, strict=True)
    ]
    taken = [t for (t, p), m in zip(here, missed, strict=True) if p >= PEAK_TO_FLOOR and not m]
    for k in np.flatnonzero(missed):
        # One sound is one chirp: counted twice, it agrees with itself and outweighs all others.
        if all(abs(far[k][0] - t) > 0.5 * spec.chirp_s for t in taken):
            here[k] = far[k]
            taken.append(far[k][0])
    arrivals = [t if p >= PEAK_TO_FLOOR else math.nan for t, p in here]
    powers = [p for _, p in here]
    earlier_s = earlier_sound(corr, arrivals)
    return tuple(a - earlier_s for a in arrivals), tuple(powers)


def earlier_sound(corr: Correlogram, arrivals_s: list[float]) -> float:
    """How much earlier all chirps were heard nearly as loud; 0 when they were not.

    Late reflections that fall together can be louder than the direct sound and further behind it
    than the first arrival is looked for.
    """
    reach = round(EARLIER_S[1] / corr.step_s)
    at = np.rint(np.array([a for a in arrivals_s if math.isfinite(a)]) / corr.step_s).astype(int)
    at = at[(at >= reach) & (at < corr.power.size)]
    if at.size < 3:
        return 0.0
    before = corr.power[at[:, None] - np.arange(reach + 1)]
    # A mean of logs: what one chirp meets by chance (a click, a neighbour) does not count.
    level = np.exp(np.log(before + 1e-6).mean(axis=0))
    loud = np.flatnonzero(level >= EARLIER_SHARE * level[:2].max())
    earliest_s = float(loud[-1]) * corr.step_s
    return earliest_s if earliest_s >= EARLIER_S[0] else 0.0
