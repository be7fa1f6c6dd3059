"""Reads exported files as a stranger would: bounded, strict, and never trusting what they name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from profiler.consumers.checks import Unreadable

MAX_FILE_BYTES = 256_000_000
"""An export of some 100,000 models."""
_PROFILE = re.compile(r"p-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Model:
    """One model of an index."""

    manufacturer: str
    model: str
    profile: str
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Index:
    """A target's profiles by name, and its models."""

    profiles: Mapping[str, Mapping[str, Any]]
    models: tuple[Model, ...]


def read_bytes(folder: Path, name: str) -> bytes:
    """The content of ``name`` below ``folder``. Raises :class:`Unreadable`."""
    path = folder / name
    try:
        if not path.is_file():
            raise Unreadable(f"{name} is missing")
        if not path.resolve().is_relative_to(folder.resolve()):
            raise Unreadable(f"{name} leads out of the folder")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise Unreadable(f"{name} is larger than {MAX_FILE_BYTES} bytes")
        return path.read_bytes()
    except OSError as exc:
        raise Unreadable(f"{name} cannot be read ({exc.strerror or exc})") from exc


def read_text(folder: Path, name: str) -> str:
    """The same as UTF-8 text."""
    try:
        return read_bytes(folder, name).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Unreadable(f"{name} is no UTF-8: {exc.reason} at byte {exc.start}") from exc


def parse_json(text: str, name: str) -> Any:
    """Strict JSON: finite numbers, no name twice. Raises :class:`Unreadable`."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_not_finite)
    except (ValueError, RecursionError) as exc:
        raise Unreadable(f"{name} is no JSON: {exc}") from exc


def read_json(folder: Path, name: str) -> Any:
    """The value of a JSON file. Raises :class:`Unreadable`."""
    return parse_json(read_text(folder, name), name)


def read_index(folder: Path, name: str) -> Index:
    """The index of a target, every part of it of the right type. Raises :class:`Unreadable`."""
    data = typed(read_json(folder, name), dict, name)
    profiles = typed(data.get("profiles"), dict, f"{name}: profiles")
    for key, values in profiles.items():
        if not _PROFILE.fullmatch(key):
            raise Unreadable(f"{name}: {key!r} is no name of a profile")
        typed(values, dict, f"{name}: profile {key}")
    models = tuple(
        _model(row, f"{name}: model {n}")
        for n, row in enumerate(typed(data.get("models"), list, f"{name}: models"), 1)
    )
    for model in models:
        if model.profile not in profiles:
            raise Unreadable(f"{name}: {model.model!r} has profile {model.profile!r}: no such")
    unused = set(profiles) - {model.profile for model in models}
    if unused:
        raise Unreadable(f"{name}: no model has profile {min(unused)}")
    return Index(profiles, models)


def typed(value: Any, kind: type, what: str) -> Any:
    """``value``, which is of ``kind``. Raises :class:`Unreadable`."""
    if type(value) is not kind:
        names = {dict: "object", list: "list", str: "text", int: "whole number", bool: "boolean"}
        raise Unreadable(f"{what} is no {names.get(kind, kind.__name__)}")
    return value


def _model(row: Any, what: str) -> Model:
    typed(row, dict, what)
    manufacturer, model, profile = (
        typed(row.get(key), str, f"{what}: {key}") for key in ("manufacturer", "model", "profile")
    )
    return Model(manufacturer, model, profile, row)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is there twice")
    return made


def _not_finite(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")
