"""The phone's USB socket as a TCP port: plugged in, pulled out, frozen, mute.

An adb server reaches the phone with ``adb connect 127.0.0.1:PORT``. What TCP cannot show: adb
knows no USB path of such a phone (``devpath`` is its address), and its serial in adb's list is the
address, while ``ro.serialno`` is the phone's own.
"""

from __future__ import annotations

import asyncio
import random
import socket

from device_probes.virtual.adbd.transport import Endpoint, Transport

FIRST_PORT, LAST_PORT = 20_000, 31_999
"""Below the range that outgoing connections get theirs from: a server that dials a port nobody
listens on there may be connected to itself. Far from 5555-5585, where servers look for emulators.
"""
_ATTEMPTS = 400
_BACKLOG = 8


class Plug:
    """Listens for adb servers. Used on the daemon's event loop only."""

    def __init__(self, phone: Endpoint) -> None:
        self.port = 0
        self.generation = 0
        """Counts how often the cable was pulled."""
        self._phone = phone
        self._server: asyncio.Server | None = None
        self._transports: set[Transport] = set()

    @property
    def plugged(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    @property
    def online(self) -> Transport | None:
        """The transport that has shaken hands, if one has."""
        return next((t for t in self._transports if t.online), None)

    @property
    def transports(self) -> tuple[Transport, ...]:
        """Every connection there is."""
        return tuple(self._transports)

    async def insert(self) -> None:
        """Listen, on the port it had before; raises ``OSError`` when there is none free."""
        if self._server is None:
            sock = _bind(self.port)
            self.port = sock.getsockname()[1]
            self._server = await asyncio.start_server(self._accept, sock=sock, backlog=_BACKLOG)

    def pull(self) -> None:
        """Stop listening and drop every connection in mid-word."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.jerk()

    def jerk(self) -> None:
        """Drop every connection; a server that dials again is answered."""
        self.generation += 1
        for transport in self.transports:
            transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = Transport(reader, writer, self._phone)
        self._transports.add(transport)
        try:
            await transport.run()
        except asyncio.CancelledError:
            pass  # the daemon ends; asyncio would print a cancelled handler as an error
        finally:
            self._transports.discard(transport)
            self._phone.left(transport)


def _bind(port: int) -> socket.socket:
    ports = [port] if port else random.sample(range(FIRST_PORT, LAST_PORT + 1), _ATTEMPTS)
    problem: OSError | None = None
    for number in ports:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", number))
        except OSError as exc:
            sock.close()
            problem = exc
        else:
            return sock
    raise problem or OSError("no port")
