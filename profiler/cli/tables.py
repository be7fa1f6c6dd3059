"""Tables for people. Every cell is plain text: what a device says is never markup."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from profiler.cli.text import clean
from profiler.model import Verdict

MIN_TEXT_WIDTH = 6
"""A narrower column shows a letter a line."""
PIPE_WIDTH = 200
"""Columns when the output is no terminal: wide enough that ``grep`` finds whole rows."""

STYLES = {
    Verdict.PASS: "green",
    Verdict.MARGINAL: "yellow",
    Verdict.FAIL: "red",
    Verdict.NOT_MEASURABLE: "magenta",
    Verdict.ERROR: "bold red",
    Verdict.SKIPPED: "dim",
}

TRIAL_WORDS = {
    **{verdict: verdict.value for verdict in Verdict},
    Verdict.PASS: "valid",
    Verdict.MARGINAL: "valid, with a warning",
    Verdict.FAIL: "rejected",
}
"""A trial passes nothing: its verdict says what its recording is worth, as on the dashboard
(docs/reasons.md). Only a test judges the phone."""
TRIAL_STYLES = {
    **STYLES, Verdict.PASS: "", Verdict.MARGINAL: "", Verdict.FAIL: STYLES[Verdict.NOT_MEASURABLE]
}  # fmt: skip


class PlainConsole(Console):
    """Shows text as it is, and leaves a reader that went away to :mod:`profiler.cli.entry`."""

    def on_broken_pipe(self) -> None:
        """Rich would end the process here."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """A console that shows text as it is."""
    stream = sys.stderr if stderr else sys.stdout
    # Rich takes the terminal's width, or COLUMNS.
    width = None if stream.isatty() or os.environ.get("COLUMNS") else PIPE_WIDTH
    return PlainConsole(file=stream, width=width, markup=False, emoji=False, highlight=False)


def show(table: Table) -> None:
    """Print ``table`` on stdout."""
    console().print(table)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, ruled: bool = False
) -> Table:
    """A table; a column whose name begins with ``>`` is right-aligned, for numbers.

    ``ruled`` puts a line between rows, for rows of several lines.
    """
    made = Table(
        title=Text(clean(title)) if title else None,
        title_justify="left",
        box=box.HORIZONTALS if ruled else box.SIMPLE_HEAD,
        show_lines=ruled,
        pad_edge=False,
    )
    for column in columns:
        name = column.removeprefix(">")
        right = name != column
        made.add_column(
            Text(name),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
            min_width=None if right else MIN_TEXT_WIDTH,
        )
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def _cell(value: object) -> Text:
    if isinstance(value, Verdict):
        return Text(value.value, style=STYLES[value])
    return value if isinstance(value, Text) else Text(clean(value))
