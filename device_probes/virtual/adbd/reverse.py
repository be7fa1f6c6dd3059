"""``adb reverse``: sockets of the phone that lead to the host, and the phone's own loopback.

Programs of this computer that play apps of the phone (a real browser, say) reach ``tcp:`` sockets
at :attr:`~device_probes.virtual.adbd.core.PhoneCore.loopback`, an address of 127.0.0.0/8 that each
phone has for itself: so its ports are its own, as on a real one.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from device_probes.virtual.adbd.stream import Stream
from device_probes.virtual.adbd.transport import Transport
from device_probes.virtual.link.moments import Moments
from device_probes.virtual.link.pump import pump

_MAX_REVERSE = 64
_BACKLOG = 32
_FIRST_FREE_PORT = 38_000
DATA = "reverse:data"


@dataclass(slots=True)
class _Way:
    """One socket of the phone, and where it leads."""

    local: str
    """The host's socket."""
    transport: Transport
    """The connection it belongs to, and ends with."""
    listener: socket.socket | None = None
    accepting: asyncio.Task[None] | None = None

    def end(self) -> None:
        if self.accepting is not None:
            self.accepting.cancel()
        if self.listener is not None:
            self.listener.close()


class Reverses:
    """The table of one phone. Used on its event loop only.

    ``loopback`` says at which address its own ports are, once it is plugged in.
    """

    def __init__(self, moments: Moments, loopback: Callable[[], str]) -> None:
        self._moments = moments
        self._loopback = loopback
        self._ways: dict[str, _Way] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def listed(self) -> dict[str, str]:
        """Socket of the phone → socket of the host."""
        return {remote: way.local for remote, way in self._ways.items()}

    async def serve(self, command: str, transport: Transport, stream: Stream) -> None:
        """``forward:[norebind:]REMOTE;LOCAL``, ``list-forward``, ``killforward:…``, ``…-all``."""
        verb, _, rest = command.partition(":")
        if verb == "forward":
            answer = self._forward(rest, transport)
        elif verb == "list-forward":
            lines = (f"host {remote} {local}\n" for remote, local in self.listed().items())
            answer = _counted("".join(lines))
        elif verb == "killforward-all":
            self.drop()
            answer = b"OKAY"
        elif verb == "killforward" and rest in self._ways:
            self._ways.pop(rest).end()
            answer = b"OKAY"
        elif verb == "killforward":
            answer = _failed(f"listener '{rest}' not found")
        else:
            answer = _failed("not a reverse forwarding command")
        await stream.write(answer)

    def drop(self, transport: Transport | None = None) -> None:
        """Forget what belongs to ``transport``, or everything."""
        for remote, way in list(self._ways.items()):
            if transport is None or way.transport is transport:
                self._ways.pop(remote).end()

    async def dial(self, remote: str, sock: socket.socket) -> None:
        """Let ``sock`` be a connection to ``remote``; raises ``ConnectionError``."""
        way = self._ways.get(remote)
        if way is None:
            raise ConnectionRefusedError(f"nobody listens on {remote}")
        stream = await way.transport.open(way.local)
        self._do(self._pump(stream, sock))

    async def close(self) -> None:
        """End everything."""
        self.drop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- pieces -----------------------------------------------------------------------------------

    def _forward(self, rest: str, transport: Transport) -> bytes:
        norebind = rest.startswith("norebind:")
        remote, semicolon, local = rest.removeprefix("norebind:").partition(";")
        kind, _, name = remote.partition(":")
        if not semicolon or kind not in ("tcp", "localabstract") or not name:
            return _failed(f"bad forward: {rest}")
        if norebind and remote in self._ways:
            return _failed(f"cannot rebind existing socket: {remote}")
        if len(self._ways) >= _MAX_REVERSE:
            return _failed("too many forwards")
        old = self._ways.pop(remote, None)
        if old is not None:
            old.end()
        way = _Way(local, transport)
        port = ""
        if kind == "tcp":
            try:
                way.listener = self._bind(int(name))
            except (OSError, ValueError, OverflowError) as exc:
                return _failed(f"cannot bind listener: {getattr(exc, 'strerror', None) or exc}")
            number = way.listener.getsockname()[1]
            port = str(number) if name == "0" else ""
            remote = f"tcp:{number}"
            way.accepting = self._do(self._accept(way.listener, way))
        self._ways[remote] = way
        return b"OKAY" + (_counted(port) if port else b"")

    def _bind(self, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self._loopback(), port))
            sock.listen(_BACKLOG)
            sock.setblocking(False)
        except (OSError, OverflowError):
            sock.close()
            raise
        return sock

    async def _accept(self, listener: socket.socket, way: _Way) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listener)
            self._do(self._carry(way, sock))

    async def _carry(self, way: _Way, sock: socket.socket) -> None:
        try:
            await self._moments.event("reverse:accept")
            stream = await way.transport.open(way.local)
        except ConnectionError:  # the cable is out, or nobody listens on the host
            sock.close()
            return
        await self._pump(stream, sock)

    async def _pump(self, stream: Stream, sock: socket.socket) -> None:
        with suppress(ConnectionError):
            await pump(stream, sock, self._moments, DATA)
            await stream.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _counted(text: str) -> bytes:
    data = text.encode()
    return f"{len(data):04x}".encode() + data


def _failed(text: str) -> bytes:
    return b"FAIL" + _counted(text)
