"""All chirps of a recording side by side, as local gains against what the others predict."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from profiler.analysis.measure import Measured
from profiler.analysis.phase import ramp
from profiler.analysis.responses import BEFORE_S, Segments, cut_segments
from profiler.model import StimulusSpec
from profiler.stimulus import chirp_spectrum

HOP_S = 0.0005
FINE_HOPS, COARSE_HOPS = 5, 12
"""Windows of 2.5 ms, or of 6 ms where the chirps agree less."""

HEARD_POWER = 1.0
"""A frequency is heard when the mean response has this much of one chirp's noise power."""
PARTLY, MISSING = 0.2, 0.1
"""Amplitude and likeness below which a part of a chirp, or all of it, is not there."""
EDGE = 0.1
"""Our own taper at the ends of the view's band."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
C64 = npt.NDArray[np.complex64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Cuts any chirp out of the recording and turns it to the common phase axis."""

    samples: F32
    spec: StimulusSpec
    m: Measured

    def arrival_s(self, played_s: float, group: int) -> float:
        """Where the fitted line puts a chirp."""
        line = self.m.line
        return float(played_s * (1 + line.slope) + line.intercepts_s[group])

    def analytic(self, arrivals_s: F64) -> tuple[C64, C64, F64]:
        """Signals (chirps, n), prediction (n,), recording time of phase 0 (chirps,)."""
        rate = self.m.segments.rate_hz
        seg = cut_segments(self.samples, self.spec, rate, arrivals_s)
        zero_s = seg.first_frame / rate
        late_s = arrivals_s - (zero_s + round(BEFORE_S * rate) / rate)
        signal, predicted = _analytic(seg, self.spec, self.m, late_s)
        return signal, predicted, zero_s + late_s


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """All observable chirps side by side on the phase axis of one chirp."""

    played_s: F64
    group: I64
    start_s: F64
    """Recording time of phase 0 of each row."""
    signal: C64
    """Analytic recording, shape (chirps, n), scaled to the prediction."""
    predicted: C64
    """Analytic prediction, shape (n,)."""
    hop: int
    width: int
    rate_hz: int
    reference: F64
    """Median complex-gain magnitude over the chirps per hop."""
    visible: Bools
    """Hops at which the prediction stands clear of what the chirps disagree about."""

    source: Source
    scale: F64
    """Amplitude of each chirp, already divided out of ``signal``."""

    def moved(self, row: int, shift_s: float) -> C64:
        """Chirp ``row`` as it looks when its latency is ``shift_s`` larger."""
        arrival = self.source.arrival_s(self.played_s[row], int(self.group[row])) + shift_s
        signal, _, _ = self.source.analytic(np.array([arrival]))
        return np.asarray(signal[0, : self.signal.shape[1]] / np.float32(self.scale[row]))

    def time(self, row: int, hop: int) -> float:
        """Recording time of a hop's first frame."""
        return float(self.start_s[row]) + hop * self.hop / self.rate_hz


