"""A usbmuxd with virtual iPhones in a process of its own, beside :mod:`.fleet_process`."""

from __future__ import annotations

import json
import os
import select
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from device_probes.virtual.clock import Clock
from device_probes.virtual.fleet_process import FleetProcess
from profiler.errors import DeviceError

_ANSWER_S = 15.0
_MAX_LINE_BYTES = 1_000_000
_WHO = "virtual iPhones"


class IphoneProcess(FleetProcess):
    """Starts and ends it; a context manager, and iterable over its phones, which have a ``udid``.

    ``socket_path`` is where usbmuxd listens; for the rest see :class:`FleetProcess`.
    """

    module = "device_probes.virtual.usbmuxd"

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
        super().__init__(fleet, clock, toml=toml, serials=serials, apart=apart)
        self._command += ["--socket", str(socket_path)]
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
            answer = self._asked(json.dumps(wish).encode() + b"\n")
        if "error" in answer:
            raise DeviceError(str(answer["error"]), device=_WHO)
        return answer.get("ok")

    def _asked(self, line: bytes) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise DeviceError("it does not run", device=_WHO, hint="start it first")
        end_s = time.monotonic() + _ANSWER_S
        data = bytearray()
        try:
            process.stdin.write(line)
            process.stdin.flush()
            pipe = process.stdout.fileno()
            while not data.endswith(b"\n"):
                ready, _, _ = select.select([pipe], [], [], max(end_s - time.monotonic(), 0.0))
                part = os.read(pipe, 65_536) if ready else b""
                data += part
                if not part or len(data) > _MAX_LINE_BYTES:
                    raise DeviceError("it does not answer", device=_WHO, hint="start it again")
            answer = json.loads(data)
        except (OSError, ValueError) as exc:
            raise DeviceError(f"it cannot be asked: {exc}", device=_WHO) from exc
        return answer if isinstance(answer, dict) else {}
