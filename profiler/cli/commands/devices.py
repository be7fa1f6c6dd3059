"""``chirpbench devices``: what is connected, what it is, and in what state."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from device_probes.driver import Driver
from profiler.cli.connect import kinds, listed, nothing_connected
from profiler.cli.jsonlines import plain, print_json
from profiler.cli.result_tables import model_name
from profiler.cli.tables import show, table
from profiler.cli.text import clean
from profiler.errors import DeviceError
from profiler.model import DeviceFacts, DeviceRef, Platform

READY = "ready"


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """A device that is there; ``state`` is ``ready``, or what is wrong and the next step."""

    ref: DeviceRef
    facts: DeviceFacts | None
    state: str


def execute(args: Namespace) -> int:
    """List every device of the kinds that are asked for; 0 also when there is none."""
    asked = kinds(args) or (Platform.HOST,)
    try:
        drivers = listed(asked, args.virtual)
    except DeviceError as exc:
        if args.probe:
            raise
        print(f"chirpbench devices: {clean(exc)}", file=sys.stderr)
        drivers = []
    found = list(look(drivers))
    if args.json:
        for device in found:
            print_json({"kind": "device", "uid": device.ref.uid, **plain(device)})
    elif found:
        show(_table(found))
    if not found:
        print(f"chirpbench devices: {nothing_connected(asked)}; try --virtual", file=sys.stderr)
    return 0


def look(drivers: Sequence[Driver]) -> Iterator[SeenDevice]:
    """Ask each device for its facts and leave it as it was."""
    for driver in drivers:
        try:
            facts = driver.connect()
            yield SeenDevice(driver.ref, facts, READY)
        except DeviceError as exc:
            yield SeenDevice(driver.ref, None, str(exc))
        finally:
            driver.close()


def _table(found: Sequence[SeenDevice]) -> Table:
    columns = ("serial", "probe", "model", "SoC", "system", ">native Hz", "state")
    return table("", columns, [_row(device) for device in found])


def _row(device: SeenDevice) -> tuple[object, ...]:
    ref, facts = device.ref, device.facts
    if facts is None:
        return ref.serial, ref.platform.value, clean(ref.label, 60), "", "", "", device.state
    return (
        ref.serial,
        ref.platform.value,
        model_name(facts),
        facts.soc,
        f"{facts.os_name} {facts.os_version}",
        str(facts.native_rate_hz or "–"),
        device.state,
    )
