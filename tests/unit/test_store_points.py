"""Columns-only reads say the same as the whole records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import store_records as make

from db import queries
from db.filters import Filter
from db.knowledge import known_results
from db.points import latency_points, trial_lines
from db.store import Store
from profiler.errors import StoreError
from profiler.model import CallPath, Recording, TrialRequest, Verdict

HOSTILE = "<b>A1</b> \0 lone \ud800 " + "long " * 80
JAVA = TrialRequest(api="java", duration_s=7.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two builds of a hostile model, another model, and a device that never said what it is."""
    with Store.open(tmp_path / "a.db") as opened:
        said = (
            make.facts(HOSTILE),
            make.facts(HOSTILE, os_build="build.2", is_virtual=False),
            make.facts("B2", manufacturer="Other", soc="soc1"),
            None,
        )
        for n, facts in enumerate(said):
            device = make.device(f"v{n}")
            opened.upsert_device(device, facts)
            opened.begin_run(make.run(f"run-{n}", device.uid, bench_uuid=f"bench-{n}"))
            at = 100.0 * n
            shared = {"run_uuid": f"run-{n}", "started_at": make.after(at)}
            opened.add_trial(make.trial(f"{n}a", latency_ms=None, **shared))
            opened.add_trial(make.trial(f"{n}b", latency_ms=40.0 + n, attempt=2, **shared))
            opened.add_trial(make.trial(f"{n}c", index=1, request=JAVA, **shared))
            opened.add_trial(make.trial(f"{n}d", index=2, estimate=None, **shared))
            call = TrialRequest(call=CallPath(), duration_s=7.0)
            opened.add_trial(make.trial(f"{n}e", index=3, request=call, **shared))
            opened.add_trial(make.trial(f"{n}f", test_id="L3", latency_ms=None, **shared))
            opened.add_test_result(make.result(f"run-{n}"))
            opened.add_test_result(make.result(f"run-{n}", test_id="A1"))
        yield opened


def test_points_are_the_sessions_of_a_model(store: Store) -> None:
    points, total = latency_points(store, manufacturer="Acme", model=HOSTILE, soc="soc9")
    sessions = queries.sessions(store, Filter(family=("Acme", HOSTILE, "soc9")))
    assert total == len(points) == len(sessions) == 6
    assert [
        (p.trial_uuid, p.run_uuid, p.device_uid, p.test_id, p.key, p.is_virtual, p.path, p.rate_hz,
         p.verdict, p.latency_ms, p.uncertainty_us, p.started_at)
        for p in points
    ] == [
        (s.trial_uuid, s.run_uuid, s.device_uid, s.test_id, s.model_key, s.is_virtual, s.path,
         s.rate_hz, s.verdict, s.latency_ms, s.uncertainty_us, s.started_at)
        for s in sessions
    ]  # fmt: skip
    trials = {t.trial_uuid: t.estimate for t in queries.trials(store)}
    for point in points:
        estimate = trials[point.trial_uuid]
        assert estimate is not None
        assert (point.confidence, point.snr_db) == (estimate.confidence, estimate.snr_db)


def test_points_of_one_build_of_some_tests_and_of_the_newest_only(store: Store) -> None:
    name = {"manufacturer": "Acme", "model": HOSTILE, "soc": "soc9"}
    one, total = latency_points(store, **name, os_build="build.2", test_ids=("L1",))
    assert ([p.trial_uuid for p in one], total) == (["1b", "1c"], 2)
    newest, total = latency_points(store, **name, limit=2)
    assert ([p.trial_uuid for p in newest], total) == (["1c", "1f"], 6)
    assert latency_points(store, manufacturer="Acme", model="none", soc="soc9") == ([], 0)


