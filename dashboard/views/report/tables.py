"""The report's numbers as rows of text, each with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import look
from dashboard.text import plain
from dashboard.views import advice_proof as proof
from dashboard.views.fleet.answers import Answer
from dashboard.views.model import buffer, echo, granted, latency, verdicts
from dashboard.views.model.data import ModelData
from dashboard.views.model.measured import volume_order, volume_words
from dashboard.views.paths import path_words
from profiler.model import KnownResult, TrialRecord, Verdict, Verification

MAX_RUNS = 40
"""Named in the provenance; the newest."""
MAX_PROOFS = 20


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, with a verdict's colour or marked."""

    text: str
    color: str = ""
    strong: bool = False
    below: str = ""
    """A second, smaller line."""


@dataclass(frozen=True, slots=True)
class Table:
    """Names of columns, and rows."""

    names: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


Row = list[str | Cell]


def _table(names: Sequence[str], rows: Sequence[Sequence[str | Cell]]) -> Table:
    made = tuple(tuple(c if isinstance(c, Cell) else Cell(c) for c in row) for row in rows)
    return Table(tuple(names), made)


def verdict_cell(verdict: Verdict | None) -> Cell:
    """Sign and word in the verdict's colour."""
    if verdict is None:
        return Cell("never made")
    return Cell(look.verdict_words(verdict), look.VERDICT_COLORS[verdict])


def answers(data: ModelData) -> Table:
    """What the deciding tests said."""
    rows = [_answer(data, name, answer) for name, answer in data.answers.items()]
    return _table(("Question", "Answer", "Verdict", "Test", "Results", "Measured"), rows)


def _answer(data: ModelData, name: str, answer: Answer) -> list[str | Cell]:
    value = answer.text or "–"
    path = data.plain_path
    if answer.test_id == "L1" and path is not None:
        inside = look.interval(*path.ci95_ms) if path.ci95_ms else "too few opens"
        value = f"{look.ms(path.median_ms)} (95 %: {inside})"
    elif said := data.beside(name, answer):
        value = f"{value}{' ' if said.startswith('at ') else '; '}{said}"
    line = data.row.headlines.get(answer.test_id)
    when = f"{answer.recorded_at:%Y-%m-%d}" if answer.recorded_at else "–"
    return [
        name, Cell(value, strong=True), verdict_cell(answer.verdict), answer.test_id,
        str(line.results) if line else "0", when,
    ]  # fmt: skip


def paths(data: ModelData) -> Table:
    """Round trip by path; a path whose opens were all rejected says so."""
    spreads = {(s.path, s.which): s for s in latency.spreads(data.sessions)}
    rows: list[Row] = []
    for row in data.paths:
        name = path_words(row.path)
        both = [_spread(spreads.get((name, which))) for which in (latency.BETWEEN, latency.WITHIN)]
        rows.append([
            latency.path_label(row, data.paths),
            f"{row.sessions - row.rejected} of {row.sessions}",
            Cell(look.ms(row.median_ms, 2), strong=True),
            look.interval(*row.ci95_ms, 2) if row.ci95_ms else "too few opens",
            look.interval(row.p05_ms, row.p95_ms, 1),
            *both,
        ])  # fmt: skip
    names = ("Path", "Opens", "Median", "95 % of it", "5 to 95 % of the opens")
    return _table((*names, "sd between opens", "sd within one"), rows)


def _spread(spread: latency.Spread | None) -> str:
    if spread is None:
        return "–"
    if spread.hidden:
        return f"< {spread.high_ms:.1g} ms"
    return f"{spread.sd_ms:.2g} ms ({spread.low_ms:.2g} … {spread.high_ms:.2g})"


def echoes(data: ModelData) -> Table:
    """The newest result at each volume."""
    key = data.row.key
    removed = [e for e in echo.removed(data.results, key) if not e.age]
    margins = {e.volume: e for e in echo.margins(data.results, key) if not e.age}
    settled = {e.volume: e for e in echo.settling(data.results, key) if not e.age}
    volumes = {e.volume for e in removed} | set(margins) | set(settled)
    rows = []
    for volume in sorted(volumes, key=volume_order):
        by_test = {e.series: e for e in removed if e.volume == volume}
        margin, time = margins.get(volume), settled.get(volume)
        rows.append([
            volume_words(volume),
            _removed(by_test.get(echo.REMOVED)), _removed(by_test.get(echo.CREDITED)),
            look.db(margin.value) if margin else "–",
            f"{look.number(time.value, 2)} s ({look.interval(time.low, time.high, 2, 's')})"
            if time else "–",
        ])  # fmt: skip
    names = ("Volume", "Echo removed (A1)", "As A2 counts it")
    return _table((*names, "Margin to a false turn (A9)", "Converged after (A4)"), rows)


