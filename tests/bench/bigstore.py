"""A store of many models, for measuring the dashboard::

    python tests/bench/bigstore.py OUT.db [--models N] [--runs N] [--numbers N] [--seed N]

The rows are exactly those the store's writers would have written (tests/unit/test_store_big.py
holds both equal), put in by the thousand. All trials share a few recordings, which exist.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "fakes"))  # as pytest finds them

import numpy as np
import store_records
from big_phones import BigRun, big_runs
from sqlalchemy import Connection, Table, create_engine, insert, text

from db import overview, rows
from db.codec import dump_json
from db.evidence import EvidenceStore
from db.measured import numbers_of
from db.schema import (
    Base,
    DeviceTable,
    EvidenceTable,
    FactsTable,
    MeasurementTable,
    ReasonTable,
    RunTable,
    StimulusTable,
    TestTable,
    TrialTable,
)
from db.store import Store
from profiler.model import Measurement, Recording
from profiler.stimulus import render
from profiler.wav import mono_audio

MODELS, RUNS, NUMBERS = 1_000, 20_000, 1_000_000
_FLUSH_RUNS = 500
_DELAYS_MS = (28.0, 62.0, 140.0)
"""Of the recordings that the trials share."""


def make_big(
    path: Path, *, models: int = MODELS, runs: int = RUNS, numbers: int = NUMBERS, seed: int = 1
) -> None:
    """Write a store; the same arguments give the same content."""
    with Store.open(path) as store:
        recordings = make_recordings(store.evidence)
    engine = create_engine(f"sqlite:///{path}", json_serializer=dump_json)
    with engine.begin() as connection:
        connection.execute(text("PRAGMA synchronous=OFF"))
        bulk = _Bulk(connection)
        for number, run in enumerate(big_runs(models, runs, numbers, recordings, seed), 1):
            bulk.add(run)
            if number % _FLUSH_RUNS == 0:
                bulk.flush()
        bulk.flush()
        bulk.link_devices()
    engine.dispose()
    with Store.open(path, create=False) as store:
        overview.rebuild(store)


def make_recordings(evidence: EvidenceStore) -> tuple[Recording, ...]:
    """The stimulus as a few phones would have heard it."""
    spec = store_records.stimulus()
    dice = np.random.default_rng(0)
    played = render(spec, spec.rate_hz).astype(np.float64)
    found = []
    for delay_ms in _DELAYS_MS:
        heard = np.zeros(len(played))
        late = round(delay_ms * spec.rate_hz / 1000.0)
        heard[late:] = 0.3 * played[: len(played) - late]
        noisy = heard + dice.normal(0.0, 0.004, len(heard))
        grid = np.round(np.clip(noisy, -1.0, 1.0) * 32_000.0) / 32_768.0
        found.append(evidence.save(mono_audio(grid, spec.rate_hz)))
    return tuple(found)


def write_slowly(store: Store, runs: Iterable[BigRun]) -> None:
    """The same through the store's own writers, as the bench does it."""
    for one in runs:
        store.upsert_device(one.device, one.facts)
        store.begin_run(one.run)
        for trial in one.trials:
            store.add_trial(trial)
        for result in one.results:
            store.add_test_result(result)
        store.finish_run(
            one.run.run_uuid, one.run.status, one.run.reason, ended_at=one.run.ended_at
        )


class _Bulk:
    """Collects rows of all tables under the ids the store would give them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: defaultdict[type[Base], list[dict[str, Any]]] = defaultdict(list)
        self._last: defaultdict[type[Base], int] = defaultdict(int)
        self._known: dict[tuple[type[Base], object], int] = {}
        self._said: dict[int, tuple[int, datetime]] = {}
        """By device: the facts it gave last, and when."""

    def add(self, one: BigRun) -> None:
        """Every row of a run."""
        now = one.run.started_at
        device_id = self._once(
            DeviceTable, one.device.uid, lambda: _columns(rows.device_row(one.device, now=now))
        )
        facts_id = self._once(  # one object is one answer: the generator keeps them
            FactsTable, id(one.facts), lambda: _columns(rows.facts_row(one.facts, now=now))
        )
        self._said[device_id] = facts_id, now
        columns = rows.run_columns(one.run)
        run_id = self._put(RunTable, {**columns, "device_id": device_id, "facts_id": facts_id})
        for trial in one.trials:
            trial_id = self._put(
                TrialTable,
                {
                    **rows.trial_columns(trial),
                    "run_id": run_id,
                    "stimulus_id": self._stimulus(trial.stimulus),
                    "evidence_id": self._evidence(trial.recording, trial.started_at),
                },
            )
            self._children("trial_id", trial_id, trial.reasons, numbers_of(trial))
        ended = one.run.ended_at or now
        for result in one.results:
            columns = rows.test_columns(result, now=ended)
            test_id = self._put(TestTable, {**columns, "run_id": run_id})
            self._children("test_result_id", test_id, result.reasons, result.measurements)

    def flush(self) -> None:
        """Write what was collected."""
        for kind in Base.metadata.sorted_tables:
            for table, found in self._rows.items():
                if table.__table__ is kind and found:
                    self._connection.execute(insert(kind), found)
                    found.clear()

    def link_devices(self) -> None:
        """What each device said last."""
        devices: Table = DeviceTable.__table__  # type: ignore[assignment]
        for device_id, (facts_id, seen) in self._said.items():
            self._connection.execute(
                devices.update()
                .where(devices.c.id == device_id)
                .values(facts_id=facts_id, last_seen=seen)
            )

    def _put(self, table: type[Base], columns: Mapping[str, Any]) -> int:
        self._last[table] += 1
        self._rows[table].append({**columns, "id": self._last[table]})
        return self._last[table]

    def _once(self, table: type[Base], key: str | int, make: Any) -> int:
        name = (table, key)
        if name not in self._known:
            self._known[name] = self._put(table, make())
        return self._known[name]

    def _stimulus(self, spec: Any) -> int:
        return self._once(
            StimulusTable, spec.stimulus_id, lambda: _columns(rows.stimulus_row(spec))
        )

    def _evidence(self, recording: Recording | None, now: datetime) -> int | None:
        if recording is None:
            return None
        return self._once(
            EvidenceTable,
            recording.sha256,
            lambda: _columns(rows.evidence_row(recording, now=now)),
        )

    def _children(
        self, parent: str, row_id: int, reasons: Iterable[str], numbers: Iterable[Measurement]
    ) -> None:
        ids = {"trial_id": None, "test_result_id": None, parent: row_id}
        for reason in dict.fromkeys(map(rows.key_text, reasons)):
            self._put(ReasonTable, {**ids, "reason": reason})
        for one in numbers:  # not through objects: there are a million
            named = {"name": rows.key_text(one.name), "unit": rows.key_text(one.unit)}
            sigma = rows.finite_or_none(one.sigma)
            self._put(MeasurementTable, {**ids, **named, "value": one.value, "sigma": sigma})


def _columns(row: Base) -> dict[str, Any]:
    """The values of a row that is not in a session."""
    names = [c.name for c in row.__table__.columns if c.name != "id"]
    return {name: getattr(row, name) for name in names}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, metavar="OUT.db")
    parser.add_argument("--models", type=int, default=MODELS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--numbers", type=int, default=None, help="default: 50 a run")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began = time.monotonic()
    numbers = NUMBERS * args.runs // RUNS if args.numbers is None else args.numbers
    make_big(args.path, models=args.models, runs=args.runs, numbers=numbers, seed=args.seed)
    print(
        f"{args.path}: {args.path.stat().st_size / 1e6:.0f} MB in {time.monotonic() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
