"""A fleet of virtual phones behind adb in a process of its own.

In a process of its own a phone can be frozen whole (SIGSTOP), its simulation takes no time from
the bench, and the bench's death ends it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from device_probes.virtual.clock import Clock
from device_probes.virtual.driver import fleet_from_toml, load_fleet
from profiler.errors import DeviceError

_WHO = "virtual fleet"
_MAX_LINE_BYTES = 1_000_000
_STOP_S = 10.0
_SHOWN_CHARS = 400
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""The phones are many; none of them may take every core for one filter."""


@dataclass(frozen=True, slots=True)
class FleetPhone:
    """One phone of a running fleet."""

    serial: str
    port: int
    name: str
    udid: str = ""
    """Of an iPhone, as usbmuxd lists it."""

    @property
    def address(self) -> str:
        """What ``adb connect`` is given, and its serial in adb's list."""
        return f"127.0.0.1:{self.port}"


class FleetProcess:
    """Starts and ends the process; a context manager, and iterable over its phones.

    ``fleet`` is a file, ``toml`` its text instead, neither means the packaged fleet; ``serials``
    picks some of its phones. With ``adb_server_port`` that private adb server is asked to quit
    when the fleet ends, whoever ended it; with ``connect`` it is told to connect to every phone
    before :meth:`start` returns. Phones of one zone hear each other unless they are ``apart``.
    """

    module = "device_probes.virtual.adbd"
    """The program that is run."""

    def __init__(
        self,
        fleet: Path | None = None,
        clock: Clock | None = None,
        *,
        toml: str | None = None,
        serials: Sequence[str] = (),
        adb_server_port: int | None = None,
        connect: bool = False,
        apart: bool = False,
    ) -> None:
        self.phones: tuple[FleetPhone, ...] = ()
        self._file = fleet
        self._toml = toml.encode() if toml is not None else None
        options = ["--speed", repr(float((clock or Clock()).speed))]
        if toml is not None:
            options += ["--fleet", "-"]
        elif fleet is not None:
            options += ["--fleet", str(fleet)]
        for serial in serials:
            options += ["--serial", serial]
        if adb_server_port is not None:
            options += ["--adb-server-port", str(adb_server_port)]
        self._command = [sys.executable, "-P", "-m", self.module, *options]
        self._command += ["--connect"] if connect else []
        self._command += ["--apart"] if apart else []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> FleetProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __iter__(self) -> Iterator[FleetPhone]:
        return iter(self.phones)

    @property
    def pid(self) -> int:
        """The process; raises :class:`~profiler.errors.DeviceError` when it does not run."""
        if self._process is None:
            raise DeviceError("it does not run", device=_WHO, hint="start it first")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout_s: float = 30.0) -> tuple[FleetPhone, ...]:
        """Start it and wait until every phone listens.

        Raises :class:`~profiler.errors.PlanError` for a wrong fleet file and
        :class:`~profiler.errors.DeviceError` when the process ends, says something else, or says
        nothing in time.
        """
        if self._toml is None:  # says by key what is wrong
            load_fleet(self._file)
        else:
            fleet_from_toml(self._toml.decode(), "fleet")
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(  # noqa: S603 - this same Python, fixed words
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **_ONE_THREAD},
            )
            try:
                self.phones = _read_phones(self._first_line(self._process, timeout_s))
            except BaseException as exc:  # Ctrl-C, too, must not leave the process behind
                self.stop()
                if isinstance(exc, ValueError | OSError):
                    log.seek(0)
                    raise _failed(str(exc), log.read(65_536)) from exc
                raise
        return self.phones

    def pause(self) -> None:
        """SIGSTOP: every phone of the process is frozen at once."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it, also when it is frozen; the private adb server goes with it. Never raises."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            process.send_signal(signal.SIGCONT)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _first_line(self, process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
        """Hand over the fleet and read the line of JSON; raises ``ValueError`` without one."""
        if process.stdin is None or process.stdout is None:
            raise ValueError("it has no pipes")
        if self._toml is not None:
            process.stdin.write(b"%d\n" % len(self._toml) + self._toml)
            process.stdin.flush()
        pipe = process.stdout.fileno()
        end = time.monotonic() + timeout_s
        line = bytearray()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([pipe], [], [], max(end - time.monotonic(), 0.0))
            if not ready:
                raise ValueError(f"nothing was heard of it within {timeout_s:g} s")
            part = os.read(pipe, 65_536)
            if not part:
                raise ValueError(f"it ended (exit code {process.wait(_STOP_S)})")
            line += part
            if len(line) > _MAX_LINE_BYTES:
                raise ValueError("it never stops talking")
        return bytes(line)


def _read_phones(line: bytes) -> tuple[FleetPhone, ...]:
    message = json.loads(line)
    if "error" in message:
        raise ValueError(str(message["error"]))
    return tuple(
        FleetPhone(p["serial"], p.get("port", 0), p["name"], p.get("udid", ""))
        for p in message["phones"]
    )


def _failed(why: str, log: bytes) -> DeviceError:
    last = " ".join(log.decode("utf-8", "replace").split()[-40:])[-_SHOWN_CHARS:]
    text = f"it did not start: {why}" + (f" ({last})" if last else "")
    return DeviceError(text, device=_WHO, hint="try it in the same process, or report this")
