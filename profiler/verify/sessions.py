"""Sessions in processes of their own, several at once; none can take the others with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profiler.verify.job import Job, SessionRecord, read_record

PER_CORE = 2
"""Sessions at once for each core: one takes 12 % of it (2-core x86-64), and the rest must stay
free, or packets leave late."""
ATTEMPTS = 3
LATE_MS = 10.0
"""Most that the 99th percentile of a session's own lateness may be: half a packet (proposal)."""
MODULE = "profiler.verify.doors.webrtc_session"
_STDERR_CHARS = 300
Notify = Callable[[int, int], None]
"""Called with (sessions that ended, all of them)."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A session that gave nothing."""

    why: str


def at_once(cores: int | None = None) -> int:
    """How many sessions a machine runs at the same time without being late."""
    return PER_CORE * (cores or os.cpu_count() or 1)


def run_sessions(
    jobs: Sequence[Job],
    folder: Path,
    *,
    workers: int | None = None,
    notify: Notify | None = None,
    attempts: int = ATTEMPTS,
) -> Iterator[tuple[int, SessionRecord | Failed]]:
    """Run every job; (index of the job, result) as they end.

    A job that fails is tried again, ``attempts`` times in all. On an interruption nothing new is
    started.
    """
    ended = 0
    with ThreadPoolExecutor(workers or at_once()) as pool:
        waiting = {
            pool.submit(_one, job, folder, index, attempts): index for index, job in enumerate(jobs)
        }
        try:
            while waiting:
                for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                    ended += 1
                    if notify is not None:
                        notify(ended, len(jobs))
                    yield waiting.pop(done), done.result()
        except BaseException:  # Ctrl-C, too, must not leave sessions sounding
            for future in waiting:
                future.cancel()
            raise


def _one(job: Job, folder: Path, index: int, attempts: int) -> SessionRecord | Failed:
    failed = Failed("was not run")
    for attempt in range(attempts):
        result = _attempt(job, folder / f"session-{index}-{attempt}.json")
        if isinstance(result, SessionRecord):
            return result
        failed = result
    return failed


def _attempt(job: Job, path: Path) -> SessionRecord | Failed:
    job.write(path)
    command = [sys.executable, "-m", MODULE, str(path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, timeout=job.deadline_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Failed(f"the session did not end within {job.deadline_s:.0f} s and was stopped")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        last = said[-1][-_STDERR_CHARS:] if said else "without a word"
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
        return Failed(f"the session's process ended with {how}: {last}")
    try:
        return _punctual(read_record(path.with_suffix(".npz")))
    except (OSError, ValueError, KeyError) as exc:
        return Failed(f"the session left no usable record: {exc}")
    finally:
        path.with_suffix(".npz").unlink(missing_ok=True)


def _punctual(record: SessionRecord) -> SessionRecord | Failed:
    """A record of a machine that kept its own times; else its delays are not the network's."""
    for what, late_ms in (
        ("packets left the network", record.proxy["late_ms"]),
        ("sound reached the sender", record.write_late_ms),
    ):
        if len(late_ms) and float(np.quantile(late_ms, 0.99)) > LATE_MS:
            return Failed(
                f"this machine was too busy: {what} up to {np.max(late_ms):.0f} ms late; "
                "end other programs"
            )
    return record
