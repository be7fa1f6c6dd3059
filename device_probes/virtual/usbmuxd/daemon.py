"""A usbmuxd of our own: one event loop in one thread serves its socket and all of its phones."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from device_probes.virtual.clock import Clock
from device_probes.virtual.driver import Fleet
from device_probes.virtual.link.loop import LoopThread, end_other_tasks
from device_probes.virtual.usbmuxd import packet
from device_probes.virtual.usbmuxd.core import IphoneCore
from device_probes.virtual.usbmuxd.iphone import VirtualIphone
from device_probes.virtual.usbmuxd.lockdown import SYSTEM_BUID, pair_record
from device_probes.virtual.usbmuxd.packet import BadPacket, Request
from device_probes.virtual.usbmuxd.pipe import Pipe

log = logging.getLogger(__name__)

_BACKLOG = 64
_BUFFER_BYTES = 1 << 20


def make_iphones(
    fleet: Fleet, clock: Clock | None = None, *, apart: bool = False
) -> list[VirtualIphone]:
    """The phones of ``fleet`` that are reached by usbmuxd, not yet plugged in."""
    phones = (p for p in fleet.phones(clock, apart=apart) if p.spec.link == "usbmux")
    return [VirtualIphone(phone) for phone in phones]


class UsbmuxDaemon:
    """Listens on a unix socket on behalf of ``phones`` until :meth:`stop`; a context manager."""

    def __init__(self, phones: Iterable[VirtualIphone], socket_path: Path) -> None:
        self.phones: Sequence[VirtualIphone] = tuple(phones)
        self.socket_path = socket_path
        self._loop = LoopThread("virtual-usbmuxd")
        self._server: socket.socket | None = None
        self._listeners: set[_Client] = set()
        self._next_id = 1
        self._tasks: set[asyncio.Task[Any]] = set()
        self._pipes: set[Pipe] = set()

    def __enter__(self) -> UsbmuxDaemon:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, with every phone plugged in; raises ``OSError`` when the socket cannot be."""
        try:
            self._loop.start(self._attach)
        except BaseException:  # Ctrl-C, too, must not leave a socket behind
            self.stop()
            raise

    def stop(self) -> None:
        """End every connection and every probe. May be called twice."""
        if self._loop.alive:
            for phone in self.phones:
                phone.app.stop()
        self._loop.stop(self._detach)

    # --- what phones tell -------------------------------------------------------------------------

    def attached(self, phone: IphoneCore) -> None:
        """On the loop: number a phone and tell the listeners."""
        phone.mux_id, self._next_id = self._next_id, self._next_id + 1
        for client in list(self._listeners):
            client.tell(_record(phone))

    def detached(self, phone: IphoneCore) -> None:
        """On the loop: tell the listeners."""
        for client in list(self._listeners):
            client.tell({"MessageType": "Detached", "DeviceID": phone.mux_id})

    def listed(self) -> list[VirtualIphone]:
        """Phones that are plugged in, in the order in which they came."""
        return sorted((p for p in self.phones if p.plugged), key=lambda p: p.mux_id)

    def listen(self, client: _Client) -> None:
        """On the loop: tell a client of every phone that is there, and of what changes."""
        self._listeners.add(client)
        for phone in self.listed():
            client.tell(_record(phone))

    def forget(self, client: _Client) -> None:
        """On the loop: tell it no more."""
        self._listeners.discard(client)

    # --- the loop ---------------------------------------------------------------------------------

    async def _attach(self) -> None:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.bind(str(self.socket_path))
            server.listen(_BACKLOG)
        except OSError:
            server.close()
            raise
        server.setblocking(False)
        self._server = server
        for phone in self.phones:
            phone.attach(self)
        asyncio.get_running_loop().add_reader(server, self._accept, server)

    def _accept(self, server: socket.socket) -> None:
        """Not a task: one that is cancelled would lose the connection it just took."""
        try:
            sock, _ = server.accept()
        except OSError:  # the client has gone again
            return
        sock.setblocking(False)
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        pipe = Pipe(sock)
        self._pipes.add(pipe)
        self._begin(self._serve(pipe))

    async def _serve(self, pipe: Pipe) -> None:
        client = _Client(self, pipe)
        try:
            await client.serve()
        except (OSError, BadPacket) as exc:
            log.debug("a client of usbmuxd went: %s", exc)
        finally:
            self.forget(client)
            await client.end()
            pipe.close()
            self._pipes.discard(pipe)

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _detach(self) -> None:
        if self._server is not None:
            asyncio.get_running_loop().remove_reader(self._server)
        for phone in self.phones:
            await phone.detach()
        await end_other_tasks()
        for pipe in self._pipes:  # of tasks that never began
            pipe.close()
        if self._server is not None:
            self._server.close()
            self.socket_path.unlink(missing_ok=True)


