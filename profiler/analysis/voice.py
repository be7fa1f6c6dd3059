"""The voice activity detector: what an app's own detector would take for speech.

The only door to ``pywebrtc_audio``'s detector. It was chosen by measuring it and ``webrtcvad`` on
the packaged speech and on noise (docs/echo.md has the figures): the spectral detector of WebRTC's
noise suppressor does not fire on steady noise of any colour and level, and hears speech from 0 to
5 dB over the noise; ``webrtcvad`` fires on a loud fan and is deaf below -75 dBFS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pywebrtc_audio import VoiceDetector

from profiler.model import VoiceSpan

VOICE_RATE_HZ = 16_000
FRAME_S = 0.01
THRESHOLD = 0.5
"""Speech probability from which a frame is speech (proposal; measured as above)."""
GATE_DBFS = -60.0
"""Quieter speech does not count: 30 dB below the quietest that V1 passes (-30 dBFS; proposal)."""
MIN_FRAMES = 10
"""A decision lasts at least 100 ms (CATALOGUE section 1)."""
HANG_S = 0.3
"""Decisions closer than this are one (CATALOGUE section 1)."""
FLOOR_DBFS = -120.0

Float32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Voice:
    """What a detector heard."""

    spans: tuple[VoiceSpan, ...]
    """Decisions that an app would have taken for a turn."""
    loudest_dbfs: float | None
    """Level that speech held for 100 ms, below the gate or above: a gate above it would have been
    silent, one below not. ``None`` = no speech of that length."""


def hear_voice(samples: Float32, *, gate_dbfs: float = GATE_DBFS, from_s: float = 0.0) -> Voice:
    """Listen to ``samples`` at 16 kHz, shape (frames,); what ends before ``from_s`` is left out.

    The detector hears everything from the start, as in an app; ``from_s`` only selects.
    """
    speech, level = _decisions(samples)
    first = round(from_s / FRAME_S)
    loudest = None
    for begin, end in _runs(speech):
        inside = level[max(begin, first - MIN_FRAMES + 1) : end]
        if inside.size >= MIN_FRAMES and end > first:
            held = float(np.lib.stride_tricks.sliding_window_view(inside, MIN_FRAMES).min(1).max())
            loudest = held if loudest is None else max(loudest, held)
    runs = [
        (b, e) for b, e in _runs(speech & (level >= gate_dbfs)) if e - b >= MIN_FRAMES and e > first
    ]
    return Voice(_merged(runs), loudest)


def _decisions(samples: Float32) -> tuple[Bools, F64]:
    """Speech or not, and the level of the 100 ms around, per 10 ms frame."""
    size = round(FRAME_S * VOICE_RATE_HZ)
    x = np.clip(samples, -1.0, 1.0).astype(np.float32)
    rows = np.ascontiguousarray(x[: x.size // size * size].reshape(-1, size))
    if not rows.size:
        return np.zeros(0, np.bool_), np.zeros(0)
    detector = VoiceDetector(VOICE_RATE_HZ, 1)
    probability = np.array([detector.process(row) for row in rows])
    power = np.einsum("ij,ij->i", rows, rows, dtype=np.float64) / size
    around = np.convolve(power, np.full(MIN_FRAMES, 1 / MIN_FRAMES), "same")
    level = 10 * np.log10(np.maximum(around[: power.size], 10 ** (FLOOR_DBFS / 10)))
    return probability > THRESHOLD, level


def _runs(on: Bools) -> list[tuple[int, int]]:
    """(first, one past the last) of every run of ``True``."""
    edges = np.diff(np.concatenate(([0], on.astype(np.int8), [0])))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return list(zip(begins.tolist(), ends.tolist(), strict=True))


def _merged(runs: list[tuple[int, int]]) -> tuple[VoiceSpan, ...]:
    spans: list[tuple[int, int]] = []
    for begin, end in runs:
        if spans and (begin - spans[-1][1]) * FRAME_S <= HANG_S:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    return tuple(VoiceSpan(round(b * FRAME_S, 3), round(e * FRAME_S, 3)) for b, e in spans)
