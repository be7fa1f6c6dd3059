"""The tone as a slow complex number: where it is there, how large it is, how its phase runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

HOPS_PER_PERIOD = 4
TREND_LAG_S = 0.010
TREND_REACH_S = 0.15
"""The phase slope is the median over this much on both sides: a step is an outlier of it."""
LEVEL_REACH_S = 0.3
LEVEL_QUANTILE = 0.7
"""Reference level: most of the surroundings, though a hole or the tone's begin be among them."""
GATE = 10 ** (-30 / 20)
"""Below this share of the recording's own tone level there is no tone."""
EDGE_SHARE = 0.7
IMMUNE_S = 0.1
"""After the onset nothing is looked at (OboeTester: 100 ms): the room and a gain control settle."""
END_S = 0.02
"""Before the end nothing is looked at: the fade-out."""
LONG_LOSS_S = 1.0
"""A longer absence is the tone being lost; a shorter one is a hole."""
CLICK_S = 0.06
HELD = 15
"""Steps for which the level must hold from the onset on."""
MIN_STRETCH_S = 0.3
STEP_S = 0.01

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
C64 = npt.NDArray[np.complex64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The tone per hop. ``tone`` is near 1 wherever all is well."""

    rate_hz: int
    freq_hz: float
    """Frequency of the demodulation; the trend is against it."""
    hop: int
    """Frames from one value to the next."""
    tone: C64
    """Detrended and divided by the local level, shape (hops,)."""
    trend_rad_s: F32
    """Slow phase slope per hop."""
    phase: F64
    """That slope summed up, rad."""
    level: F32
    """Local amplitude (peak) of the tone per hop."""
    stretches: tuple[tuple[int, int], ...]
    """Hops [first, last) in which a glitch would be seen."""
    reach: int
    """Hops by which one moment is smeared to either side."""

    @property
    def hop_s(self) -> float:
        """Seconds per hop."""
        return self.hop / self.rate_hz

    def time_s(self, hop: float) -> float:
        """Recording time of a hop's centre."""
        return hop * self.hop / self.rate_hz

    def hops(self, seconds: float) -> int:
        """Seconds as hops, at least one."""
        return max(1, round(seconds / self.hop_s))


def follow(samples: F32, rate_hz: int, freq_hz: float) -> Track:
    """Track the tone at ``freq_hz`` through ``samples``, float32, shape (frames,), finite."""
    hop = max(1, round(rate_hz / freq_hz / HOPS_PER_PERIOD))
    heard = _baseband(samples, rate_hz, freq_hz, hop)
    hop_s = hop / rate_hz
    each = max(1, round(STEP_S / hop_s))
    size = np.abs(heard)
    coarse = np.median(size[: size.size // each * each].reshape(-1, each), axis=1)
    level = _level(coarse.astype(np.float32))
    trend = _trend(heard, hop_s)
    phase = np.cumsum(trend, dtype=np.float64) * hop_s
    tone = heard * np.exp(-1j * phase)
    fine = _spread(level, each, size.size)
    tone = (tone / np.maximum(fine, 1e-9)).astype(np.complex64)
    stretches = _stretches(size, coarse, each, hop_s)
    reach = math.ceil(rate_hz / freq_hz / hop)
    return Track(rate_hz, freq_hz, hop, tone, trend, phase, fine, stretches, reach)


def _baseband(samples: F32, rate_hz: int, freq_hz: float, hop: int) -> C64:
    """Complex amplitude (peak) per hop through a triangle of two periods.

    One period of a boxcar is blind for DC, all harmonics and the mirror image; two of them leave
    of 50 Hz hum -48 dB.
    """
    window = _triangle(rate_hz / freq_hz)
    half = window.size // 2
    # In pieces, so that the phase stays exact and the memory small.
    step = hop * 65_536
    padded = np.concatenate([np.zeros(half, np.float32), samples, np.zeros(half, np.float32)])
    hops = (samples.size - 1) // hop + 1
    out = np.empty(hops, np.complex64)
    for first in range(0, samples.size, step):
        piece = padded[first : first + step + 2 * half]
        t = np.arange(first - half, first - half + piece.size)
        carrier = np.exp(-2j * np.pi * np.remainder(t * (freq_hz / rate_hz), 1.0))
        mixed = (piece * carrier).astype(np.complex64)
        some = signal.upfirdn(window, mixed, down=hop)
        # upfirdn starts window.size - 1 frames early; index of the first full window.
        begin = first // hop
        count = min(hops - begin, step // hop)
        full = _full(mixed, window, hop, count) if (2 * half) % hop else some[2 * half // hop :]
        out[begin : begin + count] = full[:count]
    return out


def _full(mixed: C64, window: F32, hop: int, count: int) -> C64:
    """Outputs at frames 0, hop, 2·hop … of the windows that begin there."""
    lead = -(window.size - 1) % hop
    shifted = np.concatenate([np.zeros(lead, np.complex64), mixed])
    some: C64 = signal.upfirdn(window, shifted, down=hop)
    first = (window.size - 1 + lead) // hop
    return some[first : first + count]


def _triangle(period: float) -> F32:
    """Two boxcars of a fractional length, convolved; gain 2, so that a sine gives its peak."""
    whole = 2 * (int(period) // 2) + 1
    edge = (period - whole) / 2 if period >= whole else 0.0
    box = np.ones(whole + 2)
    box[0] = box[-1] = edge
    box *= 1 / box.sum()
    window: F32 = (2 * np.convolve(box, box)).astype(np.float32)
    return window


def _level(coarse: F32) -> F32:
    reach = 2 * round(LEVEL_REACH_S / STEP_S) + 1
    found: F32 = ndimage.percentile_filter(
        coarse, 100 * LEVEL_QUANTILE, size=min(reach, 2 * coarse.size + 1), mode="nearest"
    )
    smooth: F32 = ndimage.uniform_filter1d(found, 5, mode="nearest")
    return smooth


def _trend(heard: C64, hop_s: float) -> F32:
    """Slow phase slope in rad/s per hop: running median of the phase gained in 10 ms."""
    lag = max(1, round(TREND_LAG_S / hop_s))
    if heard.size <= lag:
        return np.zeros(heard.size, np.float32)
    gained = np.angle(heard[lag:] * np.conj(heard[:-lag])) / (lag * hop_s)
    each = max(1, lag // 4)
    thin = gained[::each].astype(np.float32)
    size = 2 * round(TREND_REACH_S / (each * hop_s)) + 1
    slow = ndimage.median_filter(thin, size=min(size, 2 * thin.size + 1), mode="nearest")
    slow = ndimage.uniform_filter1d(slow, max(1, size // 4), mode="nearest")
    at = np.arange(heard.size) - lag / 2
    trend: F32 = np.interp(at, np.arange(thin.size) * each, slow).astype(np.float32)
    return trend


def _spread(values: F32, each: int, size: int) -> F32:
    """Values at block centres as a smooth line over ``size`` hops."""
    if values.size == 0:
        return np.zeros(size, np.float32)
    centres = (np.arange(values.size) + 0.5) * each
    return np.interp(np.arange(size), centres, values).astype(np.float32)


def _stretches(size: F32, coarse: F32, each: int, hop_s: float) -> tuple[tuple[int, int], ...]:
    if coarse.size < 3:
        return ()
    # A click beside the tone is shorter than this, a hole within it may be as well.
    coarse = ndimage.median_filter(coarse, size=2 * round(CLICK_S / STEP_S) + 1, mode="nearest")
    gate = GATE * float(np.quantile(coarse, 0.9))
    there = np.flatnonzero(coarse > max(gate, 1e-7))
    if there.size == 0:
        return ()
    cuts = np.flatnonzero(np.diff(there) > LONG_LOSS_S / STEP_S)
    firsts = there[np.concatenate([[0], cuts + 1])]
    lasts = there[np.concatenate([cuts, [there.size - 1]])]
    found = []
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        span = _trimmed(size, coarse, first, last, each)
        if span is None:
            continue
        begin, end = span[0] + round(IMMUNE_S / hop_s), span[1] - round(END_S / hop_s)
        if (end - begin) * hop_s >= MIN_STRETCH_S:
            found.append((begin, end))
    return tuple(found)


def _trimmed(size: F32, coarse: F32, first: int, last: int, each: int) -> tuple[int, int] | None:
    """Hops of the onset and the end: a room's tail is no tone, a gain control's rise is none yet.

    Both are where 70 % of the level around is reached (left); before the onset there may be clicks.
    """
    some = round(0.6 / STEP_S)
    inside = coarse[first : last + 1]
    if inside.size < 5:
        return None
    typical = float(np.median(inside))
    wanted = EDGE_SHARE * min(typical, float(np.quantile(inside[:some], 0.8)))
    # A door before the tone rings, but not for so long.
    held = ndimage.minimum_filter1d(inside, HELD, origin=-(HELD // 2), mode="nearest")
    solid = np.flatnonzero(held > wanted)
    if solid.size == 0:
        return None
    begin = first + int(solid[0])
    solid = np.flatnonzero(inside > EDGE_SHARE * typical)
    end = first + int(solid[-1])
    local = float(np.median(coarse[max(first, end - some) : end + 1]))
    solid = np.flatnonzero(size[begin * each : (end + 1) * each] > EDGE_SHARE * local)
    if solid.size == 0:
        return None
    return begin * each, begin * each + int(solid[-1]) + 1
