"""Whole benches of virtual phones behind a real adb server: run, break, resume, look what is left.

A :class:`Stand` is what lies on the table for one test: phones in this process, where every moment
can be hit exactly, a store on disk, and a state folder. Each :meth:`Stand.run` is one invocation
with drivers of its own, as each ``chirpbench run`` has.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bench_fleets as fleets
from adb_servers import until
from adbd_phones import fleet_toml, phones

from db import queries
from db.store import Store
from device_probes.android import AdbBench, AndroidDeadlines, PrivateServer
from device_probes.android.adb import Adb
from device_probes.android.commands import Command
from device_probes.android.shell import Shell
from device_probes.client import Deadlines
from device_probes.virtual import Clock
from device_probes.virtual.adbd import AdbDaemon, VirtualAndroid, make_phones
from device_probes.virtual.driver import fleet_from_toml
from device_probes.virtual.fleet_process import FleetProcess
from profiler.bench import (
    BenchEvent,
    BenchOutcome,
    DeviceOutcome,
    Log,
    TrialDone,
    TrialStarted,
    run_bench,
)
from profiler.model import DeviceState, Platform, RunStatus, TrialRecord, Verdict
from profiler.plan import BenchPlan

CALM = AndroidDeadlines(
    probe=Deadlines(hello_s=30.0, facts_s=30.0, load_s=30.0, open_s=30.0, cancel_s=10.0),
    shell_s=30.0, contact_s=60.0, install_s=30.0, launch_s=30.0, replug_s=1.0, close_s=30.0,
)  # fmt: skip
"""For phones of which none freezes: a pulled cable is seen at once, so nothing is waited for, and
sixteen phones may take a computer that is busy with something else as long as they need."""
PATIENT = replace(CALM, replug_s=30.0)
"""For phones that come back: how soon depends on the adb server and on how busy all are."""
QUICK = AndroidDeadlines(
    probe=Deadlines(hello_s=5.0, facts_s=5.0, load_s=5.0, open_s=5.0, cancel_s=2.0),
    shell_s=5.0, contact_s=15.0, install_s=6.0, launch_s=6.0, replug_s=1.0, close_s=6.0,
)  # fmt: skip
"""For a table with frozen phones: enough for the others, and what each frozen one is waited for."""
TMP = "/data/local/tmp"
VOLUME = 0.9
"""Of L1's trials: another index than the phone's own, so that a volume left behind shows."""


def plan(*tests: str, **changes: Any) -> BenchPlan:
    """Two trials of L1 and one of D1, each phone alone in its zone, one more attempt each."""
    values = {
        "repeats": 2,
        "rates_hz": (48_000,),
        "volumes": (VOLUME,),
        "separate_zones": True,
        "timeouts": fleets.Timeouts(trial_margin_s=20.0, retries=1, retry_wait_s=0.0),
        **changes,
    }
    return fleets.plan(*(tests or ("L1", "D1")), **values)


SHORT = plan("D1", rates_hz=(48_000, 16_000))
"""Two trials of one and a half seconds: for phones that freeze, which are waited for."""
ONE_TRY = replace(SHORT, timeouts=replace(SHORT.timeouts, retries=0))
"""The same, for what would only be met again."""
SHORT3 = plan("D1", rates_hz=(8_000, 16_000, 48_000))
"""As many trials as may fail in a row."""


class Kept:
    """A server that outlives the benches on it."""

    def __init__(self, server: PrivateServer) -> None:
        self._server = server

    @property
    def adb(self) -> Adb:
        return self._server.adb

    def ensure(self) -> int:
        return self._server.ensure()

    def close(self) -> None:
        """Its owner does."""


@contextlib.contextmanager
def adb_server() -> Iterator[PrivateServer]:
    """A real adb server of its own, for a module."""
    with tempfile.TemporaryDirectory(prefix="adb-") as home:
        server = PrivateServer(Path(home))
        server.ensure()
        try:
            yield server
        finally:
            server.close()


@dataclass(frozen=True)
class Condition:
    """What a bench may change on a phone and has to put back."""

    stay_on: str | None
    volumes: tuple[int, ...]
    audio_mode: str
    files: tuple[str, ...]
    """Ours in the shell's folder: a package half pushed, the note for the next session."""
    probe_runs: bool
    recorders: tuple[str, ...]

    @classmethod
    def of(cls, phone: VirtualAndroid) -> Condition:
        state = phone.state
        return cls(
            stay_on=state.settings["global"].get("stay_on_while_plugged_in"),
            volumes=tuple(v.index for _, v in sorted(state.volumes.items())),
            audio_mode=state.audio_mode,
            files=tuple(phone.files.names(TMP)),
            probe_runs=phone.app.pid is not None,
            recorders=tuple(r.package for r in state.recorders),
        )


