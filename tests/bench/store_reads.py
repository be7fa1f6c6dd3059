"""Time of every query behind a page of the dashboard on the big store, and of a trial's commit.

CPU time, as everywhere in this table: what the store reads is in the page cache."""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import store_records
from bigstore import MODELS, NUMBERS, RUNS, make_big

from db import overview, points, queries
from db.filters import Filter
from db.knowledge import known_results, verifications
from db.measured_models import known_models
from db.progress import progress
from db.store import Store
from db.watch import change_token
from profiler.model import AudioPath, ModelKey, Verdict

LIMIT_MS = 150.0
"""Slowest query behind a page (issue 8)."""
TOKEN_LIMIT_MS = 2.0
COMMIT_LIMIT_MS = 50.0
"""A trial lasts seconds: its commit, overviews included, shall not show."""
REBUILD_LIMIT_S = 60.0
MAKE_LIMIT_S = 180.0
TIMES = 5
MANY_TRIALS = 2_000
HALF_OF_QUICK = ("A1", "A2", "A4", "A7", "A9", "D1", "G1", "L1")
"""What a model answers itself when a page asks its relatives for the rest."""
ENV = "CHIRPBENCH_BIG_STORE"
"""Names a big store that was made before; it is only looked at."""


class Rows(Protocol):
    def row(self, what: str, reached: str, target: str, ok: bool) -> None: ...


