"""``chirpbench compare A B``: two models, or two OS builds of one, path by path."""

from __future__ import annotations

from argparse import Namespace

from rich.table import Table
from rich.text import Text

from db import queries
from db.queries import Filter
from profiler.cli.jsonlines import plain, print_json
from profiler.cli.lookup import LATENCY_TESTS, find_model
from profiler.cli.place import open_to_read
from profiler.cli.summary_table import VIRTUAL_MARK
from profiler.cli.tables import console, show, table
from profiler.cli.text import clean, model_text, number
from profiler.errors import InputError
from profiler.model import Difference, ModelKey, SessionRow
from profiler.summary.pairing import PathComparison, compare_by_path

_STYLES = {
    Difference.BETTER: "green",
    Difference.WORSE: "red",
    Difference.SAME: "",
    Difference.UNCLEAR: "yellow",
}


def execute(args: Namespace) -> int:
    """Compare on every path that both were measured on, at the same rate where they share one."""
    with open_to_read(args) as store:
        rows = queries.sessions(store, Filter(test_ids=LATENCY_TESTS))
    a, b = find_model(args.a, rows), find_model(args.b, rows)
    if a == b:
        raise InputError(f"both name the same model: {clean(a)}", hint="name two models")
    found = compare_paths(rows, a, b)
    if not found:
        raise InputError(
            f"{clean(a)} and {clean(b)} have no path in common",
            hint="measure both with the same plan",
        )
    if args.json:
        for entry in found:
            print_json({"kind": "comparison", "path": entry.path, "rate_hz": entry.rate_a_hz,
                        "rate_b_hz": entry.rate_b_hz, "caution": entry.caution,
                        **plain(entry.result)})  # fmt: skip
    else:
        show(_table(found, a, b))
        for entry in found:
            more = f"; {entry.caution}" if entry.caution else ""
            console().print(Text(clean(f"{entry.result.text}{more}")))
    return 0


def compare_paths(rows: list[SessionRow], a: ModelKey, b: ModelKey) -> list[PathComparison]:
    """One comparison for each path on which both have sessions."""
    of_a, of_b = ([row for row in rows if row.model_key == key] for key in (a, b))
    return compare_by_path(of_a, of_b, name_a=str(a), name_b=str(b))


def _table(found: list[PathComparison], a: ModelKey, b: ModelKey) -> Table:
    mark = f" ({VIRTUAL_MARK})" if any(f.result.is_virtual for f in found) else ""
    title = f"A = {model_text(a)}, B = {model_text(b)}{mark}"
    columns = (
        "path", ">rate Hz", ">A ms", ">B ms", ">sessions", ">A - B ms", ">95 % CI", "A is",
    )  # fmt: skip
    return table(title, columns, [_row(f) for f in found])


def _row(entry: PathComparison) -> tuple[object, ...]:
    c = entry.result
    return (
        str(entry.path).replace("/", " "),
        _rates(entry),
        number(c.median_a_ms),
        number(c.median_b_ms),
        f"{c.sessions_a} / {c.sessions_b}",
        "–" if c.shift_ms is None else f"{c.shift_ms:+.2f}",
        "–" if c.ci95_ms is None else f"{c.ci95_ms[0]:+.2f} … {c.ci95_ms[1]:+.2f}",
        Text(c.difference.value, style=_STYLES[c.difference]),
    )


def _rates(entry: PathComparison) -> str:
    a, b = entry.rate_a_hz, entry.rate_b_hz
    return f"{a}" if a == b else f"{a} / {b}"
