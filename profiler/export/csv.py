"""A table for spreadsheets and scripts: RFC 4180, UTF-8, every field quoted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from profiler.export.rows import COLUMNS, Cell, as_text, model_cells, origin_cells, setting_cells
from profiler.export.target import Item
from profiler.model import Exported, ExportFile

NAME = "csv"
TITLE = "one line for each model and setting (CSV)"
OPT_IN = False
LOADED_BY = 'rows = list(csv.DictReader(open("settings.csv", encoding="utf-8", newline="")))'
FILE = "csv/settings.csv"


def export(items: Sequence[Item]) -> Exported:
    """All settings; what is not known is an empty field. Pure."""
    lines = [_quoted(COLUMNS)]
    for item in items:
        # Quoted once for all rows of a model.
        model, origin = _quoted(model_cells(item)), _quoted(origin_cells(item))
        lines += [
            f"{model},{_quoted(setting_cells(setting))},{origin}"
            for setting in item.advice.settings
        ]
    content = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogatepass")
    return Exported(
        target=NAME,
        files=(ExportFile(FILE, content),),
        unsupported=(),
        notes=(
            "names stand as the phone says them; import them into a spreadsheet as text: a name "
            "that begins with = would be taken for a formula",
        ),
    )


def _quoted(cells: Iterable[Cell]) -> str:
    texts = [
        cell.replace('"', '""') if isinstance(cell, str) else as_text(cell) or "" for cell in cells
    ]
    return '"' + '","'.join(texts) + '"'
