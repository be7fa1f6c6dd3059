"""Bench plans: bench.toml in, :class:`BenchPlan` out."""

from profiler.plan.load import load_plan, parse_plan
from profiler.plan.model import (
    SHARED_ZONE,
    BenchPlan,
    DevicePlan,
    Gates,
    IosPlan,
    PartnerPlan,
    Timeouts,
)

__all__ = [
    "SHARED_ZONE",
    "BenchPlan",
    "DevicePlan",
    "Gates",
    "IosPlan",
    "PartnerPlan",
    "Timeouts",
    "load_plan",
    "parse_plan",
]
