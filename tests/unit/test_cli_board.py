"""The live display's lines and the plain log, event by event."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
import store_records as make
from rich.console import Console
from rich.text import Text

from profiler.bench import (
    BenchEvent,
    DeviceDone,
    DeviceOutcome,
    DeviceStarted,
    Log,
    PartnerProgress,
    TestDone,
    TrialDone,
    TrialProgress,
    TrialStarted,
)
from profiler.cli.board import Board, DeviceLine, trial_text
from profiler.cli.live import PlainLog, board_table, log_line, visible
from profiler.model import ExchangeFindings, RunStatus, Verdict

PHONE = replace(make.device("v1"), label="")
STARTED = DeviceStarted(
    device=PHONE,
    facts=make.facts(marketing_name="Evil\x1b[2J[red]One"),
    run_uuid="run-1",
    zone="bench",
    trials_total=9,
    trials_stored=2,
    audio_s=31.4,
)


def after(*events: BenchEvent) -> DeviceLine:
    board = Board([PHONE])
    for event in events:
        board.update(event)
    (line,) = board.lines()
    return line


def outcome(status: RunStatus | None, problem: str = "") -> DeviceDone:
    run = make.run(status=status) if status else None
    return DeviceDone(DeviceOutcome(PHONE, make.facts(), run, (), 9, 9, problem))


def test_a_trial_from_start_to_verdict() -> None:
    assert after().state == "connecting"
    ready = after(STARTED)
    assert (ready.state, ready.position, ready.total) == ("ready", 2, 9)
    assert ready.device.label.endswith("One")
    begun = (STARTED, TrialStarted(PHONE, "L1", 0, 2, 3, 9))
    line = after(*begun)
    assert (line.test_id, line.position, line.state) == ("L1", 3, "starting, attempt 2")
    line = after(*begun, TrialProgress(PHONE, "L1", 0, "playing", 7.5))
    assert (line.state, line.fraction) == ("playing", 1.0)
    line = after(*begun, TrialDone(PHONE, make.trial(), 3, 9))
    assert (line.last, line.last_verdict) == ("L1 valid 40.000 ± 0.005 ms", Verdict.PASS)
    assert board_style(line) == "", "a good recording is no praise of the phone"
    line = after(*begun, TestDone(PHONE, make.result()))
    assert line.last == "L1 pass"
    assert board_style(line) == "green"
    rejected = make.trial(latency_ms=None, verdict=Verdict.NOT_MEASURABLE)
    assert board_style(after(*begun, TrialDone(PHONE, rejected, 3, 9))) == "magenta"


def board_style(line: DeviceLine) -> str:
    """Of the cell with what came last."""
    column = board_table([line], "foot").columns[-1]
    (cell, *_) = column.cells
    assert isinstance(cell, Text)
    return str(cell.style)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (RunStatus.OK, "ok"),
        (RunStatus.DEVICE_LOST, "device lost"),
        (RunStatus.CANCELLED, "cancelled"),
        (None, "error"),
    ],
)
def test_the_end_of_a_device(status: RunStatus | None, state: str) -> None:
    line = after(STARTED, outcome(status))
    assert (line.state, line.done) == (state, True)


def test_a_device_nobody_announced_gets_a_line() -> None:
    board = Board([])
    board.update(STARTED)
    assert [line.device.serial for line in board.lines()] == ["v1"]
    board.update(Log("info", "no device"))
    assert len(board.lines()) == 1


def test_a_rejected_trial_shows_reasons_and_no_number() -> None:
    rejected = make.trial(latency_ms=None)
    assert trial_text(rejected) == "L1 not_measurable: no_stimulus"
    failed = make.trial(
        estimate=None, verdict=Verdict.ERROR, reasons=(), message="gone\x1b[2J\nfar"
    )
    assert trial_text(failed) == "L1 error: gone far"


def test_running_devices_are_kept_when_the_terminal_is_small() -> None:
    lines = [DeviceLine(make.device(f"v{i}"), done=i < 5) for i in range(8)]
    assert visible(lines, 20) == lines
    assert [line.device.serial for line in visible(lines, 4)] == ["v5", "v6", "v7", "v0"]


def test_the_display_never_shows_markup_or_escapes() -> None:
    out = io.StringIO()
    table = board_table([after(STARTED, TrialDone(PHONE, make.trial(), 3, 9))], "1 of 1")
    Console(file=out, width=120).print(table)
    assert "Evil[red]One" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    assert "3/9" in out.getvalue()


@pytest.mark.parametrize(
    ("event", "needles"),
    [
        (STARTED, ("v1: Acme A1", "7 trials to do", "2 already stored", "31 s of sound")),
        (TrialDone(PHONE, make.trial(), 3, 9), ("v1: 3/9 L1 valid 40.000",)),
        (TestDone(PHONE, make.result(text="all\nwell")), ("L1 pass: all well",)),
        (outcome(RunStatus.DEVICE_LOST), ("v1: device lost",)),
        (Log("warning", "slow\x1b]0;x\x07", PHONE), ("warning: v1: slow",)),
    ],
)
def test_the_plain_log(
    event: BenchEvent, needles: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    PlainLog()(event)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "\x1b" not in err
    for needle in needles:
        assert needle in err


def test_what_is_not_worth_a_line() -> None:
    assert log_line(TrialProgress(PHONE, "L1", 0, "playing", 0.5)) == ""
    assert log_line(Log("debug", "details", PHONE)) == ""


OTHER = replace(make.device("v2"), label="Evil\x1b[2JTwo")


def test_helping_another_device_shows_beside_the_own_run() -> None:
    helping = PartnerProgress(PHONE, OTHER, "playing", 0.5)
    line = after(STARTED, outcome(RunStatus.OK), helping)
    assert line.shown.startswith("helps Evil")
    assert "\x1b" not in line.shown
    assert line.done, "its own run is over all the same"
    assert visible([line, DeviceLine(OTHER)], 1) == [line]
    over = after(STARTED, outcome(RunStatus.OK), helping, replace(helping, stage="done"))
    assert over.shown == "ok"


def test_a_device_that_only_helps_gets_a_line_when_it_does() -> None:
    board = Board([PHONE])
    board.update(PartnerProgress(OTHER, PHONE, "playing", 0.5))
    _, helper = board.lines()
    assert (helper.device, helper.done) == (OTHER, True)
    assert helper.shown == f"helps {PHONE}"
    board.update(PartnerProgress(OTHER, PHONE, "done", 1.0))
    assert board.lines()[1].shown == "partner"
    assert log_line(PartnerProgress(OTHER, PHONE, "playing", 0.5)) == ""


def test_an_exchange_shows_its_latency() -> None:
    quality = make.estimate().quality
    found = ExchangeFindings(
        Verdict.PASS, (), quality, quality, 55.384, 12.0, 0.99, 1.0, 0.0, 4, 4, 0, None, None,
        None, (), "1",
    )  # fmt: skip
    trial = make.trial(test_id="L2", estimate=None, findings=found)
    assert trial_text(trial) == "L2 valid 55.384 ± 0.012 ms"
