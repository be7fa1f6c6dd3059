"""A virtual Android phone as its services see it: state, events, and the way to its event loop."""

from __future__ import annotations

import asyncio
import inspect
import random
import threading
import time
import uuid
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from device_probes.virtual.adbd import host
from device_probes.virtual.adbd.auth import Keyring
from device_probes.virtual.adbd.browser import BrowserApp
from device_probes.virtual.adbd.faults import Action, Triggers, matches
from device_probes.virtual.adbd.files import FileSystem
from device_probes.virtual.adbd.packages import Packages
from device_probes.virtual.adbd.plug import Plug
from device_probes.virtual.adbd.probe_app import HostileProbe, ProbeApp, ProbeLauncher
from device_probes.virtual.adbd.properties import make_properties, system_features
from device_probes.virtual.adbd.reverse import Reverses
from device_probes.virtual.adbd.services import find_service
from device_probes.virtual.adbd.shell import Override
from device_probes.virtual.adbd.sync import Mangle
from device_probes.virtual.adbd.system import (
    PROBE_PACKAGE,
    Exit,
    Pids,
    Recorder,
    SystemState,
)
from device_probes.virtual.adbd.system_files import furnish
from device_probes.virtual.adbd.transport import Handler, Transport
from device_probes.virtual.phone import VirtualPhone

T = TypeVar("T")
_CALL_S = 15.0
_MB = 10**6
_CONNECT_AGAIN_S = (0.1, 0.1, 0.2, 0.5, 1.0)
"""A server that has not yet forgotten the old connection refuses a new one, or drops both."""
_MAX_EXITS = 16
"""Android keeps as many for each package."""


class PhoneCore:
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
        self.app = ProbeApp(self)
        self.triggers: Triggers[Any] = Triggers()
        self.reversed = Reverses(self)
        self.browser: BrowserApp | None = None
        self.keyring = Keyring(required=start.unauthorized)
        self.legacy_adbd = start.legacy_adbd
        self.mute = start.offline
        self.plug = Plug(self)
        self._overrides: list[tuple[str, Override]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread: int | None = None
        self._server_port: int | None = None
        self._gate = asyncio.Event()
        self._gate.set()
        self._telling = asyncio.Lock()
        self._background: set[asyncio.Task[Any]] = set()

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

    async def thawed(self) -> None:
        """Return when the phone is not frozen."""
        await self._gate.wait()

    async def service(self, name: str, transport: Transport) -> Handler | None:
        """What serves a stream to ``name``."""
        return await find_service(name, self, transport)

    def left(self, transport: Transport) -> None:
        """A connection ended, and what belongs to it with it."""
        self.reversed.drop(transport)

    async def event(self, name: str, amount: int = 1) -> None:
        """Something happens: run what was set on it, then wait while the phone is frozen.

        Raises ``ConnectionResetError`` when that pulled the cable: what was about to happen for
        the host then does not.
        """
        generation = self.plug.generation
        for action in self.triggers.due(name, amount):
            await self._act(action)
        await self._gate.wait()
        if self.plug.generation != generation:
            raise ConnectionResetError(f"unplugged at {name}")

    def event_here(self, name: str) -> None:
        """Like :meth:`event`, from a thread of the probe; the cable does not matter there."""
        loop = self._loop
        if self.triggers.room(name) is None and self._gate.is_set():
            return
        if loop is None or loop.is_closed():
            for action in self.triggers.due(name):
                self._call(action)
            return
        try:
            asyncio.run_coroutine_threadsafe(self._happen(name), loop).result()
        except (CancelledError, RuntimeError) as exc:
            raise ConnectionAbortedError("the phone is being switched off") from exc

    async def pieces(self, name: str, data: bytes) -> AsyncIterator[memoryview]:
        """Cut ``data`` where a trigger on the data event ``name`` fires."""
        view = memoryview(data)
        while view:
            room = self.triggers.room(name)
            size = len(view) if room is None else min(len(view), max(room, 1))
            await self.event(name, size)
            yield view[:size]
            view = view[size:]

    def override_for(self, line: str) -> Override | None:
        """What answers in place of the command ``line``."""
        return next((f for p, f in reversed(self._overrides) if matches(p, line)), None)

    def override(self, pattern: str, reply: Override) -> None:
        """Let ``reply`` answer commands like ``pattern``; the newest one counts."""
        self._overrides.append((pattern, reply))

    # --- the loop ---------------------------------------------------------------------------------

    async def attach(self, server_port: int | None) -> None:
        """Belong to the running loop and listen."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._server_port = server_port
        await self.plug.insert()

    async def detach(self) -> None:
        """End everything that runs for this phone."""
        self.triggers.clear()
        self._gate.set()
        self.plug.pull()
        await self.reversed.close()
        tasks = list(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

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
        self._on_loop(self.plug.jerk)

    def reboot(self, down_s: float = 3.0) -> None:
        """Restart: connections and the probe end, the phone is back (locked) after ``down_s``."""
        self.app.stop()
        if self.browser is not None:
            self.browser.stop()
        self.state.activities = self.state.activities[:1]
        self.state.sleep()
        self.boot_id = str(uuid.uuid4())
        furnish(self.files, self.spec, self.boot_id)
        self._on_loop(self.plug.pull)
        self._in_background(self._come_back(self.state.real_s(down_s)))

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

    async def _happen(self, name: str) -> None:
        for action in self.triggers.due(name):
            await self._act(action)
        await self._gate.wait()

    async def _act(self, action: Action[Any]) -> None:
        result = self._call(action)
        if inspect.isawaitable(result):
            await result

    def _call(self, action: Action[Any]) -> Any:
        return getattr(self, action)() if isinstance(action, str) else action(self)

    def _is_loop_thread(self) -> bool:
        return threading.get_ident() == self._loop_thread

    def _on_loop(self, do: Callable[[], T]) -> T:
        """Run ``do`` on the loop's thread and wait for it; here when there is none."""
        loop = self._loop
        if loop is None or loop.is_closed() or self._is_loop_thread():
            return do()

        async def there() -> T:
            return do()

        return asyncio.run_coroutine_threadsafe(there(), loop).result(_CALL_S)

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run ``work`` on the loop; from another thread, wait for it and return its result."""
        loop = self._loop
        if loop is None or loop.is_closed():
            work.close()
            return None
        if self._is_loop_thread():
            self._in_background(work)
            return None
        return asyncio.run_coroutine_threadsafe(work, loop).result(_CALL_S)

    def _in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            work.close()
            return

        def begin() -> None:
            task = loop.create_task(work)
            self._background.add(task)
            task.add_done_callback(self._background.discard)

        self._on_loop(begin)


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
