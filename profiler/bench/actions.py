"""Doing something to a device at given moments of a running trial."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from device_probes.driver import Acts, Driver, Progress, pace_of
from profiler.catalogue import PlannedTrial
from profiler.errors import DeviceError
from profiler.model import ActionOutcome, TimedAction

_LOOK_S = 0.25
_FAST = 1.5
"""A trial that has come this much further than time has passed since it was begun is a virtual
phone's: no other can."""
_MAX_TEXT = 300


class Timeline:
    """Where a running trial is on the timeline of its recording, by its progress events.

    It counts from the first ``playing`` event, whose fraction says how late that event is. The
    faster clock of a virtual phone is its driver's ``pace``, or is noticed by how fast the
    fractions grow.
    """

    def __init__(self, warmup_s: float, duration_s: float, pace: float = 1.0) -> None:
        self._entered = time.monotonic()
        self._warmup_s = warmup_s
        self._total_s = warmup_s + duration_s
        self._changed = threading.Condition()
        self._begin: tuple[float, float] | None = None
        """(time, position) of the first ``playing`` event."""
        self._known_pace = pace if pace != 1.0 else None
        self._pace = pace
        self._ended = False

    def note(self, progress: Progress) -> None:
        """Take a progress event, in the thread of the trial."""
        never_waits = math.isinf(self._pace) and progress.stage == "warming"
        if progress.stage != "playing" and not never_waits:
            return
        now, at_s = time.monotonic(), self._position_s(progress.fraction)
        with self._changed:
            if self._begin is None:
                self._begin = now, at_s
            elif self._known_pace is None and now > self._begin[0]:
                ahead = self._warmup_s + at_s > _FAST * (now - self._entered)
                pace = (at_s - self._begin[1]) / (now - self._begin[0])
                self._pace = max(pace, 1.0) if ahead else 1.0
            self._changed.notify_all()

    def end(self) -> None:
        """The trial is over: nobody need wait any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def now_s(self) -> float | None:
        """The position; ``None`` before the first ``playing`` event."""
        if self._begin is None:
            return None
        began, at_s = self._begin
        if math.isinf(self._pace):  # a phone that never waits: its whole trial is this moment
            return math.inf
        return at_s + (time.monotonic() - began) * self._pace

    def wait_until(self, at_s: float) -> bool:
        """Wait for a position; ``False`` when the trial ended before it."""
        with self._changed:
            while not self._ended:
                now_s = self.now_s()
                if now_s is not None and now_s >= at_s:
                    return True
                left_s = _LOOK_S if now_s is None else (at_s - now_s) / self._pace
                self._changed.wait(min(left_s, _LOOK_S))
            return False

    def _position_s(self, fraction: float) -> float:
        return max(fraction * self._total_s - self._warmup_s, 0.0)


class Acting:
    """The actions of one trial: :meth:`note` its progress; :attr:`outcomes` at its end."""

    def __init__(self, driver: Driver, planned: PlannedTrial) -> None:
        request = planned.request
        self._driver = driver
        self._todo = planned.setup.actions
        self._timeline = Timeline(request.warmup_s, request.duration_s, pace_of(driver))
        self.outcomes: tuple[ActionOutcome, ...] = ()

    def note(self, progress: Progress) -> None:
        """Take a progress event of the trial."""
        if progress.stage == "fetching":
            self._timeline.end()
        self._timeline.note(progress)

    def end(self) -> None:
        """The trial is over; what was not done by now is not done."""
        self._timeline.end()

    def work(self) -> None:
        """Do everything in its turn, in a thread beside the trial's."""
        done: dict[int, ActionOutcome] = {}
        for i in _by_time(self._todo):
            done[i] = self._one(self._todo[i])
        self.outcomes = tuple(done[i] for i in range(len(self._todo)))

    def _one(self, action: TimedAction) -> ActionOutcome:
        if not self._timeline.wait_until(action.at_s):
            return _outcome(action, None, "the trial ended before it", ok=False)
        try:
            if not (isinstance(self._driver, Acts) and action.action in self._driver.actions):
                return _outcome(action, None, "this probe cannot do it", ok=False)
            said = self._driver.act(action)
        except DeviceError as exc:
            return _outcome(action, None, str(exc), ok=False)
        except Exception as exc:  # noqa: BLE001 - a bug of ours in an action spares the recording
            return _outcome(action, None, f"internal error: {exc!r}", ok=False)
        done_s = self._timeline.now_s()
        if done_s is None or math.isinf(done_s):
            done_s = action.at_s
        return _outcome(action, done_s, said, ok=True)


@contextmanager
def acting(driver: Driver, planned: PlannedTrial) -> Iterator[Acting]:
    """Do ``planned.setup.actions`` while the block runs the trial."""
    acts = Acting(driver, planned)
    if not planned.setup.actions:
        yield acts
        return
    thread = threading.Thread(target=acts.work, name=f"acts on {driver.ref}", daemon=True)
    thread.start()
    try:
        yield acts
    finally:
        acts.end()
        thread.join()


def _by_time(actions: Sequence[TimedAction]) -> list[int]:
    return sorted(range(len(actions)), key=lambda i: actions[i].at_s)


def _outcome(action: TimedAction, done_s: float | None, text: str, *, ok: bool) -> ActionOutcome:
    when = None if done_s is None else round(done_s, 3)
    return ActionOutcome(action.action, action.value, action.at_s, when, ok, text[:_MAX_TEXT])
