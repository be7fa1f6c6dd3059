"""The few words a virtual bench says to an adb server itself (AOSP ``adb/SERVICES.TXT``)."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

_CONNECT_S = 12.0
"""The server itself gives a device 10 s to shake hands."""
_KILL_S = 3.0


async def connect(server_port: int, address: str) -> str:
    """``adb connect ADDRESS``; the server's own words, also when it failed."""
    return await _ask(server_port, f"host:connect:{address}")


async def disconnect(server_port: int, address: str) -> str:
    """``adb disconnect ADDRESS``: the device is gone from the list at once, as by USB."""
    return await _ask(server_port, f"host:disconnect:{address}")


async def lists(server_port: int, address: str) -> bool:
    """Whether the server has the phone in its list, whatever its state."""
    return f"{address}\t" in await _ask(server_port, "host:devices")


async def _ask(server_port: int, service: str) -> str:
    """Ask for a counted answer; ``""`` when there is no server or it does not answer."""
    with suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError):
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", server_port)
            try:
                writer.write(request(service))
                await reader.readexactly(4)
                size = int(await reader.readexactly(4), 16)
                return (await reader.readexactly(size)).decode("utf-8", "replace")
            finally:
                writer.close()
    return ""


def kill_server(server_port: int) -> bool:
    """``adb kill-server``, for a server that is ours; ``False`` when none was there."""
    try:
        with socket.create_connection(("127.0.0.1", server_port), timeout=_KILL_S) as sock:
            sock.sendall(request("host:kill"))
            sock.recv(64)
    except OSError:
        return False
    return True


def request(service: str) -> bytes:
    """A request as it travels: four hex digits of length, then the text."""
    data = service.encode()
    return f"{len(data):04x}".encode() + data
