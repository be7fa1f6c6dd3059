"""Probes that behave until a chosen moment, for the far end of a real adb tunnel."""

from __future__ import annotations

import json
import socket
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from bad_probes import Script, exactly, frame, hold, report, stream

from device_probes.protocol import PROTOCOL_VERSION

Act = Callable[[socket.socket, dict[str, Any]], None]
FACTS: dict[str, Any] = {
    "platform": "android", "manufacturer": "", "model": "", "marketing_name": "", "soc": "",
    "os_name": "Android", "os_version": "", "os_build": "", "native_rate_hz": 48_000,
    "raw": {}, "collected_at": datetime(2026, 3, 1, tzinfo=UTC).isoformat(),
}  # fmt: skip


def serving(act: Act | None = None, *, facts: dict[str, Any] | bytes | None = None) -> Script:
    """Shake hands, give ``facts`` (an object, or a frame as it is), load, and ``act`` on a run."""
    answer = (
        facts if isinstance(facts, bytes) else frame({"type": "facts", "facts": facts or FACTS})
    )

    def script(sock: socket.socket) -> None:
        with suppress(ConnectionError):
            loading, left = {}, 0
            while True:
                header, payload = _message(sock)
                match header["type"]:
                    case "hello":
                        hello = {"type": "hello", "protocol": PROTOCOL_VERSION, "version": "9-fake"}
                        sock.sendall(frame(hello))
                    case "facts":
                        sock.sendall(answer)
                    case "load":
                        loading, left = header, header["frames"] * 4
                    case "pcm":
                        left -= len(payload)
                        if not left:
                            names = ("stimulus_id", "rate_hz", "crc32")
                            loaded = {name: loading[name] for name in names}
                            sock.sendall(frame({"type": "loaded", **loaded}))
                    case "run" if act is not None:
                        act(sock, header)
                    case "bye":
                        return

    return script


def _message(sock: socket.socket) -> tuple[dict[str, Any], bytes]:
    _, header, payload = struct.unpack("<4sII", exactly(sock, 12))
    return json.loads(exactly(sock, header)), exactly(sock, payload)


def recording(data: bytes, form: str, frames: int, **more: Any) -> Act:
    """Answer a run with ``data`` as the samples of ``frames`` frames at 8 kHz."""

    def act(sock: socket.socket, run: dict[str, Any]) -> None:
        told = {"type": "result", "report": report(**more), "format": form, "frames": frames}
        sock.sendall(frame(told))
        for at in range(0, len(data), 65_536):
            sock.sendall(frame({"type": "pcm", "offset": at}, data[at : at + 65_536]))
        sock.sendall(frame({"type": "done", "crc32": zlib.crc32(data)}))

    return act


def floats(*pattern: float) -> Act:
    """Answer a run with float samples that repeat ``pattern``, as many as were asked for."""

    def act(sock: socket.socket, run: dict[str, Any]) -> None:
        frames = round(run["request"]["duration_s"] * 8000)
        one = struct.pack(f"<{len(pattern)}f", *pattern)
        data = (one * (frames // len(pattern) + 1))[: 4 * frames]
        recording(data, "float32", frames)(sock, run)

    return act


def saying(*frames: bytes) -> Act:
    """Answer a run with frames as they are, then wait."""

    def act(sock: socket.socket, run: dict[str, Any]) -> None:
        sock.sendall(b"".join(frames))
        hold(sock)

    return act


def reporting(**more: Any) -> Act:
    """Answer a run with silence and a report that says ``more``."""

    def act(sock: socket.socket, run: dict[str, Any]) -> None:
        frames = round(run["request"]["duration_s"] * 8000)
        recording(bytes(2 * frames), "int16", frames, **more)(sock, run)

    return act


__all__ = ["FACTS", "floats", "recording", "reporting", "saying", "serving", "stream"]
