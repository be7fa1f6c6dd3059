"""TOML files of the user against a pydantic shape, with complaints a person can act on."""

from __future__ import annotations

import difflib
import reprlib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from profiler.errors import InputError, PlanError

MAX_BYTES = 1_000_000
"""A plan of 500 devices with every key is 100 kB."""
MAX_COMPLAINTS = 20
MIN_PART = 4
"""Fewer letters are in a name by chance."""
MAX_MEANT = 3
T = TypeVar("T", bound=BaseModel)
Made = TypeVar("Made")
_MESSAGES = {
    "missing": "is missing",
    "string_type": "is not text",
    "int_type": "is not a whole number",
    "float_type": "is not a number",
    "list_type": "is not a list",
    "model_type": "is not a table",
    "model_attributes_type": "is not a table",
    "too_long": "has too many entries",
    "too_short": "is empty",
    "string_too_long": "is too long",
    "string_too_short": "is empty",
    "finite_number": "is not a finite number",
    "bool_type": "is not true or false",
    "greater_than": "is too small",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
}
_OWN = "plan"
"""Type of the complaints that :func:`complaint` makes."""


class Table(BaseModel):
    """A TOML table: unknown keys are complaints, and no value is converted in silence."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def complaint(key: str, message: str, value: object, allowed: str) -> PydanticCustomError:
    """What a validator of several keys raises."""
    return PydanticCustomError(
        _OWN,
        "{message}",
        {"key": key, "message": message, "value": value, "allowed": allowed},
    )


def read_toml(path: Path, table: type[T]) -> T:
    """Read a file. Raises :class:`PlanError` with every complaint, one a line."""
    try:
        with path.open("rb") as f:
            data = f.read(MAX_BYTES + 1)
    except OSError as exc:
        raise PlanError(f"cannot be read ({exc.strerror}); check the path", file=str(path)) from exc
    return parse_toml(data, table, file=str(path))


def parse_toml(data: bytes, table: type[T], *, file: str) -> T:
    """Parse the bytes of a file; ``file`` only names it in complaints.

    Raises :class:`PlanError` as :func:`read_toml`.
    """
    if len(data) > MAX_BYTES:
        raise PlanError(f"larger than {MAX_BYTES} bytes", file=file)
    try:
        tree = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise PlanError(f"is not UTF-8 text (at line {line})", file=file) from exc
    except (ValueError, RecursionError) as exc:  # TOMLDecodeError is a ValueError
        raise PlanError(f"is not TOML: {_syntax(exc, data)}", file=file) from exc
    try:
        return table.model_validate(tree)
    except ValidationError as exc:
        raise _joined(_complaints(exc, table, file), file) from exc


def _syntax(exc: Exception, data: bytes) -> str:
    """What is wrong and in which line, also where tomllib does not say the line."""
    if isinstance(exc, RecursionError):
        return "tables or lists are nested too deeply"
    if not isinstance(exc, tomllib.TOMLDecodeError):
        return "a number is too long"
    lines = data.count(b"\n") + 1
    return str(exc).replace("at end of document", f"at line {lines}, the end")


def _complaints(exc: ValidationError, table: type[BaseModel], file: str) -> list[PlanError]:
    found = []
    for error in exc.errors(include_url=False):
        loc, value = error["loc"], error["input"]
        if error["type"] == _OWN:
            ctx = error["ctx"]
            found.append(
                PlanError(
                    ctx["message"], file=file, key=ctx["key"], value=_short(ctx["value"]),
                    allowed=ctx["allowed"],
                )
            )  # fmt: skip
            continue
        model, allowed = _field(table, loc)
        if error["type"] == "extra_forbidden":
            message, allowed = _unknown(str(loc[-1]), model)
        else:
            message = _MESSAGES.get(error["type"], "is not allowed")
        if error["type"] == "missing":
            value = None
        found.append(
            PlanError(message, file=file, key=_dotted(loc), value=_short(value), allowed=allowed)
        )
    return found


def _joined(complaints: list[PlanError], file: str) -> PlanError:
    if len(complaints) == 1:
        return complaints[0]
    lines = [str(c) for c in complaints[:MAX_COMPLAINTS]]
    if len(complaints) > MAX_COMPLAINTS:
        lines.append(f"{file}: and {len(complaints) - MAX_COMPLAINTS} more")
    return PlanError("\n".join(lines))


def with_own(
    built_in: Mapping[str, Made], file: Path, key: str, own: Iterable[tuple[str, Made]]
) -> dict[str, Made]:
    """``built_in`` and what a user's file adds below ``key``; a result must say which it is of.

    Raises :class:`PlanError` for a name that is built in.
    """
    known = dict(built_in)
    for i, (name, made) in enumerate(own):
        if name in known:
            raise PlanError(
                f"is a built-in {key.removesuffix('s')}", file=str(file), key=f"{key}[{i}].name",
                value=name, allowed="a name other than " + ", ".join(known),
            )  # fmt: skip
        known[name] = made
    return known


def find_named(name: str, known: Mapping[str, Made], key: str) -> Made:
    """The entry of that name. Raises :class:`InputError` that names the nearest ones."""
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name[:64].lower(), known, n=3, cutoff=0.5)
    nearest = f"did you mean {' or '.join(close)}? " if close else ""
    raise InputError(
        f"unknown {key.removesuffix('s')} {name[:64]!r}",
        hint=f"{nearest}there are {', '.join(known)}; own ones come with --{key} FILE.toml",
    )


def _field(table: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[type[BaseModel], str]:
    """The table a location lies in, and what is allowed there."""
    model = table
    allowed = ""
    for part in loc:
        if isinstance(part, int) or part not in model.model_fields:
            continue
        field = model.model_fields[part]
        allowed = field.description or ""
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                model = kind
    return model, allowed


def _unknown(key: str, model: type[BaseModel]) -> tuple[str, str]:
    names = list(model.model_fields)
    # A part of several names says nothing of which is meant.
    held = [name for name in names if key.lower() in name] if len(key) >= MIN_PART else []
    close = held[:MAX_MEANT] or difflib.get_close_matches(key[:64], names, n=1, cutoff=0.6)
    meant = " or ".join(map(repr, close))
    message = f"unknown key, did you mean {meant}?" if close else "unknown key"
    return message, ", ".join(names)


def _dotted(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if part.isprintable() and len(part) <= 64 else reprlib.repr(part)
            text += f".{name}" if text else name
    return text


class _Shown(str):
    """A value already in the form it is to be shown in."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _short(value: Any) -> object:
    return None if value is None else _Shown(reprlib.repr(value))
