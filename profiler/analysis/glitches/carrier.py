"""Which frequency the tone is heard at."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import fft

FRAME_S = 0.5
"""Length of one spectrum: 2 Hz lines, and clock wander stays inside one of them."""
HEARD_QUANTILE = 0.75
"""A line counts with the level it has in the louder frames: the tone may begin late."""
NEAR = 0.03
"""The tone is looked for this close to where it was played."""
EXACT = 0.003
"""A pitch that a wrong rate explains must fit that closely."""
PROMINENCE_DB = 20.0
"""Line over the median of its surroundings (measured: 12 dB in 1000 recordings of noise, voice
and hum; 39 dB at 0 dB SNR)."""
LOWER_WINS_DB, HIGHER_WINS_DB = 6.0, 20.0
"""How much stronger a wrong-rate pitch must be: above it there are harmonics of a true tone."""
RATES_HZ = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
"""Rates whose mix-up changes the pitch; 1 to 2 is also mono against interleaved stereo."""
MIN_HZ = 40.0
MAX_SHARE = 0.45
"""Highest frequency, as a share of the sample rate."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A spectral line that may be the tone."""

    freq_hz: float
    power_db: float
    prominence_db: float


def find_carrier(samples: F32, rate_hz: int, freq_hz: float) -> Carrier | None:
    """The line near ``freq_hz`` or at a pitch that a wrong rate explains; ``None`` without one.

    ``samples`` is float32, shape (frames,), finite.
    """
    spectrum, width_hz = _spectrum(samples, rate_hz)
    near = _line(spectrum, width_hz, rate_hz, freq_hz, NEAR)
    best = near
    for ratio in _ratios():
        other = _line(spectrum, width_hz, rate_hz, freq_hz * ratio, EXACT)
        if other is None:
            continue
        lead_db = LOWER_WINS_DB if ratio < 1 else HIGHER_WINS_DB
        if best is None or other.power_db > best.power_db + (lead_db if best is near else 0.0):
            best = other
    return best


def _ratios() -> tuple[float, ...]:
    found = {round(a / b, 6) for a, b in product(RATES_HZ, RATES_HZ) if a != b}
    return tuple(sorted(found))


def _spectrum(samples: F32, rate_hz: int) -> tuple[F64, float]:
    """Power per line of the louder frames, in dB, and the width of a line."""
    size = min(fft.next_fast_len(round(FRAME_S * rate_hz), real=True), samples.size)
    hop = max(1, size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    window = np.hanning(size + 2)[1:-1].astype(np.float32)
    power = np.empty((frames.shape[0], size // 2 + 1), np.float32)
    for row, frame in zip(power, frames, strict=True):
        line = fft.rfft((frame - frame.mean()) * window)
        row[:] = np.square(line.real) + np.square(line.imag)
    level = np.quantile(power, HEARD_QUANTILE, axis=0).astype(np.float64)
    return 10 * np.log10(level + 1e-30), rate_hz / size


def _line(
    spectrum: F64, width_hz: float, rate_hz: int, freq_hz: float, tolerance: float
) -> Carrier | None:
    reach = max(tolerance * freq_hz, 2 * width_hz)
    low, high = freq_hz - reach, freq_hz + reach
    if low < MIN_HZ or high > MAX_SHARE * rate_hz:
        return None
    first, last = int(low / width_hz), int(high / width_hz) + 1
    top = first + int(np.argmax(spectrum[first : last + 1]))
    # A slope of something else outside is no line.
    if not 1 <= top < spectrum.size - 1 or spectrum[top] < spectrum[top - 1 : top + 2].max():
        return None
    around = round(max(60.0, 0.1 * freq_hz) / width_hz)
    lower = spectrum[max(0, top - around) : max(0, top - 4)]
    upper = spectrum[top + 5 : top + around]
    floor = float(np.median(np.concatenate([lower, upper]))) if lower.size + upper.size else -300.0
    prominence = float(spectrum[top]) - floor
    if prominence < PROMINENCE_DB:
        return None
    a, b, c = spectrum[top - 1 : top + 2]
    bend = a - 2 * b + c
    offset = 0.5 * (a - c) / bend if bend < 0 else 0.0
    return Carrier((top + float(offset)) * width_hz, float(b), prominence)
