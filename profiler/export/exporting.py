"""Every wanted target from the same items."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Sequence
from dataclasses import replace

from profiler.errors import InputError
from profiler.export.choice import system
from profiler.export.registry import FOR_PAGES, ONLY_FOR, TARGETS
from profiler.export.target import Catching, Item, Target
from profiler.model import Exported, ModelFacts, ModelKey, Platform

ALL = "all"
MAX_LISTED = 20
"""Names in a note."""


def wanted_targets(formats: str) -> tuple[list[str], list[str]]:
    """The targets that ``--format`` names, and a line for each one of ``all`` that cannot be made.

    ``all`` is every target that is not opt-in; a target whose package is missing is left out of
    it, but not of names given one by one. Raises :class:`InputError` for an unknown name.
    """
    names: dict[str, None] = {}
    missing = []
    for word in (w.strip() for w in formats.split(",")):
        if word == ALL:
            for name, target in TARGETS.items():
                lacking = missing_package(target)
                if lacking:
                    missing.append(
                        f"{name} is left out: {lacking} is not installed; "
                        "pip install 'chirpbench[export]'"
                    )
                elif not target.OPT_IN:
                    names[name] = None
        elif word in TARGETS:
            names[word] = None
        elif word:
            raise _unknown(word)
    if not names:
        raise InputError("no format is named", hint=f"known formats: {_known()}")
    return [name for name in TARGETS if name in names], missing


def missing_package(target: Target) -> str:
    """The package a target needs that is not installed; empty when it can be made."""
    needed = str(getattr(target, "NEEDS", ""))
    return needed if needed and importlib.util.find_spec(needed) is None else ""


def export_all(
    items: Sequence[Item], names: Sequence[str], *, others: Sequence[ModelFacts] = ()
) -> list[Exported]:
    """Make every target in ``names`` from ``items``, which share one use and one network.

    ``others`` are known models that are not exported: targets with wildcards say which of them
    they would catch. Raises :class:`InputError` for an unknown name, :class:`ValueError` for items
    of several uses or networks.
    """
    purposes = {(item.advice.use, item.advice.network) for item in items}
    if len(purposes) > 1:
        raise ValueError(f"items of several uses or networks: {sorted(map(str, purposes))}")
    apps = [facts for facts in others if not _of_page(facts)]
    ordered = sorted(items, key=lambda item: _order(item.advice.facts.key))
    made = []
    for name in names:
        if name not in TARGETS:
            raise _unknown(name)
        target = TARGETS[name]
        fitting, left_out = _fitting(ordered, name)
        exported = target.export(fitting)
        exported = replace(exported, notes=(*exported.notes, *left_out))
        if isinstance(target, Catching):
            exported = replace(
                exported, notes=(*exported.notes, *_caught(target.catches(exported, apps)))
            )
        made.append(exported)
    return made


def _fitting(items: Sequence[Item], name: str) -> tuple[list[Item], list[str]]:
    """The items that a target is for, and a note on those measured in a browser that it is not."""
    names = dict.fromkeys(i.advice.facts.key.model for i in items if _of_page(i.advice.facts))
    if name in FOR_PAGES or not names:
        return list(items), []
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    note = f"left out, because {name} is loaded by apps and these were measured in a browser: "
    kept = [i for i in items if not _of_page(i.advice.facts)]
    return kept, [note + ", ".join([*names][:MAX_LISTED]) + more]


_FOR = {"android": "Android phones", "ios": "iPhones", "": "apps"}
_OF = {"android": "an Android phone", "ios": "an iPhone", "web": "a browser",
       "host": "a sound interface"}  # fmt: skip


def nothing_for(name: str, models: Sequence[ModelFacts]) -> str:
    """Why a target's files hold none of ``models``: ``for Android phones only: nothing for an
    iPhone``. Empty when they hold one: the files are valid either way, and none of them says it."""
    systems = dict.fromkeys(system(facts) for facts in models)
    only = ONLY_FOR.get(name, "")
    held = [s for s in systems if s == only or not (only or (s == "web" and name not in FOR_PAGES))]
    if held or not systems:
        return ""
    return f"for {_FOR[only]} only: nothing for {' or '.join(_OF[s] for s in systems)}"


def _of_page(facts: ModelFacts) -> bool:
    return facts.platform is Platform.WEB


def _order(key: ModelKey) -> tuple[str, str, str, str]:
    return key.manufacturer, key.model, key.soc, key.os_build


def _caught(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return [
        f"wildcards also catch {len(names)} known models that nobody measured: "
        f"{', '.join(names[:MAX_LISTED])}{more}"
    ]


def _unknown(name: str) -> InputError:
    near = difflib.get_close_matches(name, TARGETS, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return InputError(f"unknown format {name!r}", hint=f"{meant}known formats: {_known()}")


def _known() -> str:
    return ", ".join([ALL, *TARGETS])
