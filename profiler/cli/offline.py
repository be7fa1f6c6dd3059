"""Recordings in files: from a path to an estimate or to the line that says why there is none."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from profiler import __version__
from profiler.analysis import analyze
from profiler.analysis.memory import reuse_freed_memory
from profiler.errors import ChirpbenchError, InputError
from profiler.model import Estimate, Reason, StimulusSpec, Verdict
from profiler.wav import Audio, mono_audio, read_audio

MIN_FILES = 8
"""Fewer are analysed sooner than further processes have started."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """One file's estimate, or ``problem``: why there is none."""

    file: str
    estimate: Estimate | None
    problem: str = ""
    unreadable: bool = False
    """The file is at fault, not the tool."""
    rate_hz: int | None = None
    channels: int | None = None
    channel: int = 1


def measure_file(file: str, *, spec: StimulusSpec, channel: int | None) -> FileOutcome:
    """Read and analyse one recording; never raises, so that one file cannot end a batch."""
    try:
        audio = read_audio(Path(file))
        estimate = analyze(_selected(audio, channel, file), spec)
    except (InputError, OSError, ValueError) as exc:
        return FileOutcome(file, None, problem=_line(exc, file), unreadable=True)
    except Exception as exc:  # noqa: BLE001 - one odd recording must not lose the whole batch
        if os.environ.get("CHIRPBENCH_DEBUG") == "1":
            traceback.print_exc()
        return FileOutcome(file, None, problem=f"{file}: {type(exc).__name__}: {exc}")
    return FileOutcome(
        file, estimate, rate_hz=audio.rate_hz, channels=audio.channels, channel=channel or 1
    )


def measure_files(
    files: Sequence[str], spec: StimulusSpec, *, channel: int | None, jobs: int | None
) -> Iterator[FileOutcome]:
    """Outcomes in the order of ``files``, as they become ready; ``jobs`` processes."""
    reuse_freed_memory()
    measure = partial(measure_file, spec=spec, channel=channel)
    if jobs == 1 or len(files) < (MIN_FILES if jobs is None else 2):
        return map(measure, files)
    from profiler.bench.batch import map_ordered  # half a second that one file does not need

    return map_ordered(measure, files, workers=jobs)


def json_fields(outcome: FileOutcome, spec: StimulusSpec) -> dict[str, object]:
    """The documented JSON object of one file; what was not measured is null."""
    e = outcome.estimate
    reason = Reason.UNREADABLE if outcome.unreadable else Reason.INTERNAL_ERROR
    return {
        "file": outcome.file,
        "valid": e is not None and e.valid,
        "verdict": e.verdict if e else Verdict.ERROR,
        "reasons": e.reasons if e else (reason,),
        "round_trip_latency_ms": e.round_trip_latency_ms if e and e.valid else None,
        "uncertainty_us": e.uncertainty_us if e and e.valid else None,
        "confidence": e.confidence if e else None,
        "drift_ppm": e.drift_ppm if e else None,
        "snr_db": e.snr_db if e else None,
        "polarity": e.polarity if e else None,
        "dropouts": e.dropouts if e else (),
        "jumps": e.jumps if e else (),
        "clipped_fraction": e.clipped_fraction if e else None,
        "band_hz": e.band_hz if e else None,
        "per_chirp_ms": e.per_chirp_ms if e else (),
        "tool_version": __version__,
        "analysis_version": e.analysis_version if e else None,
        "stimulus_id": spec.stimulus_id,
        "rate_hz": outcome.rate_hz,
        "duration_s": e.quality.duration_s if e else None,
        "channel": outcome.channel,
        "error": outcome.problem or None,
    }


def _selected(audio: Audio, channel: int | None, file: str) -> Audio:
    if channel is None:
        return audio
    if not 1 <= channel <= audio.channels:
        raise InputError(
            f"no channel {channel}", file=file, hint=f"use --channel 1 to {audio.channels}"
        )
    return mono_audio(audio.samples[:, channel - 1], audio.rate_hz)


def _line(exc: Exception, file: str) -> str:
    if isinstance(exc, ChirpbenchError):
        return str(exc)
    said = exc.strerror if isinstance(exc, OSError) else str(exc)
    return f"{file}: cannot be read ({said}); check the path and its permissions"
