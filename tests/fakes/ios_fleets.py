"""The iPhones' driver on virtual iPhones behind a usbmuxd of our own; facebook-wda is real."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from device_probes.client import Deadlines
from device_probes.driver import Capture, Play
from device_probes.ios.agent import AgentDeadlines
from device_probes.ios.bench import IosBench
from device_probes.ios.bundles import Bundles
from device_probes.ios.driver import IosDriver
from device_probes.ios.note import Notes
from device_probes.ios.settings import IosDeadlines, Lease, Ledger
from device_probes.virtual import Clock
from device_probes.virtual.driver import fleet_from_toml
from device_probes.virtual.usbmuxd import UsbmuxDaemon, VirtualIphone, make_iphones
from device_probes.virtual.usbmuxd.state import HOME_BUNDLE
from profiler.model import Platform, TrialRequest
from profiler.stimulus import make_train

PHONE = """
[[phone]]
serial = "{serial}"
manufacturer = "Apple"
model = "{model}"
marketing_name = "iPhone {serial}"
soc = "A15"
os_name = "iOS"
os_version = "17.5"
os_build = "21F79"
link = "usbmux"
low_latency = true
{head}
[phone.streams]
routes = ["speaker", "earpiece"]
[phone.latency]
api_ms = {{ coreaudio_remote_io = {latency_ms}, coreaudio_voice_processing = 41.8 }}
spread = "none"
[phone.acoustics]
reflections = []
{tail}
"""
CANCELS = """[phone.processing]
aec = "on_request"
ns = "on_request"
agc = "on_request"
[phone.processing.canceller]
kind = "ideal"
"""
"""Tables of a phone whose voice-processing unit does what it is asked."""
PROBE = "org.chirpbench.probe"
CALM = IosDeadlines(
    probe=Deadlines(hello_s=20.0, facts_s=20.0, load_s=20.0, open_s=20.0, cancel_s=5.0),
    agent=AgentDeadlines(status_s=20, launch_s=40, terminate_s=20, ask_s=20, screenshot_s=20),
    mux_s=20.0, facts_s=20.0, open_s=20.0, replug_s=1.0, close_s=20.0,
)  # fmt: skip
"""For phones of which none freezes: a busy machine may take long, and nobody waits in vain."""
QUICK = IosDeadlines(
    probe=Deadlines(hello_s=4.0, facts_s=4.0, load_s=5.0, open_s=5.0, cancel_s=2.0),
    agent=AgentDeadlines(status_s=4, launch_s=12, terminate_s=8, ask_s=8, screenshot_s=8),
    mux_s=5.0, facts_s=5.0, open_s=5.0, replug_s=1.0, close_s=6.0,
)  # fmt: skip
"""Enough for phones that never wait on a busy machine, short enough for those that freeze."""
IMPATIENT = replace(
    QUICK, probe=replace(QUICK.probe, hello_s=2.0, facts_s=2.0, load_s=2.0, open_s=2.0),
    agent=AgentDeadlines(status_s=2, launch_s=4, terminate_s=2, ask_s=2, screenshot_s=2),
    mux_s=2.0, facts_s=2.0, open_s=2.0, close_s=2.0,
)  # fmt: skip
"""For phones that are going to freeze."""
TRAIN = make_train(seed=7)
REQUEST = TrialRequest(warmup_s=0.1, duration_s=0.4)


def fleet_toml(
    *serials: str,
    model: str = "iPhone14,7",
    head: str = "",
    tail: str = "",
    latencies_ms: Mapping[str, float] | None = None,
) -> str:
    """Plain iPhones; ``head`` and ``tail`` are TOML for all of them: keys of the phone, tables."""
    ms = latencies_ms or {}
    return "version = 1\nseed = 3\n" + "".join(
        PHONE.format(serial=s, model=model, head=head, tail=tail, latency_ms=ms.get(s, 29.4))
        for s in serials
    )


def iphones(*serials: str, clock: Clock | None = None, **more: object) -> list[VirtualIphone]:
    """Phones that are not plugged in yet; without a clock they never wait."""
    fleet = fleet_from_toml(fleet_toml(*serials, **more), "test fleet")  # type: ignore[arg-type]
    return make_iphones(fleet, clock or Clock(math.inf))


class Table:
    """Virtual iPhones on one usbmuxd, and benches on it."""

    def __init__(self, folder: Path, daemon: UsbmuxDaemon) -> None:
        self.folder = folder
        self.daemon = daemon
        self.phones = list(daemon.phones)
        self._stack = contextlib.ExitStack()

    @property
    def phone(self) -> VirtualIphone:
        """The first one."""
        return self.phones[0]

    @property
    def socket(self) -> str:
        return str(self.daemon.socket_path)

    def bench(
        self,
        deadlines: IosDeadlines = CALM,
        *,
        named: bool = True,
        leases: type[Lease] | None = None,
        ledger: Ledger | None = None,
        bundles: Bundles = Bundles(),  # noqa: B008 - frozen
        notes: Notes | None = None,
        no_passcode: bool = True,
    ) -> IosBench:
        """A started bench that knows the phones by their serials."""
        folder = self.folder / "state"
        bench = IosBench(
            self.socket,
            platform=Platform.VIRTUAL,
            names={p.udid: p.serial for p in self.phones} if named else None,
            deadlines=deadlines,
            pace=self.phone.phone.clock.speed,
            pictures=self.folder / "pictures",
            leases=None if leases is None else lambda key: leases(folder, key),  # type: ignore[call-arg]
            ledger=ledger,
            bundles=bundles,
            notes=notes,
            no_passcode=no_passcode,
        )
        self._stack.callback(bench.close)
        bench.start()
        return bench

    def drivers(self, deadlines: IosDeadlines = CALM, **more: object) -> dict[str, IosDriver]:
        """A driver a phone by serial, closed in the end."""
        found = self.bench(deadlines, **more).drivers()  # type: ignore[arg-type]
        for driver in found:
            self._stack.callback(driver.close)
        return {driver.ref.serial: driver for driver in found}

    def driver(self, deadlines: IosDeadlines = CALM, **more: object) -> IosDriver:
        return next(iter(self.drivers(deadlines, **more).values()))

    def close(self) -> None:
        for phone in self.phones:
            phone.thaw()
            phone.heal_wda()
        self._stack.close()


@contextlib.contextmanager
def table(*serials: str, clock: Clock | None = None, **more: object) -> Iterator[Table]:
    """``more`` is for :func:`fleet_toml`."""
    found = iphones(*(serials or ("I1",)), clock=clock, **more)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ios-")))
        daemon = stack.enter_context(UsbmuxDaemon(found, folder / "usbmuxd"))
        made = Table(folder, daemon)
        stack.callback(made.close)
        yield made


def trial(driver: IosDriver, request: TrialRequest = REQUEST) -> Capture:
    return driver.run(request, (Play(TRAIN),), lambda _: None)


def connect_and_try(driver: IosDriver) -> Capture:
    """The whole way of a phone."""
    driver.connect()
    capture = trial(driver)
    driver.health()
    return capture


def as_found(phone: VirtualIphone) -> None:
    """The app that was not open is not open."""
    assert not phone.app.runs
    assert phone.state.front == HOME_BUNDLE


def works_again(made: Table, driver: IosDriver) -> None:
    """The same driver, as the bench does it: connect again and make the trial."""
    made.phone.triggers.clear()
    capture = connect_and_try(driver)
    assert capture.audio.samples.shape[0] == round(48_000 * REQUEST.duration_s)
    driver.close()
    as_found(made.phone)
