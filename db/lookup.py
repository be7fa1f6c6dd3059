"""Finding and linking rows inside a writer's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db import rows
from db.codec import encode
from db.evidence import check_name
from db.schema import (
    Base,
    EvidenceTable,
    MeasurementTable,
    ReasonTable,
    RunTable,
    StimulusTable,
    TrialTable,
)
from profiler.errors import StoreError
from profiler.model import Measurement, Recording, Stimulus, TrialRecord

Row = TypeVar("Row", bound=Base)


def find(
    session: Session, table: type[Row], column: InstrumentedAttribute[str], key: str
) -> Row | None:
    """The row with this key, or ``None``."""
    return session.scalar(select(table).where(column == rows.key_text(key)))


def need(
    session: Session, table: type[Row], column: InstrumentedAttribute[str], key: str, what: str
) -> Row:
    """The row with this key. Raises :class:`StoreError` when there is none."""
    row = find(session, table, column, key)
    if row is None:
        raise StoreError(f"{what} {key[:100]!r} is not in the store", hint="store it first")
    return row


def refuse_other(stored: object, given: object, what: str) -> None:
    """Raise :class:`StoreError` unless both say the same. NaN equals NaN here."""
    if encode(stored) != encode(given):
        raise StoreError(
            f"{what} is already stored with other content", hint="give every new one its own UUID"
        )


def refuse_second(session: Session, run: RunTable, trial: TrialRecord) -> None:
    """Raise :class:`StoreError` when this attempt is stored under another UUID."""
    other = session.scalar(
        select(TrialTable.trial_uuid).where(
            TrialTable.run_id == run.id,
            TrialTable.test_id == rows.key_text(trial.test_id),
            TrialTable.position == trial.index,
            TrialTable.attempt == trial.attempt,
        )
    )
    if other is not None:
        raise StoreError(
            f"run {run.run_uuid}: attempt {trial.attempt} at trial {trial.index} of "
            f"{trial.test_id} is already stored as {other}",
            hint="ask Store.next_attempt for the number",
        )


def trial_of(session: Session, row: TrialTable) -> TrialRecord:
    """The whole trial of a row."""
    stimulus = session.get(StimulusTable, row.stimulus_id) if row.stimulus_id else None
    recording = session.get(EvidenceTable, row.evidence_id) if row.evidence_id else None
    return rows.trial_from_row(row, stimulus.spec if stimulus else None, recording)


def stimulus_id(session: Session, spec: Stimulus | None) -> int | None:
    """The row of a stimulus, made when it is new."""
    if spec is None:
        return None
    known = find(session, StimulusTable, StimulusTable.stimulus_id, spec.stimulus_id)
    if known is None:
        known = rows.stimulus_row(spec)
        session.add(known)
        session.flush()
    return known.id


def evidence_id(session: Session, recording: Recording | None) -> int | None:
    """The row of a recording, made when it is new."""
    if recording is None:
        return None
    check_name(recording)
    known = find(session, EvidenceTable, EvidenceTable.sha256, recording.sha256)
    if known is None:
        known = rows.evidence_row(recording, now=rows.utc_now())
        session.add(known)
        session.flush()
    refuse_other(rows.recording_from_row(known), recording, f"evidence {recording.sha256}")
    return known.id


def add_children(
    session: Session,
    reasons: Iterable[str],
    measurements: Iterable[Measurement],
    *,
    trial_id: int | None = None,
    test_result_id: int | None = None,
) -> None:
    """Link reasons and numbers to a trial or to a test."""
    children: list[ReasonTable | MeasurementTable] = []
    children += rows.reason_rows(reasons)
    children += rows.measurement_rows(measurements)
    for child in children:
        child.trial_id, child.test_result_id = trial_id, test_result_id
    session.add_all(children)


def drop_children(
    session: Session, *, trial_id: int | None = None, test_result_id: int | None = None
) -> None:
    """Remove the reasons and numbers of a trial or of a test before new ones are linked."""
    reasons, numbers = ReasonTable, MeasurementTable
    # A column compared with None is "IS NULL", so the pair names one parent exactly.
    session.execute(
        delete(reasons).where(
            reasons.trial_id == trial_id, reasons.test_result_id == test_result_id
        )
    )
    session.execute(
        delete(numbers).where(
            numbers.trial_id == trial_id, numbers.test_result_id == test_result_id
        )
    )
