"""The processes of a reanalysis start light."""

from __future__ import annotations

import subprocess
import sys

import profiler.bench


def test_a_worker_process_loads_neither_database_nor_drivers() -> None:
    code = (
        "import sys, profiler.bench.remeasure, profiler.bench.batch; "
        "print([m for m in ('sqlalchemy', 'pydantic', 'device_probes') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_packages_names_are_there() -> None:
    for name in profiler.bench.__all__:
        assert getattr(profiler.bench, name) is not None
    assert not hasattr(profiler.bench, "run_benches")
