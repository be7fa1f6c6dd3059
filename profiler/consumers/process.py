"""Runs a consumer as a program of its own: no shell, a deadline, bounded output, nothing left.

GPL programs and libraries are only ever run this way (docs/consumers.md).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from profiler.consumers.checks import Unreadable

MAX_BYTES = 4_000_000
"""Kept of each stream; the rest is read and dropped, so that the program never blocks."""
_CHUNK = 65_536
_JOIN_S = 2.0
"""For the readers, after the program and all it started are gone."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program did."""

    code: int | None
    """Exit code, negative for a signal; ``None`` = it was stopped at its deadline."""
    out: str
    err: str

    @property
    def ending(self) -> str:
        """How it ended, for people, with the last line it said."""
        lines = (self.err or self.out).strip().splitlines()
        said = f": {lines[-1][:200]}" if lines else ""
        if self.code is None:
            return f"did not end in time{said}"
        how = f"signal {-self.code}" if self.code < 0 else f"exit code {self.code}"
        return f"ended with {how}{said}"


def run(argv: Sequence[str], *, home: Path, timeout_s: float, stdin: str = "", **env: str) -> Ran:
    """Run ``argv`` with ``home`` as its home and working folder.

    It sees no other variable of ours than those that name programs, libraries and ``env``. Raises
    :class:`OSError` when it cannot be started.
    """
    variables = {
        name: os.environ[name]
        for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT")
        if name in os.environ
    }
    variables |= {"HOME": str(home), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", **env}
    process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env=variables,
        start_new_session=True,
    )
    with process:
        return _attend(process, stdin.encode("utf-8", "surrogatepass"), timeout_s)


def run_module(
    module: str, asked: Mapping[str, Any], *, home: Path, timeout_s: float, **env: str
) -> dict[str, Any]:
    """Run a child module of this package: JSON on stdin, one JSON object as its last line.

    Raises :class:`Unreadable` when it crashed or answered anything else: a file made it do so.
    """
    # -P: a folder with a module of the same name never comes first.
    argv = [sys.executable, "-P", "-m", f"profiler.consumers.{module}"]
    ran = run(argv, home=home, timeout_s=timeout_s, stdin=json.dumps(asked), **env)
    lines = ran.out.strip().splitlines()
    if ran.code != 0 or not lines:
        raise Unreadable(f"the consumer {ran.ending}")
    try:
        answer = json.loads(lines[-1])
    except ValueError as exc:
        raise Unreadable(f"the consumer answered {lines[-1][:120]!r}") from exc
    if not isinstance(answer, dict):
        raise Unreadable(f"the consumer answered {lines[-1][:120]!r}")
    return answer


def _attend(process: subprocess.Popen[bytes], stdin: bytes, timeout_s: float) -> Ran:
    out, err = bytearray(), bytearray()
    threads = [
        threading.Thread(target=_read, args=(process.stdout, out), daemon=True),
        threading.Thread(target=_read, args=(process.stderr, err), daemon=True),
        threading.Thread(target=_write, args=(process.stdin, stdin), daemon=True),
    ]
    for thread in threads:
        thread.start()
    code: int | None = None
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Also what it started itself: a left-over would keep the pipes open.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for thread in threads:
        thread.join(_JOIN_S)
    return Ran(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def _read(stream: IO[bytes] | None, kept: bytearray) -> None:
    assert stream is not None
    with contextlib.suppress(OSError, ValueError):
        while chunk := stream.read(_CHUNK):
            kept += chunk[: MAX_BYTES - len(kept)]


def _write(stream: IO[bytes] | None, data: bytes) -> None:
    assert stream is not None
    with contextlib.suppress(OSError, ValueError):
        stream.write(data)
    with contextlib.suppress(OSError, ValueError):
        stream.close()
