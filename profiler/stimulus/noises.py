"""Noise that is the same sound at every rate, on every machine and with every library version.

The generator is written down here (a 64-bit linear congruential one, Knuth's MMIX constants), so
that no library's random numbers decide what was played.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import signal

from profiler.errors import StimulusError
from profiler.model import NoiseSpec
from profiler.stimulus.trains import band_limited

COLOURS = ("white", "pink", "voice")
BASE_RATE_HZ = 48_000
_MULTIPLIER, _INCREMENT = 6364136223846793005, 1442695040888963407
_FADE_S = 0.005
_CREST = 4.0
"""Peaks beyond this many sigmas are clipped, so that the level for a peak of 1 is known."""


def noise(
    seed: int,
    rate_hz: int,
    duration_s: float,
    *,
    colour: str = "pink",
    amplitude: float = 0.8,
    spans_s: tuple[tuple[float, float], ...] = (),
    levels_db: tuple[float, ...] = (),
) -> NoiseSpec:
    """Describe noise; without spans it fills ``duration_s``. Raises :class:`StimulusError`."""
    spans = spans_s or ((0.0, duration_s),)
    levels = levels_db or (0.0,) * len(spans)
    times = [t for span in spans for t in span]
    if colour not in COLOURS or times != sorted(times) or not 0 <= times[0] <= times[-1]:
        raise StimulusError(
            f"{colour} noise in {spans}", hint=f"use {', '.join(COLOURS)} and spans in order"
        )
    if len(levels) != len(spans) or max(levels) > 0 or not 0 < amplitude <= 1:
        raise StimulusError("wrong levels", hint="give one level of at most 0 dB for each span")
    if not (math.isfinite(duration_s) and times[-1] <= duration_s <= 900):
        raise StimulusError(f"{duration_s} s of noise", hint="use at most 900 s")
    return NoiseSpec(seed, rate_hz, colour, spans, levels, amplitude, duration_s)


def render_noise(spec: NoiseSpec, rate_hz: int) -> npt.NDArray[np.float32]:
    """Samples at ``rate_hz``, float32, shape (frames,)."""
    base = _gaussian(spec.seed, round(spec.duration_s * BASE_RATE_HZ))
    shaped = np.clip(_shaped(base, spec.colour), -_CREST, _CREST)
    shaped *= spec.amplitude / _CREST * _envelope(spec)
    frames = round(spec.duration_s * rate_hz)
    if rate_hz == BASE_RATE_HZ:
        return shaped.astype(np.float32)[:frames]
    up, down = (
        rate_hz // math.gcd(rate_hz, BASE_RATE_HZ),
        BASE_RATE_HZ // math.gcd(rate_hz, BASE_RATE_HZ),
    )
    if up == 1:
        padded = np.zeros(frames * down)
        padded[: shaped.size] = shaped[: padded.size]
        return band_limited(padded, frames, down, rate_hz)
    resampled: npt.NDArray[np.float32] = signal.resample_poly(shaped, up, down)[:frames].astype(
        np.float32
    )
    return np.pad(resampled, (0, frames - resampled.size))


def _gaussian(seed: int, frames: int) -> npt.NDArray[np.float64]:
    """Standard normal samples: Box-Muller over the generator's high bits."""
    count = frames + frames % 2
    state = np.empty(count, np.uint64)
    x = (seed * 2862933555777941757 + 3037000493) % 2**64
    with np.errstate(over="ignore"):
        # Jump ahead in blocks: x[n + k] = a**k x[n] + c (a**k - 1)/(a - 1), all modulo 2**64.
        block = 4096
        powers, sums = np.empty(block, np.uint64), np.empty(block, np.uint64)
        a, c = 1, 0
        for i in range(block):
            a, c = a * _MULTIPLIER % 2**64, (c * _MULTIPLIER + _INCREMENT) % 2**64
            powers[i], sums[i] = a, c
        for first in range(0, count, block):
            size = min(block, count - first)
            values = np.uint64(x) * powers[:size] + sums[:size]
            state[first : first + size] = values
            x = int(values[-1])
    uniform = ((state >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    radius = np.sqrt(-2 * np.log(uniform[0::2]))
    angle = 2 * np.pi * uniform[1::2]
    pairs = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
    return pairs.reshape(-1)[:frames]


def _shaped(white: npt.NDArray[np.float64], colour: str) -> npt.NDArray[np.float64]:
    """Noise of RMS 1 with the colour's spectrum."""
    if colour == "white":
        return white
    if colour == "pink":
        # Three-pole approximation by P. Kellet, within 0.5 dB of -3 dB an octave above 40 Hz.
        b = [0.049922035, -0.095993537, 0.050612699, -0.004408786]
        a = [1, -2.494956002, 2.017265875, -0.522189400]
        shaped = signal.lfilter(b, a, white)
    else:
        # Long-term speech spectrum: flat 150 to 500 Hz, -9 dB an octave above (ITU-T P.50 in
        # outline), at a syllable rhythm of 4 Hz.
        high = signal.butter(2, 150, "high", fs=BASE_RATE_HZ, output="sos")
        low = signal.butter(1, 500, "low", fs=BASE_RATE_HZ, output="sos")
        more = signal.butter(1, 2500, "low", fs=BASE_RATE_HZ, output="sos")
        shaped = signal.sosfilt(more, signal.sosfilt(low, signal.sosfilt(high, white)))
        t = np.arange(white.size) / BASE_RATE_HZ
        shaped = shaped * (0.15 + 0.85 * np.sin(np.pi * 4.0 * t) ** 2)
    rms = math.sqrt(float(np.mean(shaped**2))) or 1.0
    result: npt.NDArray[np.float64] = shaped / rms
    return result


def _envelope(spec: NoiseSpec) -> npt.NDArray[np.float64]:
    t = np.arange(round(spec.duration_s * BASE_RATE_HZ)) / BASE_RATE_HZ
    total = np.zeros(t.size)
    for (begin, end), level_db in zip(spec.spans_s, spec.levels_db, strict=True):
        edge = np.clip(np.minimum(t - begin, end - t) / _FADE_S, 0.0, 1.0)
        total = np.maximum(total, 10 ** (level_db / 20) * edge)
    return total
