"""Exported folders for tests of consumers: good ones, and ways to break them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from export_items import HOSTILE, facts, item, ordered

from profiler.export import MANIFEST, TARGETS, Item, export_all, manifest_bytes


def phones() -> list[Item]:
    """A few phones with hostile names, of settings that differ, and an iPhone."""
    cheap = {
        "aec": "software", "ns": "software", "aec_delay_hint_ms": 280, "opus_frame_ms": 60,
        "opus_bitrate_bps": 16_000, "jitter_buffer_target_ms": 120, "opus_application": "lowdelay",
        "noise_reduction": "off", "noise_reduction@wired": "near_field",
    }  # fmt: skip
    good = {"aec": "hardware", "ns": "hardware", "api": "java", "opus_dtx": True}
    found = [item(facts(name, board="mt6765")) for name in HOSTILE[:12]]
    found += [
        item(facts("SM-A125F"), cheap),
        item(facts("Pixel 9", "Google", board="zuma"), good),
        item(
            facts("iPhone14,2", "Apple", ios=True, board=""),
            {"api": "coreaudio_voice_processing", "aec": "hardware"},
        ),
    ]
    return ordered(found)


def write(
    folder: Path, items: Sequence[Item] | None = None, names: Sequence[str] | None = None
) -> Path:
    """Export into ``folder``; returns it."""
    chosen = phones() if items is None else list(items)
    made = export_all(chosen, list(TARGETS) if names is None else names)
    for exported in made:
        for file in exported.files:
            path = folder / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
    (folder / MANIFEST).write_bytes(manifest_bytes(chosen, made))
    return folder


def edit(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Change a JSON file in place; what ``change`` returns counts, if anything."""
    path = folder / name
    data = json.loads(path.read_bytes())
    changed = change(data)
    path.write_text(json.dumps(data if changed is None else changed), encoding="ascii")


def replace(folder: Path, pattern: str, old: str, new: str) -> None:
    """Replace text in every file that fits ``pattern``; fails when it is nowhere."""
    count = 0
    for path in sorted(folder.glob(pattern)):
        text = path.read_text(encoding="utf-8")
        count += text.count(old)
        path.write_text(text.replace(old, new), encoding="utf-8", newline="")
    assert count, f"{old!r} is in no {pattern}"
