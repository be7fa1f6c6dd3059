"""A small client of a browser's DevTools, for the few things a person would do by hand.

Everything that answers is untrusted: it is bounded in size and time and read strictly. One
WebSocket carries all of it (the "flat" sessions of the protocol).

What is allowed here lasts as long as the connection: the browser forgets it when it ends, and its
user's own choices stay as they were.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from device_probes.fields import Malformed, clean, loads, shown
from profiler.errors import (
    ChirpbenchError,
    DeviceError,
    DeviceLost,
    DeviceTimeout,
    InputError,
    ProbeProtocolError,
)

try:
    from websockets.exceptions import ConnectionClosed, WebSocketException
    from websockets.sync.client import ClientConnection, connect
except ImportError as exc:
    raise InputError(
        "the web probe needs the package websockets", hint="pip install 'chirpbench[web]'"
    ) from exc

Dial = Callable[[float], socket.socket]
"""A new connection to the browser's DevTools within so many seconds; raises ``DeviceError``."""

MAX_ANSWER_BYTES = 1_000_000
MAX_PAGES = 500
MAX_URL_CHARS = 2048
_MAX_VALUE_CHARS = 256
_CLOSE_S = 0.5
_HINT = "tap on the phone instead"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,7})[ \t]*\r\n", re.I)
_ID = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_BROWSER_PATH = re.compile(r"/devtools/browser(/[A-Za-z0-9-]{1,64})?\Z")


_library_log = logging.getLogger("device_probes.web.devtools.websockets")
_library_log.setLevel(logging.ERROR)  # what it tells below that holds addresses, and so tokens


@dataclass(frozen=True, slots=True)
class Page:
    """One tab. Untrusted text, cleaned."""

    target_id: str
    url: str


