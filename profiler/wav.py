"""Audio in and out of files: the only door to soundfile for recordings and stimuli."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from profiler.errors import InputError

MAX_DURATION_S = 900.0
"""Longest file read. The longest test records 20 min in pieces; an hour is a mistake."""
MAX_CHANNELS = 8
MIN_RATE_HZ, MAX_RATE_HZ = 8000, 192_000

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Samples that know their rate. ``samples`` is float32, shape (frames, channels)."""

    samples: Samples
    rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise ValueError("samples must be float32 of shape (frames, channels)")

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.samples.shape[0])

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate_hz


def mono_audio(samples: npt.NDArray[np.floating], rate_hz: int) -> Audio:
    """Wrap a one-dimensional signal as :class:`Audio`."""
    return Audio(np.ascontiguousarray(samples, dtype=np.float32).reshape(-1, 1), rate_hz)


def read_audio(path: Path, *, max_duration_s: float = MAX_DURATION_S) -> Audio:
    """Read a WAV, FLAC or any other file libsndfile knows.

    Raises :class:`~profiler.errors.InputError` for a file that is missing, no audio, empty,
    truncated, too long, of an unusable rate or channel count, or that holds NaN or Inf.
    """
    _refuse_no_file(path)
    _refuse_truncated_riff(path)
    try:
        with soundfile.SoundFile(path) as f:
            _refuse_bad_header(f, path, max_duration_s)
            samples = f.read(dtype="float32", always_2d=True)
            announced = f.frames
    except (soundfile.SoundFileError, OSError, TypeError) as exc:
        raise InputError(
            f"not a readable audio file ({_one_line(exc)})",
            file=str(path),
            hint="give a WAV or FLAC recording",
        ) from exc
    if samples.shape[0] < announced:
        raise InputError(
            f"truncated: {samples.shape[0]} of {announced} frames can be read",
            file=str(path),
            hint="record or copy it again",
        )
    # One pass over a sum finds any NaN or Inf; the slow mask is made only to name the frame.
    flat = samples.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        energy = np.dot(flat, flat)
    if not np.isfinite(energy):
        bad = np.flatnonzero(~np.isfinite(samples).all(axis=1))
        if bad.size:
            raise InputError(
                f"{bad.size} frames hold NaN or Inf, the first is frame {bad[0]}",
                file=str(path),
                hint="the recorder wrote invalid floats; record as 16-bit",
            )
    return Audio(samples, int(f.samplerate))


def write_wav(path: Path, audio: Audio, *, subtype: str = "PCM_16") -> None:
    """Write a WAV file; ``subtype`` is libsndfile's (``PCM_16``, ``PCM_24``, ``FLOAT``)."""
    try:
        soundfile.write(path, audio.samples, audio.rate_hz, subtype=subtype, format="WAV")
    except (soundfile.SoundFileError, OSError) as exc:
        raise InputError(
            f"cannot be written ({_one_line(exc)})",
            file=str(path),
            hint="check the folder and the free space",
        ) from exc


def _refuse_bad_header(f: soundfile.SoundFile, path: Path, max_duration_s: float) -> None:
    name = str(path)
    if f.frames <= 0:
        raise InputError("holds no samples", file=name, hint="record it again")
    if not MIN_RATE_HZ <= f.samplerate <= MAX_RATE_HZ:
        raise InputError(
            f"sample rate {f.samplerate} Hz",
            file=name,
            hint=f"use {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz",
        )
    if f.channels > MAX_CHANNELS:
        raise InputError(
            f"{f.channels} channels", file=name, hint=f"use at most {MAX_CHANNELS} channels"
        )
    duration_s = f.frames / f.samplerate
    if duration_s > max_duration_s:
        raise InputError(
            f"{duration_s:.0f} s long, at most {max_duration_s:.0f} s are analysed",
            file=name,
            hint="cut out the part that holds the stimulus",
        )


def _refuse_no_file(path: Path) -> None:
    try:
        is_file, is_dir = path.is_file(), path.is_dir()
    except (OSError, ValueError) as exc:  # no right to look; a NUL or too long a name
        raise InputError(
            f"cannot be read ({_one_line(exc)})", file=str(path), hint="check its permissions"
        ) from exc
    if is_dir:
        raise InputError("is a folder", file=str(path), hint="name the files in it")
    if not is_file:
        raise InputError("no such file", file=str(path), hint="check the path")


def _refuse_truncated_riff(path: Path) -> None:
    """libsndfile reads a cut WAV without a word; the RIFF size tells."""
    try:
        size = path.stat().st_size
        with path.open("rb") as f:
            head = f.read(12)
    except OSError as exc:
        raise InputError(
            f"cannot be read ({_one_line(exc)})", file=str(path), hint="check its permissions"
        ) from exc
    if size == 0:
        raise InputError("empty file", file=str(path), hint="record it again")
    if len(head) == 12 and head[:4] == b"RIFF" and head[8:] == b"WAVE":
        (announced,) = struct.unpack("<I", head[4:8])
        # 0 and 0xFFFFFFFF are what recorders that stream to a pipe leave behind.
        if announced not in (0, 0xFFFFFFFF) and announced + 8 > size + 1:
            raise InputError(
                f"truncated: the header announces {announced + 8} bytes, the file has {size}",
                file=str(path),
                hint="record or copy it again",
            )


def _one_line(exc: BaseException) -> str:
    return " ".join(str(exc).split())[:200]
