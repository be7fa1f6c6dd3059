"""The way to phones: the adb server of this computer, or one of our own with a virtual fleet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from device_probes.android import AdbBench, PrivateServer, Server, SharedServer
from device_probes.driver import Driver
from device_probes.virtual import Clock, load_fleet
from device_probes.virtual.fleet_process import FleetProcess
from profiler.errors import DeviceError
from profiler.model import DeviceRef, Platform

if TYPE_CHECKING:
    from device_probes.web.bench import WebBench


@contextmanager
def android_phones() -> Iterator[list[Driver]]:
    """A driver for each phone that adb sees, whatever its state.

    Raises :class:`~profiler.errors.DeviceError` when there is no adb server to be had.
    """
    with _following(AdbBench(SharedServer())) as bench:
        yield list(bench.drivers())


@contextmanager
def virtual_phones(
    file: str | None, clock: Clock | None, *, apart: bool = False
) -> Iterator[list[Driver]]:
    """A driver for each phone of a fleet, in its order; ``apart`` none hears another.

    Those with ``link = "adb"`` live in a process of their own behind a real adb server, and the
    Android driver meets them as it meets a phone; the others are joined to their drivers here.
    """
    fleet = load_fleet(Path(file) if file else None)
    found: dict[str, Driver] = {d.ref.serial: d for d in fleet.drivers(clock, apart=apart)}
    behind_adb = [p.serial for p in fleet.phones() if p.spec.link == "adb"]
    with ExitStack() as stack:
        if behind_adb:
            home = Path(stack.enter_context(TemporaryDirectory(prefix="chirpbench-adb-")))
            server = PrivateServer(home / "server")
            stack.callback(server.close)
            # A second each, so at the same time; what goes wrong is met again by the bench.
            starting = threading.Thread(target=_started, args=(server,), name="adb server start")
            starting.start()
            phones = stack.enter_context(
                FleetProcess(
                    Path(file) if file else None,
                    clock,
                    adb_server_port=server.adb.port,
                    apart=apart,
                )
            )
            starting.join()
            names = {phone.address: phone.serial for phone in phones}
            bench = AdbBench(
                server,
                home / "state",
                platform=Platform.VIRTUAL,
                names=names,
                pace=clock.speed if clock is not None else 1.0,
            )
            stack.enter_context(_following(bench))
            bench.connect_addresses(list(names))
            found |= {d.ref.serial: d for d in bench.drivers()}
        yield [found[serial] for serial in fleet.serials]


@contextmanager
def phone_browsers(bench: WebBench) -> Iterator[list[Driver]]:
    """A driver for the browser of each phone that adb sees, whatever its state.

    Raises :class:`~profiler.errors.DeviceError` when there is no adb server to be had.
    """
    from device_probes.web.phone import PhoneOpener

    with _following(AdbBench(SharedServer())) as adb:
        yield [bench.opened_by(_page_on(phone.ref), PhoneOpener(phone)) for phone in adb.browsers()]


def _page_on(phone: DeviceRef) -> DeviceRef:
    """A phone's browser is a device of its own beside the phone."""
    label = f"browser of {phone.label}" if phone.label else "browser"
    return DeviceRef(Platform.WEB, phone.serial, label, phone.transport)


def release(serial: str) -> str:
    """End the quarantine of a phone that answers; returns a line for people.

    Raises :class:`~profiler.errors.DeviceError` when it is not there or does not answer.
    """
    with _following(AdbBench(SharedServer())) as bench:
        bench.release(serial)
    return f"{serial} answers and may be used again"


def _started(server: Server) -> None:
    with suppress(DeviceError):
        server.ensure()


@contextmanager
def _following(bench: AdbBench) -> Iterator[AdbBench]:
    try:
        bench.start()
        yield bench
    finally:
        bench.close()
