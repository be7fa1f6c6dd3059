"""What is known of a running bench at this moment: a line per device, fed by events."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from profiler.bench.events import (
    BenchEvent,
    DeviceDone,
    DeviceStarted,
    TestDone,
    TrialDone,
    TrialProgress,
    TrialStarted,
)
from profiler.cli.text import clean, latency
from profiler.model import DeviceRef, RunStatus, TrialRecord, Verdict


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """One device as the live display shows it."""

    device: DeviceRef
    state: str = "connecting"
    test_id: str = ""
    position: int = 0
    total: int = 0
    fraction: float = 0.0
    """Of the running trial."""
    last: str = ""
    """What the last trial gave."""
    last_verdict: Verdict | None = None
    done: bool = False


class Board:
    """The lines of all devices; written by the workers, read by the display's thread."""

    def __init__(self, devices: Iterable[DeviceRef]) -> None:
        self._lock = threading.Lock()
        self._lines = {d.uid: DeviceLine(d) for d in devices}

    def lines(self) -> list[DeviceLine]:
        """A copy in the order of the devices."""
        with self._lock:
            return list(self._lines.values())

    def update(self, event: BenchEvent) -> None:
        """Take one event; those that change no line are ignored."""
        device = event.outcome.device if isinstance(event, DeviceDone) else event.device
        if device is None:
            return
        with self._lock:
            line = self._lines.get(device.uid, DeviceLine(device))
            self._lines[device.uid] = next_line(line, event)


def next_line(line: DeviceLine, event: BenchEvent) -> DeviceLine:
    """The device's line after ``event``."""
    match event:
        case DeviceStarted():
            name = event.facts.marketing_name or event.facts.model
            device = event.device if event.device.label else replace(event.device, label=name)
            line = replace(
                line, device=device, state="ready", position=event.trials_stored,
                total=event.trials_total,
            )  # fmt: skip
        case TrialStarted():
            state = f"starting, attempt {event.attempt}" if event.attempt > 1 else "starting"
            line = replace(
                line, state=state, test_id=event.test_id, position=event.position,
                total=event.trials_total, fraction=0.0,
            )  # fmt: skip
        case TrialProgress():
            fraction = min(max(event.fraction, 0.0), 1.0)
            line = replace(line, state=clean(event.stage, 20), fraction=fraction)
        case TrialDone():
            line = replace(
                line, last=trial_text(event.trial), last_verdict=event.trial.verdict,
                position=event.position, fraction=1.0,
            )  # fmt: skip
        case TestDone():
            r = event.result
            line = replace(line, last=f"{r.test_id} {r.verdict.value}", last_verdict=r.verdict)
        case DeviceDone():
            run = event.outcome.run
            state = run.status.value if run else RunStatus.ERROR.value
            line = replace(line, state=state.replace("_", " "), done=True, fraction=1.0)
    return line


def trial_text(trial: TrialRecord) -> str:
    """``L1 pass 42.123 ± 0.004 ms``, or the verdict with its reasons."""
    head = f"{trial.test_id} {trial.verdict.value}"
    estimate = trial.estimate
    if estimate is not None and estimate.valid:
        value = latency(estimate.round_trip_latency_ms, estimate.uncertainty_us)
        head = f"{head} {value} ms"
    if trial.verdict not in (Verdict.PASS, Verdict.MARGINAL):
        why = ", ".join(trial.reasons) or trial.message
        head = f"{head}: {clean(why, 120)}" if why else head
    return head
