"""An export folder appears whole or not at all, and replaces only an earlier export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from profiler.errors import InputError
from profiler.export.manifest import MANIFEST, SUFFIX, read_manifest
from profiler.export.names import is_safe


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files``, named relative to ``folder``, and put them there in one move.

    An earlier export in ``folder`` is replaced as a whole. Raises :class:`InputError` when the
    folder holds anything that export did not write, or cannot be written.
    """
    unsafe = [name for name in files if not is_safe(name)]
    if unsafe:
        raise ValueError(f"unsafe file name {unsafe[0]!r}")
    place = folder.resolve()
    if not place.name:
        raise InputError("is no folder for an export", file=str(folder), hint="name a new one")
    check_replaceable(folder)
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    old = place.with_name(f".{place.name}.{os.getpid()}.old")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _fill(part, files)
        _swap(place, part, old)
    except OSError as exc:
        raise InputError(
            f"cannot be written ({exc.strerror or exc})",
            file=str(folder),
            hint="check the folder and the space on its disk",
        ) from exc
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_replaceable(folder: Path) -> None:
    """Raise :class:`InputError` unless ``folder`` is absent, empty or nothing but an export."""
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise InputError("is not a folder", file=str(folder), hint="name a new folder with --out")
    present = {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}
    if not present:
        return
    if MANIFEST not in present:
        raise InputError(
            "holds files that are no export; nothing was written",
            file=str(folder),
            hint="name a new folder with --out",
        )
    names = {MANIFEST, *read_manifest(folder).files}
    foreign = sorted(present - names - {f"{name}{SUFFIX}" for name in names})
    if foreign:
        raise InputError(
            f"holds {foreign[0]!r}, which export did not write; nothing was written",
            file=str(folder),
            hint="move it away or name a new folder with --out",
        )


def _fill(part: Path, files: Mapping[str, bytes]) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for name, content in files.items():
        path = part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _swap(place: Path, part: Path, old: Path) -> None:
    if not place.exists():
        part.rename(place)
        return
    shutil.rmtree(old, ignore_errors=True)
    place.rename(old)
    try:
        part.rename(place)
    except BaseException:  # Ctrl-C, too, must leave nothing half written
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)
