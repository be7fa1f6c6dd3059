"""When a known voice is heard: delay and clock error of a long signal beside other sound.

The known signal is cut into pieces of at most :data:`PIECE_S`; each is correlated with the whole
recording, whitened like :mod:`profiler.analysis.search` does. A line of delay against time is
searched over all pieces at once, so that the clocks of two devices may differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

PIECE_S = 1.5
MIN_PIECE_S = 0.3
"""A shorter piece says little: its correlation has too few independent samples."""
MAX_PIECES = 40
SMOOTH_HZ = 60.0
CELLS_HZ = 2000
"""Cells of delay in a second, as nearly as whole frames allow."""
MAX_SKEW = 420e-6
SCORE_RATIO = 1.2
"""Best line against the best one elsewhere; scores of chance are alike (measured: below 1.1)."""
MIN_SCORE = 1.0
"""Mean of log(1 + power/6) over the pieces: about 10 times the median power and more."""
ELSEWHERE_S = 0.03
MIN_SUPPORT, SUPPORT = 0.25, 1.5
"""At least this share of the pieces lies on the line with that score: a sentence that both the near
and the far end speak is not taken for the near end."""
QUIET_DB = -40.0
"""Below the loudest 10 ms by this much the known signal pauses."""
PAUSE_S = 0.3
"""A pause so long ends a sentence; syllables are closer."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """Known time t is heard at ``delay_s + t * (1 + skew)``."""

    delay_s: float
    skew: float


def stretches(known: F64, rate_hz: int) -> list[tuple[float, float]]:
    """(begin, end) in s of each sentence of the known signal, pauses below 0.3 s included."""
    n = max(1, rate_hz // 100)
    rows = known.size // n
    if rows == 0:
        return []
    level = np.sqrt(np.mean(np.square(known[: rows * n].reshape(rows, n)), axis=1))
    loud = np.flatnonzero(level > level.max() * 10 ** (QUIET_DB / 20))
    if loud.size == 0 or level.max() <= 0:
        return []
    breaks = np.flatnonzero(np.diff(loud) > PAUSE_S * 100)
    begins = np.concatenate([[loud[0]], loud[breaks + 1]])
    ends = np.concatenate([loud[breaks], [loud[-1]]]) + 1
    step_s = n / rate_hz
    return [(float(b) * step_s, float(e) * step_s) for b, e in zip(begins, ends, strict=True)]


def find_voice(
    recorded: F64,
    known: F64,
    rate_hz: int,
    band_hz: tuple[float, float],
    reach_s: tuple[float, float],
) -> Heard | None:
    """Delay and skew of ``known``, shape (m,), in ``recorded``, shape (n,); ``None`` = not found.

    ``reach_s`` is the smallest and the largest delay that is looked for.
    """
    pieces = _pieces(stretches(known, rate_hz))
    if not pieces:
        return None
    spectra = _Correlator(recorded, rate_hz, band_hz)
    cell_s = spectra.per_cell / rate_hz
    first = math.floor(reach_s[0] / cell_s)
    lags = math.ceil(reach_s[1] / cell_s) - first
    cells = np.array([spectra.cells(known, piece, first, lags) for piece in pieces])
    middles = np.array([(a + b) / 2 for a, b in pieces])
    line = _best_line(cells, middles, first, cell_s)
    if line is None:
        return None
    return _refined(spectra, known, pieces, line)


def _pieces(sentences: list[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for begin, end in sentences:
        count = max(1, math.ceil((end - begin) / PIECE_S))
        size = (end - begin) / count
        found += [(begin + k * size, begin + (k + 1) * size) for k in range(count)]
    long = [p for p in found if p[1] - p[0] >= MIN_PIECE_S] or found
    return long[:: max(1, math.ceil(len(long) / MAX_PIECES))]


class _Correlator:
    """Whitened correlation of the recording with pieces of the known signal."""

    def __init__(self, recorded: F64, rate_hz: int, band_hz: tuple[float, float]) -> None:
        piece = math.ceil((PIECE_S + 0.2) * rate_hz)
        self.rate_hz = rate_hz
        self.size = int(fft.next_fast_len(recorded.size + piece, real=True))
        hz = fft.rfftfreq(self.size, 1 / rate_hz)
        self._band = (hz >= band_hz[0]) & (hz <= band_hz[1])
        self._cells = max(1, round(SMOOTH_HZ / (hz[1] - hz[0])))
        spectrum = fft.rfft(recorded, self.size)
        self._white = self._whitened(spectrum)
        self.frames = recorded.size
        self.per_cell = max(1, round(rate_hz / CELLS_HZ))

    def _whitened(self, spectrum: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        level = np.sqrt(ndimage.uniform_filter1d(power, self._cells, mode="nearest").clip(0))
        floor = 1e-4 * float(level[self._band].max(initial=0.0)) + 1e-20
        return np.asarray(np.where(self._band, spectrum / (level + floor), 0))

    def envelope(self, known: F64, piece: tuple[float, float]) -> F64:
        """Power at every delay of the piece; index 0 = heard at frame 0 of the recording."""
        a, b = round(piece[0] * self.rate_hz), round(piece[1] * self.rate_hz)
        spectrum = self._whitened(fft.rfft(known[a:b], self.size))
        full = np.zeros(self.size, np.complex128)
        full[: self._white.size] = self._white * np.conj(spectrum)
        response = fft.ifft(full)
        return np.asarray(np.square(response.real) + np.square(response.imag))

    def cells(self, known: F64, piece: tuple[float, float], first: int, lags: int) -> F32:
        """log(1 + power/6) per cell of delay, from cell ``first`` on, 0 outside the recording."""
        power = self.envelope(known, piece)[: self.frames]
        median = float(np.median(power)) + 1e-30
        per = self.per_cell
        count = power.size // per
        pooled = np.log1p(power[: count * per].reshape(count, per).max(axis=1) / (6 * median))
        begin = round(piece[0] * self.rate_hz / per) + first
        out = np.zeros(lags, np.float32)
        lo, hi = max(0, begin), min(count, begin + lags)
        if hi > lo:
            out[lo - begin : hi - begin] = pooled[lo:hi]
        return out


def _best_line(
    cells: npt.NDArray[np.float32], middles: F64, first: int, cell_s: float
) -> Heard | None:
    """The line on which the pieces lie, when no line elsewhere is nearly as good."""
    centre = float(middles.mean())
    span = max(float(np.ptp(middles)), 1.0)
    steps = math.ceil(MAX_SKEW * span / (2 * cell_s))
    skews = np.arange(-steps, steps + 1) * (MAX_SKEW / max(steps, 1))
    count, lags = cells.shape
    wide = np.maximum(cells[:, :-1], cells[:, 1:])  # a peak on the border of two cells
    sums = np.zeros((skews.size, lags - 1), np.float32)
    for i, skew in enumerate(skews):
        for row, at in zip(wide, np.rint(skew * (middles - centre) / cell_s), strict=True):
            sums[i] += np.roll(row, -int(at))
    best, at = divmod(int(np.argmax(sums)), lags - 1)
    score = float(sums[best, at]) / count
    rest = sums.max(axis=0)
    near = round(ELSEWHERE_S / cell_s)
    rest[max(0, at - near) : at + near + 1] = 0
    if score < MIN_SCORE or score < SCORE_RATIO * float(rest.max(initial=0.0)) / count:
        return None
    skew = float(skews[best])
    moved = at + np.rint(skew * (middles - centre) / cell_s).astype(int)
    held = (moved >= 0) & (moved < lags - 1)
    own = wide[np.flatnonzero(held), moved[held]]
    # Pieces outside the recording (a score of exactly 0) have no say.
    if np.sum(own > SUPPORT) < MIN_SUPPORT * max(1, int(np.sum(own > 0))):
        return None
    return Heard((first + at + 1.0) * cell_s - skew * centre, skew)


def _refined(
    spectra: _Correlator, known: F64, pieces: list[tuple[float, float]], line: Heard
) -> Heard:
    """Line through the pieces' own peaks near the coarse line, outliers left out (Theil-Sen)."""
    times, delays = [], []
    reach = 3 * spectra.per_cell
    for piece in pieces:
        power = spectra.envelope(known, piece)
        middle = (piece[0] + piece[1]) / 2
        expected = piece[0] + line.delay_s + line.skew * middle
        at = round(expected * spectra.rate_hz)
        lo, hi = max(at - reach, 1), min(at + reach + 1, power.size - 1)
        if hi <= lo:
            continue
        peak = lo + int(np.argmax(power[lo:hi]))
        times.append(middle)
        delays.append((peak + _parabola(power, peak)) / spectra.rate_hz - piece[0])
    if not times:
        return line
    return line_of(np.array(times), np.array(delays), line)


