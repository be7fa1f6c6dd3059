"""A usbmuxd with virtual iPhones in a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_probes.virtual.clock import Clock
from device_probes.virtual.link.process import PhonesProcess
from profiler.errors import DeviceError


@dataclass(frozen=True, slots=True)
class FleetIphone:
    """One phone of a running fleet."""

    serial: str
    udid: str
    """As usbmuxd lists it."""
    name: str
    passcode: bool
    """It can be opened only by a person."""


class IphoneProcess(PhonesProcess[FleetIphone]):
    """Starts and ends it; a context manager, and iterable over its phones.

    ``socket_path`` is where usbmuxd listens; for the rest see
    :class:`~device_probes.virtual.link.process.PhonesProcess`.
    """

    module = "device_probes.virtual.usbmuxd"
    who = "virtual iPhones"

    def __init__(
        self,
        socket_path: Path,
        fleet: Path | None = None,
        clock: Clock | None = None,
        *,
        toml: str | None = None,
        serials: Sequence[str] = (),
        apart: bool = False,
    ) -> None:
        options = ["--socket", str(socket_path)]
        super().__init__(fleet, clock, toml=toml, serials=serials, apart=apart, options=options)
        self.socket_path = socket_path
        self._asking = threading.Lock()

    def do(
        self, serial: str, action: str, *, on: str | None = None, after: int = 0, **more: Any
    ) -> Any:
        """Do something to a phone, now or at the event ``on``; returns what came of it.

        Raises :class:`~profiler.errors.DeviceError` when it does not answer, or cannot.
        """
        wish: dict[str, Any] = {"phone": serial, "do": action, "with": more}
        if on is not None:
            wish |= {"on": on, "after": after}
        with self._asking:
            answer = self.ask(wish)
        if "error" in answer:
            raise DeviceError(str(answer["error"]), device=self.who)
        return answer.get("ok")

    def _phone(self, row: Mapping[str, Any]) -> FleetIphone:
        return FleetIphone(row["serial"], row["udid"], row["name"], row["passcode"])
