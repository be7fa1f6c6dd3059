"""Filters and orders of the fleet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from dashboard import look
from dashboard.views.fleet.answers import Answer
from dashboard.views.fleet.rows import Family, FleetRow
from profiler.model import Platform, Verdict

TESTS = {"L1": "Round trip", "A1": "Echo", "A9": "Barge-in", "G1": "Buffer", "D1": "Silent capture"}
"""Whose verdicts can be asked for; ``A1`` stands for A1 and A2."""
REAL, VIRTUAL = "real", "virtual"
KINDS = (REAL, VIRTUAL)


@dataclass(frozen=True, slots=True)
class FleetFilter:
    """Which rows to show; what is left at its default does not restrict."""

    text: str = ""
    """Every word must be in name, model code, SoC, system or build."""
    makers: tuple[str, ...] = ()
    socs: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ()
    kind: str = ""
    """:data:`REAL`, :data:`VIRTUAL` or both."""
    test_id: str = "L1"
    verdicts: tuple[Verdict | None, ...] = ()
    """Of :attr:`test_id`; ``None`` = it was never made."""
    only_outliers: bool = False
    outliers: Collection[Family] = field(default_factory=frozenset)


def filtered(rows: Iterable[FleetRow], where: FleetFilter) -> list[FleetRow]:
    """The rows that fit."""
    words = where.text.casefold().split()
    return [row for row in rows if _fits(row, where) and _has(row, words)]


def _fits(row: FleetRow, where: FleetFilter) -> bool:
    key = row.key
    return (
        (not where.makers or key.manufacturer in where.makers)
        and (not where.socs or key.soc in where.socs)
        and (not where.systems or row.system in where.systems)
        and (not where.platforms or row.platform in where.platforms)
        and (not where.kind or row.newest.is_virtual == (where.kind == VIRTUAL))
        and (not where.verdicts or answer_of(row, where.test_id).verdict in where.verdicts)
        and (not where.only_outliers or row.family in where.outliers)
    )


def _has(row: FleetRow, words: Sequence[str]) -> bool:
    if not words:
        return True
    all_of_it = f"{row.name} {row.key} {row.system}".casefold()
    return all(word in all_of_it for word in words)


def answer_of(row: FleetRow, test_id: str) -> Answer:
    """The answer of one of :data:`TESTS`."""
    return {
        "L1": row.round_trip, "A1": row.echo, "A9": row.barge_in, "G1": row.buffer,
        "D1": row.silent,
    }[test_id]  # fmt: skip


def choices(rows: Iterable[FleetRow], what: Callable[[FleetRow], str]) -> list[str]:
    """The values of a filter, in alphabetic order."""
    return sorted({what(row) for row in rows}, key=lambda text: (text.casefold(), text))


OFFERED: dict[str, Callable[[FleetRow], str]] = {
    "makers": lambda row: row.key.manufacturer, "socs": lambda row: row.key.soc,
    "systems": lambda row: row.system, "platforms": lambda row: row.platform.value,
}  # fmt: skip
"""Filters whose values are those of the fleet, by their name in the address."""


def verdict_name(verdict: Verdict | None) -> str:
    """``● pass``; of no result ``never made``."""
    return "never made" if verdict is None else look.verdict_words(verdict)


def kind_name(kind: str) -> str:
    """Of :data:`KINDS`."""
    return "simulated ◇" if kind == VIRTUAL else "real"


def in_words(where: FleetFilter) -> list[str]:
    """What the filters behind the button restrict, for people; texts are untrusted still."""
    names = ("system", where.systems), ("platform", [p.value for p in where.platforms])
    found = [f"{name}: {' or '.join(values)}" for name, values in names if values]
    if where.verdicts:
        said = " or ".join(verdict_name(v) for v in where.verdicts)
        found.append(f"{TESTS[where.test_id].lower()}: {said}")
    return [*found, f"kind: {kind_name(where.kind)}"] if where.kind else found


_MISSING = (1, 0.0)


def _by_answer(test_id: str) -> Callable[[FleetRow], tuple[int, float]]:
    def order(row: FleetRow) -> tuple[int, float]:
        rank = answer_of(row, test_id).rank
        return _MISSING if rank is None else (0, rank)

    return order


def _number(get: Callable[[FleetRow], float | None]) -> Callable[[FleetRow], tuple[int, float]]:
    def order(row: FleetRow) -> tuple[int, float]:
        value = get(row)
        return _MISSING if value is None else (0, value)

    return order


def _spread(row: FleetRow) -> float | None:
    one = row.latency
    return None if one is None or one.p95_ms is None else one.p95_ms - (one.p05_ms or 0.0)


STANDS_OUT = "what stands out"
ORDERS: dict[
    str, Callable[[FleetRow], tuple[int, float]] | Callable[[FleetRow], tuple[int, str]]
] = {
    "median round trip": _number(lambda r: r.median_ms),
    "spread (5 to 95 %)": _number(_spread),
    "echo removed": _by_answer("A1"),
    "barge-in volume": _by_answer("A9"),
    "safe buffer": _by_answer("G1"),
    "silent configurations": _by_answer("D1"),
    "age": _number(lambda r: -r.newest.last_at.timestamp()),
    "devices": _number(lambda r: r.newest.devices),
    "opens": _number(lambda r: r.sessions),
    "rejected": _number(lambda r: r.rejected),
    "OS builds": _number(lambda r: r.builds),
    "name": lambda r: (0, r.name.casefold()),
    "maker": lambda r: (0, r.key.manufacturer.casefold()),
    "SoC": lambda r: (0, r.key.soc.casefold()),
    "system": lambda r: (0, r.system.casefold()),
}
"""What a fleet can be sorted by; a missing value comes last in both directions."""


def ordered(
    rows: Iterable[FleetRow], by: str, *, descending: bool, outliers: Collection[Family]
) -> list[FleetRow]:
    """Rows in the order named; equal ones by their name. :data:`STANDS_OUT` puts those that do
    first, then the slowest; of both, what gave no latency comes last."""
    named = sorted(rows, key=lambda r: (r.name.casefold(), str(r.key), r.newest.is_virtual))
    if by == STANDS_OUT:
        slowest = ordered(named, "median round trip", descending=True, outliers=outliers)
        return sorted(slowest, key=lambda r: (r.family not in outliers, r.median_ms is None))
    order = ORDERS[by]
    there = [row for row in named if not order(row)[0]]
    missing = [row for row in named if order(row)[0]]
    there.sort(key=lambda row: order(row)[1], reverse=descending)
    return [*there, *missing]
