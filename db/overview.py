"""The read side of the overviews: one row a model, one a model and path; all of it in one look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import overview_write
from db.briefs import Brief, briefs
from db.overview_write import HEADLINE_TESTS
from db.rows import key_text
from db.schema import ModelOverviewTable, PathOverviewTable
from db.store import Store
from profiler.errors import StoreError
from profiler.model import AudioPath, ModelKey, Platform, Verdict

__all__ = [
    "HEADLINE_TESTS",
    "Headline",
    "ModelRow",
    "PathRow",
    "known_paths",
    "model_rows",
    "path_rows",
    "rebuild",
]

LATENCY_TEST = "L1"
"""The test whose sessions are a model's latency, as in ``chirpbench models``."""
_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_PATH = ("route", "audio_mode", "api", "input_preset")
_PATH_COLUMNS = (
    *_PATH, "rate_hz", "devices", "runs", "sessions", "rejected", "p05_ms", "p25_ms", "median_ms",
    "p75_ms", "p95_ms", "ci95_low_ms", "ci95_high_ms", "between_sd_ms", "uncertainty_us",
    "verdict", "last_at", "test_id",
)  # fmt: skip
_PLATFORMS = {platform.value: platform for platform in Platform}


@dataclass(frozen=True, slots=True)
class Headline:
    """The newest result of a test on one model."""

    test_id: str
    verdict: Verdict
    reasons: tuple[str, ...]
    text: str
    recorded_at: datetime
    results: int
    devices: int
    numbers: Mapping[str, float]
    """Its finite numbers without variants, and the loudest variant of ``erle_db``,
    ``erle_low_db``, ``effective_db``, ``effective_low_db`` under the plain name."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model key, real or virtual, with all that was measured on it. Texts are untrusted."""

    key: ModelKey
    marketing_name: str
    platform: Platform
    os_name: str
    os_version: str
    is_virtual: bool
    is_emulator: bool
    devices: int
    runs: int
    trials: int
    first_at: datetime
    """Start of its first run."""
    last_at: datetime
    """Start of its newest run or trial."""
    headlines: Mapping[str, Headline]
    """By test, of :data:`HEADLINE_TESTS` those that were made."""
    verdicts: Mapping[str, int]
    """Verdict of the newest result of every test to how many there are."""


@dataclass(frozen=True, slots=True)
class PathRow:
    """The latency of one model on one path, as :func:`profiler.summary.summarise` gives it."""

    key: ModelKey
    is_virtual: bool
    path: AudioPath
    rate_hz: int
    """Requested."""
    devices: int
    runs: int
    sessions: int
    rejected: int
    p05_ms: float | None
    p25_ms: float | None
    median_ms: float | None
    p75_ms: float | None
    p95_ms: float | None
    ci95_ms: tuple[float, float] | None
    """95 % confidence interval of the median."""
    between_sd_ms: float | None
    uncertainty_us: float | None
    """Median 1σ of a session."""
    verdict: Verdict
    last_at: datetime
    test_id: str


def model_rows(store: Store) -> list[ModelRow]:
    """Every model, sorted by its key; raises :class:`StoreError` when a row is damaged."""
    table = ModelOverviewTable
    query = select(
        table.facts_id, table.platform, table.devices, table.runs, table.trials,
        table.first_at, table.last_at, table.tests,
    )  # fmt: skip

    def work(session: Session) -> list[ModelRow]:
        found = session.connection().execute(query).all()  # plain rows: no object is loaded
        names = briefs(session, [row[0] for row in found])
        made = [_model_row(names[row[0]], row) for row in found]
        return sorted(made, key=lambda m: (str(m.key), m.is_virtual))

    return store.read(work)


