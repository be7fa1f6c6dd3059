"""bench.toml to :class:`BenchPlan`, with complaints a person can act on."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from profiler.catalogue import SUITES, expand
from profiler.model import TrialRequest
from profiler.plan.model import (
    SHARED_ZONE,
    BenchPlan,
    DevicePlan,
    Gates,
    IosPlan,
    PartnerPlan,
    Timeouts,
)
from profiler.plan.schema import PartnerTable, PlanTable
from profiler.tomlfile import parse_toml, read_toml

T = TypeVar("T")


def load_plan(path: Path) -> BenchPlan:
    """Read a plan file. Raises :class:`PlanError` with every complaint, one a line."""
    return _plan(read_toml(path, PlanTable), path)


def parse_plan(data: bytes, *, file: str = "bench.toml") -> BenchPlan:
    """Parse the bytes of a plan file; ``file`` only names it in complaints."""
    return _plan(parse_toml(data, PlanTable, file=file), Path(file))


def _plan(table: PlanTable, file: Path) -> BenchPlan:
    suite = table.suite or ("custom" if table.tests else "smoke")
    return BenchPlan(
        name=table.name,
        suite=suite,
        tests=expand(table.tests or SUITES[suite]),
        devices=tuple(
            DevicePlan(
                serial=d.serial,
                probe=d.probe,
                zone=d.zone,
                repeats=d.repeats,
                rates_hz=tuple(d.rates_hz),
                volumes=tuple(d.volumes),
            )
            for d in table.devices
        ),
        separate_zones=table.zones == "separate",
        repeats=table.repeats,
        rates_hz=_once(table.rates_hz),
        volumes=_once(table.volumes),
        buffer_bursts=_once(table.buffer_bursts),
        buffer_frames=_once(table.buffer_frames),
        apis=_once(table.apis),
        operator=table.operator,
        partner=_partner(table.partner),
        partner_distance_m=table.partner_distance_m or 0.0,
        ios=IosPlan(**table.ios.model_dump()),
        base=TrialRequest(**table.path.model_dump()),
        store=table.store,
        timeouts=Timeouts(**table.timeouts.model_dump()),
        gates=Gates(**table.gates.model_dump()),
        file=file,
    )


def _partner(table: PartnerTable | None) -> PartnerPlan | None:
    if table is None:
        return None
    return PartnerPlan(table.probe, table.serial, table.zone or SHARED_ZONE)


def _once(values: list[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))
