"""Bytes between a host and a socket of a phone."""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

from device_probes.virtual.link.moments import Moments

PIECE_BYTES = 256 * 1024


class HostSide(Protocol):
    """A connection, as the phone's end of it is read and written."""

    @property
    def piece_bytes(self) -> int:
        """How much is taken from the phone at once."""
        ...

    async def read(self) -> bytes:
        """The next bytes; ``b""`` when the host has closed it."""
        ...

    async def write(self, data: bytes | memoryview) -> None:
        """Send all of ``data``; raises ``ConnectionError``."""
        ...


async def pump(host: HostSide, sock: socket.socket, moments: Moments, event: str) -> None:
    """Carry bytes both ways until one side ends; each piece is an ``event`` (``:in`` and ``:out``
    as the host sees it)."""
    loop = asyncio.get_running_loop()
    sock.setblocking(False)

    async def to_phone() -> None:
        while data := await host.read():
            async for piece in moments.pieces(f"{event}:in", data):
                await loop.sock_sendall(sock, piece)

    async def from_phone() -> None:
        while data := await loop.sock_recv(sock, host.piece_bytes):
            async for piece in moments.pieces(f"{event}:out", data):
                await host.write(piece)

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