def measure(table: Rows) -> None:
    """Make the big store (or take the one ``CHIRPBENCH_BIG_STORE`` names) and time it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(os.environ.get(ENV) or Path(folder) / "big.db")
        if not file.exists():
            _make(table, file)
        gc.collect()
        gc.freeze()  # as the dashboard's server does: no query pays for collecting its imports
        with Store.open_to_look(file) as store:
            for name, query, limit_ms in _queries(store):
                _time(table, name, query, limit_ms)
        _commits(table, Path(folder))


def _make(table: Rows, file: Path) -> None:
    began = time.process_time()
    make_big(file)
    took_s = time.process_time() - began
    what = f"big store: {MODELS} models, {RUNS} runs, {NUMBERS} measurements"
    table.row(what, f"{took_s:.0f} s", f"<= {MAKE_LIMIT_S:.0f} s", took_s <= MAKE_LIMIT_S)
    began = time.process_time()
    with Store.open(file) as store:
        overview.rebuild(store)
    took_s = time.process_time() - began
    what = "overview rebuilt, as after an upgrade"
    table.row(what, f"{took_s:.0f} s", f"<= {REBUILD_LIMIT_S:.0f} s", took_s <= REBUILD_LIMIT_S)


def _queries(store: Store) -> Iterator[tuple[str, Callable[[], Any], float]]:
    """Name, query and limit; the model is the one with the most trials."""
    most = max(overview.model_rows(store), key=lambda row: row.trials)
    path = overview.known_paths(store)[0]
    yield "change_token", lambda: change_token(store), TOKEN_LIMIT_MS
    plain: dict[str, Callable[[], Any]] = {
        "model_rows": lambda: overview.model_rows(store),
        "path_rows": lambda: overview.path_rows(store),
        "path_rows of a path": lambda: overview.path_rows(store, path=path),
        "known_paths": lambda: overview.known_paths(store),
        "known_models": lambda: known_models(store),
        "progress": lambda: progress(store),
    }
    of_model, of_trial = _of_model(store, most.key), _of_trial(store)
    for name, query in (plain | of_model | of_trial).items():
        yield name, query, LIMIT_MS
    for name, where in _lists(store, most.key, path).items():
        yield f"trial_lines {name}", lambda where=where: points.trial_lines(store, where), LIMIT_MS


def _of_model(store: Store, key: ModelKey) -> dict[str, Callable[[], Any]]:
    family = (key.manufacturer, key.model, key.soc)
    model = dict(zip(("manufacturer", "model", "soc"), family, strict=True))
    build, soc = Filter(model_key=key), Filter(socs=(key.soc,))
    one_test, rest = replace(soc, test_ids=("A1",)), replace(soc, without_tests=HALF_OF_QUICK)
    some = replace(build, test_ids=("L1",), limit=200)
    return {
        "latency_points of a model": lambda: points.latency_points(store, **model)[0],
        "latency_points of a build": lambda: points.latency_points(
            store, **model, os_build=key.os_build, test_ids=("L1",)
        )[0],
        "known_results of a model": lambda: known_results(store, Filter(family=family)),
        "known_results of a SoC in A1": lambda: known_results(store, one_test),
        "known_results of relatives": lambda: known_results(store, rest),
        "sessions of a build": lambda: queries.sessions(store, build),
        "L1 trials of a build": lambda: queries.trials(store, some),
        "results of a build": lambda: queries.results(store, build),
        "latest_tests of a build": lambda: queries.latest_tests(store, build),
        "runs of a build": lambda: queries.runs(store, build),
        "verifications of a build": lambda: verifications(store, build),
    }


def _of_trial(store: Store) -> dict[str, Callable[[], Any]]:
    (newest,) = points.trial_lines(store, Filter(), limit=1)
    uuid, run_uuid = newest.trial_uuid, newest.run_uuid
    return {
        "one trial": lambda: queries.trials(store, Filter(trial_uuid=uuid)),
        "its numbers": lambda: queries.measurements_of(store, uuid),
        "its facts": lambda: [queries.facts_of(store, run_uuid)],
        "its former analyses": lambda: queries.superseded_estimates(store, uuid),
    }


def _lists(store: Store, key: ModelKey, path: AudioPath) -> dict[str, Filter]:
    family, rejected = (key.manufacturer, key.model, key.soc), Verdict.NOT_MEASURABLE
    (last_run,) = queries.runs(store, Filter(limit=1))
    return {
        "of all": Filter(),
        "of a model": Filter(family=family),
        "of a model's L1": Filter(family=family, test_ids=("L1",), path=path),
        "of a test": Filter(test_ids=("L1",)),
        "of a maker": Filter(makers=(key.manufacturer,)),
        "of a SoC's L1": Filter(socs=(key.soc,), test_ids=("L1",)),
        "rejected": Filter(verdict=rejected),
        "rejected on a path": Filter(verdict=rejected, path=path),
        "with a reason": Filter(reason="low_snr"),
        "of virtual phones": Filter(is_virtual=True),
        "of a path": Filter(path=path),
        "of no path": Filter(path=path, rate_hz=12_345),
        "of a bench": Filter(bench_uuid=last_run.bench_uuid),
    }


def _time(table: Rows, name: str, query: Callable[[], Any], limit_ms: float) -> None:
    taken_ms = []
    for _ in range(TIMES):
        began = time.process_time()
        rows = query()
        taken_ms.append(1000.0 * (time.process_time() - began))
    median = statistics.median(taken_ms)
    table.row(
        f"{name} ({len(rows)} rows): median of {TIMES} / of the limit",
        f"{median:.1f} ms / {median / limit_ms:.2f}", f"<= {limit_ms:.0f} ms", median <= limit_ms,
    )  # fmt: skip


def _commits(table: Rows, folder: Path) -> None:
    """What a phone's next trial costs when it has few trials and when it has many."""
    with Store.open(folder / "phone.db") as store:
        store.upsert_device(store_records.device(), store_records.facts())
        taken_ms = []
        for i in range(MANY_TRIALS):
            run, index = divmod(i, 100)
            if index == 0:
                store.begin_run(store_records.run(f"run-{run}"))
            trial = store_records.trial(
                f"t{i}", run_uuid=f"run-{run}", index=index, latency_ms=40.0 + i % 7
            )
            began = time.process_time()
            store.add_trial(trial)
            taken_ms.append(1000.0 * (time.process_time() - began))
    few, many = statistics.median(taken_ms[:100]), statistics.median(taken_ms[-100:])
    table.row(
        f"commit of a trial: of a phone with 100 / with {MANY_TRIALS} trials",
        f"{few:.1f} / {many:.1f} ms", f"<= {COMMIT_LIMIT_MS:.0f} ms", many <= COMMIT_LIMIT_MS,
    )  # fmt: skip
