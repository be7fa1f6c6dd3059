"""Driving one device, or two at once, under a watchdog each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from device_probes.driver import Capture, Driver, OnProgress, Play
from profiler.bench.stop import Stop
from profiler.catalogue import PlannedTrial
from profiler.errors import ChirpbenchError, DeviceError, DeviceTimeout
from profiler.model import Stimulus, TrialRequest

CANCEL_EVERY_S = 0.5
"""A trial that was just about to begin misses the first call."""


class PartnerFailed(ChirpbenchError):
    """The other device of an exchange could not do its part; the one under test is fine.

    ``cause`` is what its driver raised, ``None`` when there was nobody to ask.
    """

    def __init__(self, message: str, *, cause: Exception | None = None, uid: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        self.uid = uid


def plays_of(planned: PlannedTrial) -> tuple[Play, ...]:
    """The schedule of the device under test."""
    beneath = schedule(planned.setup.beneath, (0.0,))
    return (*schedule(planned.stimulus, planned.setup.at_s), *beneath)


def schedule(stimulus: Stimulus | None, at_s: tuple[float, ...]) -> tuple[Play, ...]:
    """``stimulus`` at each of these times."""
    return () if stimulus is None else tuple(Play(stimulus, at) for at in at_s)


@contextmanager
def watchdog(driver: Driver, limit_s: float) -> Iterator[None]:
    """Cancel a call that outlives its limit, whatever the driver's own deadlines are."""
    expired = threading.Event()

    def give_up() -> None:
        expired.set()
        with suppress(DeviceError):
            driver.cancel()

    timer = threading.Timer(limit_s, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except DeviceError as exc:
        if expired.is_set():
            raise DeviceTimeout(
                f"the trial did not end within {limit_s:.0f} s",
                device=str(driver.ref),
                hint="look at the device, then run with --resume",
            ) from exc
        raise
    finally:
        timer.cancel()
        timer.join()


@dataclass(eq=False)
class Half:
    """One device's part of an exchange, and how it ended."""

    driver: Driver
    request: TrialRequest
    plays: tuple[Play, ...]
    on_progress: OnProgress
    limit_s: float
    capture: Capture | None = None
    error: Exception | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class _Exchange:
    """Two halves, of which the first that fails takes the other one down."""

    def __init__(self, own: Half, other: Half) -> None:
        self.own = own
        self.other = other
        self.failed_first: Half | None = None
        self._lock = threading.Lock()
        self._start = threading.Barrier(2)

    def run(self, half: Half) -> None:
        """Play one half; both begin together. Never raises."""
        try:
            self._start.wait()
            with watchdog(half.driver, half.limit_s):
                half.capture = half.driver.run(half.request, half.plays, half.on_progress)
        except Exception as exc:  # noqa: BLE001 - judged by play_together: whose fault it was
            half.error = exc
            with self._lock:
                self.failed_first = self.failed_first or half
        finally:
            half.ended.set()

    def run_other(self) -> None:
        """The partner's thread."""
        self.run(self.other)
        if self.failed_first is self.other:
            _cancel_until(self.own, lambda: True)


def _cancel_until(half: Half, hopeless: Callable[[], bool]) -> None:
    """Wait for the end of a half, cancelling it as long as it is of no use any more."""
    while not half.ended.is_set():
        if hopeless():
            with suppress(DeviceError):
                half.driver.cancel()
        half.ended.wait(CANCEL_EVERY_S)


def play_together(own: Half, other: Half, stop: Stop) -> tuple[Capture, Capture]:
    """Run both at once; own first. The caller's thread runs ``own``.

    Raises what ``own`` raised, or :class:`PartnerFailed` when it was the partner that failed
    first. Both drivers have come back when this returns.
    """
    exchange = _Exchange(own, other)
    thread = threading.Thread(
        target=exchange.run_other, name=f"{other.driver.ref} helps {own.driver.ref}", daemon=True
    )
    thread.start()
    exchange.run(own)
    _cancel_until(other, lambda: stop.requested or exchange.failed_first is own)
    thread.join()
    if exchange.failed_first is own and own.error is not None:
        raise own.error
    if own.capture is None or other.capture is None:
        raise failed_partner(other.driver, other.error)
    return own.capture, other.capture


def failed_partner(driver: Driver, cause: Exception | None) -> PartnerFailed:
    """What a partner's error is to the device under test."""
    said = str(cause) if isinstance(cause, DeviceError) else f"internal error: {cause!r}"
    return PartnerFailed(f"the partner failed: {said}", cause=cause, uid=driver.ref.uid)
