"""What an export made, and what changed between two, for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from profiler.cli.tables import console, show, table
from profiler.cli.text import clean, model_text, plural
from profiler.export import Change, ExportDiff, Item, nothing_for
from profiler.model import Exported, ModelKey, SettingValue
from profiler.recommend.saying import count_words

MAX_NOTE = 360
MAX_FILES = 3
MAX_LISTED = 5
"""Settings in a cell; the manifest has all of them."""
_STYLES = {Change.ADDED: "green", Change.REMOVED: "red", Change.CHANGED: "yellow"}


def show_export(
    folder: Path, items: Sequence[Item], exported: Sequence[Exported], *, signed: bool
) -> None:
    """A row a target, then the notes of each."""
    advice = items[0].advice
    counted = f", {count_words(advice)}" if len(items) == 1 else ""
    title = (
        f"{plural(len(items), 'model')} in {folder}, use {advice.use.value}, "
        f"network {advice.network}{', signed' if signed else ''}{counted}"
    )
    rows = [
        (
            made.target,
            _files(made),
            sum(len(file.content) for file in made.files),
            *_not_expressed(made, items),
        )
        for made in exported
    ]
    columns = ("target", "files", ">bytes", ">not expressed", "of these other than the default")
    show(table(title, columns, rows))
    for made in exported:
        for note in made.notes:
            console().print(Text(clean(f"{made.target}: {note}", MAX_NOTE)))


def _files(made: Exported) -> str:
    names = [file.name.rpartition("/")[2] for file in made.files]
    return " ".join(names) if len(names) <= MAX_FILES else plural(len(names), "file")


def _not_expressed(made: Exported, items: Sequence[Item]) -> tuple[int | str, str]:
    """How many of the advised settings a target cannot express, and those of them that advice
    changes; why there are none at all where it holds no model."""
    nothing = nothing_for(made.target, [item.advice.facts for item in items])
    if nothing:
        return "–", nothing
    advised = {s.name for item in items for s in item.advice.settings}
    changed = {s.name for item in items for s in item.advice.settings if s.changed}
    missing = dict.fromkeys(_name(u.setting) for u in made.unsupported)
    names = [name for name in missing if name in advised]
    lost = [name for name in names if name in changed]
    more = f" and {len(lost) - MAX_LISTED} more" if len(lost) > MAX_LISTED else ""
    return len(names), (", ".join(lost[:MAX_LISTED]) or "–") + more


def _name(setting: str) -> str:
    return setting.partition("@")[0].partition("=")[0]


def show_diff(old: Path, new: Path, diff: ExportDiff) -> None:
    """Models, settings and files that differ; a line when nothing does."""
    for line in diff.purpose:
        console().print(Text(clean(line)))
    if diff.models:
        rows = [(_change(m.change), _key(m.old), _key(m.new)) for m in diff.models]
        show(table("models", ("", "old", "new"), rows))
    if diff.settings:
        show(
            table(
                "settings",
                ("model", "setting", "", ">old", ">new"),
                [
                    (model_text(s.key), s.setting, _change(s.change), _value(s.old), _value(s.new))
                    for s in diff.settings
                ],
            )
        )
    if diff.files:
        show(table("files", ("", "file"), [(_change(f.change), f.name) for f in diff.files]))
    same = plural(diff.same_models, "model")
    console().print(
        Text(
            f"{clean(old)} and {clean(new)} hold the same"
            if diff.is_empty
            else f"{same} with equal settings"
        )
    )


def _change(change: Change) -> Text:
    return Text(change.value, style=_STYLES[change])


def _key(key: ModelKey | None) -> str:
    return "–" if key is None else model_text(key, 120)


def _value(value: SettingValue) -> str:
    if value is None:
        return "–"
    return str(value).lower() if isinstance(value, bool) else str(value)
