"""The read side of the store: rows out as frozen dataclasses.

Each function takes an open :class:`db.store.Store`, sees one consistent state, and raises
:class:`~profiler.errors.StoreError` when the database cannot be read or a row is damaged.
Lists are oldest first unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import rows
from db.briefs import chunks
from db.codec import decode
from db.filters import (
    ALL,
    CALL_ROUTE,
    Filter,
    newest_first,
    restrict_runs,
    restrict_tests,
    restrict_trials,
)
from db.schema import (
    DeviceTable,
    EvidenceTable,
    FactsTable,
    MeasurementTable,
    RunTable,
    StimulusTable,
    SupersededTable,
    TestTable,
    TrialTable,
)
from db.store import Store
from profiler.model import (
    DeviceFacts,
    DeviceRef,
    Estimate,
    Measurement,
    Recording,
    RunRecord,
    RunStatus,
    SessionRow,
    TestResult,
    TrialRecord,
)

__all__ = [
    "ALL",
    "Filter",
    "LatestTest",
    "StoredDevice",
    "devices",
    "facts_of",
    "latest_tests",
    "measurements_of",
    "open_runs",
    "recordings",
    "results",
    "runs",
    "sessions",
    "superseded_estimates",
    "trials",
    "trials_of",
]


@dataclass(frozen=True, slots=True)
class StoredDevice:
    """A device, what it said last, and when it was seen."""

    ref: DeviceRef
    facts: DeviceFacts | None
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class LatestTest:
    """The newest result of one test on one device with one OS build."""

    device_uid: str
    facts: DeviceFacts
    result: TestResult
    recorded_at: datetime


def devices(store: Store) -> list[StoredDevice]:
    """Every device, the one seen last first."""
    query = (
        select(DeviceTable, FactsTable)
        .outerjoin(FactsTable, FactsTable.id == DeviceTable.facts_id)
        .order_by(DeviceTable.last_seen.desc(), DeviceTable.uid)
    )

    def work(session: Session) -> list[StoredDevice]:
        return [
            StoredDevice(
                rows.device_from_row(device),
                rows.facts_from_row(facts) if facts else None,
                device.first_seen,
                device.last_seen,
            )
            for device, facts in session.execute(query)
        ]

    return store.read(work)


def runs(store: Store, where: Filter = ALL) -> list[RunRecord]:
    """Runs; conditions on trials do not apply."""
    query = restrict_runs(select(RunTable), where)
    query = newest_first(query, RunTable.started_at, RunTable.id, where)
    return store.read(lambda session: [*map(rows.run_from_row, session.scalars(query))][::-1])


def open_runs(store: Store, bench_uuid: str) -> list[RunRecord]:
    """Runs of one invocation that never ended: those a resumed bench goes on with."""
    return runs(store, Filter(bench_uuid=bench_uuid, run_status=RunStatus.RUNNING))


def facts_of(store: Store, run_uuid: str) -> DeviceFacts | None:
    """What the device said of itself when the run began; ``None`` when it never answered."""
    query = (
        select(FactsTable)
        .join(RunTable, RunTable.facts_id == FactsTable.id)
        .where(RunTable.run_uuid == rows.key_text(run_uuid))
    )

    def work(session: Session) -> DeviceFacts | None:
        row = session.scalar(query)
        return rows.facts_from_row(row) if row else None

    return store.read(work)


def trials(store: Store, where: Filter = ALL) -> list[TrialRecord]:
    """Trials."""
    query = (
        select(TrialTable, StimulusTable.spec, EvidenceTable)
        .join(RunTable, RunTable.id == TrialTable.run_id)
        .outerjoin(StimulusTable, StimulusTable.id == TrialTable.stimulus_id)
        .outerjoin(EvidenceTable, EvidenceTable.id == TrialTable.evidence_id)
    )
    query = restrict_trials(restrict_runs(query, where), where)
    query = newest_first(query, TrialTable.started_at, TrialTable.id, where)

    def work(session: Session) -> list[TrialRecord]:
        return [rows.trial_from_row(*found) for found in session.execute(query)][::-1]

    return store.read(work)


def trials_of(store: Store, run_uuid: str) -> list[TrialRecord]:
    """Every trial of a run with all its attempts."""
    return trials(store, Filter(run_uuid=run_uuid))


def results(store: Store, where: Filter = ALL) -> list[TestResult]:
    """Results of tests."""
    query = select(TestTable).join(RunTable, RunTable.id == TestTable.run_id)
    query = restrict_tests(restrict_runs(query, where), where)
    query = newest_first(query, TestTable.recorded_at, TestTable.id, where)
    return store.read(lambda session: [*map(rows.test_from_row, session.scalars(query))][::-1])


def latest_tests(store: Store, where: Filter = ALL) -> list[LatestTest]:
    """For every device, OS build and test the newest result; sorted by model, device, test."""
    query = (
        select(TestTable, FactsTable, DeviceTable.uid, RunTable.device_id)
        .join(RunTable, RunTable.id == TestTable.run_id)
        .join(DeviceTable, DeviceTable.id == RunTable.device_id)
        .join(FactsTable, FactsTable.id == RunTable.facts_id)
    )
    query = restrict_tests(restrict_runs(query, where), where)
    query = newest_first(query, TestTable.recorded_at, TestTable.id, where)

    def work(session: Session) -> list[LatestTest]:
        newest: dict[tuple[object, ...], LatestTest] = {}
        for test, facts, uid, device_id in session.execute(query):
            key = (device_id, facts.manufacturer, facts.model, facts.soc, facts.os_build)
            if (*key, test.test_id) not in newest:
                newest[*key, test.test_id] = LatestTest(
                    uid, rows.facts_from_row(facts), rows.test_from_row(test), test.recorded_at
                )
        return sorted(
            newest.values(),
            key=lambda t: (str(t.facts.model_key), t.device_uid, t.result.test_id),
        )

    return store.read(work)


def sessions(store: Store, where: Filter = ALL) -> list[SessionRow]:
    """The analysed trials as :mod:`profiler.summary` takes them.

    A session is a trial whose recording was analysed, in its last attempt, on a device whose
    facts are known. Trials that never gave a recording (device lost, refused) are none, and no
    call is: what it measures is the call, not the device.
    """
    query = (
        select(
            TrialTable.record,
            TrialTable.requested,
            TrialTable.measured,
            DeviceTable.uid,
            RunTable.facts_id,
        )
        .join(RunTable, RunTable.id == TrialTable.run_id)
        .join(DeviceTable, DeviceTable.id == RunTable.device_id)
        .where(
            TrialTable.measured.is_not(None),
            TrialTable.route != CALL_ROUTE,
            RunTable.facts_id.is_not(None),
        )
    )
    query = restrict_trials(restrict_runs(query, where), replace(where, latest_attempts=True))
    query = newest_first(query, TrialTable.started_at, TrialTable.id, where)

    def work(session: Session) -> list[SessionRow]:
        found = session.execute(query).all()
        facts = _facts(session, (row[-1] for row in found))
        return [
            rows.session_from_parts(record, requested, measured, uid, facts[facts_id])
            for record, requested, measured, uid, facts_id in found
        ][::-1]

    return store.read(work)


def _facts(session: Session, facts_ids: Iterable[int]) -> dict[int, DeviceFacts]:
    """Facts can hold hundreds of properties: each is read once, and only those asked for."""
    return {
        row.id: rows.facts_from_row(row)
        for part in chunks(facts_ids)
        for row in session.scalars(select(FactsTable).where(FactsTable.id.in_(part)))
    }


def measurements_of(store: Store, trial_uuid: str) -> list[Measurement]:
    """The searchable numbers of one trial."""
    query = (
        select(MeasurementTable)
        .join(TrialTable, TrialTable.id == MeasurementTable.trial_id)
        .where(TrialTable.trial_uuid == rows.key_text(trial_uuid))
        .order_by(MeasurementTable.id)
    )
    return store.read(lambda session: [*map(rows.measurement_from_row, session.scalars(query))])


def recordings(store: Store) -> list[Recording]:
    """Every evidence file the store knows."""
    query = select(EvidenceTable).order_by(EvidenceTable.id)
    return store.read(lambda session: [*map(rows.recording_from_row, session.scalars(query))])


def superseded_estimates(store: Store, trial_uuid: str) -> list[Estimate | None]:
    """The analyses of a trial that later ones replaced."""
    query = (
        select(SupersededTable.measured)
        .join(TrialTable, TrialTable.id == SupersededTable.trial_id)
        .where(TrialTable.trial_uuid == rows.key_text(trial_uuid))
        .order_by(SupersededTable.id)
    )

    def work(session: Session) -> list[Estimate | None]:
        where = f"trial {trial_uuid}, superseded"
        return [
            None if found is None else decode(Estimate, found, where=where)
            for found in session.scalars(query)
        ]

    return store.read(work)
