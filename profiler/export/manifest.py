"""``manifest.json``: every file with its SHA-256, every model with its settings and origin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profiler import __version__
from profiler.errors import InputError
from profiler.export.names import is_safe
from profiler.export.origin import origin
from profiler.export.render import JsonValue, json_rows
from profiler.export.target import Item
from profiler.model import Exported, ModelKey, SettingValue

MANIFEST = "manifest.json"
SUFFIX = ".sig"
"""Of the signature beside a file."""
FORMAT = "chirpbench-export"
VERSION = 1
MAX_BYTES = 512 * 1024 * 1024
"""A manifest is read whole; a larger one is none of ours."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One exported file as the manifest lists it."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """An export as its manifest describes it. Untrusted until a signature says otherwise."""

    folder: Path
    use: str
    network: str
    tool_version: str
    files: Mapping[str, FileEntry]
    """By name."""
    targets: Mapping[str, tuple[str, ...]]
    """Target to its files."""
    models: Mapping[ModelKey, Mapping[str, SettingValue]]
    """Model to its settings by key, e.g. ``opus_fec`` or ``aec@bluetooth_sco``."""


def manifest_bytes(items: Sequence[Item], exported: Sequence[Exported]) -> bytes:
    """The manifest of an export. Holds no time but those of the data."""
    head: dict[str, JsonValue] = {
        "format": FORMAT,
        "manifest_version": VERSION,
        "tool_version": __version__,
        "use": items[0].advice.use.value if items else None,
        "network": items[0].advice.network if items else None,
        "targets": [_target(made) for made in exported],
    }
    return json_rows(head, "models", map(_model, items))


def sha256(content: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an exported folder.

    Raises :class:`InputError` when there is none, or it is not one of this version.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError("too large for a manifest", file=str(path), hint="export it again")
        found = json.loads(path.read_bytes())
    except OSError as exc:
        raise InputError(
            f"no {MANIFEST} can be read ({exc.strerror})",
            file=str(folder),
            hint="name a folder that 'chirpbench export' wrote",
        ) from exc
    except (ValueError, RecursionError) as exc:
        raise InputError("is not JSON", file=str(path), hint="export it again") from exc
    try:
        return _parsed(folder, found)
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise InputError(
            f"is not a manifest of version {VERSION} ({type(exc).__name__}: {exc})",
            file=str(path),
            hint="export it again with this version of chirpbench",
        ) from exc


def damaged_files(manifest: Manifest) -> list[str]:
    """A line for every file that is absent, not what was written, or not part of the export."""
    problems = []
    for entry in manifest.files.values():
        path = manifest.folder / entry.name
        try:
            content = path.read_bytes()
        except OSError as exc:
            problems.append(f"{entry.name}: cannot be read ({exc.strerror})")
            continue
        if sha256(content) != entry.sha256:
            problems.append(f"{entry.name}: is not the file that was exported (SHA-256 differs)")
    known = {MANIFEST, *manifest.files}
    known |= {f"{name}{SUFFIX}" for name in known}
    there = (p for p in sorted(manifest.folder.rglob("*")) if not p.is_dir() or p.is_symlink())
    names = (p.relative_to(manifest.folder).as_posix() for p in there)
    return problems + [f"{n}: is not part of the export" for n in names if n not in known]


def _target(made: Exported) -> JsonValue:
    return {
        "name": made.target,
        "files": [
            {"name": f.name, "bytes": len(f.content), "sha256": sha256(f.content)}
            for f in made.files
        ],
        "unsupported": [{"setting": u.setting, "why": u.why} for u in made.unsupported],
        "notes": list(made.notes),
    }


def _model(item: Item) -> JsonValue:
    key = item.advice.facts.key
    return {
        "manufacturer": key.manufacturer,
        "model": key.model,
        "soc": key.soc,
        "os_build": key.os_build,
        "origin": origin(item),
        "settings": {s.key: s.value for s in item.advice.settings},
    }


def _parsed(folder: Path, found: Any) -> Manifest:
    if (found["format"], found["manifest_version"]) != (FORMAT, VERSION):
        raise ValueError(f"format {found['format']!r} {found['manifest_version']!r}")
    files: dict[str, FileEntry] = {}
    targets: dict[str, tuple[str, ...]] = {}
    for target in found["targets"]:
        entries = [
            FileEntry(str(f["name"]), int(f["bytes"]), str(f["sha256"])) for f in target["files"]
        ]
        unsafe = [entry.name for entry in entries if not is_safe(entry.name)]
        if unsafe:
            raise ValueError(f"file name {unsafe[0]!r}")
        targets[str(target["name"])] = tuple(entry.name for entry in entries)
        files.update({entry.name: entry for entry in entries})
    return Manifest(
        folder=folder,
        use=str(found["use"]),
        network=str(found["network"]),
        tool_version=str(found["tool_version"]),
        files=files,
        targets=targets,
        models={
            ModelKey(*(str(m[part]) for part in ("manufacturer", "model", "soc", "os_build"))): {
                str(key): _value(value) for key, value in m["settings"].items()
            }
            for m in found["models"]
        },
    )


def _value(value: Any) -> SettingValue:
    if value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(f"a setting is {type(value).__name__}")
    return value
