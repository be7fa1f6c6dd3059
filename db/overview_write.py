"""Keeps the overviews true: called by every writer inside its own transaction.

Whatever a write may have changed is worked out again from the rows themselves, never counted up
or down, so that an overview cannot drift from what it shows. A writer first locks the row of the
model: two hosts at one PostgreSQL server then see each other's trials.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from db.briefs import parsed
from db.filters import CALL_ROUTE, no_later_attempt
from db.path_numbers import numbers_of_path
from db.schema import (
    ChangesTable,
    DeviceTable,
    FactsTable,
    ModelOverviewTable,
    PathOverviewTable,
    RunTable,
    TestTable,
    TrialTable,
)
from db.unindexed import Unindexed

HEADLINE_TESTS = ("L1", "L2", "A1", "A2", "A9", "G1", "D1", "W1")
"""Tests whose newest result is told with its numbers."""
RESULTS, PROGRESS = 1, 2
"""Rows of ``changes``."""
_LOUDEST = {"erle_db": "erle", "erle_low_db": "erle", "effective_db": "effective",
            "effective_low_db": "effective"}  # fmt: skip
"""Numbers of which the last variant (tests go from quiet to loud) stands for all; of a value and
its bound that is the last variant of either."""
_KEY = ("manufacturer", "model", "soc", "os_build", "is_virtual")
_PATH = ("test_id", "route", "audio_mode", "api", "input_preset", "rate_hz")
_MODELS: Any = ModelOverviewTable.__table__
_CHANGES: Any = ChangesTable.__table__
_PATHS: Any = PathOverviewTable.__table__
_PATH_COLUMNS = [getattr(TrialTable, name) for name in _PATH]


def _same_as(table: Any) -> list[ColumnElement[bool]]:
    """Rows of ``table`` with the key of the facts ``:facts_id``."""
    return [
        _GIVEN.id == bindparam("facts_id"),
        *(getattr(table, name) == getattr(_GIVEN, name) for name in _KEY),
    ]


_GIVEN = aliased(FactsTable)
_KEY_OF = select(*(getattr(FactsTable, name) for name in _KEY)).where(
    FactsTable.id == bindparam("facts_id")
)
_SAME_FACTS = select(FactsTable.id).where(*_same_as(FactsTable))
_LOCKED_ROW = (
    select(ModelOverviewTable.id)
    .where(*_same_as(ModelOverviewTable))
    .with_for_update(of=ModelOverviewTable)
)
_ATTEMPTS = (
    select(*_PATH_COLUMNS)
    .where(
        TrialTable.run_id == bindparam("run"),
        TrialTable.test_id == bindparam("test"),
        TrialTable.position == bindparam("position"),
    )
    .distinct()
)
_SESSIONS_ON_PATH = (
    select(
        RunTable.device_id,
        TrialTable.run_id,
        TrialTable.verdict,
        TrialTable.latency_ms,
        TrialTable.uncertainty_us,
        TrialTable.started_at,
    )
    .join(RunTable, RunTable.id == TrialTable.run_id)
    .where(
        RunTable.facts_id.in_(bindparam("facts_ids", expanding=True)),
        TrialTable.measured.is_not(None),
        TrialTable.route != CALL_ROUTE,
        no_later_attempt(),
    )
    .order_by(TrialTable.started_at, TrialTable.id)
)
"""The sessions as :func:`db.queries.sessions` takes them, in its order."""
_SESSIONS = _SESSIONS_ON_PATH.with_only_columns(
    *_PATH_COLUMNS, *_SESSIONS_ON_PATH.selected_columns, maintain_column_froms=True
)
_SESSIONS_ON_PATH = _SESSIONS_ON_PATH.where(
    *(
        (Unindexed(column.expression) if name in ("test_id", "route") else column)
        == bindparam(name)
        for name, column in zip(_PATH, _PATH_COLUMNS, strict=True)
    )
)
_CHANGED = (
    update(_CHANGES).where(_CHANGES.c.id == bindparam("what")).values(number=_CHANGES.c.number + 1)
)


@dataclass(frozen=True, slots=True)
class Model:
    """A row of ``model_overview``, locked, with the facts that have its key."""

    id: int
    facts_ids: tuple[int, ...]


def count_change(session: Session, what: int = RESULTS) -> None:
    """Tell readers that something was written; the last thing a writer does."""
    session.flush()
    session.connection().execute(_CHANGED, {"what": what})


def run_begun(session: Session, run: RunTable) -> None:
    """A run is new."""
    if run.facts_id is not None:
        _put_model(session, run.facts_id)
    count_change(session)


def trial_written(session: Session, run: RunTable, trial: TrialTable, *, is_new: bool) -> None:
    """A trial is new, or was analysed again."""
    session.flush()
    model = _lock(session, run.facts_id)
    if model is not None:
        if is_new:
            _count_trial(session, model, trial.started_at)
        for path in _paths_at(session, trial):
            _put_paths(session, model, path)
    count_change(session)


def test_written(session: Session, run: RunTable) -> None:
    """A test's result is new or replaced another one."""
    session.flush()
    model = _lock(session, run.facts_id)
    if model is not None:
        _put_tests(session, model)
    count_change(session)


