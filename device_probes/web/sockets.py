"""The page server inside its event loop: the only door to the ``websockets`` server.

Everything that connects is untrusted: what has not become a page's WebSocket yet is bounded in
number, size and time, and the oldest gives way to the newest.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from device_probes.fields import Malformed
from device_probes.web import site
from device_probes.web.seats import Seat
from device_probes.web.site import Answer, Site, TrustSite
from device_probes.web.status import MAX_STATUSES_PER_S, RateLimit, read_status
from device_probes.web.stream import (
    BROKE_RULES,
    DONE,
    HUNG_UP,
    NOT_ALLOWED,
    OTHER_TAB,
    Farewell,
    PageStream,
)
from device_probes.web.tokens import Entry, SeatBook, cookie_name, key_in, new_key, token_in
from profiler.errors import InputError

try:
    from websockets.asyncio.server import Server, ServerConnection, serve
    from websockets.datastructures import Headers
    from websockets.exceptions import ConnectionClosed
    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol
except ImportError as exc:
    raise InputError(
        "the web probe needs the package websockets", hint="pip install 'chirpbench[web]'"
    ) from exc

SUBPROTOCOL = Subprotocol("chirpbench")
MAX_MESSAGE_BYTES = 400_000
MAX_REQUEST_BYTES = 8_192
MAX_WAITING = 256
"""Connections at once that are no page's WebSocket (yet)."""
MAX_UNSENT_BYTES = 2_097_152
"""Of one connection: answers to the pings of a peer that never reads pile up no further."""

Answers = Callable[[ServerConnection, Request], Response | None]

