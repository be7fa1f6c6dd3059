"""What changed between two exports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import export_items as make

from profiler.export import (
    MANIFEST,
    Change,
    ExportDiff,
    Item,
    compare_exports,
    export_all,
    manifest_bytes,
    read_manifest,
    write_folder,
)
from profiler.model import UseCase


def compared(
    folder: Path, old: Sequence[Item], new: Sequence[Item], names: tuple[str, ...] = ("csv",)
) -> ExportDiff:
    for name, items, targets in (("old", old, ("csv",)), ("new", new, names)):
        made = export_all(items, list(targets))
        files = {f.name: f.content for m in made for f in m.files}
        write_folder(folder / name, {**files, MANIFEST: manifest_bytes(items, made)})
    return compare_exports(read_manifest(folder / "old"), read_manifest(folder / "new"))


def test_equal_exports(tmp_path: Path) -> None:
    diff = compared(tmp_path, [make.item()], [make.item()])
    assert diff.is_empty
    assert diff.same_models == 1


def test_settings_old_and_new(tmp_path: Path) -> None:
    old = make.item(values={"aec@usb": "off", "red": False, "vad_threshold": 1.0})
    new = make.item(
        values={"opus_frame_ms": 60, "red": None, "vad_threshold": 1.0, "ns@usb": "off"}
    )
    diff = compared(tmp_path, [old, make.item(make.facts("B"))], [make.item(make.facts("B")), new])
    found = {(s.setting, s.change, s.old, s.new) for s in diff.settings}
    assert found == {
        ("opus_frame_ms", Change.CHANGED, 20, 60),
        ("red", Change.CHANGED, False, None),
        ("aec@usb", Change.REMOVED, "off", None),
        ("ns@usb", Change.ADDED, None, "off"),
    }
    assert {s.key.model for s in diff.settings} == {"SM-A125F"}
    assert diff.same_models == 1
    assert [(f.change, f.name) for f in diff.files] == [(Change.CHANGED, "csv/settings.csv")]
    assert not diff.models


def test_a_number_is_not_a_switch(tmp_path: Path) -> None:
    """1 == True in Python, but not for an app."""
    diff = compared(
        tmp_path,
        [make.item(values={"input_channels": 1})],
        [make.item(values={"input_channels": True})],
    )
    assert [s.setting for s in diff.settings] == ["input_channels"]


def test_models_come_and_go(tmp_path: Path) -> None:
    diff = compared(
        tmp_path,
        [make.item(make.facts("A")), make.item(make.facts("B"))],
        [make.item(make.facts("B")), make.item(make.facts("C"))],
    )
    assert [(m.change, (m.old or m.new).model) for m in diff.models] == [  # type: ignore[union-attr]
        (Change.REMOVED, "A"),
        (Change.ADDED, "C"),
    ]
    assert not diff.settings


def test_an_os_update_is_one_model(tmp_path: Path) -> None:
    diff = compared(
        tmp_path,
        [make.item(make.facts(os_build="12"))],
        [make.item(make.facts(os_build="13"), {"opus_fec": False})],
    )
    change = diff.models[0]
    assert change.change is Change.CHANGED
    assert change.old is not None
    assert change.new is not None
    assert (change.old.os_build, change.new.os_build) == ("12", "13")
    assert [(s.key.os_build, s.setting) for s in diff.settings] == [("13", "opus_fec")]


def test_two_builds_are_not_guessed_together(tmp_path: Path) -> None:
    diff = compared(
        tmp_path,
        [make.item(make.facts(os_build="12"))],
        [make.item(make.facts(os_build="13")), make.item(make.facts(os_build="14"))],
    )
    assert [m.change for m in diff.models] == [Change.REMOVED, Change.ADDED, Change.ADDED]


def test_another_purpose_and_targets(tmp_path: Path) -> None:
    diff = compared(
        tmp_path,
        [make.item()],
        [make.item(use=UseCase.CALL, network="4g")],
        ("csv", "signal"),
    )
    assert diff.purpose == ("use: voice-agent -> call", "network: good -> 4g")
    assert ("added", "signal/models.json") in {(f.change.value, f.name) for f in diff.files}
    assert not diff.is_empty