def rebuild(session: Session) -> None:
    """Make both overviews again from all that is stored."""
    session.execute(delete(PathOverviewTable))
    session.execute(delete(ModelOverviewTable))
    columns = [getattr(FactsTable, name) for name in _KEY]
    with_runs = FactsTable.id.in_(select(RunTable.facts_id))
    for facts_id in session.scalars(
        select(func.min(FactsTable.id)).where(with_runs).group_by(*columns).order_by(*columns)
    ).all():
        _build(session, facts_id)
    count_change(session)


def _build(session: Session, facts_id: int) -> None:
    model = _put_model(session, facts_id)
    _put_tests(session, model)
    _put_paths(session, model)


# -- models -------------------------------------------------------------------------------------


def _facts_with(session: Session, facts_id: int) -> tuple[int, ...]:
    """All facts with the model key, and the nature, of these."""
    return tuple(session.connection().scalars(_SAME_FACTS, {"facts_id": facts_id}))


def _row_of(session: Session, facts_id: int) -> int | None:
    """The model's row. Locked: nobody else writes it until we commit."""
    found: int | None = session.connection().scalar(_LOCKED_ROW, {"facts_id": facts_id})
    return found


def _lock(session: Session, facts_id: int | None) -> Model | None:
    """The row of the model, locked. ``None``: nothing is left to do, because the device never
    said what it is, or the row was not there and is complete now."""
    if facts_id is None:
        return None
    row_id = _row_of(session, facts_id)
    if row_id is None:  # rows were put in around the store
        _build(session, facts_id)
        return None
    return Model(row_id, _facts_with(session, facts_id))


def _put_model(session: Session, facts_id: int) -> Model:
    """Write what the runs of a model say of it, with the trials it has."""
    session.flush()
    row_id = _row_of(session, facts_id)
    facts_ids = _facts_with(session, facts_id)
    values = _of_runs(session, facts_ids) | _of_trials(session, facts_ids)
    values["last_at"] = max(values["last_at"], values.pop("last_trial_at") or values["last_at"])
    connection = session.connection()
    if row_id is None:
        key = connection.execute(_KEY_OF, {"facts_id": facts_id}).one()
        named = dict(zip(_KEY, key, strict=True))
        made = insert(_MODELS).values(**named, **values, tests={}).returning(_MODELS.c.id)
        return Model(connection.execute(made).scalar_one(), facts_ids)
    _update_model(session, row_id, values)
    return Model(row_id, facts_ids)


def _update_model(session: Session, row_id: int, values: dict[str, Any]) -> None:
    session.connection().execute(update(_MODELS).where(_MODELS.c.id == row_id).values(**values))


def _of_runs(session: Session, facts_ids: Sequence[int]) -> dict[str, Any]:
    mine = RunTable.facts_id.in_(facts_ids)
    runs, devices, first, last = session.execute(
        select(
            func.count(),
            func.count(RunTable.device_id.distinct()),
            func.min(RunTable.started_at),
            func.max(RunTable.started_at),
        ).where(mine)
    ).one()
    newest, platform = session.execute(
        select(RunTable.facts_id, DeviceTable.platform)
        .join(DeviceTable, DeviceTable.id == RunTable.device_id)
        .where(mine)
        .order_by(RunTable.started_at.desc(), RunTable.id.desc())
        .limit(1)
    ).one()
    return {
        "runs": runs,
        "devices": devices,
        "first_at": first,
        "last_at": last,
        "facts_id": newest,
        "platform": platform,
    }


def _of_trials(session: Session, facts_ids: Sequence[int]) -> dict[str, Any]:
    count, last = session.execute(
        select(func.count(), func.max(TrialTable.started_at))
        .join(RunTable, RunTable.id == TrialTable.run_id)
        .where(RunTable.facts_id.in_(facts_ids))
    ).one()
    return {"trials": count, "last_trial_at": last}


def _count_trial(session: Session, model: Model, started_at: datetime) -> None:
    """Trials are never removed and keep their time: one more row makes one more trial."""
    at = bindparam("at", started_at, _MODELS.c.last_at.type)
    last_at = case((_MODELS.c.last_at < at, at), else_=_MODELS.c.last_at)
    _update_model(session, model.id, {"trials": _MODELS.c.trials + 1, "last_at": last_at})


