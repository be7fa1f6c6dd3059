"""The write side of the store. Every method is one transaction: all of it is stored, or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import lookup, overview_write, rows, sqlite
from db.codec import encode
from db.engine import Place, connect, guarded, locate, refuse_scrap
from db.evidence import EvidenceStore
from db.measured import numbers_of
from db.migrate import bring_up_to_date, look_at
from db.schema import (
    DeviceTable,
    FactsTable,
    RunTable,
    SupersededTable,
    TestTable,
    TrialTable,
)
from profiler.errors import StoreError
from profiler.model import (
    DeviceFacts,
    DeviceRef,
    Measurement,
    RunRecord,
    RunStatus,
    TestResult,
    TrialRecord,
)

DEFAULT_STORE = "chirpbench.db"
EVIDENCE_SUFFIX = ".evidence"
_RETRIES = 3
"""Two writers may insert the same device or stimulus; the loser sees it when it looks again."""

T = TypeVar("T")


class Store:
    """Devices, runs, trials and tests. May be used from any thread; readers: :mod:`db.queries`.

    Writes are idempotent: writing the same thing again changes nothing, writing another thing
    under the same UUID raises :class:`StoreError`.
    """

    def __init__(
        self, engine: Engine, place: Place, evidence: EvidenceStore, *, read_only: bool = False
    ) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**sqlite.WRITE)
        self._place = place
        self._write_lock = threading.Lock()  # threads queue here, not in the database's time-out
        self._read_only = read_only
        self.evidence = evidence

    @classmethod
    def open(
        cls,
        url: str | Path = DEFAULT_STORE,
        *,
        evidence_root: Path | None = None,
        create: bool = True,
    ) -> Self:
        """Open a store, creating or upgrading it where needed.

        ``url`` is the path of an SQLite file or a database URL. Recordings go to
        ``evidence_root``; without it to ``<file>.evidence`` beside the SQLite file, and for a
        server to ``chirpbench.evidence`` in the current folder. Raises
        :class:`~profiler.errors.SchemaTooNew` and :class:`StoreError`.
        """
        place = locate(url)
        refuse_scrap(place)
        engine = connect(place)
        with _disposed_on_error(engine):
            bring_up_to_date(engine, place, create=create)
        return cls(engine, place, EvidenceStore(_root(place, evidence_root)))

    @classmethod
    def open_to_look(cls, url: str | Path, *, evidence_root: Path | None = None) -> Self:
        """Open a store that exists, without ever changing it: no upgrade, no write.

        Raises :class:`~profiler.errors.SchemaTooOld` for a store that must be upgraded first,
        :class:`~profiler.errors.SchemaTooNew`, and :class:`StoreError`.
        """
        place = locate(url)
        refuse_scrap(place)
        engine = connect(place, read_only=True)
        with _disposed_on_error(engine):
            look_at(engine, place)
        evidence = EvidenceStore(_root(place, evidence_root))
        return cls(engine, place, evidence, read_only=True)

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """Where the store is, for people."""
        return self._place.name

    def read(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` on one consistent view. Raises :class:`StoreError`."""
        with guarded(self._place), Session(self._engine) as session:
            return work(session)

    def write(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` in one transaction: all of it is stored, or nothing.

        It may run more than once. Raises :class:`StoreError`, always for a store that was opened
        to look.
        """
        if self._read_only:
            raise StoreError(
                f"{self.name}: was opened to look, not to write",
                hint="stop, and write with another command of chirpbench",
            )
        with self._write_lock, guarded(self._place):
            for _ in range(_RETRIES):
                try:
                    with Session(self._writer, expire_on_commit=False) as session, session.begin():
                        return work(session)
                except IntegrityError:
                    continue
            with Session(self._writer, expire_on_commit=False) as session, session.begin():
                return work(session)

    # -- devices and runs -----------------------------------------------------------------------

    def upsert_device(self, ref: DeviceRef, facts: DeviceFacts | None = None) -> None:
        """Store a device and, when it has answered, what it says of itself now."""
        self.write(lambda session: _put_device(session, ref, facts))

    def begin_run(self, run: RunRecord) -> None:
        """Store a run; it belongs to the model its device's facts name at this moment.

        The device must have been stored before. A run that is already stored is left alone, so
        that a resumed bench can call this again.
        """

        def work(session: Session) -> None:
            known = lookup.find(session, RunTable, RunTable.run_uuid, run.run_uuid)
            if known is not None:
                _same_device(known, run)
                return
            device = lookup.need(session, DeviceTable, DeviceTable.uid, run.device_uid, "device")
            columns = rows.run_columns(run)
            row = RunTable(device_id=device.id, facts_id=device.facts_id, **columns)
            session.add(row)
            overview_write.run_begun(session, row)

        self.write(work)

    def finish_run(
        self,
        run_uuid: str,
        status: RunStatus,
        reason: str = "",
        ended_at: datetime | None = None,
        message: str = "",
    ) -> RunRecord:
        """End a run (or, with ``RunStatus.RUNNING``, open it again) and return its record."""

        def work(session: Session) -> RunRecord:
            row = lookup.need(session, RunTable, RunTable.run_uuid, run_uuid, "run")
            ended = None if status is RunStatus.RUNNING else (ended_at or rows.utc_now())
            run = replace(
                rows.run_from_row(row),
                status=status, reason=reason, ended_at=ended, message=message,
            )  # fmt: skip
            for column, value in rows.run_columns(run).items():
                setattr(row, column, value)
            overview_write.count_change(session)
            return run

        return self.write(work)

    # -- trials and tests -----------------------------------------------------------------------

    def add_trial(self, trial: TrialRecord, measurements: Iterable[Measurement] = ()) -> bool:
        """Store one trial with its evidence row, reasons and numbers.

        The numbers are those of the estimate and of the probe's report
        (:func:`db.measured.numbers_of`), and ``measurements`` on top. Returns ``False`` when the
        very same trial was already stored. The recording's file must have been saved before.
        """
        extra = tuple(measurements)

        def work(session: Session) -> bool:
            known = lookup.find(session, TrialTable, TrialTable.trial_uuid, trial.trial_uuid)
            if known is not None:
                lookup.refuse_other(
                    lookup.trial_of(session, known), trial, f"trial {trial.trial_uuid}"
                )
                return False
            run = lookup.need(session, RunTable, RunTable.run_uuid, trial.run_uuid, "run")
            if trial.partner is not None:
                lookup.evidence_id(session, trial.partner.recording)
            lookup.refuse_second(session, run, trial)
            row = TrialTable(
                run_id=run.id,
                stimulus_id=lookup.stimulus_id(session, trial.stimulus),
                evidence_id=lookup.evidence_id(session, trial.recording),
                **rows.trial_columns(trial),
            )
            session.add(row)
            session.flush()
            lookup.add_children(
                session, trial.reasons, (*numbers_of(trial), *extra), trial_id=row.id
            )
            overview_write.trial_written(session, run, row, is_new=True)
            return True

        return self.write(work)

    def replace_analysis(
        self, trial: TrialRecord, measurements: Iterable[Measurement] = ()
    ) -> bool:
        """Store a new analysis of a stored trial; the former one is kept as superseded.

        Only estimate, findings, verdict, reasons, message and tool version may differ.
        Returns ``False`` when nothing differs.
        """
        extra = tuple(measurements)

        def work(session: Session) -> bool:
            row = lookup.need(session, TrialTable, TrialTable.trial_uuid, trial.trial_uuid, "trial")
            stored = lookup.trial_of(session, row)
            if encode(stored) == encode(trial):
                return False
            _only_analysis_differs(stored, trial)
            session.add(
                SupersededTable(
                    trial_id=row.id,
                    replaced_at=rows.utc_now(),
                    record=row.record,
                    measured=row.measured,
                    findings=row.findings,
                )
            )
            for column, value in rows.analysis_columns(trial).items():
                setattr(row, column, value)
            lookup.drop_children(session, trial_id=row.id)
            lookup.add_children(
                session, trial.reasons, (*numbers_of(trial), *extra), trial_id=row.id
            )
            run = session.get_one(RunTable, row.run_id)
            overview_write.trial_written(session, run, row, is_new=False)
            return True

        return self.write(work)

    def add_test_result(self, result: TestResult) -> None:
        """Store a test's result; a later result of the same run and test replaces it."""

        def work(session: Session) -> None:
            run = lookup.need(session, RunTable, RunTable.run_uuid, result.run_uuid, "run")
            columns = rows.test_columns(result, now=rows.utc_now())
            row = session.scalar(
                select(TestTable).where(
                    TestTable.run_id == run.id, TestTable.test_id == columns["test_id"]
                )
            )
            if row is None:
                row = TestTable(run_id=run.id, **columns)
                session.add(row)
                session.flush()
            elif row.record == columns["record"]:
                return
            else:
                for column, value in columns.items():
                    setattr(row, column, value)
                lookup.drop_children(session, test_result_id=row.id)
            lookup.add_children(session, result.reasons, result.measurements, test_result_id=row.id)
            overview_write.test_written(session, run)

        self.write(work)

    def next_attempt(self, run_uuid: str, test_id: str, index: int) -> int:
        """The number of the next attempt at a trial: 1 when none is stored."""

        def work(session: Session) -> int:
            last = session.scalar(
                select(func.max(TrialTable.attempt))
                .join(RunTable, RunTable.id == TrialTable.run_id)
                .where(
                    RunTable.run_uuid == rows.key_text(run_uuid),
                    TrialTable.test_id == rows.key_text(test_id),
                    TrialTable.position == index,
                )
            )
            return (last or 0) + 1

        return self.read(work)


def _root(place: Place, evidence_root: Path | None) -> Path:
    base = place.file or Path("chirpbench")
    return evidence_root or base.with_name(base.name + EVIDENCE_SUFFIX)


@contextmanager
def _disposed_on_error(engine: Engine) -> Iterator[None]:
    """Give the connections back unless the block ends well."""
    try:
        yield
    except BaseException:  # Ctrl-C, too: no connection stays open
        engine.dispose()
        raise


def _put_device(session: Session, ref: DeviceRef, facts: DeviceFacts | None) -> None:
    now = rows.utc_now()
    row = lookup.find(session, DeviceTable, DeviceTable.uid, ref.uid)
    if row is None:
        row = rows.device_row(ref, now=now)
        session.add(row)
    row.ref, row.last_seen = encode(ref), now
    if facts is not None:
        row.facts_id = _facts_id(session, facts, now)
    overview_write.count_change(session)


def _facts_id(session: Session, facts: DeviceFacts, now: datetime) -> int:
    said = rows.facts_row(facts, now=now)
    known = lookup.find(session, FactsTable, FactsTable.sha256, said.sha256)
    if known is None:
        known = said
        session.add(known)
        session.flush()
    return known.id


def _same_device(known: RunTable, run: RunRecord) -> None:
    stored = rows.run_from_row(known)
    if (stored.device_uid, stored.bench_uuid) != (run.device_uid, run.bench_uuid):
        raise StoreError(
            f"run {run.run_uuid} is already stored for {stored.device_uid[:100]!r}",
            hint="give every new run its own UUID",
        )


def _only_analysis_differs(stored: TrialRecord, trial: TrialRecord) -> None:
    analysed = replace(
        stored,
        estimate=trial.estimate,
        findings=trial.findings,
        verdict=trial.verdict,
        reasons=trial.reasons,
        message=trial.message,
        tool_version=trial.tool_version,
    )
    lookup.refuse_other(analysed, trial, f"trial {trial.trial_uuid}")
