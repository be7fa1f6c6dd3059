"""What running benches do at this moment: one row a device, written by the bench itself.

Rows say what was last known. A bench that was killed leaves rows that are not ``ended`` and whose
``updated_at`` is old; a bench that lives renews it (:mod:`profiler.bench.progress`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db import rows
from db.codec import decode, encode
from db.overview_write import PROGRESS, count_change
from db.schema import ProgressTable
from db.store import Store
from profiler.model import Verdict

KEEP_BENCHES = 20
"""Older benches are forgotten; their results are not."""


@dataclass(frozen=True, slots=True)
class DeviceProgress:
    """One device of a bench. Texts may come from the device."""

    bench_uuid: str
    run_uuid: str | None
    """``None`` until the device has answered."""
    device_uid: str
    device_name: str
    suite: str
    zone: str
    state: str
    """As the live display of ``chirpbench run`` says it: ``connecting``, ``ready``, ``starting``,
    a stage of the trial, ``helps …``, ``partner``, or how the run ended."""
    stage: str
    """Of the running trial: ``waiting``, a driver's word, ``analysing``; empty between trials."""
    fraction: float
    """Of the running trial, 0..1."""
    test_id: str
    position: int
    """Of the running trial among ``trials_total``, from 1."""
    trials_total: int
    last_test: str
    last_verdict: Verdict | None
    last_text: str
    """What the last trial or test gave."""
    message: str
    """The newest warning or error, or why the run ended."""
    started_at: datetime
    updated_at: datetime
    ended: bool


def put_progress(store: Store, *lines: DeviceProgress) -> None:
    """Write what devices do now, in one transaction. Raises :class:`StoreError`."""
    store.write(lambda session: _put(session, lines))


def progress(store: Store, *, since: datetime | None = None) -> list[DeviceProgress]:
    """What is known of benches (with ``since``: of rows written at that time or later), the newest
    bench first, its devices in the order in which they were first seen."""
    table = ProgressTable
    query = select(table.record, table.bench_uuid).order_by(table.id)
    if since is not None:
        query = query.where(table.updated_at >= since)

    def work(session: Session) -> list[DeviceProgress]:
        found = [
            decode(DeviceProgress, record, where=f"progress of bench {bench}")
            for record, bench in session.execute(query)
        ]
        began: dict[str, datetime] = {}
        for line in found:
            began[line.bench_uuid] = min(
                began.get(line.bench_uuid, line.started_at), line.started_at
            )
        return sorted(found, key=lambda p: (-began[p.bench_uuid].timestamp(), p.bench_uuid))

    return store.read(work)


def _put(session: Session, lines: Iterable[DeviceProgress]) -> None:
    is_new = False
    for line in lines:
        bench, device = rows.key_text(line.bench_uuid), rows.key_text(line.device_uid)
        row = session.scalar(
            select(ProgressTable).where(
                ProgressTable.bench_uuid == bench, ProgressTable.device_uid == device
            )
        )
        if row is None:
            is_new = True
            row = ProgressTable(bench_uuid=bench, device_uid=device)
            session.add(row)
        row.started_at, row.updated_at = line.started_at, line.updated_at
        row.record = encode(line)
    if is_new:
        _forget_old(session)
    count_change(session, PROGRESS)


def _forget_old(session: Session) -> None:
    session.flush()
    newest = (
        select(ProgressTable.bench_uuid)
        .group_by(ProgressTable.bench_uuid)
        .order_by(func.max(ProgressTable.updated_at).desc())
    )
    old = session.scalars(newest.offset(KEEP_BENCHES)).all()
    if old:
        session.execute(delete(ProgressTable).where(ProgressTable.bench_uuid.in_(old)))
