"""The channel as each chirp saw it, and the delay of each chirp against their mean.

Every chirp went through the same room, so multipath cancels between them: relative delays are
exact even where the first arrival is not (method.md 3.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from profiler.analysis.phase import ramp
from profiler.model import StimulusSpec
from profiler.stimulus import USABLE_BAND, chirp_spectrum

BEFORE_S, AFTER_S = 0.020, 0.050
"""Kept of each response around its coarse arrival: look-back for a weak direct path, and tail."""
GATE_EDGE_S = 0.006
GATE_S = 2 * BEFORE_S + AFTER_S - GATE_EDGE_S
"""Length of the gate as white noise sees it."""
REFINE_REACH_S = 0.0012
NOISE_SMOOTH_HZ = 400.0

C64 = npt.NDArray[np.complex64]
C128 = npt.NDArray[np.complex128]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """The stretch of recording around each chirp, in the frequency domain."""

    spectrum: C64
    """Shape (chirps, bins): rfft of the tapered stretch."""
    size: int
    first_frame: npt.NDArray[np.int64]
    """Frame of the recording at which each stretch begins."""
    rate_hz: int


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """Gated channel responses of the chirps, time zero at ``origin_s``."""

    spectrum: C64
    """Shape (chirps, bins of the gate) inside the analysis band."""
    freqs_hz: F64
    origin_s: F64
    """Time on the recording to which each response's time zero belongs."""
    size: int
    """Transform length of the gate."""
    rate_hz: int
    power: F64
    """|C|² of the chirp at ``freqs_hz``: white noise in a response is inverse to it."""
    edges: F64
    """Known taper of the band at ``freqs_hz``; not part of the channel."""

    def advance(self, delay_s: F64) -> C128:
        """Factor that moves responses earlier by ``delay_s``, shape (delays, bins)."""
        step = self.rate_hz / self.size
        return ramp(float(self.freqs_hz[0]), step, self.freqs_hz.size, delay_s)


def cut_segments(x: F32, spec: StimulusSpec, rate_hz: int, arrivals_s: F64) -> Segments:
    """Cut and transform; ``arrivals_s`` holds one finite coarse arrival per chirp."""
    before, after = round(BEFORE_S * rate_hz), round(AFTER_S * rate_hz)
    length = before + math.ceil(spec.chirp_s * rate_hz) + after
    size = fft.next_fast_len(length + before, real=True)
    first = np.rint(arrivals_s * rate_hz).astype(np.int64) - before
    padded = np.pad(x, (before + 1, max(0, int(first.max()) + length - x.size) + 1))
    first = np.maximum(first, -before)
    rows = np.stack([padded[f + before + 1 : f + before + 1 + length] for f in first])
    # Soft edges keep hum from leaking over the band; the chirp itself is inside them.
    edge = (0.5 - 0.5 * np.cos(np.pi * (np.arange(before) + 0.5) / before)).astype(np.float32)
    rows[:, :before] *= edge
    rows[:, -before:] *= edge[::-1]
    return Segments(fft.rfft(rows, size, axis=1), size, first, rate_hz)


