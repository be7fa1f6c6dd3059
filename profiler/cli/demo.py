"""The demo of the dashboard: a store of its own and a virtual bench that fills it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from profiler.cli.text import clean
from profiler.errors import InputError

RUNS = (("--suite", "smoke", "--fast"), ("--suite", "quick", "--speed", "8"))
"""First something on every page, then a bench that can be watched."""
SEED = 2025
"""Of the second run: the same draws twice would narrow every interval and tell nothing."""
NICE = 10
"""Pages come first: a bench on a fast clock takes every core it gets."""
END_S = 10.0
"""Within this time an interrupted bench has stored what it measured."""


@contextlib.contextmanager
def demo_store(kept: str | None) -> Iterator[str]:
    """A new store: in a folder that is removed afterwards, or ``kept``, which stays.

    Raises :class:`InputError` when ``kept`` exists: real results are not mixed with simulated.
    """
    if kept is None:
        # A bench that was just ended may still write a recording.
        with tempfile.TemporaryDirectory(
            prefix="chirpbench-demo-", ignore_cleanup_errors=True
        ) as folder:
            yield str(Path(folder) / "demo.db")
        return
    if "://" in kept or Path(kept).exists():
        raise InputError(
            "the demo fills a new store", file=clean(kept, 200),
            hint="name a file that does not exist, or leave --db out",
        )  # fmt: skip
    yield kept


class DemoBench:
    """``chirpbench run --virtual`` beside the dashboard, one run after the other."""

    def __init__(self, store: str) -> None:
        from device_probes.virtual import another_draw  # half a second; real stores need it not

        self._words = [sys.executable, "-P", "-m", "profiler", "run", "--plain"]
        self._env = {**os.environ, "CHIRPBENCH_DB": store}
        self._folder = tempfile.TemporaryDirectory(prefix="chirpbench-fleet-")
        fleet = Path(self._folder.name) / "fleet.toml"
        fleet.write_text(another_draw(SEED), "utf-8")
        first, second = RUNS
        self._todo = [("--virtual", *first), (f"--virtual={fleet}", *second)]
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the bench

    def __enter__(self) -> Self:
        self.check()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._todo.clear()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=END_S)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                self._process.kill()
                self._process.wait()
        self._log.close()
        self._folder.cleanup()

    def check(self) -> None:
        """Start the next run when the last one is over; say it when one failed."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._process = None
            if code != 0:
                self._todo.clear()
                print(f"chirpbench dashboard: the demo's bench ended early: {self._last_line()}",
                      file=sys.stderr)  # fmt: skip
        if self._todo:
            words = [*self._words, *self._todo.pop(0)]
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                words, env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=self._log,
            )  # fmt: skip
            with contextlib.suppress(AttributeError, OSError):  # not on every system
                os.setpriority(os.PRIO_PROCESS, self._process.pid, NICE)

    def _last_line(self) -> str:
        self._log.seek(0)
        lines = self._log.read()[-4000:].decode("utf-8", "replace").splitlines()
        return clean(lines[-1], 300) if lines else "it said nothing"
