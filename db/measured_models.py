"""Which models have results at all: names and kinds, without any number."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import rows
from db.briefs import chunks
from db.knowledge import model_facts
from db.schema import FactsTable, RunTable, TestTable
from db.store import Store
from profiler.model import ModelFacts

MAX_KEPT = 20_000
_kept: dict[str, ModelFacts] = {}
"""By the hash of what the device said, which is what a row is named by: never out of date. Facts
hold hundreds of properties, and reading those of a thousand models takes a tenth of a second."""


def known_models(store: Store) -> tuple[ModelFacts, ...]:
    """The facts of every model key and kind that has a test result, the one measured last at the
    end; of equal facts only the newest.

    Raises :class:`~profiler.errors.StoreError` when a row is damaged.
    """
    # The newest run with a result decides the age; a run without any says nothing of a model.
    tested = select(TestTable.id).where(TestTable.run_id == RunTable.id).exists()
    ages = (
        select(RunTable.facts_id, func.max(RunTable.started_at).label("at"))
        .where(RunTable.facts_id.is_not(None), tested)
        .group_by(RunTable.facts_id)
        .subquery()
    )
    query = (
        select(FactsTable.id, FactsTable.sha256)
        .join(ages, ages.c.facts_id == FactsTable.id)
        .order_by(ages.c.at, FactsTable.id)
    )

    def work(session: Session) -> tuple[ModelFacts, ...]:
        listed = session.execute(query).all()
        fresh = _read(session, (number for number, sha256 in listed if sha256 not in _kept))
        found: dict[ModelFacts, None] = {}
        for _, sha256 in listed:
            facts = fresh.get(sha256) or _kept[sha256]
            found.pop(facts, None)  # put again at the end
            found[facts] = None
        if len(_kept) + len(fresh) <= MAX_KEPT:
            _kept.update(fresh)
        return tuple(found)

    return store.read(work)


def _read(session: Session, numbers: Iterable[int]) -> dict[str, ModelFacts]:
    return {
        row.sha256: model_facts(rows.facts_from_row(row))
        for part in chunks(numbers)
        for row in session.scalars(select(FactsTable).where(FactsTable.id.in_(part)))
    }
