"""What stands before Streamlit's server: only this computer's own pages may talk to it.

The server listens on 127.0.0.1, so other computers cannot reach it; pages of other origins in
this computer's browser can. Three doors are closed here: a foreign name that is made to point at
127.0.0.1 (DNS rebinding; the Host header), a page of another port or site that opens the
WebSocket (Origin; Streamlit itself takes every local port), and one that embeds us in a frame.
The Content-Security-Policy is the other direction: nothing that a page shows can make the browser
ask another computer for anything.

It also hands out the files of Streamlit's client itself (:mod:`dashboard.assets`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from dashboard import text
from dashboard.assets import Assets
from dashboard.history import SCRIPT
from dashboard.links import PAGES

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

HOSTS = ("127.0.0.1", "localhost")
POLICY = "; ".join(
    (
        "default-src 'self'",
        # Streamlit's start page has a script of its own, and charts compile their expressions.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = tuple(
    (name.encode(), value.encode())
    for name, value in (
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    )
)
_MAX_PAGE_BYTES = 200_000


class Gate:
    """ASGI middleware. Refuses with 403 what no page of this dashboard would ask."""

    def __init__(self, app: Asgi, *, assets: Assets | None = None) -> None:
        self._app = app
        self._assets = assets
        self._heads = _heads(assets) if assets else (b"", b"")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is ours."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif not is_own(dict(scope["headers"])):
            await _refuse(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif scope.get("method") == "GET" and (found := self._asset(scope["path"])):
            await _send_asset(send, *found)
        else:
            # Packing costs more than it saves when nothing leaves the computer.
            kept = [h for h in scope["headers"] if h[0] != b"accept-encoding"]
            path = scope["path"]
            answer = _Answer(send, self._head(path), path)
            await self._app({**scope, "headers": kept}, receive, answer)

    def _head(self, path: str) -> bytes:
        """What is put into the start page at ``path``; downloads are left as they are."""
        if path.startswith(_NO_PAGES):
            return b""
        return self._heads[path in _WITHOUT_CHARTS]

    def _asset(self, path: str) -> tuple[bytes, str] | None:
        return self._assets.get(path) if self._assets else None


def is_own(headers: dict[bytes, bytes]) -> bool:
    """Whether a request comes from the dashboard's own page, the address bar or a local program."""
    host = headers.get(b"host", b"").decode("latin-1").lower()
    name = re.sub(r":\d{1,5}$", "", host)
    if name not in HOSTS:
        return False
    origin = headers.get(b"origin")
    if origin is not None and origin.decode("latin-1").lower() != f"http://{host}":
        return False
    # A link to the dashboard may be followed from anywhere; nothing else crosses sites.
    site = headers.get(b"sec-fetch-site", b"none")
    return site in (b"same-origin", b"none") or headers.get(b"sec-fetch-mode") == b"navigate"


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # before accept: an HTTP 403
        return
    await send(
        {
            "type": "http.response.start",
            "status": 403,
            "headers": [(b"content-type", b"text/plain; charset=utf-8"), *_HEADERS],
        }
    )
    text = "chirpbench answers only its own pages at http://127.0.0.1:PORT\n"
    await send({"type": "http.response.body", "body": text.encode()})


async def _send_asset(send: Send, content: bytes, kind: str) -> None:
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"public, immutable, max-age=31536000"),  # names hold a hash
        *_HEADERS,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


class _Answer:
    """Adds headers to every answer, and the early parts to the start page. Where the start page
    would answer for a page that does not exist, says so."""

    def __init__(self, send: Send, head: bytes, path: str) -> None:
        self._send, self._insert, self._path = send, head, path
        self._held: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), *_HEADERS]
            message = {**message, "headers": headers}
            if self._insert and _is_page(headers):
                self._held = message
                return
        elif self._held is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            status = self._held["status"]
            if self._path in _ADDRESSES:
                body = self._body.replace(b"</head>", self._insert + b"</head>", 1)
                body = body.replace(b"<title>Streamlit</title>", b"<title>chirpbench</title>", 1)
            else:
                status, body = 404, _missing(self._path)
            kept = [(n, v) for n, v in self._held["headers"] if n.lower() != b"content-length"]
            length = (b"content-length", str(len(body)).encode())
            await self._send({**self._held, "status": status, "headers": [*kept, length]})
            self._held = None
            message = {**message, "body": body}
        await self._send(message)


def _is_page(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    found = {name.lower(): value for name, value in headers}
    small = int(found.get(b"content-length", b"0") or 0) < _MAX_PAGE_BYTES
    plain = b"content-encoding" not in found
    return found.get(b"content-type", b"").startswith(b"text/html") and plain and small


_ADDRESSES = frozenset(("/", *(f"/{name}" for name in PAGES)))
"""Streamlit answers every other address with its start page: below a folder that one stays empty,
as it looks for its files there; at ``/nopage`` it shows the first page instead."""


def _missing(path: str) -> bytes:
    links = " · ".join(
        f'<a href="/{"" if name == next(iter(PAGES)) else name}">{title}</a>'
        for name, title in PAGES.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>No such page · '
        "chirpbench</title><style>:root{color-scheme:light dark;font:1rem/1.6 system-ui,sans-serif}"
        "body{max-width:42rem;margin:4rem auto;padding:0 1rem}h1{font-size:1.4rem}</style></head>"
        f"<body><h1>There is no page “{text.html(path)}”</h1>"
        f"<p>The dashboard has these: {links}</p></body></html>"
    ).encode()


_NO_PAGES = ("/media/", "/_stcore/", "/component/")
_WITHOUT_CHARTS = ("/help", "/live")
_CONNECT = """<script>window.__streamlit = {BACKEND_BASE_URL: location.origin + "/", HOST_CONFIG: {
allowedOrigins: [location.origin], useExternalAuthToken: false, enableCustomParentMessages: false,
enforceDownloadInNewTab: false, metricsUrl: "", blockErrorDialogs: false}}</script>"""
"""Where the server is. Else the client asks below every part of a deep link's path first."""


def _heads(assets: Assets) -> tuple[bytes, bytes]:
    """What is put into the start page: of a page with charts, of one without."""
    links = (f'<link rel="modulepreload" crossorigin href=".{path}">' for path in assets.early())
    start = SCRIPT + _CONNECT
    return (start + "".join(links)).encode(), start.encode()
