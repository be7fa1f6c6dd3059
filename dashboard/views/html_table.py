"""A table to be read, as HTML: a grid that sorts and scrolls, or one whose cells are Markdown,
takes the browser many times as long to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboard import text

if TYPE_CHECKING:
    import pandas as pd

CELL_CHARS: Final = 400
_STYLE: Final = """<style>
.cb-read{border-collapse:collapse;width:100%;font-size:.875rem}
.cb-read th{text-align:left;font-weight:400;opacity:.65}
.cb-read th,.cb-read td{padding:.35rem .6rem .35rem .3rem;vertical-align:top;
border-bottom:1px solid rgba(128,140,155,.3)}
</style>"""


def html_table(frame: pd.DataFrame) -> str:
    """``frame`` without its index. Every cell is text: nothing in it is markup."""
    head = "".join(f"<th>{text.html(name, CELL_CHARS)}</th>" for name in frame.columns)
    rows = (
        "".join(f"<td>{text.html(cell, CELL_CHARS)}</td>" for cell in row)
        for row in frame.itertuples(index=False, name=None)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'{_STYLE}<table class="cb-read"><tr>{head}</tr>{body}</table>'
