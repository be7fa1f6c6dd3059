"""The services adbd offers, by name: shell, sync, sockets of the phone, reverse, reboot."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

from device_probes.virtual.adbd.browser import DATA as DEVTOOLS_DATA
from device_probes.virtual.adbd.commands import COMMANDS
from device_probes.virtual.adbd.core import PhoneCore
from device_probes.virtual.adbd.shell import serve_shell
from device_probes.virtual.adbd.stream import Stream
from device_probes.virtual.adbd.sync import SyncSession
from device_probes.virtual.adbd.transport import Handler, Transport
from device_probes.virtual.link.moments import Moments
from device_probes.virtual.link.pump import pump

PROBE_DATA = "stream:data"
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
        "reboot": partial(_reboot, phone),
        "root": lambda stream: stream.write(_NO_ROOT),
    }
    if not phone.legacy_adbd:
        simple["reverse"] = partial(phone.reversed.serve, rest, transport)
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
    """A connection to an app that waits for its stream."""

    def __init__(self, sock: socket.socket, moments: Moments, event: str) -> None:
        self._sock = sock
        self._moments = moments
        self._event = event

    async def __call__(self, stream: Stream) -> None:
        """Carry bytes until one side ends."""
        await pump(stream, self._sock, self._moments, self._event)

    def close(self) -> None:
        """Hang up, also when the stream never came."""
        self._sock.close()


async def _tunnel(name: str, phone: PhoneCore) -> Tunnel | None:
    """A connection to the abstract socket of the probe, or of the browser's DevTools."""
    browser = phone.browser
    to_browser = browser is not None and name == browser.devtools_name
    connect = browser.connect if browser is not None and to_browser else phone.app.connect
    # A process of its own is dialled by TCP, which may take its time.
    dialling = asyncio.get_running_loop().run_in_executor(None, connect, name)
    try:
        found = await asyncio.shield(dialling)
    except OSError:
        return None
    except asyncio.CancelledError:
        dialling.add_done_callback(_hang_up)
        raise
    event = DEVTOOLS_DATA if to_browser else PROBE_DATA
    return Tunnel(found, phone.moments, event) if found else None


def _hang_up(dialled: asyncio.Future[socket.socket | None]) -> None:
    if not dialled.cancelled() and dialled.exception() is None:
        found = dialled.result()
        if found:
            found.close()


async def _reboot(phone: PhoneCore, _: Stream) -> None:
    phone.reboot()
