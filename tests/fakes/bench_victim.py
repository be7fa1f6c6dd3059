"""A bench in a process of its own, to be killed."""

from __future__ import annotations

import os
from pathlib import Path

import bench_fleets as fleets

from device_probes.virtual import Clock, VirtualDriver
from profiler.bench import BenchEvent, TrialDone, run_bench
from profiler.plan import BenchPlan

SERIALS = ("A", "B", "C", "D")


def victim_plan(name: str) -> BenchPlan:
    """100 trials on four phones that all play at once."""
    return fleets.plan("L1", name=name, repeats=25, separate_zones=True)


def run_until_killed(folder: str, name: str, resume: str | None) -> None:
    """Go on with the bench; each committed trial goes into a log, each event into the pipe."""
    _until_killed(Path(folder), victim_plan(name), fleets.phones(*SERIALS), resume)


def helping_plan(name: str) -> BenchPlan:
    """12 exchanges of three phones that help each other."""
    return fleets.plan("L2", name=name, repeats=2)


def helping_phones() -> list[VirtualDriver]:
    """Phones that hear each other, in a hurry."""
    return fleets.neighbours("A", "B", "C", clock=Clock(60.0))


def help_until_killed(folder: str, name: str, resume: str | None) -> None:
    """As above, with exchanges."""
    _until_killed(Path(folder), helping_plan(name), helping_phones(), resume)


def _until_killed(
    folder: Path, plan: BenchPlan, drivers: list[VirtualDriver], resume: str | None
) -> None:
    beat = os.open(folder / "events", os.O_WRONLY)
    log = os.open(folder / "committed.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def announce(event: BenchEvent) -> None:
        if isinstance(event, TrialDone):
            os.write(log, f"{event.trial.trial_uuid}\n".encode())
        os.write(beat, b".")

    with fleets.open_store(folder) as store:
        run_bench(plan, drivers, store, observe=announce, resume=resume)
