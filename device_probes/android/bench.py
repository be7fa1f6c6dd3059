"""The phones of one adb server: seen, named, and a driver for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from device_probes.android import commands, dumps
from device_probes.android.assets import probe_package
from device_probes.android.chrome import PhoneChrome
from device_probes.android.driver import AndroidDriver
from device_probes.android.identity import Sighting
from device_probes.android.ledger import Lease, Ledger, state_folder
from device_probes.android.server import Server, SharedServer
from device_probes.android.settings import AndroidDeadlines, Settings
from device_probes.android.shell import Shell
from device_probes.android.states import Condition
from device_probes.android.tracking import Tracker
from device_probes.at_once import at_once
from profiler.errors import ChirpbenchError, DeviceError, DeviceNotFound, DeviceTimeout
from profiler.model import DeviceRef, DeviceState, Platform

_REACHED = (DeviceState.READY, DeviceState.UNAUTHORIZED)


@dataclass(frozen=True, slots=True)
class SeenPhone:
    """One phone, or one more connection to it, as it is now."""

    ref: DeviceRef
    state: DeviceState
    detail: str = ""
    """What a person should know and do."""
    address: str = ""
    """What adb calls this connection; untrusted text, cleaned."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """``model``, ``product``, ``device``, ``transport_id``, ``usb`` …"""
    duplicate_of: str = ""
    """The better connection to the same phone; this one is never used then."""


class AdbBench:
    """Phones behind one adb server, by default the one this computer shares.

    :meth:`start` first, :meth:`close` last.
    ``names`` gives the phones that are known by their address (adb serial → serial), as those of
    a virtual fleet are; they count also while they are absent. ``probe_folder`` replaces the
    probe that is shipped; ``pace`` is how fast the clock of virtual phones runs.
    """

    def __init__(
        self,
        server: Server | None = None,
        state_dir: Path | None = None,
        *,
        platform: Platform = Platform.ANDROID,
        names: Mapping[str, str] | None = None,
        deadlines: AndroidDeadlines | None = None,
        probe_folder: Path | None = None,
        pace: float = 1.0,
    ) -> None:
        self._server = server or SharedServer()
        self._platform = platform
        self._names = dict(names or {})
        self._deadlines = deadlines or AndroidDeadlines()
        self._probe_folder = probe_folder
        self._pace = pace
        self._folder = state_dir or state_folder()
        self._ledger = Ledger(self._folder)
        self._tracker = Tracker(self._server, self._names, self._server_up)
        self._addresses: list[str] = []
        self._conditions: dict[str, Condition] = {}
        self._last: dict[str, Sighting] = {}
        self._settings: Settings | None = None
        self.server_version: int | None = None
        """Protocol version of the adb server, once started."""

    def start(self, timeout_s: float = 10.0) -> None:
        """Have the server running, and wait until the phones are listed and known.

        Raises :class:`~profiler.errors.DeviceError` when there is no server to be had.
        """
        self.server_version = self._server.ensure()
        self._tracker.start(timeout_s)

    def connect_addresses(
        self, addresses: Sequence[str], timeout_s: float = 15.0
    ) -> tuple[str, ...]:
        """Connect to phones on the network (``host:port``); returns those that did not come.

        They are connected again whenever the server is started again.
        """
        end = time.monotonic() + timeout_s
        self._addresses += [a for a in addresses if a not in self._addresses]
        pieces = [self._connecting(address, timeout_s) for address in addresses]
        at_once(pieces, timeout_s, name="adb bench")
        wanted = set(addresses)

        def all_there(seen: tuple[Sighting, ...]) -> bool:
            return wanted <= {s.listed.serial for s in seen if s.listed.state in _REACHED}

        self._tracker.wait_until(all_there, max(end - time.monotonic(), 0.5))
        there = {s.listed.serial for s in self._tracker.snapshot() if s.listed.state in _REACHED}
        return tuple(address for address in addresses if address not in there)

    def seen(self, *, check: bool = False) -> tuple[SeenPhone, ...]:
        """Every phone that is there or was since :meth:`start`, and known absent ones.

        ``check`` also asks each that seems ready whether it answers and whether it is locked.
        """
        sightings = self._tracker.snapshot()
        self._update(sightings, check=check)
        wall_s = time.time()
        found = [self._described(s, wall_s) for s in sightings]
        present = {s.key for s in sightings}
        for key in [*self._last, *self._names.values()]:
            if key not in present:
                present.add(key)
                condition = self._conditions.get(key, Condition())
                ref = self._ref(self._last.get(key) or key)
                detail = condition.detail(wall_s)
                found.append(SeenPhone(ref, condition.state(wall_s), detail))
        return tuple(found)

    def drivers(self) -> list[AndroidDriver]:
        """One driver for each phone of :meth:`seen` that is no duplicate, whatever its state.

        A phone that is not ready says so when it is connected. Raises
        :class:`~profiler.errors.InputError` when the probe's package is missing or damaged.
        """
        settings = self._shared()
        return [
            AndroidDriver(self._ref(one), one, Lease(self._folder, self._key(one)), settings)
            for one in self._phones()
        ]

    def browsers(self) -> list[PhoneChrome]:
        """The browser of each phone of :meth:`drivers`, for the probe's page."""
        settings = self._shared()
        return [
            PhoneChrome(self._ref(one), one, Lease(self._folder, self._key(one)), settings)
            for one in self._phones()
        ]

    def release(self, serial: str) -> None:
        """End a quarantine by hand, after a check that the phone answers.

        Raises :class:`~profiler.errors.DeviceError` when it is not there or does not answer.
        """
        found = self._tracker.find(serial)
        if found is None or found.listed.state is not DeviceState.READY:
            state = found.listed.state.value if found else DeviceState.ABSENT.value
            raise DeviceNotFound(f"it is {state}, so it cannot be checked", device=serial,
                                 hint="connect it, then release it")  # fmt: skip
        Shell(self._tracker.adb, found.listed.transport_id, serial).run(commands.TRUST)
        self._ledger.passed(serial)

    def close(self) -> None:
        """Follow the server no more, and end it if it is our own. Never raises."""
        self._tracker.close()
        self._server.close()

    # --- pieces ---------------------------------------------------------------------------------

    def _shared(self) -> Settings:
        if self._settings is None:
            self._settings = Settings(
                tracker=self._tracker,
                ledger=self._ledger,
                probe=probe_package(self._probe_folder),
                platform=self._platform,
                deadlines=self._deadlines,
                pace=self._pace,
            )
        return self._settings

    def _phones(self) -> list[Sighting | str]:
        """Every phone that is no duplicate, and every known one that is absent."""
        present = [s for s in self._tracker.snapshot() if not s.duplicate_of]
        keys = {s.key for s in present}
        return [*present, *(key for key in self._names.values() if key not in keys)]

    def _server_up(self) -> None:
        """A server that was started again has forgotten what it was connected to."""
        for address in self._addresses:
            work = self._connecting(address, 12.0)
            threading.Thread(target=work, name=f"adb connect {address}", daemon=True).start()

    def _connecting(self, address: str, timeout_s: float) -> Callable[[], None]:
        def work() -> None:
            with suppress(ChirpbenchError):  # the list tells whether it came
                self._tracker.adb.connect(address, timeout_s)

        return work

    def _update(self, sightings: tuple[Sighting, ...], *, check: bool) -> None:
        now_s = time.monotonic()
        best = {s.key: s for s in sightings if not s.duplicate_of}
        self._last |= best
        for key in [*best, *(k for k in self._conditions if k not in best)]:
            before = self._conditions.get(key, Condition())
            found = best.get(key)
            after = before.sighted(found.listed.state, now_s) if found else before.missing(now_s)
            self._conditions[key] = after
        if check:
            ready = [s for s in best.values() if s.listed.state is DeviceState.READY]
            at_once([self._checking(s) for s in ready], 10.0, name="adb bench")

    def _checking(self, sighting: Sighting) -> Callable[[], None]:
        def work() -> None:
            key = sighting.key
            number, limit_s = sighting.listed.transport_id, self._deadlines.shell_s
            shell = Shell(self._tracker.adb, number, key, limit_s)
            try:
                locked = dumps.device_locked(shell.run(commands.TRUST).out)
            except DeviceTimeout:
                self._conditions[key] = self._conditions[key].silent()
            except DeviceError:
                return  # it is going; the next list says so
            else:
                self._conditions[key] = self._conditions[key].answered(locked=bool(locked))

        return work

    def _described(self, sighting: Sighting, wall_s: float) -> SeenPhone:
        key = sighting.key
        health = self._ledger.health(key)
        busy = Lease(self._folder, key).taken_by_another()
        condition = self._conditions[key].held(busy=busy, health=health)
        detail = condition.detail(wall_s)
        if sighting.duplicate_of:
            detail = f"the same phone as {sighting.duplicate_of}, which is used"
        return SeenPhone(
            ref=self._ref(sighting),
            state=condition.state(wall_s),
            detail="; ".join(part for part in (detail, sighting.note) if part),
            address=sighting.listed.serial,
            tags=sighting.listed.tags,
            duplicate_of=sighting.duplicate_of,
        )

    def _ref(self, phone: Sighting | str) -> DeviceRef:
        if isinstance(phone, str):
            return DeviceRef(self._platform, phone, "", "adb")
        label = phone.listed.model.replace("_", " ")
        return DeviceRef(self._platform, phone.key, label, phone.listed.link)

    @staticmethod
    def _key(phone: Sighting | str) -> str:
        return phone if isinstance(phone, str) else phone.key
