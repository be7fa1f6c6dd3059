"""The real command line in a process of its own, and recordings with a known delay."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from worker_ports import free_port

from profiler.model import StimulusSpec
from profiler.stimulus import render

TIMEOUT_S = 200.0
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2  # linux/prctl.h, capability.h


def chirpbench(
    *words: str | Path,
    cwd: Path,
    env: dict[str, str] | None = None,
    as_plain_user: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run ``chirpbench WORDS`` to its end; ``env`` is put on top of a clean environment.

    ``as_plain_user`` makes file permissions count when the tests run as root.
    """
    return subprocess.run(
        [str(script()), *map(str, words)],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        preexec_fn=obey_permissions if as_plain_user else None,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def obey_permissions() -> None:
    """Give up what lets root read and write everything (Linux; in a new process before exec)."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "root cannot give this capability up here")


def script() -> Path:
    """The console script beside this interpreter."""
    return Path(sys.executable).parent / "chirpbench"


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """This process's environment without chirpbench's own variables, output buffered as usual.

    A command that looks for phones finds a "shared" adb server of these tests' own.
    """
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("CHIRPBENCH_") and k not in ("PYTHONUNBUFFERED", "COLUMNS")
    }
    return {**kept, "ANDROID_ADB_SERVER_PORT": str(adb_port()), **(extra or {})}


@cache
def adb_port() -> int:
    """Where these tests' shared adb server is, once a command starts it; it ends with the tests."""
    port = free_port()
    atexit.register(_end_adb_server, port)
    return port


def _end_adb_server(port: int) -> None:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as server:
        server.sendall(b"0009host:kill")
        server.recv(4)


def json_lines(text: str) -> list[dict[str, object]]:
    """Parse strict JSON lines: NaN and Infinity are refused."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def assert_one_line_error(done: subprocess.CompletedProcess[str], code: int, *needles: str) -> None:
    """The command failed with ``code`` and one line that holds every needle."""
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    for needle in needles:
        assert needle in done.stderr


def delayed(
    spec: StimulusSpec, delay_frames: int, *, gain: float = 0.3, tail_s: float = 0.5
) -> npt.NDArray[np.float32]:
    """What a recorder hears when the path only delays: shape (frames,), with quiet noise."""
    played = render(spec, spec.rate_hz)
    noise = np.random.default_rng(delay_frames).normal(
        0.0, 1e-4, played.size + delay_frames + round(tail_s * spec.rate_hz)
    )
    noise[delay_frames : delay_frames + played.size] += gain * played
    return noise.astype(np.float32)
