"""Benches to choose from, and their devices: what they are called, whose run is whose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from dashboard.views.live import Bench, BenchState


def named(bench: Bench, names: Mapping[str, str]) -> Bench:
    """The bench with its devices called as on every page: ``names`` are those of models, by run.
    A device that has not said what it is keeps what it is called on the bench."""
    lines = (
        replace(line, device_name=names.get(line.run_uuid or "", "") or line.device_name)
        for line in bench.lines
    )
    return replace(bench, lines=tuple(lines))


def run_uuids(benches: Iterable[Bench]) -> list[str]:
    """The runs of these benches, as an address may name them."""
    return [line.run_uuid for bench in benches for line in bench.lines if line.run_uuid]


def bench_of_run(benches: Iterable[Bench], run_uuid: str) -> str:
    """Which bench a run belongs to; empty when none of them."""
    return next((b.bench_uuid for b in benches if run_uuid in run_uuids([b])), "")


def follow_words(benches: Sequence[Bench]) -> str:
    """What is shown when no bench was chosen."""
    running = sum(bench.state is BenchState.RUNNING for bench in benches)
    if not running:
        return "the newest bench (none runs now)"
    return "the bench that runs now" if running == 1 else f"the {running} benches that run now"
