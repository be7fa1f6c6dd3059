"""Stored trials, analysed again from their evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bench_fleets as fleets
import pytest

from db import queries
from db.queries import Filter
from db.store import Store
from profiler.bench import run_bench
from profiler.bench.reanalyse import reanalyse
from profiler.model import RunStatus, TestResult, TrialRecord, Verdict


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    more = "[phone.streams]\nrates_hz = [48000, 24000]\nsilent_rates_hz = [24000]"
    with fleets.open_store(tmp_path) as opened:
        run_bench(
            fleets.plan("L1", "D1", repeats=2, rates_hz=(48_000, 24_000)),
            fleets.phones("A", "B", more=more),
            opened,
        )
        yield opened


def everything(store: Store) -> tuple[list[TrialRecord], list[TestResult]]:
    return queries.trials(store), queries.results(store)


def age(store: Store, trial: TrialRecord, latency_ms: float) -> None:
    """Make a stored trial look as if an older analysis had measured something else."""
    assert trial.estimate is not None
    older = replace(trial.estimate, round_trip_latency_ms=latency_ms, analysis_version="0")
    assert store.replace_analysis(replace(trial, estimate=older))


@pytest.mark.parametrize("workers", [1, 2])
def test_reanalysis_of_the_same_analysis_changes_nothing(store: Store, workers: int) -> None:
    before = everything(store)
    done = reanalyse(store, workers=workers)
    assert (done.trials, done.changed, done.tests_changed, done.problems) == (8, 0, 0, ())
    assert everything(store) == before


def test_what_an_older_analysis_said_is_replaced_and_kept(store: Store) -> None:
    before = everything(store)
    opened = [t for t in before[0] if t.test_id == "L1"]
    for trial in opened:
        age(store, trial, 999.0)
    said: list[tuple[int, int]] = []
    done = reanalyse(store, workers=1, observe=lambda n, of: said.append((n, of)))
    assert (done.trials, done.changed) == (8, 4)
    assert said == [(i + 1, 8) for i in range(8)]
    assert everything(store) == before
    former = queries.superseded_estimates(store, opened[0].trial_uuid)
    assert 999.0 in [e.round_trip_latency_ms for e in former if e]
    assert reanalyse(store, workers=1).changed == 0


def test_tests_are_judged_again(store: Store) -> None:
    before = queries.results(store)
    (wrong,) = [r for r in before if r.test_id == "L1"][:1]
    store.add_test_result(replace(wrong, verdict=Verdict.FAIL, text="judged by another table"))
    assert reanalyse(store, workers=1).tests_changed == 1
    assert sorted(queries.results(store), key=str) == sorted(before, key=str)


def test_a_filter_selects_trials(store: Store) -> None:
    assert reanalyse(store, Filter(test_ids=("L1",)), workers=1).trials == 4
    assert reanalyse(store, Filter(device_uid="virtual:A"), workers=1).trials == 4
    assert reanalyse(store, Filter(device_uid="virtual:none"), workers=1).trials == 0


def test_damaged_and_missing_evidence_is_named_and_its_trial_left_alone(store: Store) -> None:
    trials = [t for t in queries.trials(store) if t.test_id == "L1"]
    for trial in trials:
        age(store, trial, 999.0)
    damaged, missing = trials[:2]
    assert damaged.recording is not None
    assert missing.recording is not None
    store.evidence.path(damaged.recording).write_bytes(b"RIFF")
    store.evidence.path(missing.recording).unlink()
    done = reanalyse(store, workers=1)
    assert done.trials == 6
    assert done.changed == 2
    assert len(done.problems) == 2
    assert any(damaged.trial_uuid in line and "damaged" in line for line in done.problems)
    assert any(missing.trial_uuid in line for line in done.problems)
    latencies = {
        t.trial_uuid: t.estimate.round_trip_latency_ms for t in queries.trials(store) if t.estimate
    }
    assert latencies[damaged.trial_uuid] == latencies[missing.trial_uuid] == 999.0


def test_a_test_cut_short_stays_an_error(tmp_path: Path) -> None:
    (gone,) = fleets.phones("A", more="[phone.faults]\nunplugged_on_trials = [2, 3, 4]")
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L1"), [gone], store)
        run = outcome.devices[0].run
        assert run is not None
        assert run.status is RunStatus.DEVICE_LOST
        before = queries.results(store)
        assert reanalyse(store, workers=1).tests_changed == 0
        for trial in queries.trials(store):
            if trial.estimate:
                age(store, trial, 500.0)
        assert reanalyse(store, workers=1).changed == 2
        assert queries.results(store) == before
        assert before[0].verdict is Verdict.ERROR
        assert not any(math.isnan(m.value) for m in before[0].measurements)
