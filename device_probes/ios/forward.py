"""A TCP port on loopback that leads to a port of one phone, for the requests of one call.

facebook-wda has no working timeout of its own over USB (IOS.md section 2), but it has one over
``http://``, and a connection that runs through here can be closed from outside at any moment.
"""

from __future__ import annotations

import secrets
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress

from profiler.errors import DeviceError, ProbeProtocolError

_HTTP = b"HTTP/"
_PART_BYTES = 65_536
_MAX_LINE_BYTES = 4096
"""The request line; facebook-wda's are shorter than 200 bytes."""


class Forward:
    """To be closed. Everything runs in one thread of its own, which ends with it.

    Any program on this computer can connect to a port on loopback, and a page in a browser can
    post to it; WebDriverAgent asks nobody who they are. So the URL has a secret in its path, and
    connections that do not know it are dropped before the phone hears of them.
    """

    def __init__(
        self, reach: Callable[[], socket.socket], limit_bytes: int, *, device: str
    ) -> None:
        """``reach`` connects to the phone, within a deadline of its own, and may raise a
        :class:`~profiler.errors.DeviceError`, which is kept in :attr:`problem`.

        Raises ``OSError`` or ``RuntimeError`` when there is no socket or no thread left.
        """
        self._reach = reach
        self._limit_bytes = limit_bytes
        self._device = device
        self._secret = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._over = False
        self._open: set[socket.socket] = set()
        self._heads: dict[socket.socket, bytes] = {}
        """Connections whose request line is not complete yet."""
        self._peers: dict[socket.socket, socket.socket] = {}
        """Both directions."""
        self._phones: dict[socket.socket, int] = {}
        """The phone's ends, and how many bytes each has sent."""
        self._lines: dict[socket.socket, bytes] = {}
        """Phones whose status line is not complete yet."""
        self.problem: DeviceError | None = None
        """Why the phone could not be reached, or its answer not be taken."""
        self.reached = False
        """A connection to the phone stood at some time."""
        with ExitStack() as opened:  # all of it, or nothing stays open
            self._listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
            self._listener.setblocking(False)
            self._waker, self._woken = map(opened.enter_context, socket.socketpair())
            self._selector = opened.enter_context(selectors.DefaultSelector())
            self._port: int = self._listener.getsockname()[1]
            threading.Thread(target=self._serve, name="ios forward", daemon=True).start()
            opened.pop_all()

    @property
    def url(self) -> str:
        """Where a client of this program finds it; with the secret."""
        return f"http://127.0.0.1:{self._port}/{self._secret}"

    def close(self) -> None:
        """End every connection; who waits on one wakes up. Never raises; may be called twice."""
        with self._lock:
            if self._over:
                return
            self._over = True
            for sock in self._open:
                with suppress(OSError):  # closed by the other side is what was wanted
                    sock.shutdown(socket.SHUT_RDWR)
        self._waker.close()  # the thread closes the rest: no number may be used anew before that

    # --- the thread -----------------------------------------------------------------------------

    def _serve(self) -> None:
        with self._selector as selector, self._listener, self._woken:
            for sock in (self._listener, self._woken):
                selector.register(sock, selectors.EVENT_READ, sock)
            try:
                while not self._over:
                    for key, _ in selector.select():
                        sock = key.data
                        if (
                            sock.fileno() >= 0 and not self._over
                        ):  # an earlier one may have ended it
                            self._ready(sock)
            finally:
                for sock in tuple(self._open):
                    self._drop(sock)

    def _ready(self, sock: socket.socket) -> None:
        if sock is self._listener:
            with suppress(OSError):  # it went before it was accepted
                taken = sock.accept()[0]
                if self._adopt(taken):
                    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        elif sock is not self._woken:
            try:
                data = sock.recv(_PART_BYTES)
                if not data:
                    self._drop(sock)
                elif sock in self._peers:
                    self._move(sock, data)
                else:
                    self._admit(sock, data)
            except OSError:
                self._drop(sock)

    def _adopt(self, sock: socket.socket) -> bool:
        sock.settimeout(None)
        with self._lock:
            if not self._over:
                self._open.add(sock)
        if sock not in self._open:
            sock.close()
            return False
        self._selector.register(sock, selectors.EVENT_READ, sock)
        return True

    def _admit(self, sock: socket.socket, data: bytes) -> None:
        """Read the request line; connect who knows the secret, which goes no further."""
        head = self._heads[sock] = self._heads.get(sock, b"") + data
        line, end, _ = head.partition(b"\r\n")
        if not end and len(line) <= _MAX_LINE_BYTES:
            return
        method, _, target = line.partition(b" ")
        secret = f"/{self._secret}/".encode()
        if not target.startswith(secret):
            self._drop(sock)
            return
        try:
            phone = self._reach()
        except DeviceError as exc:
            self.problem = exc
            self._drop(sock)
            return
        self.reached = True
        if not self._adopt(phone):
            return
        del self._heads[sock]
        self._phones[phone], self._lines[phone] = 0, b""
        self._peers.update({sock: phone, phone: sock})
        phone.sendall(method + b" /" + head[len(method) + 1 + len(secret) :])

    def _move(self, sock: socket.socket, data: bytes) -> None:
        if sock in self._phones:
            self._phones[sock] += len(data)
            if self._phones[sock] > self._limit_bytes:
                self.problem = ProbeProtocolError(
                    f"WebDriverAgent's answer is longer than {self._limit_bytes} bytes",
                    device=self._device,
                    hint="this is no ordinary WebDriverAgent; install its own build",
                )
                self._drop(sock)
                return
        if sock in self._lines:
            data = self._closing(sock, data)
        if sock in self._peers:
            self._peers[sock].sendall(data)

    def _closing(self, sock: socket.socket, data: bytes) -> bytes:
        """What may go on of an answer's begin: one that says that the connection ends with it.

        facebook-wda uses none twice, and closes only those. What is no HTTP goes no further.
        """
        data = self._lines[sock] + data
        line, end, rest = data.partition(b"\r\n")
        if not data.startswith(_HTTP[: len(data)]) or len(line) > _MAX_LINE_BYTES:
            self._drop(sock)
            return b""
        if not end:
            self._lines[sock] = data
            return b""
        del self._lines[sock]
        return line + b"\r\nConnection: close\r\n" + rest

    def _drop(self, sock: socket.socket) -> None:
        """Close a connection and the one it leads to."""
        peer = self._peers.pop(sock, None)
        self._heads.pop(sock, None)
        self._phones.pop(sock, None)
        self._lines.pop(sock, None)
        with self._lock:
            if sock not in self._open:
                return
            self._open.remove(sock)
        self._selector.unregister(sock)
        sock.close()
        if peer is not None:
            self._drop(peer)
