"""The adb server's list of phones, read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from device_probes.fields import clean
from profiler.model import DeviceState

MAX_LISTED = 1024
_MAX_TAG_CHARS = 128
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
        network = _ADDRESS.match(self.serial) or "._adb-tls" in self.serial
        return "wifi" if network or self.serial.startswith("adb-") else "usb"

    @property
    def model(self) -> str:
        """The model as the server spells it, ``Pixel_7``; empty until the phone is authorised."""
        return self.tags.get("model", "")


def listed_devices(text: str) -> tuple[Listed, ...]:
    """Read the answer to ``host:devices-l``; lines that are none are skipped."""
    found = []
    for line in text.split("\n")[:MAX_LISTED]:
        match = _LINE.match(line.strip()[:4096])
        if match is None:
            continue
        tags = {k: clean(v)[:_MAX_TAG_CHARS] for k, v in _TAG.findall(match["rest"])}
        # Real lines have no colon after "usb": "no permissions … see [http://…] usb:1-4 …".
        tags.pop("http", None)
        tags.pop("https", None)
        serial = clean(match["serial"]).strip()
        none = serial == "(no serial number)" or not serial.strip("?")
        found.append(Listed("" if none else serial, match["state"], tags))
    return tuple(found)
