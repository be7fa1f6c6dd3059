"""Strict reading of JSON values that a device sent.

A *reader* turns one JSON value into a typed one or raises :class:`Malformed`. Text is cleaned:
control, bidirectional-override and surrogate code points become U+FFFD, so that nothing a device
says can break a line, a terminal or a database.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
E = TypeVar("E", bound=StrEnum)
Reader = Callable[[object], T]

MAX_JSON_DEPTH = 8
_MAX_INT_DIGITS = 20
# One that does not end reaches to the end of the text: or every quote in it would be tried anew.
_STRING = re.compile(r'"(?:[^"\\]|\\(?:.|\Z))*(?:"|\Z)', re.DOTALL)
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_WORD = re.compile(r"[a-z0-9][a-z0-9_.:-]*\Z")


class Malformed(ValueError):
    """The value is not what the contract says. The text is one line and names the field."""


def clean(text: str) -> str:
    """``text`` with every code point that could do harm replaced by U+FFFD."""
    return _UNSAFE.sub("\ufffd", text)


def shown(value: object, limit: int = 40) -> str:
    """A short, safe picture of an untrusted value for an error message."""
    text = clean(value if isinstance(value, str) else repr(value))
    return text if len(text) <= limit else text[:limit] + "…"


def loads(data: bytes) -> dict[str, Any]:
    """Parse one JSON object: UTF-8, no duplicate keys, no NaN/Inf, bounded depth and digits.

    Raises :class:`Malformed` and nothing else, whatever the bytes are.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Malformed("header is not UTF-8") from exc
    depth = 0
    for char in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if char in "[{" else -1
        if depth > MAX_JSON_DEPTH:
            raise Malformed(f"header is nested deeper than {MAX_JSON_DEPTH}")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_short_int,
        )
    except Malformed:
        raise
    except (ValueError, RecursionError) as exc:
        raise Malformed(f"header is no JSON ({shown(str(exc), 60)})") from exc
    if not isinstance(value, dict):
        raise Malformed("header is no JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Malformed("header names a key twice")
    return result


def _refuse_constant(name: str) -> float:
    raise Malformed(f"header holds {name}")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Malformed(f"header holds a number out of range ({shown(digits)})")
    return value


def _short_int(digits: str) -> int:
    if len(digits) > _MAX_INT_DIGITS:
        raise Malformed(f"header holds an integer of {len(digits)} digits")
    return int(digits)


class Fields:
    """One JSON object whose keys are read one by one; :meth:`end` refuses the keys left over."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{where} is no object")
        self._left: dict[str, object] = dict(value)
        self._where = where

    def get(self, key: str, reader: Reader[T]) -> T:
        """The required value ``key``."""
        if key not in self._left:
            raise Malformed(f"{self._where}.{key} is missing")
        return self._read(key, reader)

    def opt(self, key: str, reader: Reader[T]) -> T | None:
        """The value ``key``, or ``None`` when it is absent or null."""
        if self._left.get(key) is None:
            self._left.pop(key, None)
            return None
        return self._read(key, reader)

    def end(self) -> None:
        """Refuse keys nobody asked for: the versions are equal, so they are a mistake."""
        if self._left:
            raise Malformed(f"{self._where} has an unknown key {shown(next(iter(self._left)))!r}")

    def _read(self, key: str, reader: Reader[T]) -> T:
        value = self._left.pop(key)
        try:
            return reader(value)
        except Malformed as exc:
            raise Malformed(f"{self._where}.{key} {exc}") from exc


def text(max_chars: int, *, min_chars: int = 0) -> Reader[str]:
    """A cleaned string of ``min_chars`` to ``max_chars`` code points."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Malformed(f"is no text ({shown(value)})")
        if not min_chars <= len(value) <= max_chars:
            raise Malformed(f"has {len(value)} characters, {min_chars} to {max_chars} are allowed")
        return clean(value)

    return read


def word(max_chars: int = 64) -> Reader[str]:
    """A lower-case name: letters, digits and ``_ . : -``."""
    as_text = text(max_chars, min_chars=1)

    def read(value: object) -> str:
        name = as_text(value)
        if not _WORD.match(name):
            raise Malformed(f"is no lower_snake_case name ({shown(name)})")
        return name

    return read


def integer(low: int, high: int) -> Reader[int]:
    """A whole number within ``low``..``high``."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Malformed(f"is no whole number ({shown(value)})")
        if not low <= value <= high:
            raise Malformed(f"is {shown(value)}, {low} to {high} are allowed")
        return value

    return read


def number(low: float, high: float) -> Reader[float]:
    """A finite number within ``low``..``high``."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Malformed(f"is no number ({shown(value)})")
        if not low <= value <= high:  # false for NaN
            raise Malformed(f"is {shown(value)}, {low:g} to {high:g} are allowed")
        return float(value)

    return read


def boolean(value: object) -> bool:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        raise Malformed(f"is neither true nor false ({shown(value)})")
    return value


def choice(kind: type[E]) -> Reader[E]:
    """One value of a :class:`StrEnum`."""

    def read(value: object) -> E:
        try:
            return kind(str(value))
        except ValueError:
            allowed = ", ".join(member.value for member in kind)
            raise Malformed(f"is {shown(value)}, allowed: {allowed}") from None

    return read


def array(
    reader: Reader[T], max_items: int, *, exactly: int | None = None
) -> Reader[tuple[T, ...]]:
    """A list of at most ``max_items`` (or ``exactly``) values."""

    def read(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Malformed(f"is no list ({shown(value)})")
        if len(value) > max_items or (exactly is not None and len(value) != exactly):
            raise Malformed(f"has {len(value)} entries, {exactly or max_items} are allowed")
        return tuple(reader(item) for item in value)

    return read


def mapping(key: Reader[K], item: Reader[V], max_items: int) -> Reader[dict[K, V]]:
    """An object used as a table of at most ``max_items`` entries."""

    def read(value: object) -> dict[K, V]:
        if not isinstance(value, dict):
            raise Malformed(f"is no object ({shown(value)})")
        if len(value) > max_items:
            raise Malformed(f"has {len(value)} entries, {max_items} are allowed")
        return {key(k): item(v) for k, v in value.items()}

    return read
