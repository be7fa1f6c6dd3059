"""From what a person types to one stored model, or an error that names the nearest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from profiler.errors import InputError
from profiler.model import ModelFacts, Platform
from profiler.summary.words import browser_of, one_line, phone_name

MAX_SHOWN = 8
NEAREST_RATIO = 0.5
"""Least similarity of a name that is worth naming (difflib's ratio; proposal)."""


def find(text: str, models: Sequence[ModelFacts]) -> ModelFacts:
    """The one model ``text`` fits: a whole name first, else a part of name, SoC or OS build.

    ``models`` is sorted with the newest result last. Several OS builds of one model are one
    fit: the one measured last. Raises :class:`InputError` when none or several models fit.
    """
    wanted = text.casefold().strip()
    whole = [m for m in models if wanted in whole_names(m) and _is_of(m, wanted)]
    parts = [m for m in models if wanted in _described(m) and _is_of(m, wanted)]
    found = whole or (parts if wanted else [])
    if not found:
        raise InputError(
            f"no stored model fits {text!r}",
            hint=_browsers(wanted, models) or _nearest(wanted, models),
        )
    if len({_without_build(m) for m in found}) > 1:
        raise InputError(
            f"{len(found)} models fit {text!r}", hint=f"give more of one of: {_listed(found)}"
        )
    return found[-1]


def whole_names(facts: ModelFacts) -> set[str]:
    """The texts that name a model completely, in lower case."""
    key = facts.key
    names = (
        key.model, facts.marketing_name, f"{key.manufacturer} {key.model}", key.os_build, str(key),
        f"{key.manufacturer} {key.model} / {key.soc}", f"{key.model} / {key.soc}",
    )  # fmt: skip
    return {name.casefold().strip() for name in names if name.strip()}


def _is_of(facts: ModelFacts, wanted: str) -> bool:
    """A browser's numbers are not the phone's: its name or its build must be among the words."""
    if facts.platform is not Platform.WEB:
        return True
    named = browser_of(facts).casefold() in wanted
    return named or wanted in facts.key.os_build.casefold()


def _browsers(wanted: str, models: Iterable[ModelFacts]) -> str:
    """Names that fit but for their browser."""
    found = [m for m in models if wanted and wanted in _described(m) and not _is_of(m, wanted)]
    if not found:
        return ""
    return f"measured in a browser only, which says nothing of an app: {_listed(found)}"


def _described(facts: ModelFacts) -> str:
    return f"{facts.key} {facts.marketing_name}".casefold()


def _without_build(facts: ModelFacts) -> tuple[str, str, str]:
    return facts.key.manufacturer, facts.key.model, facts.key.soc


def _nearest(wanted: str, models: Iterable[ModelFacts]) -> str:
    """The names most like ``wanted``, each with its model."""
    by_name: dict[str, ModelFacts] = {}
    for facts in models:
        for name in whole_names(facts) - {str(facts.key).casefold()}:
            by_name.setdefault(name, facts)
    if not by_name:
        return "the store holds no test results; measure with 'chirpbench run'"
    near = difflib.get_close_matches(wanted, by_name, n=MAX_SHOWN * 3, cutoff=NEAREST_RATIO)
    found = list({str(by_name[name].key): by_name[name] for name in near}.values())
    begin = "nearest are" if found else "stored are"
    return (
        f"{begin}: {_listed(found or list(by_name.values()))}; "
        "or describe a model that was never measured with --manufacturer and --soc"
    )


def _listed(models: Iterable[ModelFacts]) -> str:
    names = list(dict.fromkeys(_shown(facts) for facts in models))
    more = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
    return "; ".join(names[:MAX_SHOWN]) + more


def _shown(facts: ModelFacts) -> str:
    soc = one_line(facts.key.soc)
    return f"{one_line(facts.marketing_name)} = {phone_name(facts)}" + (f" / {soc}" if soc else "")
