"""What a reader can ask for, and the conditions that say it to the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import aliased

from db.rows import key_text
from db.schema import DeviceTable, FactsTable, ReasonTable, RunTable, TestTable, TrialTable
from db.unindexed import Unindexed
from profiler.model import AudioPath, ModelKey, RunStatus, Verdict

CALL_ROUTE = "call"
"""``TrialRequest.path`` of a call, and of nothing else."""

Query = TypeVar("Query", bound="Select[*tuple[Any, ...]]")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows to read; a field left at its default does not restrict."""

    bench_uuid: str | None = None
    run_uuid: str | None = None
    device_uid: str | None = None
    suite: str | None = None
    plan_sha256: str | None = None
    run_status: RunStatus | None = None
    model: str | None = None
    """The model code or the marketing name, exactly."""
    model_key: ModelKey | None = None
    family: tuple[str, str, str] | None = None
    """Manufacturer, model and SoC: every OS build of one model."""
    makers: tuple[str, ...] = ()
    """Of any of these manufacturers."""
    socs: tuple[str, ...] = ()
    """With any of these SoCs."""
    is_virtual: bool | None = None
    test_ids: tuple[str, ...] = ()
    without_tests: tuple[str, ...] = ()
    """Tests to leave out."""
    verdict: Verdict | None = None
    reason: str | None = None
    path: AudioPath | None = None
    rate_hz: int | None = None
    """The requested rate."""
    trial_uuid: str | None = None
    since: datetime | None = None
    """Started (tests: were recorded) at this time or later."""
    until: datetime | None = None
    """Started (tests: were recorded) before this time."""
    latest_attempts: bool = False
    """Leave out trials that were tried again."""
    limit: int | None = None
    """The newest so many."""


ALL = Filter()


def restrict_runs(query: Query, where: Filter) -> Query:
    """Add what concerns the run, its device and its model; ``runs`` is joined already."""
    exact = (
        (RunTable.bench_uuid, where.bench_uuid),
        (RunTable.run_uuid, where.run_uuid),
        (RunTable.suite, where.suite),
        (RunTable.plan_sha256, where.plan_sha256),
        (RunTable.status, where.run_status),
    )
    query = query.where(*(column == key_text(v) for column, v in exact if v is not None))
    if where.device_uid is not None:
        device = select(DeviceTable.id).where(DeviceTable.uid == key_text(where.device_uid))
        query = query.where(RunTable.device_id.in_(device))
    models = _model_conditions(where)
    if models:
        query = query.where(RunTable.facts_id.in_(select(FactsTable.id).where(*models)))
    return query


def _model_conditions(where: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if where.model is not None:
        name = key_text(where.model)
        found.append(or_(FactsTable.model == name, FactsTable.marketing_name == name))
    if where.model_key is not None:
        for part in ("manufacturer", "model", "soc", "os_build"):
            value = getattr(where.model_key, part)
            found.append(getattr(FactsTable, part) == key_text(value))
    if where.family is not None:
        for part, value in zip(("manufacturer", "model", "soc"), where.family, strict=True):
            found.append(getattr(FactsTable, part) == key_text(value))
    if where.makers:
        found.append(FactsTable.manufacturer.in_([key_text(m) for m in where.makers]))
    if where.socs:
        found.append(FactsTable.soc.in_([key_text(soc) for soc in where.socs]))
    if where.is_virtual is not None:
        found.append(FactsTable.is_virtual.is_(where.is_virtual))
    return found


def restrict_trials(query: Query, where: Filter) -> Query:
    """Add what concerns the trial itself."""
    path = where.path
    route, verdict = _column(TrialTable.route, where), _column(TrialTable.verdict, where)
    exact = (
        (TrialTable.trial_uuid, where.trial_uuid),
        (verdict, where.verdict),
        (route, path.route if path else None),
        (TrialTable.audio_mode, path.audio_mode if path else None),
        (TrialTable.api, path.api if path else None),
        (TrialTable.input_preset, path.input_preset if path else None),
    )
    query = query.where(*(column == key_text(v) for column, v in exact if v is not None))
    query = _restrict_tests_by_name(query, _column(TrialTable.test_id, where), where)
    if where.rate_hz is not None:
        query = query.where(TrialTable.rate_hz == where.rate_hz)
    if where.reason is not None:
        with_reason = ReasonTable.reason == key_text(where.reason)
        query = query.where(TrialTable.id.in_(select(ReasonTable.trial_id).where(with_reason)))
    return query.where(no_later_attempt()) if where.latest_attempts else query


def restrict_tests(query: Query, where: Filter) -> Query:
    """Add what concerns the test result itself."""
    query = _restrict_tests_by_name(query, _column(TestTable.test_id, where), where)
    if where.verdict is not None:
        query = query.where(_column(TestTable.verdict, where) == where.verdict.value)
    if where.reason is not None:
        with_reason = ReasonTable.reason == key_text(where.reason)
        query = query.where(TestTable.id.in_(select(ReasonTable.test_result_id).where(with_reason)))
    return query


def _column(column: Any, where: Filter) -> ColumnElement[Any]:
    return Unindexed(column.expression) if _of_few_runs(where) else column.expression


def _of_few_runs(where: Filter) -> bool:
    """Whether what is asked of runs, devices and models leaves few of them."""
    return any(
        value is not None
        for value in (
            where.bench_uuid, where.run_uuid, where.device_uid, where.model, where.model_key,
            where.family, where.makers or None, where.socs or None,
        )
    )  # fmt: skip


def _restrict_tests_by_name(query: Query, column: ColumnElement[str], where: Filter) -> Query:
    if len(where.test_ids) == 1:  # as an equation it may use an index that ends in the time
        query = query.where(column == key_text(where.test_ids[0]))
    elif where.test_ids:
        query = query.where(column.in_([key_text(t) for t in where.test_ids]))
    if where.without_tests:
        query = query.where(column.not_in([key_text(t) for t in where.without_tests]))
    return query


def newest_first(query: Query, time: Any, number: Any, where: Filter) -> Query:
    """Restrict to the asked time and number of rows, newest first."""
    if where.since is not None:
        query = query.where(time >= where.since)
    if where.until is not None:
        query = query.where(time < where.until)
    return query.order_by(time.desc(), number.desc()).limit(where.limit)


def no_later_attempt() -> ColumnElement[bool]:
    """This row of ``trials`` was not tried again."""
    later = aliased(TrialTable)
    return (
        ~select(later.id)
        .where(
            later.run_id == TrialTable.run_id,
            later.test_id == TrialTable.test_id,
            later.position == TrialTable.position,
            later.attempt > TrialTable.attempt,
        )
        .exists()
    )
