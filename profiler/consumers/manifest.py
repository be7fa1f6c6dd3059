"""What the export's manifest says each model's settings are, for formats that keep their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from profiler.consumers.checks import Unreadable
from profiler.consumers.files import read_json, typed

MANIFEST = "manifest.json"
Who = tuple[str, str, str, str]
"""manufacturer, model, SoC, OS build."""
PARTS = ("manufacturer", "model", "soc", "os_build")


def who(row: Mapping[str, Any], what: str) -> Who:
    """The model a row is of. Raises :class:`Unreadable`."""
    a, b, c, d = (typed(row.get(part), str, f"{what}: {part}") for part in PARTS)
    return a, b, c, d


def settings(folder: Path) -> dict[Who, dict[str, Any]]:
    """Settings by key, e.g. ``aec@bluetooth_sco``, of every model."""
    data = typed(read_json(folder, MANIFEST), dict, MANIFEST)
    found: dict[Who, dict[str, Any]] = {}
    for number, row in enumerate(typed(data.get("models"), list, f"{MANIFEST}: models"), 1):
        what = f"{MANIFEST}: model {number}"
        key = who(typed(row, dict, what), what)
        if key in found:
            raise Unreadable(f"{what} is there twice: {key[0]!r} {key[1]!r}")
        found[key] = typed(row.get("settings"), dict, f"{what}: settings")
    return found