def path_rows(
    store: Store, *, path: AudioPath | None = None, test_id: str = LATENCY_TEST
) -> list[PathRow]:
    """Every model and path on which ``test_id`` was made, sorted by model, path and rate.

    Sessions of different tests are never in one row: what a test changes (buffers, rates, cold
    starts) is not the spread of a model.
    """
    table = PathOverviewTable
    query = (
        select(ModelOverviewTable.facts_id, *(getattr(table, name) for name in _PATH_COLUMNS))
        .join(ModelOverviewTable, ModelOverviewTable.id == table.model_id)
        .where(table.test_id == key_text(test_id))
    )
    if path is not None:
        query = query.where(*(getattr(table, n) == key_text(getattr(path, n)) for n in _PATH))

    def work(session: Session) -> list[PathRow]:
        found = session.connection().execute(query).all()
        names = briefs(session, [row[0] for row in found])
        paths: dict[tuple[str, ...], AudioPath] = {}
        made = [_path_row(names[row[0]], paths, row) for row in found]
        texts = {who.key: str(who.key) for who in names.values()}
        words = {path: str(path) for path in paths.values()}
        return sorted(made, key=lambda p: (texts[p.key], words[p.path], p.rate_hz, p.is_virtual))

    return store.read(work)


def known_paths(store: Store, *, test_id: str = LATENCY_TEST) -> list[AudioPath]:
    """Every path on which the test was made, the one most models have first."""
    table = PathOverviewTable
    query = select(table.route, table.audio_mode, table.api, table.input_preset)
    query = query.where(table.test_id == key_text(test_id))

    def work(session: Session) -> list[AudioPath]:
        counts = Counter(AudioPath(*row) for row in session.execute(query))
        return sorted(counts, key=lambda path: (-counts[path], str(path)))

    return store.read(work)


def rebuild(store: Store) -> None:
    """Make the overviews again; for rows that came into the store around its writers."""
    store.write(overview_write.rebuild)


def _model_row(who: Brief, row: Any) -> ModelRow:
    _, platform, devices, runs, trials, first_at, last_at, tests = row
    verdicts: dict[str, int] = {}
    try:
        for said in tests.values():
            verdicts[said[0]] = verdicts.get(said[0], 0) + 1
        if not verdicts.keys() <= _VERDICTS.keys():
            _damaged()
        headlines = {t: _headline(t, *tests[t]) for t in HEADLINE_TESTS if t in tests}
        kind = _PLATFORMS[platform]
    except (AttributeError, KeyError, TypeError, ValueError):
        _damaged()
    return ModelRow(
        who.key, who.marketing_name, kind, who.os_name, who.os_version, who.is_virtual,
        who.is_emulator, devices, runs, trials, first_at, last_at, headlines, verdicts,
    )  # fmt: skip


def _headline(test_id: str, verdict: str, results: int, devices: int, *said: Any) -> Headline:
    at, text, reasons, numbers = said
    return Headline(
        test_id, _VERDICTS[verdict], tuple(reasons), text, datetime.fromisoformat(at), results,
        devices, numbers,
    )  # fmt: skip


def _path_row(who: Brief, paths: dict[tuple[str, ...], AudioPath], row: Any) -> PathRow:
    """``paths`` holds each path once: there are few of them and many rows."""
    (_, route, audio_mode, api, input_preset, rate_hz, devices, runs, sessions, rejected,
     p05_ms, p25_ms, median_ms, p75_ms, p95_ms, low, high, between_sd_ms, uncertainty_us,
     verdict, last_at, test_id) = row  # fmt: skip
    words = (route, audio_mode, api, input_preset)
    path = paths.get(words)
    if path is None:
        path = paths[words] = AudioPath(*words)
    ci95_ms = None if low is None or high is None else (low, high)
    return PathRow(
        who.key, who.is_virtual, path, rate_hz, devices, runs, sessions, rejected, p05_ms, p25_ms,
        median_ms, p75_ms, p95_ms, ci95_ms, between_sd_ms, uncertainty_us,
        _VERDICTS.get(verdict) or _damaged(), last_at, test_id,
    )  # fmt: skip


def _damaged() -> NoReturn:
    raise StoreError("the overview of a model is damaged", hint="restore the store from a copy")
