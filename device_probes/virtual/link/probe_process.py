"""The process of a probe app on a virtual phone: it serves one host after the other."""

from __future__ import annotations

import logging
import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from device_probes.protocol import PROTOCOL_VERSION, Hello
from device_probes.server import ProbeDevice, ProbeServer
from device_probes.virtual.link.moments import Moments
from device_probes.wire import Connection, Deadline
from profiler.errors import ChirpbenchError

log = logging.getLogger(__name__)

HostileProbe: TypeAlias = Callable[[socket.socket], None]
"""Answers a host in the probe's place, on a blocking socket."""
_BACKLOG = 16
_HELLO_S = 10.0
_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class InstalledProbe:
    """What answers a host."""

    device: ProbeDevice
    version: str
    protocol: int | None = None
    """The contract it speaks, when it is not ours."""
    hostile: HostileProbe | None = None
    """Answers in its place."""


class ProbeProcess:
    """One life of the probe, in a thread of its own until :meth:`stop`.

    ``installed`` is asked anew for every host: what answers may have changed since the last one.
    """

    def __init__(
        self, name: str, token: str, moments: Moments, installed: Callable[[], InstalledProbe]
    ) -> None:
        self._token = token
        self._moments = moments
        self._installed = installed
        self._waiting: queue.Queue[socket.socket | None] = queue.Queue(_BACKLOG)
        self._open: set[socket.socket] = set()
        self._server: ProbeServer | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._accept, name=f"probe-{name}", daemon=True)
        self._thread.start()

    @property
    def serving(self) -> bool:
        """Whether a host is served by the contract."""
        return self._server is not None

    def connect(self) -> socket.socket | None:
        """The far end of a new connection to it; ``None``: too many hosts wait already."""
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
        """End it without a word: every connection is hung up."""
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
                self._moments.event_here("probe:accept")
                self._serve(sock)
            except (ChirpbenchError, OSError) as exc:
                log.debug("probe session ended: %s", exc)
            except Exception:  # a hostile script's bug must not end the phone
                log.exception("probe session failed")
            finally:
                self._drop(sock)

    def _serve(self, sock: socket.socket) -> None:
        probe = self._installed()
        if probe.hostile:
            probe.hostile(sock)
        elif probe.protocol not in (None, PROTOCOL_VERSION):
            _answer_only(sock, Hello(probe.protocol or 0, probe.version))
        else:
            self._server = ProbeServer(probe.device, sock, version=probe.version, token=self._token)
            if not self._stopped:
                self._server.serve()
            self._server = None


def _answer_only(sock: socket.socket, hello: Hello) -> None:
    """A probe of another contract: it answers the hello, and no more is understood."""
    wire = Connection(sock, "host")
    wire.read(Deadline(_HELLO_S, "hello"))
    wire.write(hello.header(), Deadline(_ANSWER_S, "hello"))
