"""Exports in memory: what ``chirpbench export MODEL`` writes, as files to download."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd

from dashboard import text
from profiler.export import (
    FLAGS,
    MANIFEST,
    TARGETS,
    Item,
    export_all,
    forbidden,
    item_of,
    manifest_bytes,
    missing_package,
    nothing_for,
)
from profiler.export.names import file_stem, is_safe
from profiler.model import Advice, Exported, ModelFacts, Verification
from profiler.summary.relatives import one_a_key

EXPIRES_DAYS: Final = 180
"""As ``--expires-days`` has it."""
CONSEQUENCES: Final[Mapping[str, str]] = {
    "virtual": "these are values of a simulated phone. Files are marked `virtual`; do not ship "
    "them to anybody's phone",
    "emulator": "an emulator's audio says nothing about a phone. Files are marked `emulator`",
    "custom_rom": "the phone ran a custom ROM, whose audio is not the maker's. Files are marked "
    "`custom_rom`",
    "stale": "the newest result is past its expiry, and OS updates change audio paths. Files are "
    "marked `stale`",
}
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest a zip can say: equal exports are equal bytes."""
_MIME: Final = {
    "json": "application/json", "csv": "text/csv", "zip": "application/zip", "xml": "text/xml",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Permission:
    """What must be ticked before anything is exported."""

    mark: str
    flag: str
    """The option of ``chirpbench export`` that says the same."""
    consequence: str


@dataclass(frozen=True, slots=True)
class Download:
    """One thing to save."""

    target: str
    title: str
    file_name: str
    """Letters, digits, ``.``, ``_`` and ``-``."""
    content: bytes
    mime: str
    files: int
    loaded_by: str


@dataclass(frozen=True, slots=True)
class Order:
    """What to make."""

    item: Item
    known: Sequence[ModelFacts]
    """Every model of the store: wildcards say which of them they would catch, too."""
    names: tuple[str, ...]
    """Targets."""


def item_for(advice: Advice, sha256: str, proofs: Sequence[Verification], now: datetime) -> Item:
    """The advice as an export takes it; ``advice`` has no agents' budgets."""
    return item_of(advice, sha256, proofs, expires_days=EXPIRES_DAYS, now=now)


def permissions(item: Item) -> list[Permission]:
    """What ``chirpbench export`` would refuse this model for, empty = nothing."""
    return [
        Permission(mark, FLAGS[mark], CONSEQUENCES[mark])
        for _, marks in forbidden([item], ())
        for mark in marks
    ]


def is_allowed(item: Item, ticked: Collection[str]) -> bool:
    """Whether every mark of it was ticked."""
    return not forbidden([item], ticked)


def targets() -> list[str]:
    """Every target that can be made here; opt-in ones at the end."""
    able = [name for name, target in TARGETS.items() if not missing_package(target)]
    return sorted(able, key=lambda name: TARGETS[name].OPT_IN)


def export(order: Order) -> list[Exported]:
    """The files that are ordered."""
    mine = order.item.advice.facts.key
    return export_all(
        [order.item], order.names, others=[f for f in one_a_key(order.known) if f.key != mine]
    )


def identity(order: Order) -> str:
    """What the files depend on, as a hash: equal orders make equal files."""
    said = repr((order.item, [f.key for f in order.known], order.names))
    return hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()


def downloads(item: Item, exported: Sequence[Exported]) -> list[Download]:
    """One a target that has files: the file itself, or a zip of several."""
    stem = file_stem(item.advice.facts.key)
    made = []
    for one in exported:
        if not one.files:
            continue
        target, nothing = TARGETS[one.target], nothing_for(one.target, [item.advice.facts])
        if len(one.files) == 1:
            file = one.files[0]
            name, content = file.name.rpartition("/")[2], file.content
        else:
            name = f"{one.target}.zip"
            content = zipped({f.name: f.content for f in one.files})
        made.append(
            Download(
                one.target, nothing or target.TITLE,
                text.file_name(f"{stem}-{name}", "", 120), content,
                _mime(name), len(one.files), target.LOADED_BY,
            )
        )  # fmt: skip
    return made


def everything(item: Item, exported: Sequence[Exported]) -> Download:
    """All files below folders of their targets with ``manifest.json``: what the command writes."""
    files = {file.name: file.content for made in exported for file in made.files}
    files[MANIFEST] = manifest_bytes([item], exported)
    name = f"{file_stem(item.advice.facts.key)}-export.zip"
    title = "every target that is not opt-in, with manifest.json"
    return Download("all", title, name, zipped(files), "application/zip", len(files), "")


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip whose bytes depend on nothing but the files. Raises :class:`ValueError` for a name
    that would leave its folder: a mistake in a target."""
    unsafe = [name for name in files if not is_safe(name)]
    if unsafe:
        raise ValueError(f"unsafe file name {unsafe[0]!r}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def _mime(name: str) -> str:
    return _MIME.get(name.rpartition(".")[2], "application/octet-stream")


def unsupported_frame(advice: Advice, exported: Sequence[Exported]) -> pd.DataFrame:
    """What each target cannot express of this advice; first what it changes. A target that holds
    nothing of the model is not in it."""
    changed = {s.name for s in advice.settings if s.changed}
    advised = {s.name for s in advice.settings}
    rows = [
        {
            "target": made.target,
            "setting": text.plain(u.setting, 60),
            "changed here": "✓" if _name(u.setting) in changed else "",
            "why": text.plain(u.why, 300),
        }
        for made in exported
        for u in made.unsupported
        if _name(u.setting) in advised and not nothing_for(made.target, [advice.facts])
    ]
    rows.sort(key=lambda row: not row["changed here"])
    return pd.DataFrame(rows, columns=["target", "setting", "changed here", "why"])


def lost_words(advice: Advice, frame: pd.DataFrame) -> str:
    """How many settings some target lacks, and how many of those to change; a setting counts
    once, however many targets lack it."""
    lost = {_name(s) for s in frame["setting"]}
    count = sum(not s.route for s in advice.settings)
    everywhere = {s.name for s in advice.settings if s.changed and not s.route}
    routed = {s.name for s in advice.settings if s.changed and s.route} - everywhere
    more = f", and {len(lost & routed)} that change on some routes only" if lost & routed else ""
    return (
        f"What targets cannot express: {len(lost)} of the {text.plural(count, 'setting')} in one "
        f"target or more, among them {len(lost & everywhere)} of the {len(everywhere)} to change"
        f"{more}"
    )


def _name(setting: str) -> str:
    return setting.partition("@")[0].partition("=")[0]


def notes(exported: Sequence[Exported]) -> list[str]:
    """What people should know, a line each."""
    return [text.plain(f"{made.target}: {note}", 360) for made in exported for note in made.notes]
