"""One connection of an adb server to one phone: handshake, key dialog, streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeAlias

from device_probes.virtual.adbd.auth import Keyring, new_token, read_public_key
from device_probes.virtual.adbd.packet import (
    AUTH,
    AUTH_PUBLIC_KEY,
    AUTH_SIGNATURE,
    AUTH_TOKEN,
    CLSE,
    CNXN,
    HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    MIN_PAYLOAD_BYTES,
    OKAY,
    OPEN,
    VERSION_CHECKSUMS,
    VERSION_NO_CHECKSUMS,
    WRTE,
    Packet,
    PacketError,
    byte_sum,
    read_header,
)
from device_probes.virtual.adbd.stream import Stream
from device_probes.virtual.link.moments import Moments

log = logging.getLogger(__name__)

_MAX_STREAMS = 256
_MAX_SERVICE_CHARS = 32_768
Mangle: TypeAlias = Callable[[bytes], bytes]
"""What a hostile phone makes of what it is about to say."""
Handler: TypeAlias = Callable[[Stream], Awaitable[None]]
"""Serves one stream. One with a method ``close`` is told when its stream is gone, or never came.
"""


class Endpoint(Protocol):
    """The phone, as a transport sees it."""

    keyring: Keyring
    moments: Moments
    legacy_adbd: bool
    """Speaks the protocol of 2012: 4 KiB payloads with checksums."""
    mute: bool
    """Accepts connections and never says a word: adb lists it as ``offline``."""
    mangle: Mangle | None
    """Changes the bytes of every packet on their way out (hostile phones)."""

    def banner(self) -> str:
        """Properties and features, as CNXN carries them."""
        ...

    async def service(self, name: str, transport: Transport) -> Handler | None:
        """What serves a stream to ``name``; ``None`` refuses it."""
        ...

    def left(self, transport: Transport) -> None:
        """A connection ended."""
        ...


class Transport:
    """Serves one connection until it ends."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, phone: Endpoint
    ) -> None:
        self.online = False
        """The handshake is done: the server lists the phone as ``device``."""
        self._reader = reader
        self._writer = writer
        self._phone = phone
        self._version = VERSION_CHECKSUMS
        self._max_payload = MIN_PAYLOAD_BYTES
        self._token = b""
        self._next_id = 1
        self._streams: dict[int, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        self._aborted = False

    async def run(self) -> None:
        """Answer until the connection ends, from either side."""
        self._running = asyncio.current_task()
        try:
            while True:
                await self._dispatch(await self._read())
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            if not self._aborted:
                raise
        except PacketError as exc:
            log.info("adb server dropped: %s", exc)
        finally:
            await self._end()

    def abort(self) -> None:
        """Pull the plug; also when the phone is frozen."""
        self.online = False
        self._aborted = True
        self._writer.transport.abort()
        for stream in self._streams.values():
            stream.on_close()
        if self._running:
            self._running.cancel()

    async def go_online(self) -> None:
        """Say who we are: the server then lists the phone as ``device``."""
        self.online = True
        version = min(self._version, self._newest)
        banner = self._phone.banner().encode("utf-8", "surrogateescape")
        await self.send(Packet(CNXN, version, self._max_payload, banner))

    async def send(self, packet: Packet) -> None:
        """Queue one packet; waits while the phone is frozen or the connection is full."""
        await self._phone.moments.thawed()
        data = packet.encode(checksum=self._version < VERSION_NO_CHECKSUMS)
        if self._phone.mangle:
            data = self._phone.mangle(data)
        if self._writer.is_closing():
            raise ConnectionResetError("the cable is out")
        self._writer.write(data)
        await self._writer.drain()

    async def open(self, service: str) -> Stream:
        """Open a stream to the host (``reverse``); raises ``ConnectionError`` when refused."""
        stream = self._new_stream(0)
        await self.send(Packet(OPEN, stream.local_id, 0, service.encode() + b"\0"))
        await stream.wait_open()
        return stream

    # --- packets ----------------------------------------------------------------------------------

    @property
    def _newest(self) -> int:
        return VERSION_CHECKSUMS if self._phone.legacy_adbd else VERSION_NO_CHECKSUMS

    async def _read(self) -> Packet:
        head = await self._reader.readexactly(HEADER_BYTES)
        await self._phone.moments.thawed()
        # The server's CNXN may be larger than what is agreed so far.
        header = read_header(head, max(self._max_payload, 2 * MIN_PAYLOAD_BYTES))
        payload = await self._reader.readexactly(header.length) if header.length else b""
        await self._phone.moments.thawed()
        # A server that dials again sends its CNXN without a checksum, whatever the version.
        checked = self._version < VERSION_NO_CHECKSUMS and header.command in (OPEN, WRTE)
        if checked and byte_sum(payload) != header.checksum:
            raise PacketError("wrong checksum")
        return Packet(header.command, header.arg0, header.arg1, payload)

    async def _dispatch(self, packet: Packet) -> None:
        if packet.command == CNXN:
            await self._connect(packet)
        elif packet.command == AUTH:
            await self._authenticate(packet)
        elif not self.online:
            return  # a server that has not shown its key yet
        elif packet.command == OPEN:
            await self._open(packet)
        else:
            await self._to_stream(packet)

    async def _connect(self, packet: Packet) -> None:
        if packet.arg0 < VERSION_CHECKSUMS or packet.arg1 < MIN_PAYLOAD_BYTES:
            raise PacketError(f"CNXN with version {packet.arg0:#x}, payload {packet.arg1}")
        self._version = min(packet.arg0, self._newest)
        largest = MIN_PAYLOAD_BYTES if self._phone.legacy_adbd else MAX_PAYLOAD_BYTES
        self._max_payload = min(packet.arg1, largest)
        await self._phone.moments.event("connect")
        if self._phone.mute:
            return
        if self._phone.keyring.required:
            await self._challenge()
        else:
            await self.go_online()

    async def _challenge(self) -> None:
        self._token = new_token()
        await self.send(Packet(AUTH, AUTH_TOKEN, 0, self._token))

    async def _authenticate(self, packet: Packet) -> None:
        keyring = self._phone.keyring
        if packet.arg0 == AUTH_SIGNATURE:
            if keyring.trusts(self._token, packet.payload):
                await self.go_online()
            else:
                await self._challenge()
        elif packet.arg0 == AUTH_PUBLIC_KEY:
            key = read_public_key(packet.payload)
            if key is None:
                raise PacketError("a key that is no RSA-2048 key")
            keyring.asking = key
            await self._phone.moments.event("auth:dialog")

    async def _open(self, packet: Packet) -> None:
        name = packet.payload.rstrip(b"\0").decode("utf-8", "surrogateescape")
        if len(self._streams) >= _MAX_STREAMS or len(name) > _MAX_SERVICE_CHARS or not packet.arg0:
            await self.send(Packet(CLSE, 0, packet.arg0))
            return
        stream = self._new_stream(packet.arg0)
        task = asyncio.create_task(self._serve(stream, name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _to_stream(self, packet: Packet) -> None:
        stream = self._streams.get(packet.arg1)
        if stream is None:
            if packet.command == WRTE:  # it was closed while this was on its way
                await self.send(Packet(CLSE, 0, packet.arg0))
        elif packet.command == OKAY:
            stream.on_okay(packet.arg0)
        elif packet.command == WRTE:
            stream.on_write(packet.payload)
        elif packet.command == CLSE:
            stream.on_close()

    # --- streams ----------------------------------------------------------------------------------

    def _new_stream(self, remote_id: int) -> Stream:
        stream = Stream(self.send, self._next_id, remote_id, self._max_payload)
        self._streams[self._next_id] = stream
        self._next_id += 1
        return stream

    async def _serve(self, stream: Stream, name: str) -> None:
        handler: Handler | None = None
        try:
            await self._phone.moments.event(f"open:{name}")
            handler = await self._phone.service(name, self)
            if handler is None:
                await stream.refuse()
                return
            await self.send(Packet(OKAY, stream.local_id, stream.remote_id))
            await handler(stream)
            await stream.close()
        except (ConnectionError, asyncio.IncompleteReadError) as exc:
            log.debug("%s: %s", name, exc)
        except Exception:  # one service must not end the phone's others
            log.exception("adb service %r failed", name)
        finally:
            close = getattr(handler, "close", None)
            if close is not None:  # it holds something, whether its stream came about or not
                close()
            with suppress(ConnectionError):
                if not stream.closed:
                    await stream.close()
            self._streams.pop(stream.local_id, None)

    async def _end(self) -> None:
        self._running = None
        self.abort()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(ConnectionError):
            await self._writer.wait_closed()
