"""What a running bench tells the store of itself: the words of the live display, to the end."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import bench_fleets as fleets
import pytest
import store_records as make

from db import queries
from db.progress import DeviceProgress, progress
from db.store import Store
from profiler.bench import (
    BenchEvent,
    DeviceDone,
    DeviceOutcome,
    DeviceStarted,
    Log,
    PartnerProgress,
    TestDone,
    TrialDone,
    TrialProgress,
    TrialStarted,
    run_bench,
)
from profiler.bench import progress as module
from profiler.bench.progress import next_line, shown, trial_text
from profiler.cli.board import Board
from profiler.cli.text import clean
from profiler.model import DeviceRef, ExchangeFindings, RunStatus, Verdict
from profiler.plan import BenchPlan

PHONE, OTHER = make.device("v1"), make.device("v2")
TRIAL = make.trial(latency_ms=42.1234)
EVENTS: tuple[BenchEvent, ...] = (
    DeviceStarted(PHONE, make.facts(), "run-1", "desk", 9, 2, 31.4),
    TrialStarted(PHONE, "L1", 0, 1, 3, 9),
    TrialProgress(PHONE, "L1", 0, "waiting", 0.0),
    TrialProgress(PHONE, "L1", 0, "recording", 0.4),
    TrialProgress(PHONE, "L1", 0, "analysing", 7.0),
    TrialDone(PHONE, TRIAL, 3, 9),
    Log("warning", "hot", PHONE),
    TestDone(PHONE, make.result(text="42 ms")),
    TrialStarted(PHONE, "A1", 0, 2, 4, 9),
    Log("debug", "nothing", PHONE),
    Log("error", "of no device"),
)
LINE = DeviceProgress(
    bench_uuid="bench-1", run_uuid=None, device_uid=PHONE.uid, device_name="v1", suite="smoke",
    zone="", state="connecting", stage="", fraction=0.0, test_id="", position=0, trials_total=0,
    last_test="", last_verdict=None, last_text="", message="", started_at=make.NOON,
    updated_at=make.NOON, ended=False,
)  # fmt: skip


def wait_for(found: Callable[[], Any]) -> Any:
    """The first true answer; a test that waits in vain fails by its time-out."""
    while not (answer := found()):
        time.sleep(0.02)
    return answer


def done(status: RunStatus | None, problem: str = "") -> DeviceDone:
    run = make.run(status=status) if status else None
    return DeviceDone(DeviceOutcome(PHONE, make.facts(), run, (), 9, 9, problem))


@pytest.mark.parametrize(
    "last", [done(RunStatus.OK), done(RunStatus.DEVICE_LOST, "gone"), done(None, "store full")]
)
def test_states_are_those_of_the_live_display(last: DeviceDone) -> None:
    board, line = Board([PHONE]), LINE
    for event in (*EVENTS, last):
        if isinstance(event, Log) and event.device is None:
            continue
        board.update(event)
        line = next_line(line, event)
        (shown_line,) = board.lines()
        assert clean(line.state, 20) == shown_line.shown
        assert (line.test_id, line.position, line.trials_total, line.last_verdict) == (
            shown_line.test_id, shown_line.position, shown_line.total, shown_line.last_verdict,
        )  # fmt: skip
        assert (line.fraction, line.ended) == (shown_line.fraction, shown_line.done)
    assert line.message == (last.outcome.problem or "hot")
    assert (line.run_uuid, line.zone, line.device_name) == ("run-1", "desk", "Phone v1")


def test_what_a_trial_gave() -> None:
    assert trial_text(TRIAL) == "42.123 ± 0.005 ms"
    assert trial_text(make.trial(latency_ms=None)) == "no_stimulus"
    assert trial_text(make.trial(estimate=None, reasons=(), message="gone")) == "gone"
    quality = make.estimate().quality
    far = ExchangeFindings(
        Verdict.PASS, (), quality, quality, 55.384, 12.0, 0.99, 1.0, 0.0, 4, 4, 0, None, None,
        None, (), "1",
    )  # fmt: skip
    assert trial_text(make.trial(estimate=None, findings=far)) == "55.384 ± 0.012 ms"


def test_a_bench_is_seen_while_it_runs_and_as_it_ended(tmp_path: Path) -> None:
    seen: list[DeviceProgress] = []
    with fleets.open_store(tmp_path) as store:

        def observe(event: BenchEvent) -> None:
            if isinstance(event, TrialDone) and not seen:  # the writer has a thread of its own
                seen.extend(wait_for(lambda: [p for p in progress(store) if p.last_verdict]))

        plan = fleets.plan("L1", repeats=2)
        outcome = run_bench(plan, fleets.phones("A", "B"), store, observe=observe)
        (live, *_), ended = seen, progress(store)
        runs = {r.device_uid: r for r in queries.runs(store)}
    assert (live.bench_uuid, live.ended, live.run_uuid is not None) == (
        outcome.bench_uuid, False, True,
    )  # fmt: skip
    assert [p.device_uid for p in ended] == [d.device.uid for d in outcome.devices]
    for line in ended:
        assert (line.state, line.ended, line.stage) == ("ok", True, "")
        assert line.position == line.trials_total == 2
        assert (line.run_uuid, line.last_test) == (runs[line.device_uid].run_uuid, "L1")
        assert line.last_verdict in (Verdict.PASS, Verdict.MARGINAL)
        assert (line.device_name, line.suite) == (f"Acme {line.device_uid[-1]}", "smoke")


def test_progress_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    with fleets.open_store(tmp_path) as store:
        with closing(sqlite3.connect(store.name)) as connection:
            connection.execute("DROP TABLE progress")
        outcome = run_bench(fleets.plan("L1", repeats=2), fleets.phones("A"), store)
        assert [d.run and d.run.status for d in outcome.devices] == [RunStatus.OK]
        assert len(queries.trials(store)) == 2


def opened(tmp_path: Path, then: Callable[[BenchEvent], None], *devices: DeviceRef) -> Any:
    store = Store.open(tmp_path / "a.db")
    return store, shown(store, "bench-1", BenchPlan(), devices, then)


def test_a_partner_has_a_line_and_who_helps_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_EVERY_S", 0.01)
    told: list[BenchEvent] = []
    store, watched = opened(tmp_path, told.append, PHONE)
    helping = replace(EVENTS[3], stage="playing")  # type: ignore[arg-type]
    with store:
        with watched as observe:
            for event in (EVENTS[0], helping, PartnerProgress(PHONE, OTHER, "playing", 0.5)):
                observe(event)
            observe(PartnerProgress(OTHER, PHONE, "playing", 0.5))
            states = {PHONE.uid: f"helps {OTHER}", OTHER.uid: f"helps {PHONE}"}
            wait_for(lambda: {p.device_uid: p.state for p in progress(store)} == states)
            observe(PartnerProgress(PHONE, OTHER, "done", 1.0))
            observe(PartnerProgress(OTHER, PHONE, "done", 1.0))
            states = {PHONE.uid: "playing", OTHER.uid: "partner"}
            wait_for(lambda: {p.device_uid: p.state for p in progress(store)} == states)
            assert not any(p.ended for p in progress(store))
        assert len(told) == 6
        assert [(p.state, p.ended) for p in progress(store)] == [
            ("cancelled", True), ("partner", True),
        ]  # fmt: skip


def test_a_bench_that_lives_renews_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_EVERY_S", 0.01)
    monkeypatch.setattr(module, "RENEW_EVERY_S", 0.05)
    store, watched = opened(tmp_path, lambda _event: None, PHONE)
    with store, watched:
        (first,) = wait_for(lambda: progress(store))
        wait_for(lambda: progress(store)[0].updated_at > first.updated_at)


KILLED = """
import sys, time
from db.store import Store
from profiler.bench.progress import shown
from profiler.model import DeviceRef, Platform
from profiler.plan import BenchPlan
with Store.open(sys.argv[1]) as store:
    phone = DeviceRef(Platform.VIRTUAL, "v1")
    with shown(store, "bench-1", BenchPlan(), [phone], lambda event: None):
        time.sleep(600)
"""


def test_a_killed_bench_leaves_a_line_that_grows_old(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    with Store.open(file) as store:
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(file)])
        try:
            wait_for(lambda: progress(store))
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        (left,) = progress(store)
        assert (left.state, left.ended) == ("connecting", False)
        assert progress(store) == [left]
