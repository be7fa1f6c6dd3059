"""Browsers that answer DevTools as a test says, one layer below the client: on real sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Response
from websockets.sync.server import ServerConnection, serve

Raw = Callable[[socket.socket], None]
Answers = Callable[[dict[str, Any]], object]
"""Answer to one command: a ``dict`` is its result, ``bytes`` and ``str`` are sent as they are, a
list is several messages, ``None`` is silence."""
VERSION = {
    "Browser": "Chrome/150.0.7300.40",
    "Android-Package": "com.android.chrome",
    "webSocketDebuggerUrl": "ws://localhost/devtools/browser",
}
ORIGIN = "http://localhost:8000"
TAB = {"targetId": "AB12", "type": "page", "url": f"{ORIGIN}/?t=x"}


def browser(command: dict[str, Any]) -> object:
    """One that behaves."""
    method = command["method"]
    if method == "Target.getTargets":
        return {"targetInfos": [TAB, {"targetId": "C", "type": "worker", "url": "x"}]}
    if method == "Target.attachToTarget":
        return {"sessionId": "5E55"}
    if method == "Runtime.evaluate":
        said = {"'a word'": "a word", "1 + 1": 2, "nothing": None}
        value = said.get(command["params"]["expression"], "granted")
        return {"result": {"type": "x"} if value is None else {"value": value}}
    return {}


def answering(method: str, answer: object) -> Answers:
    """As :func:`browser`, but for one command."""
    return lambda command: answer if command["method"] == method else browser(command)


class Peer:
    """A browser; :meth:`dial` is what a phone offers."""

    def __init__(self, answer: Answers, version: object = VERSION) -> None:
        self.heard: list[dict[str, Any]] = []
        """Every command, in order."""
        self._answer = answer
        body = version if isinstance(version, bytes) else json.dumps(version).encode()

        def http(_: ServerConnection, request: Any) -> Response | None:
            if request.path != "/json/version":
                return None
            headers = Headers({"Content-Length": str(len(body)), "Content-Type": "text/plain"})
            return Response(HTTPStatus.OK, "OK", headers, body)

        self._server = serve(self._talk, "127.0.0.1", 0, process_request=http, compression=None)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def dial(self, timeout_s: float) -> socket.socket:
        return socket.create_connection(self._server.socket.getsockname(), timeout_s)

    def _talk(self, connection: ServerConnection) -> None:
        for message in connection:
            command = json.loads(message)
            self.heard.append(command)
            for said in self._messages(command):
                if said == "hang up":
                    return
                connection.send(said)

    def _messages(self, command: dict[str, Any]) -> list[Any]:
        answer = self._answer(command)
        if answer is None:
            return []
        if isinstance(answer, dict):
            session = {"sessionId": command["sessionId"]} if "sessionId" in command else {}
            return [json.dumps({"id": command["id"], "result": answer, **session})]
        return answer if isinstance(answer, list) else [answer]

    def methods(self) -> list[str]:
        return [command["method"] for command in self.heard]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)


@contextlib.contextmanager
def peer(answer: Answers, version: object = VERSION) -> Iterator[Peer]:
    made = Peer(answer, version)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def raw(script: Raw) -> Iterator[Callable[[float], socket.socket]]:
    """A ``dial`` whose other end runs ``script``; its sockets are closed in the end."""
    ends: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def run(theirs: socket.socket) -> None:
        with contextlib.suppress(OSError):
            script(theirs)

    def dial(_: float) -> socket.socket:
        ours, theirs = socket.socketpair()
        ends.extend((ours, theirs))
        thread = threading.Thread(target=run, args=(theirs,), daemon=True)
        threads.append(thread)
        thread.start()
        return ours

    try:
        yield dial
    finally:
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in threads:
            thread.join(10)
