"""One self-contained HTML file of a model that prints on A4: no script, no address of anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

import profiler
from dashboard import look, text
from dashboard.views import cautions as told
from dashboard.views.fleet.drawn import LEGEND
from dashboard.views.fleet.table import latency_limits
from dashboard.views.model import buffer, echo, history, history_chart, latency, needs, response
from dashboard.views.model.data import CAUTIONS_OF, ModelData
from dashboard.views.model.refused import SWEEP, refused_words
from dashboard.views.paths import path_words
from dashboard.views.report import tables
from dashboard.views.report.charts import THIRD, WIDTH, image
from db.overview import ModelRow
from profiler.model import TrialRecord, Verification

TEMPLATE = "model.html.j2"
UNKNOWN = "unknown"
"""What nobody said."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, with a command that is shown as code and never broken."""

    before: str
    command: str = ""
    after: str = ""


def report(
    data: ModelData,
    trials: Sequence[TrialRecord],
    now: datetime,
    proofs: Sequence[Verification] = (),
) -> str:
    """The page as text. ``trials`` are looked through for what was not granted as asked;
    ``proofs`` are the verifications of this build."""
    row = data.row
    return _template().render(
        name=text.plain(row.marketing_name or row.key.model, 100) or UNKNOWN,
        facts=_facts(row),
        virtual=row.is_virtual,
        emulator=row.is_emulator,
        counts=_counts(data),
        cautions_of=CAUTIONS_OF,
        cautions=[(c.code.replace("_", " "), told.plain(c)) for c in data.cautions],
        sections=_sections(data, trials, proofs),
        version=profiler.__version__,
        made=look.when(now),
        runs=tables.runs(data),
        more_runs=max(0, row.runs - tables.MAX_RUNS),
    )


def file_name(row: ModelRow) -> str:
    """``chirpbench-Acme-A1-2026-03-01.html``."""
    return text.file_name(
        f"chirpbench-{row.key.manufacturer}-{row.key.model}-{row.last_at:%Y-%m-%d}", ".html", 90
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE)


def _facts(row: ModelRow) -> list[tuple[str, str]]:
    key = row.key
    return [
        ("Manufacturer", text.plain(key.manufacturer, 100) or UNKNOWN),
        ("Model", text.plain(key.model, 100) or UNKNOWN),
        ("SoC", text.plain(key.soc, 100) or UNKNOWN),
        ("System", text.plain(f"{row.os_name} {row.os_version}", 100) or UNKNOWN),
        ("OS build", text.plain(key.os_build, 300) or UNKNOWN),
        ("Measured as", row.platform.value),
    ]


def _counts(data: ModelData) -> str:
    row = data.row
    builds = f"; {text.plural(len(data.builds), 'OS build')} of the model are stored"
    return (
        f"{text.plural(row.devices, 'device')}, {text.plural(row.runs, 'run')}, "
        f"{text.plural(row.trials, 'trial')} of this build from {row.first_at:%Y-%m-%d} to "
        f"{row.last_at:%Y-%m-%d}{builds if len(data.builds) > 1 else ''}"
    )


