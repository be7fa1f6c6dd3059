"""Adb servers: the one this computer shares, or one of our own for virtual phones."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from device_probes.android.adb import Adb, adb_path, bundled_adb_path
from device_probes.android.errors import SERVER
from device_probes.fields import shown
from profiler.errors import ChirpbenchError, DeviceNotFound, DeviceTimeout, InputError

DEFAULT_PORT = 5037
_START_S = 15.0
"""adb 36 answers after about one second on an idle computer."""
_POLL_S = 0.03
_GUARD = 'exec 3<&0; "$@" 3<&- </dev/null & s=$!; { read -r x <&3; kill $s; } & wait $s'
"""Ends the server when this process is gone, however it went: its end of a pipe then closes."""
_HERE = ("127.0.0.1", "localhost", "::1", "")


class Server(Protocol):
    """Where phones are reached."""

    @property
    def adb(self) -> Adb:
        """The door to it."""
        ...

    def ensure(self) -> int:
        """Have it running; returns its protocol version. Raises ``DeviceError``."""
        ...

    def close(self) -> None:
        """Give it up; a shared one stays as it is. Never raises."""
        ...


class SharedServer:
    """The server every adb program on this computer uses.

    It is started when none runs, and never stopped: other programs may use it.
    """

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        """Raises :class:`~profiler.errors.InputError` for a port that is none."""
        env = os.environ if env is None else env
        host = env.get("ANDROID_ADB_SERVER_HOST") or "127.0.0.1"
        port = env.get("ANDROID_ADB_SERVER_PORT") or str(DEFAULT_PORT)
        if not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65_536:
            raise InputError(f"ANDROID_ADB_SERVER_PORT is no port ({shown(port)})",
                             hint="correct or unset it, then run again")  # fmt: skip
        self._env = dict(env)
        self._adb = Adb(host, int(port))
        self.version: int | None = None
        """Protocol version of the server, once known."""

    @property
    def adb(self) -> Adb:
        """The door to it."""
        return self._adb

    def ensure(self) -> int:
        """Start it when it is absent; returns its protocol version.

        Raises :class:`~profiler.errors.DeviceNotFound` when none can be started.
        """
        with suppress(DeviceNotFound):
            self.version = self._adb.version()
            return self.version
        if self._adb.host not in _HERE:
            raise DeviceNotFound(
                "no adb server answers, and one on another computer cannot be started from here",
                device=self._adb.name, hint="start it there (adb -a nodaemon server)",
            )  # fmt: skip
        command = [str(adb_path()), "-P", str(self._adb.port), "start-server"]
        try:
            # Its own session: Ctrl-C here is not meant for a server that others use.
            done = subprocess.run(  # noqa: S603 - no shell, our own words
                command, env=self._env, stdin=subprocess.DEVNULL, check=False,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                timeout=_START_S, start_new_session=True,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise _no_start(self._adb, str(exc)) from exc
        if done.returncode:
            raise _no_start(self._adb, done.stderr.decode("utf-8", "replace").strip()[-200:])
        self.version = self._adb.version()
        return self.version

    def close(self) -> None:
        """Leave it running."""


class PrivateServer:
    """A server of our own: own port, own key, no USB, no network search, no emulators.

    It is started again when it died. ``home`` holds its key and its log.
    """

    def __init__(self, home: Path, port: int | None = None) -> None:
        self.home = home
        self._adb = Adb("127.0.0.1", port or _free_port())
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False
        self.version: int | None = None
        """Protocol version of the server, once known."""
        self.starts = 0
        """How often it was started."""

    @property
    def adb(self) -> Adb:
        """The door to it."""
        return self._adb

    @property
    def process_group(self) -> int | None:
        """The group its process is in, while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def ensure(self) -> int:
        """Start it unless it runs; returns its protocol version.

        Raises :class:`~profiler.errors.DeviceNotFound` or
        :class:`~profiler.errors.DeviceTimeout`.
        """
        with self._lock:
            if self._closed:
                raise DeviceNotFound("the adb server was closed", device=self._adb.name)
            if self.process_group is None or self.version is None or not self._answers():
                self._start()
            assert self.version is not None
            return self.version

    def _answers(self) -> bool:
        """Whether it takes connections: a server just killed is still a process for a moment."""
        try:
            self._adb.version(1.0)
        except DeviceTimeout:
            return True  # it hangs, and another one on its port would not help
        except ChirpbenchError:
            return False
        return True

    def _start(self) -> None:
        self._reap()
        self.home.mkdir(parents=True, exist_ok=True)
        port = self._adb.port
        # "localhost" counts as here; an address would be taken for another computer.
        command = ["sh", "-c", _GUARD, "sh", str(bundled_adb_path()), "-L", f"tcp:localhost:{port}",
                   "server", "nodaemon"]  # fmt: skip
        with (self.home / "adb-server.log").open("ab") as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own words
                    command, env=self._environment(), stdin=subprocess.PIPE, stdout=log,
                    stderr=log, start_new_session=True,
                )  # fmt: skip
            except OSError as exc:
                raise _no_start(self._adb, str(exc)) from exc
        self.starts += 1
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            with suppress(ChirpbenchError):
                self.version = self._adb.version(1.0)
                return
            if self._process.poll() is not None:
                raise _no_start(self._adb, f"it ended with code {self._process.returncode}, "
                                f"see {self.home / 'adb-server.log'}")  # fmt: skip
            time.sleep(_POLL_S)
        raise DeviceTimeout(f"it did not answer within {_START_S:g} s", device=self._adb.name,
                            hint=f"see {self.home / 'adb-server.log'}")  # fmt: skip

    def _environment(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("ADB_", "ANDROID_ADB_"))}
        env |= {
            "HOME": str(self.home),
            "ADB_MDNS": "0",
            "ADB_MDNS_OPENSCREEN": "0",
            "ADB_USB": "0",  # or it would take the phones away from the shared server
            "ADB_EMU": "0",
            "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554",
        }
        return env

    def close(self) -> None:
        """End its process. Never raises."""
        with self._lock:
            self._closed = True
            self._reap()

    def _reap(self) -> None:
        process, self._process = self._process, None
        self.version = None
        if process is None:
            return
        with suppress(OSError, subprocess.TimeoutExpired):
            if process.stdin is not None:
                process.stdin.close()  # the guard then ends the server
            process.wait(timeout=2.0)
            return
        with suppress(OSError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=2.0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _no_start(adb: Adb, why: str) -> DeviceNotFound:
    return DeviceNotFound(
        f"no {SERVER} could be started on port {adb.port} ({shown(why, 200)})",
        device=adb.name, hint="see which program uses that port, or run adb start-server",
    )  # fmt: skip
