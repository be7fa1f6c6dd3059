"""A fleet's phones in a process of their own, as its parent sees it (:mod:`.program` is inside).

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
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from device_probes.virtual.clock import Clock
from device_probes.virtual.driver import fleet_from_toml, load_fleet
from profiler.errors import DeviceError

P = TypeVar("P")
_MAX_LINE_BYTES = 1_000_000
_READ_BYTES = 65_536
_STOP_S = 10.0
_ANSWER_S = 15.0
_SHOWN_CHARS = 400
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""The phones are many; none of them may take every core for one filter."""


class PhonesProcess(ABC, Generic[P]):
    """Starts and ends a program with phones; a context manager, and iterable over its phones.

    ``fleet`` is a file, ``toml`` its text instead, neither means the packaged fleet; ``serials``
    picks some of its phones. Phones of one zone hear each other unless they are ``apart``.
    ``options`` is what else the program is told.
    """

    module: str
    """The program that is run."""
    who: str
    """What messages call it."""

    def __init__(
        self,
        fleet: Path | None,
        clock: Clock | None,
        *,
        toml: str | None,
        serials: Sequence[str],
        apart: bool,
        options: Sequence[str],
    ) -> None:
        self.phones: tuple[P, ...] = ()
        self._file = fleet
        self._toml = toml.encode() if toml is not None else None
        words = ["--speed", repr(float((clock or Clock()).speed))]
        if toml is not None:
            words += ["--fleet", "-"]
        elif fleet is not None:
            words += ["--fleet", str(fleet)]
        for serial in serials:
            words += ["--serial", serial]
        words += ["--apart"] if apart else []
        self._command = [sys.executable, "-P", "-m", self.module, *words, *options]
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _phone(self, row: Mapping[str, Any]) -> P:
        """A phone as the program's first line tells of it."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __iter__(self) -> Iterator[P]:
        return iter(self.phones)

    @property
    def pid(self) -> int:
        """The process; raises :class:`~profiler.errors.DeviceError` when it does not run."""
        if self._process is None:
            raise self._not_running()
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout_s: float = 30.0) -> tuple[P, ...]:
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
                self.phones = self._introduced(self._process, timeout_s)
            except BaseException as exc:  # Ctrl-C, too, must not leave the process behind
                self.stop()
                if isinstance(exc, ValueError | OSError):
                    log.seek(0)
                    raise self._failed(str(exc), log.read(65_536)) from exc
                raise
        return self.phones

    def pause(self) -> None:
        """SIGSTOP: every phone of the process is frozen at once."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it, also when it is frozen, and with it what belongs to it. Never raises."""
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

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Say a line of JSON to it and return what it answers.

        Raises :class:`~profiler.errors.DeviceError` when it does not answer with an object. One
        at a time.
        """
        process = self._process
        if process is None:
            raise self._not_running()
        try:
            _tell(process, json.dumps(question).encode() + b"\n")
            answer = json.loads(_read_line(process, _ANSWER_S))
        except (OSError, ValueError) as exc:
            raise DeviceError(
                f"it does not answer: {exc}", device=self.who, hint="start it again"
            ) from exc
        return answer if isinstance(answer, dict) else {}

    def _introduced(self, process: subprocess.Popen[bytes], timeout_s: float) -> tuple[P, ...]:
        """Hand over the fleet and hear of its phones; raises ``ValueError`` or ``OSError``."""
        if self._toml is not None:
            _tell(process, b"%d\n" % len(self._toml) + self._toml)
        message = json.loads(_read_line(process, timeout_s))
        if "error" in message:
            raise ValueError(str(message["error"]))
        return tuple(self._phone(row) for row in message["phones"])

    def _not_running(self) -> DeviceError:
        return DeviceError("it does not run", device=self.who, hint="start it first")

    def _failed(self, why: str, log: bytes) -> DeviceError:
        last = " ".join(log.decode("utf-8", "replace").split()[-40:])[-_SHOWN_CHARS:]
        text = f"it did not start: {why}" + (f" ({last})" if last else "")
        hint = "try it in the same process, or report this"
        return DeviceError(text, device=self.who, hint=hint)


def _tell(process: subprocess.Popen[bytes], data: bytes) -> None:
    if process.stdin is None:
        raise ValueError("it has no pipes")
    process.stdin.write(data)
    process.stdin.flush()


def _read_line(process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
    """The next line; raises ``ValueError`` when none comes in time, or none ends."""
    if process.stdout is None:
        raise ValueError("it has no pipes")
    pipe = process.stdout.fileno()
    end_s = time.monotonic() + timeout_s
    line = bytearray()
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([pipe], [], [], max(end_s - time.monotonic(), 0.0))
        if not ready:
            raise ValueError(f"nothing was heard of it within {timeout_s:g} s")
        part = os.read(pipe, _READ_BYTES)
        if not part:
            raise ValueError(f"it ended ({_how(process)})")
        line += part
        if len(line) > _MAX_LINE_BYTES:
            raise ValueError("it never stops talking")
    return bytes(line)


def _how(process: subprocess.Popen[bytes]) -> str:
    try:
        return f"exit code {process.wait(_STOP_S)}"
    except subprocess.TimeoutExpired:
        return "it closed its output, and lives on"
