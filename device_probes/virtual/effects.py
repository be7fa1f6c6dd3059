"""What happens between the microphone and the app: noise, voice processing, lost frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from device_probes.virtual.spec import Glitches, Noise

Float32 = npt.NDArray[np.float32]
_BLOCK_S = 0.01
_AGC_TARGET_DBFS = -18.0
_AGC_ATTACK_DB_S, _AGC_RELEASE_DB_S = 150.0, 12.0
_NS_NOISE_QUANTILE = 0.2
_NS_QUANTILE_OF_MEAN = -math.log(1 - _NS_NOISE_QUANTILE)
"""That quantile of a noise bin's power (exponentially distributed) against its mean."""
_NS_OVERDRIVE = 2.0


def add_noise(heard: Float32, rate_hz: int, noise: Noise, rng: np.random.Generator) -> None:
    """Add the microphone's noises to ``heard``, shape (frames,), in place."""
    if noise.white_dbfs is not None:
        white = rng.standard_normal(heard.size, np.float32)
        white *= np.float32(10 ** (noise.white_dbfs / 20))
        heard += white
    if noise.pink_dbfs is not None:
        heard += _pink(heard.size, rng) * np.float32(10 ** (noise.pink_dbfs / 20))
    if noise.hum_dbfs is not None:
        heard += _hum(heard.size, rate_hz, noise.hum_hz, rng) * np.float32(
            10 ** (noise.hum_dbfs / 20)
        )


def _pink(frames: int, rng: np.random.Generator) -> Float32:
    """Pink noise of RMS 1 (three-pole approximation by P. Kellet, ±0.5 dB above 40 Hz)."""
    white = rng.standard_normal(frames, np.float32)
    b = np.array([0.049922035, -0.095993537, 0.050612699, -0.004408786], np.float32)
    a = np.array([1, -2.494956002, 2.017265875, -0.522189400], np.float32)
    pink: Float32 = signal.lfilter(b, a, white)
    return pink / np.float32(math.sqrt(float(np.dot(pink, pink)) / frames) or 1.0)


def _hum(frames: int, rate_hz: int, hum_hz: float, rng: np.random.Generator) -> Float32:
    """Mains hum of RMS 1: five harmonics falling 6 dB each."""
    t = np.arange(frames, dtype=np.float32) * np.float32(2 * math.pi * hum_hz / rate_hz)
    phases = rng.uniform(0, 2 * math.pi, 5).astype(np.float32)
    total = np.zeros(frames, np.float32)
    for k, phase in enumerate(phases, start=1):
        total += np.sin(t * np.float32(k) + phase) * np.float32(2.0 ** (1 - k))
    return total * np.float32(math.sqrt(2 / sum(4.0 ** (1 - k) for k in range(1, 6))))


def automatic_gain(heard: Float32, rate_hz: int, max_db: float) -> Float32:
    """A pumping AGC: fast down, slow up, full gain in silence."""
    size = round(_BLOCK_S * rate_hz)
    blocks = -(-heard.size // size)
    padded = np.zeros(blocks * size, np.float32)
    padded[: heard.size] = heard
    rows = padded.reshape(blocks, size)
    levels = 10 * np.log10(np.einsum("ij,ij->i", rows, rows) / size + 1e-12)
    gains = np.empty(blocks + 1, np.float32)
    gain = max_db
    for i, level in enumerate(levels.tolist()):
        gains[i] = gain
        wanted = min(max(_AGC_TARGET_DBFS - level, 0.0), max_db)
        down, up = -_AGC_ATTACK_DB_S * _BLOCK_S, _AGC_RELEASE_DB_S * _BLOCK_S
        gain += min(max(wanted - gain, down), up)
    gains[blocks] = gain
    linear = (10 ** (gains / 20)).astype(np.float32)
    ramp = np.arange(size, dtype=np.float32) / np.float32(size)
    rows *= linear[:-1, None] + np.diff(linear)[:, None] * ramp
    return padded[: heard.size]


def suppress_noise(heard: Float32, rate_hz: int, depth_db: float) -> Float32:
    """Spectral subtraction against the bin's quiet moments: swallows weak chirp tails."""
    hop = round(_BLOCK_S * rate_hz)
    window = np.sqrt(signal.get_window("hann", 2 * hop)).astype(np.float32)
    padded = np.zeros((heard.size // hop + 3) * hop, np.float32)
    padded[hop : hop + heard.size] = heard
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop]
    spectra: npt.NDArray[np.complexfloating[Any, Any]] = fft.rfft(frames * window, axis=1)
    power = spectra.real**2 + spectra.imag**2
    k = int(_NS_NOISE_QUANTILE * power.shape[0])
    floor = np.partition(power, k, axis=0)[k] * np.float32(_NS_OVERDRIVE / _NS_QUANTILE_OF_MEAN)
    np.divide(floor, power + np.float32(1e-20), out=power)
    np.maximum(1 - power, np.float32(10 ** (-depth_db / 10)), out=power)
    spectra *= np.sqrt(power)
    pieces = fft.irfft(spectra, 2 * hop, axis=1) * window
    out = np.zeros_like(padded).reshape(-1, hop)
    out[:-1] += pieces[:, :hop]
    out[1:] += pieces[:, hop:]
    return out.reshape(-1)[hop : hop + heard.size]


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of the captured timeline, at ``frame`` of the recording."""

    frame: int
    frames: int
    kind: str

    @property
    def shift(self) -> int:
        """How many frames later everything after it arrives."""
        return {"skip": -self.frames, "insert": self.frames, "repeat": self.frames}.get(
            self.kind, 0
        )


def draw_edits(
    glitches: Glitches, frames: int, rate_hz: int, rng: np.random.Generator
) -> tuple[Edit, ...]:
    """Random edits in order of time, at least 50 ms apart."""
    count = int(rng.poisson(glitches.per_minute * frames / rate_hz / 60))
    edits: list[Edit] = []
    for at in np.sort(rng.uniform(0.02 * frames, 0.98 * frames, count)):
        kind = glitches.kinds[int(rng.integers(len(glitches.kinds)))]
        low, high = sorted((glitches.min_ms, glitches.max_ms))
        size = max(1, round(rng.uniform(low, high) / 1000 * rate_hz))
        # A repeat needs its frames before it.
        if at < size or (edits and at < edits[-1].frame + edits[-1].frames + 0.05 * rate_hz):
            continue
        if at + size < frames:
            edits.append(Edit(int(at), size, kind))
    return tuple(edits)


def spare_frames(edits: tuple[Edit, ...]) -> int:
    """Frames that skips take away, to be captured beyond the end."""
    return sum(e.frames for e in edits if e.kind == "skip")


def apply_edits(heard: Float32, edits: tuple[Edit, ...], frames: int) -> Float32:
    """The recording after its edits, exactly ``frames`` long.

    ``heard`` has :func:`spare_frames` more than that.
    """
    pieces: list[Float32] = []
    made = used = 0
    for edit in edits:
        pieces.append(heard[used : used + edit.frame - made])
        used += edit.frame - made
        made = edit.frame
        if edit.kind == "skip":
            used += edit.frames
            continue
        if edit.kind == "repeat":
            pieces.append(heard[used - edit.frames : used])
        else:
            pieces.append(np.zeros(edit.frames, np.float32))
            used += edit.frames if edit.kind == "hole" else 0
        made += edit.frames
    pieces.append(heard[used : used + frames - made])
    return np.concatenate(pieces)