class _Client:
    """One connection to usbmuxd's socket."""

    def __init__(self, daemon: UsbmuxDaemon, pipe: Pipe) -> None:
        self._daemon = daemon
        self._pipe = pipe
        self._news: asyncio.Queue[bytes] = asyncio.Queue()
        self._teller: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Answer until it goes, or has become the pipe to a phone's port."""
        while True:
            head = await self._pipe.exactly(packet.HEAD.size)
            body = await self._pipe.exactly(packet.body_bytes(head))
            request = packet.read_request(head, body)
            if request.version != packet.VERSION:
                await self._pipe.write(packet.binary_result(packet.BAD_VERSION, request.tag))
            elif request.kind == "Connect":
                if await self._connect(request):
                    return
            else:
                await self._pipe.write(self._answer(request))
                if request.kind == "Listen":
                    self._daemon.listen(self)
                    self._teller = asyncio.ensure_future(self._tell_all())

    def tell(self, event: dict[str, Any]) -> None:
        """Queue an event for a listener."""
        self._news.put_nowait(packet.answer(event, 0))

    async def end(self) -> None:
        """Tell nothing more."""
        if self._teller is not None:
            self._teller.cancel()
            await asyncio.gather(self._teller, return_exceptions=True)

    async def _tell_all(self) -> None:
        with suppress(OSError):  # it went
            while True:
                await self._pipe.write(await self._news.get())

    async def _connect(self, request: Request) -> bool:
        """Lead the connection to a phone's port; whether that ended it."""
        number, port = request.number("DeviceID"), packet.swapped(request.number("PortNumber"))
        phone = next((p for p in self._daemon.listed() if p.mux_id == number), None)
        service = None
        code = packet.BAD_DEVICE
        if phone is not None:
            try:
                service = await phone.open(port)
                code = packet.REFUSED
            except ConnectionError:  # unplugged at this very moment
                pass
        if phone is None or service is None:
            await self._pipe.write(packet.result(code, request.tag))
            return False
        await self._pipe.write(packet.result(packet.OK, request.tag))
        await phone.carry(service, self._pipe, port)
        return True

    def _answer(self, request: Request) -> bytes:
        tag = request.tag
        if request.kind == "ReadBUID":
            return packet.answer({"BUID": SYSTEM_BUID}, tag)
        if request.kind == "ListDevices":
            found = [_record(phone) for phone in self._daemon.listed()]
            return packet.answer({"DeviceList": found}, tag)
        if request.kind == "Listen":
            return packet.result(packet.OK, tag)
        return self._pairing(request)

    def _pairing(self, request: Request) -> bytes:
        """Pair records, which usbmuxd keeps for everybody."""
        tag, phone = request.tag, self._by_udid(request.body.get("PairRecordID"))
        if phone is None:
            code = packet.BAD_DEVICE if "Pair" in request.kind else packet.BAD_COMMAND
            return packet.result(code, tag)
        if request.kind == "ReadPairRecord":
            record = pair_record(phone)
            if record is not None:
                return packet.answer({"PairRecordData": record}, tag)
            return packet.result(packet.BAD_DEVICE, tag)
        if request.kind not in ("SavePairRecord", "DeletePairRecord"):
            return packet.result(packet.BAD_COMMAND, tag)
        data = request.body.get("PairRecordData")
        phone.kept_record = data if isinstance(data, bytes) else None
        return packet.result(packet.OK, tag)

    def _by_udid(self, udid: object) -> VirtualIphone | None:
        return next((p for p in self._daemon.phones if p.udid == udid), None)


def _record(phone: IphoneCore) -> dict[str, Any]:
    """A phone as usbmuxd lists it."""
    return {
        "MessageType": "Attached",
        "DeviceID": phone.mux_id,
        "Properties": {
            "ConnectionType": phone.connection,
            "ConnectionSpeed": 480_000_000,
            "DeviceID": phone.mux_id,
            "LocationID": 0x14_10_00_00 + phone.mux_id,
            "ProductID": 0x12A8,
            "SerialNumber": phone.udid,
        },
    }
