"""Speech that went in against what came out: how late, and how it fits together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from profiler.verify.job import RATE_HZ, WARM_UP_S, SessionRecord

LOW_HZ = 16_000
"""Rate of the comparison and of the quality measures."""
WINDOW_S = 0.4
"""Long enough for a clear peak, short enough that a time stretch moves few of them."""
STEP_S = 0.1
EARLIEST_S = 0.0
LATEST_S = 3.0
"""Longest delay that is looked for, past the network's own."""
MIN_FIT = 0.6
"""Least correlation of a window that counts; concealed speech stays below (measured)."""
QUIET = 10 ** (-50 / 20)
"""Windows below -50 dBFS hold no speech."""
STRAY_MS = 150.0
"""Farther than this from the median of its neighbours, and a window is a stray (measured: true
changes within a second stay below 120 ms)."""
NEIGHBOURS = 9
_BAND_HZ = (200.0, 3500.0)

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Track:
    """Delay of what was heard, window by window, of those that fit."""

    time_s: F64
    """Of the window's begin, on the sent signal's timeline."""
    delay_ms: F64
    windows: int
    """With speech, whether they fit or not."""

    def mean_ms(self, begin_s: float = WARM_UP_S) -> float | None:
        """Mean delay from ``begin_s`` on; ``None`` = too little fits to say."""
        chosen = self.delay_ms[self.time_s >= begin_s]
        return float(chosen.mean()) if chosen.size >= 5 else None


def follow(sent: F64, record: SessionRecord) -> Track:
    """The delay from a sample's capture to its coming out, along the session.

    ``sent`` is one channel at 16 kHz in full scale 1. Each window of what came out is looked for
    in what went in; the session's own clock turns its place into a delay.
    """
    heard = low(record.heard.astype(float) / 32768.0)
    x, y = _banded(sent), _banded(heard)
    size, step = round(WINDOW_S * LOW_HZ), round(STEP_S * LOW_HZ)
    times, delays, windows = [], [], 0
    for begin in range(0, y.size - size, step):
        window = y[begin : begin + size]
        if np.sqrt(np.mean(window**2)) < QUIET:
            continue
        windows += 1
        out_s = record.out_s + begin / LOW_HZ
        first = max(0, round((out_s - LATEST_S) * LOW_HZ))
        last = min(x.size, round((out_s - EARLIEST_S) * LOW_HZ) + size)
        found = _place(x[first:last], window)
        if found is None or found[1] < MIN_FIT:
            continue
        place_s = (first + found[0]) / LOW_HZ
        times.append(place_s)
        delays.append((out_s - place_s) * 1000.0)
    return _without_strays(Track(np.array(times), np.array(delays), windows))


def _without_strays(track: Track) -> Track:
    """Speech repeats itself: a window that fits elsewhere by chance is far from its neighbours."""
    if track.delay_ms.size < NEIGHBOURS:
        return track
    around = signal.medfilt(track.delay_ms, NEIGHBOURS)
    near = np.abs(track.delay_ms - around) <= STRAY_MS
    return Track(track.time_s[near], track.delay_ms[near], track.windows)


def fitted(
    sent: F64, record: SessionRecord, track: Track, spans_s: Sequence[tuple[float, float]]
) -> tuple[F64, F64]:
    """Both signals at 16 kHz, sentence by sentence, each shifted by its own delay.

    Quality measures then judge the sound and not the delay; a change of delay inside a sentence
    stays audible.
    """
    heard = low(record.heard.astype(float) / 32768.0)
    pieces_x, pieces_y = [], []
    for span_begin_s, end_s in spans_s:
        begin_s = max(span_begin_s, WARM_UP_S)
        inside = (track.time_s >= begin_s - WINDOW_S) & (track.time_s <= end_s)
        if end_s - begin_s < WINDOW_S or not inside.any():
            continue
        shift_s = float(np.median(track.delay_ms[inside])) / 1000.0 - record.out_s
        pieces_x.append(_cut(sent, begin_s, end_s))
        pieces_y.append(_cut(heard, begin_s + shift_s, end_s + shift_s))
    if not pieces_x:
        return np.zeros(0), np.zeros(0)
    return np.concatenate(pieces_x), np.concatenate(pieces_y)


def low(samples: F64) -> F64:
    """From 48 kHz to 16 kHz."""
    made: F64 = signal.resample_poly(samples, 1, RATE_HZ // LOW_HZ)
    return made


def _cut(samples: F64, begin_s: float, end_s: float) -> F64:
    """A piece; silence where there is nothing."""
    first, size = round(begin_s * LOW_HZ), round((end_s - begin_s) * LOW_HZ)
    piece = np.zeros(size)
    inside = samples[max(0, first) : max(0, first + size)]
    at = max(0, -first)
    piece[at : at + inside.size] = inside[: size - at]
    return piece


@lru_cache(maxsize=1)
def _filter() -> F64:
    made: F64 = signal.butter(4, _BAND_HZ, "bandpass", fs=LOW_HZ, output="sos")
    return made


def _banded(samples: F64) -> F64:
    made: F64 = signal.sosfiltfilt(_filter(), samples)
    return made


def _place(where: F64, window: F64) -> tuple[int, float] | None:
    """(index, correlation -1..1) of the best place of ``window`` in ``where``."""
    if where.size < window.size:
        return None
    size = fft.next_fast_len(where.size + window.size, real=True)
    product = fft.rfft(where, size) * np.conj(fft.rfft(window, size))
    cross = fft.irfft(product, size)[: where.size - window.size + 1]
    squares = np.concatenate(([0.0], np.cumsum(where**2)))
    power = squares[window.size :] - squares[: -window.size]
    fit = cross / np.sqrt(np.maximum(power, 1e-9) * np.sum(window**2))
    best = int(np.argmax(fit))
    return best, float(fit[best])