class Watcher(fleets.Watcher):
    """Collects events, and does something about the first ones of a kind."""

    def __init__(self, then: Callable[[BenchEvent], None] | None = None) -> None:
        super().__init__()
        self._then = then

    def __call__(self, event: BenchEvent) -> None:
        super().__call__(event)
        if self._then is not None:
            self._then(event)


@dataclass(frozen=True)
class Ran:
    """One invocation, and what was seen of it."""

    outcome: BenchOutcome
    watcher: fleets.Watcher
    store: Store

    def of(self, serial: str) -> DeviceOutcome:
        (found,) = [d for d in self.outcome.devices if d.device.serial == serial]
        return found

    def status(self, serial: str) -> tuple[RunStatus, str]:
        run = self.of(serial).run
        assert run is not None
        return run.status, run.reason

    def counts(self, serial: str) -> tuple[int, int]:
        device = self.of(serial)
        return device.trials_stored, device.trials_total

    def trials(self, serial: str) -> list[TrialRecord]:
        run = self.of(serial).run
        assert run is not None
        return queries.trials_of(self.store, run.run_uuid)

    def verdicts(self, serial: str) -> list[tuple[str, int, Verdict, tuple[str, ...]]]:
        """Test, index, verdict and reasons of every attempt that was stored."""
        return [(t.test_id, t.index, t.verdict, t.reasons) for t in self.trials(serial)]

    def attempts(self, serial: str) -> list[tuple[str, int, int]]:
        """Test, index and attempt of every trial that was begun."""
        begun = [e for e in self.watcher.of(TrialStarted) if e.device.serial == serial]
        return [(e.test_id, e.index, e.attempt) for e in begun]

    def warnings(self, serial: str) -> list[str]:
        """What people were told, the final problem included."""
        return [e.text for e in self.watcher.of(Log) if e.device and e.device.serial == serial]


class Table:
    """One store, one memory of the computer, one adb server; the phones are a subclass's."""

    def __init__(self, folder: Path, server: PrivateServer, names: Mapping[str, str]) -> None:
        """``names``: address → serial of phones that are known by it, as those of a fleet are."""
        self.folder = folder
        self.server = server
        self.store = fleets.open_store(folder)
        self.rans: list[Ran] = []
        self._names = names

    def plugged(self) -> list[str]:
        """Addresses of the phones that can be connected to."""
        return list(self._names)

    def run(
        self,
        of: BenchPlan | None = None,
        *,
        resume: str | None = None,
        then: Callable[[BenchEvent], None] | None = None,
        deadlines: AndroidDeadlines = CALM,
        only: Collection[str] = (),
    ) -> Ran:
        """One invocation, to its end, on all phones or ``only`` some; ``then`` sees every event.

        Checks that nothing is lost.
        """
        watcher = Watcher(then)
        with self.bench(deadlines) as bench:
            wanted = only or self._names.values()
            drivers = [d for d in bench.drivers() if not wanted or d.ref.serial in wanted]
            outcome = run_bench(of or plan(), drivers, self.store, observe=watcher, resume=resume)
        ran = Ran(outcome, watcher, self.store)
        self.rans.append(ran)
        nothing_lost(self.store, self.rans)
        return ran

    @contextlib.contextmanager
    def bench(self, deadlines: AndroidDeadlines = CALM) -> Iterator[AdbBench]:
        """The phones that are plugged in, connected and known."""
        bench = AdbBench(
            Kept(self.server),
            self.folder / "state",
            platform=Platform.VIRTUAL,
            names=self._names,
            deadlines=deadlines,
        )
        try:
            bench.start()
            bench.connect_addresses(self.plugged(), 5.0)
            yield bench
        finally:
            bench.close()

    def listed_at(self, address: str) -> DeviceState:
        """As the adb server lists the phone at ``address`` now."""
        found = [one.state for one in self.server.adb.listed() if one.serial == address]
        return found[0] if found else DeviceState.ABSENT

    def close(self) -> None:
        self.store.close()


