"""From what a person types to what the store holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from db import queries
from db.queries import Filter
from db.store import Store
from profiler.cli.text import clean, model_text
from profiler.errors import InputError
from profiler.model import ModelKey, RunRecord, SessionRow

MIN_PREFIX = 4
"""Fewer characters of a UUID are more likely a slip than a name."""
MAX_SHOWN = 12
LATENCY_TESTS = ("L1",)
"""Sessions that make a model's latency: other tests vary what they measure."""


def find_runs(store: Store, text: str) -> list[RunRecord]:
    """The run, or the runs of the bench, whose UUID is or begins with ``text``.

    Raises :class:`InputError` when there is none, or when several begin like that.
    """
    for where in (Filter(run_uuid=text), Filter(bench_uuid=text)):
        exact = queries.runs(store, where)
        if exact:
            return exact
    known = queries.runs(store) if len(text) >= MIN_PREFIX else []
    benches = {r.bench_uuid for r in known if r.bench_uuid.startswith(text)}
    alone = [r for r in known if r.run_uuid.startswith(text)]
    if len(benches) + len(alone) > 1:
        raise InputError(f"several runs begin with {clean(text)!r}", hint="give more of the UUID")
    if alone:
        return alone
    if benches:
        return [r for r in known if r.bench_uuid in benches]
    raise InputError(
        f"no run {clean(text, 60)!r} in {store.name}", hint="'chirpbench results' lists them"
    )


def find_model(text: str, sessions: Iterable[SessionRow]) -> ModelKey:
    """The one model key ``text`` fits: a whole name first, else a part of name, SoC or build.

    Raises :class:`InputError` that lists the candidates when it is not exactly one.
    """
    names: dict[ModelKey, str] = {}
    for row in sessions:
        names.setdefault(row.model_key, row.marketing_name)
    wanted = text.casefold().strip()
    whole = [k for k, name in names.items() if wanted in whole_names(k, name)]
    parts = [k for k, name in names.items() if fits(wanted, k, name)]
    found = whole or parts
    if len(found) == 1:
        return found[0]
    shown = clean(text, 60)
    if not found:
        raise InputError(f"no model fits {shown!r}", hint=f"stored are: {_listed(names)}")
    raise InputError(
        f"{len(found)} models fit {shown!r}", hint=f"give more of one of: {_listed(found)}"
    )


def fits(text: str, key: ModelKey, marketing_name: str) -> bool:
    """Whether ``text`` is a part of what names this model."""
    wanted = text.casefold().strip()
    return bool(wanted) and wanted in f"{key} {marketing_name}".casefold()


def whole_names(key: ModelKey, marketing_name: str) -> set[str]:
    """The texts that name a model completely, in lower case."""
    names = (key.model, marketing_name, f"{key.manufacturer} {key.model}", key.os_build, str(key))
    return {name.casefold() for name in names if name}


def _listed(keys: Iterable[ModelKey]) -> str:
    texts: Sequence[str] = sorted(model_text(key, 120) for key in keys)
    more = f" and {len(texts) - MAX_SHOWN} more" if len(texts) > MAX_SHOWN else ""
    return "; ".join(texts[:MAX_SHOWN]) + more if texts else "none"
