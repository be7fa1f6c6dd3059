"""Impulse responses of a path from a train of sweeps: deconvolution and gates.

The recording is divided by one sweep (regularised at the ends of its band). Each sweep of the train
leaves one impulse response at the time at which it was played plus the latency. A sweep that runs
from high to low leaves the image of the k-th harmonic behind it, by ``T ln(k) / ln(f_hi / f_lo)``
(Farina 2000 for a sweep that runs up, where the images come before).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from profiler.analysis.search import MAX_LATENCY_S, PEAK_TO_FLOOR, correlogram
from profiler.model import StimulusSpec
from profiler.stimulus import USABLE_BAND, chirp_spectrum

BEFORE_S = 0.02
"""The gate begins this long before the loudest arrival: a weak direct path lies before it."""
GATE_S = 0.2
"""Longest gate of the linear response; a room's tail beyond it carries little energy near by."""
GATE_SHARE = 0.75
"""The gate ends before this share of the way to the image of the second harmonic."""
EDGE_OCTAVES = 1 / 12
"""Taper inside each end of the sweep's band, where its fades leave little energy."""
FADE_S = 0.005
"""A gate's fade at each end."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Impulses:
    """All impulse responses of one recording on its timeline."""

    lags: F64
    """Deconvolved recording; index = frame of the recording, scaled as gain."""
    rate_hz: int
    spec: StimulusSpec
    latency_s: float
    """Of the loudest arrival."""
    band_hz: tuple[float, float]
    """Where the deconvolution is exact."""

    @property
    def gate_s(self) -> float:
        """Length of the gate behind the arrival."""
        return min(GATE_S, GATE_SHARE * self.harmonic_s(2))

    def harmonic_s(self, order: int) -> float:
        """How long behind the arrival the image of harmonic ``order`` lies."""
        spec = self.spec
        return spec.chirp_s * math.log(order) / math.log(spec.f_hi_hz / spec.f_lo_hz)

    def arrivals_s(self) -> list[float]:
        """Times of the arrivals whose sweep the recording holds to its end."""
        found = [s + self.latency_s for s in self.spec.starts_s]
        end_s = self.lags.size / self.rate_hz
        return [a for a in found if a + self.spec.chirp_s <= end_s]

    def power(self, begin_s: float, length_s: float, size: int) -> F64 | None:
        """Power spectrum |H|² of the stretch, on ``size // 2 + 1`` bins; ``None`` = not held."""
        first, count = round(begin_s * self.rate_hz), round(length_s * self.rate_hz)
        if first < 0 or count < 8 or first + count > self.lags.size:
            return None
        piece = self.lags[first : first + count] * _window(count, self.rate_hz)
        spectrum = fft.rfft(piece, size)
        return np.asarray(np.square(spectrum.real) + np.square(spectrum.imag))


def find_impulses(samples: F32, spec: StimulusSpec, rate_hz: int) -> Impulses | None:
    """Deconvolve and find the train; ``None`` when it does not stand out of chance.

    ``samples`` has shape (n,). Peaks of the whitened correlation have an exponential distribution
    without the train: 30 times the median (the search's own limit) is met by chance once in
    ten thousand recordings.
    """
    latency_s = _coarse_latency_s(samples, spec, rate_hz)
    if latency_s is None:
        return None
    lags, band_hz = _deconvolve(samples, spec, rate_hz)
    found = Impulses(lags, rate_hz, spec, latency_s, band_hz)
    return Impulses(lags, rate_hz, spec, _loudest_s(found), band_hz)


def _coarse_latency_s(samples: F32, spec: StimulusSpec, rate_hz: int) -> float | None:
    corr = correlogram(samples, spec, rate_hz)
    reach = min(round(MAX_LATENCY_S / corr.step_s), corr.power.size)
    padded = np.concatenate([corr.power, np.zeros(reach + 1, np.float32)])
    score, count = np.zeros(reach), 0
    for start_s in spec.starts_s:
        at = round(start_s / corr.step_s)
        if at < corr.power.size:
            # Gain control and clock error move a train's later sweeps a little: take the best near.
            near = padded[at : at + reach]
            score += np.log1p(near)
            count += 1
    if not count:
        return None
    best = int(np.argmax(score))
    if score[best] / count < math.log1p(PEAK_TO_FLOOR):
        return None
    return best * corr.step_s


def _deconvolve(samples: F32, spec: StimulusSpec, rate_hz: int) -> tuple[F64, tuple[float, float]]:
    chirp = math.ceil(spec.chirp_s * rate_hz) + 1
    size = fft.next_fast_len(samples.size + chirp, real=True)
    template = chirp_spectrum(spec, rate_hz, size)
    hz = fft.rfftfreq(size, 1 / rate_hz)
    lo, hi = spec.f_lo_hz, min(spec.f_hi_hz, USABLE_BAND * rate_hz)
    taper = _band(hz, lo, hi)
    inside = taper > 0
    quotient = np.zeros(hz.size, np.complex128)
    spectrum = fft.rfft(samples.astype(np.float64) - float(samples.mean(dtype=np.float64)), size)
    # Inside the band the sweep's level is known and never small: a plain division.
    quotient[inside] = spectrum[inside] * taper[inside] / template[inside]
    lags: F64 = fft.irfft(quotient, size)[: samples.size]
    ratio = 2**EDGE_OCTAVES
    return lags, (lo * ratio, hi / ratio)


def _band(hz: F64, lo: float, hi: float) -> F64:
    """Raised cosine over ``EDGE_OCTAVES`` inside each end of the band; 0 outside."""
    octave = np.log2(hz.clip(1e-3))
    up = np.clip((octave - math.log2(lo)) / EDGE_OCTAVES, 0.0, 1.0)
    down = np.clip((math.log2(hi) - octave) / EDGE_OCTAVES, 0.0, 1.0)
    result: F64 = 0.5 - 0.5 * np.cos(np.pi * np.minimum(up, down))
    return result


def _loudest_s(found: Impulses) -> float:
    """Latency of the loudest sample near the coarse latency, over all sweeps."""
    reach = round(0.003 * found.rate_hz)
    total = np.zeros(2 * reach + 1)
    for arrival_s in found.arrivals_s():
        at = round(arrival_s * found.rate_hz)
        if reach <= at < found.lags.size - reach:
            total += np.square(found.lags[at - reach : at + reach + 1])
    return found.latency_s + (int(np.argmax(total)) - reach) / found.rate_hz


def _window(count: int, rate_hz: int) -> F64:
    edge = min(max(1, round(FADE_S * rate_hz)), count // 4)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    window = np.ones(count)
    window[:edge] = ramp
    window[-edge:] = ramp[::-1]
    return window
