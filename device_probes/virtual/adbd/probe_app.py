"""The probe app on a virtual phone: its process, its abstract socket, what it does in a trial."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from device_probes.virtual.adbd.midtrial import MidTrial, stream_of
from device_probes.virtual.adbd.packages import Installed
from device_probes.virtual.adbd.system import PROBE_PACKAGE, Pids, SystemState
from device_probes.virtual.link.probe_process import ProbeProcess
from device_probes.virtual.phone import VirtualPhone
from profiler.model import TrialRequest

_CONNECT_S = 10.0


class RunningProbe(Protocol):
    """A probe in a process of its own, e.g. a JVM."""

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1 where it takes one host at a time."""
        ...

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        ...

    def stop(self) -> None:
        """End the process. May be called twice."""
        ...


NewProbe: TypeAlias = Callable[[Installed, Mapping[str, str]], ProbeProcess | RunningProbe]
"""Starts the installed probe with the extras of ``am start``."""


@dataclass(slots=True)
class _Restore:
    """What the probe changed and has to put back: its journal."""

    volumes: dict[int, int]
    audio_mode: str


@dataclass(frozen=True, slots=True)
class _Life:
    """A process, and what it was started with."""

    process: ProbeProcess | RunningProbe
    pid: int
    socket_name: str
    token: str

    @property
    def alive(self) -> bool:
        return isinstance(self.process, ProbeProcess) or self.process.alive

    @property
    def serving(self) -> bool:
        return isinstance(self.process, ProbeProcess) and self.process.serving

    def connect(self) -> socket.socket | None:
        if isinstance(self.process, ProbeProcess):
            return self.process.connect()
        return socket.create_connection(("127.0.0.1", self.process.port), _CONNECT_S)


class ProbeApp:
    """The probe, as far as it runs. Safe from several threads."""

    def __init__(
        self, sound: VirtualPhone, state: SystemState, pids: Pids, new_probe: NewProbe
    ) -> None:
        self._sound = sound
        self._state = state
        self._pids = pids
        self._new_probe = new_probe
        self._lock = threading.Lock()
        self._running: _Life | None = None
        self.journal: _Restore | None = None
        self.trial: MidTrial | None = None
        """The one that runs."""

    @property
    def pid(self) -> int | None:
        """The process, or ``None`` when it does not run."""
        running = self._running
        if running and not running.alive:  # an external one that ended by itself
            self.stop()
            self._state.hide_package(PROBE_PACKAGE)
            return None
        return running.pid if running else None

    @property
    def socket_name(self) -> str | None:
        """The abstract socket it listens on."""
        running = self._running
        return running.socket_name if running else None

    def start(self, package: Installed, extras: Mapping[str, str]) -> None:
        """Start the process, which puts back what a crash has left; or hand the extras to the one
        that runs, which listens to them unless it serves a host."""
        name, token = extras.get("socket", ""), extras.get("token", "")
        with self._lock:
            old = self._running
            if old and (old.serving or (old.socket_name, old.token) == (name, token)):
                return
            if old:
                old.process.stop()
            else:
                self.restore()
                self._sound.new_process()
            pid = old.pid if old else self._pids.new(PROBE_PACKAGE)
            package.stopped = False
            self._running = _Life(self._new_probe(package, extras), pid, name, token)

    def connect(self, name: str) -> socket.socket | None:
        """The far end of a new connection to the abstract socket ``name``."""
        with self._lock:
            running = self._running
            if running is None or running.socket_name != name or not name:
                return None
            return running.connect()

    def stop(self) -> int | None:
        """End the process without a word; returns its number."""
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return None
        running.process.stop()
        state = self._state
        state.recorders = [r for r in state.recorders if r.package != PROBE_PACKAGE]
        self._pids.running.pop(running.pid, None)
        return running.pid

    def restore(self) -> None:
        """Put volume and mode back from the journal (``--ez restore true``)."""
        journal, self.journal = self.journal, None
        if journal is None:
            return
        state = self._state
        for stream, index in journal.volumes.items():
            state.volumes[stream].index = index
        state.audio_mode = journal.audio_mode

    def prepare(self, request: TrialRequest) -> None:
        """Set what a trial asks for, after writing down how it was."""
        state = self._state
        volumes = {stream: volume.index for stream, volume in state.volumes.items()}
        self.journal = self.journal or _Restore(volumes, state.audio_mode)
        call = request.audio_mode == "communication"
        state.audio_mode = "MODE_IN_COMMUNICATION" if call else "MODE_NORMAL"
        state.audio_mode_pid = (self.pid or 0) if call else 0
        if request.volume is not None:
            volume = state.volumes[stream_of(request)]
            span = volume.maximum - volume.minimum
            volume.index = volume.minimum + round(request.volume * span)
