"""Property lists that a phone sent, read as the untrusted text they are.

What :mod:`plistlib` bounds by itself: it refuses XML entities (so no billion laughs), it never
resolves anything outside the text, and the tables of a binary list cannot be longer than the
list. What it does not: the size of the whole, the depth (a binary list recurses), lists that hold
themselves or share parts (a small file then *prints* as gigabytes), and which exceptions come out.
So sizes are bounded here, values are only ever looked up by name and type, and nothing that came
out of a list is printed, compared or walked through as a whole.
"""

from __future__ import annotations

import plistlib
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from xml.parsers.expat import ExpatError

from device_probes.fields import Malformed, clean

MAX_PLIST_BYTES = 1 << 20
"""An iPhone's lockdown tells some 20 kB of itself."""
_RAISED = (
    ValueError,  # also InvalidFileException, UnicodeDecodeError, binascii.Error
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
    EOFError,
    OSError,
    struct.error,
    ExpatError,
)
"""What plistlib lets through for one or another damaged list."""


class Values:
    """A dictionary out of a list; every look-up checks the type and the length."""

    def __init__(self, table: Mapping[object, object], where: str) -> None:
        self._table = table
        self._where = where

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def text(self, key: str, max_chars: int = 128) -> str:
        """A cleaned string, ``""`` when it is absent; raises :class:`Malformed`."""
        value = self._table.get(key, "")
        if not isinstance(value, str):
            raise self._wrong(key, value, "text")
        if len(value) > max_chars:
            raise Malformed(f"{self._where}.{key} has {len(value)} characters, {max_chars} at most")
        return clean(value).strip()

    def flag(self, key: str) -> bool | None:
        """``True`` or ``False``, ``None`` when it is absent; raises :class:`Malformed`."""
        value = self._table.get(key)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(key, value, "boolean")
        return value

    def whole(self, key: str, low: int, high: int) -> int | None:
        """A whole number, ``None`` when it is absent; raises :class:`Malformed`."""
        value = self._table.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, value, "whole number")
        if not low <= value <= high:  # not printed: it may have thousands of digits
            raise Malformed(f"{self._where}.{key} is not within {low}..{high}")
        return value

    def moment(self, key: str) -> datetime | None:
        """A point in time (property lists hold UTC), ``None`` when it is absent."""
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, datetime):
            raise self._wrong(key, value, "date")
        return value.replace(tzinfo=UTC)

    def inner(self, key: str) -> Values:
        """The dictionary at ``key``; empty when it is absent; raises :class:`Malformed`."""
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, value, "dictionary")
        return Values(value, f"{self._where}.{key}")

    def first(self, key: str, max_chars: int = 128) -> str:
        """The first text of the list at ``key``; ``""`` when there is none."""
        value = self._table.get(key, [])
        if not isinstance(value, list):
            raise self._wrong(key, value, "list")
        return Values({key: value[0]} if value else {}, self._where).text(key, max_chars)

    def _wrong(self, key: str, value: object, wanted: str) -> Malformed:
        return Malformed(f"{self._where}.{key} is no {wanted} but a {type(value).__name__}")


def read_plist(data: bytes, where: str, max_bytes: int = MAX_PLIST_BYTES) -> Values:
    """Parse one XML or binary property list whose root is a dictionary.

    Raises :class:`~device_probes.fields.Malformed` and nothing else, whatever the bytes are.
    """
    if len(data) > max_bytes:
        raise Malformed(f"{where} has {len(data)} bytes, {max_bytes} at most")
    try:
        table = plistlib.loads(data)
    except _RAISED as exc:
        raise Malformed(f"{where} is no property list ({type(exc).__name__})") from exc
    if not isinstance(table, dict):
        raise Malformed(f"{where} is no dictionary but a {type(table).__name__}")
    return Values(table, where)
