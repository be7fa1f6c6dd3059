"""Child program: asks mediastreamer2 (AGPL-3.0) for device rows. Nothing else imports it.

JSON on stdin: ``library``, ``rows``, ``unknown``, and ``shared``, a compiled C file that adds the
rows, or ``null``: then they are added here. JSON on stdout: ``found`` and ``unknown``.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Sequence
from typing import Any


class Row(ctypes.Structure):
    """``SoundDeviceDescription`` of mediastreamer2 5."""

    _fields_ = [
        ("manufacturer", ctypes.c_char_p),
        ("model", ctypes.c_char_p),
        ("platform", ctypes.c_char_p),
        ("flags", ctypes.c_uint),
        ("delay", ctypes.c_int),
        ("rate", ctypes.c_int),
        ("hacks", ctypes.c_void_p),
    ]


def main() -> int:
    """Add, look up, answer."""
    asked = json.load(sys.stdin)
    library = ctypes.CDLL(asked["library"], mode=ctypes.RTLD_GLOBAL)
    library.ms_devices_info_new.restype = ctypes.c_void_p
    text = (ctypes.c_char_p,) * 3
    library.ms_devices_info_add.argtypes = (
        ctypes.c_void_p, *text, ctypes.c_uint, ctypes.c_int, ctypes.c_int,
    )  # fmt: skip
    library.ms_devices_info_add.restype = None
    library.ms_devices_info_lookup_device.argtypes = (ctypes.c_void_p, *text)
    library.ms_devices_info_lookup_device.restype = ctypes.POINTER(Row)
    table = library.ms_devices_info_new()
    if asked["shared"] is None:
        for row in asked["rows"]:
            numbers = (row["flags"], row["delay_ms"], row["recommended_rate_hz"])
            library.ms_devices_info_add(table, *_names(_who(row)), *numbers)
    else:
        shared = ctypes.CDLL(asked["shared"])
        shared.chirpbench_add_devices.argtypes = (ctypes.c_void_p,)
        shared.chirpbench_add_devices(table)
    found = [_look_up(library, table, _who(row)) for row in asked["rows"]]
    unknown = _look_up(library, table, asked["unknown"])
    print(json.dumps({"found": found, "unknown": unknown}))  # noqa: T201 - the answer
    return 0


def _who(row: dict[str, Any]) -> list[str]:
    return [row["manufacturer"], row["model"], row["platform"]]


def _names(texts: Sequence[str]) -> list[bytes]:
    return [text.encode("utf-8", "surrogatepass") for text in texts]


def _look_up(library: ctypes.CDLL, table: int, texts: Sequence[str]) -> dict[str, Any] | None:
    found = library.ms_devices_info_lookup_device(table, *_names(texts))
    if not found:
        return None
    row = found.contents
    return {
        "model": row.model.decode("utf-8", "surrogatepass"),
        "flags": row.flags,
        "delay_ms": row.delay,
        "recommended_rate_hz": row.rate,
    }


if __name__ == "__main__":
    raise SystemExit(main())