# -- paths --------------------------------------------------------------------------------------


def _paths_at(session: Session, trial: TrialTable) -> list[tuple[Any, ...]]:
    """The paths of all attempts at a trial: a new attempt takes the place of one before it."""
    values = {"run": trial.run_id, "test": trial.test_id, "position": trial.position}
    return [tuple(row) for row in session.connection().execute(_ATTEMPTS, values)]


def _put_paths(session: Session, model: Model, path: tuple[Any, ...] | None = None) -> None:
    """Write the rows of a model's paths, or the row of one."""
    groups: defaultdict[tuple[Any, ...], Sequence[Any]] = defaultdict(list)
    values = {"facts_ids": model.facts_ids, **dict(zip(_PATH, path or (), strict=False))}
    query = _SESSIONS if path is None else _SESSIONS_ON_PATH
    found = session.connection().execute(query, values).all()  # plain rows: may be thousands
    if path is None:
        for row in found:
            groups[tuple(row[: len(_PATH)])].append(row[len(_PATH) :])  # type: ignore[attr-defined]
    elif found:
        groups[path] = found
    mine = _PATHS.c.model_id == model.id
    if path is not None and groups:
        at = [_PATHS.c[name] == value for name, value in zip(_PATH, path, strict=True)]
        changed = update(_PATHS).where(mine, *at).values(**numbers_of_path(groups[path]))
        if session.connection().execute(changed).rowcount:
            return
    else:
        at = [_PATHS.c[name] == value for name, value in zip(_PATH, path or (), strict=False)]
        session.connection().execute(delete(_PATHS).where(mine, *at))
    new = [
        {"model_id": model.id, **dict(zip(_PATH, place, strict=True)), **numbers_of_path(found)}
        for place, found in groups.items()
    ]
    if new:
        session.connection().execute(insert(_PATHS), new)


# -- tests --------------------------------------------------------------------------------------


def _put_tests(session: Session, model: Model) -> None:
    """Write the newest result of every test."""
    query = (
        select(TestTable.id, TestTable.test_id, TestTable.verdict, RunTable.device_id)
        .join(RunTable, RunTable.id == TestTable.run_id)
        .where(RunTable.facts_id.in_(model.facts_ids))
        .order_by(TestTable.recorded_at.desc(), TestTable.id.desc())
    )
    newest: dict[str, tuple[int, str]] = {}
    devices: defaultdict[str, set[int]] = defaultdict(set)
    counts: defaultdict[str, int] = defaultdict(int)
    for number, test_id, verdict, device_id in session.connection().execute(query):
        newest.setdefault(test_id, (number, verdict))
        devices[test_id].add(device_id)
        counts[test_id] += 1
    said = _records(session, [newest[t][0] for t in HEADLINE_TESTS if t in newest])
    tests = {
        test_id: [verdict, counts[test_id], len(devices[test_id]), *said.get(number, ())]
        for test_id, (number, verdict) in newest.items()
    }
    _update_model(session, model.id, {"tests": tests})


def _records(session: Session, ids: Iterable[int]) -> dict[int, list[Any]]:
    """What these results say: when, text, reasons, numbers. A damaged one says nothing: its own
    reader tells."""
    found = {}
    query = select(TestTable.id, TestTable.recorded_at, cast(TestTable.record, Text))
    query = query.where(TestTable.id.in_(list(ids)))
    for number, at, text in session.connection().execute(query):
        record = parsed(text)
        record = record if isinstance(record, dict) else {}
        found[number] = [
            at.isoformat(),
            record["text"] if isinstance(record.get("text"), str) else "",
            _texts(record.get("reasons")),
            _plain_numbers(record.get("measurements")),
        ]
    return found


def _texts(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def _plain_numbers(measurements: Any) -> dict[str, float]:
    """The finite numbers without a variant, and of some the loudest variant."""
    found: dict[str, float] = {}
    loudest: dict[str, str] = {}
    for one in measurements if isinstance(measurements, list) else ():
        name, value = (one.get("name"), one.get("value")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(value, (int, float)):
            continue  # not finite numbers are texts in a record
        plain, _, variant = name.partition("[")
        of = _LOUDEST.get(plain)
        if of is not None and variant != loudest.get(of, variant):
            for other in (n for n, kind in _LOUDEST.items() if kind == of):
                found.pop(other, None)  # of a quieter volume
        if of is not None:
            loudest[of] = variant
        if not variant or of is not None:
            found[plain] = float(value)
    return found
