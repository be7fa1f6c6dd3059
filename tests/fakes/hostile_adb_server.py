"""An adb server that calls phones as USB would, and one whose phone says anything."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

from device_probes.android.adb import Adb
from device_probes.android.shell import Shell


class LyingServer:
    """In front of a real adb server: phones have the names that they would have by USB.

    ``names`` is address → ``(serial, tags)``. Phones on TCP are listed by their address, so a
    hostile serial number can be shown to the driver in no other way without a cable.
    """

    def __init__(self, port: int, names: dict[str, tuple[str, str]]) -> None:
        self._upstream = port
        self._names = names
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> LyingServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError, ValueError):
            head = near.recv(4, socket.MSG_WAITALL)
            request = near.recv(int(head, 16), socket.MSG_WAITALL)
            with socket.create_connection(("127.0.0.1", self._upstream)) as far:
                far.sendall(head + request)
                if self._names and request == b"host:devices-l":
                    near.sendall(self._renamed(far))
                    return
                there = threading.Thread(target=_pump, args=(near, far), daemon=True)
                there.start()
                _pump(far, near, self._before(request))
                there.join(10)

    def _before(self, request: bytes) -> Callable[[], None] | None:
        """What is done before each piece of the answer is passed on."""

    def _renamed(self, far: socket.socket) -> bytes:
        data = b""
        while part := far.recv(65_536):
            data += part
        lines = []
        for line in data[8:].decode("utf-8", "surrogateescape").splitlines():
            address, _, rest = line.partition(" ")
            serial, tags = self._names.get(address, (address, ""))
            state, _, more = rest.strip().partition(" ")
            lines.append(f"{serial:<22} {state}{' ' * bool(tags)}{tags} {more}\n")
        text = "".join(lines).encode("utf-8", "surrogateescape")
        return b"OKAY%04x" % len(text) + text


class LateServer(LyingServer):
    """In front of a real adb server: each notice comes ``late_s`` later, all else at once."""

    def __init__(self, port: int) -> None:
        super().__init__(port, {})
        self.late_s = 0.0

    def _before(self, request: bytes) -> Callable[[], None] | None:
        notices = request == b"host:track-devices"
        return (lambda: time.sleep(self.late_s)) if notices else None


def _pump(
    source: socket.socket, target: socket.socket, wait: Callable[[], None] | None = None
) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65_536):
            if wait is not None:
                wait()
            target.sendall(part)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
    with contextlib.suppress(OSError):
        source.shutdown(socket.SHUT_RD)


@contextlib.contextmanager
def shell_that_says(*answers: bytes, features: str = "shell_v2") -> Iterator[Shell]:
    """A shell on a phone that answers its n-th service with the n-th answer, then leaves."""
    left = list(answers)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(near: socket.socket) -> None:
            with near, contextlib.suppress(OSError, ValueError):
                while head := near.recv(4, socket.MSG_WAITALL):
                    request = near.recv(int(head, 16), socket.MSG_WAITALL)
                    near.sendall(b"OKAY")
                    if request.endswith(b":features"):
                        near.sendall(b"%04x" % len(features) + features.encode())
                        return
                    if not request.startswith(b"host"):
                        near.sendall(left.pop(0) if left else b"")
                        near.shutdown(socket.SHUT_WR)
                        while near.recv(65_536):
                            pass
                        return

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = listener.accept()
                    threading.Thread(target=serve, args=(near,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield Shell(Adb("127.0.0.1", listener.getsockname()[1]), 7, "Pixel 7 (2A0)")
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
