"""One connection of a program on the host, and what it leads to on a phone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from device_probes.virtual.usbmuxd.core import IphoneCore

PIECE_BYTES = 256 * 1024


class Pipe:
    """Bytes of one host program. Used on the daemon's event loop only."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._left = b""
        self._phone: IphoneCore | None = None

    def lead_to(self, phone: IphoneCore) -> None:
        """From now on it is the phone that reads and writes: not while it is frozen."""
        self._phone = phone

    async def read(self) -> bytes:
        """Some bytes; ``b""`` at the end."""
        if self._left:
            data, self._left = self._left, b""
        else:
            data = await asyncio.get_running_loop().sock_recv(self._sock, PIECE_BYTES)
        if self._phone is not None:
            await self._phone.thawed()
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
        if self._phone is not None:
            await self._phone.thawed()
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


async def pump(pipe: Pipe, sock: socket.socket, phone: IphoneCore, event: str) -> None:
    """Carry bytes between a host program and a socket of the phone until one side ends.

    Each piece is an ``event`` (``:in`` and ``:out`` as the host sees it).
    """
    loop = asyncio.get_running_loop()
    sock.setblocking(False)

    async def to_phone() -> None:
        while data := await pipe.read():
            async for piece in phone.pieces(f"{event}:in", data):
                await loop.sock_sendall(sock, piece)

    async def from_phone() -> None:
        while data := await loop.sock_recv(sock, PIECE_BYTES):
            async for piece in phone.pieces(f"{event}:out", data):
                await pipe.write(piece)

    tasks = [asyncio.create_task(to_phone()), asyncio.create_task(from_phone())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:  # also when this is cancelled in turn
            sock.close()
