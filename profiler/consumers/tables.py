"""The tables, read back with Python's ``csv`` and with ``pyarrow`` (Apache-2.0)."""

from __future__ import annotations

import csv
import importlib.util
import io
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from profiler.consumers.checks import Comparison, Unreadable, rejected, unavailable
from profiler.consumers.files import read_bytes, read_text
from profiler.consumers.manifest import PARTS, settings
from profiler.model import ConsumerCheck

CSV = "csv"
CSV_FILE = "csv/settings.csv"
PARQUET = "parquet"
PARQUET_FILE = "parquet/settings.parquet"
INSTALL = "pip install 'chirpbench[export]'"
NEEDED = (*PARTS, "setting", "route", "value")


def check_csv(folder: Path) -> list[ConsumerCheck]:
    """Read the CSV file."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    compared = Comparison(CSV, f"csv of Python {version}")
    try:
        text = read_text(folder, CSV_FILE)
        # Nothing is trimmed, and a quote that is not closed is an error.
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        count = _compare(compared, folder, _named(rows))
    except (Unreadable, csv.Error) as exc:
        return [rejected(CSV, compared.consumer, f"{CSV_FILE}: {exc}")]
    return [compared.result(f"{count} rows read back, every value as in the manifest")]


def check_parquet(folder: Path) -> list[ConsumerCheck]:
    """Read the Parquet file."""
    if importlib.util.find_spec("pyarrow") is None:
        return [unavailable(PARQUET, "pyarrow", INSTALL)]
    import pyarrow as pa  # noqa: PLC0415 - an extra
    import pyarrow.parquet as pq  # noqa: PLC0415

    compared = Comparison(PARQUET, f"pyarrow {metadata.version('pyarrow')}")
    try:
        content = pa.BufferReader(read_bytes(folder, PARQUET_FILE))
        # Without threads of its own: they may abort the process when it ends (apache/arrow#34314).
        table = pq.ParquetFile(content, pre_buffer=False).read(use_threads=False)
        _need_columns(table.column_names)
        table = table.select(list(NEEDED))
        _need_texts(field.name for field in table.schema if not pa.types.is_string(field.type))
        count = _compare(compared, folder, table.to_pylist())
    except (Unreadable, pa.ArrowException, OSError) as exc:
        return [rejected(PARQUET, compared.consumer, f"{PARQUET_FILE}: {str(exc)[:200]}")]
    return [compared.result(f"{count} rows read back, every value as in the manifest")]


def _named(rows: list[list[str]]) -> Iterable[dict[str, str]]:
    if not rows:
        raise Unreadable("there is no heading")
    head, *body = rows
    _need_columns(head)
    for number, row in enumerate(body, 2):
        if len(row) != len(head):
            raise Unreadable(f"row {number} has {len(row)} fields, the heading {len(head)}")
    return (dict(zip(head, row, strict=True)) for row in body)


def _need_columns(names: Iterable[str]) -> None:
    missing = set(NEEDED) - set(names)
    if missing:
        raise Unreadable(f"there is no column {min(missing)}")


def _need_texts(others: Iterable[str]) -> None:
    for name in others:
        raise Unreadable(f"column {name} holds no text")


def _compare(compared: Comparison, folder: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    wanted = {
        (*model, key): value
        for model, values in settings(folder).items()
        for key, value in values.items()
    }
    got: dict[tuple[Any, ...], Any] = {}
    for row in rows:
        key = f"{row['setting']}@{row['route']}" if row["route"] else row["setting"]
        place = (*(row[part] for part in PARTS), key)
        if place in got:
            raise Unreadable(f"{place[1]!r} has {key} twice")
        got[place] = row["value"] or None  # an empty field is left to the system
    strangers = got.keys() - wanted.keys()
    for place in list(strangers)[:1]:
        compared.true(f"{place[1]!r}: {place[-1]} is not in the manifest", False)
    for place, value in wanted.items():
        compared.same(f"{place[1]!r}: {place[-1]}", _text(value), got.get(place))
    return len(got)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
