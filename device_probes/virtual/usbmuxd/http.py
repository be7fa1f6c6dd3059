"""As much of HTTP/1.1 as WebDriverAgent speaks: one JSON body each way, connections kept open."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from device_probes.virtual.usbmuxd.pipe import Pipe

_MAX_HEAD_BYTES = 65_536
_MAX_BODY_BYTES = 1 << 20
_WORDS = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error",
          502: "Bad Gateway"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request."""

    method: str
    path: str
    """Without its query."""
    body: dict[str, Any] = field(default_factory=dict)


async def read_request(pipe: Pipe) -> HttpRequest | None:
    """The next one; ``None`` at the end. Raises ``ConnectionError`` for what is no HTTP."""
    head = await pipe.until(b"\r\n\r\n", _MAX_HEAD_BYTES)
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        raise ConnectionResetError(f"no request line: {first[:80]}")
    fields = dict(line.lower().split(":", 1) for line in lines if ":" in line)
    size = fields.get("content-length", "0").strip()
    if not size.isdigit() or int(size) > _MAX_BODY_BYTES:
        raise ConnectionResetError("a body of no length")
    body = await pipe.exactly(int(size))
    try:
        found = json.loads(body) if body else {}
    except ValueError as exc:
        raise ConnectionResetError("the body is no JSON") from exc
    path = words[1].partition("?")[0].rstrip("/") or "/"
    return HttpRequest(words[0], path, found if isinstance(found, dict) else {})


def response(status: int, body: bytes) -> bytes:
    """The bytes of an answer."""
    head = (
        f"HTTP/1.1 {status} {_WORDS.get(status, 'Status')}\r\n"
        "Server: WebDriverAgent/1.0\r\n"
        "Content-Type: application/json;charset=UTF-8\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body
