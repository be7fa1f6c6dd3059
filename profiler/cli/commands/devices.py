"""``chirpbench devices``: what is connected, what it is, and in what state."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.table import Table

from device_probes.driver import Driver, Inspects
from profiler.cli.connect import PHONES, kinds, listed, nothing_connected
from profiler.cli.jsonlines import plain, print_json
from profiler.cli.result_tables import model_name
from profiler.cli.tables import show, table
from profiler.cli.text import clean, said_of
from profiler.cli.web_arguments import LINK, web_choice
from profiler.errors import DeviceError, DeviceNotReady, InputError
from profiler.model import DeviceFacts, DeviceRef, DeviceState, Platform

AT_ONCE = 16
"""Devices asked at the same time: most of an answer is waiting for the device."""


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """A device that is there."""

    ref: DeviceRef
    facts: DeviceFacts | None
    state: str
    """A :class:`~profiler.model.DeviceState`, or ``error`` when it did not answer."""
    problem: str = ""
    """What is wrong and the next step, unless it is ready."""


def execute(args: Namespace) -> int:
    """List every device of the kinds that are asked for; 0 also when there is none."""
    if args.release is not None:
        if not args.release.strip():
            raise InputError("--release needs a serial", hint="'chirpbench devices' lists them")
        if args.virtual is not None:
            raise InputError("virtual phones do not rest", hint="leave out --virtual")
        return _release(args.release)
    named, browsers = kinds(args), web_choice(args)
    asked = named or (*PHONES, Platform.HOST)
    if LINK in browsers.browsers:
        raise InputError(
            "a browser that opens a link joins a run", hint="'chirpbench run --browser link'"
        )
    found: list[SeenDevice] = []
    for kind in asked:
        try:
            with listed((kind,), args.virtual, browsers=browsers) as drivers:
                found += look(drivers)
        except (DeviceError, InputError) as exc:
            if named:
                raise
            about = f"{kind.value}: " if isinstance(exc, InputError) else ""
            print(f"chirpbench devices: {about}{clean(exc)}", file=sys.stderr)
    if args.json:
        for device in found:
            print_json({"kind": "device", "uid": device.ref.uid, **plain(device)})
    elif found:
        show(_table(found))
        _print_problems(found)
    if not found:
        print(f"chirpbench devices: {nothing_connected(asked)}; try --virtual", file=sys.stderr)
    return 0


def look(drivers: Sequence[Driver]) -> list[SeenDevice]:
    """Ask each device for its facts and leave it as it was."""
    if not drivers:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(drivers))) as pool:
        return list(pool.map(_look, drivers))


def _look(driver: Driver) -> SeenDevice:
    try:
        facts = driver.inspect() if isinstance(driver, Inspects) else driver.connect()
        return SeenDevice(driver.ref, facts, DeviceState.READY.value)
    except DeviceNotReady as exc:
        return SeenDevice(driver.ref, None, exc.state, str(exc))
    except DeviceError as exc:
        return SeenDevice(driver.ref, None, "error", str(exc))
    finally:
        driver.close()


def _release(serial: str) -> int:
    from profiler.cli.phones import release

    print(release(serial))
    return 0


def _print_problems(found: Sequence[SeenDevice]) -> None:
    for device in found:
        if device.problem:
            print(said_of(device.ref, device.problem))


def _table(found: Sequence[SeenDevice]) -> Table:
    columns = ("serial", "probe", "by", "model", "SoC", "system", ">native Hz", "state")
    return table("", columns, [_row(device) for device in found])


def _row(device: SeenDevice) -> tuple[object, ...]:
    ref, facts = device.ref, device.facts
    head = (ref.serial, ref.platform.value, ref.transport)
    if facts is None:
        return *head, clean(ref.label, 60), "", "", "", device.state
    return (
        *head,
        model_name(facts),
        facts.soc,
        f"{facts.os_name} {facts.os_version}",
        str(facts.native_rate_hz or "–"),
        device.state,
    )