def line_of(times: F64, delays: F64, fallback: Heard) -> Heard:
    """Robust line of delay against time; ``fallback`` gives the skew where one cannot be told."""
    if times.size < 4 or float(np.ptp(times)) < 1.0:
        return Heard(float(np.median(delays - fallback.skew * times)), fallback.skew)
    pairs = np.triu_indices(times.size, 1)
    run, rise = np.subtract.outer(times, times)[pairs], np.subtract.outer(delays, delays)[pairs]
    far = np.abs(run) > 0.25 * float(np.ptp(times))
    skew = float(np.median(rise[far] / run[far]))
    if abs(skew) > MAX_SKEW:
        skew = fallback.skew
    rest = delays - skew * times
    middle = float(np.median(rest))
    spread = 1.4826 * float(np.median(np.abs(rest - middle))) + 1e-6
    good = np.abs(rest - middle) < 4 * spread
    if good.sum() >= 4:
        fit = np.polyfit(times[good], delays[good], 1)
        if abs(float(fit[0])) <= MAX_SKEW:
            return Heard(float(fit[1]), float(fit[0]))
    return Heard(middle, skew)


def _parabola(x: F64, at: int) -> float:
    left, mid, right = float(x[at - 1]), float(x[at]), float(x[at + 1])
    bend = left - 2 * mid + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def as_heard(known: F64, known_rate_hz: int, frames: int, rate_hz: int, heard: Heard) -> F64:
    """The known signal on the recording's timeline, shape (frames,) at ``rate_hz``.

    ``known`` must hold nothing above ``rate_hz / 2`` and be oversampled (a cubic spline is used).
    """
    at = (np.arange(frames) / rate_hz - heard.delay_s) / (1 + heard.skew) * known_rate_hz
    result: F64 = ndimage.map_coordinates(known, at[None, :], order=3, mode="constant", cval=0.0)
    return result


def band_limited(known: F64, rate_hz: int, band_hz: tuple[float, float]) -> F64:
    """``known`` inside ``band_hz`` only, with edges of a twelfth; no delay."""
    size = int(fft.next_fast_len(known.size + rate_hz // 10, real=True))
    hz = fft.rfftfreq(size, 1 / rate_hz)
    up = np.clip((hz / band_hz[0] - 1) * 12 + 1, 0.0, 1.0)
    down = np.clip((1 - hz / band_hz[1]) * 12 + 1, 0.0, 1.0)
    result: F64 = fft.irfft(fft.rfft(known, size) * np.minimum(up, down), size)[: known.size]
    return result
