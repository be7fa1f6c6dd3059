"""Packets between an adb server and a device: a 24-byte header, then the payload.

Six little-endian 32-bit numbers: command (four letters), two arguments, payload length, sum of
the payload's bytes, command inverted. Source: AOSP ``packages/modules/adb/protocol.txt``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER_BYTES = 24
VERSION_CHECKSUMS = 0x01000000
VERSION_NO_CHECKSUMS = 0x01000001
"""From here on both sides send 0 for the checksum."""
MAX_PAYLOAD_BYTES = 2**20
MIN_PAYLOAD_BYTES = 4096
"""What every peer takes, also before the two sides have agreed."""

_HEADER = struct.Struct("<6I")
_INVERT = 0xFFFFFFFF


def _command(name: bytes) -> int:
    return int.from_bytes(name, "little")


CNXN = _command(b"CNXN")
AUTH = _command(b"AUTH")
OPEN = _command(b"OPEN")
OKAY = _command(b"OKAY")
CLSE = _command(b"CLSE")
WRTE = _command(b"WRTE")
COMMANDS = frozenset((CNXN, AUTH, OPEN, OKAY, CLSE, WRTE))
AUTH_TOKEN, AUTH_SIGNATURE, AUTH_PUBLIC_KEY = 1, 2, 3


class PacketError(Exception):
    """The peer sent something that is no packet, or one it must not send now."""


@dataclass(frozen=True, slots=True)
class Header:
    """What comes before a payload."""

    command: int
    arg0: int
    arg1: int
    length: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet."""

    command: int
    arg0: int
    arg1: int
    payload: bytes = b""

    def encode(self, *, checksum: bool) -> bytes:
        """Header and payload; without ``checksum`` the field is 0."""
        total = byte_sum(self.payload) if checksum else 0
        head = _HEADER.pack(
            self.command,
            self.arg0,
            self.arg1,
            len(self.payload),
            total,
            self.command ^ _INVERT,
        )
        return head + self.payload


def byte_sum(data: bytes) -> int:
    """The protocol's checksum."""
    return sum(data) & _INVERT


def read_header(data: bytes, max_payload_bytes: int) -> Header:
    """Parse :data:`HEADER_BYTES` bytes; raises :class:`PacketError`."""
    if len(data) != HEADER_BYTES:
        raise PacketError(f"a header of {len(data)} bytes")
    command, arg0, arg1, length, checksum, magic = _HEADER.unpack(data)
    if command ^ _INVERT != magic:
        raise PacketError(f"wrong magic {magic:#x} for command {command:#x}")
    if command not in COMMANDS:
        raise PacketError(f"unknown command {command:#x}")
    if length > max_payload_bytes:
        raise PacketError(f"a payload of {length} bytes, {max_payload_bytes} are allowed")
    return Header(command, arg0, arg1, length, checksum)
