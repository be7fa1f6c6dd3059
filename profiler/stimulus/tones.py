"""A steady sine: the simplest sound whose every lost frame shows."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from profiler.errors import StimulusError
from profiler.model import ToneSpec
from profiler.stimulus.trains import USABLE_BAND

GLITCH_HZ = 857.0
"""OboeTester's frequency (CATALOGUE section 1): no whole number of periods in any buffer."""
GLITCH_AMPLITUDE = 0.9


def tone(
    rate_hz: int,
    duration_s: float,
    *,
    freq_hz: float = GLITCH_HZ,
    amplitude: float = GLITCH_AMPLITUDE,
) -> ToneSpec:
    """Describe a tone. Raises :class:`StimulusError` when it cannot be played at ``rate_hz``."""
    if not 20.0 <= freq_hz <= USABLE_BAND * rate_hz:
        raise StimulusError(
            f"a tone of {freq_hz} Hz at {rate_hz} Hz",
            hint=f"use 20 to {USABLE_BAND * rate_hz:.0f} Hz",
        )
    if not (math.isfinite(duration_s) and duration_s > 0.1 and 0 < amplitude <= 1):
        raise StimulusError(
            f"a tone of {duration_s} s with peak {amplitude}",
            hint="use more than 0.1 s and a peak of at most 1",
        )
    return ToneSpec(rate_hz, freq_hz, amplitude, duration_s)


def render_tone(spec: ToneSpec, rate_hz: int) -> npt.NDArray[np.float32]:
    """Samples at ``rate_hz``, float32, shape (frames,); phase 0 at t = 0."""
    frames = round(spec.duration_s * rate_hz)
    t = np.arange(frames) / rate_hz
    edge = np.minimum(t, spec.duration_s - t)
    fade = 0.5 - 0.5 * np.cos(np.pi * np.clip(edge / max(spec.fade_s, 1e-9), 0.0, 1.0))
    wave = spec.amplitude * np.sin(2 * np.pi * spec.freq_hz * t) * fade
    samples: npt.NDArray[np.float32] = wave.astype(np.float32)
    return samples
