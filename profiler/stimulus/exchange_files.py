"""The plan of an exchange in files: what each device plays, and all that the analysis needs."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profiler.errors import InputError, StimulusError
from profiler.model import Geometry, StimulusSpec
from profiler.stimulus.files import MAX_JSON_BYTES, spec_from_json, spec_to_json
from profiler.stimulus.schedule import ExchangeSchedule, check_schedule, whole_train
from profiler.stimulus.trains import MAX_CHIRPS, render_train
from profiler.wav import mono_audio, write_wav

KIND, VERSION = "chirpbench_exchange_plan", 1
PLAY_A, PLAY_B, PLAN = "a_play.wav", "b_play.wav", "plan.json"
MAX_DISTANCE_M = 20.0
"""Further apart, a train of sweeps does not stand out of a room."""
MAX_TRAINS, MAX_SESSION_S = 40, 120.0
"""More makes the search for the offset slow and helps nobody."""
_HINT = "give the plan.json that 'chirpbench exchange-plan' wrote"


@dataclass(frozen=True, slots=True)
class ExchangePlan:
    """One exchange: the schedule and where the devices are."""

    seed: int
    schedule: ExchangeSchedule
    geometry: Geometry
    tool_version: str


def plan_to_json(plan: ExchangePlan) -> dict[str, Any]:
    """The plan as JSON-ready values."""
    schedule = plan.schedule
    return {
        "kind": KIND,
        "version": VERSION,
        "tool_version": plan.tool_version,
        "seed": plan.seed,
        "duration_s": schedule.duration_s,
        "distance_m": plan.geometry.distance_m,
        "partner_distance_m": plan.geometry.partner_distance_m,
        "a": _part(PLAY_A, schedule.train_a, schedule.at_a_s),
        "b": _part(PLAY_B, schedule.train_b, schedule.at_b_s),
    }


def _part(file: str, train: StimulusSpec, at_s: tuple[float, ...]) -> dict[str, Any]:
    return {
        "play_file": file,
        "rate_hz": train.rate_hz,
        "at_s": list(at_s),
        "stimulus_id": train.stimulus_id,
        "train": spec_to_json(train),
    }


def write_plan(folder: Path, plan: ExchangePlan) -> tuple[Path, Path, Path]:
    """Write both play schedules (16-bit) and the plan into ``folder``, all or none of them.

    Returns the three paths. Raises :class:`InputError` when they cannot be written.
    """
    s = plan.schedule
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".chirpbench-") as name:
            made = Path(name)
            for file, train, at_s in ((PLAY_A, s.train_a, s.at_a_s), (PLAY_B, s.train_b, s.at_b_s)):
                whole = whole_train(train, at_s, s.duration_s)
                write_wav(
                    made / file, mono_audio(render_train(whole, train.rate_hz), train.rate_hz)
                )
            (made / PLAN).write_text(json.dumps(plan_to_json(plan), indent=1) + "\n", "utf-8")
            for file in (PLAN, PLAY_A, PLAY_B):
                (made / file).replace(folder / file)
    except OSError as exc:
        raise InputError(
            f"cannot be written ({exc.strerror})", file=str(folder), hint="name another folder"
        ) from exc
    return folder / PLAY_A, folder / PLAY_B, folder / PLAN


def read_plan(path: Path) -> ExchangePlan:
    """Read a plan; raises :class:`StimulusError` on anything unexpected."""
    try:
        with path.open("rb") as f:
            raw = f.read(MAX_JSON_BYTES + 1)
    except (OSError, ValueError) as exc:  # a NUL in the name is a ValueError
        said = exc.strerror if isinstance(exc, OSError) else exc
        raise StimulusError(f"cannot be read ({said})", file=str(path), hint=_HINT) from exc
    if len(raw) > MAX_JSON_BYTES:
        raise StimulusError("is too long for a plan", file=str(path), hint=_HINT)
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise StimulusError("is not JSON", file=str(path), hint=_HINT) from exc
    return plan_from_json(data, file=str(path))


def plan_from_json(data: object, *, file: str = "") -> ExchangePlan:
    """The plan that :func:`plan_to_json` wrote; raises :class:`StimulusError` on anything else."""
    try:
        return _plan(data)
    except StimulusError as exc:
        raise StimulusError(exc.message, file=file, hint=exc.hint or _HINT) from exc


def _plan(data: object) -> ExchangePlan:
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise StimulusError("is no plan of an exchange")
    if data.get("version") != VERSION:
        raise StimulusError(
            "is a plan of another version", hint="make it again with 'chirpbench exchange-plan'"
        )
    seed, tool = data.get("seed"), data.get("tool_version")
    if not isinstance(seed, int) or isinstance(seed, bool) or not isinstance(tool, str):
        raise StimulusError("seed or tool_version is missing or of the wrong type")
    train_a, at_a_s = _read_part(data, "a")
    train_b, at_b_s = _read_part(data, "b")
    duration_s = _number(data, "duration_s", MAX_SESSION_S)
    schedule = ExchangeSchedule(train_a, at_a_s, train_b, at_b_s, duration_s)
    place = Geometry(
        _number(data, "distance_m", MAX_DISTANCE_M),
        _number(data, "partner_distance_m", MAX_DISTANCE_M),
    )
    return ExchangePlan(seed, check_schedule(schedule), place, tool[:100])


def _read_part(data: dict[str, Any], name: str) -> tuple[StimulusSpec, tuple[float, ...]]:
    part = data.get(name)
    if not isinstance(part, dict):
        raise StimulusError(f"{name} is missing")
    at_s = part.get("at_s")
    if not isinstance(at_s, list) or not 1 <= len(at_s) <= MAX_TRAINS:
        raise StimulusError(f"{name}.at_s is no list of times")
    times = tuple(_finite(t, f"{name}.at_s", MAX_SESSION_S) for t in at_s)
    train = spec_from_json(part.get("train"))
    if part.get("stimulus_id") != train.stimulus_id or part.get("rate_hz") != train.rate_hz:
        raise StimulusError(f"{name}: the train does not belong to its id and rate")
    if len(times) * len(train.starts_s) > MAX_CHIRPS:
        raise StimulusError(f"{name}: more than {MAX_CHIRPS} chirps")
    return train, times


def _number(data: dict[str, Any], name: str, most: float) -> float:
    return _finite(data.get(name), name, most)


def _finite(value: object, name: str, most: float) -> float:
    """A number from 0 to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StimulusError(f"{name} is missing or no number")
    if not 0 <= value <= most or not math.isfinite(value):
        raise StimulusError(f"{name} = {value:.6g} is out of range" if abs(value) < 1e300
                            else f"{name} is out of range")  # fmt: skip
    return float(value)
