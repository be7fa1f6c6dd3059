"""Requested, granted, measured: trial by trial, what differs stands out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboard import links, look
from dashboard.text import plain
from profiler.model import EffectState, GrantedStream, TrialRecord

ARROW = " → "
ASKED_NOTHING = (None, "default", EffectState.DEFAULT)
"""What leaves the choice to the system: whatever is granted then is no difference."""
RECORD = "Trial"
COLUMNS = (  # the link at the left, where no width of a window hides it
    "Test", RECORD, "What", "Recording", "API", "Rate out, Hz", "Rate in, Hz", "Buffer, bursts",
    "Channels in", "Sharing", "Performance", "Preset", "Canceller", "Measured", "System says",
    "Differs by",
)  # fmt: skip


SETTINGS = COLUMNS[COLUMNS.index("API") : COLUMNS.index("Measured")]
"""What is asked for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One setting: ``48000``, or ``8000 → 48000`` when something else was granted."""

    text: str
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One trial."""

    cells: dict[str, Cell]

    @property
    def differs(self) -> bool:
        """Something was not granted as asked."""
        return any(cell.differs for cell in self.cells.values())


def lines(trials: Iterable[TrialRecord]) -> list[Line]:
    """In the order given."""
    return [Line(_cells(trial)) for trial in trials]


def _cells(trial: TrialRecord) -> dict[str, Cell]:
    request, report = trial.request, trial.report
    output = report.output if report else None
    given = report.input if report else None
    measured = trial.estimate
    latency = measured.round_trip_latency_ms if measured else None
    says = report.reported_latency_ms if report else None
    effect = report.effects.get("aec") if report else None
    return {
        "Test": Cell(plain(trial.test_id, 8)),
        "What": Cell(plain(trial.setup.note, 40)),
        "Recording": Cell(look.trial_words(trial.verdict)),
        "API": Cell(plain(request.api, 24)),
        "Rate out, Hz": _pair(request.rate_hz, output.rate_hz if output else None),
        "Rate in, Hz": _pair(request.rate_hz, given.rate_hz if given else None),
        "Buffer, bursts": _buffer(trial, output),
        "Channels in": _pair(request.input_channels, given.channels if given else None),
        "Sharing": _pair(request.sharing, output.sharing if output else None),
        "Performance": _pair(request.performance_mode, output.performance_mode if output else None),
        "Preset": Cell(plain(request.input_preset, 24)),
        "Canceller": _pair(request.aec, effect.state if effect else None, EffectState.UNKNOWN),
        "Measured": Cell(
            look.with_uncertainty(latency, measured.uncertainty_us if measured else None)
        ),
        "System says": Cell(look.ms(says)),
        "Differs by": Cell(
            "–" if says is None or latency is None else look.number(says - latency, 1, "ms")
        ),
        RECORD: Cell(links.link_to("evidence", trial=trial.trial_uuid)),
    }


def _pair(asked: Any, granted: Any, unknown: Any = None) -> Cell:
    """What was asked, and what was granted where that is something else."""
    word = plain(asked, 24) if asked is not None else "as it is"
    if granted is None or granted == unknown:
        return Cell(word if asked not in ASKED_NOTHING else "–")
    if asked in ASKED_NOTHING:
        return Cell(f"{plain(granted, 24)}")
    if asked == granted:
        return Cell(word)
    return Cell(f"{word}{ARROW}{plain(granted, 24)}", differs=True)


def _buffer(trial: TrialRecord, output: GrantedStream | None) -> Cell:
    request = trial.request
    frames, burst = (output.buffer_frames, output.frames_per_burst) if output else (None, None)
    if request.buffer_frames is not None:
        said = _pair(request.buffer_frames, frames)
        return Cell(f"{said.text} frames", said.differs)
    if frames is None or not burst or burst <= 0:
        return _pair(request.buffer_bursts, None)
    return _pair(request.buffer_bursts, max(1, -(-frames // burst)))


def table(found: Sequence[Line]) -> pd.DataFrame:
    """One row a trial. A column in which no trial says anything is left out."""
    data = pd.DataFrame(
        [{name: line.cells[name].text for name in COLUMNS} for line in found], columns=COLUMNS
    )
    empty = [name for name in COLUMNS[4:] if not data[name].str.strip(" –").any()]
    if not data["What"].str.strip().any():
        empty.append("What")
    return data.drop(columns=empty)


def same(data: pd.DataFrame, found: Sequence[Line]) -> dict[str, str]:
    """Settings that all of several trials have alike, as they were asked for: said in a line, they
    leave room for what was measured."""
    if len(found) < 2:
        return {}
    return {
        name: str(data[name].iloc[0])
        for name in SETTINGS
        if name in data.columns
        and data[name].nunique() == 1
        and not any(line.cells[name].differs for line in found)
    }


def styled(data: pd.DataFrame, found: Sequence[Line]) -> Any:
    """What differs in the colour of what is granted, and bold."""
    style = f"color: {look.GRANTED}; font-weight: 600"
    marks = pd.DataFrame("", index=data.index, columns=data.columns)
    for row, line in enumerate(found):
        for name, cell in line.cells.items():
            if cell.differs and name in data.columns:
                marks.iat[row, data.columns.get_loc(name)] = style
    return data.style.apply(lambda _: marks, axis=None)