class DevTools:
    """One connection to a browser. Used from one thread; :meth:`close` it in the end.

    Raises :class:`~profiler.errors.DeviceLost`, :class:`~profiler.errors.DeviceTimeout`,
    :class:`~profiler.errors.ProbeProtocolError` and, for what the browser refuses,
    :class:`~profiler.errors.DeviceError`.
    """

    def __init__(self, dial: Dial, device: str, timeout_s: float) -> None:
        """Connect; ``device`` names the browser's phone in messages."""
        self._device = device
        self._number = 0
        self._stack = ExitStack()
        end = time.monotonic() + timeout_s
        with self._explained("connect", timeout_s):
            with dial(timeout_s) as sock:
                self.product, path = _read_version(_get(sock, "/json/version", end))
            sock = self._stack.enter_context(dial(_left(end)))
            try:
                self._socket = self._open(sock, path, end)
            except BaseException:  # also Ctrl-C: nothing stays open
                self._stack.close()
                raise

    def _open(self, sock: socket.socket, path: str, end: float) -> ClientConnection:
        return self._stack.enter_context(
            connect(
                f"ws://localhost{path}",
                sock=sock,
                compression=None,
                proxy=None,
                open_timeout=_left(end),
                close_timeout=_CLOSE_S,
                ping_interval=None,  # browsers of some years ago hang up at a ping
                max_size=MAX_ANSWER_BYTES,
                logger=_library_log,
                user_agent_header=None,
            )
        )

    @property
    def alive(self) -> bool:
        """Whether it is still connected, as far as was noticed."""
        return self._socket.close_code is None

    def pages(self, timeout_s: float) -> tuple[Page, ...]:
        """Every tab."""
        with self._explained("list its tabs", timeout_s):
            answer = self._call("Target.getTargets", {}, timeout_s)
            targets = answer.get("targetInfos")
            if not isinstance(targets, list):
                raise Malformed("no list of targets")
            return tuple(_read_pages(targets[:MAX_PAGES]))

    def allow_microphone(self, origin: str, timeout_s: float) -> None:
        """Let pages of ``origin`` record without a question, until :meth:`close`."""
        allowed = {"permissions": ["audioCapture"], "origin": origin}
        with self._explained("allow the microphone", timeout_s):
            self._call("Browser.grantPermissions", allowed, timeout_s)

    def evaluate(self, page: Page, script: str, timeout_s: float) -> str:
        """Run ``script`` in a tab as if a finger had touched it; its value, as a short text.

        A promise is waited for. Raises :class:`~profiler.errors.DeviceError` when it throws.
        """
        wanted = {
            "expression": script,
            "userGesture": True,
            "returnByValue": True,
            "awaitPromise": True,
        }
        end = time.monotonic() + timeout_s
        with self._explained("run a script", timeout_s):
            attach = {"targetId": page.target_id, "flatten": True}
            session = self._call("Target.attachToTarget", attach, timeout_s).get("sessionId")
            if not isinstance(session, str) or not _ID.match(session):
                raise Malformed(f"no session ({shown(session)})")
            answer = self._call("Runtime.evaluate", wanted, _left(end), session)
            # A tab that is being looked into is not an ordinary one: it must not stay attached.
            self._call("Target.detachFromTarget", {"sessionId": session}, _left(end))
            if "exceptionDetails" in answer:
                raise self._refused("run a script", "it threw an exception")
            result = answer.get("result")
            value = result.get("value") if isinstance(result, dict) else None
            return clean(value if isinstance(value, str) else json.dumps(value))[:_MAX_VALUE_CHARS]

    def bring_to_front(self, page: Page, timeout_s: float) -> None:
        """Show this tab."""
        with self._explained("show the page", timeout_s):
            self._call("Target.activateTarget", {"targetId": page.target_id}, timeout_s)

    def close_page(self, page: Page, timeout_s: float) -> None:
        """Close this tab; one that is gone already is fine."""
        with self._explained("close the page", timeout_s), suppress(_Refused):
            self._call("Target.closeTarget", {"targetId": page.target_id}, timeout_s)

    def close(self) -> None:
        """Hang up. Never raises."""
        with suppress(OSError, WebSocketException):
            self._stack.close()

    # --- pieces -----------------------------------------------------------------------------------

    def _call(
        self, method: str, params: dict[str, Any], timeout_s: float, session: str = ""
    ) -> dict[str, Any]:
        """The result of one command; events that come in between are passed over."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        end = time.monotonic() + timeout_s
        # Never blocks: a kilobyte, into a buffer that is empty as every answer was waited for.
        self._socket.send(json.dumps(message))
        while True:
            answer = loads(self._socket.recv(_left(end), decode=False))
            if answer.get("id") == self._number:
                break
        error, result = answer.get("error"), answer.get("result")
        if error is not None:
            words = error.get("message") if isinstance(error, dict) else error
            raise self._refused(method, shown(words, 120))
        if not isinstance(result, dict):
            raise Malformed(f"{method} has no result")
        return result

    @contextmanager
    def _explained(self, what: str, timeout_s: float) -> Iterator[None]:
        """Let whatever is raised inside leave as an error of ours; a broken connection is closed,
        as nobody knows what its next answer would belong to."""
        try:
            yield
        except _Refused:
            raise
        except ChirpbenchError:
            self.close()
            raise
        except TimeoutError as exc:
            self.close()
            raise DeviceTimeout(
                f"the browser did not {what} within {timeout_s:.3g} s", device=self._device,
                hint=_HINT,
            ) from exc  # fmt: skip
        except Malformed as exc:
            self.close()
            raise ProbeProtocolError(
                f"the browser's DevTools make no sense ({exc})", device=self._device, hint=_HINT
            ) from exc
        except (ConnectionClosed, WebSocketException, EOFError, OSError) as exc:
            self.close()
            raise DeviceLost(
                f"the browser hung up when it was to {what} ({type(exc).__name__})",
                device=self._device, hint=_HINT,
            ) from exc  # fmt: skip

    def _refused(self, what: str, why: str) -> _Refused:
        return _Refused(f"the browser refused to {what}: {why}", device=self._device, hint=_HINT)


class _Refused(DeviceError):
    """The browser understood a command and does not do it; the connection is as good as before."""


def _left(end: float) -> float:
    left_s = end - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _get(sock: socket.socket, path: str, end: float) -> bytes:
    """The body of a small answer to a GET; raises :class:`Malformed`, ``EOFError``, ``OSError``."""
    sock.settimeout(_left(end))
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    data = b""
    while True:
        head, blank, body = data.partition(b"\r\n\r\n")
        if blank:
            length = _LENGTH.search(head + b"\r\n")
            if length is None or not head.startswith(b"HTTP/1.1 200 "):
                raise Malformed(f"an answer that begins with {shown(repr(head[:40]), 60)}")
            if len(body) >= int(length[1]):
                return body[: int(length[1])]
        if len(data) > MAX_ANSWER_BYTES:
            raise Malformed(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        sock.settimeout(_left(end))
        part = sock.recv(65_536)
        if not part:
            raise EOFError
        data += part


def _read_version(body: bytes) -> tuple[str, str]:
    """Name with version, and the path of the browser's WebSocket."""
    answer = loads(body)
    product, url = answer.get("Browser"), answer.get("webSocketDebuggerUrl")
    path = "/devtools/browser"  # of browsers on phones, which need not say
    if isinstance(url, str):
        path = "/" + url[:MAX_URL_CHARS].partition("://")[2].partition("/")[2]
    if not _BROWSER_PATH.match(path):
        raise Malformed(f"a WebSocket at {shown(path)}")
    return clean(product)[:_MAX_VALUE_CHARS] if isinstance(product, str) else "", path


def _read_pages(targets: list[Any]) -> Iterator[Page]:
    for target in targets:
        if not isinstance(target, dict):
            raise Malformed("a target is no object")
        if target.get("type") != "page":
            continue
        target_id, url = target.get("targetId"), target.get("url")
        if not isinstance(target_id, str) or not _ID.match(target_id) or not isinstance(url, str):
            raise Malformed("a target without id or address")
        yield Page(target_id, clean(url[:MAX_URL_CHARS]))
