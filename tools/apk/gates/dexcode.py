"""Walks the instructions of one dex code item: lengths and operands of the Dalvik bytecode list."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ONE = {0x00, 0x01, 0x04, 0x07, *range(0x0A, 0x13), 0x1D, 0x1E, 0x21, 0x27, 0x28}
_ONE |= {*range(0x7B, 0x90), *range(0xB0, 0xD0)}
_THREE = {0x03, 0x06, 0x09, 0x14, 0x17, 0x1B, 0x24, 0x25, 0x26, 0x2A, 0x2B, 0x2C}
_THREE |= {*range(0x6E, 0x73), *range(0x74, 0x79)}
_UNUSED = {*range(0x3E, 0x44), 0x73, 0x79, 0x7A, *range(0xE3, 0x100)}
"""Not in dex 035: unused, or the method handles that Android 8 added."""

_TYPES = {0x1C, 0x1F, 0x20, 0x22, 0x23, 0x24, 0x25}
_FIELDS = set(range(0x52, 0x6E))
_METHODS = {*range(0x6E, 0x73), *range(0x74, 0x79)}


def _length(units: tuple[int, ...], at: int) -> int:
    """Code units of the instruction at ``at``, tables of numbers among the code included.

    Raises:
        ValueError: no instruction of dex 035.
    """
    first = units[at]
    opcode = first & 0xFF
    if first == 0x0100:  # packed-switch table
        return units[at + 1] * 2 + 4
    if first == 0x0200:  # sparse-switch table
        return units[at + 1] * 4 + 2
    if first == 0x0300:  # array table
        size = units[at + 2] | units[at + 3] << 16
        return (size * units[at + 1] + 1) // 2 + 4
    if opcode in _UNUSED:
        raise ValueError(f"opcode {opcode:#04x} is none of dex 035")
    if opcode in _ONE:
        return 1
    if opcode in _THREE:
        return 3
    return 5 if opcode == 0x18 else 2


def _number(units: tuple[int, ...], at: int) -> int | None:
    """The integer that the instruction at ``at`` loads or calculates with, if it does."""
    opcode = units[at] & 0xFF
    if opcode == 0x12:  # const/4: a signed half byte
        return (units[at] >> 12 ^ 8) - 8
    if opcode in (0x13, 0xD0, 0xD1):  # const/16, add-int/lit16, rsub-int
        return (units[at + 1] ^ 0x8000) - 0x8000
    return units[at + 1] >> 8 if opcode == 0xD8 else None  # add-int/lit8


def references(data: bytes, at: int) -> Iterator[tuple[str, int]]:
    """(``type``, ``field``, ``method`` or ``number``; index or value) of the code item at ``at``.

    Raises:
        ValueError: an instruction that dex 035 does not have.
        IndexError: the code ends in the middle of one.
    """
    _, _, _, tries, _, count = struct.unpack_from("<4H2I", data, at)
    units = struct.unpack_from(f"<{count}H", data, at + 16)
    position = 0
    while position < count:
        opcode = units[position] & 0xFF
        # Bytes of a table among the code are no instruction, though they look like a nop.
        is_table = opcode == 0 and units[position] != 0
        if not is_table:
            number = _number(units, position)
            if number is not None:
                yield "number", number
            for kind, opcodes in (("type", _TYPES), ("field", _FIELDS), ("method", _METHODS)):
                if opcode in opcodes:
                    yield kind, units[position + 1]
        position += _length(units, position)
    if tries:
        handlers = at + 16 + count * 2 + (count % 2) * 2 + tries * 8
        yield from (("type", index) for index in _caught(data, handlers))


def _caught(data: bytes, at: int) -> Iterator[int]:
    """The types in a list of catch handlers."""
    lists, at = unsigned(data, at)
    for _ in range(lists):
        size, at = _signed(data, at)
        for _ in range(abs(size)):
            index, at = unsigned(data, at)
            _, at = unsigned(data, at)
            yield index
        if size <= 0:  # a "catch all" follows
            _, at = unsigned(data, at)


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the offset behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _signed(data: bytes, at: int) -> tuple[int, int]:
    """A signed LEB128 number and the offset behind it."""
    value, end = unsigned(data, at)
    bits = 7 * (end - at)
    return (value - (1 << bits) if value >> (bits - 1) & 1 else value), end
