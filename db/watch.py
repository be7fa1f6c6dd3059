"""A cheap answer to "has anything changed?" for readers that keep what they read."""

from __future__ import annotations

from sqlalchemy import column, select, table
from sqlalchemy.orm import Session

from db.overview_write import PROGRESS, RESULTS
from db.schema import HEAD_REVISION, ChangesTable
from db.store import Store
from profiler.errors import SchemaTooNew

_VERSION = select(table("alembic_version", column("version_num")).c.version_num)


def change_token(store: Store, *, with_progress: bool = True) -> tuple[int | str, ...]:
    """A value that differs from an earlier one when anything was written in between.

    ``with_progress=False`` leaves out :mod:`db.progress`, which a running bench writes every
    second. Raises :class:`~profiler.errors.SchemaTooNew` when a newer chirpbench has upgraded the
    store since it was opened.
    """
    numbers = select(ChangesTable.id, ChangesTable.number)

    def work(session: Session) -> tuple[int | str, ...]:
        revisions = session.scalars(_VERSION).all()
        if list(revisions) != [HEAD_REVISION]:
            raise SchemaTooNew(
                f"{store.name}: was upgraded to schema {', '.join(revisions)} while it was open",
                hint="start this program again, with the newer chirpbench",
            )
        found = {row.id: row.number for row in session.execute(numbers)}
        wanted = (RESULTS, PROGRESS) if with_progress else (RESULTS,)
        return (HEAD_REVISION, *(found.get(row_id, 0) for row_id in wanted))

    return store.read(work)
