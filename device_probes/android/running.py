"""The probe as a running app: start it, reach it, see whether it is in front, why it ended."""

from __future__ import annotations

import secrets
import socket
import time
from contextlib import suppress

from device_probes.android import commands, dumps, parsers
from device_probes.android.errors import ServiceRefused, lost
from device_probes.android.prepare import refuse_deaf
from device_probes.android.shell import Shell
from profiler.errors import (
    ChirpbenchError,
    DeviceError,
    DeviceTimeout,
    InstallFailed,
    ProbeBackground,
    ProbeCrashed,
    ProbeProtocolError,
)

LAUNCH_S = 10.0
_RETRY_S = (0.01, 0.02, 0.05)
_LAST_S = 0.1
_BEFORE = {
    "front": commands.ACTIVITIES,
    "privacy": commands.SENSOR_PRIVACY,
    "audio": commands.AUDIO,
}
_AFTER = {"front": commands.ACTIVITIES}
_PID = {"pid": commands.PIDOF}


class RunningProbe:
    """One start of the probe on one connection to a phone."""

    def __init__(self, shell: Shell, launch_s: float = LAUNCH_S) -> None:
        self._shell = shell
        self._launch_s = launch_s
        self.socket_name = f"chirpbench_{secrets.token_hex(8)}"
        self.token = secrets.token_hex(16)
        self._pid = ""

    def start(self, *, fresh: bool = True) -> None:
        """Start it, or (not ``fresh``) bring it to the front again.

        Raises :class:`~profiler.errors.InstallFailed` when it is not installed after all,
        :class:`~profiler.errors.ProbeCrashed` when it does not start.
        """
        command = commands.start(self.socket_name, self.token, fresh=fresh)
        script = commands.script(command, commands.sections(_PID))
        answer = self._shell.run(script, self._launch_s)
        self._pid = parsers.pid(parsers.sections(answer.out, _PID).get("pid", ""))
        failure = parsers.start_failure(answer.text)
        if failure == "missing":
            raise InstallFailed("the probe vanished after it was installed",
                                device=self._shell.device, reason="missing",
                                hint="look at the phone's screen, then run again")  # fmt: skip
        if failure:
            raise ProbeCrashed(f"the probe did not start: {failure}", device=self._shell.device,
                               hint="restart the phone, then run again")  # fmt: skip

    def tunnel(self, within_s: float) -> socket.socket:
        """A socket to the probe, tried until it listens.

        Raises :class:`~profiler.errors.ProbeCrashed` when it ended instead, and
        :class:`~profiler.errors.DeviceTimeout`.
        """
        end = time.monotonic() + within_s
        waits = iter(_RETRY_S)
        while True:
            left_s = max(end - time.monotonic(), 0.1)
            try:
                return self._shell.adb.tunnel(
                    self._shell.transport_id, self.socket_name,
                    device=self._shell.device, timeout_s=left_s,
                )  # fmt: skip
            except ServiceRefused:
                if time.monotonic() >= end:
                    break
            time.sleep(next(waits, _LAST_S))
        self.explain()
        raise DeviceTimeout(
            f"the probe runs, but did not listen within {within_s:g} s",
            device=self._shell.device, hint="look at the phone's screen, then run again",
        )  # fmt: skip

    def check_before(self) -> dict[str, dumps.StreamVolume]:
        """See that a trial would record something: in front, microphone on, nobody else has it.

        Returns how loud the phone's streams are.

        Raises :class:`~profiler.errors.ProbeBackground`, :class:`~profiler.errors.ProbeCrashed`,
        :class:`~profiler.errors.ProbePermission`, :class:`~profiler.errors.DeviceNotReady`.
        """
        parts = self._look(_BEFORE)
        refuse_deaf(parts, self._shell.device)
        volumes = dumps.volumes(parts.get("audio", ""))
        if self._in_front(parts) is not False:
            return volumes
        self.explain()
        self.start(fresh=False)
        parts = self._look(_AFTER)
        if self._in_front(parts) is False:
            raise self._background(parts, "cannot come to the front")
        return volumes

    def check_after(self) -> None:
        """See that it was not left behind; raises :class:`~profiler.errors.ProbeBackground`."""
        parts = self._look(_AFTER)
        if self._in_front(parts) is False:
            self.explain()
            raise self._background(parts, "went to the background during the trial")

    def explain(self) -> None:
        """Raise :class:`~profiler.errors.ProbeCrashed`, with its last words, if it ended."""
        answer = self._shell.run(commands.PIDOF)
        if answer.code != 1 or answer.out.strip() or answer.err.strip():
            return  # it runs, or this phone cannot tell
        line = ""
        with suppress(ProbeProtocolError):  # a log that never ends does not make it run again
            line = parsers.crash_line(self._shell.run(commands.CRASH_LOG).out, self._pid)
        raise ProbeCrashed(
            "the probe's process ended" + (f": {line}" if line else ""),
            device=self._shell.device,
            hint="run again; if it ends again, see adb logcat and report it with this line",
        )

    def stop(self, *, put_back: bool, timeout_s: float) -> None:
        """End it; ``put_back``: have it restore volume and mode first, as it was cut short."""
        if put_back:
            try:
                self._shell.run(commands.PUT_BACK, timeout_s)
            except DeviceTimeout:
                raise  # of a phone that does not answer nothing more is asked
            except DeviceError:
                pass  # it does so at its next start, too
        self._shell.run(commands.FORCE_STOP, timeout_s)

    def _look(self, what: dict[str, commands.Command]) -> dict[str, str]:
        return parsers.sections(self._shell.run(commands.sections(what)).out, what)

    def _in_front(self, parts: dict[str, str]) -> bool | None:
        """``None``: the phone does not say in a form known."""
        package = dumps.foreground(parts.get("front", ""))
        return None if package is None else package == commands.PACKAGE

    def _background(self, parts: dict[str, str], what: str) -> ProbeBackground:
        other = dumps.foreground(parts.get("front", "")) or "another app"
        return ProbeBackground(
            f"the probe {what}: {other} is in front", device=self._shell.device,
            hint="leave the probe on the screen; keep calls, alarms and pop-ups off this phone",
        )  # fmt: skip


def ended(probe: RunningProbe, error: ChirpbenchError, device: str) -> ChirpbenchError:
    """What a connection that ended means: the probe crashed, the phone went, or just that."""
    try:
        probe.explain()
    except ProbeCrashed as crash:
        return crash
    except DeviceError:
        return lost(device, "the phone went away")
    return error
