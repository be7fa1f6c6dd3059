"""The path a known voice took, and how much of the voice is left in each block of the recording.

The path is a linear filter fitted over the whole recording. So that a fit cannot find itself again
in what it was fitted to, each half of the recording (alternating stretches) is predicted by the
path of the other half. What is left of the voice in a block is the projection of the block on the
prediction, both whitened by what the recording holds beside the voice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage, signal

FRAME_S = 0.256
HALF_S = 0.64
"""Length of the alternating stretches; a frame of the fit lies wholly inside one."""
BEFORE_S, AFTER_S = 0.006, 0.06
"""Part of the path that is kept: the early sound; a longer one takes up noise."""
SMOOTH_HZ = 100.0
SHIFTS_S = tuple(0.131 + 0.043 * k for k in range(12))
"""Shifts at which the voice cannot be: they show what chance projects."""

F64 = npt.NDArray[np.float64]
C128 = npt.NDArray[np.complex128]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The recording and the voice in it, both whitened."""

    recorded: F64
    """Shape (n,)."""
    voice: F64
    """Shape (n,)."""
    rate_hz: int
    path_gain: float
    """RMS of the voice in the recording over that of the known one, on average."""

    def gains(self, block: int) -> tuple[F64, F64]:
        """(gain against ``path_gain``, its 1σ by chance), one per block of ``block`` frames."""
        y, p = self._rows(self.recorded, block), self._rows(self.voice, block)
        energy = np.einsum("ij,ij->i", p, p).clip(1e-30)
        chance = np.zeros(energy.size)
        for shifted in self._shifted():
            q = self._rows(shifted, block)
            norm = np.einsum("ij,ij->i", q, q).clip(1e-30)
            chance += np.square(np.einsum("ij,ij->i", y, q)) / norm
        sigma = np.sqrt(chance / (2 * len(SHIFTS_S)) / energy)
        # What noise took from the prediction it took from every block.
        whole = float(self.recorded @ self.voice) / max(float(self.voice @ self.voice), 1e-30)
        scale = max(whole, 1e-12)
        return np.einsum("ij,ij->i", y, p) / energy / scale, sigma / scale

    def significance(self) -> float:
        """Sigmas by which the projection on the whole voice stands out of chance."""
        chance = [float(self.recorded @ q) for q in self._shifted()]
        spread = math.sqrt(float(np.mean(np.square(chance)))) + 1e-30
        return float(self.recorded @ self.voice) / spread

    def _shifted(self) -> list[F64]:
        steps = [round(s * self.rate_hz) for s in SHIFTS_S]
        return [np.roll(self.voice, sign * step) for step in steps for sign in (-1, 1)]

    @staticmethod
    def _rows(x: F64, block: int) -> F64:
        count = x.size // block
        return x[: count * block].reshape(count, block)


