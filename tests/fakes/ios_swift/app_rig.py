"""The iOS probe's whole app on Linux: its screen, and what happens to its phone."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from worker_ports import free_port

from tools.swift import app, toolchain

DEADLINE_S = 90.0
READY = "Waiting for chirpbench (port "


def build(folder: Path, sources: Path = app.APP, *, races: bool = False) -> app.Program:
    """The app; skips without the compiler, or fails when nothing may be skipped."""
    swift = toolchain.Toolchain(toolchain.FOLDER)
    if not swift.is_there:
        message = "needs Swift: make .toolchain/swift/.fetched (Debian, x86-64)"
        if os.environ.get("CHIRPBENCH_NO_SKIP") == "1":
            pytest.fail(f"{message}, and CHIRPBENCH_NO_SKIP=1 forbids skipping", pytrace=False)
        pytest.skip(message)
    return app.build(swift, folder, sources, races=races)


class Running:
    """A running app: its port, its screen, and after the block what it said at its end."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.port = port
        self.screens: list[list[str]] = []
        self.last_words = ""
        self.errors = ""
        self._process = process
        self._asleep = self._slept = 0
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._listen_to_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "done":
                self._done.put(rest)
            with self._changed:
                self._asleep += word == "asleep"
                if word == "screen":
                    self.screens.append(rest.split(" | "))
                elif word not in ("done", "asleep"):
                    self.last_words += line
                self._changed.notify_all()

    def _listen_to_errors(self) -> None:
        assert self._process.stderr is not None
        self.errors = self._process.stderr.read()

    def happen(self, what: str) -> None:
        """Let something happen to the phone: a word of the fakes."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        with self._awake(what == "return"):
            assert self._done.get(timeout=DEADLINE_S) == what.partition(" ")[0]

    @contextmanager
    def _awake(self, wanted: bool = True) -> Iterator[None]:
        """Wake it again and again: it says that it sleeps a moment before it does."""
        over = threading.Event()

        def wake() -> None:
            while wanted and not over.wait(0.02) and self._process.poll() is None:
                self._process.send_signal(signal.SIGCONT)

        waking = threading.Thread(target=wake, daemon=True)
        waking.start()
        try:
            yield
        finally:
            over.set()
            waking.join()

    def sleeps(self) -> None:
        """Wait until iOS lets the app do nothing more."""
        with self._changed:
            seen = self._changed.wait_for(lambda: self._asleep > self._slept, DEADLINE_S)
        assert seen, "the app does not sleep"
        self._slept = self._asleep

    def shows(self, text: str) -> None:
        """Wait until the screen has it."""
        with self._changed:
            seen = self._changed.wait_for(
                lambda: bool(self.screens) and text in "\n".join(self.screens[-1]), DEADLINE_S
            )
        assert seen, f"{text!r} is not on the screen: {self.screens[-1:]} {self.errors}"

    def end(self) -> int:
        """Let the process end by itself; its return code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with self._awake():
            code = self._process.wait(DEADLINE_S)
        for reader in self._readers:
            reader.join(DEADLINE_S)
        return code


@contextmanager
def running(
    program: app.Program, words: str = "", port: int = 0, ready: str = READY
) -> Iterator[Running]:
    """Ends well, with every unit disposed of, or the test fails. Begins when ``ready`` is shown."""
    port = port or free_port()
    given = words.split()
    token = [word.removeprefix("token=") for word in given if word.startswith("token=")]
    rest = [word for word in given if not word.startswith("token=")]
    launch = ["-port", str(port), *(["-token", token[0]] if token else [])]
    process = subprocess.Popen(
        program.command(*launch, *rest),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TSAN_OPTIONS": "exitcode=0"},  # a race is a matter of what it says
    )
    try:
        found = Running(process, port)
        found.shows(ready)
        yield found
        code = found.end()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(DEADLINE_S)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
    assert code == 0, found.errors + found.last_words
