"""All devices of a bench at once: one worker thread each, one place that waits for them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from db.store import Store
from device_probes.driver import Driver
from profiler.analysis.memory import reuse_freed_memory
from profiler.bench.context import Bench
from profiler.bench.driving import CANCEL_EVERY_S
from profiler.bench.events import (
    BenchEvents,
    BenchOutcome,
    DeviceOutcome,
    Log,
    nobody,
    one_at_a_time,
)
from profiler.bench.link import DeviceLink
from profiler.bench.partners import Partners
from profiler.bench.progress import shown
from profiler.bench.resume import find_earlier, held
from profiler.bench.stop import Stop, interrupts
from profiler.bench.worker import DeviceWorker
from profiler.bench.zones import Zones
from profiler.errors import DeviceError, InputError
from profiler.model import RunRecord
from profiler.plan import BenchPlan

_LOOK_S = 0.2
"""How often a stop that another thread asked for is noticed."""


def run_bench(
    plan: BenchPlan,
    drivers: Sequence[Driver],
    store: Store,
    *,
    observe: BenchEvents = nobody,
    resume: str | None = None,
    stop: Stop | None = None,
) -> BenchOutcome:
    """Run ``plan`` on every driver's device, in parallel, committing each trial at once.

    Drivers that the plan names only as a partner are not measured and not in the outcome.
    ``resume`` is ``None`` for a new bench, ``""`` for the newest unfinished one of the same
    plan, or its UUID; trials that have an outcome are kept. Drivers are closed at the end.
    Device faults end in the outcome, not in an exception. On the main thread the first SIGINT or
    SIGTERM stops cleanly (as ``stop.request()`` does from anywhere) and the second raises
    ``KeyboardInterrupt``. Raises :class:`InputError` for a device given twice or nothing to
    resume or that another process is at, and :class:`~profiler.errors.StoreError` when the store
    cannot be read.
    """
    began = time.monotonic()
    _refuse_twice(drivers)
    reuse_freed_memory()
    earlier = find_earlier(store, plan, resume)
    name, stop = earlier.bench_uuid, stop or Stop()
    measured = [d.ref for d in drivers if not plan.only_partner(d.ref)]
    with held(store, name), shown(store, name, plan, measured, observe) as told:
        bench = Bench(name, plan, store, Zones(), Partners(), stop, one_at_a_time(told))
        if resume is not None:  # the one who held it before may have gone on with it
            earlier = find_earlier(store, plan, name)
        workers = _workers(bench, drivers, earlier.runs)
        outcomes = _run_all(workers, bench)
        bench.partners.close_all()
    return BenchOutcome(
        bench_uuid=name,
        devices=tuple(outcomes[i] for i in range(len(workers))),
        cancelled=stop.requested,
        wall_s=time.monotonic() - began,
    )


def _workers(
    bench: Bench, drivers: Sequence[Driver], runs: Mapping[str, RunRecord]
) -> list[DeviceWorker]:
    """One for each device that is measured; those that only help are known to the others."""
    for driver in drivers:
        if bench.plan.only_partner(driver.ref):
            DeviceLink(bench, driver)
    measured = [d for d in drivers if not bench.plan.only_partner(d.ref)]
    return [DeviceWorker(bench, d, runs.get(d.ref.uid)) for d in measured]


def _run_all(workers: Sequence[DeviceWorker], bench: Bench) -> dict[int, DeviceOutcome]:
    # SimpleQueue.put is re-entrant, so a signal handler may use it; locks and events are not.
    messages: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    outcomes: dict[int, DeviceOutcome] = {}

    def work(i: int) -> None:
        try:
            outcomes[i] = workers[i].run()
        finally:
            messages.put(i)

    running = set(range(len(workers)))
    # Daemons: a second Ctrl-C ends the process although a driver may still be waiting.
    threads = [
        threading.Thread(target=work, args=(i,), name=str(w.driver.ref), daemon=True)
        for i, w in enumerate(workers)
    ]
    with interrupts(lambda: messages.put(None)):
        for thread in threads:
            thread.start()
        cancelled_at = 0.0
        while running:
            with suppress(queue.Empty):
                message = messages.get(timeout=_LOOK_S)
                if message is None:
                    bench.stop.request()
                else:
                    running.discard(message)
            if bench.stop.requested and time.monotonic() - cancelled_at > CANCEL_EVERY_S:
                if not cancelled_at:
                    bench.observe(Log("warning", "stopping: running trials are cancelled"))
                cancelled_at = time.monotonic()
                _cancel([workers[i].driver for i in running])
        for thread in threads:
            thread.join()
    return outcomes


def _cancel(drivers: Sequence[Driver]) -> None:
    for driver in drivers:
        with suppress(DeviceError):  # it is gone already
            driver.cancel()


def _refuse_twice(drivers: Sequence[Driver]) -> None:
    seen: set[str] = set()
    for driver in drivers:
        if driver.ref.uid in seen:
            raise InputError(
                f"device {driver.ref.uid} is given twice",
                hint="list each serial once; two phones with one serial cannot be told apart",
            )
        seen.add(driver.ref.uid)
