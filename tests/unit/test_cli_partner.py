"""The plan's partner on the command line: looked for, not measured, missed when it is away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bench_fleets as fleets

from profiler.cli.arguments import build_parser
from profiler.cli.benchplan import absent, chosen, helper_of
from profiler.cli.connect import connected
from profiler.plan import BenchPlan, DevicePlan, PartnerPlan

DRIVERS = fleets.phones("A", "B", "P")
PLAN = BenchPlan(partner=PartnerPlan("virtual", "P"), file=Path("bench.toml"))


def serials(drivers: object) -> list[str]:
    return [d.ref.serial for d in drivers]  # type: ignore[attr-defined]


def test_it_helps_and_is_not_measured() -> None:
    assert serials(chosen(DRIVERS, PLAN, [])) == ["A", "B"]
    assert serials(helper_of(DRIVERS, PLAN)) == ["P"]
    assert absent(DRIVERS, PLAN) == []
    assert helper_of(DRIVERS, BenchPlan()) == []


def test_one_that_is_listed_as_a_device_is_measured_like_the_others() -> None:
    plan = replace(PLAN, devices=(DevicePlan("A"), DevicePlan("P")))
    assert serials(chosen(DRIVERS, plan, [])) == ["A", "P"]
    assert helper_of(DRIVERS, plan) == []


def test_one_without_a_serial_is_the_first_of_its_kind() -> None:
    plan = replace(PLAN, partner=PartnerPlan("virtual"))
    assert serials(helper_of(DRIVERS, plan)) == ["A"]


def test_one_that_is_away_is_missed() -> None:
    assert absent(DRIVERS[:2], PLAN) == ["P"]
    assert absent(DRIVERS, replace(PLAN, partner=PartnerPlan("host"))) == ["the host partner"]


def test_it_is_looked_for_beside_what_the_command_line_asks_for(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.toml"
    one = fleets.PHONE.format(serial="A", latency_ms=20.0, more="").replace("Android", "Other")
    fleet.write_text("version = 1\n" + one)
    args = build_parser().parse_args(["run", f"--virtual={fleet}", "--fast"])
    with connected(args, partner=PartnerPlan("virtual", "A")) as found:
        assert serials(found) == ["A"]
