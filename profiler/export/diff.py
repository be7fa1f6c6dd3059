"""What changed between two exports: models, their settings, and files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from profiler.export.manifest import Manifest
from profiler.model import ModelKey, SettingValue


class Change(StrEnum):
    """What became of a model, a setting or a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting of one model in both exports."""

    key: ModelKey
    """As in the new export."""
    setting: str
    """``name`` or ``name@route``."""
    change: Change
    old: SettingValue
    new: SettingValue


@dataclass(frozen=True, slots=True)
class ModelChange:
    """A model in one of the exports only, or with another OS build in each."""

    change: Change
    old: ModelKey | None
    new: ModelKey | None


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a target."""

    change: Change
    name: str


@dataclass(frozen=True, slots=True)
class ExportDiff:
    """Everything that differs."""

    purpose: tuple[str, ...]
    """Lines on another use, network or tool version."""
    models: tuple[ModelChange, ...]
    settings: tuple[SettingChange, ...]
    files: tuple[FileChange, ...]
    same_models: int
    """Models whose settings are all equal."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.purpose or self.models or self.settings or self.files)


def compare_exports(old: Manifest, new: Manifest) -> ExportDiff:
    """Compare model by model and setting by setting.

    A model whose OS build changed is compared with itself when there is only one build of it on
    each side.
    """
    pairs, models = _pair(old.models, new.models)
    settings = [
        change
        for a, b in pairs
        for change in _settings(b, old.models[a], new.models[b])
    ]  # fmt: skip
    touched = {change.key for change in settings}
    return ExportDiff(
        purpose=tuple(
            f"{what}: {a} -> {b}"
            for what, a, b in (
                ("use", old.use, new.use),
                ("network", old.network, new.network),
                ("tool version", old.tool_version, new.tool_version),
            )
            if a != b
        ),
        models=tuple(models),
        settings=tuple(settings),
        files=tuple(_files(old, new)),
        same_models=sum(b not in touched for _, b in pairs),
    )


def _pair(
    old: Collection[ModelKey], new: Collection[ModelKey]
) -> tuple[list[tuple[ModelKey, ModelKey]], list[ModelChange]]:
    pairs = [(key, key) for key in old if key in new]
    lost, gained = _by_device(set(old) - set(new)), _by_device(set(new) - set(old))
    changes = []
    for device in sorted(lost.keys() | gained.keys()):
        before, after = lost.get(device, []), gained.get(device, [])
        if len(before) == len(after) == 1:
            pairs.append((before[0], after[0]))
            changes.append(ModelChange(Change.CHANGED, before[0], after[0]))
            continue
        changes += [ModelChange(Change.REMOVED, key, None) for key in before]
        changes += [ModelChange(Change.ADDED, None, key) for key in after]
    return sorted(pairs, key=lambda pair: str(pair[1])), changes


def _by_device(keys: Collection[ModelKey]) -> dict[tuple[str, str, str], list[ModelKey]]:
    found: defaultdict[tuple[str, str, str], list[ModelKey]] = defaultdict(list)
    for key in sorted(keys, key=str):
        found[key.manufacturer, key.model, key.soc].append(key)
    return dict(found)


def _settings(
    key: ModelKey, old: Mapping[str, SettingValue], new: Mapping[str, SettingValue]
) -> list[SettingChange]:
    found = []
    for name in dict.fromkeys((*new, *old)):
        a, b = old.get(name), new.get(name)
        if name not in old:
            found.append(SettingChange(key, name, Change.ADDED, None, b))
        elif name not in new:
            found.append(SettingChange(key, name, Change.REMOVED, a, None))
        elif (type(a), a) != (type(b), b):
            found.append(SettingChange(key, name, Change.CHANGED, a, b))
    return found


def _files(old: Manifest, new: Manifest) -> list[FileChange]:
    found = []
    for name in sorted(old.files.keys() | new.files.keys()):
        a, b = old.files.get(name), new.files.get(name)
        if a is None or b is None:
            found.append(FileChange(Change.ADDED if a is None else Change.REMOVED, name))
        elif a.sha256 != b.sha256:
            found.append(FileChange(Change.CHANGED, name))
    return found