def test_lines_are_the_newest_trials_whole(store: Store) -> None:
    lines = trial_lines(store, Filter())
    trials = queries.trials(store)[::-1]
    facts = {n: queries.facts_of(store, f"run-{n}") for n in range(4)}
    assert len(lines) == 24
    for line, trial in zip(lines, trials, strict=True):
        said = facts[int(trial.run_uuid[-1])]
        latency_ms = trial.estimate.round_trip_latency_ms if trial.estimate else None
        assert (line.trial_uuid, line.run_uuid, line.test_id) == (
            trial.trial_uuid, trial.run_uuid, trial.test_id,
        )  # fmt: skip
        assert (line.position, line.attempt) == (trial.index, trial.attempt)
        assert (line.verdict, line.reasons) == (trial.verdict, trial.reasons)
        assert (line.path, line.rate_hz) == (trial.request.path, trial.request.rate_hz)
        assert (line.latency_ms, line.started_at) == (latency_ms, trial.started_at)
        assert line.key == (said.model_key if said else None)
        assert (line.marketing_name, line.is_virtual) == (
            (said.marketing_name, said.is_virtual) if said else ("", False)
        )
        assert not line.has_recording
    assert trial_lines(store, Filter(), limit=3) == lines[:3]


def test_a_line_knows_that_there_is_a_recording(store: Store) -> None:
    kept = Recording("ab" * 32, f"ab/{'ab' * 32}.flac", 48_000, 1, 100, "int16", 100)
    store.add_trial(make.trial("with", run_uuid="run-0", index=9, recording=kept))
    (line,) = trial_lines(store, Filter(trial_uuid="with"))
    assert line.has_recording


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Filter(family=("Acme", HOSTILE, "soc9"), test_ids=("L3",)), "1f 0f"),
        (Filter(family=("Acme", HOSTILE, "other")), ""),
        (Filter(makers=("Other",), test_ids=("L1",), verdict=Verdict.NOT_MEASURABLE), "2a"),
        (Filter(makers=("Other", "Acme"), test_ids=("L3", "L9")), "2f 1f 0f"),
        (Filter(socs=("soc1",), without_tests=("L1", "A1")), "2f"),
        (Filter(socs=("soc1", "soc9"), path=JAVA.path), "2c 1c 0c"),
        (Filter(path=JAVA.path, is_virtual=False), "1c"),
        (Filter(without_tests=("L1",)), "3f 2f 1f 0f"),
        (Filter(bench_uuid="bench-3", latest_attempts=True, test_ids=("L1",)), "3e 3d 3c 3b"),
        (Filter(reason="no_stimulus", test_ids=("L1",)), "3a 2a 1a 0a"),
    ],
)
def test_filters(store: Store, where: Filter, expected: str) -> None:
    assert [line.trial_uuid for line in trial_lines(store, where)] == expected.split()
    assert [t.trial_uuid for t in queries.trials(store, where)][::-1] == expected.split()


def test_known_results_of_relatives_without_what_is_known(store: Store) -> None:
    def found(where: Filter) -> set[tuple[str, str]]:
        return {(r.run_uuid, r.result.test_id) for r in known_results(store, where)}

    assert found(Filter(family=("Acme", HOSTILE, "soc9"))) == {
        ("run-0", "L1"), ("run-0", "A1"), ("run-1", "L1"), ("run-1", "A1"),
    }  # fmt: skip
    assert found(Filter(makers=("Other",), without_tests=("L1",))) == {("run-2", "A1")}
    assert found(Filter(socs=("soc1", "nothing"))) == {("run-2", "L1"), ("run-2", "A1")}
    everything = known_results(store)
    for one in everything:
        part = known_results(store, Filter(run_uuid=one.run_uuid, test_ids=(one.result.test_id,)))
        assert part == [one]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE trials SET verdict = 'great'",
        "UPDATE trials SET record = '[1]'",
        "UPDATE trials SET record = json_set(record, '$.reasons', 5)",
    ],
)
def test_a_damaged_trial_is_one_error(store: Store, damage: str) -> None:
    with closing(sqlite3.connect(store.name)) as connection:
        connection.execute(damage)
        connection.commit()
    with pytest.raises(StoreError) as caught:
        trial_lines(store, Filter())
    assert caught.value.hint
