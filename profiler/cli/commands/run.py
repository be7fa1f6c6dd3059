"""``chirpbench run``: the main job. Probe every device, analyse, store, print the summary."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from device_probes.driver import Driver
from profiler.cli.connect import connected, kinds
from profiler.cli.text import clean
from profiler.model import RunStatus

if TYPE_CHECKING:
    from profiler.plan import BenchPlan

EXIT_DEVICE = 1
EXIT_INTERRUPTED = 130


def execute(args: Namespace) -> int:
    """Run the bench; 0 when every planned device finished, whatever its verdicts are."""
    kinds(args)  # a wrong word is answered before anything is loaded or started
    from profiler.cli.benchplan import in_boxes, plan_of

    plan = plan_of(args)
    with connected(args, apart=in_boxes(args, plan), partner=plan.partner, ios=plan.ios) as drivers:
        return _run(args, plan, drivers)


def _run(args: Namespace, plan: BenchPlan, drivers: list[Driver]) -> int:
    from profiler.bench import run_bench
    from profiler.cli.benchplan import absent, chosen, helper_of, places_of, resumed, with_zones
    from profiler.cli.live import watching
    from profiler.cli.place import open_store, same_store, store_url
    from profiler.cli.run_report import report

    missing = absent(drivers, plan)
    for serial in missing:
        print(f"chirpbench run: {clean(serial, 60)} is not connected", file=sys.stderr)
    helper = helper_of(drivers, plan)
    drivers = chosen(drivers, plan, args.serials)
    plan = with_zones(plan, drivers, places_of(args, plan))
    url = store_url(args, plan.store)
    with open_store(url, create=args.resume is None) as store:
        drivers = resumed(store, plan, args, drivers)
        with watching([d.ref for d in drivers], plain=args.plain) as observe:
            outcome = run_bench(
                plan, [*drivers, *helper], store, observe=observe, resume=args.resume
            )
        report(outcome, store, as_json=args.json, again=same_store(args, url, store.name))
    if outcome.cancelled:
        return EXIT_INTERRUPTED
    finished = all(d.run is not None and d.run.status is RunStatus.OK for d in outcome.devices)
    return 0 if finished and not missing else EXIT_DEVICE