def make_view(samples: F32, spec: StimulusSpec, m: Measured) -> View | None:
    """Lay the chirps side by side; ``None`` when the recording holds fewer than three."""
    rate = m.segments.rate_hz
    source = Source(samples, spec, m)
    played = np.asarray(spec.starts_s)
    group = _group_of_every_chirp(m, played)
    arrival = np.array([source.arrival_s(p, g) for p, g in zip(played, group, strict=True)])
    inside = (arrival > 0) & (arrival + spec.chirp_s < samples.size / rate)
    if inside.sum() < 3:
        return None
    signal, predicted, start_s = source.analytic(arrival[inside])
    hop = max(1, round(HOP_S * rate))
    n = predicted.size // hop * hop
    agree = float(np.median(m.aligned.coherence)) >= 0.9
    view = View(
        played_s=played[inside],
        group=group[inside],
        start_s=start_s,
        signal=signal[:, :n],
        predicted=predicted[:n],
        hop=hop,
        width=FINE_HOPS if agree else COARSE_HOPS,
        rate_hz=rate,
        reference=np.ones(n // hop),
        visible=np.ones(n // hop, np.bool_),
        source=source,
        scale=np.ones(int(inside.sum())),
    )
    return _with_reference(view, spec)


def _group_of_every_chirp(m: Measured, played: F64) -> I64:
    """Group of each chirp of the stimulus; chirps that were not used take their neighbour's."""
    known = m.line.groups >= 0
    nearest = np.abs(played[:, None] - m.played_s[known][None, :]).argmin(axis=1)
    groups: I64 = m.line.groups[known][nearest]
    return groups


def view_band_hz(m: Measured) -> tuple[float, float]:
    """The arrival's band, and on from its ends as far as the chirps are heard.

    What is too weak to shape a first arrival still shows a hole: the sweep spends a sixth of its
    time in its lowest 200 Hz.
    """
    resp, mean = m.responses, m.aligned
    cells = max(3, round(300 * resp.size / resp.rate_hz))
    power = ndimage.uniform_filter1d(np.square(np.abs(mean.mean)), cells, mode="nearest")
    lost = np.flatnonzero((power < HEARD_POWER * mean.noise) | (resp.edges < EDGE))
    first, last = np.searchsorted(resp.freqs_hz, m.arrival.band_hz)
    below, above = lost[lost < first], lost[lost > last]
    a = int(below[-1]) + 1 if below.size else 0
    b = int(above[0]) - 1 if above.size else resp.freqs_hz.size - 1
    return float(resp.freqs_hz[a]), float(resp.freqs_hz[b])


def _analytic(seg: Segments, spec: StimulusSpec, m: Measured, late_s: F64) -> tuple[C64, C64]:
    """Recording and prediction as analytic signals in the usable band, on one phase axis."""
    rate, size = seg.rate_hz, seg.size
    width = rate / size
    lo, hi = view_band_hz(m)
    a, b = math.ceil(lo / width), math.floor(hi / width)
    resp = m.responses
    full = np.zeros(resp.size // 2 + 1, np.complex128)
    first = round(float(resp.freqs_hz[0]) * resp.size / rate)
    full[first : first + m.aligned.mean.size] = m.aligned.mean
    lags = fft.irfft(full, resp.size)
    before = round(BEFORE_S * rate)
    wide = np.zeros(size)
    wide[: resp.size - before] = lags[: resp.size - before]
    wide[-before:] = lags[-before:]
    chirp = chirp_spectrum(spec, rate, size, m.drift_ppm)[a:b]
    shape = np.zeros(size, np.complex64)
    turn = ramp(a * width, width, b - a, -before / rate)
    shape[a:b] = 2 * chirp * fft.rfft(wide)[a:b] * turn
    predicted = fft.ifft(shape, overwrite_x=True)
    shifted = np.zeros((seg.spectrum.shape[0], size), np.complex64)
    shifted[:, a:b] = 2 * seg.spectrum[:, a:b] * ramp(a * width, width, b - a, late_s)
    return fft.ifft(shifted, axis=1, overwrite_x=True), predicted


def _with_reference(view: View, spec: StimulusSpec) -> View:
    """Scale each chirp, take the median over the chirps, and mark what can be seen."""
    gains = local_gains(view.signal, view.predicted, view)
    magnitude = np.abs(gains)
    power = _moving(_blocks(power_of(view.predicted), view.hop), view.width)
    strong = power > 1e-4 * power.max()
    begin = BEFORE_S / HOP_S
    hops = np.arange(magnitude.shape[1])
    strong &= (hops >= begin + 4) & (hops < begin + spec.chirp_s / HOP_S - 4)
    # Outside the band a filter's ringing is heard, not the chirp.
    growth = math.log(spec.f_hi_hz / spec.f_lo_hz) / spec.chirp_s
    now_hz = spec.f_hi_hz * np.exp(-growth * (hops - begin) * HOP_S)
    lo, hi = view_band_hz(view.source.m)
    strong &= (now_hz > lo) & (now_hz < hi)
    if not strong.any():
        return view
    scale = _scales(magnitude[:, strong], view)
    # The real part: what disturbs the chirps adds to their magnitude, not to their phase.
    reference = np.median(gains.real / scale[:, None], axis=0).clip(1e-6)
    unlike = np.median(np.abs(gains / scale[:, None] / reference - 1), axis=0)
    unlike = ndimage.median_filter(unlike, 31, mode="nearest")
    return replace(
        view,
        signal=(view.signal / scale[:, None]).astype(np.complex64),
        scale=scale,
        reference=reference,
        visible=strong & (unlike < 0.3) & (reference > 0.1),
    )


def _scales(magnitude: F64, view: View) -> F64:
    """Amplitude of each chirp (gain control changes it), also where most of it is missing."""
    scale = np.median(magnitude, axis=1)
    present = np.quantile(magnitude, 0.85, axis=1)
    scale = np.where(scale < PARTLY * present, present, scale)
    # A chirp that is missing altogether has no amplitude of its own.
    rms = np.sqrt(np.mean(power_of(view.signal), axis=1))
    likeness = np.abs(view.signal @ np.conj(view.predicted)) / view.signal.shape[1]
    likeness = likeness / (rms * np.sqrt(np.mean(power_of(view.predicted)))).clip(1e-30)
    missing = (likeness < MISSING) & (rms < PARTLY * np.median(rms))
    return np.where(missing, np.median(scale), scale).clip(1e-9)


def _blocks(x: npt.NDArray[np.generic], hop: int) -> F64:
    return np.asarray(x.reshape(*x.shape[:-1], -1, hop).sum(axis=-1))


def _moving(x: F64, width: int) -> F64:
    """Centred moving sum over hops."""
    out: F64 = ndimage.uniform_filter1d(x, width, axis=-1, mode="constant") * width
    return out


def local_gains(signal: C64, predicted: C64, view: View) -> C64:
    """Projection of the signal on the prediction, per hop, over ``width`` hops; 1 = as usual."""
    cross = _blocks(signal * np.conj(predicted), view.hop)
    power = _moving(_blocks(power_of(predicted), view.hop), view.width)
    smooth = _moving(cross.real, view.width) + 1j * _moving(cross.imag, view.width)
    return np.asarray(smooth / (power + 1e-6 * power.max() + 1e-30) / view.reference)


def local_energy(view: View) -> F64:
    """Energy of each chirp per hop over the predicted one (at least); 1 = as usual."""
    energy = _moving(_blocks(power_of(view.signal), view.hop), view.width)
    power = _moving(_blocks(power_of(view.predicted), view.hop), view.width)
    return energy / (np.minimum(np.median(energy, axis=0), power * view.reference**2) + 1e-30)


def power_of(x: C64) -> F32:
    """Squared magnitude, without a square root on the way."""
    return np.asarray(np.square(x.real) + np.square(x.imag))
