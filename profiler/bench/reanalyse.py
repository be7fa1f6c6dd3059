"""Recompute stored trials from their evidence with the analysis of today."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from db import queries
from db.store import Store
from profiler.analysis import Reading
from profiler.bench.batch import map_ordered
from profiler.bench.ledger import CUT_SHORT, as_cut_short
from profiler.bench.remeasure import Job, remeasure
from profiler.bench.trial import unread, with_reading
from profiler.catalogue import TESTS, judge
from profiler.model import (
    Recording,
    RunRecord,
    RunStatus,
    TestResult,
    TrialRecord,
    Verdict,
)

OnTrial = Callable[[int, int], None]
"""Told after each trial: how many are done, of how many."""


@dataclass(frozen=True, slots=True)
class Reanalysis:
    """What a reanalysis did."""

    trials: int
    """Trials whose evidence was analysed."""
    changed: int
    """Trials whose estimate is another one now; the former is kept as superseded."""
    tests_changed: int
    problems: tuple[str, ...]
    """One line for each recording that is missing or damaged; its trial is left as it was."""


@dataclass(frozen=True, slots=True)
class _Job:
    trial: TrialRecord
    item: Job
    last_of_run: RunRecord | None


def reanalyse(
    store: Store,
    where: queries.Filter = queries.ALL,
    *,
    workers: int | None = None,
    observe: OnTrial | None = None,
) -> Reanalysis:
    """Analyse every trial ``where`` selects anew, and judge their tests again.

    Works on ``workers`` processes (default: all cores). Doing it twice changes nothing the
    second time; it may be interrupted at any moment. Raises
    :class:`~profiler.errors.StoreError` when the store cannot be read or written.
    """
    runs = queries.runs(store, where)
    total = sum(len(_analysed(store, where, run)) for run in runs) if observe else 0
    # Two readers of one generator: the processes get the recordings, the trials stay here.
    jobs, sent = itertools.tee(_jobs(store, where, runs))
    measure = partial(remeasure, store.evidence.root)
    readings = map_ordered(measure, (j.item for j in sent), workers=workers)
    done = changed = tests_changed = 0
    problems = []
    for job, reading in zip(jobs, readings, strict=True):
        if isinstance(reading, Reading):
            done += 1
            changed += _put(store, job.trial, reading)
        else:
            problems.append(f"trial {job.trial.trial_uuid}: {reading}")
        if observe:
            observe(done + len(problems), total)
        if job.last_of_run is not None:
            tests_changed += _judge_again(store, job.last_of_run)
    return Reanalysis(done, changed, tests_changed, tuple(problems))


def _analysed(store: Store, where: queries.Filter, run: RunRecord) -> list[_Job]:
    trials = queries.trials(store, replace(where, run_uuid=run.run_uuid, limit=None))
    jobs = [
        _Job(t, (t.recording, _heard_by_partner(t), t.stimulus, t.setup), None)
        for t in trials
        if t.recording and unread(t) is None
    ]
    return [*jobs[:-1], *(replace(job, last_of_run=run) for job in jobs[-1:])]


def _heard_by_partner(trial: TrialRecord) -> Recording | None:
    return trial.partner.recording if trial.partner is not None else None


def _jobs(store: Store, where: queries.Filter, runs: list[RunRecord]) -> Iterator[_Job]:
    """Trials run by run; only those of the run at hand are in memory."""
    for run in runs:
        yield from _analysed(store, where, run)


def _put(store: Store, trial: TrialRecord, reading: Reading) -> bool:
    again = with_reading(trial, reading)
    if again == trial:
        return False
    return store.replace_analysis(again)


def _judge_again(store: Store, run: RunRecord) -> int:
    where = queries.Filter(run_uuid=run.run_uuid, latest_attempts=True)
    trials = queries.trials(store, where)
    changed = 0
    for stored in queries.results(store, queries.Filter(run_uuid=run.run_uuid)):
        if stored.test_id not in TESTS or not stored.trial_uuids:
            continue
        result = judge(stored.test_id, run.run_uuid, trials)
        if _was_cut_short(stored, run):
            result = as_cut_short(result, run.reason, stored.text.partition("; ")[0])
        if result != stored:
            store.add_test_result(result)
            changed += 1
    return changed


def _was_cut_short(stored: TestResult, run: RunRecord) -> bool:
    """Whether the device failed before the test was complete."""
    failed = run.status in (RunStatus.DEVICE_LOST, RunStatus.ERROR)
    return failed and stored.verdict is Verdict.ERROR and CUT_SHORT in stored.text
