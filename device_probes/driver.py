"""The contract between the bench and any kind of device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from profiler.model import (
    CodecCost,
    CodecRequest,
    DeviceFacts,
    DeviceHealth,
    DeviceRef,
    ProbeReport,
    Stimulus,
    TimedAction,
    TrialRequest,
)
from profiler.wav import Audio


@dataclass(frozen=True, slots=True)
class Play:
    """One entry of a session's schedule: play ``stimulus`` from ``at_s`` of the timeline on.

    A one-device trial has one entry at 0; in an exchange the two devices take turns.
    """

    stimulus: Stimulus
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Capture:
    """What came back: the probe's report and the samples, frame 0 = frame 0 of the timeline."""

    report: ProbeReport
    audio: Audio


@dataclass(frozen=True, slots=True)
class Progress:
    """A progress event of a running trial."""

    stage: str
    """``opening``, ``warming``, ``playing``, ``fetching``."""
    fraction: float
    """0..1 of the whole trial."""


OnProgress = Callable[[Progress], None]


class Driver(Protocol):
    """Drives one device. Used from one thread, except :meth:`cancel`.

    Every call ends within a deadline of the driver's own and raises only
    :class:`~profiler.errors.DeviceError` or its children.
    """

    @property
    def ref(self) -> DeviceRef:
        """Which device this is."""
        ...

    def connect(self) -> DeviceFacts:
        """Reach the probe, shake hands and read the device's facts."""
        ...

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        """Run one trial in a fresh stream."""
        ...

    def cancel(self) -> None:
        """End the trial that runs, from another thread; :meth:`run` then raises ``DeviceError``.

        It counts from the moment :meth:`run` was called until it has come back, whatever is made
        ready first. One that comes while none runs is forgotten: kept, it would end the next trial
        of a run that goes on. So whoever wants a device to end says it again until ``run`` has
        come back, as the bench does.
        """
        ...

    def close(self) -> None:
        """Give the device back as it was found. Never raises."""
        ...


@runtime_checkable
class Inspects(Protocol):
    """A driver that can say what a device is without starting a probe on it."""

    def inspect(self) -> DeviceFacts:
        """The device's facts as far as they are known; the device stays as it was."""
        ...


@runtime_checkable
class ReportsHealth(Protocol):
    """A driver whose device says how warm it is and how full its battery is."""

    def health(self) -> DeviceHealth:
        """Battery and heat now; the device is connected."""
        ...


@runtime_checkable
class CodesSpeech(Protocol):
    """A driver whose device can measure what coding speech costs."""

    def codec_cost(self, request: CodecRequest) -> CodecCost:
        """Code some frames on the device; raises as :meth:`Driver.run` does."""
        ...


@runtime_checkable
class StartsFresh(Protocol):
    """A driver that can start the probe in a new process, as an app that was just launched."""

    def restart(self) -> None:
        """End the probe's process and reach a new one; raises as :meth:`Driver.connect` does."""
        ...


@runtime_checkable
class Acts(Protocol):
    """A driver that can do something to the device while a trial runs."""

    @property
    def actions(self) -> frozenset[str]:
        """Words of :class:`~profiler.model.TimedAction` that it knows on this device."""
        ...

    def act(self, action: TimedAction) -> str:
        """Do it now, from another thread than :meth:`Driver.run`'s; returns what was seen.

        Raises :class:`~profiler.errors.DeviceError` when it could not be done.
        """
        ...


@runtime_checkable
class Paced(Protocol):
    """A driver whose device's time does not pass as ours does (a virtual one)."""

    @property
    def pace(self) -> float:
        """Seconds of the device in one of ours; infinite = it never waits."""
        ...


def pace_of(driver: Driver) -> float:
    """Seconds of the device in one of ours; 1 for every real device."""
    return driver.pace if isinstance(driver, Paced) else 1.0
