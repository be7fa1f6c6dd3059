"""Ending a bench early, and going on with it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import bench_fleets as fleets
import pytest

from db import queries
from device_probes.virtual import Clock
from profiler.bench import BenchEvent, Log, Stop, TrialDone, TrialProgress, run_bench
from profiler.errors import InputError
from profiler.model import RunStatus, Verdict


class StopAt(fleets.Watcher):
    """Acts when a stage of the n-th trial is reached."""

    def __init__(self, act: object, *, stage: str, position: int) -> None:
        super().__init__()
        self._act, self._stage, self._left = act, stage, position
        self._armed = True

    def __call__(self, event: BenchEvent) -> None:
        super().__call__(event)
        if isinstance(event, TrialDone):
            self._left -= 1
        hit = isinstance(event, TrialProgress) and event.stage == self._stage
        if self._armed and hit and self._left <= 1:
            self._armed = False
            self._act()  # type: ignore[operator]


@pytest.mark.parametrize("stage", ["waiting", "opening", "playing", "fetching", "analysing"])
def test_a_stop_cancels_what_runs_and_a_resume_completes_it(tmp_path: Path, stage: str) -> None:
    stop = Stop()
    watcher = StopAt(stop.request, stage=stage, position=3)
    drivers = fleets.phones("A", "B", clock=Clock(200.0))
    with fleets.open_store(tmp_path) as store:
        cut = run_bench(fleets.plan("L1"), drivers, store, observe=watcher, stop=stop)
        assert cut.cancelled
        kept = watcher.committed
        assert {d.run.status for d in cut.devices if d.run} == {RunStatus.CANCELLED}
        assert sum(d.trials_stored for d in cut.devices) == len(kept) < 10
        assert all(d.results == () for d in cut.devices), "no verdict on half a test"
        assert {t.trial_uuid for t in queries.trials(store)} == set(kept)
        rest = fleets.Watcher()
        done = run_bench(fleets.plan("L1"), fleets.phones("A", "B"), store, observe=rest, resume="")
        assert done.bench_uuid == cut.bench_uuid
        assert not done.cancelled
        assert set(rest.committed).isdisjoint(kept)
        assert len(rest.committed) + len(kept) == 10
        assert {d.run.status for d in done.devices if d.run} == {RunStatus.OK}
        assert {r.verdict for d in done.devices for r in d.results} == {Verdict.PASS}
        assert len(queries.runs(store)) == 2


def test_ctrl_c_stops_cleanly(tmp_path: Path) -> None:
    def interrupt() -> None:
        signal.raise_signal(signal.SIGINT)  # delivered to the main thread

    before = signal.getsignal(signal.SIGINT)
    watcher = StopAt(interrupt, stage="playing", position=2)
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(
            fleets.plan("L1"), fleets.phones("A", clock=Clock(4.0)), store, observe=watcher
        )
    assert outcome.cancelled
    assert outcome.devices[0].trials_stored == 1
    assert signal.getsignal(signal.SIGINT) is before
    assert any("stopping" in e.text for e in watcher.of(Log))


def test_the_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    def interrupt_twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()

    drivers = [fleets.Deaf(d) for d in fleets.phones("A", clock=Clock(2.0))]
    watcher = StopAt(interrupt_twice, stage="warming", position=1)
    with fleets.open_store(tmp_path) as store:
        with pytest.raises(KeyboardInterrupt):
            run_bench(fleets.plan("L1"), drivers, store, observe=watcher)
        for thread in threading.enumerate():
            if thread.daemon and thread.name.startswith("Acme A"):
                thread.join()  # the worker outlives the interrupt; the store must outlive it here


def test_a_finished_device_is_left_alone_when_its_bench_is_resumed(tmp_path: Path) -> None:
    with fleets.open_store(tmp_path) as store:
        first = run_bench(fleets.plan("L1"), fleets.phones("A"), store)
        watcher = fleets.Watcher()
        both = run_bench(
            fleets.plan("L1"), fleets.phones("A", "B"), store,
            resume=first.bench_uuid, observe=watcher,
        )  # fmt: skip
        assert both.devices[0].results == first.devices[0].results
        assert both.devices[0].run == first.devices[0].run
        assert {e.device.serial for e in watcher.of(TrialDone)} == {"B"}
        assert len(queries.runs(store, queries.Filter(bench_uuid=first.bench_uuid))) == 2


def test_a_device_that_became_another_model_starts_anew(tmp_path: Path) -> None:
    stop = Stop()
    watcher = StopAt(stop.request, stage="playing", position=3)
    with fleets.open_store(tmp_path) as store:
        (phone,) = fleets.phones("A", clock=Clock(200.0))
        run_bench(fleets.plan("L1"), [phone], store, observe=watcher, stop=stop)
        updated = fleets.Swapped(fleets.phones("A")[0])
        updated.connections = 1
        done = run_bench(fleets.plan("L1"), [updated], store, resume="")
        assert done.devices[0].trials_stored == 5
        assert len(queries.runs(store)) == 2
        assert done.devices[0].run is not None
        assert len(queries.trials_of(store, done.devices[0].run.run_uuid)) == 5


def test_nothing_to_resume_says_so(tmp_path: Path) -> None:
    with fleets.open_store(tmp_path) as store:
        with pytest.raises(InputError, match="no unfinished run of this plan"):
            run_bench(fleets.plan(), fleets.phones("A"), store, resume="")
        with pytest.raises(InputError, match="no run 'abc'"):
            run_bench(fleets.plan(), fleets.phones("A"), store, resume="abc")
        done = run_bench(fleets.plan("L1", repeats=1), fleets.phones("A"), store)
        with pytest.raises(InputError, match="no unfinished run of this plan"):
            run_bench(fleets.plan("L1", repeats=1), fleets.phones("A"), store, resume="")
        with pytest.raises(InputError, match="another plan"):
            run_bench(fleets.plan("D1"), fleets.phones("A"), store, resume=done.bench_uuid)
