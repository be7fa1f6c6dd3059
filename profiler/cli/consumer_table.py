"""What consumers said of an export, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from profiler.cli.tables import console, show, table
from profiler.cli.text import clean
from profiler.consumers import ACCEPTED, NO_CONSUMER, REJECTED, UNAVAILABLE
from profiler.model import ConsumerCheck

_WORDS = {
    ACCEPTED: ("accepted", "green"),
    REJECTED: ("REJECTED", "bold red"),
    UNAVAILABLE: ("not here", "yellow"),
    NO_CONSUMER: ("none exists", "dim"),
}


def show_checks(folder: str, checks: Sequence[ConsumerCheck], summary: Sequence[str]) -> None:
    """A row a check, then ``summary``."""
    rows = [
        (check.target, check.consumer, Text(*_WORDS[check.status]), check.checked or "–",
         check.text)
        for check in checks
    ]  # fmt: skip
    columns = ("format", "loaded by", "", ">values", "what it said")
    show(table(f"{folder}: exported files in the programs they are for", columns, rows))
    for line in summary:
        console().print(Text(clean(line)))
