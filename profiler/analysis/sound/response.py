"""Response over frequency with its noise, third-octave bands and the edges of the band."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from profiler.analysis.sound.impulse import BEFORE_S, Impulses

CENTRES_HZ = tuple(float(f"{1000 * 10 ** (n / 10):.3g}") for n in range(-10, 14))
"""Third-octave bands from 100 Hz to 20 kHz, the exact midbands of IEC 61260-1."""
HALF_BAND = 10**0.05
"""Edge of a third-octave band over its centre."""
MID_HZ = (500.0, 2000.0)
"""The edges are measured against the median level of these frequencies."""
EDGE_DB = -10.0
STEPS_PER_OCTAVE = 48
COARSE_OCTAVES, FINE_OCTAVES = 1 / 3, 1 / 24
"""A crossing counts on the coarse curve (a notch is no edge) and is placed on the fine one."""
LASTING_OCTAVES = 1.0
"""A level that comes back sooner had a hole in the band, not its edge."""
MIN_SNR_DB = 6.0
"""Below this a level says what cannot be exceeded, not what is there."""
MAX_NOISE_GATES = 8

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """Mean |H|² of the sweeps, and what noise adds to it, on the bins of one transform."""

    hz: F64
    total: F64
    noise: F64

    def level(self, lo_hz: float, hi_hz: float) -> tuple[float, float]:
        """(mean |H|² with the noise taken out, SNR in dB) between two frequencies."""
        inside = (self.hz >= lo_hz) & (self.hz < hi_hz)
        total, noise = float(self.total[inside].mean()), float(self.noise[inside].mean())
        signal_power = max(total - noise, 0.0)
        snr_db = 10 * math.log10(max(signal_power, 1e-30) / max(noise, 1e-30))
        return signal_power, min(max(snr_db, -60.0), 120.0)


@dataclass(frozen=True, slots=True)
class Edges:
    """Where the level crosses :data:`EDGE_DB`; ``None`` = noise hides it."""

    lo_hz: float | None
    hi_hz: float | None
    hidden: bool


def response_of(found: Impulses) -> Response | None:
    """Average the gated responses; the noise comes from gates that hold no arrival."""
    length_s = BEFORE_S + found.gate_s
    size = fft.next_fast_len(2 * round(length_s * found.rate_hz), real=True)
    gates = [found.power(a - BEFORE_S, length_s, size) for a in found.arrivals_s()]
    held = [g for g in gates if g is not None]
    noise = [g for g in _noise_gates(found, length_s, size) if g is not None]
    if not held or not noise:
        return None
    return Response(
        fft.rfftfreq(size, 1 / found.rate_hz),
        np.mean(held, axis=0),
        np.mean(noise, axis=0),
    )


def _noise_gates(found: Impulses, length_s: float, size: int) -> list[F64 | None]:
    """Gates before the first arrival: behind a sweep come its images, before it nothing."""
    first_s = found.spec.starts_s[0] + found.latency_s - BEFORE_S
    count = min(MAX_NOISE_GATES, int(first_s / length_s))
    return [found.power(first_s - (k + 1) * length_s, length_s, size) for k in range(count)]


def bands_of(response: Response, band_hz: tuple[float, float]) -> tuple[float, ...]:
    """Centres of the third-octave bands that lie wholly inside ``band_hz``."""
    lo, hi = band_hz
    return tuple(
        c
        for c in CENTRES_HZ
        if c / HALF_BAND >= lo
        and c * HALF_BAND <= hi
        and np.any((response.hz >= c / HALF_BAND) & (response.hz < c * HALF_BAND))
    )


def edges_of(response: Response, band_hz: tuple[float, float]) -> Edges:
    """Walk outwards from the middle to the first lasting fall of the level.

    A level that holds to the end of the sweep gives that end.
    """
    middle = _mid_level(response)
    steps = np.arange(math.log2(band_hz[0]), math.log2(band_hz[1]), 1 / STEPS_PER_OCTAVE)
    coarse, coarse_snr = _curve(response, steps, COARSE_OCTAVES)
    fine, _ = _curve(response, steps, FINE_OCTAVES)
    limit = middle * 10 ** (EDGE_DB / 10)
    lo_hz, lo_hidden = _walk(steps, coarse, coarse_snr, fine, limit=limit, up=False)
    hi_hz, hi_hidden = _walk(steps, coarse, coarse_snr, fine, limit=limit, up=True)
    return Edges(lo_hz, hi_hz, lo_hidden or hi_hidden)


def _mid_level(response: Response) -> float:
    inside = (response.hz >= MID_HZ[0]) & (response.hz <= MID_HZ[1])
    clear = (response.total - response.noise)[inside]
    return float(np.median(clear.clip(0.0)))


def _curve(response: Response, octaves: F64, width: float) -> tuple[F64, F64]:
    """Total |H|² and SNR (dB), smoothed over ``width`` octaves, at ``octaves`` = log2 of Hz."""
    sums = [np.concatenate([[0.0], np.cumsum(x)]) for x in (response.total, response.noise)]
    lo = np.searchsorted(response.hz, 2 ** (octaves - width / 2))
    hi = np.maximum(np.searchsorted(response.hz, 2 ** (octaves + width / 2)), lo + 1)
    hi = np.minimum(hi, response.hz.size)
    lo = np.minimum(lo, hi - 1)
    total, noise = ((s[hi] - s[lo]) / (hi - lo) for s in sums)
    snr_db = 10 * np.log10((total - noise).clip(1e-30) / noise.clip(1e-30))
    return total, snr_db


def _walk(
    octaves: F64, coarse: F64, snr_db: F64, fine: F64, *, limit: float, up: bool
) -> tuple[float | None, bool]:
    """Edge in one direction, and whether noise hides it."""
    start = int(np.argmin(np.abs(octaves - math.log2(1000.0))))
    order = np.arange(start, octaves.size) if up else np.arange(start, -1, -1)
    below = coarse[order] < limit
    hidden = ~below & (snr_db[order] < MIN_SNR_DB)
    # How many of the steps from each on (an octave of them, or to the end) are below.
    ahead = round(STEPS_PER_OCTAVE * LASTING_OCTAVES)
    padded = np.concatenate([below, np.ones(ahead, np.bool_)])
    lasting = np.lib.stride_tricks.sliding_window_view(padded, ahead)[: below.size].all(axis=1)
    crossing = int(np.argmax(lasting)) if lasting.any() else order.size
    if hidden[:crossing].any():
        return None, True
    if crossing == order.size:
        return float(2 ** octaves[order[-1]]), False
    reach = round(STEPS_PER_OCTAVE * COARSE_OCTAVES)
    near = order[max(0, crossing - reach) : crossing + reach]
    loud = np.flatnonzero(fine[near] >= limit)
    at = near[int(loud[-1])] if loud.size else order[crossing]
    return float(2 ** octaves[at]), False


def noise_of(
    samples: npt.NDArray[np.float32], rate_hz: int, centres_hz: tuple[float, ...]
) -> tuple[float, tuple[float, ...]]:
    """Level of a stretch without stimulus, whole and per third-octave band, in dBFS."""
    x = samples.astype(np.float64) - float(samples.mean(dtype=np.float64))
    hz, density = signal.welch(x, rate_hz, nperseg=min(8192, x.size))
    step_hz = hz[1] - hz[0]
    bands = tuple(
        _dbfs(float(density[(hz >= c / HALF_BAND) & (hz < c * HALF_BAND)].sum()) * step_hz)
        for c in centres_hz
    )
    return _dbfs(float(np.mean(np.square(x)))), bands


def _dbfs(power: float) -> float:
    return max(10 * math.log10(max(power, 1e-20)), -200.0)
