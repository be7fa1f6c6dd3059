"""Small virtual benches for tests of the runner, and devices no fleet file can describe."""

from __future__ import annotations

import math
import random
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from db.store import Store
from device_probes.client import Deadlines, ProbeClient
from device_probes.driver import Capture, OnProgress, Play
from device_probes.virtual import Clock, VirtualDriver
from device_probes.virtual.driver import fleet_from_toml
from profiler.bench import BenchEvent, TrialDone
from profiler.model import DeviceFacts, DeviceRef, Platform, TrialRequest
from profiler.plan import BenchPlan, Timeouts

HURRIED = 15.0
"""Speed at which phones that start together do so within what an exchange bears."""
HASTY = Timeouts(trial_margin_s=20.0, retries=2, retry_wait_s=0.0)
PRESSED = Timeouts(trial_margin_s=0.5, retries=1, retry_wait_s=0.0)
"""For a phone that hangs: a trial of D1, 1.5 s long, is given up after 2 s."""
PHONE = """
[[phone]]
serial = "{serial}"
manufacturer = "Acme"
model = "A-{serial}"
marketing_name = "Acme {serial}"
soc = "soc9"
os_name = "Android"
os_version = "14"
os_build = "acme/{serial}:14/1:user"
frames_per_burst = 96
low_latency = true
[phone.latency]
api_ms = {{ aaudio = {latency_ms} }}
spread = "continuous"
spread_ms = 0.4
[phone.acoustics]
reflections = []
{more}
"""


def phones(
    *serials: str, more: str = "", clock: Clock | None = None, open_s: float = 5.0
) -> list[VirtualDriver]:
    """Drivers of plain phones, 20 ms and up; ``more`` is TOML for all of them."""
    text = "version = 1\nseed = 3\n" + "".join(
        PHONE.format(serial=s, latency_ms=20.0 + 7 * i, more=more) for i, s in enumerate(serials)
    )
    deadlines = Deadlines(open_s=open_s)
    return fleet_from_toml(text, "test fleet").drivers(
        clock or Clock(math.inf), deadlines=deadlines
    )


def neighbours(
    *serials: str,
    more: str = "",
    only: Mapping[str, str] = MappingProxyType({}),
    clock: Clock | None = None,
    open_s: float = 5.0,
) -> list[VirtualDriver]:
    """Drivers of phones that hear each other at 0.4 m; ``only``: TOML for one of them."""
    text = 'version = 1\nseed = 3\n[[zone]]\nname = "bench"\ndistance_m = 0.4\n'
    for i, s in enumerate(serials):
        phone = PHONE.format(serial=s, latency_ms=40.0 + 17 * i, more=more + only.get(s, ""))
        text += phone.replace("[phone.latency]", 'zone = "bench"\n[phone.latency]')
    return fleet_from_toml(text, "test fleet").drivers(
        clock or Clock(HURRIED), deadlines=Deadlines(open_s=open_s)
    )


def plan(*tests: str, **changes: Any) -> BenchPlan:
    """A quick plan: one zone, no waiting between retries."""
    values = {"tests": tests or ("L1",), "suite": "smoke", "timeouts": HASTY, **changes}
    return replace(BenchPlan(), **{"repeats": 5, **values})


def open_store(folder: Path) -> Store:
    """A store of its own."""
    return Store.open(folder / "bench.db")


class Watcher:
    """Collects events."""

    def __init__(self) -> None:
        self.events: list[BenchEvent] = []

    def __call__(self, event: BenchEvent) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        """Events of one class, in order."""
        return [e for e in self.events if isinstance(e, kind)]

    @property
    def committed(self) -> list[str]:
        """UUIDs of the trials that were announced as committed."""
        return [e.trial.trial_uuid for e in self.of(TrialDone)]


class _Wrapped:
    """A driver that hands everything to a real one; subclasses change one thing."""

    def __init__(self, inner: VirtualDriver) -> None:
        self.inner = inner

    @property
    def ref(self) -> DeviceRef:
        return self.inner.ref

    def connect(self) -> DeviceFacts:
        return self.inner.connect()

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        return self.inner.run(request, plays, on_progress)

    def cancel(self) -> None:
        self.inner.cancel()

    def close(self) -> None:
        self.inner.close()


class Buggy(_Wrapped):
    """Breaks the contract: raises what no driver may raise."""

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        raise ZeroDivisionError("a bug of ours")


class Deaf(_Wrapped):
    """Does not end a trial when told to."""

    def cancel(self) -> None:
        return


class Emulator(_Wrapped):
    """Admits to be an emulator."""

    def connect(self) -> DeviceFacts:
        return replace(self.inner.connect(), is_emulator=True)


class Reports(_Wrapped):
    """Reports other facts with each capture."""

    def __init__(self, inner: VirtualDriver, **changes: Any) -> None:
        super().__init__(inner)
        self.changes = changes

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        capture = self.inner.run(request, plays, on_progress)
        return replace(capture, report=replace(capture.report, **self.changes))


class Swapped(_Wrapped):
    """Answers as another model from the second connection on."""

    connections = 0

    def connect(self) -> DeviceFacts:
        self.connections += 1
        facts = self.inner.connect()
        return facts if self.connections == 1 else replace(facts, os_build="another")


class Garbage:
    """A device behind which random bytes come, after an honest beginning or at once."""

    def __init__(self, serial: str, honest: VirtualDriver | None = None) -> None:
        self.ref = DeviceRef(Platform.VIRTUAL, serial)
        self._honest = honest
        self._client: ProbeClient | None = None
        self.connections = 0

    def connect(self) -> DeviceFacts:
        self.connections += 1
        if self._honest:
            return self._honest.connect()
        self._start().handshake()
        raise AssertionError("garbage was taken for a hello")

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        return self._start().run(request, plays, on_progress)

    def cancel(self) -> None:
        if self._client:
            self._client.cancel()

    def close(self) -> None:
        if self._client:
            self._client.close()
        if self._honest:
            self._honest.close()

    def _start(self) -> ProbeClient:
        ours, theirs = socket.socketpair()

        def babble() -> None:
            with theirs, suppress(OSError):
                theirs.sendall(random.Random(4).randbytes(4096))
                while theirs.recv(65536):
                    pass  # stay until the host hangs up: it must notice the bytes, not a hang-up

        threading.Thread(target=babble, daemon=True).start()
        self._client = ProbeClient(ours, self.ref.serial)
        return self._client
