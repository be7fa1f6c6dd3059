"""Showing a running bench: a live display on a terminal, a plain log anywhere else."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from profiler.bench.events import (
    BenchEvent,
    BenchEvents,
    DeviceDone,
    DeviceStarted,
    Log,
    TestDone,
    TrialDone,
)
from profiler.cli.board import Board, DeviceLine, trial_text
from profiler.cli.causes import NewRefusals
from profiler.cli.tables import STYLES, TRIAL_STYLES, console
from profiler.cli.text import clean, plural, said_of
from profiler.model import DeviceRef

REFRESH_HZ = 5
_MIN_WIDTHS = (12, 9, 2, 5, 6, 12)
"""Columns of the display that a narrow terminal leaves: device, state, test, trial, bar, last."""
_ROWS_ELSEWHERE = 4
"""Lines of the terminal that are not devices: heading, foot, prompt."""


@contextlib.contextmanager
def watching(devices: Sequence[DeviceRef], *, plain: bool) -> Iterator[BenchEvents]:
    """An observer for the bench that shows what it is told on stderr."""
    screen = console(stderr=True)
    if plain or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield PlainLog()
        return
    board = Board(devices)
    display = _Display(board, screen)
    with Live(get_renderable=display.render, console=screen, refresh_per_second=REFRESH_HZ):
        yield display.observe


class PlainLog:
    """One line an event that matters; progress within a trial is left out."""

    def __init__(self) -> None:
        self._begin_s = time.monotonic()
        self._refusals = NewRefusals()

    def __call__(self, event: BenchEvent) -> None:
        """Print the event's line, if it has one, and what was refused for the first time."""
        for text in (log_line(event), self._refusals.line(event)):
            self._print(text)

    def _print(self, text: str) -> None:
        if text:
            elapsed_s = time.monotonic() - self._begin_s
            with contextlib.suppress(OSError):  # nobody reads: the bench goes on without
                print(f"{elapsed_s:7.1f} s  {text}", file=sys.stderr, flush=True)


def log_line(event: BenchEvent) -> str:
    """The event in words, empty when it is not worth a line."""
    match event:
        case DeviceStarted():
            todo = event.trials_total - event.trials_stored
            name = clean(f"{event.facts.manufacturer} {event.facts.model}", 80)
            kept = f", {event.trials_stored} already stored" if event.trials_stored else ""
            return (
                f"{_name(event.device)}: {name}, zone {clean(event.zone, 40)}, "
                f"{plural(todo, 'trial')} to do{kept}, {event.audio_s:.0f} s of sound"
            )
        case TrialDone():
            where = f"{event.position}/{event.trials_total}"
            return f"{_name(event.device)}: {where} {trial_text(event.trial)}"
        case TestDone():
            r = event.result
            return f"{_name(event.device)}: {r.test_id} {r.verdict.value}: {clean(r.text)}"
        case DeviceDone():  # its problem, if any, came as a Log
            run = event.outcome.run
            state = run.status.value.replace("_", " ") if run else "not run"
            return f"{_name(event.outcome.device)}: {state}"
        case Log() if event.level != "debug":
            words = said_of(event.device, event.text) if event.device else clean(event.text)
            return f"{event.level}: {words}"
    return ""


class _Display:
    """Draws the board; warnings and new refusals scroll by above it."""

    def __init__(self, board: Board, screen: Console) -> None:
        self._board, self._screen = board, screen
        self._refusals = NewRefusals()
        self._begin_s = time.monotonic()

    def observe(self, event: BenchEvent) -> None:
        """Take an event from the bench."""
        self._board.update(event)
        if isinstance(event, Log) and event.level in ("warning", "error"):
            self._screen.print(Text(log_line(event), style="yellow"))
        refusal = self._refusals.line(event)
        if refusal:
            self._screen.print(Text(refusal, style="yellow"))

    def render(self) -> Table:
        """The display at this moment."""
        lines = self._board.lines()
        finished = sum(line.done for line in lines)
        elapsed_s = time.monotonic() - self._begin_s
        rows = max(1, self._screen.height - _ROWS_ELSEWHERE)
        return board_table(
            visible(lines, rows), f"{finished} of {len(lines)} done, {elapsed_s:.0f} s"
        )


def visible(lines: Sequence[DeviceLine], rows: int) -> list[DeviceLine]:
    """The lines that fit: finished devices give way to those that are still running."""
    if len(lines) <= rows:
        return list(lines)
    running = [line for line in lines if not line.done or line.helps]
    done = [line for line in lines if line.done and not line.helps]
    return (running + done)[:rows]


def board_table(lines: Sequence[DeviceLine], foot: str) -> Table:
    """A row for each device: name, state, test, trial, bar, last verdict."""
    made = Table.grid(padding=(0, 2))
    for width in _MIN_WIDTHS:
        made.add_column(no_wrap=True, overflow="ellipsis", min_width=width)
    for line in lines:
        made.add_row(
            Text(clean(line.device, 34), style="bold"),
            Text(line.shown, style="dim" if line.done and not line.helps else ""),
            Text(clean(line.test_id, 6)),
            Text(f"{line.position}/{line.total}" if line.total else ""),
            ProgressBar(total=1.0, completed=line.fraction, width=6),
            Text(line.last, style=_style(line)),
        )
    made.add_row(Text(foot, style="dim"))
    return made


def _style(line: DeviceLine) -> str:
    """A trial is neutral: the green of a test would praise the phone for a good recording."""
    if line.last_verdict is None:
        return ""
    return (TRIAL_STYLES if line.last_is_trial else STYLES)[line.last_verdict]


def _name(device: DeviceRef) -> str:
    return clean(device, 60)
