"""Reads a dex file: its classes, and every framework member or type that each method refers to.

After the published layout of dex 035 (header, id tables, class data, code items).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.apk.gates.dexcode import references, unsigned

NO_INDEX = 0xFFFFFFFF
_HEADER = struct.Struct("<8sI20s20I")
_CLASS = struct.Struct("<8I")


@dataclass(frozen=True, slots=True)
class Reference:
    """Something named by an instruction: ``owner`` is a descriptor (``Landroid/os/Build;``)."""

    owner: str
    signature: str
    """``name(I)V``, ``name#I``, or empty for the type itself."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the app with what its code refers to."""

    signature: str
    uses: tuple[Reference, ...]
    direct: bool
    """Private, static or a constructor: only the app's own code can call it."""
    numbers: frozenset[int]
    """Integer constants in its code: how an API level in a comparison shows."""


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the app."""

    name: str
    parent: str | None
    interfaces: tuple[str, ...]
    methods: tuple[Method, ...]
    fields: tuple[str, ...]
    """``name#descriptor`` of its own fields."""


@dataclass(frozen=True, slots=True)
class DexFile:
    """Version (``035``) and classes."""

    version: str
    classes: tuple[Class, ...]


class _Tables:
    """The id tables of the file, decoded."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        magic, _, _, *numbers = _HEADER.unpack_from(data)
        if magic[:4] != b"dex\n" or magic[7] != 0:
            raise ValueError("not a dex file: wrong magic number")
        if numbers[0] != len(data) or numbers[2] != 0x12345678:
            raise ValueError(f"not a whole dex file: {len(data)} bytes, header says {numbers[0]}")
        self.version = magic[4:7].decode("ascii")
        counts = numbers[6:]  # pairs of count and offset: strings, types, protos, fields, ...
        self.strings = [self._string(at) for (at,) in self._rows("<I", *counts[0:2])]
        self.types = [self.strings[i] for (i,) in self._rows("<I", *counts[2:4])]
        self.protos = [
            "(" + "".join(self.types[i] for i in self.type_list(at)) + ")" + self.types[result]
            for _, result, at in self._rows("<3I", *counts[4:6])
        ]
        self.fields = [
            Reference(self.types[owner], f"{self.strings[name]}#{self.types[kind]}")
            for owner, kind, name in self._rows("<2HI", *counts[6:8])
        ]
        self.methods = [
            Reference(self.types[owner], self.strings[name] + self.protos[proto])
            for owner, proto, name in self._rows("<2HI", *counts[8:10])
        ]
        self.class_rows = list(self._rows(_CLASS.format, *counts[10:12]))

    def _rows(self, form: str, count: int, at: int) -> Iterator[tuple[int, ...]]:
        size = struct.calcsize(form)
        return struct.iter_unpack(form, self.data[at : at + size * count])

    def _string(self, at: int) -> str:
        _, at = unsigned(self.data, at)
        return self.data[at : self.data.index(b"\0", at)].decode("utf-8", "surrogatepass")

    def type_list(self, at: int) -> tuple[int, ...]:
        """Indices of a list of types; empty for offset 0."""
        if at == 0:
            return ()
        (count,) = struct.unpack_from("<I", self.data, at)
        return struct.unpack_from(f"<{count}H", self.data, at + 4)


def parse(data: bytes) -> DexFile:
    """Decode a dex file.

    Raises:
        ValueError: it is not one, or an offset or index in it leads nowhere.
    """
    try:
        tables = _Tables(data)
        return DexFile(tables.version, tuple(_class(tables, row) for row in tables.class_rows))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"not a whole dex file: {error!r}") from error


def _class(tables: _Tables, row: tuple[int, ...]) -> Class:
    """One row of the class table with its methods."""
    name, _, parent, interfaces, _, _, class_data, _ = row
    fields: list[str] = []
    methods: list[Method] = []
    if class_data:
        fields, methods = _members(tables, class_data)
    return Class(
        name=tables.types[name],
        parent=None if parent == NO_INDEX else tables.types[parent],
        interfaces=tuple(tables.types[i] for i in tables.type_list(interfaces)),
        methods=tuple(methods),
        fields=tuple(fields),
    )


def _members(tables: _Tables, at: int) -> tuple[list[str], list[Method]]:
    """The fields and methods of one class: four lists, indices as differences."""
    counts = []
    for _ in range(4):
        count, at = unsigned(tables.data, at)
        counts.append(count)
    fields: list[str] = []
    methods: list[Method] = []
    for kind, count in enumerate(counts):
        index = 0
        for _ in range(count):
            step, at = unsigned(tables.data, at)
            _, at = unsigned(tables.data, at)
            index += step
            if kind < 2:
                fields.append(tables.fields[index].signature)
                continue
            code, at = unsigned(tables.data, at)
            methods.append(_method(tables, index, code, direct=kind == 2))
    return fields, methods


def _method(tables: _Tables, index: int, at: int, *, direct: bool) -> Method:
    """One method: what its instructions and its catch clauses name."""
    if at == 0:
        return Method(tables.methods[index].signature, (), direct, frozenset())
    kinds: dict[str, Sequence[str | Reference]] = {
        "type": tables.types,
        "field": tables.fields,
        "method": tables.methods,
    }
    uses: list[Reference] = []
    numbers: set[int] = set()
    for kind, value in references(tables.data, at):
        if kind == "number":
            numbers.add(value)
        else:
            named = kinds[kind][value]
            uses.append(Reference(named, "") if isinstance(named, str) else named)
    named_once = tuple(dict.fromkeys(uses))
    return Method(tables.methods[index].signature, named_once, direct, frozenset(numbers))
