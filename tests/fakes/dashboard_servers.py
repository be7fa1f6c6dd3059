"""The real dashboard server on a store, as a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cli_process import environment

START_S = 60.0
"""Imports and first reads on a loaded machine."""
END_S = 60.0
_URL = re.compile(r"chirpbench dashboard: (http://127\.0\.0\.1:(\d+)) ")


@dataclass
class Served:
    """A server that answers. ``said`` and ``complained`` grow with its stdout and stderr."""

    process: subprocess.Popen[str]
    url: str = ""
    said: list[str] = field(default_factory=list)
    complained: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.process.pid

    def rss_mb(self) -> float:
        """What the server holds in memory now (Linux)."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        assert found
        return int(found[1]) / 1024

    def end(self, number: int = signal.SIGINT) -> int:
        """Interrupt it, as Ctrl-C does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(END_S)


@contextmanager
def served(
    store: Path | str, *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """``python -m dashboard`` on a store that exists, until the block ends."""
    command = [sys.executable, "-P", "-m", "dashboard", "--db", str(store), *words]
    with started(command, cwd=cwd, env=env) as server:
        yield server


@contextmanager
def started(
    command: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """A command that serves the dashboard (``chirpbench dashboard …``) and says its URL."""
    process = subprocess.Popen(
        command, cwd=cwd, env=environment({"PYTHONUNBUFFERED": "1", **(env or {})}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    server = Served(process)
    streams = ((server.said, process.stdout), (server.complained, process.stderr))
    readers = [threading.Thread(target=_collect, args=both, daemon=True) for both in streams]
    for reader in readers:
        reader.start()
    try:
        server.url = _wait_for_url(server)
        yield server
    finally:
        try:
            server.end()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for reader in readers:
            reader.join()
        for stream in (process.stdout, process.stderr):
            assert stream
            stream.close()


def _wait_for_url(server: Served) -> str:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        for line in list(server.said):
            if found := _URL.match(line):
                return found[1]
        if server.process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"no dashboard: {server.said} {server.complained}")


def _collect(lines: list[str], stream: Iterable[str]) -> None:
    for line in stream:
        lines.append(line)  # one after the other: somebody looks meanwhile
