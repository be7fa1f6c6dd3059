"""A recording as little data: envelope, runs, spectrogram, sound to play. Work and size are bounded
whatever was recorded."""

from __future__ import annotations

import base64
import io
import math
import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from profiler.wav import Audio

F32 = npt.NDArray[np.float32]

MAX_SAMPLES: Final = 30_000_000
"""Frames times channels: eight channels of a minute at 48 kHz fit, and 120 MB of memory."""
COLUMNS: Final = 640
"""Of the envelope: it has half the page's width."""
MAX_RUNS: Final = 200
MIN_ZERO_MS: Final = 5.0
"""Shorter runs of zeros are quiet sound in 16 bit."""
FLAT_TOP_SAMPLES: Final = 3
"""So many equal samples at the extreme are a flat top (profiler.analysis.quality)."""
SPECTRUM_COLUMNS: Final = 700
SPECTRUM_ROWS: Final = 220
SPECTRUM_RANGE_DB: Final = 80.0
F_LOW_HZ: Final = 60.0
PLAY_RMS_DBFS: Final = -20.0
PLAY_PEAK: Final = 0.98
MAX_PLAY_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of the recording."""

    kind: str
    """``clipped`` or ``zeros``."""
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """Smallest and largest sample of each column."""

    time_s: npt.NDArray[np.float64]
    low: F32
    high: F32


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """A picture: time to the right, frequency upwards on a logarithmic axis."""

    png: str
    """A ``data:`` address."""
    duration_s: float
    low_hz: float
    high_hz: float
    top_dbfs: float
    """The brightest level; :data:`SPECTRUM_RANGE_DB` below it is the darkest."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """One channel, finite: what is drawn and played."""

    samples: F32
    rate_hz: int
    non_finite: int
    """NaN and Inf that were taken as 0."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.rate_hz


def channel_of(audio: Audio, channel: int) -> Sound:
    """One channel; NaN and Inf count and become 0."""
    if not audio.frames or not audio.channels:
        return Sound(np.zeros(0, np.float32), audio.rate_hz, 0)
    picked = audio.samples[:, min(max(channel, 0), audio.channels - 1)]
    bad = ~np.isfinite(picked)
    count = int(bad.sum())
    return Sound(
        np.where(bad, np.float32(0), picked) if count else np.ascontiguousarray(picked),
        audio.rate_hz,
        count,
    )


def envelope(sound: Sound, columns: int = COLUMNS) -> Envelope:
    """At most ``columns`` columns; no peak is lost."""
    x = sound.samples
    if not x.size:
        empty = np.zeros(0, np.float32)
        return Envelope(np.zeros(0), empty, empty)
    edges = np.linspace(0, x.size, min(columns, x.size) + 1).astype(np.int64)[:-1]
    return Envelope(
        edges / sound.rate_hz, np.minimum.reduceat(x, edges), np.maximum.reduceat(x, edges)
    )


def runs(audio: Audio, sound: Sound) -> list[Run]:
    """Where the channel is clipped and where every channel is exactly 0, at most
    :data:`MAX_RUNS`, the longest kept."""
    found = [*_clipped(sound), *_zeros(audio)]
    longest = sorted(found, key=lambda r: r.begin_s - r.end_s)[:MAX_RUNS]
    return sorted(longest, key=lambda r: r.begin_s)


def _clipped(sound: Sound) -> list[Run]:
    x = sound.samples
    if x.size < FLAT_TOP_SAMPLES:
        return []
    high, low = float(x.max()), float(x.min())
    if high - low < 1e-3:
        return []
    found = []
    for rail in (high, low):
        for begin, end in _stretches(x == np.float32(rail), FLAT_TOP_SAMPLES):
            found.append(Run("clipped", begin / sound.rate_hz, end / sound.rate_hz))
    return _merged(found, 0.002)


def _zeros(audio: Audio) -> list[Run]:
    silent = (audio.samples == 0).all(axis=1)
    least = max(1, round(MIN_ZERO_MS * audio.rate_hz / 1000))
    rate = audio.rate_hz
    return [Run("zeros", b / rate, e / rate) for b, e in _stretches(silent, least)]


