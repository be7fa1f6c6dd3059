"""One iPhone as it is met: listed by usbmuxd, asked what it is, and why it cannot measure."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from device_probes.ios import lockdown, pairing, states
from device_probes.ios.errors import LOG, REMEDIES, lost, not_ready, unseen
from device_probes.ios.lockdown import LockdownFacts, Trust
from device_probes.ios.settings import Settings
from profiler.errors import (
    ChirpbenchError,
    DeviceError,
    DeviceLost,
    DeviceNotFound,
    DeviceNotReady,
    DeviceTimeout,
    ProbeCrashed,
    ProbeProtocolError,
)
from profiler.model import DeviceState

PROBE_PORT = 7878
_SETTLE_S = 0.5
"""usbmuxd says that a phone went at most this long after its connections ended."""
_AGAIN_S = 0.1
_GONE = (DeviceState.WDA_MISSING, DeviceState.PORT_CLOSED)


class Contact:
    """How a driver reaches its phone. Used from one thread."""

    def __init__(self, name: str, udid: str, bench: Settings) -> None:
        self.udid = udid
        self.met = False
        """It was reached once: from now on its absence is a loss."""
        self._name = name
        self._bench = bench
        self._limits = bench.deadlines

    def find(self) -> None:
        """See that it is listed; waits for one that is being plugged in again.

        Raises :class:`~profiler.errors.DeviceNotFound` (``DeviceLost`` for one that was met) and
        :class:`~profiler.errors.DeviceNotReady` (``no_usbmuxd``).
        """
        tracker = self._bench.tracker
        end_s = time.monotonic() + self._limits.replug_s
        while not self.listed():
            left_s = end_s - time.monotonic()
            if left_s <= 0 or not tracker.wait_for(self.udid, True, left_s):
                break
            time.sleep(_AGAIN_S)  # what is followed may lag behind what is listed
        else:
            return
        if (trouble := tracker.trouble) is not None:
            raise unseen(self._name, trouble)
        kind = DeviceLost if self.met else DeviceNotFound
        raise kind("the phone is not connected", device=self._name,
                   hint=REMEDIES[DeviceState.ABSENT])  # fmt: skip

    def listed(self) -> bool:
        """Whether usbmuxd lists it now; ``False`` also when there is no usbmuxd."""
        with suppress(ChirpbenchError):
            return any(s.udid == self.udid for s in self._bench.mux.devices(self._limits.mux_s))
        return False

    def has_gone(self) -> bool:
        """Whether it went away; its list may lag behind its connections for a moment."""
        return not self.listed() or self._bench.tracker.wait_for(self.udid, False, _SETTLE_S)

    def facts(self, *, trust: bool = False) -> LockdownFacts | None:
        """What lockdown tells a stranger; ``None``: what listens there is no lockdown.

        ``trust`` also asks whether the phone trusts this computer. Raises
        :class:`~profiler.errors.DeviceTimeout` (a frozen phone),
        :class:`~profiler.errors.DeviceLost`.
        """
        host, limit_s = None, self._limits.facts_s
        paired = True
        if trust:
            try:
                host = pairing.host_ids(self._bench.mux.name, self.udid, limit_s)
            except pairing.NoRecord:
                paired = False
        try:
            said = lockdown.read_facts(self._to, limit_s, device=self._name, host=host)
        except ProbeProtocolError:
            return None
        except DeviceNotReady as exc:
            if exc.state in (DeviceState.PORT_CLOSED, DeviceState.OFFLINE):
                return None  # the probe may still answer
            raise
        if not paired and said.trust is Trust.UNKNOWN:
            return replace(said, trust=Trust.UNTRUSTED)
        return said

    def reach(self, port: int, within_s: float) -> socket.socket:
        """A stream to a port of the phone, tried for as long as nobody listens there yet.

        Raises :class:`~profiler.errors.DeviceNotReady` (``port_closed``) at the end,
        :class:`~profiler.errors.DeviceTimeout`, :class:`~profiler.errors.DeviceLost`.
        """
        end_s = time.monotonic() + within_s
        while True:
            try:
                return self._bench.mux.connect(self.udid, port, self._limits.mux_s)
            except DeviceNotReady as exc:
                left_s = end_s - time.monotonic()
                if exc.state != DeviceState.PORT_CLOSED or left_s <= 0:
                    raise
                time.sleep(min(_AGAIN_S, left_s))

    def diagnosed(self, problem: DeviceNotReady) -> DeviceNotReady:
        """What keeps the phone from measuring, most fundamental first, for one whose probe is not
        open and whose WebDriverAgent has ``problem``."""
        known = states.Condition(bundles=self._bench.bundles).sighted(time.monotonic())
        with suppress(DeviceError):
            said = self.facts(trust=True)
            known = known if said is None else known.answered(said)
        known = known.told(DeviceState(problem.state)).told(DeviceState.PORT_CLOSED)
        programs = self._bench.programs
        privileges = programs.privileges(self.udid)
        missing = problem.state in _GONE
        known = known.privileged(privileges, programs.profiles(self.udid) if missing else ())
        wall_s = datetime.now(UTC).timestamp()
        state = known.state(wall_s)
        if state == problem.state:
            return problem
        what = "; ".join(known.warnings(wall_s)) if state is DeviceState.WDA_EXPIRED else ""
        return not_ready(self._name, state, what)

    def why_ended(self, error: DeviceLost, port: int) -> DeviceError:
        """What a connection that ended means: the phone went, the probe ended, or just that.

        From here a probe that has ended and one that sleeps without its port look the same:
        :meth:`.running.ProbeRun.ended` tells them apart.
        """
        if self.has_gone():
            return lost(self._name, "the phone went away")
        try:
            self._bench.mux.connect(self.udid, port, self._limits.mux_s).close()
        except DeviceNotReady as exc:
            if exc.state != DeviceState.PORT_CLOSED:
                return exc
            return ProbeCrashed(
                "the probe's process ended", device=self._name,
                hint="run again; if it ends again and nobody closes it, see the crash log on the "
                f"phone ({LOG})",
            )  # fmt: skip
        except (DeviceLost, DeviceTimeout) as exc:
            return exc
        return error

    def _to(self, port: int) -> socket.socket:
        return self._bench.mux.connect(self.udid, port, self._limits.mux_s)
