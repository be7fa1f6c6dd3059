"""Recording and far end on one timeline, at the rate of the analysis."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from scipy import signal

from profiler.wav import Audio

WORK_RATE_HZ = 8000
"""Speech has 97 % of its energy below 4 kHz; so has its echo."""
BAND_HZ = (200.0, 3800.0)
MAX_DENOMINATOR = 2000
"""Odd rates are brought to a ratio this fine: within 2 ppm, and the drift search takes it up."""

Float32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """Both signals at :data:`WORK_RATE_HZ`, shape (frames,), of equal length."""

    heard: F64
    far: F64

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return self.heard.size / WORK_RATE_HZ


def at_rate(samples: npt.NDArray[np.floating], rate_hz: int, wanted_hz: int) -> F64:
    """``samples``, shape (frames,), at another rate; NaN and Inf become 0."""
    x = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    x = np.clip(x, -8.0, 8.0)
    ratio = Fraction(wanted_hz, rate_hz)
    if ratio.denominator > MAX_DENOMINATOR:
        ratio = ratio.limit_denominator(MAX_DENOMINATOR)
    if ratio == 1 or not x.size:
        return x
    return np.asarray(signal.resample_poly(x, ratio.numerator, ratio.denominator))


def placed(far: Audio, at_s: tuple[float, ...], duration_s: float) -> F64:
    """The far end as it is played: at each of ``at_s``, up to ``duration_s``."""
    once = at_rate(far.samples[:, 0], far.rate_hz, WORK_RATE_HZ)
    out = np.zeros(round(duration_s * WORK_RATE_HZ))
    for at in at_s:
        first = round(at * WORK_RATE_HZ)
        if first < 0 or first >= out.size:
            continue
        piece = once[: out.size - first]
        out[first : first + piece.size] += piece
    return out


def prepare(audio: Audio, far: Audio, at_s: tuple[float, ...], channel: int) -> Signals:
    """Both at the rate of the analysis; the recording without its DC."""
    heard = at_rate(audio.samples[:, channel], audio.rate_hz, WORK_RATE_HZ)
    heard = heard - (heard.mean() if heard.size else 0.0)
    return Signals(heard, placed(far, at_s, heard.size / WORK_RATE_HZ))
