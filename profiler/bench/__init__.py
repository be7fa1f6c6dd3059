"""The bench: the one place that joins drivers, analysis, catalogue and store.

Names are imported when they are used: the processes of a reanalysis need one light module of this
package, and the store, the plan and the drivers cost each of them half a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from profiler.bench.events import (
        BenchEvent,
        BenchEvents,
        BenchOutcome,
        DeviceDone,
        DeviceOutcome,
        DeviceStarted,
        Log,
        PartnerProgress,
        TestDone,
        TrialDone,
        TrialProgress,
        TrialStarted,
    )
    from profiler.bench.runner import run_bench
    from profiler.bench.stop import Stop

__all__ = [
    "BenchEvent",
    "BenchEvents",
    "BenchOutcome",
    "DeviceDone",
    "DeviceOutcome",
    "DeviceStarted",
    "Log",
    "PartnerProgress",
    "Stop",
    "TestDone",
    "TrialDone",
    "TrialProgress",
    "TrialStarted",
    "run_bench",
]

_ELSEWHERE = {"run_bench": "profiler.bench.runner", "Stop": "profiler.bench.stop"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "profiler.bench.events")), name)
