"""Numbers of the Android driver, on virtual phones behind the real adb server."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import speed

from device_probes.android import AndroidDriver
from device_probes.android.assets import probe_package
from device_probes.driver import Play, Progress
from profiler.cli.phones import virtual_phones
from profiler.model import TrialRequest
from profiler.stimulus import stability_train

CONTACTS = 5
TRIAL_S = 30.0
MANY = 32


class Rows(Protocol):
    def row(self, what: str, reached: str, target: str, ok: bool) -> None: ...


def measure(table: Rows) -> None:
    """All rows about phones."""
    with tempfile.TemporaryDirectory() as folder:
        one = fleet_file(Path(folder), 1)
        contact = first_contact_s(one)
        table.row(
            "first contact to first trial, probe current, median of 5",
            f"{contact:.2f} s", "<= 2 s", contact <= 2,
        )  # fmt: skip
        share = driver_cpu_share(one)
        table.row(
            f"driver CPU while a {TRIAL_S:g} s trial runs, fetch included",
            f"{100 * share:.2f} % of a core", "<= 1 %", share <= 0.01,
        )  # fmt: skip
        listing = listed_s(fleet_file(Path(folder), MANY))
        table.row(
            f"{MANY} virtual phones connected, listed, facts read",
            f"{listing:.2f} s", "<= 5 s", listing <= 5,
        )  # fmt: skip
    size = len(probe_package().data)
    table.row("size of the probe's package", f"{size / 1000:.1f} kB", "<= 200 kB", size <= 200_000)


def fleet_file(folder: Path, phones: int) -> Path:
    path = folder / f"fleet-{phones}.toml"
    path.write_text("".join(speed._phones(phones)), encoding="utf-8")
    return path


def first_contact_s(fleet: Path) -> float:
    """From the first call to a driver that knows nothing of the phone to the trial's first word.

    The phone has the probe already; the driver is new each time, so that nothing is remembered.
    """
    found = []
    with virtual_phones(str(fleet), None) as drivers:
        (driver,) = drivers
        driver.connect()
        driver.close()
        assert isinstance(driver, AndroidDriver)
        for _ in range(CONTACTS):
            fresh = AndroidDriver(driver.ref, driver.ref.serial, driver._lease, driver._bench)
            began = time.perf_counter()
            first: list[float] = []

            def note(_: Progress, first: list[float] = first) -> None:
                first.append(time.perf_counter())

            fresh.connect()
            fresh.run(TrialRequest(warmup_s=0.0, duration_s=0.1), (), note)
            found.append(first[0] - began)
            fresh.close()
    return statistics.median(found)


def driver_cpu_share(fleet: Path) -> float:
    """CPU time of this process, in which only the driver works, over the time of a trial."""
    spec = stability_train(1, duration_s=TRIAL_S)
    request = TrialRequest(warmup_s=0.2, duration_s=TRIAL_S)
    with virtual_phones(str(fleet), None) as drivers:
        (driver,) = drivers
        driver.connect()
        driver.run(replace(request, duration_s=0.5), (Play(spec),), lambda _: None)  # loads it
        cpu, wall = time.process_time(), time.perf_counter()
        driver.run(request, (Play(spec),), lambda _: None)
        share = (time.process_time() - cpu) / (time.perf_counter() - wall)
        driver.close()
    return share


def listed_s(fleet: Path) -> float:
    """From nothing (no server, no phones) to the facts of all of them."""
    began = time.perf_counter()
    with virtual_phones(str(fleet), None) as drivers:
        ready = time.perf_counter() - began
        facts = _inspected(drivers)
        whole = time.perf_counter() - began
    assert len({f.model for f in facts}) == MANY
    print(f"    of it until all are listed, server and phones started: {ready:.2f} s")
    return whole


def _inspected(drivers: Sequence[object]) -> list:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda d: d.inspect(), drivers))