def _stretches(mask: npt.NDArray[np.bool_], least: int) -> list[tuple[int, int]]:
    """Begin and end of the runs of ``True`` that are ``least`` long."""
    padded = np.concatenate([[False], mask, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    begins, ends = edges[::2], edges[1::2]
    kept = np.flatnonzero(ends - begins >= least)
    if kept.size > 20 * MAX_RUNS:  # sorting what nobody can see costs time only
        kept = kept[:: kept.size // (10 * MAX_RUNS)]
    return [(int(begins[i]), int(ends[i])) for i in kept]


def _merged(found: list[Run], gap_s: float) -> list[Run]:
    """Neighbours nearer than ``gap_s`` become one: a clipped sine is one place, not fifty."""
    merged: list[Run] = []
    for run in sorted(found, key=lambda r: r.begin_s):
        if merged and run.begin_s - merged[-1].end_s <= gap_s:
            last = merged.pop()
            run = Run(run.kind, last.begin_s, max(last.end_s, run.end_s))  # noqa: PLW2901
        merged.append(run)
    return merged


# -- the spectrogram ----------------------------------------------------------------------------


def spectrogram(sound: Sound) -> Spectrogram | None:
    """Power over time and frequency; ``None`` of one that is too short for it, or all zeros."""
    x, rate = sound.samples, sound.rate_hz
    size = 1 << max(7, math.ceil(math.log2(0.03 * rate)))
    if x.size < 2 * size or not np.any(x):
        return None
    columns = min(SPECTRUM_COLUMNS, x.size // (size // 4))
    starts = np.linspace(0, x.size - size, columns).astype(np.int64)
    window = np.hanning(size).astype(np.float32)
    power = np.empty((columns, size // 2 + 1), np.float32)
    for i in range(0, columns, 64):  # bounded memory: frames of 2048 times 64
        frames = np.stack([x[s : s + size] for s in starts[i : i + 64]])
        power[i : i + 64] = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    top_hz = 0.5 * rate
    rows_hz = np.geomspace(F_LOW_HZ, top_hz, SPECTRUM_ROWS + 1)
    image = _log_rows(power, rows_hz * size / rate)
    level = 10 * np.log10(image / (np.sum(window) / 2) ** 2 + 1e-20)
    top = float(level.max()) if level.size else -100.0
    shade = np.clip((level - top) / SPECTRUM_RANGE_DB + 1.0, 0.0, 1.0)
    pixels = np.rint(shade.T[::-1] * 255).astype(np.uint8)
    return Spectrogram(_png(pixels), sound.duration_s, F_LOW_HZ, top_hz, top)


def _log_rows(power: F32, edges: npt.NDArray[np.float64]) -> F32:
    """Largest power between neighbouring edges (in bins), shape (columns, edges - 1)."""
    last = power.shape[1] - 1
    begin = np.clip(np.floor(edges[:-1]).astype(int), 0, last)
    end = np.clip(np.ceil(edges[1:]).astype(int), begin + 1, last + 1)
    return np.stack([power[:, b:e].max(axis=1) for b, e in zip(begin, end, strict=True)], axis=1)


_STOPS: Final = ((0, 0, 4), (60, 15, 110), (150, 45, 110), (225, 95, 40), (252, 190, 60),
                 (252, 255, 200))  # fmt: skip
"""Dark to bright, even in brightness (after matplotlib's inferno)."""


def _png(pixels: npt.NDArray[np.uint8]) -> str:
    """An indexed PNG as a ``data:`` address: 8 bits a pixel, no library."""
    at = np.linspace(0, 255, len(_STOPS))
    stops = np.array(_STOPS, dtype=float)
    palette = np.stack([np.interp(np.arange(256), at, stops[:, c]) for c in range(3)], axis=1)
    height, width = pixels.shape
    raw = np.concatenate([np.zeros((height, 1), np.uint8), pixels], axis=1).tobytes()
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette.round().astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(raw, 6)),
        (b"IEND", b""),
    )
    made = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return "data:image/png;base64," + base64.b64encode(made).decode("ascii")


# -- sound to play ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Playable:
    """A WAV for the browser."""

    wav: bytes
    gain_db: float
    """Against the recording; 0 for the original."""
    cut: bool
    """Only its first :data:`MAX_PLAY_S`."""


def playable(sound: Sound, *, normalised: bool) -> Playable | None:
    """The channel as 16-bit WAV; ``normalised`` to :data:`PLAY_RMS_DBFS` RMS without clipping.
    ``None`` of one without any sound."""
    x = sound.samples[: round(MAX_PLAY_S * sound.rate_hz)]
    peak = float(np.abs(x).max(initial=0.0))
    if not peak:
        return None
    gain = 1.0
    if normalised:
        rms = math.sqrt(float(np.mean(np.square(x, dtype=np.float64))))
        gain = min(10 ** (PLAY_RMS_DBFS / 20) / max(rms, 1e-12), PLAY_PEAK / peak)
    buffer = io.BytesIO()
    scaled = np.clip(x * np.float32(gain), -1.0, 1.0)
    soundfile.write(buffer, scaled, sound.rate_hz, format="WAV", subtype="PCM_16")
    return Playable(buffer.getvalue(), 20 * math.log10(gain), x.size < sound.samples.size)