def _removed(found: echo.AtVolume | None) -> str:
    if found is None:
        return "–"
    if found.is_bound:
        return f"at least {look.db(found.value)}"
    return f"{look.db(found.value)} (at least {look.db(found.low)})"


def buffers(data: ModelData) -> Table:
    """Glitches at each size."""
    rows = []
    for size in buffer.sizes(data.results, data.row.key):
        rows.append([
            f"{size.size} {size.unit}", buffer.STATES[size.state], str(size.events),
            f"{size.minutes * 60:.0f} s", look.number(size.rate, 1),
            look.interval(*size.bounds, 1, ""),
            "not said" if size.xruns is None else str(size.xruns),
        ])  # fmt: skip
    names = ("Buffer", "State", "Glitches", "Watched", "A minute", "95 % to each side")
    return _table((*names, "Xruns, as the system counts"), rows)


def responses(data: ModelData) -> Table:
    """Edges, noise and distortion of each mode."""
    rows = []
    for found in data.responses:
        f = found.findings
        if f.thd_percent is not None:
            thd = f"{f.thd_percent:.2g} %"
        else:
            thd = "–" if f.thd_bound_percent is None else f"< {f.thd_bound_percent:.2g} %"
        rows.append([
            plain(found.mode, 30), _hz(f.edge_lo_hz), _hz(f.edge_hi_hz),
            "–" if f.noise_dbfs is None else look.number(f.noise_dbfs, 1, "dBFS"), thd,
            f"{found.at:%Y-%m-%d}",
        ])  # fmt: skip
    names = ("Mode", "10 dB down from", "to (± 2 %)", "Noise", "Distortion", "Measured")
    return _table(names, rows)


def _hz(value: float | None) -> str:
    return "hidden by noise" if value is None else f"{value:,.0f} Hz"


def not_granted(trials: Sequence[TrialRecord]) -> Table:
    """Trials that were granted something else than asked; only columns in which one differs."""
    found = [line for line in granted.lines(trials) if line.differs]
    differing = [n for n in granted.COLUMNS if any(line.cells[n].differs for line in found)]
    names = ("Test", "What", *differing, "Measured")
    rows = [[_granted(line.cells[name]) for name in names] for line in found]
    return _table(names, rows)


def _granted(cell: granted.Cell) -> Cell:
    return Cell(cell.text, look.GRANTED if cell.differs else "", cell.differs)


def proofs(found: Sequence[Verification]) -> Table:
    """A row a verification, the newest first."""
    rows: list[Row] = []
    for one in sorted(found, key=lambda v: v.verified_at, reverse=True)[:MAX_PROOFS]:
        rows.append([
            f"{one.verified_at:%Y-%m-%d}", plain(f"{one.use.value}, {one.network}", 60),
            Cell(proof.OUTCOME_SHORT[one.outcome], strong=True), proof.because(one),
            *(proof.side_words(side, proof.WHOLE) for side in (one.recommended, one.default)),
            str(one.sessions),
        ])  # fmt: skip
    names = ("Verified", "Use, network", "Against the defaults", "Because of")
    return _table((*names, "Mouth to ear, ms", "with the defaults", "Sessions a side"), rows)


def every_test(data: ModelData) -> Table:
    """The newest result of each test."""
    own = [r for r in data.results if r.facts.key == data.row.key]
    rows: list[Row] = []
    for test_id, found in verdicts.by_test(own):
        newest = found[0]
        rows.append([
            plain(test_id, 8), verdict_cell(newest.result.verdict),
            Cell(plain(newest.result.text, 600), below=_reasons(newest.result.reasons)),
            str(len(found)), f"{newest.recorded_at:%Y-%m-%d}",
        ])  # fmt: skip
    return _table(("Test", "Verdict", "What was found, and reasons", "Results", "Newest"), rows)


def _reasons(reasons: Sequence[str]) -> str:
    return plain(", ".join(reasons), 200).replace("_", " ")


def runs(data: ModelData) -> Table:
    """Whose numbers these are, newest first; devices by number, not by their serial."""
    own = [r for r in data.results if r.facts.key == data.row.key]
    first: dict[str, KnownResult] = {}
    for known in sorted(own, key=lambda r: r.recorded_at):
        first.setdefault(known.run_uuid, known)
    devices = {uid: i for i, uid in enumerate(dict.fromkeys(r.device_uid for r in first.values()))}
    rows = [
        [
            known.run_uuid, f"device {devices[known.device_uid] + 1}",
            look.when(known.recorded_at), plain(known.tool_version, 30),
            plain(known.probe_version, 30) or "–",
        ]
        for known in list(first.values())[::-1][:MAX_RUNS]
    ]  # fmt: skip
    return _table(("Run", "Device", "First result", "Tool", "Probe"), rows)
