"""A bench in a process of its own, to be killed."""

from __future__ import annotations

import os
from pathlib import Path

import bench_fleets as fleets

from profiler.bench import BenchEvent, TrialDone, run_bench
from profiler.plan import BenchPlan

SERIALS = ("A", "B", "C", "D")


def victim_plan(name: str) -> BenchPlan:
    """100 trials on four phones that all play at once."""
    return fleets.plan("L1", name=name, repeats=25, separate_zones=True)


def run_until_killed(folder: str, name: str, resume: str | None) -> None:
    """Go on with the bench; each committed trial goes into a log, each event into the pipe."""
    beat = os.open(Path(folder) / "events", os.O_WRONLY)
    log = os.open(Path(folder) / "committed.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def announce(event: BenchEvent) -> None:
        if isinstance(event, TrialDone):
            os.write(log, f"{event.trial.trial_uuid}\n".encode())
        os.write(beat, b".")

    with fleets.open_store(Path(folder)) as store:
        run_bench(
            victim_plan(name), fleets.phones(*SERIALS), store, observe=announce, resume=resume
        )
