"""The probe app on a virtual phone: its process, its abstract socket, what it does in a trial."""

from __future__ import annotations

import logging
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from device_probes.protocol import PROTOCOL_VERSION, Hello
from device_probes.server import ProbeServer
from device_probes.virtual.adbd.app_device import AppDevice
from device_probes.virtual.adbd.midtrial import MidTrial, stream_of
from device_probes.virtual.adbd.packages import Installed
from device_probes.virtual.adbd.system import PROBE_PACKAGE
from device_probes.wire import Connection, Deadline
from profiler.errors import ChirpbenchError
from profiler.model import TrialRequest

if TYPE_CHECKING:
    from device_probes.virtual.adbd.core import PhoneCore

log = logging.getLogger(__name__)

HostileProbe: TypeAlias = Callable[[socket.socket], None]
"""Answers a host in the probe's place, on a blocking socket."""
_BACKLOG = 16


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


ProbeLauncher: TypeAlias = Callable[["PhoneCore", Mapping[str, str]], RunningProbe]
"""Starts an external probe with the extras of ``am start``; called from a worker thread."""


@dataclass(slots=True)
class _Restore:
    """What the probe changed and has to put back: its journal."""

    volumes: dict[int, int]
    audio_mode: str


class ProbeApp:
    """The probe, as far as it runs. Safe from several threads."""

    def __init__(self, phone: PhoneCore) -> None:
        self._phone = phone
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self.journal: _Restore | None = None
        self.trial: MidTrial | None = None
        """The one that runs."""

    @property
    def pid(self) -> int | None:
        """The process, or ``None`` when it does not run."""
        process = self._process
        if process and not process.alive:  # an external one that ended by itself
            self.stop()
            self._phone.state.hide_package(PROBE_PACKAGE)
            return None
        return process.pid if process else None

    @property
    def socket_name(self) -> str | None:
        """The abstract socket it listens on."""
        process = self._process
        return process.socket_name if process else None

    def start(self, package: Installed, extras: Mapping[str, str]) -> None:
        """Start the process, which puts back what a crash has left; or hand the extras to the one
        that runs, which listens to them unless it serves a host."""
        name, token = extras.get("socket", ""), extras.get("token", "")
        with self._lock:
            old = self._process
            if old and (old.serving or (old.socket_name, old.token) == (name, token)):
                return
            if old:
                old.stop()
            else:
                self.restore()
                self._phone.phone.new_process()
            pid = old.pid if old else self._phone.pids.new(PROBE_PACKAGE)
            package.stopped = False
            self._process = _Process(self._phone, package, pid, extras)

    def connect(self, name: str) -> socket.socket | None:
        """The far end of a new connection to the abstract socket ``name``."""
        with self._lock:
            process = self._process
            if process is None or process.socket_name != name or not name:
                return None
            return process.connect()

    def stop(self) -> int | None:
        """End the process without a word; returns its number."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return None
        process.stop()
        state = self._phone.state
        state.recorders = [r for r in state.recorders if r.package != PROBE_PACKAGE]
        self._phone.pids.running.pop(process.pid, None)
        return process.pid

    def restore(self) -> None:
        """Put volume and mode back from the journal (``--ez restore true``)."""
        journal, self.journal = self.journal, None
        if journal is None:
            return
        state = self._phone.state
        for stream, index in journal.volumes.items():
            state.volumes[stream].index = index
        state.audio_mode = journal.audio_mode

    def prepare(self, request: TrialRequest) -> None:
        """Set what a trial asks for, after writing down how it was."""
        state = self._phone.state
        volumes = {stream: volume.index for stream, volume in state.volumes.items()}
        self.journal = self.journal or _Restore(volumes, state.audio_mode)
        call = request.audio_mode == "communication"
        state.audio_mode = "MODE_IN_COMMUNICATION" if call else "MODE_NORMAL"
        state.audio_mode_pid = (self.pid or 0) if call else 0
        if request.volume is not None:
            volume = state.volumes[stream_of(request)]
            span = volume.maximum - volume.minimum
            volume.index = volume.minimum + round(request.volume * span)


class _Process:
    """One life of the probe: an accept loop that serves one host after the other."""

    def __init__(
        self,
        phone: PhoneCore,
        package: Installed,
        pid: int,
        extras: Mapping[str, str],
    ) -> None:
        self.pid = pid
        self.socket_name = extras.get("socket", "")
        self.token = extras.get("token", "")
        self._phone = phone
        self._package = package
        self._waiting: queue.Queue[socket.socket | None] = queue.Queue(_BACKLOG)
        self._open: set[socket.socket] = set()
        self._server: ProbeServer | None = None
        self._stopped = False
        self._external = phone.launcher(phone, extras) if phone.launcher else None
        self._thread = threading.Thread(
            target=self._accept, name=f"probe-{phone.serial}", daemon=True
        )
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._external is None or self._external.alive

    @property
    def serving(self) -> bool:
        return self._server is not None

    def connect(self) -> socket.socket | None:
        if self._external:
            return socket.create_connection(("127.0.0.1", self._external.port), timeout=10.0)
        ours, theirs = socket.socketpair()
        self._open.add(ours)
        try:
            self._waiting.put_nowait(ours)
        except queue.Full:
            self._drop(ours)
            theirs.close()
            return None
        return theirs

    def stop(self) -> None:
        self._stopped = True
        if self._external:
            self._external.stop()
        if self._server:
            self._server.stop()
        for sock in list(self._open):
            self._drop(sock)
        with suppress(queue.Full):
            self._waiting.put_nowait(None)

    def _drop(self, sock: socket.socket) -> None:
        self._open.discard(sock)
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    def _accept(self) -> None:
        while not self._stopped:
            sock = self._waiting.get()
            if sock is None:
                return
            try:
                self._phone.event_here("probe:accept")
                self._serve(sock)
            except (ChirpbenchError, OSError) as exc:
                log.debug("probe session ended: %s", exc)
            except Exception:  # a hostile script's bug must not end the phone
                log.exception("probe session failed")
            finally:
                self._drop(sock)

    def _serve(self, sock: socket.socket) -> None:
        if self._phone.hostile_probe:
            self._phone.hostile_probe(sock)
        elif self._package.protocol not in (None, PROTOCOL_VERSION):
            self._answer_only(sock, self._package.protocol or 0)
        else:
            self._server = ProbeServer(
                AppDevice(self._phone),
                sock,
                version=self._package.apk.version_name,
                token=self.token,
            )
            if not self._stopped:
                self._server.serve()
            self._server = None

    def _answer_only(self, sock: socket.socket, protocol: int) -> None:
        """A probe of another contract: it answers the hello, and no more is understood."""
        wire = Connection(sock, "host")
        wire.read(Deadline(10.0, "hello"))
        hello = Hello(protocol, self._package.apk.version_name)
        wire.write(hello.header(), Deadline(5.0, "hello"))
