"""One connection of a program on the host, and what it leads to on a phone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

from device_probes.virtual.link.moments import Moments
from device_probes.virtual.link.pump import PIECE_BYTES


class Pipe:
    """Bytes of one host program. Used on the daemon's event loop only."""

    piece_bytes = PIECE_BYTES
    """How much is taken from the phone at once."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._left = b""
        self._moments: Moments | None = None

    def lead_to(self, moments: Moments) -> None:
        """From now on it is the phone that reads and writes: not while it is frozen."""
        self._moments = moments

    async def read(self) -> bytes:
        """Some bytes; ``b""`` at the end."""
        if self._left:
            data, self._left = self._left, b""
        else:
            data = await asyncio.get_running_loop().sock_recv(self._sock, PIECE_BYTES)
        if self._moments is not None:
            await self._moments.thawed()
        return data

    async def exactly(self, size: int) -> bytes:
        """``size`` bytes; raises ``ConnectionError`` when there are fewer."""
        data = bytearray()
        while len(data) < size:
            part = await self.read()
            if not part:
                raise ConnectionResetError("the host hung up")
            data += part
        self._left = bytes(data[size:])
        return bytes(data[:size])

    async def until(self, mark: bytes, most: int) -> bytes:
        """Everything up to and with ``mark``; ``b""`` at the end before any byte.

        Raises ``ConnectionError`` when it does not come within ``most`` bytes.
        """
        data = bytearray()
        while mark not in data:
            part = await self.read()
            if not part and not data:
                return b""
            if not part or len(data) > most:
                raise ConnectionResetError("no end of the line")
            data += part
        at = data.index(mark) + len(mark)
        self._left = bytes(data[at:])
        return bytes(data[:at])

    async def write(self, data: bytes | memoryview) -> None:
        """Send all of it."""
        if self._moments is not None:
            await self._moments.thawed()
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    def shut(self) -> None:
        """Let both sides see the end at once; whoever serves it closes it then."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up, when nobody waits on it any more."""
        self.shut()
        self._sock.close()


Service: TypeAlias = Callable[[Pipe], Awaitable[None]]
"""What answers on a port of a phone."""
