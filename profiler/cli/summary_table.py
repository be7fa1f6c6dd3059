"""Tables of what is known per model: ``run`` ends with one, ``models`` prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from profiler.cli.jsonlines import plain
from profiler.cli.tables import STYLES, table
from profiler.cli.text import clean, interval, latency, number, plural
from profiler.model import ModelKey, ModelSummary, TestResult, Verdict, worst
from profiler.summary import MIN_SESSIONS_FOR_CI

VIRTUAL_MARK = "virtual"


def summary_table(
    title: str,
    summaries: Sequence[ModelSummary],
    tests: Mapping[ModelKey, Sequence[TestResult]],
) -> Table:
    """One row for each model, path and rate; ``tests`` are shown at a model's first row.

    A row has three lines, so that it fits a terminal of 80 columns.
    """
    columns = (
        "model\nSoC\nOS build",
        "path\n\nrate, opens",
        ">median ± 1σ, ms\n95 % interval\nspread",
        "verdicts",
    )
    shown: set[ModelKey] = set()
    rows = []
    for s in summaries:
        results = () if s.model_key in shown else tests.get(s.model_key, ())
        shown.add(s.model_key)
        verdicts = verdict_lines(results)
        rows.append(
            (
                _model_lines(s),
                _path_lines(s),
                _number_lines(s),
                verdicts if verdicts.plain else _own_verdict(s),
            )
        )
    return table(title, columns, rows, ruled=True)


def footnotes(summaries: Sequence[ModelSummary]) -> list[str]:
    """What a reader has to know of these numbers, a line each."""
    lines = []
    if summaries:
        lines.append(
            "1σ: uncertainty of a single open; interval: of the median; spread: standard deviation "
            "between opens / within one, ms"
        )
    if any(s.ci95_ms is None and s.median_ms is not None for s in summaries):
        fewest = MIN_SESSIONS_FOR_CI
        lines.append(f"–: a 95 % interval needs {fewest} measured opens (repeats in bench.toml)")
    if any(s.is_virtual for s in summaries):
        lines.append("virtual phones are simulations: their numbers say nothing about real ones")
    return lines


def verdict_lines(results: Iterable[TestResult]) -> Text:
    """``L1 pass`` and so on, a line each; of several devices the worst, with every reason."""
    by_test: dict[str, list[TestResult]] = {}
    for result in results:
        by_test.setdefault(result.test_id, []).append(result)
    lines = []
    for test_id, found in by_test.items():
        verdict = worst(r.verdict for r in found)
        reasons = dict.fromkeys(reason for r in found for reason in r.reasons)
        line = Text(f"{clean(test_id)} ")
        line.append(verdict.value, style=STYLES[verdict])
        if reasons:
            line.append(f": {clean(', '.join(reasons))}")
        lines.append(line)
    return Text("\n").join(lines)


def _model_lines(s: ModelSummary) -> Text:
    """The name people know with the mark of a simulation, and what tells twins apart."""
    key = s.model_key
    name = s.marketing_name or f"{key.manufacturer} {key.model}"
    cell = Text(clean(name, 60), style="bold")
    if s.is_virtual:
        cell.append(f" ({VIRTUAL_MARK})", style="not bold italic")
    cell.append(f"\n{clean(key.soc, 40)}\n{clean(key.os_build, 60)}", style="not bold dim")
    return cell


def _path_lines(s: ModelSummary) -> Text:
    path = s.path
    opens = plural(s.sessions, "open")
    rejected = f" ({s.rejected} rejected)" if s.rejected else ""
    return Text(
        f"{clean(path.api, 40)} {clean(path.audio_mode, 40)}\n"
        f"{clean(path.input_preset, 40)} {clean(path.route, 40)}\n"
        f"{s.rate_hz} Hz, {opens}{rejected}"
    )


def _number_lines(s: ModelSummary) -> Text:
    cell = Text(latency(s.median_ms, s.uncertainty_us), style="bold")
    spread = f"{number(s.between_session_sd_ms)} / {number(s.within_session_sd_ms, 4)}"
    cell.append(f"\n{interval(s.ci95_ms)}\n{spread}", style="not bold")
    return cell


def _own_verdict(s: ModelSummary) -> Text:
    text = Text(s.verdict.value, style=STYLES[s.verdict])
    if s.reasons:
        text.append(f": {clean(', '.join(s.reasons))}", style="default")
    return text


def count_verdicts(results: Iterable[TestResult]) -> str:
    """``12 pass, 3 fail``; the worst last."""
    found = [r.verdict for r in results]
    return ", ".join(f"{found.count(v)} {v.value}" for v in Verdict if v in found)


def summary_fields(summary: ModelSummary, tests: Sequence[TestResult]) -> dict[str, object]:
    """The JSON object of one model, path and rate.

    ``verdict`` is the worst of its tests, ``measured`` what the latency recordings alone say.
    """
    verdict = worst([summary.verdict, *(t.verdict for t in tests)])
    reasons = dict.fromkeys((*summary.reasons, *(r for t in tests for r in t.reasons)))
    return {
        "kind": "summary",
        **plain(summary),
        "verdict": verdict,
        "reasons": list(reasons),
        "measured": summary.verdict,
        "tests": tests,
    }
