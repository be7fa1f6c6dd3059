"""Reads a compiled AndroidManifest.xml: the elements with their attributes, nothing more.

Chunks of ``uint16 type, uint16 header size, uint32 size`` (AOSP
``frameworks/base/libs/androidfw/include/androidfw/ResourceTypes.h``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_XML, _STRING_POOL, _RESOURCE_MAP, _START_ELEMENT = 0x0003, 0x0001, 0x0180, 0x0102
_UTF8_FLAG = 0x100
_TYPE_STRING = 0x03
_NONE = 0xFFFFFFFF
_MAX_STRINGS, _MAX_ELEMENTS, _MAX_ATTRIBUTES = 20_000, 5_000, 100
_MAX_CHARS = 2**20
"""Of all strings together: many of them may be said to lie at one and the same long place."""
ATTRIBUTE_NAMES = {
    0x01010003: "name",
    0x0101000F: "debuggable",
    0x0101020C: "minSdkVersion",
    0x0101021B: "versionCode",
    0x0101021C: "versionName",
    0x01010270: "targetSdkVersion",
    0x01010272: "testOnly",
}
"""Framework attributes go by number; their names may be stripped."""


class BadXml(ValueError):
    """No compiled XML."""


@dataclass(frozen=True, slots=True)
class Element:
    """A start tag."""

    name: str
    attributes: dict[str, str | int] = field(default_factory=dict)


def read_elements(data: bytes) -> list[Element]:
    """Start tags in document order; raises :class:`BadXml`."""
    try:
        return list(_elements(data))
    except (struct.error, IndexError, UnicodeDecodeError) as exc:
        raise BadXml(f"damaged: {exc}") from exc


def _elements(data: bytes) -> Iterator[Element]:
    kind, head, size = struct.unpack_from("<HHI", data)
    if kind != _XML or size > len(data):
        raise BadXml("no compiled XML")
    strings: list[str] = []
    numbers: tuple[int, ...] = ()
    count = 0
    at = head
    while at + 8 <= size:
        kind, head, length = struct.unpack_from("<HHI", data, at)
        if length < 8 or at + length > size:
            raise BadXml(f"a chunk of {length} bytes at {at}")
        if kind == _STRING_POOL:
            strings = _strings(data[at : at + length])
        elif kind == _RESOURCE_MAP:
            numbers = struct.unpack_from(f"<{(length - head) // 4}I", data, at + head)
        elif kind == _START_ELEMENT:
            count += 1
            if count > _MAX_ELEMENTS:
                raise BadXml("too many elements")
            yield _element(data[at + head : at + length], strings, numbers)
        at += length


def _element(body: bytes, strings: list[str], numbers: tuple[int, ...]) -> Element:
    _, name, start, size, count = struct.unpack_from("<IIHHH", body)
    if count > _MAX_ATTRIBUTES or size < 20:
        raise BadXml("too many attributes")
    attributes: dict[str, str | int] = {}
    for i in range(count):
        _, key, raw, _, _, kind, value = struct.unpack_from("<IIIHBBI", body, start + i * size)
        number = numbers[key] if key < len(numbers) else 0
        word = ATTRIBUTE_NAMES.get(number) or strings[key]
        if kind == _TYPE_STRING:
            attributes[word] = strings[value if raw == _NONE else raw]
        else:
            attributes[word] = value
    return Element(strings[name], attributes)


def _strings(chunk: bytes) -> list[str]:
    head, _, count, _, flags, start = struct.unpack_from("<HIIIII", chunk, 2)
    if count > _MAX_STRINGS:
        raise BadXml(f"{count} strings")
    offsets = struct.unpack_from(f"<{count}I", chunk, head)
    read = _utf8 if flags & _UTF8_FLAG else _utf16
    strings, left = [], _MAX_CHARS
    for offset in offsets:
        strings.append(read(chunk, start + offset))
        left -= len(strings[-1])
        if left < 0:
            raise BadXml(f"more than {_MAX_CHARS} letters")
    return strings


def _utf16(chunk: bytes, at: int) -> str:
    (size,) = struct.unpack_from("<H", chunk, at)
    at += 2
    if size & 0x8000:
        (low,) = struct.unpack_from("<H", chunk, at)
        size = (size & 0x7FFF) << 16 | low
        at += 2
    return chunk[at : at + 2 * size].decode("utf-16-le")


def _utf8(chunk: bytes, at: int) -> str:
    _, at = _length8(chunk, at)  # the size in characters
    size, at = _length8(chunk, at)
    return chunk[at : at + size].decode("utf-8")


def _length8(chunk: bytes, at: int) -> tuple[int, int]:
    if chunk[at] & 0x80:
        return (chunk[at] & 0x7F) << 8 | chunk[at + 1], at + 2
    return chunk[at], at + 1
