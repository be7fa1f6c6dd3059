"""The probe's process as the bench sees it: started, listened to, ended."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from device_probes.host.__main__ import EXIT_PROBLEM, GRACE_S, PROBLEM
from profiler.errors import DeviceError, DeviceLost, DeviceTimeout

LIST_S = 20.0
"""Sound systems that are half up take seconds to say what they have."""
MAX_LIST_BYTES = 2**20
_LAST_LINES = 40
_LINE_CHARS = 300


def _command(*words: str) -> list[str]:
    # -P: a file of the current folder must not be imported in place of ours.
    return [sys.executable, "-P", "-m", "device_probes.host", *words]


def list_interfaces(env: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """The interfaces, asked in a process of its own. Raises :class:`DeviceError`."""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            _command("--list"),
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise DeviceTimeout(
            f"the sound system did not list its interfaces within {LIST_S:.0f} s",
            device="host",
            hint="restart the sound server, then try again",
        ) from exc
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").splitlines()
        raise problem(done.returncode, lines, "host")
    try:
        found = json.loads(done.stdout[:MAX_LIST_BYTES])
    except ValueError as exc:
        raise DeviceError("the list of interfaces is damaged", device="host") from exc
    return list(found)


def problem(code: int, lines: list[str], device: str) -> DeviceError:
    """What an exit of the process means, from its code and the last lines it printed."""
    told = [line.removeprefix(PROBLEM) for line in lines if line.startswith(PROBLEM)]
    if code == EXIT_PROBLEM and told:
        with suppress(ValueError, KeyError):
            said = json.loads(told[-1])
            message = str(said["message"]).split(": ", 1)[-1]
            return DeviceError(message, device=device, hint=str(said["hint"]))
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return DeviceLost(
        f"the host probe's process ended ({how}{last_words(lines)})",
        device=device,
        hint="run again; if it stays, try another host API",
    )


def last_words(lines: list[str]) -> str:
    """The last lines that were printed, as a part of one line."""
    kept = [" ".join(line.split()) for line in lines if line.strip()][-2:]
    return f", last words: {' | '.join(kept)[:_LINE_CHARS]}" if kept else ""


class Child:
    """One running probe process; ``stream`` is the bench's end of the socket pair."""

    def __init__(self, serial: str, env: Mapping[str, str] | None) -> None:
        self.stream, theirs = socket.socketpair()
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                _command("--serve", str(theirs.fileno()), f"--serial={serial}"),
                env=env,
                stdin=subprocess.PIPE,  # held open and never written: its end is our end
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                cwd=Path.home() if Path.home().is_dir() else os.sep,
            )
        assert self._process.stderr is not None
        self._listener = threading.Thread(
            target=self._listen, args=(self._process.stderr,), name="host-stderr", daemon=True
        )
        self._listener.start()

    def _listen(self, stderr: IO[bytes]) -> None:
        """Keep the last lines of what ALSA, JACK and others print."""
        while line := stderr.readline(4096):
            self._lines.append(line.decode(errors="replace").rstrip())

    @property
    def lines(self) -> list[str]:
        """The last lines it printed."""
        return list(self._lines)

    def ended(self, wait_s: float) -> int | None:
        """Its exit code if it ends within ``wait_s``."""
        try:
            code = self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return None
        self._listener.join(1.0)
        return code

    def close(self) -> None:
        """End it: by the end of its input, then by force. Never raises."""
        self.stream.close()
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        with suppress(OSError):
            self._process.stdin.close()
        if self.ended(GRACE_S) is None:
            self._process.kill()
            self._process.wait()
        self._listener.join(1.0)
        self._process.stderr.close()
