"""The state of one phone (LAB section 5): what happened, and what can be done with it now.

Pure: every method takes the time, in seconds of any clock that only goes forward. What outlives
the process (failures in a row, quarantine) is a :class:`Health` that ``ledger.py`` keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from device_probes.android.errors import REMEDIES
from profiler.model import DeviceState

ABSENT_AFTER_S = 2.0
"""A phone that is not listed for so long is gone; re-plugs are shorter."""
FAILURES_TO_QUARANTINE = 3
BACK_OFF_S = (600.0, 3600.0, 21_600.0)
"""Each quarantine is longer than the one before, until a run passes."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a phone has done lately. Times are seconds since 1970: they outlive the process."""

    failures: int = 0
    """In a row."""
    quarantines: int = 0
    """Since the last run that passed."""
    until_s: float = 0.0
    """End of the quarantine."""
    reason: str = ""
    """The last failure."""

    def failed(self, reason: str, now_s: float) -> Health:
        """After one more failure; the third in a row is a quarantine, as is any after one."""
        failures = self.failures + 1
        if failures < FAILURES_TO_QUARANTINE:
            return replace(self, failures=failures, reason=reason)
        rest_s = BACK_OFF_S[min(self.quarantines, len(BACK_OFF_S) - 1)]
        return Health(failures, self.quarantines + 1, now_s + rest_s, reason)

    def passed(self) -> Health:
        """After a run that passed, or a check by hand."""
        return Health()

    def quarantined(self, now_s: float) -> bool:
        """Whether it has to be left alone; a clock that was set back does not make it longer."""
        return 0 < self.until_s - now_s <= BACK_OFF_S[-1]


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of one phone right now."""

    listed: DeviceState = DeviceState.ABSENT
    """As the adb server lists it."""
    seen_s: float | None = None
    """When it was last listed."""
    locked: bool = False
    """A PIN, pattern or password is asked for."""
    frozen: bool = False
    """Listed as a device, and a call to it did not end in time."""
    busy: bool = False
    """Another process, or another part of this one, holds it."""
    health: Health = Health()

    def sighted(self, state: DeviceState, now_s: float) -> Condition:
        """The server lists it as ``state``; a new connection may have thawed it."""
        came_back = self.listed is not DeviceState.READY and state is DeviceState.READY
        return replace(self, listed=state, seen_s=now_s, frozen=self.frozen and not came_back)

    def missing(self, now_s: float) -> Condition:
        """The server does not list it; believed only after :data:`ABSENT_AFTER_S`."""
        if self.seen_s is not None and now_s - self.seen_s < ABSENT_AFTER_S:
            return self
        return replace(self, listed=DeviceState.ABSENT, locked=False, frozen=False)

    def answered(self, *, locked: bool) -> Condition:
        """It answered a question, also whether it is locked."""
        return replace(self, locked=locked, frozen=False)

    def silent(self) -> Condition:
        """A call to it did not end in time."""
        return replace(self, frozen=True)

    def held(self, *, busy: bool, health: Health) -> Condition:
        """With what this computer's other processes and its ledger say."""
        return replace(self, busy=busy, health=health)

    def state(self, wall_s: float) -> DeviceState:
        """The one state all of it comes to; ``wall_s`` is seconds since 1970."""
        if self.listed is DeviceState.ABSENT:
            return DeviceState.ABSENT
        if self.health.quarantined(wall_s):
            return DeviceState.QUARANTINED
        if self.listed is not DeviceState.READY:
            return self.listed
        if self.busy:
            return DeviceState.BUSY
        if self.frozen:
            return DeviceState.OFFLINE
        return DeviceState.LOCKED if self.locked else DeviceState.READY

    def detail(self, wall_s: float) -> str:
        """What a person should know and do; ``""`` when there is nothing."""
        state = self.state(wall_s)
        remedy = REMEDIES[state]
        if state is DeviceState.QUARANTINED:
            minutes = (self.health.until_s - wall_s) / 60
            failures = f"{self.health.failures} failures in a row, the last: {self.health.reason}"
            return f"left alone for {minutes:.0f} min more ({failures}); {remedy}"
        if state is DeviceState.OFFLINE and self.frozen:
            return f"listed, but it does not answer; {remedy}"
        return remedy
