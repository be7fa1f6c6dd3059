"""What ``analyze`` shows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from profiler.cli.offline import FileOutcome
from profiler.cli.tables import table
from profiler.cli.text import latency, number
from profiler.model import Dropout, Jump


def offline_table(outcomes: Sequence[FileOutcome]) -> Table:
    """What ``analyze`` shows: one row a file."""
    columns = (
        "file", ">latency ms", ">confidence", ">drift ppm", ">SNR dB", "verdict", "reasons",
        "events",
    )  # fmt: skip
    return table("", columns, [_offline_row(o) for o in outcomes])


def _offline_row(outcome: FileOutcome) -> tuple[object, ...]:
    e = outcome.estimate
    if e is None:
        raise ValueError("only files that could be read have a row")
    value_ms = e.round_trip_latency_ms if e.valid else None
    return (
        outcome.file,
        latency(value_ms, e.uncertainty_us),
        number(e.confidence),
        number(e.drift_ppm if e.valid else None),
        number(e.snr_db, 1),
        e.verdict,
        ", ".join(e.reasons),
        "; ".join([*map(_dropout, e.dropouts), *map(_jump, e.jumps)]),
    )


def _dropout(event: Dropout) -> str:
    return f"{event.kind} {event.duration_ms:.1f} ms at {event.time_s:.3f} s"


def _jump(event: Jump) -> str:
    return f"jump {event.delta_ms:+.3f} ms at {event.time_s:.3f} s"
