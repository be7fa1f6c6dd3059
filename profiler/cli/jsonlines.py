"""JSON for programs: finite numbers only, one object a line, a file whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import numbers
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import IO, Any

from profiler.errors import InputError

STDOUT = "-"


def plain(value: object) -> Any:
    """``value`` as JSON types: dataclasses to objects, enums to values, NaN and Inf to null."""
    converted: Any = value
    if isinstance(value, Enum):
        converted = plain(value.value)
    elif is_dataclass(value) and not isinstance(value, type):
        converted = {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    elif isinstance(value, Mapping):
        converted = {str(k): plain(v) for k, v in value.items()}
    elif isinstance(value, list | tuple | set | frozenset):
        converted = [plain(v) for v in value]
    elif isinstance(value, datetime):
        converted = value.isoformat()
    elif isinstance(value, Path):
        converted = str(value)
    elif value is not None and not isinstance(value, bool | int | str):
        converted = _number(value)
    return converted


def _number(value: object) -> int | float | None:
    if isinstance(value, numbers.Integral):
        return int(value)
    number = float(value)  # type: ignore[arg-type]  # anything else is a mistake of ours
    return number if math.isfinite(number) else None


def dumps(value: object) -> str:
    """One line of JSON. Characters beyond ASCII are escaped: any byte of a file name survives."""
    return json.dumps(plain(value), allow_nan=False)


def print_json(value: object) -> None:
    """Print ``value`` as one line on stdout."""
    print(dumps(value))


@contextlib.contextmanager
def open_output(target: str) -> Iterator[IO[str]]:
    """A text stream to ``target``; ``-`` is stdout.

    A file appears under its name only when the block ends without an exception. Raises
    :class:`InputError` when it cannot be created.
    """
    if target == STDOUT:
        yield sys.stdout
        return
    path = Path(target)
    special = path.exists() and not path.is_file() and not path.is_dir()  # a pipe, /dev/stdout
    part = path if special else path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "is a folder")
        stream = part.open("w", encoding="utf-8")
    except OSError as exc:
        raise InputError(
            f"cannot be written ({exc.strerror or exc})", file=target, hint="check the folder"
        ) from exc
    try:
        with stream:
            yield stream
        if not special:
            part.replace(path)
    finally:
        if not special:
            part.unlink(missing_ok=True)
