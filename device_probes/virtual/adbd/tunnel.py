"""Bytes between a stream of adb and a socket of the phone."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from device_probes.virtual.adbd.stream import Stream

if TYPE_CHECKING:
    from device_probes.virtual.adbd.core import PhoneCore

_PIECE_BYTES = 256 * 1024


async def pump(stream: Stream, sock: socket.socket, phone: PhoneCore, event: str) -> None:
    """Carry bytes both ways until one side ends; each piece is an ``event`` (``:in`` and ``:out``
    as the host sees it)."""
    loop = asyncio.get_running_loop()
    sock.setblocking(False)

    async def to_phone() -> None:
        while data := await stream.read():
            async for piece in phone.pieces(f"{event}:in", data):
                await loop.sock_sendall(sock, piece)

    async def from_phone() -> None:
        size = min(_PIECE_BYTES, stream.max_payload_bytes)
        while data := await loop.sock_recv(sock, size):
            async for piece in phone.pieces(f"{event}:out", data):
                await stream.write(piece)

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
