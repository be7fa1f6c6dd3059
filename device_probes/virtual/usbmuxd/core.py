"""A virtual iPhone as its services see it: state, events, and the way to the daemon's loop."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from device_probes.protocol import PROTOCOL_VERSION
from device_probes.virtual.link.app_device import AppDevice
from device_probes.virtual.link.loop import HomeLoop
from device_probes.virtual.link.moments import Moments
from device_probes.virtual.link.probe_process import HostileProbe, InstalledProbe
from device_probes.virtual.link.pump import pump
from device_probes.virtual.phone import VirtualPhone
from device_probes.virtual.usbmuxd.pipe import Pipe, Service
from device_probes.virtual.usbmuxd.probe_app import ProbeApp
from device_probes.virtual.usbmuxd.rules import IosRules
from device_probes.virtual.usbmuxd.state import PROBE_PORT, IphoneState
from device_probes.virtual.usbmuxd.words import AppleUnits
from profiler import __version__

_LOOK_S = 0.02
_OTHER_VERSION = "0.0.1"
"""Of a probe that speaks another contract."""


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
        self.home = HomeLoop()
        self.moments = Moments(self, self.home, lambda: self._unplugged)
        self.triggers = self.moments.triggers
        self.app = ProbeApp(
            phone, self.state, self.moments, self._installed, self._drop_probe_connections
        )
        self.services: dict[int, Service] = {}
        """What listens on its ports, beside the probe."""
        self.mux_id = 0
        """Another one each time it is plugged in; 0 = it is not."""
        self.connection = "USB"
        """``Network``: it is reached by Wi-Fi."""
        self.kept_record: bytes | None = None
        """A pair record that usbmuxd keeps, whether the phone still knows of it or not."""
        self.trust_asked = False
        """“Trust This Computer?” was shown."""
        self._carried: dict[asyncio.Task[Any], tuple[Pipe, int]] = {}
        self._unplugged = 0
        self._mux: Listeners | None = None

    # --- what usbmuxd sees ------------------------------------------------------------------------

    @property
    def plugged(self) -> bool:
        """Whether usbmuxd lists it."""
        return self.mux_id > 0

    async def open(self, port: int) -> Service | None:
        """What answers a new connection to ``port``; ``None``: nothing listens there."""
        await self.moments.event(f"mux:connect:{port}")
        await self.moments.thawed()
        return self._probe if port == self.app.port else self.services.get(port)

    async def carry(self, service: Service, pipe: Pipe, port: int) -> None:
        """Let ``service`` have the connection until either ends it, or the cable is pulled."""
        pipe.lead_to(self.moments)
        task = asyncio.ensure_future(service(pipe))
        self._carried[task] = pipe, port
        try:
            await asyncio.wait([task])
        finally:
            self._carried.pop(task, None)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _probe(self, pipe: Pipe) -> None:
        await self._awake()  # the system has taken the connection, the app does not know of it
        sock = self.app.connect()
        if sock is not None:  # it has not ended in this very moment
            await pump(_WhileAwake(pipe, self._awake), sock, self.moments, "stream:data")

    async def _awake(self) -> None:
        """Return when the probe is not suspended."""
        while self.app.asleep:
            await asyncio.sleep(_LOOK_S)

    def _installed(self) -> InstalledProbe:
        """The probe as it is now."""
        rules = IosRules(self.state, self.moments, self.app, drop=self._drop_connections)
        ours = self.probe_protocol in (None, PROTOCOL_VERSION)
        return InstalledProbe(
            AppDevice(AppleUnits(self.phone), self.moments, rules),
            __version__ if ours else _OTHER_VERSION,
            self.probe_protocol,
            self.hostile_probe,
        )

    def _drop_connections(self) -> None:
        self.home.call(self.hang_up)

    def _drop_probe_connections(self) -> None:
        self.home.call(lambda: self.hang_up(PROBE_PORT))

    # --- the cable and the loop -------------------------------------------------------------------

    def attach(self, mux: Listeners) -> None:
        """Belong to the running loop and be plugged in."""
        self.home.settle()
        self._mux = mux
        self.plug_in()

    async def detach(self) -> None:
        """End everything that runs for this phone."""
        self.moments.end()
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

    def freeze(self) -> None:
        """Answer nothing from now on, with every connection open."""
        self.moments.freeze()

    def thaw(self) -> None:
        """Go on where it froze."""
        self.moments.thaw()


class _WhileAwake:
    """A host's connection to an app that hears and says nothing while iOS has it suspended."""

    def __init__(self, pipe: Pipe, awake: Callable[[], Awaitable[None]]) -> None:
        self._pipe = pipe
        self._awake = awake
        self.piece_bytes = pipe.piece_bytes

    async def read(self) -> bytes:
        data = await self._pipe.read()
        await self._awake()
        return data

    async def write(self, data: bytes | memoryview) -> None:
        await self._awake()
        await self._pipe.write(data)


def udid_of(serial: str) -> str:
    """The UDID of a fleet's phone, in the form that phones since the iPhone XS have."""
    digest = hashlib.sha256(f"chirpbench {serial}".encode()).hexdigest().upper()
    return f"0000{digest[:4]}-00{digest[4:18]}"
