"""Reads the parts of a shared library (ELF, little-endian) that Android's loader looks at."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

PT_LOAD, PT_DYNAMIC = 1, 2
PT_GNU_STACK, PT_GNU_RELRO = 0x6474E551, 0x6474E552
PF_X, PF_W = 1, 2
DT_NEEDED, DT_STRTAB, DT_SONAME, DT_TEXTREL, DT_BIND_NOW = 1, 5, 14, 22, 24
DT_FLAGS, DT_FLAGS_1 = 30, 0x6FFFFFFB
DF_TEXTREL, DF_BIND_NOW, DF_1_NOW = 4, 8, 1
SHT_DYNSYM = 11
ARM_HARD_FLOAT = 0x400


@dataclass(frozen=True, slots=True)
class Segment:
    """A row of the program header; bytes."""

    kind: int
    flags: int
    offset: int
    address: int
    file_bytes: int
    memory_bytes: int
    alignment: int


@dataclass(frozen=True, slots=True)
class Library:
    """What the gates ask about one shared library."""

    bits: int
    machine: int
    flags: int
    segments: tuple[Segment, ...]
    dynamic: tuple[tuple[int, int], ...]
    needed: tuple[str, ...]
    soname: str
    imported: frozenset[str]
    exported: frozenset[str]

    def of_kind(self, kind: int) -> list[Segment]:
        """The segments of one kind."""
        return [segment for segment in self.segments if segment.kind == kind]


@dataclass(frozen=True, slots=True)
class _Form:
    """Layouts of one ELF class."""

    header: struct.Struct
    segment: struct.Struct
    section: struct.Struct
    dynamic: struct.Struct
    symbol: struct.Struct


_FORMS = {
    32: _Form(*map(struct.Struct, ("<HHI3II6H", "<8I", "<10I", "<iI", "<3IBBH"))),
    64: _Form(*map(struct.Struct, ("<HHI3QI6H", "<2I6Q", "<2I4Q2I2Q", "<qQ", "<IBBH2Q"))),
}


def parse(data: bytes) -> Library:
    """Read a library.

    Raises:
        ValueError: it is not ELF, not little-endian, or an offset in it leads nowhere.
    """
    if data[:4] != b"\x7fELF" or data[4:5] not in (b"\1", b"\2") or data[5:6] != b"\1":
        raise ValueError("not a little-endian ELF file")
    bits = 32 if data[4] == 1 else 64
    try:
        return _library(data, bits, _FORMS[bits])
    except (struct.error, IndexError, OverflowError, ValueError) as error:
        raise ValueError(f"not a whole ELF file: {error!r}") from error


def _library(data: bytes, bits: int, form: _Form) -> Library:
    _, machine, _, _, segments_at, sections_at, flags, *sizes = form.header.unpack_from(data, 16)
    _, segment_size, segment_count, section_size, section_count, _ = sizes
    segments = tuple(
        _segment(bits, form.segment.unpack_from(data, segments_at + i * segment_size))
        for i in range(segment_count)
    )
    dynamic = tuple(_dynamic(data, form, segments))
    table = dict(dynamic)
    names = _file_offset(segments, table[DT_STRTAB]) if DT_STRTAB in table else 0
    imported: set[str] = set()
    exported: set[str] = set()
    for i in range(section_count):
        section = form.section.unpack_from(data, sections_at + i * section_size)
        if section[1] == SHT_DYNSYM:
            rows = data[section[4] : section[4] + section[5]]
            for name, defined in _symbols(rows, bits, form):
                (exported if defined else imported).add(_text(data, names + name))
    return Library(
        bits=bits,
        machine=machine,
        flags=flags,
        segments=segments,
        dynamic=dynamic,
        needed=tuple(_text(data, names + at) for tag, at in dynamic if tag == DT_NEEDED),
        soname=_text(data, names + table[DT_SONAME]) if DT_SONAME in table else "",
        imported=frozenset(imported),
        exported=frozenset(exported),
    )


def _segment(bits: int, row: tuple[int, ...]) -> Segment:
    """The two classes order the same numbers differently."""
    if bits == 64:
        kind, flags, offset, address, _, in_file, in_memory, alignment = row
    else:
        kind, offset, address, _, in_file, in_memory, flags, alignment = row
    return Segment(kind, flags, offset, address, in_file, in_memory, alignment)


def _dynamic(data: bytes, form: _Form, segments: tuple[Segment, ...]) -> Iterator[tuple[int, int]]:
    """(tag, value) of the dynamic section, without its end mark."""
    for segment in segments:
        if segment.kind == PT_DYNAMIC:
            for at in range(0, segment.file_bytes, form.dynamic.size):
                tag, value = form.dynamic.unpack_from(data, segment.offset + at)
                if tag == 0:
                    return
                yield tag, value


def _file_offset(segments: tuple[Segment, ...], address: int) -> int:
    """Where in the file an address of the loaded library comes from."""
    for segment in segments:
        inside = address - segment.address
        if segment.kind == PT_LOAD and 0 <= inside < segment.file_bytes:
            return segment.offset + inside
    raise ValueError(f"address {address:#x} is in no segment")


def _symbols(rows: bytes, bits: int, form: _Form) -> Iterator[tuple[int, bool]]:
    """(offset of its name, whether it is defined here) of all dynamic symbols but the empty first.

    Only whole rows; a table cut short raises ``struct.error``.
    """
    for row in list(form.symbol.iter_unpack(rows))[1:]:
        yield row[0], (row[3] if bits == 64 else row[5]) != 0


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("ascii")
