"""Runs a fleet's phones: one event loop in one thread serves all of their connections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from types import TracebackType

from device_probes.virtual.adbd import host
from device_probes.virtual.adbd.android import VirtualAndroid
from device_probes.virtual.adbd.core import ProbeLauncher
from device_probes.virtual.clock import Clock
from device_probes.virtual.driver import Fleet
from device_probes.virtual.link.loop import LoopThread, end_other_tasks

_CONNECT_S = 60.0


def make_phones(
    fleet: Fleet,
    clock: Clock | None = None,
    *,
    launcher: ProbeLauncher | None = None,
    apart: bool = False,
) -> list[VirtualAndroid]:
    """The phones of ``fleet`` that are reached by adb, not yet listening.

    Those of one call hear each other as their zones say, unless they are ``apart``.
    """
    phones = (p for p in fleet.phones(clock, apart=apart) if p.spec.link == "adb")
    return [VirtualAndroid(phone, launcher=launcher) for phone in phones]


class AdbDaemon:
    """Listens for adb servers on behalf of ``phones`` until :meth:`stop`; a context manager.

    ``adb_server_port`` is the server that the phones are plugged into: :meth:`connect_all` and
    ``unplug`` speak to it. Only addresses of this computer's loopback are listened on or dialled.
    """

    def __init__(
        self, phones: Iterable[VirtualAndroid], *, adb_server_port: int | None = None
    ) -> None:
        self.phones: Sequence[VirtualAndroid] = tuple(phones)
        self._server_port = adb_server_port
        self._loop = LoopThread("virtual-adbd")

    def __enter__(self) -> AdbDaemon:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen for every phone; raises ``OSError`` when no port is free."""
        try:
            self._loop.start(self._attach)
        except BaseException:  # Ctrl-C, too, must not leave phones listening
            self.stop()
            raise

    def connect_all(self) -> dict[str, str]:
        """Let the adb server connect to every phone; its words by serial number."""
        port = self._server_port
        if port is None:
            raise ValueError("no adb server is known")

        async def everyone() -> list[str]:
            return await asyncio.gather(*(host.connect(port, p.address) for p in self.phones))

        words = self._loop.result(everyone(), _CONNECT_S)
        return {phone.serial: text for phone, text in zip(self.phones, words, strict=True)}

    def stop(self) -> None:
        """End every connection and every probe. May be called twice."""
        if self._loop.alive:
            for phone in self.phones:
                phone.app.stop()
                if phone.browser is not None:
                    phone.browser.stop()
        self._loop.stop(self._detach)

    async def _attach(self) -> None:
        for phone in self.phones:
            await phone.attach(self._server_port)

    async def _detach(self) -> None:
        for phone in self.phones:
            await phone.detach()
        await end_other_tasks()
