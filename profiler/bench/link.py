"""The way to one device: connect, connect again after a loss, make sound in turn."""

from __future__ import annotations

from datetime import datetime

from device_probes.driver import Capture, Driver, ReportsHealth
from profiler.bench.context import Bench
from profiler.bench.events import Log
from profiler.bench.faults import Fault, fault_of
from profiler.bench.trial import OnStage, drive
from profiler.catalogue import PlannedTrial
from profiler.errors import DeviceError, DeviceLost, ProbeRefused
from profiler.model import DeviceFacts, DeviceHealth, DeviceRef


class DeviceLink:
    """A driver whose connection may be in an unknown state. Used from one thread."""

    def __init__(self, bench: Bench, driver: Driver) -> None:
        self.ref: DeviceRef = driver.ref
        self.facts: DeviceFacts | None = None
        """What the device said when it was first reached."""
        self._bench = bench
        self._driver = driver
        self._connected = False

    def reach(self) -> DeviceError | None:
        """Connect, again after a loss; the last error when the device cannot be reached.

        When the bench is stopped it gives up without one, and :attr:`facts` stays ``None``.
        """
        for left in reversed(range(self._bench.plan.timeouts.retries + 1)):
            if self._bench.stop.requested:
                return None
            try:
                self._connect()
            except DeviceError as exc:
                if not self.may_retry(fault_of(exc), left):
                    return exc
                self.pause(exc)
            else:
                return None
        return None

    def run(self, planned: PlannedTrial, on_stage: OnStage) -> tuple[datetime, Capture] | None:
        """Run one trial, on a fresh connection if the last one failed; ``None`` when stopped.

        Raises :class:`~profiler.errors.DeviceError`.
        """
        if not self._connected:
            self._driver.close()
            self._connect()
        try:
            return drive(
                self._driver,
                planned,
                zones=self._bench.zones,
                zone=self._bench.plan.zone(self.ref),
                stop=self._bench.stop,
                margin_s=self._bench.plan.timeouts.trial_margin_s,
                on_stage=on_stage,
            )
        except DeviceError as exc:
            # A refusal is an answer; after anything else what comes next may belong to the past.
            self._connected = isinstance(exc, ProbeRefused)
            raise

    def health(self) -> DeviceHealth:
        """Battery and heat of the connected device; nothing when it cannot say."""
        if not (self._connected and isinstance(self._driver, ReportsHealth)):
            return DeviceHealth()
        try:
            return self._driver.health()
        except DeviceError as exc:
            # The first trial will meet the same fault, and handles it.
            self._bench.observe(Log("warning", f"{exc}", self.ref))
            return DeviceHealth()

    def may_retry(self, fault: Fault, left: int) -> bool:
        """Whether to try again, ``left`` attempts being allowed."""
        return fault.retry and left > 0 and not self._bench.stop.requested

    def pause(self, error: DeviceError) -> None:
        """Say what happened and give the device time to come back."""
        self._bench.observe(Log("warning", f"{error}; trying again", self.ref))
        self._bench.stop.wait(self._bench.plan.timeouts.retry_wait_s)

    def _connect(self) -> None:
        facts = self._driver.connect()
        if self.facts is not None and facts.model_key != self.facts.model_key:
            raise DeviceLost(
                f"another device answers now ({facts.model_key})",
                device=str(self.ref),
                hint="plug the first one in again, then run with --resume",
            )
        self.facts, self._connected = self.facts or facts, True

    def close(self) -> None:
        """Give the device back."""
        self._driver.close()
