"""The probe app on a virtual iPhone: its process, its TCP port, what it does in a trial."""

from __future__ import annotations

import logging
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from device_probes.protocol import PROTOCOL_VERSION, Hello
from device_probes.server import ProbeServer
from device_probes.virtual.usbmuxd.app_device import AppDevice
from device_probes.virtual.usbmuxd.state import (
    BACKGROUND,
    FOREGROUND,
    HOME_BUNDLE,
    NOT_RUNNING,
    PROBE_BUNDLE,
    PROBE_PORT,
)
from device_probes.wire import Connection, Deadline
from profiler import __version__
from profiler.errors import ChirpbenchError

if TYPE_CHECKING:
    from device_probes.virtual.usbmuxd.core import IphoneCore

log = logging.getLogger(__name__)

HostileProbe: TypeAlias = Callable[[socket.socket], None]
"""Answers a host in the probe's place, on a blocking socket."""
_BACKLOG = 16
_MAX_PORT = 65_535


class ProbeApp:
    """The probe, as far as it runs. Safe from several threads."""

    def __init__(self, phone: IphoneCore) -> None:
        self._phone = phone
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._lives = 0

    @property
    def life(self) -> int:
        """Which of its processes runs; 0: none."""
        return self._lives if self._process is not None else 0

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    @property
    def port(self) -> int | None:
        """The TCP port it listens on."""
        process = self._process
        return process.port if process else None

    @property
    def token(self) -> str | None:
        """What a host has to say; ``None``: it does not run."""
        process = self._process
        return process.token if process else None

    @property
    def xcui_state(self) -> int:
        """``XCUIApplicationState``."""
        if not self.runs:
            return NOT_RUNNING
        return FOREGROUND if self._phone.state.probe_in_front else BACKGROUND

    def launch(self, arguments: Sequence[str] = ()) -> None:
        """Start it in front, which asks for the microphone when nobody has answered yet; one that
        runs only comes to the front, and does not hear the arguments."""
        state = self._phone.state
        with self._lock:
            if self._process is None:
                self._phone.phone.new_process()
                self._lives += 1
                self._process = _Process(self._phone, *_arguments(arguments))
        state.show(PROBE_BUNDLE)
        state.ask_microphone()

    def connect(self) -> socket.socket | None:
        """The far end of a new connection to its port."""
        with self._lock:
            process = self._process
            return None if process is None else process.connect()

    def stop(self) -> bool:
        """End the process without a word; whether it ran."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return False
        process.stop()
        state = self._phone.state
        state.forget_alerts_of_app()
        if state.front == PROBE_BUNDLE:
            state.show(HOME_BUNDLE)
        return True


class _Process:
    """One life of the probe: an accept loop that serves one host after the other."""

    def __init__(self, phone: IphoneCore, port: int, token: str) -> None:
        self.port = port
        self.token = token
        self._phone = phone
        self._waiting: queue.Queue[socket.socket | None] = queue.Queue(_BACKLOG)
        self._open: set[socket.socket] = set()
        self._server: ProbeServer | None = None
        self._stopped = False
        self._thread = threading.Thread(
            target=self._accept, name=f"probe-{phone.serial}", daemon=True
        )
        self._thread.start()

    def connect(self) -> socket.socket | None:
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
        phone = self._phone
        if phone.hostile_probe:
            phone.hostile_probe(sock)
        elif phone.probe_protocol not in (None, PROTOCOL_VERSION):
            self._answer_only(sock, phone.probe_protocol or 0)
        else:
            self._server = ProbeServer(
                AppDevice(phone), sock, version=__version__, token=self.token
            )
            if not self._stopped:
                self._server.serve()
            self._server = None

    def _answer_only(self, sock: socket.socket, protocol: int) -> None:
        """A probe of another contract: it answers the hello, and no more is understood."""
        wire = Connection(sock, "host")
        wire.read(Deadline(10.0, "hello"))
        wire.write(Hello(protocol, "0.0.1").header(), Deadline(5.0, "hello"))


def _arguments(words: Sequence[str]) -> tuple[int, str]:
    """Port and token out of ``-port N -token HEX``, as ``UserDefaults`` reads an app's arguments;
    whatever makes no sense is as if it were not there."""
    found = dict(pairwise(words))
    port = found.get("-port", "")
    good = port.isascii() and port.isdigit() and 0 < int(port) <= _MAX_PORT
    return int(port) if good else PROBE_PORT, found.get("-token", "")
