"""What the workers of one bench share, and why a run ends before its plan does."""

from __future__ import annotations

from dataclasses import dataclass

from db.store import Store
from profiler.bench.events import BenchEvents
from profiler.bench.partners import Partners
from profiler.bench.stop import Stop
from profiler.bench.zones import Zones
from profiler.model import Reason, RunStatus
from profiler.plan import BenchPlan


@dataclass(frozen=True, slots=True)
class Bench:
    """One invocation on several devices."""

    bench_uuid: str
    plan: BenchPlan
    store: Store
    zones: Zones
    partners: Partners
    stop: Stop
    observe: BenchEvents


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The early end of one device's run."""

    status: RunStatus
    reason: Reason
    text: str
    """One line for people."""


CANCELLED = RunEnd(RunStatus.CANCELLED, Reason.CANCELLED, "cancelled")
