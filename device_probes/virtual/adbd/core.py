"""A virtual Android phone as its services see it: state, events, and the way to its event loop."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeAlias

from device_probes.virtual.adbd import host
from device_probes.virtual.adbd.auth import Keyring
from device_probes.virtual.adbd.browser import BrowserApp
from device_probes.virtual.adbd.files import FileSystem
from device_probes.virtual.adbd.packages import Installed, Packages
from device_probes.virtual.adbd.plug import Plug
from device_probes.virtual.adbd.probe_app import ProbeApp, RunningProbe
from device_probes.virtual.adbd.properties import make_properties, system_features
from device_probes.virtual.adbd.reverse import Reverses
from device_probes.virtual.adbd.rules import AndroidRules
from device_probes.virtual.adbd.system import (
    PROBE_PACKAGE,
    Exit,
    Pids,
    Recorder,
    SystemState,
)
from device_probes.virtual.adbd.system_files import furnish
from device_probes.virtual.adbd.transport import Handler, Mangle, Transport
from device_probes.virtual.link.app_device import AppDevice
from device_probes.virtual.link.loop import HomeLoop
from device_probes.virtual.link.moments import Moments
from device_probes.virtual.link.probe_process import HostileProbe, InstalledProbe, ProbeProcess
from device_probes.virtual.link.triggers import matches
from device_probes.virtual.phone import VirtualPhone

ProbeLauncher: TypeAlias = "Callable[[PhoneCore, Mapping[str, str]], RunningProbe]"
"""Starts an external probe with the extras of ``am start``; called from a worker thread."""
Reply: TypeAlias = "bytes | str | tuple[bytes | str, int] | Iterable[bytes]"
Override: TypeAlias = "Callable[[list[str]], Reply | None]"
"""Answers in a command's place: its output, output and exit code, or pieces without end;
``None`` lets the command run."""
_MB = 10**6
_CONNECT_AGAIN_S = (0.1, 0.1, 0.2, 0.5, 1.0)
"""A server that has not yet forgotten the old connection refuses a new one, or drops both."""
_MAX_EXITS = 16
"""Android keeps as many for each package."""


class PhoneCore(ABC):
    """One phone. Its state may be changed from any thread; its connections live on one loop."""

    mangle: Mangle | None = None
    """Changes the bytes of every packet on their way out (hostile phones, as the next three)."""
    mangle_sync: Mangle | None = None
    """Changes every answer of the file service."""
    hostile_probe: HostileProbe | None = None
    """Answers hosts in the probe's place."""
    banner_override: str | None = None
    """Sent in place of the banner."""

    def __init__(self, phone: VirtualPhone, *, launcher: ProbeLauncher | None = None) -> None:
        spec, android = phone.spec, phone.spec.android
        start = android.at_start
        api = spec.api_level or 34
        rng = random.Random(zlib.crc32(phone.serial.encode()))
        self.phone = phone
        """What it sounds like, and the truth of every trial."""
        self.spec = spec
        self.serial = phone.serial
        self.launcher = launcher
        """Starts the probe in a process of its own instead of inside this one."""
        self.properties = make_properties(spec, phone.serial)
        self.system_features = system_features(spec)
        self.features = _adb_features(api, legacy=start.legacy_adbd)
        self.state = SystemState(android, api, phone.clock)
        self.files = FileSystem(android.total_mb * _MB, android.total_mb * _MB)
        self.packages = Packages(android, api, self.files, rng)
        self.pids = Pids()
        self.other_app_records(start.other_recorder)
        self.boot_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        furnish(self.files, spec, self.boot_id)
        self.files.set_free(start.free_mb * _MB)
        self.home = HomeLoop()
        self.moments = Moments(self, self.home, lambda: self.plug.generation)
        self.triggers = self.moments.triggers
        self.app = ProbeApp(phone, self.state, self.pids, self._new_probe)
        self.reversed = Reverses(self.moments, lambda: self.loopback)
        self.browser: BrowserApp | None = None
        self.keyring = Keyring(required=start.unauthorized)
        self.legacy_adbd = start.legacy_adbd
        self.mute = start.offline
        self.plug = Plug(self)
        self._overrides: list[tuple[str, Override]] = []
        self._server_port: int | None = None
        self._telling = asyncio.Lock()

    # --- what a transport sees --------------------------------------------------------------------

    @property
    def address(self) -> str:
        """What ``adb connect`` is given."""
        return f"127.0.0.1:{self.plug.port}"

    @property
    def loopback(self) -> str:
        """The phone's own ``localhost``, as programs of this computer reach it."""
        return f"127.{self.plug.port >> 8}.{self.plug.port & 255}.1"

    def banner(self) -> str:
        """Properties and features, as CNXN carries them."""
        if self.banner_override is not None:
            return self.banner_override
        names = ("ro.product.name", "ro.product.model", "ro.product.device")
        parts = [f"{name}={self.properties.get(name, '')}" for name in names]
        return "device::" + ";".join([*parts, f"features={','.join(self.features)}"])

    @abstractmethod
    async def service(self, name: str, transport: Transport) -> Handler | None:
        """What serves a stream to ``name``; ``None`` refuses it."""

    def left(self, transport: Transport) -> None:
        """A connection ended, and what belongs to it with it."""
        self.reversed.drop(transport)

    def override_for(self, line: str) -> Override | None:
        """What answers in place of the command ``line``."""
        return next((f for p, f in reversed(self._overrides) if matches(p, line)), None)

    def override(self, pattern: str, reply: Override) -> None:
        """Let ``reply`` answer commands like ``pattern``; the newest one counts."""
        self._overrides.append((pattern, reply))

    # --- the loop ---------------------------------------------------------------------------------

    async def attach(self, server_port: int | None) -> None:
        """Belong to the running loop and listen."""
        self.home.settle()
        self._server_port = server_port
        await self.plug.insert()

    async def detach(self) -> None:
        """End everything that runs for this phone."""
        self.moments.end()
        self.plug.pull()
        await self.reversed.close()
        await self.home.end_background()

    def processes(self) -> dict[int, str]:
        """Numbers and names of what runs; an app of ours that ended by itself is noticed."""
        ours = {PROBE_PACKAGE: self.app.pid}
        if self.browser is not None:
            ours[self.browser.package] = self.browser.pid
        return {p: n for p, n in self.pids.running.items() if n not in ours or p == ours[n]}

    def other_app_records(self, package: str | None = "com.example.recorder") -> None:
        """Let another app keep the microphone; ``None``: no other app does."""
        state = self.state
        state.recorders = [r for r in state.recorders if r.package == PROBE_PACKAGE]
        if package:
            pid = self.pids.new(package)
            state.recorders.append(Recorder(package, pid, 10_187, 1553, "VOICE_COMMUNICATION"))

    def kill_package(
        self, package: str, reason: int, name: str, description: str, status: int = 0
    ) -> int | None:
        """End a package's process and activities; returns the process that ended."""
        self.state.hide_package(package)
        found = self.packages.installed.get(package)
        if found:
            found.stopped = True
        if self.browser is not None and package == self.browser.package:
            return self.browser.stop()
        pid = self.app.stop() if package == PROBE_PACKAGE else None
        if pid is not None:
            uid = found.uid if found else 0
            sub = (21, "FORCE STOP") if reason == 10 else (0, "UNKNOWN")
            self.state.exits.insert(
                0, Exit(pid, uid, time.time(), reason, name, *sub, status, description)
            )
            del self.state.exits[_MAX_EXITS:]
        return pid

    def jerk(self) -> None:
        """Break every connection for a moment: the server dials again by itself."""
        self.home.call(self.plug.jerk)

    def reboot(self, down_s: float = 3.0) -> None:
        """Restart: connections and the probe end, the phone is back (locked) after ``down_s``."""
        self.app.stop()
        if self.browser is not None:
            self.browser.stop()
        self.state.activities = self.state.activities[:1]
        self.state.sleep()
        self.boot_id = str(uuid.uuid4())
        furnish(self.files, self.spec, self.boot_id)
        self.home.call(self.plug.pull)
        self.home.in_background(self._come_back(self.state.real_s(down_s)))

    async def _come_back(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self.plug.insert()

    async def _tell_server(self, *, plugged: bool) -> None:
        port = self._server_port
        if port is None:
            return
        async with self._telling:  # a late good-bye must not end the next connection
            if not plugged:
                await host.disconnect(port, self.address)
                return
            for pause_s in _CONNECT_AGAIN_S:
                await host.connect(port, self.address)
                await asyncio.sleep(pause_s)
                if self.mute or not self.plug.plugged or await host.lists(port, self.address):
                    return

    def _new_probe(
        self, package: Installed, extras: Mapping[str, str]
    ) -> ProbeProcess | RunningProbe:
        """A process of the probe, started with these extras."""
        if self.launcher is not None:
            return self.launcher(self, extras)
        token, installed = extras.get("token", ""), partial(self._installed, package)
        return ProbeProcess(self.serial, token, self.moments, installed)

    def _installed(self, package: Installed) -> InstalledProbe:
        """The probe as it is now."""
        rules = AndroidRules(
            self.phone, self.state, self.packages, self.app, self.moments, drop=self.jerk
        )
        device = AppDevice(self.phone, self.moments, rules)
        version = package.apk.version_name
        return InstalledProbe(device, version, package.protocol, self.hostile_probe)


def _adb_features(api_level: int, *, legacy: bool) -> tuple[str, ...]:
    """What adbd of that Android announces. Never ``abb_exec``: it is one more way to ``cmd``."""
    if legacy:
        return ()
    found = ["shell_v2", "cmd", "stat_v2"]
    if api_level >= 29:
        found += ["fixed_push_mkdir"]
    if api_level >= 30:
        found += ["ls_v2", "sendrecv_v2"]
    return tuple(found)
