"""``kill -9`` at random moments: no committed trial is lost, and a resume completes the plan."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import bench_fleets as fleets
import bench_victim
import pytest

from db import queries
from db.store import Store
from profiler.bench import run_bench
from profiler.model import RunStatus

KILLS = 22


def committed(folder: Path) -> list[str]:
    log = folder / "committed.log"
    return log.read_text().splitlines() if log.exists() else []


def kill_somewhere(
    folder: Path,
    name: str,
    resume: str | None,
    rng: random.Random,
    *,
    victim: Callable[[str, str, str | None], None] = bench_victim.run_until_killed,
    events_at_most: int = 400,  # a trial makes about 45, and four run at once
) -> bool:
    """Start the bench and kill it after a random number of events; ``False`` = it was faster."""
    # Children are forked from a process that has everything imported: 22 imports take a minute.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["profiler.bench", "device_probes.virtual"])
    pipe = folder / "events"
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    child = context.Process(target=victim, args=(str(folder), name, resume))
    child.start()
    with pipe.open("rb", buffering=0) as events:
        left = rng.randint(1, events_at_most)
        while left > 0 and (seen := events.read(left)):
            left -= len(seen)
        time.sleep(rng.uniform(0.0, 0.03))
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    killed = child.exitcode == -signal.SIGKILL
    child.close()
    assert left == 0 or not killed, "the bench ended before it was killed, and not by itself"
    return killed


def check(store: Store, folder: Path) -> None:
    """The store opens, holds what was announced, and nothing twice or half."""
    trials = queries.trials(store)
    assert set(committed(folder)) <= {t.trial_uuid for t in trials}
    places = Counter((t.run_uuid, t.test_id, t.index) for t in trials)
    assert max(places.values(), default=1) == 1
    for trial in trials:
        assert trial.estimate is not None
        assert trial.recording is not None
        path = store.evidence.path(trial.recording)
        assert path.stat().st_size == trial.recording.size_bytes


@pytest.mark.timeout(600)
def test_killed_at_random_moments_and_resumed(tmp_path: Path) -> None:
    rng = random.Random(2)
    kills, round_ = 0, 0
    resume: str | None = None
    while kills < KILLS:
        if kill_somewhere(tmp_path, f"lab {round_}", resume, rng):
            kills += 1
        else:
            round_ += 1  # the plan was completed before the blow fell: take the next one
            resume = None
        with fleets.open_store(tmp_path) as store:
            check(store, tmp_path)
            plan = bench_victim.victim_plan(f"lab {round_}")
            if queries.runs(store, queries.Filter(plan_sha256=plan.sha256)):
                resume = ""
    before = committed(tmp_path)
    watcher = fleets.Watcher()
    plan = bench_victim.victim_plan(f"lab {round_}")
    with fleets.open_store(tmp_path) as store:
        stored = {t.trial_uuid for t in queries.trials(store)}
        done = run_bench(
            plan, fleets.phones(*bench_victim.SERIALS), store, observe=watcher, resume=resume
        )
        check(store, tmp_path)
        assert {d.run.status for d in done.devices if d.run} == {RunStatus.OK}
        assert [d.trials_stored for d in done.devices] == [25] * 4
        assert stored.isdisjoint(watcher.committed), "a committed trial was repeated"
        where = queries.Filter(bench_uuid=done.bench_uuid)
        assert len(queries.trials(store, where)) == 100
        assert len(queries.results(store, where)) == 4
        for trial in queries.trials(store, where):
            assert trial.recording is not None
            store.evidence.load(trial.recording)
    assert len(before) == len(set(before))
    assert len(before) > KILLS, "the blows fell before anything was committed"


@pytest.mark.timeout(600)
def test_killed_in_the_middle_of_exchanges_and_resumed(tmp_path: Path) -> None:
    """Both recordings of a committed exchange are there, and a resume completes the plan."""
    rng, resume = random.Random(3), None
    for _ in range(4):
        kill_somewhere(
            tmp_path, "lab", resume, rng, victim=bench_victim.help_until_killed, events_at_most=200
        )
        with fleets.open_store(tmp_path) as store:
            trials = queries.trials(store)
            assert set(committed(tmp_path)) <= {t.trial_uuid for t in trials}
            for trial in trials:
                assert trial.recording is not None
                assert trial.partner is not None
                for recording in (trial.recording, trial.partner.recording):
                    store.evidence.load(recording)
            resume = "" if queries.runs(store) else None
    with fleets.open_store(tmp_path) as store:
        before = {t.trial_uuid for t in queries.trials(store)}
        done = run_bench(
            bench_victim.helping_plan("lab"), bench_victim.helping_phones(), store, resume=resume
        )
        assert {d.run.status for d in done.devices if d.run} == {RunStatus.OK}
        assert [d.trials_stored for d in done.devices] == [4] * 3
        after = [t.trial_uuid for t in queries.trials(store)]
        assert before <= set(after)
        assert len(after) == 12
