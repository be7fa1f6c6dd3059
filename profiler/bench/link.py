"""The way to one device: connect, connect again after a loss, make sound in turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from device_probes.driver import (
    Acts,
    Capture,
    CodesSpeech,
    Driver,
    ReportsHealth,
    StartsFresh,
)
from profiler.bench.context import Bench
from profiler.bench.events import Log
from profiler.bench.faults import Fault, fault_of
from profiler.errors import DeviceError, DeviceLost, DeviceNotReady, ProbeRefused
from profiler.model import (
    ActionOutcome,
    CodecCost,
    DeviceFacts,
    DeviceHealth,
    DeviceRef,
    DeviceState,
    RunStatus,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the partner of an exchange brought back."""

    device_uid: str
    capture: Capture


@dataclass(frozen=True, slots=True)
class Made:
    """What a trial brought back: a capture, or the cost of coding."""

    began: datetime
    """When its turn came: waiting for the zone is no part of a trial."""
    capture: Capture | None = None
    partner: Heard | None = None
    actions: tuple[ActionOutcome, ...] = ()
    codec: CodecCost | None = None


class DeviceLink:
    """A driver whose connection may be in an unknown state.

    Its own worker uses it from one thread; others borrow it as a partner. Whoever calls the
    driver holds :attr:`lock`; the methods that take it themselves say so.
    """

    def __init__(self, bench: Bench, driver: Driver) -> None:
        self.ref: DeviceRef = driver.ref
        self.driver = driver
        self.facts: DeviceFacts | None = None
        """What the device said when it was first reached."""
        self.lock = threading.Lock()
        self.unfit = ""
        """Why it cannot help another device; empty when it can, as far as is known."""
        named, only = bench.plan.partner, bench.plan.only_partner(self.ref)
        self.named_partner = named is not None and named.is_(self.ref)
        """The plan names it as partner, whether it is measured or not."""
        self.finished = only
        """Its own run, if it has one, is over."""
        self.may_ask = not only
        """Its own run may still need a partner."""
        self._bench = bench
        self._connected = False
        self._touched = False
        self._fresh = False
        """The probe was started anew and has not run a trial since."""
        bench.partners.add(self)

    @property
    def zone(self) -> str:
        """The acoustic zone it plays in."""
        return self._bench.plan.zone(self.ref)

    @property
    def abilities(self) -> frozenset[str]:
        """What the driver can do beside a trial, in the words of ``TrialOptions.abilities``."""
        found = set()
        if isinstance(self.driver, CodesSpeech):
            found.add("codec")
        if isinstance(self.driver, StartsFresh):
            found.add("fresh_process")
        try:
            if isinstance(self.driver, Acts):
                found |= {f"action:{name}" for name in self.driver.actions}
        except DeviceError as exc:
            self._bench.observe(Log("warning", f"its actions are not known: {exc}", self.ref))
        return frozenset(found)

    def reach(self) -> DeviceError | None:
        """Connect, again after a loss; the last error when the device cannot be reached.

        When the bench is stopped it gives up without one, and :attr:`facts` stays ``None``.
        Takes the lock.
        """
        for left in reversed(range(self._bench.plan.timeouts.retries + 1)):
            if self._bench.stop.requested:
                return None
            try:
                with self.lock:
                    self.ready()
            except DeviceError as exc:
                if not self.may_retry(fault_of(exc), left):
                    return exc
                self.pause(exc)
            else:
                return None
        return None

    def ready(self, *, fresh: bool = False) -> None:
        """Be connected; ``fresh``: to a probe that has run nothing since it was started.

        Raises :class:`~profiler.errors.DeviceError`.
        """
        if not self._connected:
            self._connect()
        if fresh and not self._fresh:
            self._restart()

    @contextmanager
    def calling(self) -> Iterator[None]:
        """A call of the driver, after which the connection may be of no use."""
        try:
            yield
        except DeviceError as exc:
            self.came_back(exc)
            raise
        self.came_back(None)

    def came_back(self, error: Exception | None) -> None:
        """Note how a call of the driver ended."""
        self._fresh = False
        if error is not None:
            # A refusal is an answer; after anything else what comes next may belong to the past.
            self._connected = isinstance(error, ProbeRefused)

    def blame(self, error: DeviceError) -> None:
        """It failed as a partner: remember whether it need be asked again."""
        fault = fault_of(error)
        quarantined = isinstance(error, DeviceNotReady) and error.state == DeviceState.QUARANTINED
        if quarantined or fault.ends_run is RunStatus.ERROR:
            self.unfit = str(error)

    def health(self) -> DeviceHealth:
        """Battery and heat of the connected device; nothing when it cannot say. Takes the lock."""
        with self.lock:
            if not (self._connected and isinstance(self.driver, ReportsHealth)):
                return DeviceHealth()
            try:
                return self.driver.health()
            except DeviceError as exc:
                # The first trial will meet the same fault, and handles it.
                self._bench.observe(Log("warning", f"{exc}", self.ref))
                return DeviceHealth()

    def may_retry(self, fault: Fault, left: int) -> bool:
        """Whether to try again, ``left`` attempts being allowed."""
        return fault.retry and left > 0 and not self._bench.stop.requested

    def pause(self, error: Exception) -> None:
        """Say what happened and give the device time to come back."""
        self._bench.observe(Log("warning", f"{error}; trying again", self.ref))
        self._bench.stop.wait(self._bench.plan.timeouts.retry_wait_s)

    def close(self) -> None:
        """Give the device back; it may be reached again. Takes the lock."""
        with self.lock:
            if self._touched:
                self.driver.close()
            self._connected = self._touched = self._fresh = False

    def _connect(self) -> None:
        if self._touched:
            self.driver.close()
        self._touched = True
        facts = self.driver.connect()
        if self.facts is not None and facts.model_key != self.facts.model_key:
            raise DeviceLost(
                f"another device answers now ({facts.model_key})",
                device=str(self.ref),
                hint="plug the first one in again, then run with --resume",
            )
        self.facts, self._connected = self.facts or facts, True

    def _restart(self) -> None:
        """Start the probe anew; a driver that knows no better way connects again."""
        self._connected = False
        if isinstance(self.driver, StartsFresh):
            self.driver.restart()
            self._connected = True
        else:
            self._connect()
        self._fresh = True


def now() -> datetime:
    """The moment a trial's turn came."""
    return datetime.now(UTC)
