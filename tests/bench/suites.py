"""Wall time of the suites on one virtual phone behind the real adb, in real time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

import speed

from db import queries
from db.queries import Filter
from db.store import Store
from profiler.model import TrialRecord

LIMITS_S = {"smoke": 90.0, "quick": 780.0}
"""What the suites may take (1.5 and 13 minutes)."""
LEAST_SHARE = 0.85


class Rows(Protocol):
    def row(self, what: str, reached: str, target: str, ok: bool) -> None: ...


def measure(table: Rows) -> None:
    """One row a suite; the quick one takes its 13 minutes."""
    for suite, limit_s in LIMITS_S.items():
        wall_s, sound_s = run_suite(suite)
        share = sound_s / wall_s
        table.row(
            f"suite {suite}, one phone, real time: wall / share of sound",
            f"{wall_s:.0f} s / {100 * share:.0f} %",
            f"<= {limit_s:.0f} s / >= {100 * LEAST_SHARE:.0f} %",
            wall_s <= limit_s and share >= LEAST_SHARE,
        )


def run_suite(suite: str) -> tuple[float, float]:
    """Wall time of the command, and the time in which streams were open or a rest was asked for."""
    with tempfile.TemporaryDirectory() as folder:
        fleet, url = Path(folder) / "fleet.toml", Path(folder) / "b.db"
        fleet.write_text("".join(speed._phones(1)), encoding="utf-8")
        began = time.perf_counter()
        subprocess.run(
            [*speed.CHIRPBENCH, "run", f"--virtual={fleet}", "--suite", suite, "--db", str(url)],
            check=True, stdout=subprocess.DEVNULL, stderr=sys.stderr,
            env={**os.environ, "TERM": "dumb"},
        )  # fmt: skip
        wall_s = time.perf_counter() - began
        with Store.open(url) as store:
            return wall_s, sum(map(sound_s_of, queries.trials(store, Filter())))


def sound_s_of(trial: TrialRecord) -> float:
    """Warm-up and recording of a trial, and the silence before it that a test asks for."""
    if trial.report is None:
        return 0.0
    return trial.request.warmup_s + trial.request.duration_s + trial.setup.rest_s
