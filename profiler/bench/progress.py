"""Tells the store what a running bench does, so that other programs can show it.

Events change lines in memory; a thread of its own writes those that changed, at most once a second,
and renews the others so that their age says whether the bench still lives. What it cannot write
is left out: progress never holds up or stops a run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from db.progress import DeviceProgress, put_progress
from db.store import Store
from profiler.bench.events import (
    BenchEvent,
    BenchEvents,
    DeviceDone,
    DeviceStarted,
    Log,
    PartnerProgress,
    TestDone,
    TrialDone,
    TrialProgress,
    TrialStarted,
    state_after,
)
from profiler.errors import StoreError
from profiler.model import DeviceRef, RunStatus, TrialRecord
from profiler.plan import BenchPlan

WRITE_EVERY_S = 1.0
"""Changes of a device are written at most this often."""
RENEW_EVERY_S = 5.0
"""``updated_at`` of a device that runs is never much older than this while its bench lives."""
_LAST_WORD_S = 5.0
"""A store that is locked by another program does not hold up the end of a bench for longer."""
_MAX_CHARS = 1000


@contextmanager
def shown(
    store: Store, bench_uuid: str, plan: BenchPlan, devices: Sequence[DeviceRef], then: BenchEvents
) -> Iterator[BenchEvents]:
    """An observer that writes progress and hands each event on to ``then``."""
    writer = _Writer(store, bench_uuid, plan, devices)

    def observe(event: BenchEvent) -> None:
        writer.take(event)
        then(event)

    try:
        yield observe
    finally:
        writer.close()


class _Writer:
    """The lines of all devices and the thread that writes them."""

    def __init__(
        self, store: Store, bench_uuid: str, plan: BenchPlan, devices: Sequence[DeviceRef]
    ) -> None:
        self._store = store
        self._plan = plan
        self._bench_uuid = bench_uuid
        self._began = datetime.now(UTC)
        self._lock = threading.Lock()
        self._lines = {d.uid: self._line(d) for d in devices}
        self._helps: dict[str, str] = {}
        """Whom a device helps at this moment, beside its own run."""
        self._changed = set(self._lines)
        self._renewed = time.monotonic()
        self._over = threading.Event()
        # A daemon: a second Ctrl-C ends the process although the store may be locked.
        self._thread = threading.Thread(target=self._work, name="progress", daemon=True)
        self._thread.start()

    def take(self, event: BenchEvent) -> None:
        """Note what an event says of its device."""
        device = event.outcome.device if isinstance(event, DeviceDone) else event.device
        if device is None:
            return
        with self._lock:
            before = self._lines.get(device.uid)
            line = next_line(before or self._line(device), event)
            if before is None and isinstance(event, PartnerProgress):  # it only helps
                line = replace(line, state="partner")
            if isinstance(event, PartnerProgress):
                helps = "" if event.stage == "done" else f"helps {event.helps}"
                if helps == self._helps.get(device.uid, ""):
                    return
                self._helps[device.uid] = helps
            elif line == before:
                return
            self._lines[device.uid] = line
            self._changed.add(device.uid)

    def close(self) -> None:
        """Write the last word on each device."""
        with self._lock:
            for uid, line in self._lines.items():
                if not line.ended:
                    only_helped = line.state == "partner"
                    state = line.state if only_helped else RunStatus.CANCELLED.value
                    self._lines[uid] = replace(line, state=state, stage="", ended=True)
                    self._changed.add(uid)
            self._helps.clear()
        self._over.set()
        self._thread.join(_LAST_WORD_S)

    def _line(self, device: DeviceRef) -> DeviceProgress:
        return DeviceProgress(
            bench_uuid=self._bench_uuid,
            run_uuid=None,
            device_uid=device.uid,
            device_name=device.label or device.serial,
            suite=self._plan.suite,
            zone=self._plan.zone(device),
            state="connecting",
            stage="",
            fraction=0.0,
            test_id="",
            position=0,
            trials_total=0,
            last_test="",
            last_verdict=None,
            last_text="",
            message="",
            started_at=self._began,
            updated_at=self._began,
            ended=False,
        )

    def _work(self) -> None:
        while True:
            self._write()
            if self._over.wait(WRITE_EVERY_S):
                self._write()
                return

    def _write(self) -> None:
        with self._lock:
            if time.monotonic() - self._renewed > RENEW_EVERY_S:
                self._changed |= {uid for uid, line in self._lines.items() if not line.ended}
            now = datetime.now(UTC)
            taken = [uid for uid in self._lines if uid in self._changed]
            lines = [self._as_shown(uid, now) for uid in taken]
            self._changed.clear()
        if not lines:
            return
        try:
            put_progress(self._store, *lines)
            self._renewed = time.monotonic()
        except StoreError:  # the workers meet it too, and say so
            with self._lock:
                self._changed.update(taken)

    def _as_shown(self, uid: str, now: datetime) -> DeviceProgress:
        line = self._lines[uid]
        return replace(line, state=self._helps.get(uid) or line.state, updated_at=now)


def next_line(line: DeviceProgress, event: BenchEvent) -> DeviceProgress:
    """The device's line after ``event``; states are those of the live display."""
    line = replace(line, state=state_after(event) or line.state)
    match event:
        case DeviceStarted():
            facts = event.facts
            name = event.device.label or facts.marketing_name or facts.model or line.device_name
            return replace(
                line, device_name=name, run_uuid=event.run_uuid, zone=event.zone,
                position=event.trials_stored, trials_total=event.trials_total,
            )  # fmt: skip
        case TrialStarted():
            return replace(
                line, stage="", fraction=0.0, test_id=event.test_id,
                position=event.position, trials_total=event.trials_total,
            )  # fmt: skip
        case TrialProgress():
            stage = event.stage[:_MAX_CHARS]
            fraction = min(max(event.fraction, 0.0), 1.0)
            return replace(line, state=stage, stage=stage, fraction=fraction)
        case TrialDone():
            trial = event.trial
            return replace(
                line, stage="", fraction=1.0, position=event.position, last_test=trial.test_id,
                last_verdict=trial.verdict, last_text=trial_text(trial),
            )  # fmt: skip
        case TestDone():
            result = event.result
            return replace(
                line, last_test=result.test_id, last_verdict=result.verdict,
                last_text=result.text[:_MAX_CHARS],
            )  # fmt: skip
    return _after_words(line, event)


def _after_words(line: DeviceProgress, event: BenchEvent) -> DeviceProgress:
    match event:
        case DeviceDone():
            outcome = event.outcome
            message = outcome.problem[:_MAX_CHARS] or line.message
            return replace(line, stage="", fraction=1.0, ended=True, message=message)
        case Log(level="warning" | "error"):
            return replace(line, message=event.text[:_MAX_CHARS])
    return line


def trial_text(trial: TrialRecord) -> str:
    """The latency of a trial with its 1σ, or why there is none."""
    if trial.latency is None:
        return (", ".join(trial.reasons) or trial.message)[:_MAX_CHARS]
    latency_ms, sigma_us = trial.latency
    sigma = "" if sigma_us is None else f" ± {sigma_us / 1000.0:.3f}"
    return f"{latency_ms:.3f}{sigma} ms"
