"""The far side of the door to facebook-wda, as small and as hostile as a test wants it.

A usbmuxd on a Unix socket whose phones' ports are served by what the test gives it, and a
WebDriverAgent whose answers a test may replace, byte for byte. The product's own virtual iPhones
are in ``device_probes/virtual/usbmuxd``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import plistlib
import struct
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from profiler.errors import DeviceNotReady

HEADER = struct.Struct("<4I")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answers = Callable[[dict[str, Any]], bytes | None]
PHONE = "00008110-000A1B2C3D4E5F67"
OTHER = "00008120-0011223344556677"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
WDA_PORT, PROBE_PORT = 8100, 7878


def message(body: object, tag: int = 0) -> bytes:
    """One message of usbmuxd in the plist protocol."""
    data = plistlib.dumps(body)
    return HEADER.pack(HEADER.size + len(data), 1, 8, tag) + data


class FakeMux:
    """A context manager. Everything that changes it may be called from any thread."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mux-")
        self.path = str(Path(self._folder.name) / "usbmuxd")
        self.phones: dict[int, dict[str, Any]] = {}
        self.ports: dict[str, dict[int, Serve]] = {}
        self.answer_raw: Answers = lambda request: None
        """Bytes to answer a request with, and then to close; ``None``: as usbmuxd would."""
        self.is_frozen = False
        self.requests: list[str] = []
        self.connects = 0
        """Connections that reached a phone."""
        self._numbers = 0
        self._listeners: set[asyncio.StreamWriter] = set()
        self._pipes: dict[int, set[asyncio.StreamWriter]] = {}
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> FakeMux:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.do(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._folder.cleanup()

    def do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def start(self) -> None:
        async def begin() -> None:
            Path(self.path).unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._talk, self.path)

        self.do(begin())

    def stop(self) -> None:
        """usbmuxd ends; the socket's file stays, as a killed one leaves it."""

        async def end() -> None:
            if self._server is not None:
                self._server.close()
            for writer in (*self._listeners, *(w for s in self._pipes.values() for w in s)):
                writer.transport.abort()
            self._listeners.clear()

        self.do(end())

    def plug(self, udid: str = PHONE, connection: str = "USB", **ports: Serve) -> int:
        """A phone comes; ``wda=``, ``probe=`` serve its ports. Its number, new at each plug."""
        self._numbers += 1
        number = self._numbers
        names = {"wda": WDA_PORT, "probe": PROBE_PORT}
        self.ports.setdefault(udid, {}).update({names[k]: v for k, v in ports.items()})
        record = {
            "MessageType": "Attached",
            "DeviceID": number,
            "Properties": {
                "ConnectionType": connection,
                "ConnectionSpeed": 480_000_000,
                "DeviceID": number,
                "LocationID": 0x1420_0000,
                "ProductID": 0x12A8,
                "SerialNumber": udid,
            },
        }
        self.do(self._tell(number, record))
        return number

    def unplug(self, number: int) -> None:
        """It goes, and every connection to it breaks."""

        async def gone() -> None:
            self.phones.pop(number, None)
            for writer in self._pipes.pop(number, set()):
                writer.transport.abort()
            for writer in tuple(self._listeners):
                writer.write(message({"MessageType": "Detached", "DeviceID": number}))

        self.do(gone())

    def say(self, data: bytes) -> None:
        """Send bytes to everybody who listens."""

        async def send() -> None:
            for writer in tuple(self._listeners):
                writer.write(data)

        self.do(send())

    async def _tell(self, number: int, record: dict[str, Any]) -> None:
        self.phones[number] = record
        for writer in tuple(self._listeners):
            writer.write(message(record))

    async def _cancel_all(self) -> None:
        mine = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while await self._request(reader, writer):
                    pass
        finally:
            self._listeners.discard(writer)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        length, _, _, tag = HEADER.unpack(await reader.readexactly(HEADER.size))
        request = plistlib.loads(await reader.readexactly(length - HEADER.size))
        kind = request["MessageType"]
        self.requests.append(kind)
        raw = self.answer_raw(request)
        if raw is not None:
            writer.write(raw)
            await writer.drain()
            return False
        if self.is_frozen:
            await reader.read()
            return False
        if kind == "ListDevices":
            writer.write(message({"DeviceList": list(self.phones.values())}, tag))
        elif kind == "Listen":
            writer.write(message({"MessageType": "Result", "Number": 0}, tag))
            for record in self.phones.values():
                writer.write(message(record))
            self._listeners.add(writer)
        elif kind == "Connect":
            return await self._connect(request, tag, reader, writer)
        else:
            writer.write(message({"MessageType": "Result", "Number": 1}, tag))
        return True

    async def _connect(
        self,
        request: dict[str, Any],
        tag: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        number, swapped = request["DeviceID"], request["PortNumber"]
        port = (swapped & 0xFF) << 8 | swapped >> 8
        result, serve = 2, None
        if number in self.phones:
            serve = self.ports[self.phones[number]["Properties"]["SerialNumber"]].get(port)
            result = 3 if serve is None else 0
        writer.write(message({"MessageType": "Result", "Number": result}, tag))
        if serve is None:
            return True
        self.connects += 1
        self._pipes.setdefault(number, set()).add(writer)
        try:
            await serve(reader, writer)
        finally:
            self._pipes.get(number, set()).discard(writer)
        return False


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A port that says everything back."""
    while data := await reader.read(1 << 18):
        writer.write(data)
        await writer.drain()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A port of a frozen phone: it takes everything and says nothing."""
    while await reader.read(1 << 16):
        pass


def http(body: bytes | object, status: str = "200 OK") -> bytes:
    """A whole HTTP answer; anything but bytes as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def refusal(error: str, text: str = "", status: str = "404 Not Found") -> bytes:
    """WebDriverAgent's own way to say no."""
    return http({"value": {"error": error, "message": text or error, "traceback": ""}}, status)


class FakeAgent:
    """A WebDriverAgent; ``await agent(reader, writer)`` serves one connection."""

    def __init__(self) -> None:
        self.session: str | None = None
        self.sessions = 0
        self.stale = ""
        """What ``/status`` says of a session that is over, if not empty."""
        self.is_locked = False
        self.apps: dict[str, int] = {}
        self.launches: list[dict[str, Any]] = []
        self.alerts: list[tuple[str, list[str]]] = []
        self.pressed: list[str] = []
        self.calls: list[str] = []
        self.busy, self.busiest = 0, 0
        self.slow_s = 0.0
        self.replace: dict[str, bytes | Serve] = {}
        """By the end of the path: bytes instead of an answer, or who serves the connection."""
        self.odd: list[bytes] = []
        """Answers in place of the next ones."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line = head.split(b"\r\n", 1)[0].decode()
        size = next(
            (int(one.split(b":")[1]) for one in head.lower().split(b"\r\n")
             if one.startswith(b"content-length:")), 0,
        )  # fmt: skip
        body = json.loads(await reader.readexactly(size)) if size else {}
        method, path, _ = line.split(" ")
        self.calls.append(f"{method} {path}")
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        try:
            await asyncio.sleep(self.slow_s)
            if self.odd:
                writer.write(self.odd.pop(0))
                return
            for end, instead in self.replace.items():
                if path.endswith(end):
                    if not isinstance(instead, bytes):
                        await instead(reader, writer)
                        return
                    writer.write(instead)
                    break
            else:
                writer.write(self._answer(method, path, body))
            await writer.drain()
        finally:
            self.busy -= 1

    def lose_session(self) -> None:
        """WebDriverAgent has begun anew and knows the old id no more."""
        self.session = None

    def _answer(self, method: str, path: str, body: dict[str, Any]) -> bytes:
        if path == "/session":
            self.sessions += 1
            self.session, self.stale = f"S{self.sessions}", ""
            return self._ok({"sessionId": self.session, "capabilities": {}})
        if path.startswith("/session/"):
            _, _, given, rest = path.split("/", 3)
            if given != self.session:
                return refusal("invalid session id", "Session does not exist")
            path = f"/{rest}"
        alert = self._alert(path, body)
        if alert is not None:
            return alert
        bundle = body.get("bundleId", "")
        if path == "/wda/apps/launch":
            self.launches.append(body)
            self.apps[bundle] = 4
        elif path == "/wda/apps/terminate":
            return self._ok(self.apps.pop(bundle, None) is not None)
        elif path == "/wda/unlock":
            self.is_locked = False
        values: dict[str, Any] = {
            "/status": {
                "ready": True,
                "state": "success",
                "os": {"name": "iOS", "version": "17.5.1", "testmanagerdVersion": 65535},
                "ios": {"ip": None},
                "build": {"version": "16.7.0", "time": "Oct 1 2026"},
            },
            "/wda/locked": self.is_locked,
            "/wda/unlock": None,
            "/wda/batteryInfo": {"level": 0.8123, "state": 2},
            "/wda/device/info": {"name": "iPhone", "thermalState": 1},
            "/wda/apps/launch": None,
            "/wda/apps/state": self.apps.get(bundle, 1),
            "/screenshot": base64.b64encode(PNG).decode(),
        }
        if path not in values:
            return refusal("unknown command", f"Unhandled endpoint {path}")
        return self._ok(values[path])

    def _alert(self, path: str, body: dict[str, Any]) -> bytes | None:
        if path not in ("/alert/text", "/wda/alert/buttons", "/alert/accept"):
            return None
        if not self.alerts:
            return refusal("no such alert", "An attempt was made to operate on a modal dialog")
        text, buttons = self.alerts[0]
        if path == "/alert/accept":
            self.pressed.append(body["name"])
            self.alerts.pop(0)
            return self._ok(None)
        return self._ok(text if path == "/alert/text" else buttons)

    def _ok(self, value: object) -> bytes:
        return http({"value": value, "sessionId": self.stale or self.session})


def state_of(work: Callable[[], object]) -> str:
    """The state that ``work`` says a phone is in, with a remedy."""
    with pytest.raises(DeviceNotReady) as caught:
        work()
    assert caught.value.hint
    return caught.value.state


def threads(name: str) -> int:
    """How many threads with such a name there are."""
    return sum(thread.name.startswith(name) for thread in threading.enumerate())
