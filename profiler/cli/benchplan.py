"""The plan of a ``run``: bench.toml, if any, and what the command line says on top."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from db.store import Store
from device_probes.driver import Driver
from profiler.bench.resume import find_earlier
from profiler.catalogue import SUITES, wants_partner
from profiler.cli.connect import kinds, virtual_hint
from profiler.cli.text import clean
from profiler.errors import InputError
from profiler.model import DeviceRef, Platform
from profiler.plan import BenchPlan, load_plan

MAX_LISTED = 12


def plan_of(args: Namespace) -> BenchPlan:
    """Read the plan. Raises :class:`PlanError` and :class:`InputError`."""
    plan = load_plan(Path(args.bench)) if args.bench else BenchPlan()
    if args.suite is not None:
        if args.suite not in SUITES:
            raise InputError(
                f"no suite {clean(args.suite, 40)!r}", hint=f"allowed: {', '.join(SUITES)}"
            )
        plan = plan.with_suite(args.suite)
    if args.seed is not None:
        # The name and the serial choose a device's gap pattern.
        plan = replace(plan, name=f"{plan.name}-{args.seed}")
    return plan


def in_boxes(args: Namespace, plan: BenchPlan) -> bool:
    """Whether every virtual phone is to be in a box of its own, where it hears only itself.

    Without a plan file that is so unless a test of the plan wants a partner; on a clock that
    never waits no two phones sound together anyway.
    """
    if plan.file is not None:
        return plan.separate_zones and not any(d.zone for d in plan.devices)
    return bool(args.fast) or not wants_partner(plan.tests)


def with_zones(
    plan: BenchPlan, drivers: Sequence[Driver], places: Mapping[str, str] = MappingProxyType({})
) -> BenchPlan:
    """Where the virtual phones are: in ``places`` (zone by uid), the others alone.

    In a plan with a file they are where the plan puts all devices.
    """
    audible = [d for d in drivers if d.ref.platform is not Platform.VIRTUAL]
    if plan.file is None and len(audible) <= 1:
        plan = replace(plan, separate_zones=True)
    return replace(plan, places=tuple(sorted(places.items())))


def places_of(args: Namespace, plan: BenchPlan) -> dict[str, str]:
    """Zone by uid of the virtual phones that hear each other, as the fleet file has them.

    Raises :class:`PlanError` for a wrong fleet file.
    """
    from device_probes.virtual import load_fleet

    if Platform.VIRTUAL not in kinds(args) or in_boxes(args, plan):
        return {}
    zones = load_fleet(Path(args.virtual) if args.virtual else None).zones()
    return {DeviceRef(Platform.VIRTUAL, serial).uid: zone for serial, zone in zones.items()}


def chosen(drivers: Sequence[Driver], plan: BenchPlan, serials: Sequence[str]) -> list[Driver]:
    """The drivers of the devices that are asked for, by serial or uid, and that the plan wants.

    Raises :class:`InputError` naming a serial that is not connected, or when none is left.
    """
    known = {name: d for d in drivers for name in (d.ref.serial, d.ref.uid)}
    for serial in serials:
        if serial not in known:
            there = [clean(d.ref.serial, 60) for d in drivers]
            more = f" and {len(there) - MAX_LISTED} more" if len(there) > MAX_LISTED else ""
            fleet = any(d.ref.platform is Platform.VIRTUAL for d in drivers)
            raise InputError(
                f"no device {clean(serial, 60)!r}",
                hint=("" if fleet else virtual_hint([serial]))
                or f"connected: {', '.join(there[:MAX_LISTED])}{more}",
            )
    named = {known[serial].ref.uid for serial in serials}
    wanted = named or {d.ref.uid for d in (drivers if plan.devices else one_interface(drivers))}
    found = [d for d in drivers if d.ref.uid in wanted and plan.wants(d.ref)]
    if not found:
        raise InputError(
            "none of its devices is connected",
            file=str(plan.file or ""),
            hint=f"connected: {', '.join(clean(d.ref.serial, 60) for d in drivers[:MAX_LISTED])}",
        )
    return found


def helper_of(drivers: Sequence[Driver], plan: BenchPlan) -> list[Driver]:
    """The plan's partner, when it is connected and not measured itself; at most one."""
    return [d for d in drivers if plan.only_partner(d.ref)][:1]


def resumed(store: Store, plan: BenchPlan, args: Namespace, drivers: list[Driver]) -> list[Driver]:
    """Of a bench that is gone on with only its own devices, unless serials are given.

    Raises :class:`InputError` when there is nothing to go on with, or none of them is connected.
    """
    if args.resume is None or args.serials:
        return drivers
    earlier = find_earlier(store, plan, args.resume)
    found = [d for d in drivers if d.ref.uid in earlier.runs]
    if not found:
        raise InputError(
            f"no device of run {earlier.bench_uuid} is connected",
            hint=f"it had: {', '.join(clean(uid, 60) for uid in list(earlier.runs)[:MAX_LISTED])}",
        )
    return found


def one_interface(drivers: Sequence[Driver]) -> list[Driver]:
    """Without a choice only the default sound interface is measured.

    A host lists the same hardware once for each of its sound systems, and more than once in ALSA.
    """
    host = [d for d in drivers if d.ref.platform is Platform.HOST]
    return [d for d in drivers if d not in host[1:]]


def absent(drivers: Sequence[Driver], plan: BenchPlan) -> list[str]:
    """Devices the plan lists, its partner included, that are not connected."""
    there = {d.ref.serial for d in drivers}
    missing = [d.serial for d in plan.devices if d.serial not in there]
    if plan.partner is not None and not any(plan.partner.is_(d.ref) for d in drivers):
        missing.append(plan.partner.serial or f"the {plan.partner.probe} partner")
    return missing
