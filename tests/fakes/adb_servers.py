"""A real adb server of its own for a test: private port, private home, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import adbutils
from worker_ports import free_port

_READY_S = 60.0
BUNDLED = Path(adbutils.__file__).parent / "binaries" / "adb"
"""The binary inside the adbutils wheel: tests never take one that happens to be on the PATH."""


class AdbServer:
    """A context manager; ``program`` is another adb than the bundled one."""

    def __init__(self, program: Path | str | None = None) -> None:
        self.program = str(program or BUNDLED)
        self.port = free_port()
        self._home = tempfile.mkdtemp(prefix="adb-home-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> AdbServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """For adb programs that shall use this server: its home, so its key, too."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ADB", "ANDROID"))}
        quiet = {"ADB_USB": "0", "ADB_EMU": "0", "ADB_MDNS": "0", "ADB_MDNS_OPENSCREEN": "0"}
        return {**clean, **quiet, "HOME": self._home, "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554"}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [self.program, "-L", f"tcp:localhost:{self.port}", "server", "nodaemon"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self.answers, _READY_S, f"the adb server on {self.port}")

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock:
                sock.sendall(b"000chost:version")
                return sock.recv(4) == b"OKAY"
        except OSError:
            return False

    def stop(self) -> None:
        """Kill it; devices and streams go with it."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def pause(self, *, on: bool) -> None:
        """SIGSTOP, or SIGCONT."""
        os.kill(self.pid, signal.SIGSTOP if on else signal.SIGCONT)

    def client(self, timeout_s: float = 20.0) -> adbutils.AdbClient:
        return adbutils.AdbClient("127.0.0.1", self.port, socket_timeout=timeout_s)

    def states(self) -> dict[str, str]:
        """``adb devices``: state by address."""
        return {d.serial: d.state for d in self.client().list()}

    def run(self, *args: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
        """The adb program itself, against this server."""
        return subprocess.run(
            [self.program, "-P", str(self.port), *args],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


def until(ready: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for ``ready()``, a minute at least: what has come costs no wait on any machine."""
    seconds = max(seconds, 60.0)
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)
