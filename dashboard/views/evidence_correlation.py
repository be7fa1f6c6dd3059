"""The recording against what was played: when does the stimulus come back?

One chirp, rendered as it was played, is correlated with the recording; its power is averaged over
the places where the train's pattern and the stored clock error put chirps. Unlike a correlation
with the whole train this does not smear when the clocks differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dashboard.views.evidence_signal import Sound
from profiler.model import StimulusSpec
from profiler.stimulus import chirp_spectrum

F64 = npt.NDArray[np.float64]

MAX_LAG_S: Final = 2.2
"""Longest latency that the analysis looks for (docs/method.md 3.2)."""
NEAR_S: Final = (0.025, 0.045)
"""Shown before and after the arrival."""
MAX_POINTS: Final = 900
MAX_CHIRPS: Final = 160
MAX_S: Final = 120.0
"""Longer recordings are correlated in their first part only."""
FLOOR_DB: Final = -60.0


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """Envelope of the matched filter over lag, in dB against its largest value."""

    lag_ms: F64
    level_db: F64
    chirps: int
    """So many chirps were averaged."""
    floor_db: float
    """Median over all lags: what chance gives."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Power of the one-chirp correlation along the recording, in dB against its largest value."""

    time_s: F64
    level_db: F64


def matched(sound: Sound, spec: StimulusSpec) -> F64:
    """Power of the recording's correlation with one chirp; sample n = a chirp that begins there."""
    x = sound.samples[: round(MAX_S * sound.rate_hz)].astype(np.float64)
    frames = math.ceil(spec.chirp_s * sound.rate_hz)
    size = 1 << math.ceil(math.log2(max(16, 4 * frames)))
    hop = size - frames
    template = np.conj(chirp_spectrum(spec, sound.rate_hz, size)).astype(np.complex128)
    power = np.empty(x.size)
    for begin in range(0, x.size, hop):
        block = np.fft.rfft(x[begin : begin + size], size) * template
        # The analytic signal: twice the positive frequencies, so that its modulus is the envelope.
        whole = np.zeros(size, np.complex128)
        whole[: block.size] = 2.0 * block
        got = np.abs(np.fft.ifft(whole)[: min(hop, x.size - begin)]) ** 2
        power[begin : begin + got.size] = got
    return power


def correlation(
    sound: Sound,
    spec: StimulusSpec,
    at_s: tuple[float, ...],
    *,
    drift_ppm: float = 0.0,
    around_ms: float | None = None,
) -> Correlation | None:
    """Envelope over lag; around ``around_ms`` where a latency is known, else over all lags.

    ``None`` when the recording is too short to hold a chirp.
    """
    if sound.duration_s < spec.chirp_s or not np.any(sound.samples):
        return None
    power = matched(sound, spec)
    rate = sound.rate_hz
    played = [a + s for a in at_s for s in spec.starts_s][:MAX_CHIRPS]
    frames = np.arange(round(MAX_LAG_S * rate) + 1)
    total, used = np.zeros(frames.size), 0
    for start_s in played:
        first = round(start_s * (1.0 + drift_ppm * 1e-6) * rate)
        piece = power[max(first, 0) : first + frames.size]
        if piece.size < frames.size // 8:
            continue
        total[: piece.size] += piece
        used += 1
    if not used or not total.any():
        return None
    lag_ms = 1000.0 * frames / rate
    shown = _shown(lag_ms, around_ms)
    top = float(total[shown].max()) or 1.0
    level = 10.0 * np.log10(np.maximum(total / top, 10 ** (FLOOR_DB / 10)))
    lag, thin = _thinned(lag_ms[shown], level[shown])
    return Correlation(lag, thin, used, float(np.median(level)))


def _shown(lag_ms: F64, around_ms: float | None) -> npt.NDArray[np.bool_]:
    if around_ms is None or not math.isfinite(around_ms):
        return np.ones(lag_ms.size, dtype=bool)
    before, after = 1000 * NEAR_S[0], 1000 * NEAR_S[1]
    near = (lag_ms >= around_ms - before) & (lag_ms <= around_ms + after)
    return near if near.any() else np.ones(lag_ms.size, dtype=bool)


def heard(sound: Sound, spec: StimulusSpec) -> Heard | None:
    """Where along the recording chirps of this shape are."""
    if sound.duration_s < spec.chirp_s or not np.any(sound.samples):
        return None
    power = matched(sound, spec)
    top = float(power.max())
    if not top:
        return None
    level = 10.0 * np.log10(np.maximum(power / top, 10 ** (FLOOR_DB / 10)))
    time_s, thin = _thinned(np.arange(level.size) / sound.rate_hz, level)
    return Heard(time_s, thin)


def _thinned(x: F64, y: F64) -> tuple[F64, F64]:
    """At most :data:`MAX_POINTS` points, each the largest of its neighbours."""
    if x.size <= MAX_POINTS:
        return x, y
    edges = np.linspace(0, x.size, MAX_POINTS + 1).astype(np.int64)[:-1]
    tops = np.maximum.reduceat(y, edges)
    ends = np.append(edges[1:], x.size)
    best = np.array([b + int(np.argmax(y[b:e])) for b, e in zip(edges, ends, strict=True)])
    return x[best], tops
