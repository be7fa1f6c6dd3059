"""Simulated acoustic channels with exact truth.

Every sample of the direct path and of each discrete reflection is evaluated from the analytic
chirp at its own (dilated, delayed) playback time, so fractional latencies carry no interpolation
error. Convention: playback time p is heard at capture time latency + p * (1 + drift).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft, signal

from profiler.model import StimulusSpec
from profiler.stimulus import chirp_at


@dataclass(frozen=True, slots=True)
class Channel:
    """One acoustic and converter path; delays in seconds after the direct arrival."""

    latency_s: float
    drift_ppm: float = 0.0
    taps: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    rt60_s: float = 0.0
    tail_db: float = -math.inf
    """Energy of the diffuse tail relative to the first tap."""
    tail_start_s: float = 0.002
    eq_seed: int | None = None
    """Minimum-phase loudspeaker and microphone response; ``None`` = flat."""
    eq_corner_hz: float = 0.0
    band_hz: tuple[float, float] | None = None
    """Telephone-like band limit, linear phase (adds no delay)."""
    distortion: float = 0.0
    wander_s: float = 0.0
    wander_period_s: float = 5.0


def internal_rate(rate_hz: int) -> int:
    """Rate at which the channel is evaluated: at least 40 kHz, an integer multiple."""
    factor = 1
    while rate_hz * factor < 40_000:
        factor += 1
    return rate_hz * factor


def hear(
    spec: StimulusSpec, channel: Channel, rate_hz: int, duration_s: float, rng: np.random.Generator
) -> np.ndarray:
    """What a noise-free microphone records, float64, shape (frames,)."""
    rate = internal_rate(rate_hz)
    t = np.arange(round(duration_s * rate)) / rate
    x = np.zeros(t.size)
    for delay_s, gain in channel.taps:
        x += gain * _arrival(spec, channel, t, delay_s)
    if channel.distortion:
        x = np.tanh(channel.distortion * x + 0.1) / channel.distortion
        x -= x.mean()
    if channel.rt60_s and channel.tail_db > -200:
        x = x + _tail(x, channel, rate, rng)
    if channel.eq_seed is not None:
        x = signal.sosfilt(device_eq(channel, rate), x)
    if channel.band_hz is not None:
        x = _brickwall(x, rate, *channel.band_hz)
    if rate != rate_hz:
        x = signal.resample_poly(x, 1, rate // rate_hz, window=("kaiser", 9.0))
    return x[: round(duration_s * rate_hz)]


def _arrival(spec: StimulusSpec, ch: Channel, t: np.ndarray, delay_s: float) -> np.ndarray:
    out = np.zeros(t.size)
    dilation = 1 + ch.drift_ppm * 1e-6
    rate = 1 / (t[1] - t[0])
    for start_s in spec.starts_s:
        first_s = ch.latency_s + delay_s + start_s * dilation
        a = max(0, math.floor((first_s - 0.001) * rate))
        b = min(t.size, math.ceil((first_s + spec.chirp_s * dilation + 0.001) * rate))
        if a >= b:
            continue
        heard = t[a:b] - ch.latency_s - delay_s
        if ch.wander_s:
            heard = heard - 0.5 * ch.wander_s * np.sin(2 * np.pi * t[a:b] / ch.wander_period_s)
        out[a:b] += chirp_at(spec, heard / dilation - start_s)
    return out


def _tail(x: np.ndarray, ch: Channel, rate: int, rng: np.random.Generator) -> np.ndarray:
    n = round(min(ch.rt60_s * 1.2, 1.5) * rate)
    ir = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / rate / ch.rt60_s)
    ir[: round(ch.tail_start_s * rate)] = 0
    ir *= abs(ch.taps[0][1]) * 10 ** (ch.tail_db / 20) / math.sqrt(float(ir @ ir))
    size = fft.next_fast_len(x.size + n, real=True)
    return fft.irfft(fft.rfft(x, size) * fft.rfft(ir, size), size)[: x.size]


def device_eq(ch: Channel, rate: int) -> np.ndarray:
    """Second-order sections: high-pass plus six resonances, all minimum phase."""
    rng = np.random.default_rng(ch.eq_seed)
    sections = []
    if ch.eq_corner_hz:
        sections.append(signal.butter(3, ch.eq_corner_hz, "highpass", fs=rate, output="sos"))
    for _ in range(6):
        f0 = float(np.exp(rng.uniform(np.log(300), np.log(12_000))))
        gain_db, q = rng.uniform(-8, 8), rng.uniform(0.7, 4)
        a = 10 ** (gain_db / 40)
        w = 2 * np.pi * f0 / rate
        alpha = np.sin(w) / (2 * q)
        sections.append(
            np.array(
                [[1 + alpha * a, -2 * np.cos(w), 1 - alpha * a,
                  1 + alpha / a, -2 * np.cos(w), 1 - alpha / a]]
            )
            / (1 + alpha / a)
        )  # fmt: skip
    return np.vstack(sections)


def _brickwall(x: np.ndarray, rate: int, lo: float, hi: float) -> np.ndarray:
    size = fft.next_fast_len(x.size + rate // 5, real=True)
    f = fft.rfftfreq(size, 1 / rate)
    edge = 0.12
    gain = np.clip((f / lo - 1) / edge + 1, 0, 1) * np.clip((1 - f / hi) / edge + 1, 0, 1)
    gain = np.sin(np.pi / 2 * gain) ** 2
    return fft.irfft(fft.rfft(x, size) * gain, size)[: x.size]


def random_channel(rng: np.random.Generator, **fixed: object) -> Channel:
    """A plain channel with a random fractional latency of 20-400 ms and a random small drift."""
    base = Channel(latency_s=float(rng.uniform(0.02, 0.4)), drift_ppm=float(rng.uniform(-30, 30)))
    return replace(base, **fixed)  # type: ignore[arg-type]
