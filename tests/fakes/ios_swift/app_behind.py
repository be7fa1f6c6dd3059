"""The app in the place of a virtual iPhone's probe: behind usbmuxd, started by WebDriverAgent."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from ios_swift import app_rig

from device_probes.virtual.usbmuxd import VirtualIphone
from tools.swift import app

_PIECE_BYTES = 65_536


class AppBehind:
    """Answers whoever reaches the phone's port; one process of the app for each of its lives."""

    def __init__(self, phone: VirtualIphone, program: app.Program, words: str = "") -> None:
        self.started = 0
        self._phone = phone
        self._program = program
        self._words = words
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._life = 0
        self._running: app_rig.Running | None = None

    def __enter__(self) -> AppBehind:
        self._phone.hostile_probe = self._answer
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None
    ) -> None:
        self._phone.hostile_probe = None
        self._stack.close()

    def _now(self) -> app_rig.Running:
        """The process of the life that the phone's probe has now."""
        with self._lock:
            if self._running is None or self._life != self._phone.app.life:
                self._stack.close()
                self._life = self._phone.app.life
                words = f"token={self._phone.app.token} {self._words}"
                self._running = self._stack.enter_context(app_rig.running(self._program, words))
                self.started += 1
            return self._running

    def _answer(self, host: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._now().port), 5.0) as probe:
            probe.settimeout(None)
            back = threading.Thread(target=_copy, args=(probe, host), daemon=True)
            back.start()
            _copy(host, probe)
            back.join(app_rig.DEADLINE_S)


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until either has gone; then the other is told."""
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE_BYTES):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
