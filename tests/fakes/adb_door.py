"""The far side of the door to adbutils: an adb server whose phones answer as a test says."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from device_probes.android.adb import Adb
from device_probes.android.shell import Shell

Service = Callable[[socket.socket, str], None]
PHONE = "SERIAL1"


class FakeServer:
    """Speaks the adb server's side: answers ``host:`` questions, and services by ``serve``."""

    def __init__(self, serve: Service, features: str = "shell_v2,cmd") -> None:
        self._serve = serve
        self._features = features
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.ended = threading.Event()
        """A service's connection was closed by the host."""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            while True:
                size = connection.recv(4, socket.MSG_WAITALL)
                if not size:
                    return
                request = connection.recv(int(size, 16), socket.MSG_WAITALL).decode()
                if request.startswith("host:transport-id:"):
                    connection.sendall(b"OKAY")
                    continue
                if request.endswith(":features"):
                    text = self._features.encode()
                    connection.sendall(b"OKAY" + f"{len(text):04x}".encode() + text)
                    return
                self._serve(connection, request)
                connection.settimeout(10)
                while connection.recv(65_536):
                    pass
                self.ended.set()
                return

    def close(self) -> None:
        self._listener.close()


@contextlib.contextmanager
def shell_on(serve: Service, features: str = "shell_v2,cmd") -> Iterator[tuple[Shell, FakeServer]]:
    server = FakeServer(serve, features)
    try:
        yield Shell(Adb("127.0.0.1", server.port), 7, PHONE), server
    finally:
        server.close()


def packet(kind: int, data: bytes) -> bytes:
    return struct.pack("<BI", kind, len(data)) + data


def answering(*parts: bytes) -> Service:
    def serve(connection: socket.socket, request: str) -> None:
        connection.sendall(b"OKAY" + b"".join(parts))
        connection.shutdown(socket.SHUT_WR)

    return serve
