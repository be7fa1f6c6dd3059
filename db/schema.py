"""The tables. Columns are what people filter on; JSON columns hold the frozen dataclasses whole.

Text columns are made by :func:`db.rows.key_text`, so that hostile text from a device fits every
database; the exact text is in the JSON beside it. All times are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

HEAD_REVISION = "0004"
"""The newest migration; a test holds it equal to the migrations folder."""
KEY_CHARS = 255
"""Longest text column: fits an index entry of every database."""

# Constraints need names so that a later migration can change them on every database.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware time, kept as UTC also where the database knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn any aware time into UTC; a naive one is a mistake of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Parent of all tables."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads a plain dict here
        str: String(KEY_CHARS),
        float: Double(),
        datetime: UtcDateTime(),
        Any: JSON(none_as_null=True),
    }

    id: Mapped[int] = mapped_column(primary_key=True)


class DeviceTable(Base):
    """One physical phone, sound interface, browser or virtual phone."""

    __tablename__ = "devices"

    uid: Mapped[str] = mapped_column(unique=True)
    platform: Mapped[str]
    serial: Mapped[str]
    facts_id: Mapped[int | None] = mapped_column(ForeignKey("facts.id"))
    """What it said last; ``None`` when it has never answered."""
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    ref: Mapped[Any] = mapped_column(nullable=False)


class FactsTable(Base):
    """What a device said of itself, once per distinct answer.

    A run points at the answer of its time, so that an OS update does not rename old results.
    """

    __tablename__ = "facts"
    __table_args__ = (Index(None, "manufacturer", "model", "soc", "os_build"),)

    sha256: Mapped[str] = mapped_column(unique=True)
    """Of the facts without the time they were collected."""
    manufacturer: Mapped[str]
    model: Mapped[str]
    soc: Mapped[str]
    os_build: Mapped[str]
    marketing_name: Mapped[str]
    os_name: Mapped[str]
    os_version: Mapped[str]
    is_virtual: Mapped[bool]
    is_emulator: Mapped[bool]
    first_seen: Mapped[datetime]
    facts: Mapped[Any] = mapped_column(nullable=False)


class RunTable(Base):
    """One suite on one device."""

    __tablename__ = "runs"

    run_uuid: Mapped[str] = mapped_column(unique=True)
    bench_uuid: Mapped[str] = mapped_column(index=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), index=True)
    facts_id: Mapped[int | None] = mapped_column(ForeignKey("facts.id"), index=True)
    suite: Mapped[str]
    plan_sha256: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    tool_version: Mapped[str]
    record: Mapped[Any] = mapped_column(nullable=False)


class StimulusTable(Base):
    """One stimulus, stored once however often it was played."""

    __tablename__ = "stimuli"

    stimulus_id: Mapped[str] = mapped_column(unique=True)
    seed: Mapped[str]
    """Text, because a seed may exceed every integer column."""
    rate_hz: Mapped[int]
    spec: Mapped[Any] = mapped_column(nullable=False)


class EvidenceTable(Base):
    """One recording in the evidence folder. Rows share it when the bytes are the same."""

    __tablename__ = "evidence"

    sha256: Mapped[str] = mapped_column(unique=True)
    file_name: Mapped[str]
    sample_format: Mapped[str]
    rate_hz: Mapped[int]
    channels: Mapped[int]
    frames: Mapped[int]
    size_bytes: Mapped[int]
    created_at: Mapped[datetime]


class TrialTable(Base):
    """One trial: requested, granted, measured. A row is a whole trial or does not exist."""

    __tablename__ = "trials"
    __table_args__ = (
        UniqueConstraint("run_id", "test_id", "position", "attempt"),
        # Lists of trials are newest first: an index that ends in the time gives the first page
        # of one, however many trials fit.
        Index(None, "test_id", "started_at"),
        Index(None, "test_id", "verdict", "started_at"),
        Index(None, "verdict", "started_at"),
        Index("ix_trials_path", "route", "audio_mode", "api", "input_preset", "started_at"),
    )

    trial_uuid: Mapped[str] = mapped_column(unique=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    test_id: Mapped[str]
    position: Mapped[int]
    attempt: Mapped[int]
    verdict: Mapped[str]
    route: Mapped[str]
    audio_mode: Mapped[str]
    api: Mapped[str]
    input_preset: Mapped[str]
    rate_hz: Mapped[int]
    """Requested rate."""
    granted_input_rate_hz: Mapped[int | None]
    granted_output_rate_hz: Mapped[int | None]
    latency_ms: Mapped[float | None] = mapped_column(index=True)
    """Set for valid estimates only."""
    uncertainty_us: Mapped[float | None]
    confidence: Mapped[float | None]
    drift_ppm: Mapped[float | None]
    snr_db: Mapped[float | None]
    started_at: Mapped[datetime] = mapped_column(index=True)
    duration_s: Mapped[float]
    tool_version: Mapped[str]
    stimulus_id: Mapped[int | None] = mapped_column(ForeignKey("stimuli.id"))
    evidence_id: Mapped[int | None] = mapped_column(ForeignKey("evidence.id"), index=True)
    record: Mapped[Any] = mapped_column(nullable=False)
    """The scalar fields of the trial, exactly."""
    requested: Mapped[Any] = mapped_column(nullable=False)
    granted: Mapped[Any] = mapped_column(nullable=True)
    """The probe's report."""
    measured: Mapped[Any] = mapped_column(nullable=True)
    """The estimate."""
    findings: Mapped[Any] = mapped_column(nullable=True)
    """What another analysis found."""


