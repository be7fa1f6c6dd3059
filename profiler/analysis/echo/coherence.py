"""How much of a recording is a linear, slowly changing image of the far end.

Per frequency and half second, the recording's short-time spectra are projected on those of the
delayed far end and of its two predecessors, so that loudspeaker, room and the canceller's slow
gains are caught. A fit of three taps to some ten independent frames also catches a share of
anything else; the same fit at wrong delays says how much, and that is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiler.analysis.echo.delay import EchoDelay
from profiler.analysis.echo.signals import BAND_HZ, WORK_RATE_HZ

BLOCK_S = 0.1
HOP = 160
FRAME = 512
"""64 ms frames every 20 ms."""
HOPS_PER_BLOCK = round(BLOCK_S * WORK_RATE_HZ) // HOP
WINDOW_HOPS = 25
"""The fit's stretch: 0.5 s."""
TAPS = 3
EARLY_S = 0.008
"""The first tap begins so much before the delay that was found."""
CONTROLS_S = (-0.97, -0.61, -0.37, 0.41, 0.67, 1.03)
"""Wrong delays, against the one that was found: beyond a room's tail and a syllable's rhythm."""
RIDGE = 1e-4
"""Far-end power, against its own mean in a bin, below which a bin does not count."""

F64 = npt.NDArray[np.float64]
C128 = npt.NDArray[np.complex128]


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Powers (mean squares within the band) per block, shape (blocks,)."""

    total: F64
    """Of the block's own 0.1 s."""
    smoothed: F64
    """Of the fit's half second around it."""
    coherent: F64
    """Part of ``smoothed`` that the fit catches at the echo's delay."""
    controls: F64
    """The same at wrong delays, shape (controls, blocks)."""


def project(heard: F64, far: F64, delay: EchoDelay) -> Projection:
    """Split ``heard`` into its image of ``far`` and the rest."""
    frames = max(0, (heard.size - FRAME) // HOP + 1)
    blocks = max(0, frames // HOPS_PER_BLOCK)
    band = _band()
    x = _spectra(heard, np.arange(frames) * HOP, np.zeros(frames))[:, band]
    energy = _scaled(np.sum(np.abs(x) ** 2, axis=1))
    rows = energy[: blocks * HOPS_PER_BLOCK].reshape(blocks, HOPS_PER_BLOCK)
    coherent = _caught(x, far, delay, 0.0, blocks)
    controls = np.array([_caught(x, far, delay, shift, blocks) for shift in CONTROLS_S])
    return Projection(
        total=rows.mean(axis=1),
        smoothed=_windowed(energy[:, None], blocks)[:, 0] / WINDOW_HOPS,
        coherent=coherent,
        controls=controls,
    )


def band_levels(x: F64) -> F64:
    """Mean square within the band per block of 0.1 s, framed as :func:`project` frames."""
    frames = max(0, (x.size - FRAME) // HOP + 1)
    blocks = frames // HOPS_PER_BLOCK
    spectra = _spectra(x, np.arange(frames) * HOP, np.zeros(frames))[:, _band()]
    energy = _scaled(np.sum(np.abs(spectra) ** 2, axis=1))
    return np.asarray(energy[: blocks * HOPS_PER_BLOCK].reshape(blocks, -1).mean(axis=1))


def delayed_starts(
    frames: int, delay: EchoDelay, shift_s: float, before: int
) -> tuple[npt.NDArray[np.int64], F64]:
    """Where in the far end each frame's sound was played: whole samples, and the fraction left.

    The first frame begins ``before`` frames ahead of the recording.
    """
    heard_s = (np.arange(frames) - before) * HOP / WORK_RATE_HZ
    played = (heard_s - delay.delay_s - shift_s) / (1 + delay.drift) * WORK_RATE_HZ
    whole = np.floor(played).astype(np.int64)
    return whole, played - whole


def _caught(x: C128, far: F64, delay: EchoDelay, shift_s: float, blocks: int) -> F64:
    """Power of the projection per block."""
    frames = x.shape[0]
    first, part = delayed_starts(frames + TAPS - 1, delay, shift_s - EARLY_S, TAPS - 1)
    played = _spectra(far, first, part)[:, _band()]
    # A tap later is a frame earlier: drift moves nothing within 20 ms.
    taps = [played[TAPS - 1 - k : TAPS - 1 - k + frames] for k in range(TAPS)]
    ridge = RIDGE * np.mean(_windowed(np.abs(taps[0]) ** 2, blocks), axis=0) + 1e-20
    return _scaled(np.sum(_explained(x, taps, ridge, blocks), axis=1)) / WINDOW_HOPS


def _explained(x: C128, taps: list[C128], ridge: F64, blocks: int) -> F64:
    """Energy of ``x`` in the span of ``taps`` per block and bin, by elimination."""
    count = len(taps)
    rows = [[_windowed(np.conj(taps[k]) * y, blocks) for y in (*taps[k:], x)] for k in range(count)]
    energy = np.zeros(rows[0][0].shape)
    for k in range(count):
        pivot = np.maximum(rows[k][0].real, 0.0) + ridge
        energy += np.abs(rows[k][-1]) ** 2 / pivot
        for j in range(k + 1, count):
            factor = np.conj(rows[k][j - k]) / pivot
            rows[j] = [
                value - factor * above
                for value, above in zip(rows[j], rows[k][j - k :], strict=True)
            ]
    return energy


def _windowed(rows: npt.NDArray, blocks: int) -> npt.NDArray:  # type: ignore[type-arg]
    """Sums over the half second around each block's middle; shape (blocks, …)."""
    total = np.concatenate((np.zeros((1, *rows.shape[1:]), rows.dtype), np.cumsum(rows, axis=0)))
    middle = np.arange(blocks) * HOPS_PER_BLOCK + HOPS_PER_BLOCK // 2
    first = np.clip(middle - WINDOW_HOPS // 2, 0, max(0, rows.shape[0] - WINDOW_HOPS))
    last = np.minimum(first + WINDOW_HOPS, rows.shape[0])
    return np.asarray(total[last] - total[first])


def _spectra(x: F64, first: npt.NDArray[np.int64], part: F64) -> C128:
    """Spectra of the frames that begin at ``first + part`` (fraction of a frame)."""
    pad = FRAME + 1
    padded = np.concatenate((np.zeros(pad), x, np.zeros(pad)))
    start = np.clip(first + pad, 0, padded.size - FRAME)
    rows = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[start]
    spectra = np.fft.rfft(rows * np.hanning(FRAME), axis=1)
    if np.any(part):
        omega = 2 * np.pi * np.arange(spectra.shape[1]) / FRAME
        spectra = spectra * np.exp(1j * part[:, None] * omega)
    return np.asarray(spectra)


def _scaled(energy: F64) -> F64:
    """From summed bins of a Hann frame to mean square."""
    return np.asarray(energy * 2 / (FRAME * float(np.sum(np.hanning(FRAME) ** 2))))


def _band() -> slice:
    return slice(
        int(np.ceil(BAND_HZ[0] * FRAME / WORK_RATE_HZ)),
        int(np.floor(BAND_HZ[1] * FRAME / WORK_RATE_HZ)) + 1,
    )
