"""Writes the unsigned APK: a zip file whose every byte follows from its entries."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.apk import layout

DOS_TIME, DOS_DATE = 0, (1981 - 1980) << 9 | 1 << 5 | 1
"""1 January 1981, midnight: the same in every build."""
ALIGNMENT_FIELD = 0xD935
"""Extra field that pads an entry's data to a boundary, as zipalign and apksigner write it."""

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the APK."""

    name: str
    data: bytes
    stored: bool = False
    """Not deflated: what the phone maps straight from the file."""
    alignment: int = 4
    """The data start on a multiple of this many bytes (stored entries)."""


def native_entry(abi: str, library: bytes) -> Entry:
    """A library that Android loads from within the APK, on devices with pages of any size."""
    return Entry(f"lib/{abi}/{layout.LIBRARY}", library, stored=True, alignment=layout.PAGE_BYTES)


def _padding(at: int, name: bytes, entry: Entry) -> bytes:
    """The extra field that moves the data of an entry whose header is at ``at`` to its boundary."""
    if not entry.stored:
        return b""
    start = at + _LOCAL.size + len(name) + 6
    zeros = -start % entry.alignment
    return struct.pack("<HHH", ALIGNMENT_FIELD, 2 + zeros, entry.alignment) + bytes(zeros)


def _packed(entry: Entry) -> bytes:
    """The data as they are written."""
    if entry.stored:
        return entry.data
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(entry.data) + deflate.flush()


def write(entries: Iterable[Entry], path: Path) -> None:
    """A zip file of ``entries`` in their order: fixed dates, no owner, no system, no comment."""
    out, directory, count = bytearray(), bytearray(), 0
    for entry in entries:
        name, packed = entry.name.encode("ascii"), _packed(entry)
        at, extra = len(out), _padding(len(out), entry.name.encode("ascii"), entry)
        method = zipfile.ZIP_STORED if entry.stored else zipfile.ZIP_DEFLATED
        common = (20, 0, method, DOS_TIME, DOS_DATE, zlib.crc32(entry.data))
        sizes = (len(packed), len(entry.data), len(name))
        out += _LOCAL.pack(b"PK\x03\x04", *common, *sizes, len(extra)) + name + extra + packed
        directory += _CENTRAL.pack(b"PK\x01\x02", 20, *common, *sizes, 0, 0, 0, 0, 0, at) + name
        count += 1
    end = (0, 0, count, count, len(directory), len(out), 0)
    path.write_bytes(out + directory + _END.pack(b"PK\x05\x06", *end))


def contents(path: Path) -> dict[str, bytes]:
    """Name -> data of every entry, in the order of the file.

    Raises:
        zipfile.BadZipFile: it is no zip file, or an entry's checksum is wrong.
    """
    with zipfile.ZipFile(path) as opened:
        return {info.filename: opened.read(info) for info in opened.infolist()}


def data_offsets(path: Path) -> dict[str, int]:
    """Name -> where an entry's data start, in bytes from the start of the file."""
    raw = path.read_bytes()
    offsets = {}
    with zipfile.ZipFile(path) as opened:
        for info in opened.infolist():
            name_size, extra_size = struct.unpack_from("<2H", raw, info.header_offset + 26)
            start = info.header_offset + _LOCAL.size + name_size + extra_size
            offsets[info.filename] = start
    return offsets
