"""The probe contract's byte stream over one WebSocket: threads on one side, asyncio on the other.

The host's threads call ``recv``, ``send``, ``settimeout`` and ``close`` as on a socket
(:class:`device_probes.wire.ByteStream`). The server's event loop feeds what the page sent and
fetches what is to be sent. Both queues are bounded: a host that does not read stops the page, a
page that does not read makes ``send`` time out, and neither costs more memory.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass

MAX_INCOMING_BYTES = 4_194_304
MAX_OUTGOING_BYTES = 1_048_576
PART_BYTES = 65_536
LINGER_S = 0.5
"""After the host hung up, how long the page waits for a better word of farewell."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """Close the WebSocket: a code and a reason for the page."""

    code: int
    reason: str


DONE = Farewell(4000, "finished")
OTHER_TAB = Farewell(4001, "open in another tab")
NOT_ALLOWED = Farewell(4003, "not allowed")
BROKE_RULES = Farewell(1008, "the page broke the rules of its status")
HUNG_UP = Farewell(1012, "the bench hung up, connect again")
GOING_AWAY = Farewell(1001, "the bench is closing")


class PageStream:
    """A ByteStream of one connection. Made in the event loop's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._timeout_s = 60.0
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._text: str | None = None
        self._farewell: Farewell | None = None
        self._closed = False  # by the host
        self._ended = False  # by the page, or the network
        self._space = asyncio.Event()
        self._work = asyncio.Event()

    # The host's side: any thread.

    @property
    def closed(self) -> bool:
        """Whether the host hung up."""
        return self._closed

    def settimeout(self, timeout_s: float, /) -> None:
        """Set the longest wait of one ``recv`` or ``send``."""
        self._timeout_s = timeout_s

    def recv(self, size: int, /) -> bytes:
        """At most ``size`` bytes; ``b""`` when the page is gone; ``TimeoutError`` in time."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._incoming or self._ended or self._closed, self._timeout_s
            ):
                raise TimeoutError("the page sent nothing")
            data = b"" if self._closed else bytes(self._incoming[:size])
            del self._incoming[:size]
        self._poke(self._space)
        return data

    def send(self, data: memoryview, /) -> int:
        """Queue some of ``data``, return how much; ``TimeoutError`` while the page takes none."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: len(self._outgoing) < MAX_OUTGOING_BYTES or self._ended or self._closed,
                self._timeout_s,
            ):
                raise TimeoutError("the page takes no data")
            if self._ended or self._closed:
                raise ConnectionResetError("the page is gone")
            part = data[:PART_BYTES]
            self._outgoing += part
        self._poke(self._work)
        return len(part)

    def close(self) -> None:
        """Hang up: what was sent is still delivered, then the page connects anew."""
        with self._changed:
            self._closed = True
            self._incoming.clear()
            self._changed.notify_all()
        self._poke(self._space)
        with suppress(RuntimeError):  # the server is gone, and so is the page
            self._loop.call_soon_threadsafe(
                lambda: self._loop.call_later(LINGER_S, self.finish, HUNG_UP)
            )

    def tell(self, message: str) -> None:
        """Send a text message beside the bytes; one that was not sent yet is replaced."""
        with self._changed:
            self._text = message
        self._poke(self._work)

    def finish(self, farewell: Farewell) -> None:
        """Close the WebSocket once everything is sent; the first farewell counts."""
        with self._changed:
            self._closed = True
            self._farewell = self._farewell or farewell
            self._changed.notify_all()
        self._poke(self._space)
        self._poke(self._work)

    def _poke(self, event: asyncio.Event) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(event.set)

    # The server's side: the event loop's thread.

    async def feed(self, data: bytes) -> None:
        """Take what the page sent; returns when there is room for more."""
        with self._changed:
            if not self._closed:
                self._incoming += data
            self._changed.notify_all()
        while len(self._incoming) > MAX_INCOMING_BYTES and not (self._closed or self._ended):
            self._space.clear()
            # A recv between the question and here pokes the loop later: no wake-up is lost.
            await self._space.wait()

    async def next(self) -> str | bytes | Farewell:
        """What to send next: a text, bytes of the stream, or the farewell after them."""
        while True:
            self._work.clear()
            with self._changed:
                if self._text is not None:
                    message, self._text = self._text, None
                    return message
                if self._outgoing:
                    data = bytes(self._outgoing[:PART_BYTES])
                    del self._outgoing[:PART_BYTES]
                    self._changed.notify_all()
                    return data
                if self._farewell is not None:
                    return self._farewell
            await self._work.wait()

    def end(self) -> None:
        """The WebSocket is over: what came in can still be read, nothing can be sent."""
        with self._changed:
            self._ended = True
            self._outgoing.clear()
            self._changed.notify_all()
        self._space.set()
