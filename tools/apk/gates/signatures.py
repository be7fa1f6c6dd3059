"""Reads a list of a platform's public methods in the format of Animal Sniffer.

Such a file is a gzip of Java objects of one class, ``Clazz(name, signatures, superClass,
superInterfaces)``, written by ``ObjectOutputStream``. This reads the part of that format
("Java Object Serialization Specification", chapter 6) that occurs in it.
"""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_NULL, _REFERENCE, _CLASS, _OBJECT, _STRING, _ARRAY = 0x70, 0x71, 0x72, 0x73, 0x74, 0x75
_BLOCK, _END = 0x77, 0x78
_FIRST_HANDLE = 0x7E0000
_WRITES_ITSELF = 0x01
_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class PublicClass:
    """What an app may use of one class of the platform; internal names (``android/os/Build``)."""

    parent: str | None
    interfaces: tuple[str, ...]
    signatures: frozenset[str]
    """``name(I)V`` for methods, ``name#I`` for fields."""


@dataclass(slots=True)
class _Shape:
    """A class description of the stream: names and types of its fields, parents first."""

    flags: int
    fields: list[tuple[str, str]]
    parent: _Shape | None = None


@dataclass(slots=True)
class _Value:
    """An object of the stream."""

    fields: dict[str, Any] = field(default_factory=dict)
    written: list[Any] = field(default_factory=list)
    """What its own ``writeObject`` wrote: the elements of a set."""


def read(path: Path) -> dict[str, PublicClass]:
    """Class name -> what is public of it.

    Raises:
        ValueError: not such a file, or broken.
    """
    try:
        stream = _Stream(gzip.decompress(path.read_bytes()))
        classes = {}
        while (value := stream.value()) is not None:
            found = value.fields
            classes[found["name"]] = PublicClass(
                parent=found["superClass"],
                interfaces=tuple(found["superInterfaces"] or ()),
                signatures=frozenset(found["signatures"].written),
            )
    except (EOFError, OSError, struct.error, IndexError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: not a list of public methods: {error!r}") from error
    return classes


class _Stream:
    """Values from the front of a serialised stream."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 4
        self.handles: list[Any] = []
        if data[:4] != b"\xac\xed\x00\x05":
            raise ValueError("not a stream of Java objects")

    def _take(self, form: str) -> int:
        (value,) = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return int(value)

    def _text(self) -> str:
        size = self._take("H")
        self.at += size
        return self.data[self.at - size : self.at].decode("utf-8")

    def value(self, depth: int = 0) -> Any:
        """The next object, string, array or None."""
        if depth > _MAX_DEPTH:
            raise ValueError("objects within objects without end")
        kind = self._take("B")
        if kind == _NULL:
            return None
        if kind == _REFERENCE:
            return self.handles[self._take("I") - _FIRST_HANDLE]
        if kind == _STRING:
            self.handles.append(self._text())
            return self.handles[-1]
        if kind == _ARRAY:
            self._shape(depth)
            items: list[Any] = []
            self.handles.append(items)
            items += [self.value(depth + 1) for _ in range(self._take("I"))]
            return items
        if kind == _OBJECT:
            return self._object(depth)
        raise ValueError(f"kind of object {kind:#x} at byte {self.at - 1}")

    def _shape(self, depth: int) -> _Shape | None:
        """A class description, which names its parent's."""
        if depth > _MAX_DEPTH:
            raise ValueError("classes of classes without end")
        kind = self._take("B")
        if kind == _NULL:
            return None
        if kind == _REFERENCE:
            found = self.handles[self._take("I") - _FIRST_HANDLE]
            if not isinstance(found, _Shape):
                raise ValueError("a reference to a class that is none")
            return found
        if kind != _CLASS:
            raise ValueError(f"kind of class {kind:#x} at byte {self.at - 1}")
        self._text()
        self.at += 8  # the version of the class
        shape = _Shape(0, [])
        self.handles.append(shape)
        shape.flags = self._take("B")
        for _ in range(self._take("H")):
            code, name = chr(self._take("B")), self._text()
            if code in "L[":
                self.value(depth + 1)  # the name of the field's class
            shape.fields.append((name, code))
        if self._take("B") != _END:
            raise ValueError("a class with notes of its own")
        shape.parent = self._shape(depth + 1)
        return shape

    def _object(self, depth: int) -> _Value:
        """An object: the fields of its oldest parent first."""
        lineage: list[_Shape] = []
        shape = self._shape(depth)
        while shape is not None:
            lineage.insert(0, shape)
            shape = shape.parent
        value = _Value()
        self.handles.append(value)
        for part in lineage:
            for name, code in part.fields:
                wanted = code in "L["
                value.fields[name] = self.value(depth + 1) if wanted else self._primitive(code)
            if part.flags & _WRITES_ITSELF:
                value.written += self._written(depth)
        return value

    def _primitive(self, code: str) -> int:
        return self._take({"B": "b", "I": "i", "J": "q", "S": "h", "Z": "B"}[code])

    def _written(self, depth: int) -> list[Any]:
        """Objects up to the end mark; blocks of plain bytes between them are stepped over."""
        found = []
        while (kind := self.data[self.at]) != _END:
            if kind == _BLOCK:
                self.at += 2 + self.data[self.at + 1]
            else:
                found.append(self.value(depth + 1))
        self.at += 1
        return found
