"""The way to phones: the adb server and the usbmuxd of this computer, or such of our own with a
virtual fleet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol, TypeVar

from device_probes.android import AdbBench, PrivateServer, Server, SharedServer
from device_probes.android.ledger import Lease, Ledger, state_folder
from device_probes.driver import Driver
from device_probes.virtual import Clock, load_fleet
from device_probes.virtual.fleet_process import FleetProcess
from profiler.cli.parsing import UDID
from profiler.errors import DeviceError
from profiler.model import DeviceRef, Platform

if TYPE_CHECKING:
    from device_probes.ios.bench import IosBench
    from device_probes.web.bench import WebBench
    from profiler.plan import IosPlan


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

    Those with ``link = "adb"`` live in a process of their own behind a real adb server, those with
    ``link = "usbmux"`` in another behind a usbmuxd: the drivers meet them as they meet phones. The
    others are joined to their drivers here.
    """
    fleet = load_fleet(Path(file) if file else None)
    found: dict[str, Driver] = {d.ref.serial: d for d in fleet.drivers(clock, apart=apart)}
    links = {p.spec.link for p in fleet.phones()}
    with ExitStack() as stack:
        if "usbmux" in links:
            iphones = stack.enter_context(_virtual_iphones(file, clock, apart=apart))
            found |= {d.ref.serial: d for d in iphones}
        if "adb" in links:
            androids = stack.enter_context(_virtual_androids(file, clock, apart=apart))
            found |= {d.ref.serial: d for d in androids}
        yield [found[serial] for serial in fleet.serials]


@contextmanager
def _virtual_androids(
    file: str | None, clock: Clock | None, *, apart: bool
) -> Iterator[list[Driver]]:
    """The Android phones of a fleet behind an adb server of our own."""
    fleet = Path(file) if file else None
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="chirpbench-adb-")))
        server = PrivateServer(home / "server")
        stack.callback(server.close)
        # A second each, so at the same time; what goes wrong is met again by the bench.
        starting = threading.Thread(target=_started, args=(server,), name="adb server start")
        starting.start()
        port = server.adb.port
        phones = stack.enter_context(FleetProcess(fleet, clock, adb_server_port=port, apart=apart))
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
        yield list(bench.drivers())


@contextmanager
def ios_phones(apps: IosPlan | None = None) -> Iterator[list[Driver]]:
    """A driver for each iPhone that usbmuxd sees, whatever its state; none without a usbmuxd.

    ``apps`` are the plan's names of the apps on them. Raises
    :class:`~profiler.errors.InputError` when facebook-wda is not installed, or for a name in the
    environment that cannot be one.
    """
    with _following(_ios_bench(apps)) as bench:
        yield list(bench.drivers())


def _ios_bench(apps: IosPlan | None = None) -> IosBench:
    """The iPhones of this computer, with what it remembers of them."""
    from device_probes.ios.bench import IosBench
    from device_probes.ios.bundles import chosen
    from device_probes.ios.note import Notes
    from device_probes.ios.passcode import none_set

    home = state_folder()
    named = (apps.probe_bundle, apps.wda_bundle) if apps is not None else (None, None)
    return IosBench(
        leases=partial(Lease, home),
        ledger=Ledger(home),
        pictures=home / "screenshots",
        bundles=chosen(*named),
        notes=Notes(home),
        no_passcode=none_set(apps.no_passcode if apps is not None else None),
    )


@contextmanager
def _virtual_iphones(
    file: str | None, clock: Clock | None, *, apart: bool
) -> Iterator[list[Driver]]:
    """The iPhones of a fleet behind a usbmuxd of our own."""
    from device_probes.ios.bench import IosBench
    from device_probes.virtual.iphone_process import IphoneProcess

    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="chirpbench-mux-")))
        fleet = Path(file) if file else None
        phones = stack.enter_context(IphoneProcess(home / "usbmuxd", fleet, clock, apart=apart))
        names = {phone.udid: phone.serial for phone in phones}
        bench = IosBench(
            str(home / "usbmuxd"),
            platform=Platform.VIRTUAL,
            names=names,
            pace=clock.speed if clock is not None else 1.0,
            no_passcode=not any(phone.passcode for phone in phones),
        )
        stack.enter_context(_following(bench))
        bench.wait_for(names)
        yield list(bench.drivers())


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
    """End the quarantine of a phone that answers, and take from an iPhone what a bench that was
    killed has left on it; returns a line for people.

    Raises :class:`~profiler.errors.DeviceError` when it is not there, does not answer or is in use.
    """
    said = f"{serial} answers and may be used again"
    if UDID.fullmatch(serial):
        with _following(_ios_bench()) as bench:
            done = bench.release(serial)
        return f"{said}; {done}" if done else said
    with _following(AdbBench(SharedServer())) as phones:
        phones.release(serial)
    return said


def _started(server: Server) -> None:
    with suppress(DeviceError):
        server.ensure()


class _Followed(Protocol):
    """A bench of phones that come and go."""

    def start(self) -> None: ...

    def close(self) -> None: ...


B = TypeVar("B", bound=_Followed)


@contextmanager
def _following(bench: B) -> Iterator[B]:
    try:
        bench.start()
        yield bench
    finally:
        bench.close()