def predict(
    recorded: F64, known: F64, active: Bools, rate_hz: int, band_hz: tuple[float, float]
) -> Prediction:
    """Fit the path and predict the voice; arrays have the recording's shape (n,).

    ``active`` marks frames at which the known voice speaks.
    """
    even = (np.arange(recorded.size) // round(HALF_S * rate_hz)) % 2 == 0
    voice = np.zeros(recorded.size)
    fits = [_fit(recorded, known, active, side, rate_hz) for side in (even, ~even)]
    for mine, fit in ((even, fits[1]), (~even, fits[0])):
        path = _cut(fit, rate_hz, band_hz, trusted=True)
        voice[mine] = _through(known, path, rate_hz)[mine]
    white = _whitener(recorded - voice, rate_hz, band_hz)
    return Prediction(
        _filtered(recorded, white),
        _filtered(voice, white),
        rate_hz,
        _path_gain(fits, rate_hz, band_hz),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Sums over the frames of one half: cross-spectrum and powers."""

    cross: C128
    known: F64
    recorded: F64
    frames: int


def _fit(recorded: F64, known: F64, active: Bools, side: Bools, rate_hz: int) -> _Fit:
    size = round(FRAME_S * rate_hz)
    starts = np.arange(0, recorded.size - size + 1, size // 4)
    middle = starts + size // 2
    used = starts[side[starts] & side[starts + size - 1] & active[middle]]
    rows = used[:, None] + np.arange(size)
    window = np.hanning(size)
    y, s = fft.rfft(recorded[rows] * window, axis=1), fft.rfft(known[rows] * window, axis=1)
    return _Fit(
        np.sum(y * np.conj(s), axis=0),
        np.sum(np.square(np.abs(s)), axis=0),
        np.sum(np.square(np.abs(y)), axis=0),
        int(used.size),
    )


def _cut(fit: _Fit, rate_hz: int, band_hz: tuple[float, float], *, trusted: bool) -> F64:
    """Impulse response from ``BEFORE_S`` before to ``AFTER_S`` after the aligned time."""
    size = round(FRAME_S * rate_hz)
    before, after = round(BEFORE_S * rate_hz), round(AFTER_S * rate_hz)
    hz = fft.rfftfreq(size, 1 / rate_hz)
    inside = (hz >= band_hz[0]) & (hz <= band_hz[1])
    transfer = np.where(inside, fit.cross / (fit.known + 1e-30), 0)
    if trusted:
        transfer *= _trust(fit, max(1, round(SMOOTH_HZ / hz[1])))
    response = fft.irfft(transfer, size)
    kept = np.concatenate([response[-before:], response[:after]])
    fade = before // 2
    kept[:fade] *= np.linspace(0, 1, fade)
    kept[-fade:] *= np.linspace(1, 0, fade)
    return np.asarray(kept)


def _path_gain(fits: list[_Fit], rate_hz: int, band_hz: tuple[float, float]) -> float:
    """RMS gain of the path for the known voice.

    The product of two paths that were fitted to different halves holds no noise power.
    """
    size = round(FRAME_S * rate_hz)
    first, second = (fft.rfft(_cut(f, rate_hz, band_hz, trusted=False), size) for f in fits)
    power = fits[0].known + fits[1].known
    gain = float(np.sum((first * np.conj(second)).real * power)) / max(float(power.sum()), 1e-30)
    return math.sqrt(max(gain, 1e-24))


def _trust(fit: _Fit, cells: int) -> F64:
    """Share of each frequency that is the voice: coherence less what chance gives."""
    coherence = np.square(np.abs(fit.cross)) / (fit.known * fit.recorded + 1e-30)
    # Frames overlap by three quarters: about 0.4 of them are independent (Hann).
    independent = max(2.0, 0.4 * fit.frames)
    clear = (coherence * independent - 1) / (independent - 1)
    smooth: F64 = ndimage.uniform_filter1d(clear, cells, mode="nearest").clip(0.0, 1.0)
    return smooth


def _through(known: F64, path: F64, rate_hz: int) -> F64:
    before = round(BEFORE_S * rate_hz)
    result: F64 = signal.fftconvolve(known, path)[before : before + known.size]
    return result


def _whitener(rest: F64, rate_hz: int, band_hz: tuple[float, float]) -> F64:
    """Linear-phase filter that makes ``rest`` white within the band."""
    size = 512
    hz, density = signal.welch(rest, rate_hz, nperseg=size)
    cells = max(1, round(SMOOTH_HZ / hz[1]))
    level = np.sqrt(ndimage.uniform_filter1d(density, cells, mode="nearest"))
    inside = (hz >= band_hz[0]) & (hz <= band_hz[1])
    floor = 1e-3 * float(level[inside].max(initial=0.0)) + 1e-12
    taps = np.roll(fft.irfft(np.where(inside, 1 / (level + floor), 0), size), size // 2)
    return np.asarray(taps * np.hanning(size))


def _filtered(x: F64, taps: F64) -> F64:
    result: F64 = signal.fftconvolve(x, taps, mode="same")
    return result
