"""The adb server's list of phones, read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import AnyStr

from device_probes.fields import clean
from profiler.model import DeviceState

MAX_LISTED = 1024
_MAX_TAG_CHARS = 128
_END_BYTES = 2000
"""Kept of either end of a line: a serial is at one, the server's own number at the other."""
_STATES = (
    "device|offline|unauthorized|authorizing|connecting|no permissions|bootloader|recovery|rescue|"
    "sideload|host|unknown|detached"
)
_LINE = re.compile(rf"(?P<serial>\S.{{0,254}}?)\s+(?P<state>{_STATES})(?=[\s(;]|$)(?P<rest>.*)$")
_TAG = re.compile(r"(?:^|\s)([a-z_]{1,32}):(\S+)")
_ADDRESS = re.compile(r"\S+:\d{1,5}\Z")
_MEANING = {
    "device": DeviceState.READY,
    "unauthorized": DeviceState.UNAUTHORIZED,
    "authorizing": DeviceState.UNAUTHORIZED,
    "no permissions": DeviceState.NO_PERMISSION,
}


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of ``adb devices -l``; all of it untrusted."""

    serial: str
    """USB serial, ``host:port``, an mDNS name, ``emulator-5554``; empty when USB says none."""
    word: str
    """The server's word for its state."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> DeviceState:
        """What the word means; a phone in its boot loader or recovery is as good as offline."""
        return _MEANING.get(self.word, DeviceState.OFFLINE)

    @property
    def transport_id(self) -> int:
        """The server's number for this connection; new at every plug; 0 = not said."""
        digits = self.tags.get("transport_id", "")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0

    @property
    def usb_path(self) -> str:
        """Where it is plugged in, e.g. ``1-4.2``; empty for a network connection."""
        return self.tags.get("usb", "")

    @property
    def link(self) -> str:
        """``usb``, ``wifi``, or ``adb`` for something on this computer."""
        if self.usb_path:
            return "usb"
        if self.serial.startswith(("127.", "localhost:", "[::1]:", "emulator-")):
            return "adb"
        network = self.is_address or "._adb-tls" in self.serial
        return "wifi" if network or self.serial.startswith("adb-") else "usb"

    @property
    def is_address(self) -> bool:
        """Whether the serial is ``host:port``, which can be dialled."""
        return not self.usb_path and bool(_ADDRESS.match(self.serial))

    @property
    def model(self) -> str:
        """The model as the server spells it, ``Pixel_7``; empty until the phone is authorised."""
        return self.tags.get("model", "")


def listed_devices(text: str) -> tuple[Listed, ...]:
    """Read the answer to ``host:devices-l``; lines that are none are skipped."""
    found = []
    for line in text.split("\n")[:MAX_LISTED]:
        match = _LINE.match(_ends(line.strip()))
        if match is None:
            continue
        tags = _tags(match["rest"])
        serial = clean(match["serial"]).strip()
        none = serial == "(no serial number)" or not serial.strip("?")
        found.append(Listed("" if none else serial, match["state"], tags))
    return tuple(found)


def _tags(rest: str) -> dict[str, str]:
    """What follows the state. The server's own words come first (``usb``) and last
    (``transport_id``); a phone's name between them may be made to look like either."""
    found: dict[str, str] = {}
    for key, value in _TAG.findall(rest):
        if key in ("http", "https"):  # "no permissions … see [http://…] usb:1-4 …"
            continue
        if key == "transport_id" or (key not in found and not (key == "usb" and found)):
            found[key] = clean(value)[:_MAX_TAG_CHARS]
    return found


def read_list(receive: Callable[[int], bytes]) -> str:
    """The answer to ``host:devices-l`` up to the end of the connection, in bounded memory.

    It begins with its length in four hex digits, or in more: one phone can announce a name of a
    megabyte, which must not hide the others. Raises ``EOFError`` when it is not whole.
    """
    size, kept, line = 0, bytearray(), b""
    while part := receive(65_536):
        size += len(part)
        *whole, line = (line + part).split(b"\n")
        for one in whole:
            if len(kept) < MAX_LISTED * 2 * _END_BYTES:
                kept += _ends(one) + b"\n"
        line = _ends(line)
    kept += line
    for digits in range(4, 9):
        head = bytes(kept[:digits])
        if re.fullmatch(rb"[0-9a-fA-F]+", head) and int(head, 16) == size - digits:
            return kept[digits:].decode("utf-8", "replace")
    raise EOFError("the list of phones is not whole")


def _ends(line: AnyStr) -> AnyStr:
    return line if len(line) <= 2 * _END_BYTES else line[:_END_BYTES] + line[-_END_BYTES:]
