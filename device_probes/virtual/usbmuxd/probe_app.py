"""The probe app on a virtual iPhone: its process, its TCP port, what it does in a trial."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from device_probes.virtual.link.moments import Moments
from device_probes.virtual.link.probe_process import InstalledProbe, ProbeProcess
from device_probes.virtual.phone import VirtualPhone
from device_probes.virtual.usbmuxd.state import (
    BACKGROUND,
    FOREGROUND,
    HOME_BUNDLE,
    NOT_RUNNING,
    PROBE_BUNDLE,
    PROBE_PORT,
    SUSPENDED,
    IphoneState,
)

_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class _Life:
    """A process, and what it was started with."""

    process: ProbeProcess
    port: int
    token: str


class ProbeApp:
    """The probe, as far as it runs. Safe from several threads.

    ``installed`` says what answers a host that comes now, ``reclaim`` ends every connection.
    """

    def __init__(
        self,
        sound: VirtualPhone,
        state: IphoneState,
        moments: Moments,
        installed: Callable[[], InstalledProbe],
        reclaim: Callable[[], None],
    ) -> None:
        self._sound = sound
        self._state = state
        self._moments = moments
        self._installed = installed
        self._reclaim = reclaim
        self.asleep = False
        """iOS lets it run no more: its process is there and does nothing."""
        self._has_port = True
        self._lock = threading.Lock()
        self._running: _Life | None = None
        self._lives = 0

    @property
    def life(self) -> int:
        """Which of its processes runs; 0: none."""
        return self._lives if self._running is not None else 0

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self._running is not None

    @property
    def port(self) -> int | None:
        """The TCP port it listens on."""
        running, state = self._running, self._state
        waits = state.asks_late and state.microphone == "ask"
        return running.port if running and self._has_port and not waits else None

    @property
    def token(self) -> str | None:
        """What a host has to say; ``None``: it does not run."""
        running = self._running
        return running.token if running else None

    @property
    def xcui_state(self) -> int:
        """``XCUIApplicationState``."""
        if not self.runs:
            return NOT_RUNNING
        if self.asleep:
            return SUSPENDED
        return FOREGROUND if self._state.probe_in_front else BACKGROUND

    def launch(self, arguments: Sequence[str] = ()) -> None:
        """Start it in front, which asks for the microphone when nobody has answered yet; one that
        runs only comes to the front, and does not hear the arguments."""
        state = self._state
        self._wake()
        with self._lock:
            if self._running is None:
                self._sound.new_process()
                self._lives += 1
                port, token = _arguments(arguments)
                name = self._sound.serial
                process = ProbeProcess(name, token, self._moments, self._installed)
                self._running = _Life(process, port, token)
        state.show(PROBE_BUNDLE)
        if not state.asks_late:
            state.ask_microphone()

    def suspend(self, *, closed: bool) -> None:
        """Let it run no more, behind the home screen. With its port ``closed`` link and port are
        gone; else the kernel still takes connections for it, and they come to nothing."""
        self._state.show(HOME_BUNDLE)
        if self._running is None:
            return
        self.asleep, self._has_port = True, not closed
        if closed:
            self._reclaim()

    def _wake(self) -> None:
        """Run again: iOS has taken its sockets, and it listens anew."""
        if self.asleep:
            self._reclaim()
            self.asleep, self._has_port = False, True

    def connect(self) -> socket.socket | None:
        """The far end of a new connection to its port."""
        with self._lock:
            running = self._running
            return None if running is None else running.process.connect()

    def stop(self) -> bool:
        """End the process without a word; whether it ran."""
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return False
        self._wake()
        running.process.stop()
        state = self._state
        state.forget_alerts_of_app()
        if state.front == PROBE_BUNDLE:
            state.show(HOME_BUNDLE)
        return True


def _arguments(words: Sequence[str]) -> tuple[int, str]:
    """Port and token out of ``-port N -token HEX``, as ``UserDefaults`` reads an app's arguments;
    whatever makes no sense is as if it were not there."""
    found = dict(pairwise(words))
    port = found.get("-port", "")
    good = port.isascii() and port.isdigit() and 0 < int(port) <= _MAX_PORT
    return int(port) if good else PROBE_PORT, found.get("-token", "")
