"""Tables of stored runs, tests and trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from profiler.cli.summary_table import VIRTUAL_MARK, verdict_lines
from profiler.cli.tables import table
from profiler.cli.text import clean, latency, number
from profiler.model import DeviceFacts, RunRecord, TestResult, TrialRecord

SHORT = 8
"""Characters of a UUID in a table; ``results`` finds a run by them."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run with what belongs to it."""

    run: RunRecord
    facts: DeviceFacts | None
    tests: tuple[TestResult, ...]


def runs_table(found: Sequence[StoredRun]) -> Table:
    """One row a run."""
    rows = [
        (
            f"{s.run.started_at:%Y-%m-%d %H:%M:%S}",
            s.run.run_uuid[:SHORT],
            s.run.device_uid,
            model_name(s.facts),
            s.run.suite,
            status_text(s.run),
            verdict_lines(s.tests),
        )
        for s in found
    ]
    return table("", ("started (UTC)", "run", "device", "model", "suite", "status", "tests"), rows)


def run_heading(stored: StoredRun, cause: str = "") -> Text:
    """Which run this is, in two lines; ``cause``: why trials of it gave nothing."""
    run = stored.run
    text = Text(f"run {run.run_uuid} of bench {run.bench_uuid}\n", style="bold")
    text.append(
        clean(
            f"{run.device_uid}, {model_name(stored.facts)}, {run.suite}, {status_text(run)}, "
            f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC, chirpbench {run.tool_version}"
        ),
        style="not bold",
    )
    if run.message:
        text.append(f"\n{clean(run.message)}", style="not bold red")
    if cause:
        text.append(f"\n{cause}", style="not bold yellow")
    return text


def tests_table(title: str, tests: Sequence[TestResult]) -> Table:
    """One row a test, with what was found."""
    rows = [(t.test_id, t.verdict, ", ".join(t.reasons), t.text) for t in tests]
    return table(title, ("test", "verdict", "reasons", "found"), rows)


def trials_table(trials: Sequence[TrialRecord]) -> Table:
    """One row a trial: requested, granted, measured."""
    columns = (
        "test", ">no.", "requested", "granted", ">latency ms", ">drift ppm", ">reported ms",
        "verdict", "reasons",
    )  # fmt: skip
    return table("trials", columns, [_trial_row(t) for t in trials])


def _trial_row(t: TrialRecord) -> tuple[object, ...]:
    e, r = t.estimate, t.report
    measured = e if e is not None and e.valid else None
    granted = f"{r.output.rate_hz} / {r.input.rate_hz} Hz" if r else "–"
    return (
        t.test_id,
        f"{t.index}.{t.attempt}" if t.attempt > 1 else str(t.index),
        f"{t.request.rate_hz} Hz {t.request.path}".replace("/", " "),
        granted,
        latency(measured.round_trip_latency_ms, measured.uncertainty_us) if measured else "–",
        number(measured.drift_ppm) if measured else "–",
        number(r.reported_latency_ms, 1) if r else "–",
        t.verdict,
        ", ".join(t.reasons) or t.message,
    )


def model_name(facts: DeviceFacts | None) -> str:
    """The name people know, with the mark of a simulation."""
    if facts is None:
        return "unknown"
    name = facts.marketing_name or f"{facts.manufacturer} {facts.model}"
    return f"{clean(name, 60)} ({VIRTUAL_MARK})" if facts.is_virtual else clean(name, 60)


def status_text(run: RunRecord) -> str:
    """``ok``, or the status with its reason."""
    status = run.status.value.replace("_", " ")
    return f"{status}: {clean(run.reason, 120)}" if run.reason else status
