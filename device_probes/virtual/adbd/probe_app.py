"""The probe app on a virtual phone: its process, its abstract socket, what it does in a trial."""

from __future__ import annotations

import logging
import queue
import socket
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from device_probes.protocol import PROTOCOL_VERSION, Hello, RefusedCode
from device_probes.server import (
    ConnectionDropped,
    EmitProgress,
    LoadedPlay,
    ProbeServer,
    TrialRefused,
)
from device_probes.virtual.adbd.midtrial import MidTrial, stream_of
from device_probes.virtual.adbd.packages import RECORD_AUDIO, Installed
from device_probes.virtual.adbd.system import PROBE_PACKAGE, Recorder
from device_probes.wire import Connection, Deadline
from profiler.errors import ChirpbenchError
from profiler.model import CodecCost, CodecRequest, DeviceFacts, ProbeReport, TrialRequest

if TYPE_CHECKING:
    from device_probes.virtual.adbd.core import PhoneCore

log = logging.getLogger(__name__)

Samples: TypeAlias = npt.NDArray[np.int16] | npt.NDArray[np.float32]
HostileProbe: TypeAlias = Callable[[socket.socket], None]
"""Answers a host in the probe's place, on a blocking socket."""
THERMAL_WORDS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
_BACKLOG = 16
_SOURCES = {
    "default": "MIC",
    "generic": "MIC",
    "camcorder": "CAMCORDER",
    "voice_recognition": "VOICE_RECOGNITION",
    "voice_communication": "VOICE_COMMUNICATION",
    "unprocessed": "UNPROCESSED",
    "voice_performance": "VOICE_PERFORMANCE",
}


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
                _App(self._phone), sock, version=self._package.apk.version_name, token=self.token
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


class _App:
    """The phone's sound, with the rules Android has for an app that records."""

    def __init__(self, phone: PhoneCore) -> None:
        self._phone = phone

    def facts(self) -> DeviceFacts:
        self._phone.event_here("probe:facts")
        return self._phone.phone.facts()

    def codec_cost(
        self, request: CodecRequest, emit_progress: EmitProgress, cancelled: threading.Event
    ) -> CodecCost:
        self._phone.event_here("probe:codec")
        return self._phone.phone.codec_cost(request, emit_progress, cancelled)

    def run(
        self,
        request: TrialRequest,
        plays: Sequence[LoadedPlay],
        emit_progress: EmitProgress,
        cancelled: threading.Event,
    ) -> tuple[ProbeReport, Samples]:
        phone, app = self._phone, self._phone.app
        phone.event_here("probe:run")
        if not phone.packages.allowed(PROBE_PACKAGE):
            raise TrialRefused(RefusedCode.PERMISSION, f"{RECORD_AUDIO} is not granted")
        self._in_front()
        others = [r.package for r in phone.state.recorders if r.package != PROBE_PACKAGE]
        if others and phone.state.api_level < 29:  # later systems feed zeros instead
            raise TrialRefused(RefusedCode.OPEN_FAILED, f"{others[0]} has the microphone")
        pid = app.pid

        def emit(stage: str, fraction: float) -> None:
            phone.event_here(f"probe:stage:{stage}")
            emit_progress(stage, fraction)

        app.prepare(request)
        recorder = self._recorder(request, pid or 0)
        phone.state.recorders.append(recorder)
        app.trial = trial = MidTrial(phone, request, cancelled)
        phone.state.watch(trial.look)
        try:
            report, samples = phone.phone.run(request, plays, emit, cancelled)
            observed = {**self._observed(request), **trial.observed()}
            if request.background != "continue":
                self._in_front()
        except ConnectionDropped:
            phone.jerk()
            raise
        except TrialRefused:
            if trial.was_left:
                self._in_front()
            raise
        finally:
            phone.state.unwatch(trial.look)
            app.trial = None
            # A process that was killed puts nothing back; its journal stays.
            if app.pid == pid:
                phone.state.recorders = [r for r in phone.state.recorders if r is not recorder]
                app.restore()
        phone.event_here("probe:recorded")
        silent = phone.state.microphone_taken
        silent |= request.background != "continue" and phone.state.microphone_silent
        if silent:
            samples = np.zeros_like(samples)
        silenced = silent or trial.was_muted
        return self._honest(report, samples, observed, silent=silent, silenced=silenced), samples

    def act(self, action: str, value: str) -> str:
        """An act of the contract; the route is the one of the phone's sound."""
        self._phone.event_here("probe:act")
        return self._phone.phone.act(action, value)

    def _in_front(self) -> None:
        state = self._phone.state
        if not (state.awake and state.probe_on_top):
            text = f"another app is in front: {state.top.partition('/')[0]}"
            raise TrialRefused(RefusedCode.BACKGROUND, text if state.awake else "the screen is off")

    def _recorder(self, request: TrialRequest, pid: int) -> Recorder:
        found = self._phone.packages.installed.get(PROBE_PACKAGE)
        source = _SOURCES.get(request.input_preset, "MIC")
        session = 1000 + 8 * (zlib.crc32(str(pid).encode()) % 500)
        uid = found.uid if found else 0
        silent = self._phone.state.microphone_silent
        return Recorder(PROBE_PACKAGE, pid, uid, session, source, request.rate_hz, silent)

    def _observed(self, request: TrialRequest) -> dict[str, str]:
        state = self._phone.state
        call = request.audio_mode == "communication"
        volume = state.volumes[stream_of(request)]
        return {
            "audio_mode": "in_communication" if call else "normal",
            "volume_index": str(volume.index),
            "volume_max": str(volume.maximum),
            "mic_muted": "true" if state.mic_toggle_off else "false",
            "recording_clients": str(len(state.recorders)),
            "charging": "true" if state.usb_powered else "false",
        }

    def _honest(
        self,
        report: ProbeReport,
        samples: Samples,
        observed: dict[str, str],
        *,
        silent: bool,
        silenced: bool,
    ) -> ProbeReport:
        """The report with what this phone's system would say; the sound's part stays."""
        state = self._phone.state
        run = samples.shape[0] if silent else report.longest_zero_run_frames
        startup = dict(report.startup_ms)
        if silent:
            startup.pop("first_nonzero", None)
        known = state.api_level >= 29
        return replace(
            report,
            input_silenced=silenced if known else None,
            longest_zero_run_frames=run,
            startup_ms=startup,
            observed={**report.observed, **observed},
            thermal_status=THERMAL_WORDS[state.thermal_status] if known else None,
            battery_percent=round(state.battery_percent),
            battery_temperature_c=round(state.battery_temperature_c, 1),
        )
