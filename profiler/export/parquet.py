"""The same table for data tools: typed columns, Parquet. The one door to pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

from profiler import __version__
from profiler.errors import InputError
from profiler.export.rows import (
    BOOLEANS,
    COLUMNS,
    INTEGERS,
    MODEL,
    NUMBERS,
    ORIGIN,
    SETTING,
    Cell,
    model_cells,
    origin_cells,
    setting_cells,
)
from profiler.export.target import Item
from profiler.model import Exported, ExportFile

NAME = "parquet"
TITLE = "one row for each model and setting, typed (Parquet)"
OPT_IN = False
LOADED_BY = 'frame = pyarrow.parquet.read_table("settings.parquet").to_pandas()'
NEEDS = "pyarrow"
"""Module that ``chirpbench[export]`` installs."""
FILE = "parquet/settings.parquet"


def export(items: Sequence[Item]) -> Exported:
    """All settings. Pure. Raises :class:`InputError` when pyarrow is not installed.

    ``value`` and ``default`` are texts as in the csv target; ``value_bool`` and ``value_number``
    hold the same value where it is one.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as exc:
        raise InputError("parquet needs pyarrow", hint="pip install 'chirpbench[export]'") from exc
    content = io.BytesIO()
    pq.write_table(_table(pa, items), content, compression="snappy")
    return Exported(NAME, (ExportFile(FILE, content.getvalue()),), unsupported=(), notes=())


def _table(pa: Any, items: Sequence[Item]) -> Any:
    settings = [setting for item in items for setting in item.advice.settings]
    of_item = pa.array(
        [n for n, item in enumerate(items) for _ in item.advice.settings], pa.int64()
    )
    by_item = {
        **_columns(pa, MODEL, map(model_cells, items)),
        **_columns(pa, ORIGIN, map(origin_cells, items)),
    }
    columns = {
        **_columns(pa, SETTING, map(setting_cells, settings)),
        **{name: column.take(of_item) for name, column in by_item.items()},
    }
    values = [setting.value for setting in settings]
    flags = [v if isinstance(v, bool) else None for v in values]
    numbers = [None if isinstance(v, bool | str | None) else float(v) for v in values]
    return pa.table(
        {
            **{name: columns[name] for name in COLUMNS},
            "value_bool": pa.array(flags, pa.bool_()),
            "value_number": pa.array(numbers, pa.float64()),
        }
    ).replace_schema_metadata({"chirpbench": __version__})


def _columns(pa: Any, names: Sequence[str], rows: Iterable[tuple[Cell, ...]]) -> dict[str, Any]:
    cells: list[Sequence[Cell]] = list(zip(*rows, strict=True)) or [()] * len(names)
    return {name: pa.array(cells[i], _type(pa, name)) for i, name in enumerate(names)}


def _type(pa: Any, name: str) -> Any:
    if name in INTEGERS:
        return pa.int64()
    if name in NUMBERS:
        return pa.float64()
    return pa.bool_() if name in BOOLEANS else pa.string()
