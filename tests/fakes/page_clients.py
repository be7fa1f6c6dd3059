"""A browser's side of the page server without a browser: HTTP and WebSocket, a cookie, a Host."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from device_probes.web.seats import Seat
from device_probes.web.server import PageServer
from device_probes.web.sockets import Timings

BROWSER_ID = "0123456789abcdef"
READY = frozenset({"ready"})
QUICK = Timings(open_s=1.0, ping_s=60.0, pong_s=60.0, close_s=0.5, takeover_s=0.4)


@dataclass
class Reply:
    """One HTTP response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Browser:
    """Remembers its cookie, as a browser does; ``host`` is the Host it sends."""

    port: int
    host: str = ""
    cookie: str = ""
    tls: ssl.SSLContext | None = None
    origin: str = field(default="")

    def __post_init__(self) -> None:
        self.host = self.host or f"localhost:{self.port}"
        self.origin = self.origin or f"{'https' if self.tls else 'http'}://{self.host}"

    def get(self, path: str, method: str = "GET", **headers: str) -> Reply:
        """One request; a cookie that comes back is kept."""
        connection: http.client.HTTPConnection
        if self.tls:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = {"Host": self.host, **({"Cookie": self.cookie} if self.cookie else {}), **headers}
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            reply = Reply(response.status, response.headers, response.read())
        finally:
            connection.close()
        if new := reply.headers["Set-Cookie"]:
            self.cookie = new.partition(";")[0]
        return reply

    def open(self, seat: Seat) -> Reply:
        """Open the seat's link."""
        url = urlsplit(seat.url)
        return self.get(f"{url.path}?{url.query}")

    def socket(self, query: str, **more: object) -> ClientConnection:
        """The WebSocket of a page that was loaded with ``query``; the caller closes it."""
        scheme = "wss" if self.tls else "ws"
        options: dict[str, object] = {
            "subprotocols": ["chirpbench"],
            "origin": self.origin,
            "additional_headers": {"Cookie": self.cookie} if self.cookie else {},
            "compression": None,
            "ping_interval": None,
            "sock": socket.create_connection(("127.0.0.1", self.port), timeout=10),
            **({"ssl": self.tls} if self.tls else {}),
            **more,
        }
        try:
            return connect(f"{scheme}://{self.host}/probe{query}", **options)  # type: ignore[arg-type]
        except BaseException:
            options["sock"].close()  # type: ignore[attr-defined]
            raise

    def raw(self, query: str, *, timeout_s: float = 10, **headers: str) -> socket.socket:
        """A bare TCP connection that asked for the WebSocket and got it; it answers no ping."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)
        sent = {
            "Host": self.host,
            "Origin": self.origin,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Protocol": "chirpbench",
            **({"Cookie": self.cookie} if self.cookie else {}),
            **headers,
        }
        lines = [f"GET /probe{query} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items() if v)]
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += connection.recv(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        return connection

    @contextmanager
    def joined(self, seat: Seat, **more: object) -> Iterator[ClientConnection]:
        """The page of a seat, loaded, connected and ready."""
        self.open(seat)
        with self.socket(query_of(seat), **more) as page:
            page.send(status("ready"))
            seat.wait_for(READY, 10)
            yield page


def query_of(seat: Seat) -> str:
    """``?t=TOKEN`` of a seat's link."""
    return "?" + urlsplit(seat.url).query


def frame(opcode: int, payload: bytes, *, first: int = 0x80) -> bytes:
    """One masked frame of a client; ``first`` holds FIN and the reserved bits."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = struct.pack("!BH", 0xFE, size)
    else:
        length = struct.pack("!BQ", 0xFF, size)
    return bytes([first | opcode]) + length + bytes(4) + payload  # a mask of zeros changes nothing


def status(state: str, **more: object) -> str:
    """A page's status text."""
    return json.dumps({"state": state, "detail": "", "browser_id": BROWSER_ID, **more})


@contextmanager
def serving(**options: object) -> Iterator[PageServer]:
    """A running page server."""
    server = PageServer(**{"timings": QUICK, **options})  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.close()