_library_log = logging.getLogger("device_probes.web.websockets")
_library_log.setLevel(logging.ERROR)  # what it tells below that holds paths, and so tokens


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds the server waits. Tests shorten them."""

    open_s: float = 10.0
    """For a whole TLS handshake, and for a whole request with its answer."""
    ping_s: float = 20.0
    pong_s: float = 20.0
    """A page that does not answer a ping, or takes no data, for so long is gone."""
    close_s: float = 3.0
    takeover_s: float = 2.0
    """When a second tab comes: for the first one to show that it is alive."""


@dataclass(frozen=True, slots=True)
class _Live:
    peer: Peer
    stream: PageStream


class Peer(ServerConnection):
    """A connection with bounds of its own, from its first byte."""

    service: ClassVar[PageService]
    token: str | None = None
    key: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._start = b""
        self._received = 0
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Another connection; the oldest that still waits may have to go."""
        super().connection_made(transport)
        self.service.came(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.service.went(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuse what can be no request for a page before it is even parsed."""
        refusal = self._refusal(data) if self.request is None else None
        if self._refused:
            return
        if refusal is not None:
            self._refused = True
            self.transport.write(_response(site.refuse(refusal)).serialize())
            # A close with bytes unread would reset the connection before the answer is read.
            if self.transport.can_write_eof():
                self.transport.write_eof()
            else:
                self.transport.close()
            return
        super().data_received(data)
        if self.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.transport.abort()

    def _refusal(self, data: bytes) -> site.Refusal | None:
        self._received += len(data)
        self._start = (self._start + data[:4])[:4]
        if not b"GET ".startswith(self._start):
            return site.ONLY_GET
        return site.TOO_LARGE if self._received > MAX_REQUEST_BYTES else None


class PageService:
    """Answers requests and serves the pages' WebSockets. Lives in the event loop's thread, but for
    :meth:`add`."""

    def __init__(
        self,
        pages: Site,
        names: frozenset[str],
        *,
        port: int,
        tls: bool,
        timings: Timings,
        trust: TrustSite | None = None,
    ) -> None:
        self._site = pages
        self._trust = trust
        self.book = SeatBook()
        self._names = names
        self._port = port
        self._tls = tls
        self._timings = timings
        self._seats: dict[str, Seat] = {}
        self._live: dict[str, _Live] = {}
        self._waiting: dict[Peer, None] = {}
        self._peers: set[Peer] = set()

    def add(self, token: str, seat: Seat) -> None:
        """Let pages with ``token`` sit on ``seat``."""
        self._seats[token] = seat

    async def listen(self, sock: socket.socket, context: ssl.SSLContext | None) -> Server:
        """Serve the probe's pages on a socket that is bound."""
        return await self._serve(sock, context, self._answer)

    async def listen_for_trust(self, sock: socket.socket) -> Server:
        """Serve the page that helps phones to trust this bench, in plain HTTP."""
        return await self._serve(sock, None, self._answer_trust)

    async def _serve(
        self, sock: socket.socket, context: ssl.SSLContext | None, answer: Answers
    ) -> Server:
        class OurPeer(Peer):
            service = self

        return await serve(
            self._serve_page,
            sock=sock,
            ssl=context,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            process_request=answer,
            process_response=_lock_down,
            server_header=None,
            open_timeout=self._timings.open_s,
            ping_interval=self._timings.ping_s,
            ping_timeout=self._timings.pong_s,
            close_timeout=self._timings.close_s,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=4,
            logger=_library_log,
            create_connection=OurPeer,
        )

    async def stop(self, servers: list[Server]) -> None:
        """Say goodbye to every page, then cut what is left. Bounded in time."""
        for server in servers:
            server.close(close_connections=False)
        for seat in list(self._seats.values()):
            seat.shut()
        live = [asyncio.ensure_future(entry.peer.wait_closed()) for entry in self._live.values()]
        if live:
            await asyncio.wait(live, timeout=self._timings.close_s)
        for peer in list(self._peers):
            peer.transport.abort()
        rest = [asyncio.ensure_future(server.wait_closed()) for server in servers]
        await asyncio.wait(rest, timeout=self._timings.close_s)

    # --- connections ------------------------------------------------------------------------------

    def came(self, peer: Peer) -> None:
        """Count a connection."""
        self._peers.add(peer)
        self._waiting[peer] = None
        if len(self._waiting) > MAX_WAITING:
            next(iter(self._waiting)).transport.abort()

    def went(self, peer: Peer) -> None:
        """Forget a connection."""
        self._peers.discard(peer)
        self._waiting.pop(peer, None)

    # --- requests ---------------------------------------------------------------------------------

    def _answer(self, peer: ServerConnection, request: Request) -> Response | None:
        """The response to a request; ``None`` lets it become the page's WebSocket."""
        host = site.known_host(request.headers.get_all("Host"), self._names)
        if host is None:
            return _response(site.refuse(site.WRONG_HOST))
        path, _, query = request.path.partition("?")
        token = token_in(query)
        key = key_in(";".join(request.headers.get_all("Cookie")), self._port)
        if path == "/probe":
            if not site.same_origin(request.headers.get_all("Origin"), host, tls=self._tls):
                return _response(site.refuse(site.WRONG_ORIGIN))
            assert isinstance(peer, Peer)
            peer.token, peer.key = token, key
            return None
        if path == "/":
            return _response(self._page(host, token, key))
        return _response(self._site.file(path, host))

    def _answer_trust(self, _peer: ServerConnection, request: Request) -> Response:
        host = site.known_host(request.headers.get_all("Host"), self._names)
        if host is None or self._trust is None:
            return _response(site.refuse(site.WRONG_HOST))
        return _response(self._trust.answer(request.path.partition("?")[0]))

    def _page(self, host: str, token: str | None, key: str | None) -> Answer:
        found = self.book.look(token, key)
        if found.entry in (Entry.OPEN, Entry.OWNER):
            new = self._site.cookie(cookie_name(self._port), new_key()) if key is None else ""
            return self._site.page(host, set_cookie=new)
        unknown = site.NO_TOKEN if token is None else site.WRONG_TOKEN
        refusals = {Entry.USED: site.USED, Entry.FINISHED: site.FINISHED}
        return site.refuse(refusals.get(found.entry, unknown))

    # --- pages ------------------------------------------------------------------------------------

    async def _serve_page(self, peer: ServerConnection) -> None:
        assert isinstance(peer, Peer)
        self._waiting.pop(peer, None)
        found = self.book.claim(peer.token, peer.key)
        seat = self._seats.get(found.token) if found.entry is Entry.OWNER else None
        if seat is None:
            await self._close(peer, _FAREWELLS[found.entry])
        elif await self._taken(found.token):
            await self._close(peer, OTHER_TAB)
        else:
            await self._converse(peer, found.token, seat)

    async def _taken(self, token: str) -> bool:
        """Whether another tab sits there and is alive. Does not wait after it found out."""
        while (old := self._live.get(token)) is not None:
            if not old.stream.closed and await self._is_alive(old.peer):
                return True
            if self._live.get(token) is old:
                del self._live[token]
                old.stream.finish(HUNG_UP)
        return False

    async def _is_alive(self, peer: Peer) -> bool:
        try:
            async with asyncio.timeout(self._timings.takeover_s):
                await (await peer.ping())
        except (TimeoutError, ConnectionClosed):
            peer.transport.abort()
            return False
        return True

    async def _converse(self, peer: Peer, token: str, seat: Seat) -> None:
        live = _Live(peer, PageStream())
        self._live[token] = live
        seat.attach(live.stream)
        writer = asyncio.create_task(self._write(peer, live.stream))
        problem = ""
        try:
            problem = await self._read(peer, live.stream, seat)
        finally:
            writer.cancel()
            live.stream.end()
            seat.detach(live.stream, problem)
            if self._live.get(token) is live:
                del self._live[token]
        if problem:
            await self._close(peer, BROKE_RULES)

    async def _read(self, peer: Peer, stream: PageStream, seat: Seat) -> str:
        """Take what the page sends until it is gone; returns what it did wrong, if anything."""
        rate = RateLimit(MAX_STATUSES_PER_S)
        try:
            while True:
                message = await peer.recv()
                if isinstance(message, bytes):
                    await stream.feed(message)
                elif rate.allows(time.monotonic()):
                    seat.report(stream, read_status(message))
                else:
                    return f"the page said more than {MAX_STATUSES_PER_S} statuses a second"
        except Malformed as exc:
            return f"the page broke the rules: {exc}"
        except ConnectionClosed:
            return ""

    async def _write(self, peer: Peer, stream: PageStream) -> None:
        """Send what the host has for the page; a page that takes nothing is cut off."""
        try:
            while True:
                item = await stream.next()
                if isinstance(item, Farewell):
                    return await self._close(peer, item)
                async with asyncio.timeout(self._timings.pong_s):
                    await peer.send(item)
        except TimeoutError:
            peer.transport.abort()
        except ConnectionClosed:
            pass  # the reader says so

    async def _close(self, peer: Peer, farewell: Farewell) -> None:
        try:
            async with asyncio.timeout(self._timings.close_s):
                await peer.close(farewell.code, farewell.reason)
        except TimeoutError:
            peer.transport.abort()


_FAREWELLS = {
    Entry.FINISHED: DONE,
    Entry.OWNER: NOT_ALLOWED,
    Entry.UNKNOWN: Farewell(NOT_ALLOWED.code, "this link is not valid"),
    Entry.USED: Farewell(NOT_ALLOWED.code, "this link was used in another browser"),
    Entry.OPEN: Farewell(NOT_ALLOWED.code, "allow cookies for this page, then reload it"),
}


def _response(answer: Answer) -> Response:
    headers = Headers(answer.headers)
    headers["Connection"] = "close"
    headers["Content-Length"] = str(len(answer.body))
    return Response(answer.status.value, answer.status.phrase, headers, answer.body)


def _lock_down(_peer: ServerConnection, _request: Request, response: Response) -> None:
    """Give the library's own answers the security headers, too."""
    if response.status_code != 101 and "Content-Security-Policy" not in response.headers:
        for name, value in site.locked_down("default-src 'none'"):
            response.headers[name] = value
