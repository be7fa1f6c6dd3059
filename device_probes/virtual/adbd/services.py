"""The services adbd offers, by name: shell, sync, sockets of the phone, reverse, reboot."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import TYPE_CHECKING

from device_probes.virtual.adbd.commands import COMMANDS
from device_probes.virtual.adbd.shell import serve_shell
from device_probes.virtual.adbd.stream import Stream
from device_probes.virtual.adbd.sync import SyncSession
from device_probes.virtual.adbd.transport import Handler, Transport

if TYPE_CHECKING:
    from device_probes.virtual.adbd.core import PhoneCore

_PIECE_BYTES = 256 * 1024
_MAX_REVERSE = 64
_NO_ROOT = b"adbd cannot run as root in production builds\n"


async def find_service(name: str, phone: PhoneCore, transport: Transport) -> Handler | None:
    """What serves a stream to ``name``; ``None`` refuses it, as adbd refuses what it has not."""
    kind, colon, rest = name.partition(":")
    if kind in ("exec", "shell") or kind.startswith("shell,"):
        return _shell(kind, rest, phone)
    if kind == "localabstract":
        return await _tunnel(rest, phone)
    simple: dict[str, Handler] = {
        "sync": lambda stream: SyncSession(stream, phone).run(),
        "reverse": partial(_reverse, rest, phone, transport),
        "reboot": partial(_reboot, phone),
        "root": lambda stream: stream.write(_NO_ROOT),
    }
    # tcp: among others: no program on the phone listens there
    return simple.get(kind) if colon else None


def _shell(kind: str, line: str, phone: PhoneCore) -> Handler | None:
    version = 2 if "v2" in kind.split(",") else 1
    if version == 2 and "shell_v2" not in phone.features:
        return None

    async def handle(stream: Stream) -> None:
        await serve_shell(stream, phone, COMMANDS, line, version=version)

    return handle


class Tunnel:
    """A connection to the probe that waits for its stream."""

    def __init__(self, sock: socket.socket, phone: PhoneCore) -> None:
        self._sock = sock
        self._phone = phone

    async def __call__(self, stream: Stream) -> None:
        """Carry bytes until one side ends."""
        await pump(stream, self._sock, self._phone)

    def close(self) -> None:
        """Hang up, also when the stream never came."""
        self._sock.close()


async def _tunnel(name: str, phone: PhoneCore) -> Tunnel | None:
    """A connection to the probe's abstract socket."""
    # An external probe is dialled by TCP, which may take its time.
    dialling = asyncio.get_running_loop().run_in_executor(None, phone.app.connect, name)
    try:
        found = await asyncio.shield(dialling)
    except OSError:
        return None
    except asyncio.CancelledError:
        dialling.add_done_callback(_hang_up)
        raise
    return Tunnel(found, phone) if found else None


def _hang_up(dialled: asyncio.Future[socket.socket | None]) -> None:
    if not dialled.cancelled() and dialled.exception() is None:
        found = dialled.result()
        if found:
            found.close()


async def pump(stream: Stream, sock: socket.socket, phone: PhoneCore) -> None:
    """Carry bytes both ways between a stream and a socket of the phone until one side ends."""
    loop = asyncio.get_running_loop()
    sock.setblocking(False)

    async def to_probe() -> None:
        while data := await stream.read():
            async for piece in phone.pieces("stream:data:in", data):
                await loop.sock_sendall(sock, piece)

    async def from_probe() -> None:
        size = min(_PIECE_BYTES, stream.max_payload_bytes)
        while data := await loop.sock_recv(sock, size):
            async for piece in phone.pieces("stream:data:out", data):
                await stream.write(piece)

    tasks = [asyncio.create_task(to_probe()), asyncio.create_task(from_probe())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:  # also when this is cancelled in turn
            sock.close()


# --- reverse -------------------------------------------------------------------------------------


async def _reverse(command: str, phone: PhoneCore, transport: Transport, stream: Stream) -> None:
    """``forward:[norebind:]REMOTE;LOCAL``, ``list-forward``, ``killforward:…``, ``…-all``."""
    verb, _, rest = command.partition(":")
    table = phone.reversed
    if verb == "forward":
        answer = _reverse_forward(rest, phone, transport)
    elif verb == "list-forward":
        lines = "".join(f"host {remote} {local}\n" for remote, (local, _) in table.items())
        answer = _counted(lines)
    elif verb == "killforward-all":
        table.clear()
        answer = b"OKAY"
    elif verb == "killforward" and rest in table:
        del table[rest]
        answer = b"OKAY"
    elif verb == "killforward":
        answer = b"FAIL" + _counted(f"listener '{rest}' not found")
    else:
        answer = b"FAIL" + _counted("not a reverse forwarding command")
    await stream.write(answer)


def _reverse_forward(rest: str, phone: PhoneCore, transport: Transport) -> bytes:
    norebind = rest.startswith("norebind:")
    remote, semicolon, local = rest.removeprefix("norebind:").partition(";")
    port = ""
    if not semicolon or not remote.startswith(("tcp:", "localabstract:")):
        return b"FAIL" + _counted(f"bad forward: {rest}")
    if remote == "tcp:0":
        port = str(next(p for p in range(38_000, 65_536) if f"tcp:{p}" not in phone.reversed))
        remote = f"tcp:{port}"
    if norebind and remote in phone.reversed:
        return b"FAIL" + _counted(f"cannot rebind existing socket: {remote}")
    if len(phone.reversed) >= _MAX_REVERSE:
        return b"FAIL" + _counted("too many forwards")
    phone.reversed[remote] = (local, transport)
    return b"OKAY" + (_counted(port) if port else b"")


def _counted(text: str) -> bytes:
    data = text.encode()
    return f"{len(data):04x}".encode() + data


async def _reboot(phone: PhoneCore, _: Stream) -> None:
    phone.reboot()