def _section(
    title: str,
    *,
    pictures: Sequence[str] = (),
    table: tables.Table | None = None,
    lines: Sequence[str | Line] = (),
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    return {
        "title": title,
        "pictures": [p for p in pictures if p],
        "table": table if table is not None and table.rows else None,
        "lines": [Line(line) if isinstance(line, str) else line for line in lines],
        "notes": notes,
    }


def _sections(
    data: ModelData, trials: Sequence[TrialRecord], proofs: Sequence[Verification]
) -> list[dict[str, Any]]:
    return [
        _section("In short", table=tables.answers(data)),
        _latency(data),
        _history(data),
        _echo(data),
        _buffer(data, trials),
        _response(data),
        _granted(trials),
        _proofs(proofs),
        _section("What every test said", table=tables.every_test(data)),
    ]  # fmt: skip


def _granted(trials: Sequence[TrialRecord]) -> dict[str, Any]:
    """What was not granted as asked, or in words that cannot be mistaken that all was."""
    table = tables.not_granted(trials)
    looked = text.plural(len(trials), "trial")
    if not trials:
        line = "No trial was looked at: nothing is known of what was granted."
    elif table.rows:
        line = f"Not granted as asked: {len(table.rows)} of {looked}."
    else:
        line = f"Everything was granted as asked in {looked} that were looked at."
    notes = ["asked → granted"] if table.rows else []
    return _section("Requested and granted", table=table, lines=[line], notes=notes)


def _proofs(proofs: Sequence[Verification]) -> dict[str, Any]:
    """What came out of verifications of recommendations for this build."""
    notes = [
        "Real Opus, NetEq and AEC3 over the network scenario; medians with 95 % intervals. What is "
        "recommended now may differ from what was verified then: Advice says."
    ]
    return _section(
        "Recommendations that were verified",
        table=tables.proofs(proofs),
        lines=[] if proofs else [
            Line("None was: ", "chirpbench verify MODEL", " compares one with the defaults.")
        ],
        notes=notes if proofs else [],
    )  # fmt: skip


def _missing(data: ModelData, what: str, *test_ids: str) -> list[str | Line]:
    row = data.row
    found = needs.need(what, test_ids, data.results, row.key, row.platform, virtual=row.is_virtual)
    return [Line(*found.parts)]


def _latency(data: ModelData) -> dict[str, Any]:
    made = latency.by_path(data.paths, data.own_points, latency_limits(), paper=True)
    return _section(
        "Round trip by path",
        pictures=[image(made, width=WIDTH - 190)],
        table=tables.paths(data),
        lines=[] if made is not None else _missing(data, "The round trip", "L1"),
        notes=[
            f"App to app. Drawn: {LEGEND}; dots: single opens. The spread between opens is what a "
            "user meets; the one within an open is what the method adds. In brackets the 95 % "
            "intervals (chi-square).",
        ],
    )


def _history(data: ModelData) -> dict[str, Any]:
    paths = data.history_paths
    found = history.history(
        p for p in data.points
        if paths and p.path == paths[0].path and p.rate_hz == paths[0].rate_hz
    )  # fmt: skip
    if len(found.runs) < 2:
        return _section("Over OS builds and time", lines=["One run has no history yet."])
    lines = [f"{c.at:%Y-%m-%d}: {history_chart.words(c)}" for c in found.changes]
    return _section(
        "Over OS builds and time",
        pictures=[image(history_chart.chart(found, paper=True))],
        lines=lines or ["No change is proven."],
        notes=[f"{path_words(paths[0].path)}. {history.RULE.replace('*', '')}"],
    )


def _echo(data: ModelData) -> dict[str, Any]:
    key = data.row.key
    charts = (
        echo.removed_chart(echo.removed(data.results, key), paper=True),
        echo.margin_chart(echo.margins(data.results, key), paper=True),
        echo.settling_chart(echo.settling(data.results, key), paper=True),
    )
    missing = _missing(data, "Echo", "A1", "A9", "A4") if not any(charts) else []
    return _section(
        "Echo by volume",
        pictures=[image(c, width=THIRD, height=190) for c in charts],
        table=tables.echoes(data),
        lines=missing,
        notes=[
            "“at least”: the lower 95 % bound; without a value beside it what is left lies below "
            "the noise.",
            echo.WHAT_A2_ASKS,
            echo.WHICH_VOLUME,
        ],
    )


def _buffer(data: ModelData, trials: Sequence[TrialRecord]) -> dict[str, Any]:
    key = data.row.key
    refused = refused_words(trials)
    lines = [f"Sizes not granted (newest {SWEEP}): {refused}."] if refused else []
    found = buffer.sizes(data.results, key)
    made = buffer.chart(found, buffer.safe_sizes(data.results, key), paper=True)
    return _section(
        "Buffer against glitches",
        pictures=[image(made, height=230)],
        table=tables.buffers(data),
        lines=lines if found else [*lines, *_missing(data, "The buffer curve", "G1")],
        notes=["Exact Poisson bounds of the rate, 95 % to each side."] if found else [],
    )


def _response(data: ModelData) -> dict[str, Any]:
    made = response.chart(data.responses, paper=True)
    return _section(
        "Frequency response",
        pictures=[image(made, height=230)],
        table=tables.responses(data),
        lines=[] if made else _missing(data, "The frequency response", response.TEST_ID),
        notes=[
            "Loudspeaker and microphone together, third-octave bands. Grey bands and ▼: less than "
            f"{response.MIN_SNR_DB:g} dB above the noise, an upper bound only.",
        ] if made else [],
    )  # fmt: skip