def gate_responses(seg: Segments, spec: StimulusSpec, drift_ppm: float) -> Responses:
    """Deconvolve each segment by the (dilated) chirp and keep the lags that can hold sound."""
    rate = seg.rate_hz
    width = rate / seg.size
    top_hz = min(spec.f_hi_hz, USABLE_BAND * rate)
    a, b = math.ceil(spec.f_lo_hz / width), math.floor(top_hz / width)
    chirp = chirp_spectrum(spec, rate, seg.size, drift_ppm)[a:b]
    inverse = np.conj(chirp) / (np.square(np.abs(chirp)) + 1e-12)
    response = np.zeros((seg.spectrum.shape[0], seg.size // 2 + 1), np.complex64)
    taper = _band_taper(b - a)
    response[:, a:b] = seg.spectrum[:, a:b] * (inverse * taper).astype(np.complex64)
    lags = fft.irfft(response, seg.size, axis=1)
    n = round((2 * BEFORE_S + AFTER_S) * rate)
    gate = lags[:, :n] * _gate(n, round(GATE_EDGE_S * rate))
    size = fft.next_fast_len(n + 16, real=True)
    spectrum = fft.rfft(gate, size, axis=1)
    freqs = np.arange(spectrum.shape[1]) * rate / size
    keep = (freqs >= spec.f_lo_hz) & (freqs <= top_hz)
    before = round(BEFORE_S * rate)
    freqs = freqs[keep]
    grid = np.arange(a, b) * width
    advance = ramp(float(freqs[0]), rate / size, freqs.size, before / rate)
    return Responses(
        spectrum=spectrum[:, keep] * advance.astype(np.complex64),
        freqs_hz=freqs,
        origin_s=(seg.first_frame + before) / rate,
        size=size,
        rate_hz=rate,
        power=np.interp(freqs, grid, np.square(np.abs(chirp))),
        edges=np.interp(freqs, grid, taper),
    )


def _band_taper(n: int) -> F32:
    x = np.linspace(0, 1, n)
    return np.minimum(1, np.minimum(x / 0.02, (1 - x) / 0.04)).clip(0).astype(np.float32)


def _gate(n: int, edge: int) -> F32:
    gate = np.ones(n, np.float32)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)).astype(np.float32)
    gate[:edge] = ramp
    gate[-edge:] = ramp[::-1]
    return gate


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Mean response and the delay of each chirp against it."""

    mean: C128
    """Shape (bins,), the chirps aligned by their own delays and averaged by quality."""
    noise: F64
    """Noise power per bin of one response, smoothed over frequency, shape (bins,)."""
    delays_s: F64
    """Delay of each chirp relative to its origin."""
    sigmas_s: F64
    gains: F64
    """Amplitude of each chirp in the mean's shape."""
    coherence: F64
    """Share of each chirp's (noise-weighted) power that is the mean's."""
    weights: F64
    """Quality of each chirp, the largest is 1."""

    @property
    def mean_noise(self) -> F64:
        """Noise power per bin of the mean."""
        w = self.weights
        return self.noise * float((w**2).sum() / w.sum() ** 2)


def align(resp: Responses, start: Aligned | None = None) -> Aligned:
    """Delays by correlating each response with the mean of all, noise-weighted (method.md 3.3).

    ``start`` = what an earlier pass over nearly the same responses found.
    """
    h = resp.spectrum.astype(np.complex128)
    noise = 1 / resp.power if start is None else start.noise
    weights = np.ones(h.shape[0]) if start is None else start.weights
    delays = _first_delays(h, resp) if start is None else start.delays_s
    for turn in range(3 if start is None else 2):
        aligned = h * resp.advance(delays)
        gains = _gains(aligned, weights, noise)
        mean = np.einsum("k,kf->f", weights * gains, aligned) / np.sum(weights * gains**2)
        residual = np.square(np.abs(aligned - gains[:, None] * mean))
        noise, weights = _noise(residual, weights, resp)
        shift = _delay_step(aligned, mean, noise, resp, search=start is None and turn == 0)
        delays = delays + shift - np.average(shift, weights=weights)
    power = np.sum(np.square(np.abs(aligned)) / noise, axis=1)
    explained = np.sum(np.square(np.abs(gains[:, None] * mean)) / noise, axis=1)
    return Aligned(
        mean=mean,
        noise=noise,
        delays_s=delays,
        sigmas_s=_sigmas(mean, gains, noise, weights, resp),
        gains=gains,
        coherence=np.minimum(1.0, explained / power.clip(1e-30)),
        weights=weights,
    )


