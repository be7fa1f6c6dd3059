"""A virtual iPhone as its services see it: state, events, and the way to the daemon's loop."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError
from typing import Any, Protocol, TypeVar

from device_probes.virtual.adbd.faults import Action, Triggers
from device_probes.virtual.phone import VirtualPhone
from device_probes.virtual.usbmuxd.pipe import Pipe, Service, pump
from device_probes.virtual.usbmuxd.probe_app import HostileProbe, ProbeApp
from device_probes.virtual.usbmuxd.state import IphoneState

T = TypeVar("T")
_CALL_S = 15.0


class Listeners(Protocol):
    """The usbmuxd a phone is plugged into."""

    def attached(self, phone: IphoneCore) -> None:
        """Tell every listener that it came."""
        ...

    def detached(self, phone: IphoneCore) -> None:
        """Tell every listener that it went."""
        ...


class IphoneCore:
    """One phone. Its state may be changed from any thread; its connections live on one loop."""

    hostile_probe: HostileProbe | None = None
    """Answers hosts in the probe's place."""
    probe_protocol: int | None = None
    """The contract that the installed probe speaks, when it is not ours."""

    def __init__(self, phone: VirtualPhone) -> None:
        self.phone = phone
        """What it sounds like, and the truth of every trial."""
        self.spec = phone.spec
        self.serial = phone.serial
        self.udid = udid_of(phone.serial)
        self.state = IphoneState()
        self.app = ProbeApp(self)
        self.triggers: Triggers[Any] = Triggers()
        self.services: dict[int, Service] = {}
        """What listens on its ports, beside the probe."""
        self.mux_id = 0
        """Another one each time it is plugged in; 0 = it is not."""
        self.connection = "USB"
        """``Network``: it is reached by Wi-Fi."""
        self._carried: dict[asyncio.Task[Any], tuple[Pipe, int]] = {}
        self._unplugged = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread: int | None = None
        self._mux: Listeners | None = None
        self._gate = asyncio.Event()
        self._gate.set()

    # --- what usbmuxd sees ------------------------------------------------------------------------

    @property
    def plugged(self) -> bool:
        """Whether usbmuxd lists it."""
        return self.mux_id > 0

    async def open(self, port: int) -> Service | None:
        """What answers a new connection to ``port``; ``None``: nothing listens there."""
        await self.event(f"mux:connect:{port}")
        await self.thawed()
        return self._probe if port == self.app.port else self.services.get(port)

    async def carry(self, service: Service, pipe: Pipe, port: int) -> None:
        """Let ``service`` have the connection until either ends it, or the cable is pulled."""
        pipe.lead_to(self)
        task = asyncio.ensure_future(service(pipe))
        self._carried[task] = pipe, port
        try:
            await asyncio.wait([task])
        finally:
            self._carried.pop(task, None)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _probe(self, pipe: Pipe) -> None:
        sock = self.app.connect()
        if sock is not None:  # it has not ended in this very moment
            await pump(pipe, sock, self, "stream:data")

    async def thawed(self) -> None:
        """Return when the phone is not frozen."""
        await self._gate.wait()

    # --- events -----------------------------------------------------------------------------------

    async def event(self, name: str, amount: int = 1) -> None:
        """Something happens: run what was set on it, then wait while the phone is frozen.

        Raises ``ConnectionResetError`` when that pulled the cable.
        """
        before = self._unplugged
        for action in self.triggers.due(name, amount):
            await self._act(action)
        await self._gate.wait()
        if self._unplugged != before:
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

    # --- the cable and the loop -------------------------------------------------------------------

    def attach(self, mux: Listeners) -> None:
        """Belong to the running loop and be plugged in."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._mux = mux
        self.plug_in()

    async def detach(self) -> None:
        """End everything that runs for this phone."""
        self.triggers.clear()
        self._gate.set()
        self.pull()
        await asyncio.sleep(0)

    def plug_in(self) -> None:
        """On the loop: be listed."""
        if not self.plugged and self._mux is not None:
            self._mux.attached(self)

    def pull(self) -> None:
        """On the loop: be listed no more, and every connection ends."""
        if not self.plugged or self._mux is None:
            return
        self._unplugged += 1
        self._mux.detached(self)
        self.mux_id = 0
        self.hang_up()

    def hang_up(self, port: int | None = None) -> None:
        """On the loop: end every connection, or those to one port."""
        for task, (pipe, leads_to) in list(self._carried.items()):
            if port in (None, leads_to):
                pipe.shut()
                task.cancel()

    def on_loop(self, do: Callable[[], T]) -> T:
        """Run ``do`` on the loop's thread and wait for it; here when there is none."""
        loop = self._loop
        if loop is None or loop.is_closed() or threading.get_ident() == self._loop_thread:
            return do()

        async def there() -> T:
            return do()

        return asyncio.run_coroutine_threadsafe(there(), loop).result(_CALL_S)

    def freeze(self) -> None:
        """Answer nothing from now on, with every connection open."""
        self.on_loop(self._gate.clear)

    def thaw(self) -> None:
        """Go on where it froze."""
        self.on_loop(self._gate.set)


def udid_of(serial: str) -> str:
    """The UDID of a fleet's phone, in the form that phones since the iPhone XS have."""
    digest = hashlib.sha256(f"chirpbench {serial}".encode()).hexdigest().upper()
    return f"0000{digest[:4]}-00{digest[4:18]}"
