"""Columns-only reads of trials: what charts and lists show, without opening the JSON of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.briefs import Brief, briefs
from db.filters import (
    CALL_ROUTE,
    Filter,
    Query,
    newest_first,
    no_later_attempt,
    restrict_runs,
    restrict_trials,
)
from db.json_parts import JsonParts
from db.schema import DeviceTable, RunTable, TrialTable
from db.store import Store
from profiler.errors import StoreError
from profiler.model import AudioPath, ModelKey, Verdict

_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_POINT = (
    TrialTable.trial_uuid, RunTable.run_uuid, DeviceTable.uid, TrialTable.test_id,
    TrialTable.rate_hz, TrialTable.verdict, TrialTable.latency_ms, TrialTable.uncertainty_us,
    TrialTable.confidence, TrialTable.snr_db, TrialTable.started_at,
)  # fmt: skip
_PATH = (TrialTable.route, TrialTable.audio_mode, TrialTable.api, TrialTable.input_preset)


@dataclass(frozen=True, slots=True)
class LatencyPoint:
    """One session (one stream open) as a chart shows it."""

    trial_uuid: str
    run_uuid: str
    device_uid: str
    test_id: str
    key: ModelKey
    is_virtual: bool
    path: AudioPath
    rate_hz: int
    verdict: Verdict
    latency_ms: float | None
    """``None``: rejected."""
    uncertainty_us: float | None
    confidence: float | None
    snr_db: float | None
    started_at: datetime


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One trial as a list shows it. Texts are untrusted."""

    trial_uuid: str
    run_uuid: str
    device_uid: str
    key: ModelKey | None
    """``None``: the device never said what it is."""
    marketing_name: str
    is_virtual: bool
    test_id: str
    position: int
    attempt: int
    verdict: Verdict
    reasons: tuple[str, ...]
    path: AudioPath
    rate_hz: int
    latency_ms: float | None
    started_at: datetime
    has_recording: bool


def latency_points(
    store: Store,
    *,
    manufacturer: str,
    model: str,
    soc: str,
    os_build: str | None = None,
    test_ids: tuple[str, ...] = (),
    limit: int = 5000,
) -> tuple[list[LatencyPoint], int]:
    """The sessions of a model (all its OS builds, or one), oldest first, and how many there are.

    Of more than ``limit`` the newest are given. Sessions are those of
    :func:`db.queries.sessions`.
    """
    key = ModelKey(manufacturer, model, soc, os_build) if os_build is not None else None
    where = Filter(family=(manufacturer, model, soc), model_key=key, test_ids=test_ids, limit=limit)
    query = select(RunTable.facts_id, *_POINT, *_PATH)
    query = query.join(RunTable, RunTable.id == TrialTable.run_id)
    query = _sessions(query.join(DeviceTable, DeviceTable.id == RunTable.device_id), where)
    newest = newest_first(query, TrialTable.started_at, TrialTable.id, where)
    counted = select(func.count()).select_from(TrialTable)
    counted = _sessions(counted.join(RunTable, RunTable.id == TrialTable.run_id), where)

    def work(session: Session) -> tuple[list[LatencyPoint], int]:
        found: Sequence[Any] = session.connection().execute(newest).all()[::-1]
        names = briefs(session, [row[0] for row in found])
        total = len(found) if len(found) < limit else session.scalar(counted) or 0
        return [_point(names[row[0]], row) for row in found], total

    return store.read(work)


def _sessions(query: Query, where: Filter) -> Query:
    query = query.where(
        TrialTable.measured.is_not(None), TrialTable.route != CALL_ROUTE, no_later_attempt()
    )
    return restrict_trials(restrict_runs(query, where), where)


def _point(who: Brief, row: Any) -> LatencyPoint:
    (_, trial_uuid, run_uuid, uid, test_id, rate_hz, verdict, latency_ms, uncertainty_us,
     confidence, snr_db, started_at, *path) = row  # fmt: skip
    return LatencyPoint(
        trial_uuid, run_uuid, uid, test_id, who.key, who.is_virtual, AudioPath(*path), rate_hz,
        _VERDICTS.get(verdict) or _damaged(trial_uuid), latency_ms, uncertainty_us, confidence,
        snr_db, started_at,
    )  # fmt: skip


def trial_lines(store: Store, where: Filter, *, limit: int = 200) -> list[TrialLine]:
    """Trials, newest first."""
    picked = select(TrialTable.id).join(RunTable, RunTable.id == TrialTable.run_id)
    picked = restrict_trials(restrict_runs(picked, where), where)
    picked = newest_first(picked, TrialTable.started_at, TrialTable.id, where).limit(limit)
    query = (
        select(
            RunTable.facts_id, TrialTable.trial_uuid, RunTable.run_uuid, DeviceTable.uid,
            TrialTable.test_id, TrialTable.position, TrialTable.attempt, TrialTable.verdict,
            JsonParts(TrialTable.record.expression, "reasons", "verdict"),
            TrialTable.rate_hz, TrialTable.latency_ms, TrialTable.started_at,
            TrialTable.evidence_id, *_PATH,
        )
        .join(RunTable, RunTable.id == TrialTable.run_id)
        .join(DeviceTable, DeviceTable.id == RunTable.device_id)
        .where(TrialTable.id.in_(picked.scalar_subquery()))
        .order_by(TrialTable.started_at.desc(), TrialTable.id.desc())
    )  # fmt: skip

    def work(session: Session) -> list[TrialLine]:
        found = session.connection().execute(query).all()
        names = briefs(session, [row[0] for row in found if row[0] is not None])
        return [_line(names.get(row[0]), row) for row in found]

    return store.read(work)


def _line(who: Brief | None, row: Any) -> TrialLine:
    (_, trial_uuid, run_uuid, uid, test_id, position, attempt, verdict, parts, rate_hz,
     latency_ms, started_at, evidence_id, *path) = row  # fmt: skip
    reasons = parts[0] if parts else None
    if not isinstance(reasons, list) or not all(isinstance(r, str) for r in reasons):
        _damaged(trial_uuid)
    return TrialLine(
        trial_uuid, run_uuid, uid, who.key if who else None,
        who.marketing_name if who else "", bool(who and who.is_virtual), test_id, position,
        attempt, _VERDICTS.get(verdict) or _damaged(trial_uuid), tuple(reasons),
        AudioPath(*path), rate_hz, latency_ms, started_at, evidence_id is not None,
    )  # fmt: skip


def _damaged(trial_uuid: str) -> NoReturn:
    raise StoreError(f"trial {trial_uuid} is damaged", hint="restore the store from a copy")
