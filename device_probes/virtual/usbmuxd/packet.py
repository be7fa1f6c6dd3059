"""Packets of usbmuxd: a little-endian head of four words, then a property list.

::

    uint32  length of the whole packet, 16 included
    uint32  version: 1 = property lists (0, the old binary form, is not spoken)
    uint32  message: 8 = a property list
    uint32  tag: an answer repeats its question's; 0 for events

Source: libusbmuxd's ``usbmuxd-proto.h`` and what its clients send.
"""

from __future__ import annotations

import plistlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError

HEAD = struct.Struct("<4I")
VERSION, PLIST, BINARY_RESULT = 1, 8, 1
MAX_PACKET_BYTES = 1 << 20

OK, BAD_COMMAND, BAD_DEVICE, REFUSED, BAD_VERSION = 0, 1, 2, 3, 6
"""Numbers of a ``Result``."""


class BadPacket(ValueError):
    """A client that does not speak usbmuxd's language."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks."""

    body: dict[str, Any]
    tag: int
    version: int = VERSION

    @property
    def kind(self) -> str:
        """``MessageType``; ``""`` when it has none."""
        value = self.body.get("MessageType")
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """A whole number of the body; -1 when there is none."""
        value = self.body.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else -1


def body_bytes(head: bytes) -> int:
    """How much follows a head; raises :class:`BadPacket`."""
    length = HEAD.unpack(head)[0]
    if not HEAD.size <= length <= MAX_PACKET_BYTES:
        raise BadPacket(f"a packet of {length} bytes")
    return int(length) - HEAD.size


def read_request(head: bytes, body: bytes) -> Request:
    """The request of a whole packet; raises :class:`BadPacket`."""
    _, version, message, tag = HEAD.unpack(head)
    if version != VERSION or message != PLIST:
        return Request({}, tag, version=0)
    return Request(read_plist(body), tag)


def read_plist(data: bytes) -> dict[str, Any]:
    """A property list that is a dictionary; raises :class:`BadPacket`."""
    try:
        found = plistlib.loads(data)
    except (ValueError, TypeError, OverflowError, IndexError, ExpatError, AttributeError) as exc:
        raise BadPacket(f"no property list: {exc}") from exc
    if not isinstance(found, dict):
        raise BadPacket("the property list is no dictionary")
    return found


def answer(body: Mapping[str, Any], tag: int) -> bytes:
    """The bytes of an answer or, with tag 0, an event."""
    data = plistlib.dumps(dict(body))
    return HEAD.pack(HEAD.size + len(data), VERSION, PLIST, tag) + data


def result(number: int, tag: int) -> bytes:
    """A ``Result``."""
    return answer({"MessageType": "Result", "Number": number}, tag)


def binary_result(number: int, tag: int) -> bytes:
    """A result in the old binary form, for clients that speak nothing else."""
    return HEAD.pack(HEAD.size + 4, 0, BINARY_RESULT, tag) + struct.pack("<I", number)


def swapped(port: int) -> int:
    """A port number as ``Connect`` carries it: in network order inside a little-endian number."""
    return (port & 0xFF) << 8 | port >> 8 & 0xFF
