"""Where the command line puts virtual phones: alone in boxes, or where their fleet file says."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest

from device_probes.virtual import load_fleet
from profiler.catalogue import TESTS, wants_partner
from profiler.cli.arguments import build_parser
from profiler.cli.benchplan import in_boxes, places_of, with_zones
from profiler.model import DeviceRef, Platform
from profiler.plan import BenchPlan, DevicePlan

DRIVERS = load_fleet().drivers()
ALONE = BenchPlan(tests=tuple(t for t in TESTS if not TESTS[t].partner))
FROM_FILE = replace(ALONE, file=Path("bench.toml"))


def args(**changes: object) -> Namespace:
    return Namespace(**{**vars(build_parser().parse_args(["run", "--virtual="])), **changes})


def ref(serial: str, platform: Platform = Platform.VIRTUAL) -> DeviceRef:
    return DeviceRef(platform, serial)


def placed(plan: BenchPlan, **changes: object) -> BenchPlan:
    return with_zones(plan, DRIVERS, places_of(args(**changes), plan))


def test_nobody_waits_for_a_phone_that_it_does_not_hear() -> None:
    assert in_boxes(args(), ALONE)
    plan = placed(ALONE)
    assert {plan.zone(d.ref) for d in DRIVERS} == {d.ref.uid for d in DRIVERS}


def test_with_a_plan_file_a_phone_is_where_its_fleet_says_unless_the_plan_moves_it() -> None:
    moved = replace(FROM_FILE, devices=(DevicePlan("VP02", zone="hall"),))
    plan = placed(moved)
    assert not in_boxes(args(), moved)
    assert plan.zone(ref("VP02")) == "hall"
    assert plan.zone(ref("VP03")) == "left"
    assert plan.zone(ref("VP01")) == plan.zone(ref("phone", Platform.ANDROID)) == "bench"


def test_separate_zones_of_a_plan_are_boxes() -> None:
    separate = replace(FROM_FILE, separate_zones=True)
    assert in_boxes(args(), separate)
    assert placed(separate).places == ()
    assert not in_boxes(args(), replace(separate, devices=(DevicePlan("VP02", zone="hall"),)))


def test_without_virtual_phones_there_are_no_places() -> None:
    assert places_of(args(virtual=None, probe=["host"]), FROM_FILE) == {}


def test_the_places_do_not_depend_on_the_chosen_phones() -> None:
    plans = [with_zones(FROM_FILE, d, places_of(args(), FROM_FILE)) for d in (DRIVERS, DRIVERS[:2])]
    assert plans[0].sha256 == plans[1].sha256


@pytest.mark.skipif(not any(t.partner for t in TESTS.values()), reason="no test has a partner yet")
def test_a_test_that_wants_a_partner_brings_the_phones_together() -> None:
    helped = next(t for t in TESTS if TESTS[t].partner)
    assert wants_partner((helped, "L1")) == (helped,)
    plan = replace(ALONE, tests=(helped,))
    assert not in_boxes(args(), plan)
    assert placed(plan).zone(ref("VP02")) == placed(plan).zone(ref("VP03")) == "left"
    assert placed(plan).zone(ref("VP01")) == "virtual:VP01"
    # A clock that never waits knows no "at the same time".
    assert in_boxes(args(fast=True), plan)
