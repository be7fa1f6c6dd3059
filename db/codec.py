"""Frozen dataclasses to JSON-ready values and back, strictly, by their type hints.

Non-finite floats become the texts ``NaN``, ``Infinity`` and ``-Infinity`` (JSON has no such
numbers and PostgreSQL refuses them); times become ISO 8601 in UTC. A field that is missing,
unknown or of the wrong type raises :class:`~profiler.errors.StoreError`, never anything else.
Classes of a union are told apart by their field ``kind``, plain values by their type.
"""

from __future__ import annotations

import json
import math
import operator
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from numbers import Real
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from profiler.errors import StoreError

T = TypeVar("T")
Json = Any
"""None, bool, int, float, str, or lists and string-keyed dicts of them."""
_Step = Callable[[Any], Any]
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class _Wrong(Exception):
    """A value does not fit; ``where`` grows while it travels up."""

    def __init__(self, text: str, where: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.where = where


def encode(value: object) -> dict[str, Json]:
    """Turn a dataclass into JSON-ready values.

    Raises :class:`StoreError` when a field does not hold what its annotation says: what cannot
    be read back is not written.
    """
    try:
        cls: Any = type(value)
        result: dict[str, Json] = _encoder(cls)(value)
    except _Wrong as exc:
        where = _one_line(exc.where)
        raise StoreError(
            f"a {type(value).__name__} cannot be stored: {where}: {exc.text}",
            hint="please report this",
        ) from exc
    return result


def decode(cls: Callable[..., T], data: Json, *, where: str) -> T:
    """Turn stored values back into ``cls``; ``where`` names the row in the error.

    Raises :class:`StoreError` for anything :func:`encode` would not have written.
    """
    try:
        result: T = _decoder(cls)(data)
    except _Wrong as exc:
        raise StoreError(
            f"{_one_line(where)}: stored {_name(cls)} is damaged: "
            f"{_one_line(exc.where)}: {exc.text}",
            hint="restore the store from a copy, or read it with the version that wrote it",
        ) from exc
    return result


def dump_json(value: Json) -> str:
    """The one spelling of JSON in the store.

    ASCII only: NUL and lone surrogates travel as escapes, which every database takes.
    """
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


@cache
def _encoder(tp: Any) -> _Step:
    return _build(tp, encoding=True)


@cache
def _decoder(tp: Any) -> _Step:
    return _build(tp, encoding=False)


def _build(tp: Any, *, encoding: bool) -> _Step:
    step = _encoder if encoding else _decoder
    origin, args = get_origin(tp), get_args(tp)
    if origin in (Union, types.UnionType):
        inner = tuple(a for a in args if a is not type(None))
        found = step(inner[0]) if len(inner) == 1 else _any_of(inner, step)
        return found if len(inner) == len(args) else _optional(found)
    if origin is Literal:
        return _fixed_text(args)
    if origin is tuple:
        if args[-1] is Ellipsis:
            return _many(step(args[0]), encoding=encoding)
        return _fixed(tuple(step(a) for a in args), encoding=encoding)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(step(args[1]))
    return _build_plain(tp, encoding=encoding)


def _build_plain(tp: Any, *, encoding: bool) -> _Step:
    if is_dataclass(tp):
        return _encode_dataclass(tp) if encoding else _decode_dataclass(tp)
    if issubclass(tp, StrEnum):
        return _enum(tp, encoding=encoding)
    steps: dict[Any, _Step] = {
        str: _text,
        bool: _bool,
        int: _int,
        float: _float_out if encoding else _float_in,
        datetime: _time_out if encoding else _time_in,
    }
    return steps[tp]


def _one_line(text: str) -> str:
    """Names of rows and keys may come from a device."""
    return ascii(text)[1:-1].lstrip(".")[:200]


def _name(cls: Any) -> str:
    return str(cls.__name__)


def _show(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text[:60]}"


def _at(name: object, step: _Step, value: Any) -> Any:
    try:
        return step(value)
    except _Wrong as exc:
        raise _Wrong(exc.text, f".{name}{exc.where}") from exc


def _optional(step: _Step) -> _Step:
    return lambda value: None if value is None else step(value)


def _any_of(inner: tuple[Any, ...], step: Callable[[Any], _Step]) -> _Step:
    return _scalar(inner) if _SCALARS.issuperset(inner) else _one_of(inner, step)


_SCALARS = frozenset((bool, int, float, str))


def _scalar(types_: tuple[Any, ...]) -> _Step:
    """A value of one of several plain types, kept as it is; a number must be finite, because its
    text form would come back as text."""

    def convert(value: Any) -> Any:
        if type(value) not in types_ or (isinstance(value, float) and not math.isfinite(value)):
            names = ", ".join(t.__name__ for t in types_)
            raise _Wrong(f"one finite value of {names} is expected, not {_show(value)}")
        return value

    return convert


def _one_of(classes: tuple[Any, ...], step: Callable[[Any], _Step]) -> _Step:
    """Dataclasses that are told apart by the default of their field ``kind``."""
    by_kind = {get_args(get_type_hints(cls)["kind"])[0]: step(cls) for cls in classes}

    def convert(value: Any) -> Any:
        kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
        if not isinstance(kind, str) or kind not in by_kind:
            raise _Wrong(f"a kind of {', '.join(map(str, by_kind))} is expected, not {_show(kind)}")
        return by_kind[kind](value)

    return convert


def _many(step: _Step, *, encoding: bool) -> _Step:
    make = list if encoding else tuple

    def convert(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise _Wrong(f"a list is expected, not {_show(value)}")
        return make([step(item) for item in value])

    return convert


def _fixed(steps: tuple[_Step, ...], *, encoding: bool) -> _Step:
    make = list if encoding else tuple

    def convert(value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or len(value) != len(steps):
            raise _Wrong(f"{len(steps)} values are expected, not {_show(value)}")
        return make([step(item) for step, item in zip(steps, value, strict=True)])

    return convert


def _mapping(step: _Step) -> _Step:
    def convert(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _Wrong(f"a mapping is expected, not {_show(value)}")
        return {_text(key): _at(key, step, item) for key, item in value.items()}

    return convert


def _encode_dataclass(cls: Any) -> _Step:
    hints = get_type_hints(cls)
    steps = [(f.name, operator.attrgetter(f.name), _encoder(hints[f.name])) for f in fields(cls)]

    def convert(value: Any) -> Any:
        if not isinstance(value, cls):
            raise _Wrong(f"a {cls.__name__} is expected, not {_show(value)}")
        return {name: _at(name, step, get(value)) for name, get, step in steps}

    return convert


def _decode_dataclass(cls: Any) -> _Step:
    hints = get_type_hints(cls)
    steps = {f.name: _decoder(hints[f.name]) for f in fields(cls)}

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _Wrong(f"a {cls.__name__} is expected, not {_show(value)}")
        if value.keys() != steps.keys():
            missing = ", ".join(sorted(steps.keys() - value.keys())) or "none"
            unknown = ", ".join(sorted(value.keys() - steps.keys())) or "none"
            raise _Wrong(f"fields missing: {missing}; unknown: {unknown!a:.100}")
        name, found = "", []
        try:  # one loop without calls in between: a summary decodes tens of thousands of these
            for name, step in steps.items():
                found.append(step(value[name]))
        except _Wrong as exc:
            raise _Wrong(exc.text, f".{name}{exc.where}") from exc
        return cls(*found)

    return convert


def _enum(cls: type[StrEnum], *, encoding: bool) -> _Step:
    members = {member.value: member.value if encoding else member for member in cls}

    def convert(value: Any) -> Any:
        if not isinstance(value, str) or value not in members:
            raise _Wrong(f"{_show(value)} is no {cls.__name__}")
        return members[value]

    return convert


def _fixed_text(allowed: tuple[Any, ...]) -> _Step:
    def convert(value: Any) -> Any:
        if value not in allowed:
            raise _Wrong(f"{_show(value)} is not {', '.join(map(repr, allowed))}")
        return value

    return convert


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"text is expected, not {_show(value)}")
    return str(value)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(f"true or false is expected, not {_show(value)}")
    return value


def _int(value: Any) -> int:
    if isinstance(value, bool):
        raise _Wrong("a whole number is expected, not a truth value")
    try:
        return operator.index(value)
    except TypeError:
        raise _Wrong(f"a whole number is expected, not {_show(value)}") from None


def _float_out(value: Any) -> float | str:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _Wrong(f"a number is expected, not {_show(value)}")
    number = float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")


def _float_in(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise _Wrong("number too large") from None
    if isinstance(value, str) and value in _NON_FINITE:
        return _NON_FINITE[value]
    raise _Wrong(f"a number is expected, not {_show(value)}")


def _time_out(value: Any) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _Wrong(f"a time with a time zone is expected, not {_show(value)}")
    return value.astimezone(UTC).isoformat()


def _time_in(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _Wrong(f"a time is expected, not {_show(value)}") from None
    if moment.tzinfo is None:
        raise _Wrong(f"{value} has no time zone")
    return moment.astimezone(UTC)
