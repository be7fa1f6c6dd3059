"""A chirp train as a WAV with its description beside it, and back."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from profiler.errors import InputError, StimulusError
from profiler.model import StimulusSpec
from profiler.stimulus.trains import check_spec, render_train
from profiler.wav import mono_audio, read_audio, write_wav

MAX_JSON_BYTES = 1_000_000
"""Far more than ``MAX_CHIRPS`` start times take; what follows is not read."""


def spec_to_json(spec: StimulusSpec) -> dict[str, Any]:
    """The description as JSON-ready values, with its id."""
    return {**asdict(spec), "stimulus_id": spec.stimulus_id}


def spec_from_json(data: object, *, file: str = "") -> StimulusSpec:
    """Read a description; raises :class:`StimulusError` on anything unexpected."""
    names = {f.name for f in fields(StimulusSpec)}
    if not isinstance(data, dict) or not names <= set(data):
        missing = sorted(names - set(data)) if isinstance(data, dict) else []
        raise StimulusError(
            f"no stimulus description{', missing ' + ', '.join(missing) if missing else ''}",
            file=file,
            hint="give the JSON that 'chirpbench stimulus' wrote",
        )
    try:
        spec = StimulusSpec(
            seed=int(data["seed"]),
            rate_hz=int(data["rate_hz"]),
            starts_s=tuple(float(x) for x in data["starts_s"]),
            kind=data["kind"],
            version=int(data["version"]),
            **{
                k: float(data[k])
                for k in (
                    "chirp_s", "f_lo_hz", "f_hi_hz", "fade_s", "amplitude", "duration_s",
                )
            },
        )  # fmt: skip
        _refuse_other_id(data, check_spec(spec))
    except StimulusError as exc:
        raise StimulusError(exc.message, file=file, hint=exc.hint) from exc
    except (TypeError, ValueError, OverflowError) as exc:
        raise StimulusError(
            f"a value has the wrong type ({exc})", file=file, hint="make the stimulus again"
        ) from exc
    return spec


def _refuse_other_id(data: dict[str, Any], spec: StimulusSpec) -> None:
    said = data.get("stimulus_id", spec.stimulus_id)
    if said != spec.stimulus_id:
        raise StimulusError(
            "the description was changed after it was written: it does not belong to its id",
            hint="make the stimulus again with 'chirpbench stimulus'",
        )


def write_stimulus(path: Path, spec: StimulusSpec) -> Path:
    """Write the WAV (16-bit) and, beside it, its description; returns the JSON's path."""
    write_wav(path, mono_audio(render_train(spec, spec.rate_hz), spec.rate_hz))
    beside = path.with_suffix(".json")
    try:
        beside.write_text(json.dumps(spec_to_json(spec), indent=1) + "\n", encoding="utf-8")
    except OSError as exc:
        raise InputError(
            f"cannot be written ({exc.strerror})", file=str(beside), hint="check the folder"
        ) from exc
    return beside


def read_stimulus(path: Path) -> StimulusSpec:
    """Read a stimulus by its WAV or its JSON; the WAV, when given, must be the one described."""
    if not path.name:
        raise StimulusError("is a folder", file=str(path), hint="name the stimulus WAV")
    beside = path if path.suffix.lower() == ".json" else path.with_suffix(".json")
    try:
        with beside.open("rb") as f:
            data = json.loads(f.read(MAX_JSON_BYTES))
    except FileNotFoundError as exc:
        raise StimulusError(
            f"its description {beside.name} is missing",
            file=str(path),
            hint="keep the JSON that 'chirpbench stimulus' wrote beside the WAV",
        ) from exc
    except (OSError, ValueError, RecursionError) as exc:
        raise StimulusError(
            "unreadable description", file=str(beside), hint="make the stimulus again"
        ) from exc
    spec = spec_from_json(data, file=str(beside))
    if path.suffix.lower() != ".json":
        _refuse_other_samples(path, spec)
    return spec


def _refuse_other_samples(path: Path, spec: StimulusSpec) -> None:
    audio = read_audio(path)
    # The length first: a short file must not make us render minutes of chirps.
    frames = round(spec.duration_s * spec.rate_hz)
    same = audio.rate_hz == spec.rate_hz and audio.frames == frames
    # 16-bit rounding is 1.5e-5; anything above 1e-3 is another stimulus.
    if not same or np.max(np.abs(audio.samples[:, 0] - render_train(spec, spec.rate_hz))) > 1e-3:
        raise StimulusError(
            "is not the stimulus its JSON describes",
            file=str(path),
            hint="keep each WAV with its own JSON, or make the stimulus again",
        )
