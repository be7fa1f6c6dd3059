"""Reads what the gates need of a Java class file (chapter 4 of the Java Virtual Machine spec)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

ACC_PRIVATE = 0x0002
ACC_STATIC = 0x0008
ACC_INTERFACE = 0x0200
ACC_ABSTRACT = 0x0400

_SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4}
_SIZES |= {15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
"""Constant pool tag -> bytes after the tag; Utf8 (1) carries its own length."""
_DYNAMIC = {15: "MethodHandle", 16: "MethodType", 17: "Dynamic", 18: "InvokeDynamic"}
"""Constants that only lambdas, method references and string templates bring."""


@dataclass(frozen=True, slots=True)
class Member:
    """A method (``name(I)V``) or field (``name#I``), named as the lists of public methods do."""

    signature: str
    access: int


@dataclass(frozen=True, slots=True)
class ClassFile:
    """One class: internal names (``java/lang/Object``), no code."""

    major: int
    """52 is Java 8."""
    name: str
    access: int
    parent: str | None
    interfaces: tuple[str, ...]
    members: tuple[Member, ...]
    dynamic: tuple[str, ...]
    """Kinds of constant in it that dx cannot turn into code for Android 8."""


class _Reader:
    """Big-endian numbers from the front of a buffer."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, form: str) -> int:
        size = struct.calcsize(">" + form)
        (value,) = struct.unpack_from(">" + form, self.data, self.at)
        self.at += size
        return int(value)

    def skip(self, size: int) -> None:
        self.at += size


def parse(data: bytes) -> ClassFile:
    """One class file.

    Raises:
        ValueError: it is not one.
    """
    reader = _Reader(data)
    try:
        if reader.take("I") != 0xCAFEBABE:
            raise ValueError("not a class file: wrong magic number")
        reader.skip(2)
        major = reader.take("H")
        texts, names, tags = _constants(reader)
        access = reader.take("H")
        own, parent = reader.take("H"), reader.take("H")
        interfaces = [names[reader.take("H")] for _ in range(reader.take("H"))]
        members = _members(reader, texts, "#") + _members(reader, texts, "")
        return ClassFile(
            major=major,
            name=texts[names[own]],
            access=access,
            parent=texts[names[parent]] if parent else None,
            interfaces=tuple(texts[i] for i in interfaces),
            members=tuple(members),
            dynamic=tuple(_DYNAMIC[tag] for tag in sorted(tags & _DYNAMIC.keys())),
        )
    except (struct.error, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"not a whole class file: {error!r}") from error


def _constants(reader: _Reader) -> tuple[dict[int, str], dict[int, int], set[int]]:
    """Texts by index, class entry -> index of its name, and every tag that occurs."""
    texts: dict[int, str] = {}
    names: dict[int, int] = {}
    tags: set[int] = set()
    index, count = 1, reader.take("H")
    while index < count:
        tag = reader.take("B")
        tags.add(tag)
        if tag == 1:
            size = reader.take("H")
            texts[index] = reader.data[reader.at : reader.at + size].decode(
                "utf-8", "surrogatepass"
            )
            reader.skip(size)
        elif tag == 7:
            names[index] = reader.take("H")
        else:
            reader.skip(_SIZES[tag])
        index += 2 if tag in (5, 6) else 1  # long and double take two places
    return texts, names, tags


def _members(reader: _Reader, texts: dict[int, str], between: str) -> list[Member]:
    """One table of fields or methods; attributes are stepped over."""
    found = []
    for _ in range(reader.take("H")):
        access, name, descriptor = (reader.take("H") for _ in range(3))
        found.append(Member(texts[name] + between + texts[descriptor], access))
        for _ in range(reader.take("H")):
            reader.skip(2)
            reader.skip(reader.take("I"))
    return found
