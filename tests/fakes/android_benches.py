"""The Android driver on virtual phones behind a real adb server of its own."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from adbd_phones import phones

from device_probes.android import AdbBench, AndroidDeadlines, AndroidDriver, PrivateServer
from device_probes.android.adb import Adb
from device_probes.android.commands import RESTORE_FILE
from device_probes.client import Deadlines
from device_probes.driver import Capture, Play
from device_probes.virtual import Clock
from device_probes.virtual.adbd import AdbDaemon, VirtualAndroid
from profiler.model import Platform, TrialRequest
from profiler.stimulus import make_train

QUICK = AndroidDeadlines(
    probe=Deadlines(hello_s=3.0, facts_s=3.0, load_s=4.0, open_s=4.0, cancel_s=2.0),
    shell_s=4.0, contact_s=12.0, install_s=4.0, launch_s=4.0, replug_s=1.0, close_s=6.0,
)  # fmt: skip
"""Enough for phones that never wait, short enough for those that freeze."""
CALM = replace(
    QUICK, probe=replace(QUICK.probe, hello_s=20.0, facts_s=20.0, load_s=20.0, open_s=20.0),
    shell_s=20.0, contact_s=40.0, install_s=20.0, launch_s=20.0, close_s=20.0,
)  # fmt: skip
"""For phones of which none freezes: a busy machine may take long, and nobody waits in vain."""
IMPATIENT = replace(
    QUICK, probe=replace(QUICK.probe, hello_s=1.5, facts_s=1.5, load_s=1.5, open_s=1.5),
    shell_s=1.2, contact_s=4.0, install_s=2.0, launch_s=2.0, close_s=2.5,
)  # fmt: skip
"""For phones that are going to freeze."""
TRAIN = make_train(seed=7)
REQUEST = TrialRequest(warmup_s=0.1, duration_s=0.4)


class _Borrowed:
    """The rig's server, which outlives each bench; ``port`` is of what lies before it."""

    def __init__(self, server: PrivateServer, port: int | None = None) -> None:
        self._server = server
        self.adb: Adb = server.adb if port is None else Adb("127.0.0.1", port)

    def ensure(self) -> int:
        return self._server.ensure()

    def close(self) -> None:
        pass


class Rig:
    """Virtual phones, one adb server, and benches on it that share one state folder."""

    def __init__(self, folder: Path, server: PrivateServer, found: list[VirtualAndroid]) -> None:
        self.folder = folder
        self.server = server
        self.phones = found
        self.names = {phone.address: phone.serial for phone in found}
        self._stack = contextlib.ExitStack()

    @property
    def phone(self) -> VirtualAndroid:
        return self.phones[0]

    def bench(
        self,
        *,
        named: bool = True,
        deadlines: AndroidDeadlines = CALM,
        port: int | None = None,
    ) -> AdbBench:
        """A started bench to which the phones are connected."""
        bench = AdbBench(
            _Borrowed(self.server, port),
            self.folder / "state",
            platform=Platform.VIRTUAL,
            names=self.names if named else None,
            deadlines=deadlines,
            pace=self.phone.phone.clock.speed,
        )
        self._stack.callback(bench.close)
        bench.start()
        bench.connect_addresses([p.address for p in self.phones if p.plug.plugged], 5.0)
        return bench

    def drivers(self, **more: object) -> list[AndroidDriver]:
        """A driver a phone, closed in the end."""
        found = self.bench(**more).drivers()  # type: ignore[arg-type]
        for driver in found:
            self._stack.callback(driver.close)
        return found

    def driver(self, **more: object) -> AndroidDriver:
        return self.drivers(**more)[0]

    def close(self) -> None:
        for phone in self.phones:
            phone.thaw()
        self._stack.close()
        for phone in self.phones:
            self.server.adb.disconnect(phone.address)


@contextlib.contextmanager
def rig(
    *serials: str, clock: Clock | None = None, on: PrivateServer | None = None, **more: object
) -> Iterator[Rig]:
    """``on`` is a server that several rigs share; ``more`` is for :func:`adbd_phones.phones`."""
    found = phones(*(serials or ("A1",)), clock=clock or Clock(math.inf), **more)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rig-")))
        server = on or PrivateServer(folder / "adb")
        if on is None:
            stack.callback(server.close)
        server.ensure()
        stack.enter_context(AdbDaemon(found, adb_server_port=server.adb.port))
        made = Rig(folder, server, found)
        stack.callback(made.close)
        yield made


def trial(driver: AndroidDriver, request: TrialRequest = REQUEST) -> Capture:
    return driver.run(request, (Play(TRAIN),), lambda _: None)


def connect_and_try(driver: AndroidDriver) -> None:
    """The whole way of a phone."""
    driver.connect()
    trial(driver)
    driver.health()


def trial_after(made: Rig) -> None:
    """The phone is as good as any again."""
    driver = made.driver()
    connect_and_try(driver)
    driver.close()


def stay_on(phone: VirtualAndroid) -> str | None:
    return phone.state.settings["global"].get("stay_on_while_plugged_in")


def has_note(phone: VirtualAndroid) -> bool:
    """Whether the file with the old settings is on the phone."""
    return phone.files.get(RESTORE_FILE) is not None


def left_over(phone: VirtualAndroid) -> list[str]:
    """Packages that were pushed and not cleaned away."""
    return [name for name in phone.files.names("/data/local/tmp") if name.endswith(".apk")]