class Stand(Table):
    """Phones in this process, by serial."""

    def __init__(
        self, folder: Path, server: PrivateServer, found: list[VirtualAndroid], *, named: bool
    ) -> None:
        super().__init__(folder, server, {p.address: p.serial for p in found} if named else {})
        self.phones = {phone.serial: phone for phone in found}
        self._before = {phone.serial: Condition.of(phone) for phone in found}

    @property
    def phone(self) -> VirtualAndroid:
        """The first one."""
        return next(iter(self.phones.values()))

    def plugged(self) -> list[str]:
        return [p.address for p in self.phones.values() if p.plug.plugged]

    def listed(self, serial: str) -> DeviceState:
        """As the adb server lists the phone now."""
        return self.listed_at(self.phones[serial].address)

    def wait_listed(self, serial: str, state: DeviceState, seconds: float = 15.0) -> None:
        until(lambda: self.listed(serial) is state, seconds, f"{serial} is {state}")

    def replug(self, *serials: str) -> None:
        """Plug phones in again and wait until adb has them."""
        for serial in serials:
            self.phones[serial].replug()
        for serial in serials:
            self.wait_listed(serial, DeviceState.READY)

    def clear_table(self) -> None:
        """Unplug every phone: what comes next on the same server shall not see them."""
        for phone in self.phones.values():
            phone.thaw()
            phone.unplug()
        for serial in self.phones:
            self.wait_listed(serial, DeviceState.ABSENT)

    def changed(self, serial: str) -> dict[str, tuple[object, object]]:
        """What is not as it was found: name → (before, now)."""
        before, now = self._before[serial], Condition.of(self.phones[serial])
        return {
            name: (getattr(before, name), getattr(now, name))
            for name in before.__dataclass_fields__
            if getattr(before, name) != getattr(now, name)
        }


@contextlib.contextmanager
def stand(
    server: PrivateServer,
    folder: Path,
    *serials: str,
    clock: Clock | None = None,
    named: bool = True,
    found: list[VirtualAndroid] | None = None,
    **more: Any,
) -> Iterator[Stand]:
    """``more`` is what :func:`adbd_phones.phones` takes, unless the phones are ``found``.

    ``named``: they are known by their address, as those of a fleet; else by their own serials.
    """
    if found is None:
        found = phones(*(serials or ("A1",)), clock=clock or Clock(math.inf), **more)
    with AdbDaemon(found, adb_server_port=server.adb.port):
        made = Stand(folder, server, found, named=named)
        try:
            yield made
        finally:
            made.close()
            made.clear_table()


class ProcessStand(Table):
    """The phones of a fleet process, which only adb can ask."""

    def __init__(self, folder: Path, server: PrivateServer, fleet: FleetProcess) -> None:
        super().__init__(folder, server, {phone.address: phone.serial for phone in fleet})

    def asked(self, serial: str, command: str) -> str:
        """What the phone's shell answers."""
        address = next(a for a, name in self._names.items() if name == serial)
        (found,) = [one for one in self.server.adb.listed() if one.serial == address]
        shell = Shell(self.server.adb, found.transport_id, serial)
        return shell.run(Command(command), 5.0).out.strip()


@contextlib.contextmanager
def process_stand(
    server: PrivateServer, folder: Path, fleet: FleetProcess
) -> Iterator[ProcessStand]:
    """A table for a running fleet."""
    made = ProcessStand(folder, server, fleet)
    try:
        yield made
    finally:
        made.close()
        for phone in fleet:
            server.adb.disconnect(phone.address)


def of_latencies(latencies_ms: Mapping[str, float], **more: Any) -> list[VirtualAndroid]:
    """Phones by serial, each with a round trip of its own (truth, without the way to the ear)."""
    found = []
    for serial, latency_ms in latencies_ms.items():
        toml = fleet_toml(serial, **more).replace("aaudio = 31.5", f"aaudio = {latency_ms}")
        found += make_phones(fleet_from_toml(toml, "test fleet"), Clock(math.inf))
    return found


def nothing_lost(store: Store, rans: list[Ran]) -> None:
    """Every trial that was announced is in the store with readable evidence; counts are right."""
    stored = {t.trial_uuid: t for t in queries.trials(store)}
    announced = [e.trial for ran in rans for e in ran.watcher.of(TrialDone)]
    twice = [uuid for uuid, n in Counter(t.trial_uuid for t in announced).items() if n > 1]
    assert not twice, "a trial was announced twice"
    assert stored.keys() == {t.trial_uuid for t in announced}, "announced is not what is stored"
    for trial in announced:
        assert stored[trial.trial_uuid].verdict is trial.verdict
        if trial.recording is not None:
            assert store.evidence.load(trial.recording).frames == trial.recording.frames
        else:
            assert trial.estimate is None, "a number without evidence"
            assert trial.verdict in (Verdict.ERROR, Verdict.NOT_MEASURABLE)
    for device in rans[-1].outcome.devices:
        if device.run is not None and device.trials_total:
            here = [t for t in stored.values() if t.run_uuid == device.run.run_uuid]
            settled = {(t.test_id, t.index) for t in here if t.verdict is not Verdict.ERROR}
            assert device.trials_stored == len(settled), (device, here)
