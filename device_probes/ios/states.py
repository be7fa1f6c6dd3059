"""The state of one iPhone (LAB section 5): what was found out, and what that comes to now.

Pure: every method takes the time. What each finding rests on: usbmuxd's list, lockdown
(:mod:`.lockdown`), the paired programs (:mod:`.programs`), the profiles on the phone
(:mod:`.signing`), and what WebDriverAgent and the probe's port answered. A phone is ready when the
probe answers, whatever else is missing: WebDriverAgent only saves a person from opening the app.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from device_probes.ios.bundles import Bundles
from device_probes.ios.errors import REMEDIES
from device_probes.ios.lockdown import LockdownFacts, Trust
from device_probes.ios.programs import Privileges
from device_probes.ios.signing import Profile, holding, is_over, warning
from profiler.model import DeviceState

ABSENT_AFTER_S = 2.0
"""A phone that is not listed for so long is gone; re-plugs are shorter."""
_AGENT = (DeviceState.WDA_MISSING, DeviceState.WDA_EXPIRED, DeviceState.WDA_HUNG)
_PROBE = (DeviceState.PROBE_MISSING, DeviceState.PROBE_EXPIRED, DeviceState.PORT_CLOSED)
_HOST = (DeviceState.NO_USBMUXD, DeviceState.NO_PERMISSION)
_REFUSED = (Trust.ASKING, Trust.DENIED, Trust.UNTRUSTED)
_TRUST_WORDS = {
    Trust.ASKING: "it asks right now",
    Trust.DENIED: "somebody tapped Don’t Trust",
}


@dataclass(frozen=True, slots=True)
class Rest:
    """A phone that failed too often is left alone for a while."""

    until_s: float
    """Seconds since 1970."""
    why: str
    """The failures, in words."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of one phone right now; ``None`` is not known yet."""

    listed: DeviceState = DeviceState.ABSENT
    """``ready`` when usbmuxd lists it; ``no_usbmuxd``, ``no_permission`` when nobody can say."""
    seen_s: float | None = None
    """When it was last listed, on a clock that only goes forward."""
    trust: Trust = Trust.UNKNOWN
    developer_mode: bool | None = None
    locked: bool = False
    frozen: bool = False
    """Listed, and a call to it did not end in time."""
    agent: DeviceState | None = None
    """``ready``, or what WebDriverAgent is instead."""
    probe: DeviceState | None = None
    """``ready`` when the probe answers, or what the app is instead."""
    asleep: bool = False
    """Its port takes connections and nobody answers: the app runs, and not on the screen."""
    signatures: tuple[Profile, ...] = ()
    """The provisioning profiles on the phone."""
    busy: bool = False
    """Another process, or another part of this one, holds it."""
    rest: Rest | None = None
    bundles: Bundles = Bundles()  # noqa: RUF009 - frozen
    """Whose signatures matter."""

    # --- findings ---------------------------------------------------------------------------------

    def sighted(self, now_s: float) -> Condition:
        """usbmuxd lists it; after an absence everything that was known may have changed."""
        if self.listed is DeviceState.READY:
            return replace(self, seen_s=now_s)
        return Condition(
            DeviceState.READY, now_s, busy=self.busy, rest=self.rest, bundles=self.bundles
        )

    def missing(self, now_s: float) -> Condition:
        """usbmuxd does not list it; believed only after :data:`ABSENT_AFTER_S`."""
        if self.seen_s is not None and now_s - self.seen_s < ABSENT_AFTER_S:
            return self
        return replace(self, listed=DeviceState.ABSENT)

    def answered(self, facts: LockdownFacts) -> Condition:
        """Lockdown answered."""
        trust = self.trust if facts.trust is Trust.UNKNOWN else facts.trust
        mode = self.developer_mode if facts.developer_mode is None else facts.developer_mode
        return replace(self, trust=trust, developer_mode=mode, frozen=False)

    def privileged(self, known: Privileges, signatures: tuple[Profile, ...] = ()) -> Condition:
        """The paired programs answered."""
        trust = self.trust if known.trust is Trust.UNKNOWN else known.trust
        mode = self.developer_mode if known.developer_mode is None else known.developer_mode
        return replace(
            self, trust=trust, developer_mode=mode, signatures=signatures or self.signatures
        )

    def unlocked(self, *, locked: bool) -> Condition:
        """WebDriverAgent, which answers, says whether the screen is locked."""
        open_now = not locked and self.trust is Trust.LOCKED
        trust = Trust.UNKNOWN if open_now else self.trust
        # a port that was closed before says nothing now: there is somebody who opens the app
        probe = None if self.probe is DeviceState.PORT_CLOSED else self.probe
        return replace(
            self, locked=locked, trust=trust, frozen=False, agent=DeviceState.READY, probe=probe,
            asleep=False,
        )  # fmt: skip

    def silent(self) -> Condition:
        """A call to it did not end in time."""
        return replace(self, frozen=True)

    def told(self, state: DeviceState) -> Condition:
        """A call raised ``DeviceNotReady`` with this state."""
        if state in _AGENT:
            return replace(self, agent=state, frozen=False)
        if state in _PROBE:
            return replace(self, probe=state, frozen=False, asleep=False)
        if state in _HOST:
            return replace(self, listed=state)
        found = {
            DeviceState.UNTRUSTED: {"trust": Trust.UNTRUSTED},
            DeviceState.NO_DEVELOPER_MODE: {"developer_mode": False},
            DeviceState.LOCKED: {"locked": True},
            DeviceState.BUSY: {"busy": True},
            DeviceState.OFFLINE: {"frozen": True},
        }
        return replace(self, **found.get(state, {}))  # type: ignore[arg-type]  # as named above

    def reached(self) -> Condition:
        """The probe answered."""
        return replace(self, probe=DeviceState.READY, frozen=False, asleep=False)

    def sleeping(self, *, locked: bool) -> Condition:
        """The probe's port takes connections and nobody answers; lockdown does, and says whether
        the screen is ``locked``."""
        return replace(
            self, probe=DeviceState.PORT_CLOSED, asleep=True, frozen=False, locked=locked
        )

    def held(self, *, busy: bool, rest: Rest | None) -> Condition:
        """With what this computer's other processes and its ledger say."""
        return replace(self, busy=busy, rest=rest)

    # --- what it comes to -------------------------------------------------------------------------

    def state(self, wall_s: float) -> DeviceState:
        """The one state all of it comes to; ``wall_s`` is seconds since 1970."""
        if self.listed is DeviceState.ABSENT:
            return DeviceState.ABSENT
        if self.rest is not None and wall_s < self.rest.until_s:
            return DeviceState.QUARANTINED
        if self.listed is not DeviceState.READY:
            return self.listed
        return self._blocked(wall_s) or DeviceState.READY

    def detail(self, wall_s: float) -> str:
        """What a person should know and do; ``""`` when there is nothing."""
        state = self.state(wall_s)
        remedy = REMEDIES[state]
        if state is DeviceState.QUARANTINED and self.rest is not None:
            minutes = (self.rest.until_s - wall_s) / 60
            return f"left alone for {minutes:.0f} min more ({self.rest.why}); {remedy}"
        if state is DeviceState.UNTRUSTED and self.trust in _TRUST_WORDS:
            return f"{_TRUST_WORDS[self.trust]}; {remedy}"
        if state is DeviceState.OFFLINE:
            return f"listed, but it does not answer; {remedy}"
        if state is DeviceState.READY:
            return "; ".join(self.warnings(wall_s))
        said = "; ".join(self.warnings(wall_s)) if state is DeviceState.WDA_EXPIRED else ""
        return f"{said}; {remedy}" if said else remedy

    def warnings(self, wall_s: float, *, probe: bool = False) -> tuple[str, ...]:
        """Signatures that end soon or are over: WebDriverAgent's, and with ``probe`` the probe's,
        too."""
        now = datetime.fromtimestamp(wall_s, UTC)
        apps = ((self.bundles.wda, "WebDriverAgent"), (self.bundles.probe, "the probe app"))
        found = (
            warning(profile, now, name)
            for bundle, name in apps[: 2 if probe else 1]
            if (profile := holding(self.signatures, bundle)) is not None
        )
        return tuple(text for text in found if text)

    def _blocked(self, wall_s: float) -> DeviceState | None:
        """What keeps a phone that is listed from measuring; most fundamental first."""
        works = self.probe is DeviceState.READY
        agent = self._agent(wall_s)
        checks = (
            (self.locked or (not works and self.trust is Trust.LOCKED), DeviceState.LOCKED),
            (not works and self.trust in _REFUSED, DeviceState.UNTRUSTED),
            (not works and self.developer_mode is False, DeviceState.NO_DEVELOPER_MODE),
            (self.busy, DeviceState.BUSY),
            (self.frozen, DeviceState.OFFLINE),
            (self.asleep, DeviceState.PORT_CLOSED),
            # An app that is not there, or does not start, is so for WebDriverAgent too.
            (self.probe in _PROBE[:2], self.probe),
            (not works and agent is not DeviceState.READY, agent),
            (not works, self.probe),
        )
        return next((state for is_so, state in checks if is_so and state is not None), None)

    def _agent(self, wall_s: float) -> DeviceState | None:
        """A WebDriverAgent that is missing and whose every signature is over has expired."""
        if self.agent is not DeviceState.WDA_MISSING:
            return self.agent
        profile = holding(self.signatures, self.bundles.wda)
        over = profile is not None and is_over(profile, datetime.fromtimestamp(wall_s, UTC))
        return DeviceState.WDA_EXPIRED if over else self.agent
