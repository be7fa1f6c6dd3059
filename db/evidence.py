"""Recordings as lossless files named by the SHA-256 of their bytes."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import time
import uuid
from pathlib import Path

import numpy as np
import soundfile

from profiler.errors import EvidenceError
from profiler.model import Recording
from profiler.wav import Audio

FLAC_MAX_CHANNELS = 8
FLAC_MAX_ANY_RATE_HZ, FLAC_MAX_RATE_HZ = 65_535, 655_350
"""Above the first, a FLAC frame can only say multiples of 10 Hz (RFC 9639, 9.1.2)."""
STALE_TEMPORARY_S = 3600.0
"""A temporary file this old was left by a killed process; writing one takes seconds."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SCALES = {"int16": 32_768.0, "int24": 8_388_608.0}


class EvidenceStore:
    """A folder of recordings: ``ab/abcd….flac`` (or ``.wav``). Safe from many threads and
    processes at once: a file appears whole or not at all, and equal content is one file."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._swept = False

    def save(self, audio: Audio) -> Recording:
        """Store a recording and flush it to the disk.

        Samples on the 16-bit or 24-bit grid become FLAC (WAV where FLAC cannot hold the rate),
        all others float32 WAV with NaN and Inf kept. Values are kept exactly; the sign of a
        zero is not. Raises :class:`EvidenceError`; nothing is left behind then.
        """
        if not self._swept:  # by writers only: it lists every file
            self._swept = True
            self.sweep()
        sample_format = _smallest_format(audio)
        data, extension = _encode(audio, sample_format)
        sha256 = hashlib.sha256(data).hexdigest()
        recording = Recording(
            sha256=sha256,
            file_name=f"{sha256[:2]}/{sha256}.{extension}",
            rate_hz=audio.rate_hz,
            channels=audio.channels,
            frames=audio.frames,
            sample_format=sample_format,
            size_bytes=len(data),
        )
        path = self.root / recording.file_name
        if not _holds(path, sha256, len(data)):
            _write_whole(path, data)
        return recording

    def load(self, recording: Recording) -> Audio:
        """Read a recording back, exactly.

        Raises :class:`EvidenceError` when the file is missing, or is not, byte for byte, the
        one that was stored.
        """
        path = self.path(recording)
        try:
            data = path.read_bytes()
        except OSError as exc:
            raise EvidenceError(
                f"{path}: evidence cannot be read ({exc.strerror})",
                hint="restore the evidence folder from a copy",
            ) from exc
        if hashlib.sha256(data).hexdigest() != recording.sha256:
            raise EvidenceError(
                f"{path}: evidence is damaged: {len(data)} bytes whose SHA-256 is not its name",
                hint="restore this file from a copy",
            )
        try:
            samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError) as exc:
            raise EvidenceError(
                f"{path}: evidence is no audio file", hint="restore this file from a copy"
            ) from exc
        if (rate_hz, *samples.shape) != (recording.rate_hz, recording.frames, recording.channels):
            raise EvidenceError(
                f"{path}: {len(samples)} frames of {samples.shape[1]} channels at {rate_hz} Hz, "
                f"recorded as {recording.frames} of {recording.channels} at {recording.rate_hz} Hz",
                hint="the database does not belong to this evidence folder",
            )
        return Audio(samples, int(rate_hz))

    def path(self, recording: Recording) -> Path:
        """Where the file is. Raises :class:`EvidenceError` for a name that is not ours."""
        check_name(recording)
        return self.root / recording.file_name

    def sweep(self, *, older_than_s: float = STALE_TEMPORARY_S) -> int:
        """Remove temporary files that killed processes left behind; return how many."""
        limit, removed = time.time() - older_than_s, 0
        for path in self.root.glob("??/.*.tmp"):
            try:
                if path.stat().st_mtime <= limit:
                    path.unlink()
                    removed += 1
            except OSError:
                continue  # another process was faster, or it is not ours to remove
        return removed


def check_name(recording: Recording) -> None:
    """Refuse a name that could lead out of the folder. Raises :class:`EvidenceError`."""
    sha256 = recording.sha256
    stem = f"{sha256[:2]}/{sha256}"
    if not _SHA256.fullmatch(sha256) or recording.file_name not in (f"{stem}.flac", f"{stem}.wav"):
        raise EvidenceError(
            f"{recording.file_name[:100]!r} is no name of an evidence file",
            hint="names are made by EvidenceStore.save only",
        )


def _smallest_format(audio: Audio) -> str:
    peak = float(np.max(np.abs(audio.samples), initial=0.0))  # NaN stays NaN: no comparison holds
    for name, scale in _SCALES.items():
        # A multiplication by a power of two is exact, so this is a test and not a rounding.
        scaled = audio.samples * np.float32(scale) if peak <= 1.0 else None
        if (
            scaled is not None
            and np.array_equal(np.rint(scaled), scaled)
            and np.max(scaled, initial=0.0) < scale
        ):
            return name
    return "float32"


def _encode(audio: Audio, sample_format: str) -> tuple[bytes, str]:
    """The file's bytes and its extension. The same samples always give the same bytes."""
    buffer = io.BytesIO()
    try:
        if sample_format == "float32":
            # libsndfile would add a PEAK chunk that holds the time of day.
            from scipy.io import wavfile  # noqa: PLC0415 - slow to import and seldom needed

            wavfile.write(buffer, audio.rate_hz, audio.samples)
            return buffer.getvalue(), "wav"
        integers = _integers(audio, sample_format)
        subtype = {"int16": "PCM_16", "int24": "PCM_24"}[sample_format]
        container = "FLAC" if _fits_flac(audio) else "WAV"
        soundfile.write(buffer, integers, audio.rate_hz, format=container, subtype=subtype)
        return buffer.getvalue(), container.lower()
    except (soundfile.SoundFileError, ValueError, OSError) as exc:
        raise EvidenceError(
            f"a recording of {audio.frames} frames, {audio.channels} channels at "
            f"{audio.rate_hz} Hz cannot be stored ({' '.join(str(exc).split())[:100]})",
            hint="store at least one channel at a rate an audio file can hold",
        ) from exc


def _integers(audio: Audio, sample_format: str) -> np.ndarray:
    """Integers, so that no scaling or rounding of the library comes in between."""
    scaled = audio.samples * np.float32(_SCALES[sample_format])
    if sample_format == "int16":
        return scaled.astype(np.int16)
    return scaled.astype(np.int32) << 8


def _fits_flac(audio: Audio) -> bool:
    rate_fits = audio.rate_hz <= FLAC_MAX_ANY_RATE_HZ or (
        audio.rate_hz <= FLAC_MAX_RATE_HZ and audio.rate_hz % 10 == 0
    )
    return rate_fits and audio.channels <= FLAC_MAX_CHANNELS and audio.frames > 0


def _holds(path: Path, sha256: str, size: int) -> bool:
    """Whether the file is there and sound; a damaged one is written again."""
    try:
        return (
            path.stat().st_size == size and hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        )
    except OSError:
        return False


def _write_whole(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.stem[:16]}-{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as exc:
        raise EvidenceError(
            f"{path}: evidence cannot be written ({exc.strerror}): "
            f"{len(data)} bytes needed, {_free_bytes(path)} free",
            hint="free some space or name another store with --db",
        ) from exc
    finally:
        with contextlib.suppress(OSError):  # gone already: it was renamed, or never made
            temporary.unlink()


def _flush_folder(folder: Path) -> None:
    """A new name survives a power cut only when its folder is flushed too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _free_bytes(path: Path) -> int | str:
    for folder in path.parents:
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return "an unknown number"
