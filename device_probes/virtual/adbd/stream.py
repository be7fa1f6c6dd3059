"""One stream inside a transport: bytes both ways, one unacknowledged packet each way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from device_probes.virtual.adbd.packet import CLSE, OKAY, WRTE, Packet, PacketError
from device_probes.virtual.link.pump import PIECE_BYTES

Send: TypeAlias = Callable[[Packet], Awaitable[None]]


MAX_WAITING_BYTES = 16 * 1024 * 1024
"""More than a host's own socket buffers hold: what it may send without being acknowledged."""


class StreamClosed(ConnectionError):
    """The host closed the stream, or the cable is out."""


class Stream:
    """A stream the host opened (or, for ``reverse``, the phone).

    The host may have one payload on its way, and :meth:`write` waits for each of its own to be
    acknowledged. An adb server whose client is reset does not wait, though: it sends what is left
    in that client's socket at once. Phones queue it, so this one does, up to
    :data:`MAX_WAITING_BYTES`.
    """

    def __init__(self, send: Send, local_id: int, remote_id: int, max_payload_bytes: int) -> None:
        self.local_id = local_id
        self.remote_id = remote_id
        self.max_payload_bytes = max_payload_bytes
        self.closed = False
        """The other side is gone; what it sent before can still be read."""
        self._send = send
        self._said_close = False
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._acknowledged = asyncio.Event()
        self._gone = asyncio.Event()
        self._left = b""

    @property
    def piece_bytes(self) -> int:
        """How much is taken from the phone at once."""
        return min(PIECE_BYTES, self.max_payload_bytes)

    # --- used by services -------------------------------------------------------------------------

    async def read(self) -> bytes:
        """The next bytes; ``b""`` when the host has closed the stream."""
        if self._left:
            data, self._left = self._left, b""
            return data
        await self._arrived.wait()
        if not self._waiting:
            return b""
        data = self._waiting.popleft()
        self._waiting_bytes -= len(data)
        if not self.closed:
            if not self._waiting:
                self._arrived.clear()
            await self._send(Packet(OKAY, self.local_id, self.remote_id))
        return data

    async def exactly(self, size: int) -> bytes:
        """``size`` bytes; raises :class:`StreamClosed` when the host closes before."""
        parts = bytearray()
        while len(parts) < size:
            data = await self.read()
            if not data:
                raise StreamClosed(f"closed after {len(parts)} of {size} bytes")
            missing = size - len(parts)
            parts += data[:missing]
            self._left = data[missing:]
        return bytes(parts)

    def put_back(self, data: bytes) -> None:
        """Let the next :meth:`read` give ``data`` again."""
        self._left = data + self._left

    async def write(self, data: bytes | memoryview) -> None:
        """Send ``data`` and wait until the host has it; raises :class:`StreamClosed`."""
        view = memoryview(data)
        for at in range(0, len(view), self.max_payload_bytes):
            if self.closed or self._said_close:
                raise StreamClosed("the host closed the stream")
            self._acknowledged.clear()
            piece = bytes(view[at : at + self.max_payload_bytes])
            await self._send(Packet(WRTE, self.local_id, self.remote_id, piece))
            await self._acknowledged.wait()
        if self.closed:
            raise StreamClosed("the host closed the stream")

    async def wait_gone(self) -> None:
        """Until the host has closed the stream."""
        await self._gone.wait()

    async def close(self) -> None:
        """Say that nothing more comes. May be called twice."""
        if not self._said_close:
            self._said_close = True
            await self._send(Packet(CLSE, self.local_id, self.remote_id))

    async def refuse(self) -> None:
        """Say that nothing serves it: what a close without a number of ours means."""
        self._said_close = True
        await self._send(Packet(CLSE, 0, self.remote_id))

    # --- used by the transport --------------------------------------------------------------------

    async def wait_open(self) -> None:
        """Until the host has accepted a stream the phone opened."""
        await self._acknowledged.wait()
        if self.closed:
            raise StreamClosed("the host refused the stream")

    def on_okay(self, remote_id: int) -> None:
        """The host has taken the last payload, or opened the stream."""
        self.remote_id = self.remote_id or remote_id
        self._acknowledged.set()

    def on_write(self, data: bytes) -> None:
        """A payload came; raises :class:`PacketError` when too much waits to be read."""
        self._waiting_bytes += len(data)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            raise PacketError(f"{self._waiting_bytes} bytes in WRTEs that nobody acknowledged")
        if data:
            self._waiting.append(data)
            self._arrived.set()

    def on_close(self) -> None:
        """Nothing more comes from the host."""
        self.closed = True
        self._gone.set()
        self._arrived.set()
        self._acknowledged.set()
