"""What is known of a running bench at this moment: a line per device, fed by events."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from profiler.bench.events import (
    BenchEvent,
    DeviceDone,
    DeviceStarted,
    PartnerProgress,
    TestDone,
    TrialDone,
    TrialProgress,
    TrialStarted,
    state_after,
)
from profiler.cli.tables import TRIAL_WORDS
from profiler.cli.text import clean, latency
from profiler.model import DeviceRef, TrialRecord, Verdict


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
    last_is_trial: bool = False
    """Then :attr:`last_verdict` is of a recording, not of the phone."""
    done: bool = False
    helps: str = ""
    """Whom it helps at this moment, beside its own run."""

    @property
    def shown(self) -> str:
        """What it does."""
        return f"helps {self.helps}" if self.helps else self.state


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
            line = self._lines.get(device.uid) or _stranger(device, event)
            self._lines[device.uid] = next_line(line, event)


def _stranger(device: DeviceRef, event: BenchEvent) -> DeviceLine:
    """A device that is not measured: it only helps."""
    if isinstance(event, PartnerProgress):
        return DeviceLine(device, state="partner", done=True)
    return DeviceLine(device)


def next_line(line: DeviceLine, event: BenchEvent) -> DeviceLine:
    """The device's line after ``event``."""
    state = state_after(event)
    if state is not None:
        line = replace(line, state=clean(state, 20))
    match event:
        case DeviceStarted():
            name = event.facts.marketing_name or event.facts.model
            device = event.device if event.device.label else replace(event.device, label=name)
            line = replace(
                line, device=device, position=event.trials_stored,
                total=event.trials_total,
            )  # fmt: skip
        case TrialStarted():
            line = replace(
                line, test_id=event.test_id, position=event.position,
                total=event.trials_total, fraction=0.0,
            )  # fmt: skip
        case TrialProgress():
            fraction = min(max(event.fraction, 0.0), 1.0)
            line = replace(line, fraction=fraction)
        case PartnerProgress():
            helps = "" if event.stage == "done" else clean(event.helps, 30)
            line = replace(line, helps=helps)
        case TrialDone():
            line = replace(
                line, last=trial_text(event.trial), last_verdict=event.trial.verdict,
                last_is_trial=True, position=event.position, fraction=1.0,
            )  # fmt: skip
        case TestDone():
            r = event.result
            said = f"{r.test_id} {r.verdict.value}"
            line = replace(line, last=said, last_verdict=r.verdict, last_is_trial=False)
        case DeviceDone():
            line = replace(line, done=True, fraction=1.0)
    return line


def trial_text(trial: TrialRecord) -> str:
    """``L1 valid 42.123 ± 0.004 ms``, or what the recording is worth with its reasons."""
    head = f"{trial.test_id} {TRIAL_WORDS[trial.verdict]}"
    if trial.latency is not None:
        head = f"{head} {latency(*trial.latency)} ms"
    if trial.verdict not in (Verdict.PASS, Verdict.MARGINAL):
        why = ", ".join(trial.reasons) or trial.message
        head = f"{head}: {clean(why, 120)}" if why else head
    return head
