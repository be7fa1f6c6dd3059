"""The bench: the one place that joins drivers, analysis, catalogue and store."""

from profiler.bench.events import (
    BenchEvent,
    BenchEvents,
    BenchOutcome,
    DeviceDone,
    DeviceOutcome,
    DeviceStarted,
    Log,
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
    "Stop",
    "TestDone",
    "TrialDone",
    "TrialProgress",
    "TrialStarted",
    "run_bench",
]