class SupersededTable(Base):
    """An analysis that a later one replaced; nothing measured is thrown away."""

    __tablename__ = "superseded_analyses"

    trial_id: Mapped[int] = mapped_column(ForeignKey("trials.id"), index=True)
    replaced_at: Mapped[datetime]
    record: Mapped[Any] = mapped_column(nullable=False)
    measured: Mapped[Any] = mapped_column(nullable=True)
    findings: Mapped[Any] = mapped_column(nullable=True)


class TestTable(Base):
    """One catalogue test on one device."""

    __tablename__ = "test_results"
    __test__ = False  # not a pytest class
    __table_args__ = (UniqueConstraint("run_id", "test_id"), Index(None, "test_id", "verdict"))

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    test_id: Mapped[str]
    verdict: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(index=True)
    record: Mapped[Any] = mapped_column(nullable=False)


_ONE_PARENT = "(trial_id IS NULL) <> (test_result_id IS NULL)"


class MeasurementTable(Base):
    """One finite number of a trial or of a test. ``sigma`` is 1σ in the same unit."""

    __tablename__ = "measurements"
    __table_args__ = (CheckConstraint(_ONE_PARENT, name="one_parent"), Index(None, "name", "value"))

    trial_id: Mapped[int | None] = mapped_column(ForeignKey("trials.id"), index=True)
    test_result_id: Mapped[int | None] = mapped_column(ForeignKey("test_results.id"), index=True)
    name: Mapped[str]
    value: Mapped[float]
    unit: Mapped[str]
    sigma: Mapped[float | None]


class ReasonTable(Base):
    """One reason of a trial's or a test's verdict, so that reasons can be searched."""

    __tablename__ = "reasons"
    __table_args__ = (CheckConstraint(_ONE_PARENT, name="one_parent"),)

    trial_id: Mapped[int | None] = mapped_column(ForeignKey("trials.id"), index=True)
    test_result_id: Mapped[int | None] = mapped_column(ForeignKey("test_results.id"), index=True)
    reason: Mapped[str] = mapped_column(index=True)


class VerificationTable(Base):
    """One recommendation beside the defaults in the real stack."""

    __tablename__ = "verifications"
    __table_args__ = (Index(None, "manufacturer", "model", "soc", "os_build"),)

    verification_uuid: Mapped[str] = mapped_column(unique=True)
    advice_sha256: Mapped[str] = mapped_column(index=True)
    manufacturer: Mapped[str]
    model: Mapped[str]
    soc: Mapped[str]
    os_build: Mapped[str]
    use_case: Mapped[str]
    network: Mapped[str]
    outcome: Mapped[str] = mapped_column(index=True)
    is_virtual: Mapped[bool]
    verified_at: Mapped[datetime] = mapped_column(index=True)
    tool_version: Mapped[str]
    record: Mapped[Any] = mapped_column(nullable=False)


class ModelOverviewTable(Base):
    """What is known of one model, real or virtual, at a glance; kept by the writers.

    Derived from the tables above by :mod:`db.overview_write`, which can make it again at any time.
    """

    __tablename__ = "model_overview"
    __table_args__ = (
        UniqueConstraint("manufacturer", "model", "soc", "os_build", "is_virtual"),
    )  # fmt: skip

    manufacturer: Mapped[str]
    model: Mapped[str]
    soc: Mapped[str]
    os_build: Mapped[str]
    is_virtual: Mapped[bool]
    facts_id: Mapped[int] = mapped_column(ForeignKey("facts.id"))
    """What the device of its newest run said."""
    platform: Mapped[str]
    devices: Mapped[int]
    runs: Mapped[int]
    trials: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    tests: Mapped[Any] = mapped_column(nullable=False)
    """By test ``[verdict of the newest result, results, devices]``, and for headline tests what the
    newest says: ``[…, recorded at, text, reasons, numbers]``."""


class PathOverviewTable(Base):
    """The latency of one model in one test on one path at one rate; kept by the writers."""

    __tablename__ = "path_overview"
    __table_args__ = (
        UniqueConstraint(
            "model_id", "test_id", "route", "audio_mode", "api", "input_preset", "rate_hz",
            name="uq_path_overview_path",
        ),
    )  # fmt: skip

    model_id: Mapped[int] = mapped_column(ForeignKey("model_overview.id"))
    test_id: Mapped[str]
    route: Mapped[str]
    audio_mode: Mapped[str]
    api: Mapped[str]
    input_preset: Mapped[str]
    rate_hz: Mapped[int]
    devices: Mapped[int]
    runs: Mapped[int]
    sessions: Mapped[int]
    rejected: Mapped[int]
    p05_ms: Mapped[float | None]
    p25_ms: Mapped[float | None]
    median_ms: Mapped[float | None]
    p75_ms: Mapped[float | None]
    p95_ms: Mapped[float | None]
    ci95_low_ms: Mapped[float | None]
    ci95_high_ms: Mapped[float | None]
    between_sd_ms: Mapped[float | None]
    uncertainty_us: Mapped[float | None]
    verdict: Mapped[str]
    last_at: Mapped[datetime]


class ProgressTable(Base):
    """What one device of a bench does at this moment; old benches are pruned."""

    __tablename__ = "progress"
    __table_args__ = (UniqueConstraint("bench_uuid", "device_uid"),)

    bench_uuid: Mapped[str]
    device_uid: Mapped[str]
    started_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)
    record: Mapped[Any] = mapped_column(nullable=False)


class ChangesTable(Base):
    """How often results (row 1) and progress (row 2) were written: what readers compare."""

    __tablename__ = "changes"

    number: Mapped[int]
