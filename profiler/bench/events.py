"""What a running bench tells whoever watches it. The runner itself prints nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from profiler.model import (
    DeviceFacts,
    DeviceRef,
    RunRecord,
    RunStatus,
    TestResult,
    TrialRecord,
)


@dataclass(frozen=True, slots=True)
class DeviceOutcome:
    """How one device's run ended."""

    device: DeviceRef
    facts: DeviceFacts | None
    """``None`` when the device never answered."""
    run: RunRecord | None
    """As stored; ``None`` when the store could not take it."""
    results: tuple[TestResult, ...]
    """In catalogue order; the stored ones when there was nothing left to do."""
    trials_total: int
    trials_stored: int
    """Trials of this run in the store, those of earlier attempts to run it included."""
    problem: str = ""
    """One line for people when the run did not end well."""


@dataclass(frozen=True, slots=True)
class BenchOutcome:
    """How a bench ended: one entry per device, in the order in which they were given."""

    bench_uuid: str
    devices: tuple[DeviceOutcome, ...]
    cancelled: bool
    wall_s: float


@dataclass(frozen=True, slots=True)
class DeviceStarted:
    """The device answered and its trials are known."""

    device: DeviceRef
    facts: DeviceFacts
    run_uuid: str
    zone: str
    trials_total: int
    trials_stored: int
    """Larger than 0 in a resumed run."""
    audio_s: float
    """Time its streams still have to be open."""


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial begins; ``position`` counts from 1 through all trials of the device."""

    device: DeviceRef
    test_id: str
    index: int
    attempt: int
    position: int
    trials_total: int


@dataclass(frozen=True, slots=True)
class TrialProgress:
    """``stage`` is ``waiting`` (for the zone), a driver's stage, or ``analysing``."""

    device: DeviceRef
    test_id: str
    index: int
    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class PartnerProgress:
    """``device`` plays the other part of a trial of ``helps``; ``stage`` ends with ``done``."""

    device: DeviceRef
    helps: DeviceRef
    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class TrialDone:
    """The trial is committed to the store."""

    device: DeviceRef
    trial: TrialRecord
    position: int
    trials_total: int


@dataclass(frozen=True, slots=True)
class TestDone:
    """The test is judged and committed."""

    __test__ = False  # not a pytest class

    device: DeviceRef
    result: TestResult


@dataclass(frozen=True, slots=True)
class DeviceDone:
    """The device's run ended, well or not."""

    outcome: DeviceOutcome


@dataclass(frozen=True, slots=True)
class Log:
    """A line for people. ``level`` is ``debug``, ``info``, ``warning`` or ``error``."""

    level: str
    text: str
    device: DeviceRef | None = None


BenchEvent: TypeAlias = (
    DeviceStarted
    | TrialStarted
    | TrialProgress
    | PartnerProgress
    | TrialDone
    | TestDone
    | DeviceDone
    | Log
)
BenchEvents: TypeAlias = Callable[[BenchEvent], None]
"""An observer. It is called from the workers' threads, one call at a time; it must not raise."""


def state_after(event: BenchEvent) -> str | None:
    """What the device does after its event, in a few words; a stage's are the driver's own.
    ``None``: the event does not change it."""
    match event:
        case DeviceStarted():
            return "ready"
        case TrialStarted():
            return f"starting, attempt {event.attempt}" if event.attempt > 1 else "starting"
        case TrialProgress():
            return event.stage
        case DeviceDone():
            run = event.outcome.run
            return (run.status if run else RunStatus.ERROR).value.replace("_", " ")
    return None


def nobody(_event: BenchEvent) -> None:
    """The observer that looks away."""


def one_at_a_time(observe: BenchEvents) -> BenchEvents:
    """Let a single-threaded observer watch many workers."""
    lock = threading.Lock()

    def serialised(event: BenchEvent) -> None:
        with lock:
            observe(event)

    return serialised