def _first_delays(h: C128, resp: Responses) -> F64:
    """Envelope peak of each response near its coarse arrival."""
    env = np.abs(_lags(h / np.sqrt(1 / resp.power), resp, 2))
    reach = round(3 * REFINE_REACH_S * 2 * resp.rate_hz)
    near = np.concatenate([env[:, -reach:], env[:, : reach + 1]], axis=1)
    # All chirps share one room, so the strongest arrival is the same one in each.
    return np.asarray((np.argmax(near, axis=1) - reach) / (2 * resp.rate_hz))


def _lags(spectrum: C128, resp: Responses, factor: int) -> C64:
    """Analytic response over lag, upsampled by ``factor``; lag 0 first, wraps around."""
    size = resp.size * factor
    first = round(float(resp.freqs_hz[0]) * resp.size / resp.rate_hz)
    full = np.zeros((*spectrum.shape[:-1], size), np.complex64)
    full[..., first : first + spectrum.shape[-1]] = spectrum
    lags: C64 = fft.ifft(full, axis=-1, overwrite_x=True)
    return lags


def _gains(aligned: C128, weights: F64, noise: F64) -> F64:
    """Real amplitude of each chirp against the weighted mean (AGC changes it); mean near 1."""
    mean = np.average(aligned, axis=0, weights=weights)
    power = np.sum(np.square(np.abs(mean)) / noise).clip(1e-30)
    gains: F64 = np.real(aligned @ (np.conj(mean) / noise)) / power
    return np.clip(gains, 0.05 * np.median(np.abs(gains)) + 1e-12, None)


def _noise(residual: F64, weights: F64, resp: Responses) -> tuple[F64, F64]:
    """Noise per bin from what the mean does not explain, and each chirp's quality from it."""
    chirps = residual.shape[0]
    scale = chirps / max(1, chirps - 1)
    width = resp.rate_hz / resp.size
    cells = max(3, round(NOISE_SMOOTH_HZ / width))
    pooled = np.average(residual, axis=0, weights=weights) * scale
    smooth = ndimage.uniform_filter1d(pooled * resp.power, cells, mode="nearest")
    noise = smooth.clip(1e-9 * float(smooth.max(initial=0.0)) + 1e-30) / resp.power
    each = np.mean(residual / noise, axis=1)
    quality = 1 / each.clip(0.1 * float(np.median(each)) + 1e-12)
    return noise, quality / quality.max()


def _delay_step(aligned: C128, mean: C128, noise: F64, resp: Responses, *, search: bool) -> F64:
    """Maximise the noise-weighted real correlation with the mean: grid once, then Newton."""
    cross = aligned * (np.conj(mean) / noise)
    omega = 2 * np.pi * resp.freqs_hz
    tau = np.zeros(aligned.shape[0])
    if search:
        lags = _lags(cross, resp, 2).real
        reach = round(REFINE_REACH_S * 2 * resp.rate_hz)
        near = np.concatenate([lags[:, -reach:], lags[:, : reach + 1]], axis=1)
        tau = (np.argmax(near, axis=1) - reach) / (2 * resp.rate_hz)
    limit = 1 / (2 * resp.rate_hz)
    for _ in range(2):
        turned = cross * resp.advance(tau)
        slope = -(turned.imag @ omega)
        bend = turned.real @ omega**2
        tau = tau + np.clip(slope / np.where(bend > 0, bend, np.inf), -limit, limit)
    return tau


def _sigmas(mean: C128, gains: F64, noise: F64, weights: F64, resp: Responses) -> F64:
    """1 sigma of each delay from the Fisher information of a known shape in coloured noise."""
    omega2 = np.square(2 * np.pi * resp.freqs_hz)
    # Bins of the zero-padded gate are correlated; so many are independent per bin.
    independent = GATE_S * resp.rate_hz / resp.size
    info = 2 * independent * float(np.sum(omega2 * np.square(np.abs(mean)) / noise))
    return np.asarray(1 / np.sqrt((info * gains**2 * weights).clip(1e-30)))
