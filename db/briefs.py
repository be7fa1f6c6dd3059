"""Who a row is of: the model key of many facts at once, without reading what else they hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from db.rows import is_shortened
from db.schema import FactsTable
from profiler.model import ModelKey

CHUNK = 500
"""Fewer than any database's limit of parameters."""
_NAMES = ("manufacturer", "model", "soc", "os_build", "marketing_name", "os_name", "os_version")


@dataclass(frozen=True, slots=True)
class Brief:
    """The names of a model as the device said them, exactly."""

    key: ModelKey
    marketing_name: str
    os_name: str
    os_version: str
    is_virtual: bool
    is_emulator: bool


def chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """The distinct ids in parts that fit into one statement."""
    distinct = list(dict.fromkeys(ids))
    for i in range(0, len(distinct), CHUNK):
        yield distinct[i : i + CHUNK]


def briefs(session: Session, facts_ids: Iterable[int]) -> dict[int, Brief]:
    """Of these rows of ``facts``; those that are not there are left out."""
    wanted = set(facts_ids)
    flags = FactsTable.is_virtual, FactsTable.is_emulator
    names = [getattr(FactsTable, name) for name in _NAMES]
    query = select(FactsTable.id, *flags, *names)
    if len(wanted) <= CHUNK:  # else it costs less to look at all: there is one a model and build
        query = query.where(FactsTable.id.in_(wanted))
    found: dict[int, Brief] = {}
    for number, is_virtual, is_emulator, *texts in session.connection().execute(query).all():
        if number in wanted:
            maker, model, soc, build, name, system, version = _exactly(session, number, texts)
            key = ModelKey(maker, model, soc, build)
            found[number] = Brief(key, name, system, version, is_virtual, is_emulator)
    return found


def _exactly(session: Session, number: int, texts: list[str]) -> list[str]:
    """A column holds long or strange text in a shortened form: the whole is in the JSON."""
    if not any(map(is_shortened, texts)):
        return texts
    whole = select(cast(FactsTable.facts, Text)).where(FactsTable.id == number)
    said = parsed(session.scalar(whole))
    given = said if isinstance(said, dict) else {}
    values = [given.get(name) for name in _NAMES]
    return [v if isinstance(v, str) else text for v, text in zip(values, texts, strict=True)]


def parsed(text: str | None) -> Any:
    """The value of a JSON text; ``None`` for what is none: its own reader says so."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
