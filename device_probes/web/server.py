"""Serves the probe's page to browsers: one event loop in a thread of its own.

Everything public may be called from any thread.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import ssl
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from device_probes.web.seats import Seat
from device_probes.web.site import Site, TrustSite, load_files
from profiler.errors import InputError

if TYPE_CHECKING:
    from device_probes.web.certificates import ServerIdentity
    from device_probes.web.sockets import PageService, Timings

_REMEDIES = {
    errno.EADDRINUSE: "end the program that uses this port, or choose another port (0: any)",
    errno.EADDRNOTAVAIL: "use an address of this computer (see: ip address), or 127.0.0.1",
    errno.EACCES: "use a port of 1024 or more",
}
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class PageServer:
    """The server of one bench.

    ``listen`` is an address of this machine and ``port`` 0 takes a free one. Anything but loopback
    needs ``tls``: browsers give the microphone to trusted pages only. ``names`` are the names and
    addresses browsers reach it by, the first is the one in links. With ``trust_port`` (and ``tls``)
    a second listener tells phones in plain HTTP how to trust the bench, and serves nothing else.
    """

    def __init__(
        self,
        listen: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: ServerIdentity | None = None,
        names: tuple[str, ...] = ("localhost",),
        trust_port: int | None = None,
        timings: Timings | None = None,
    ) -> None:
        self._listen = _address(listen)
        if not self._listen.is_loopback and tls is None:
            raise InputError(
                f"a page at {listen} gets no microphone without HTTPS",
                hint="use HTTPS, or listen on 127.0.0.1",
            )
        self._wanted_port, self._wanted_trust_port = port, trust_port
        self._tls = tls
        self._names = tuple(_in_url(name) for name in names)
        self._timings = timings
        self._service: PageService | None = None
        self._port = self._trust_port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The TCP port it listens on; 0 before :meth:`start`."""
        return self._port

    @property
    def trust_url(self) -> str:
        """Where a phone learns to trust the bench; ``""`` when nothing listens there."""
        return f"http://{self._names[0]}:{self._trust_port}/trust" if self._trust_port else ""

    def start(self) -> None:
        """Begin to serve. Raises :class:`InputError` when the address or a port cannot be had, or
        when the package ``websockets`` is not installed."""
        from device_probes.web.sockets import PageService, Timings  # noqa: PLC0415 - an extra

        context = self._tls.context() if self._tls else None
        pages = Site(load_files(), tls=context is not None)
        sock, trust_sock = self._bind()
        self._service = PageService(
            pages,
            self._known_names(),
            port=self._port,
            tls=context is not None,
            timings=self._timings or Timings(),
            trust=_trust_site(self._tls),
        )
        ready: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(sock, context, trust_sock, ready)),
            name="page-server",
            daemon=True,
        )
        self._thread.start()
        ready.result()

    async def _serve(
        self,
        sock: socket.socket,
        context: ssl.SSLContext | None,
        trust_sock: socket.socket | None,
        ready: Future[None],
    ) -> None:
        assert self._service is not None
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            servers = [await self._service.listen(sock, context)]
            if trust_sock is not None:
                servers.append(await self._service.listen_for_trust(trust_sock))
        except Exception as exc:  # noqa: BLE001 - start() raises it in its own thread
            ready.set_exception(exc)
            return
        ready.set_result(None)
        await self._stop.wait()
        await self._service.stop(servers)

    def _bind(self) -> tuple[socket.socket, socket.socket | None]:
        sock = _bound(self._listen, self._wanted_port)
        self._port = sock.getsockname()[1]
        if self._tls is None or self._wanted_trust_port is None:
            return sock, None
        try:
            trust_sock = _bound(self._listen, self._wanted_trust_port)
        except InputError:
            sock.close()
            raise
        self._trust_port = trust_sock.getsockname()[1]
        return sock, trust_sock

    def _known_names(self) -> frozenset[str]:
        names = set(self._names)
        if not self._listen.is_unspecified:
            names.add(_in_url(str(self._listen)))
        return frozenset(names | set(_LOOPBACK) if self._listen.is_loopback else names)

    def seat(self, label: str) -> Seat:
        """A place for one browser, with a fresh link. The server must have been started."""
        if self._service is None:
            raise RuntimeError("the page server was not started")
        book = self._service.book
        token = book.issue()
        scheme = "https" if self._tls else "http"
        url = f"{scheme}://{self._names[0]}:{self._port}/?t={token}"
        seat = Seat(label, url, lambda: book.finish(token))
        self._service.add(token, seat)
        return seat

    def close(self) -> None:
        """End every page and the thread. May be called twice; never raises."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stop is None:
            return
        with suppress(RuntimeError):  # the loop ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        thread.join()


def _address(listen: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address("127.0.0.1" if listen == "localhost" else listen)
    except ValueError as exc:
        raise InputError(
            f"cannot listen on {listen!r}: it is no IP address",
            hint="name an address of this computer, such as 127.0.0.1",
        ) from exc


def _in_url(name: str) -> str:
    """A name or address as URLs hold it: lower case, IPv6 in brackets."""
    return f"[{name.lower()}]" if ":" in name else name.lower()


def _trust_site(tls: ServerIdentity | None) -> TrustSite | None:
    return TrustSite(tls.ca_name, tls.fingerprint, tls.ca_der) if tls else None


def _bound(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise InputError(f"{port} is no TCP port", hint="use 1024 to 65535, or 0 for any")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((str(address), port), family=family, backlog=128)
    except OSError as exc:
        raise InputError(
            f"cannot listen on {address} port {port}: {exc.strerror or exc}",
            hint=_REMEDIES.get(exc.errno or 0, "choose another address or port"),
        ) from exc
