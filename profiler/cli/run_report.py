"""What ``run`` says at the end: the summary of this bench, and where to look again."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from db import queries
from db.queries import Filter
from db.store import Store
from profiler.bench import BenchOutcome, DeviceOutcome
from profiler.cli.causes import MEASURED, cause_of
from profiler.cli.jsonlines import plain, print_json
from profiler.cli.lookup import LATENCY_TESTS
from profiler.cli.result_tables import SHORT, tests_table
from profiler.cli.summary_table import count_verdicts, footnotes, summary_fields, summary_table
from profiler.cli.tables import console, show
from profiler.cli.text import clean, plural, said_of
from profiler.model import ModelKey, ModelSummary, RunStatus, TestResult
from profiler.summary import headline, summarise

FEW_TESTS = 4
"""More do not fit into a column of the summary table: each device gets a table of its own."""


def report(outcome: BenchOutcome, store: Store, *, as_json: bool, again: str = "") -> None:
    """Print the summary of one bench. ``again`` is what a command needs to open this store."""
    where = Filter(bench_uuid=outcome.bench_uuid, test_ids=LATENCY_TESTS)
    summaries = summarise(queries.sessions(store, where))
    if as_json:
        _print_json(outcome, summaries, store)
    else:
        _print_tables(outcome, summaries, store)
        console().print(_next_step(outcome, again))


def results_by_model(outcome: BenchOutcome) -> dict[ModelKey, list[TestResult]]:
    """The test results of this bench by model."""
    found: dict[ModelKey, list[TestResult]] = {}
    for device in outcome.devices:
        if device.facts is not None:
            found.setdefault(device.facts.model_key, []).extend(device.results)
    return found


def _print_json(outcome: BenchOutcome, summaries: list[ModelSummary], store: Store) -> None:
    tests = results_by_model(outcome)
    for summary in summaries:
        print_json(summary_fields(summary, tests.get(summary.model_key, ())))
    for device in outcome.devices:
        print_json({"kind": "device", **plain(device)})
    print_json(
        {
            "kind": "bench",
            "bench_uuid": outcome.bench_uuid,
            "cancelled": outcome.cancelled,
            "wall_s": outcome.wall_s,
            "store": store.name,
        }
    )


def _print_tables(outcome: BenchOutcome, summaries: list[ModelSummary], store: Store) -> None:
    screen = console()
    if summaries:
        title = f"round-trip latency, bench {outcome.bench_uuid}"
        short = all(len(d.results) <= FEW_TESTS for d in outcome.devices)
        show(summary_table(title, summaries, results_by_model(outcome) if short else {}))
    _print_tests(outcome, store)
    shown = {s.model_key for s in summaries}
    for device in outcome.devices:
        if device.facts is None or device.facts.model_key not in shown:
            why = device.problem or "no latency was measured"
            screen.print(Text(said_of(device.device, why), style="red"))
    verdicts = count_verdicts(r for d in outcome.devices for r in d.results)
    screen.print(
        f"{plural(len(outcome.devices), 'device')}{_of_them(outcome)}, {outcome.wall_s:.0f} s; "
        f"tests: {verdicts or 'none'}"
    )
    for line in footnotes(summaries):
        screen.print(line)
    screen.print(f"stored in {clean(store.name)}, recordings in {clean(_relative(store))}")


def _print_tests(outcome: BenchOutcome, store: Store) -> None:
    """A table of the tests of each device with many of them, and each device's plain lines."""
    lines = []
    for device in outcome.devices:
        name = clean(device.device, 60)
        if len(device.results) > FEW_TESTS:
            show(tests_table(name, device.results))
        for line in _plain_lines(device, store):
            lines.append(Text.assemble((f"{name}: ", "bold"), line))
    for text in lines:
        console().print(text)


def _plain_lines(device: DeviceOutcome, store: Store) -> list[str]:
    """What was found, and why trials gave nothing; one of them when the other would repeat it."""
    found = clean(headline(device.results, device.device.platform))
    good = all(r.verdict in MEASURED and not r.reasons for r in device.results)
    if device.run is None or (good and device.results):
        return [found] if found else []
    trials = queries.trials_of(store, device.run.run_uuid)
    cause = cause_of(trials, device.device.uid)
    if device.problem and device.problem in "".join(t.message for t in trials):
        cause = ""  # said below, as what ended the run
    elif not any(t.verdict in MEASURED for t in trials):
        if found and any(t.recording is not None for t in trials):
            cause = ""  # what was heard says more than its reasons
        else:
            found = ""
    return [line for line in (found, cause) if line]


def _unfinished(outcome: BenchOutcome) -> int:
    return sum(d.run is None or d.run.status is not RunStatus.OK for d in outcome.devices)


def _of_them(outcome: BenchOutcome) -> str:
    count = _unfinished(outcome)
    return f", {count} of them not finished" if count else ""


def _relative(store: Store) -> Path:
    root = store.evidence.root
    return root.relative_to(Path.cwd()) if root.is_relative_to(Path.cwd()) else root


def _next_step(outcome: BenchOutcome, db: str) -> str:
    short = outcome.bench_uuid[:SHORT]
    if outcome.cancelled:
        return f"stopped; go on with the same command and --resume={outcome.bench_uuid}"
    again = clean(f"look again: chirpbench results {short}{db}, chirpbench models{db}", 2000)
    if _unfinished(outcome):
        again += f"\ngo on, when that is mended: the same command and --resume={outcome.bench_uuid}"
    return again
