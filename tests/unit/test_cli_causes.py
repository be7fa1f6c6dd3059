"""Why trials gave nothing: the device's own words, once, harmless."""

from __future__ import annotations

from dataclasses import replace

import pytest
import store_records as make

from profiler.bench import Log, TrialDone
from profiler.cli.causes import NewRefusals, cause_of
from profiler.cli.live import PlainLog
from profiler.model import TrialRecord, Verdict

UID = "virtual:v1"
SAID = "the microphone cannot be opened (NotReadableError: Could not start audio source)"
MESSAGE = f"v1: the probe refused: {SAID}"


def refused(index: int, message: str = MESSAGE, **changes: object) -> TrialRecord:
    trial = make.trial(
        f"x{index}", index=index, report=None, estimate=None, verdict=Verdict.NOT_MEASURABLE,
        reasons=("request_refused",), message=message,
    )  # fmt: skip
    return replace(trial, **changes)  # type: ignore[arg-type]


def good(index: int) -> TrialRecord:
    return make.trial(f"t{index}", index=index)


def test_the_most_frequent_message_with_its_number() -> None:
    trials = [good(0), *(refused(i) for i in (1, 2, 3)), refused(4, "v1: no route speaker")]
    assert cause_of(trials, UID) == f"3 of 5 trials refused: {SAID}; 1 more for other reasons"
    assert cause_of([good(0), refused(1)], UID) == f"1 of 2 trials refused: {SAID}"
    assert cause_of([good(0), good(1)], UID) == ""
    assert cause_of([], UID) == ""


def test_a_run_without_a_number_says_so_and_why() -> None:
    assert cause_of([refused(0), refused(1)], UID) == (
        f"nothing was measured: 2 of 2 trials refused: {SAID}"
    )
    unheard = [make.trial(f"t{i}", index=i, latency_ms=None) for i in range(2)]
    assert cause_of(unheard, UID) == "nothing was measured: no_stimulus"
    assert cause_of([good(0), unheard[1]], UID) == "", "its reasons are in the table"


def test_failed_and_interrupted_are_not_refused() -> None:
    lost = refused(1, "v1: unplugged", verdict=Verdict.ERROR, reasons=("device_lost",))
    assert cause_of([good(0), lost], UID) == "1 of 2 trials failed: unplugged"
    silenced = refused(1, "close other apps", reasons=("mic_silenced",))
    assert cause_of([good(0), silenced], UID) == "1 of 2 trials not measured: close other apps"


def test_of_several_attempts_the_last_counts() -> None:
    again = replace(good(1), attempt=2, trial_uuid="again")
    assert cause_of([again, refused(1), good(0)], UID) == ""
    twice = replace(refused(1), attempt=2, trial_uuid="twice")
    assert cause_of([good(0), refused(1), twice], UID).startswith("1 of 2 trials refused: ")


def test_what_a_device_says_is_one_harmless_line() -> None:
    line = cause_of([good(0), refused(1, "v1: a\x1b[2J\nb\u202e" + "c" * 900)], UID)
    assert not set("\x1b\n\u202e") & set(line)
    assert len(line) < 500


def test_each_refusal_is_said_once_a_device_while_the_bench_runs() -> None:
    v1, v2 = make.device("v1"), make.device("v2")
    new = NewRefusals()
    assert new.line(TrialDone(v1, refused(0), 1, 9)).endswith(f"L1 refused: {SAID}")
    assert new.line(TrialDone(v1, refused(1), 2, 9)) == ""
    assert "no route" in new.line(TrialDone(v1, refused(2, "v1: no route"), 3, 9))
    assert SAID in new.line(TrialDone(v2, refused(0, MESSAGE.replace("v1", "v2")), 1, 9))
    assert new.line(TrialDone(v1, good(3), 4, 9)) == ""
    assert new.line(Log("warning", SAID, v1)) == ""


def test_the_plain_log_says_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    log = PlainLog()
    for i in range(3):
        log(TrialDone(make.device("v1"), refused(i), i + 1, 3))
    err = capsys.readouterr().err
    assert err.count("L1 not_measurable: request_refused") == 3
    assert err.count(SAID) == 1
