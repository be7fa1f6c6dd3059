"""The plan of a ``run``: bench.toml, if any, and what the command line says on top."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from db.store import Store
from device_probes.driver import Driver
from profiler.bench.resume import find_earlier
from profiler.catalogue import SUITES
from profiler.cli.text import clean
from profiler.errors import InputError
from profiler.model import Platform
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


def with_zones(plan: BenchPlan, drivers: Sequence[Driver]) -> BenchPlan:
    """Virtual phones do not hear each other: without a plan file nobody waits for them."""
    audible = [d for d in drivers if d.ref.platform is not Platform.VIRTUAL]
    if plan.file is None and len(audible) <= 1:
        return replace(plan, separate_zones=True)
    return plan


def chosen(drivers: Sequence[Driver], plan: BenchPlan, serials: Sequence[str]) -> list[Driver]:
    """The drivers of the devices that are asked for, by serial or uid, and that the plan wants.

    Raises :class:`InputError` naming a serial that is not connected, or when none is left.
    """
    known = {name: d for d in drivers for name in (d.ref.serial, d.ref.uid)}
    for serial in serials:
        if serial not in known:
            there = [clean(d.ref.serial, 60) for d in drivers]
            more = f" and {len(there) - MAX_LISTED} more" if len(there) > MAX_LISTED else ""
            raise InputError(
                f"no device {clean(serial, 60)!r}",
                hint=f"connected: {', '.join(there[:MAX_LISTED])}{more}",
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
    """Serials the plan lists that are not connected."""
    there = {d.ref.serial for d in drivers}
    return [d.serial for d in plan.devices if d.serial not in there]
