"""A fleet of virtual phones behind adb in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_probes.virtual.clock import Clock
from device_probes.virtual.link.process import PhonesProcess


@dataclass(frozen=True, slots=True)
class FleetPhone:
    """One phone of a running fleet."""

    serial: str
    port: int
    name: str

    @property
    def address(self) -> str:
        """What ``adb connect`` is given, and its serial in adb's list."""
        return f"127.0.0.1:{self.port}"


class FleetProcess(PhonesProcess[FleetPhone]):
    """Starts and ends it; a context manager, and iterable over its phones.

    With ``adb_server_port`` that private adb server is asked to quit when the fleet ends, whoever
    ended it; with ``connect`` it is told to connect to every phone before :meth:`start` returns.
    For the rest see :class:`~device_probes.virtual.link.process.PhonesProcess`.
    """

    module = "device_probes.virtual.adbd"
    who = "virtual fleet"

    def __init__(
        self,
        fleet: Path | None = None,
        clock: Clock | None = None,
        *,
        toml: str | None = None,
        serials: Sequence[str] = (),
        adb_server_port: int | None = None,
        connect: bool = False,
        apart: bool = False,
    ) -> None:
        options = ["--connect"] if connect else []
        if adb_server_port is not None:
            options += ["--adb-server-port", str(adb_server_port)]
        super().__init__(fleet, clock, toml=toml, serials=serials, apart=apart, options=options)

    def _phone(self, row: Mapping[str, Any]) -> FleetPhone:
        return FleetPhone(row["serial"], row["port"], row["name"])
