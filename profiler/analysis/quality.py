"""Facts of a recording that need no stimulus: level, zeros, clipping."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from profiler.model import CaptureQuality
from profiler.wav import Audio, Samples

SILENT_PEAK = 1.6 / 32768
"""Below one and a half steps of 16 bit there is nothing to correlate (method.md 3.1)."""
FLAT_TOP_SAMPLES = 3
"""So many equal samples in a row at the extreme are a flat top; a sine's crest is not flat."""
FLOOR_DBFS = -200.0


def capture_quality(audio: Audio, channel: int = 0) -> CaptureQuality:
    """Measure ``audio``; NaN and Inf are counted and taken as 0.

    Peak, DC and clipping are those of ``channel``; RMS and zeros are those of all channels.
    """
    x = audio.samples
    non_finite = 0
    flat = x.reshape(-1)
    # Squares of floats above 1e19 overflow: that, too, leads to the slow way below.
    with np.errstate(over="ignore", invalid="ignore"):
        energy = float(flat @ flat) if flat.size else 0.0
    if not math.isfinite(energy):
        bad = ~np.isfinite(x)
        non_finite = int(bad.sum())
        x = np.where(bad, np.float32(0), x)
        flat = x.reshape(-1)
        energy = float(np.square(flat, dtype=np.float64).sum())
    mine = x[:, channel] if x.size else np.zeros(0, np.float32)
    high, low = (float(mine.max()), float(mine.min())) if mine.size else (0.0, 0.0)
    inner, leading, zeros = _zero_runs(x)
    return CaptureQuality(
        duration_s=audio.duration_s,
        peak_dbfs=_dbfs(max(high, -low)),
        rms_dbfs=_dbfs(math.sqrt(energy / max(1, flat.size))),
        dc=float(mine.mean(dtype=np.float64)) if mine.size else 0.0,
        zero_run_ms=1000 * max(inner, leading) / audio.rate_hz,
        leading_zero_ms=1000 * leading / audio.rate_hz,
        zero_fraction=zeros / max(1, x.shape[0]),
        clipped_fraction=_clipped_fraction(mine, high, low),
        non_finite=non_finite,
        inner_zero_run_ms=1000 * inner / audio.rate_hz,
    )


def is_silent(quality: CaptureQuality) -> bool:
    """Whether the recording holds nothing at all."""
    return quality.peak_dbfs < _dbfs(SILENT_PEAK)


def _zero_runs(x: Samples) -> tuple[int, int, int]:
    """Longest run after the first sound, leading run and number of frames that are exactly 0 in
    every channel.
    """
    loud = x[:, 0] != 0 if x.shape[1] == 1 else (x != 0).any(axis=1)
    where = np.flatnonzero(loud)
    if where.size == 0:
        return 0, x.shape[0], x.shape[0]
    inner = int(np.diff(where).max(initial=1)) - 1
    leading, trailing = int(where[0]), x.shape[0] - 1 - int(where[-1])
    return max(inner, trailing), leading, x.shape[0] - int(where.size)


def _clipped_fraction(x: npt.NDArray[np.float32], high: float, low: float) -> float:
    """Share of samples in flat tops at the recording's own extremes."""
    if x.size < FLAT_TOP_SAMPLES or high - low < 8 * SILENT_PEAK:
        return 0.0
    clipped = 0
    for rail in (high, low):
        at = np.flatnonzero(x == np.float32(rail))
        if at.size < FLAT_TOP_SAMPLES:
            continue
        edges = np.flatnonzero(np.diff(at) != 1)
        lengths = np.diff(np.concatenate([[-1], edges, [at.size - 1]]))
        clipped += int(lengths[lengths >= FLAT_TOP_SAMPLES].sum())
    return clipped / x.size


def _dbfs(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 1e-10 else FLOOR_DBFS
