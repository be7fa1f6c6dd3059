"""System events: how what came back is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import store_records as make

from profiler.catalogue import judge
from profiler.catalogue.system.acts import moved_streams
from profiler.model import (
    ActionFindings,
    ActionGap,
    ActionOutcome,
    ActionSegment,
    CaptureQuality,
    GrantedStream,
    ProbeReport,
    Reason,
    TestResult,
    TimedAction,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)

RUN = "run-1"
QUALITY = CaptureQuality(21.0, -6.0, -20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)


def number(result: TestResult, name: str) -> float:
    (value,) = [m.value for m in result.measurements if m.name == name]
    return value


# --- R1 -------------------------------------------------------------------------------------------


def segment(latency_ms: float | None, gain_db: float | None = -20.0) -> ActionSegment:
    if latency_ms is None:
        return ActionSegment(9.0, 13.0, None, None, None, (str(Reason.NO_STIMULUS),))
    return ActionSegment(9.0, 13.0, latency_ms, 5.0, gain_db, ())


def gap(value: str, low: float | None, high: float | None, **changes: Any) -> ActionGap:
    one = ActionGap(5.0, "route", value, low, high, 5.5, 0.0, None)
    return replace(one, **changes)


def findings(
    segments: tuple[ActionSegment, ...], gaps: tuple[ActionGap, ...], **changes: Any
) -> ActionFindings:
    made = ActionFindings(Verdict.PASS, (), QUALITY, segments, gaps, "1")
    return replace(made, **changes)


def record(test_id: str, found: ActionFindings | None, **changes: Any) -> TrialRecord:
    actions = tuple(TimedAction(g.at_s, g.action, g.value) for g in found.gaps) if found else ()
    values: dict[str, Any] = {
        "test_id": test_id,
        "request": TrialRequest(route="speaker", audio_mode="communication"),
        "estimate": None,
        "findings": found,
        "setup": TrialSetup(analysis="actions", actions=actions, note="speaker to earpiece"),
        "verdict": found.verdict if found else Verdict.ERROR,
        "reasons": found.reasons if found else (),
    }
    return replace(make.trial("t0"), **{**values, **changes})


def route_record(there: tuple[float, float], back: tuple[float, float], **more: Any) -> TrialRecord:
    found = findings(
        (segment(40.0), segment(52.0, -34.0), segment(40.1)),
        (gap("earpiece", *there), gap("speaker", *back)),
    )
    return record("R1", found, **more)


@pytest.mark.parametrize(
    ("there", "verdict", "reasons"),
    [
        ((0.2, 0.4), Verdict.PASS, ()),
        ((0.9, 1.0), Verdict.PASS, ()),
        ((0.9, 1.1), Verdict.MARGINAL, (str(Reason.AUDIO_GAP),)),
        ((1.45, 1.6), Verdict.MARGINAL, (str(Reason.AUDIO_GAP),)),
        ((1.6, 1.8), Verdict.FAIL, (str(Reason.AUDIO_GAP),)),
    ],
)
def test_r1_grades_the_gap_with_its_bounds(
    there: tuple[float, float], verdict: Verdict, reasons: tuple[str, ...]
) -> None:
    result = judge("R1", RUN, [route_record(there, (0.1, 0.2))])
    assert (result.verdict, result.reasons) == (verdict, reasons)
    middle = sum(there) / 2
    assert number(result, "gap_s[from=speaker,to=earpiece]") == pytest.approx(middle)
    assert number(result, "latency_ms[route=earpiece]") == 52.0
    assert number(result, "latency_again_ms[route=speaker]") == 40.1
    assert number(result, "level_change_db[from=speaker,to=earpiece]") == -14.0
    assert "speaker to earpiece" in result.text


def test_r1_notes_a_delay_that_stays_after_the_way_back() -> None:
    found = findings(
        (segment(40.0), segment(52.0), segment(61.0)),
        (gap("earpiece", 0.1, 0.2), gap("speaker", 0.1, 0.2)),
    )
    result = judge("R1", RUN, [record("R1", found)])
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, (str(Reason.LATENCY_CHANGED),))


def test_r1_tells_a_route_that_is_not_heard_from_one_that_is_dead() -> None:
    quiet = findings(
        (segment(40.0), segment(None), segment(40.0)),
        (gap("earpiece", 8.0, None), gap("speaker", 0.0, 0.3)),
        verdict=Verdict.MARGINAL,
    )
    result = judge("R1", RUN, [record("R1", quiet)])
    assert (result.verdict, result.reasons) == (
        Verdict.NOT_MEASURABLE, (str(Reason.NO_STIMULUS),)
    )  # fmt: skip
    dead = replace(quiet, gaps=(replace(quiet.gaps[0], zero_run_ms=8000.0), quiet.gaps[1]))
    result = judge("R1", RUN, [record("R1", dead)])
    assert (result.verdict, result.reasons) == (Verdict.FAIL, (str(Reason.NO_RECOVERY),))


def test_r1_does_not_judge_a_change_that_was_refused() -> None:
    stream = GrantedStream(48_000, 1)
    for said, words in (
        ("refused: the system did not switch to earpiece", "did not switch"),
        ("wired", "went to wired instead"),
    ):
        report = ProbeReport("1", stream, stream, observed={"route_1": said})
        result = judge("R1", RUN, [route_record((0.0, 0.2), (0.0, 0.2), report=report)])
        assert result.verdict is Verdict.NOT_MEASURABLE
        assert result.reasons == (str(Reason.ACTION_FAILED),)
        assert words in result.text


def test_r1_says_when_the_streams_end_with_their_route() -> None:
    gone = record("R1", None, reasons=(str(Reason.STREAM_LOST),))
    result = judge("R1", RUN, [gone])
    assert (result.verdict, result.reasons) == (Verdict.FAIL, (str(Reason.STREAM_LOST),))
    both = [gone, replace(route_record((0.1, 0.2), (0.1, 0.2)), index=1)]
    result = judge("R1", RUN, both)
    assert result.verdict is Verdict.FAIL
    assert number(result, "latency_ms[route=earpiece]") == 52.0


def test_r1_passes_errors_and_poor_signals_on() -> None:
    broken = record("R1", None, reasons=(str(Reason.DEVICE_LOST),))
    assert judge("R1", RUN, [broken]).verdict is Verdict.ERROR
    assert judge("R1", RUN, []).verdict is Verdict.SKIPPED
    deaf = findings(
        (segment(None), segment(None)), (gap("earpiece", None, None),),
        verdict=Verdict.NOT_MEASURABLE, reasons=(str(Reason.AEC_SUPPRESSED),),
    )  # fmt: skip
    result = judge("R1", RUN, [record("R1", deaf)])
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert str(Reason.AEC_SUPPRESSED) in result.reasons


# --- R4 -------------------------------------------------------------------------------------------


def keys(down: str, up: str, change_db: float | None = -6.0) -> TrialRecord:
    level = None if change_db is None else -20.0 + change_db
    found = findings(
        (segment(40.0), segment(40.0, level), segment(40.0)),
        (gap("2", 0.0, 0.2, action="volume_down"), gap("2", 0.0, 0.2, action="volume_up")),
    )
    outcomes = (
        ActionOutcome("volume_down", "2", 5.0, 5.6, ok=True, text=down),
        ActionOutcome("volume_up", "2", 11.0, 11.6, ok=True, text=up),
    )
    return record("R4", found, actions=outcomes)


CALL = ("moved: voice_call 9>7 of 15", "moved: voice_call 7>9 of 15")


@pytest.mark.parametrize(
    ("said", "change_db", "verdict", "words"),
    [
        (CALL, -6.0, Verdict.PASS, "move the call's volume, two steps down are -6.0 dB"),
        (CALL, None, Verdict.PASS, "move the call's volume"),
        (("moved: bluetooth_sco 9>7", "moved: bluetooth_sco 7>9"), -4.0, Verdict.PASS, "move the"),
        (CALL, -0.2, Verdict.MARGINAL, "what is heard does not (-0.2 dB)"),
        (("moved: voice_call 9>7, ring 5>4", CALL[1]), -6.0, Verdict.MARGINAL, "move ring beside"),
        (("moved: music 9>7 of 15", "moved: music 7>9"), 0.0, Verdict.FAIL, "they move music"),
        (("no stream moved", "no stream moved"), 0.0, Verdict.FAIL, "they move nothing"),
    ],
)  # fmt: skip
def test_r4_wants_the_calls_stream_and_no_other(
    said: tuple[str, str], change_db: float | None, verdict: Verdict, words: str
) -> None:
    result = judge("R4", RUN, [keys(*said, change_db)])
    assert result.verdict is verdict
    assert result.reasons == (() if verdict is Verdict.PASS else (str(Reason.WRONG_STREAM),))
    assert words in result.text


def test_r4_does_not_compare_levels_around_a_late_key() -> None:
    whole = keys(*CALL, 0.0)
    late = (replace(whole.actions[0], done_s=9.0), whole.actions[1])
    result = judge("R4", RUN, [replace(whole, actions=late)])
    assert result.verdict is Verdict.PASS
    assert "level_change_db" not in {m.name for m in result.measurements}


def test_r4_keeps_what_moved() -> None:
    result = judge("R4", RUN, [keys(*CALL)])
    assert number(result, "index_change[stream=voice_call,key=down]") == -2
    assert number(result, "index_change[stream=voice_call,key=up]") == 2
    assert number(result, "level_change_db") == -6.0


def test_r4_says_nothing_of_keys_that_were_not_pressed() -> None:
    whole = keys(*CALL)
    failed = replace(
        whole, actions=(whole.actions[0], replace(whole.actions[1], ok=False, done_s=None)),
        findings=None, verdict=Verdict.NOT_MEASURABLE, reasons=(str(Reason.ACTION_FAILED),),
    )  # fmt: skip
    result = judge("R4", RUN, [failed])
    assert (result.verdict, result.reasons) == (
        Verdict.NOT_MEASURABLE, (str(Reason.ACTION_FAILED),)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "streams"),
    [
        ("moved: voice_call 5>7 of 15, music 3>4", {"voice_call": (5, 7), "music": (3, 4)}),
        ("no stream moved", {}),
        ("moved: ", {}),
        ("", {}),
        ("voice_call 5>7", {}),
        ("moved: x 99999>1", {}),
    ],
)
def test_what_a_driver_says_of_a_key(text: str, streams: dict[str, tuple[int, int]]) -> None:
    assert moved_streams(text) == streams


# --- K1 -------------------------------------------------------------------------------------------


def locked(zero_ms: float, from_s: float | None, **changes: Any) -> TrialRecord:
    heard = from_s is None
    one = gap("", 0.0, 0.2, action="lock", at_s=10.0, zero_run_ms=zero_ms, zero_from_s=from_s)
    one = one if heard else replace(one, gap_high_s=None, resumed_s=None)
    found = findings((segment(40.0), segment(40.0 if heard else None)), (one,))
    stream = GrantedStream(48_000, 1)
    report = ProbeReport("1", stream, stream, observed={"left_front_ms": "10400"},
                         input_silenced=not heard)  # fmt: skip
    return record("K1", found, **{"report": report, **changes})


@pytest.mark.parametrize(
    ("zero_ms", "from_s", "verdict", "reasons"),
    [
        (0.0, None, Verdict.PASS, ()),
        (19.0, None, Verdict.PASS, ()),
        (500.0, 30.0, Verdict.MARGINAL, (str(Reason.ZERO_RUN), str(Reason.MIC_SILENCED))),
        (74_000.0, 16.0, Verdict.FAIL, (str(Reason.ZERO_RUN), str(Reason.MIC_SILENCED))),
    ],
)
def test_k1_counts_the_zeros_after_the_lock(
    zero_ms: float, from_s: float | None, verdict: Verdict, reasons: tuple[str, ...]
) -> None:
    result = judge("K1", RUN, [locked(zero_ms, from_s)])
    assert (result.verdict, result.reasons) == (verdict, reasons)
    assert number(result, "zero_run_ms") == zero_ms
    assert number(result, "left_front_s") == 10.4
    if from_s is not None:
        assert number(result, "zeros_after_s") == pytest.approx(from_s - 10.4)
        assert "foreground service" in result.text
    else:
        assert "goes on for 80 s" in result.text


def test_k1_claims_nothing_of_a_lock_that_came_late() -> None:
    stream = GrantedStream(48_000, 1)
    report = ProbeReport("1", stream, stream, observed={"left_front_ms": "70000"})
    result = judge("K1", RUN, [locked(0.0, None, report=report)])
    assert (result.verdict, result.reasons) == (
        Verdict.NOT_MEASURABLE, (str(Reason.ACTION_FAILED),)
    )  # fmt: skip
    assert "came only after 70 s" in result.text
    dead = judge("K1", RUN, [replace(locked(8000.0, 76.0), report=report)])
    assert dead.verdict is Verdict.FAIL, "what was seen was seen"


def test_k1_says_when_the_streams_end_or_nothing_was_there_before() -> None:
    gone = record("K1", None, reasons=(str(Reason.STREAM_LOST),))
    assert judge("K1", RUN, [gone]).verdict is Verdict.FAIL
    dead = locked(80_000.0, 10.0)
    silent = replace(QUALITY, zero_fraction=1.0, zero_run_ms=90_000.0)
    assert isinstance(dead.findings, ActionFindings)
    found = replace(dead.findings, quality=silent, segments=(segment(None), segment(None)))
    result = judge("K1", RUN, [replace(dead, findings=found)])
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert str(Reason.SILENT_CAPTURE) in result.reasons
    assert "from the beginning" in result.text


# --- Bluetooth ------------------------------------------------------------------------------------


def opened(
    test_id: str, index: int, route: str, latency_ms: float | None, **more: Any
) -> TrialRecord:
    made = make.trial(f"b{index}", index=index, latency_ms=latency_ms, test_id=test_id)
    return replace(made, request=replace(made.request, route=route), **more)


def test_b1_says_what_the_headset_costs() -> None:
    stream = GrantedStream(48_000, 1)
    report = ProbeReport("1", stream, stream, observed={"device_input_rate_hz": "16000"})
    records = [opened("B1", i, "bluetooth_sco", 210.0 + i, report=report) for i in range(3)]
    records += [opened("B1", 3 + i, "speaker", 60.0) for i in range(3)]
    result = judge("B1", RUN, records)
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "bt_extra_ms") == 151.0
    assert number(result, "rtl_ms[route=bluetooth_sco]") == 211.0
    assert number(result, "bt_rate_hz[route=bluetooth_sco]") == 16_000
    narrow = replace(report, observed={"device_input_rate_hz": "8000"})
    result = judge("B1", RUN, [replace(r, report=narrow) for r in records])
    assert (result.verdict, result.reasons) == (
        Verdict.MARGINAL, (str(Reason.NARROW_VOICE_BAND),)
    )  # fmt: skip
    assert judge("B1", RUN, []).verdict is Verdict.SKIPPED


def test_b2_takes_the_longest_silence_of_any_open() -> None:
    stream = GrantedStream(16_000, 1)
    records = []
    for i, ms in enumerate((620.0, 700.0, 640.0)):
        report = ProbeReport("1", stream, stream, startup_ms={"first_nonzero": ms})
        records.append(opened("B2", i, "bluetooth_sco", 200.0, report=report))
    result = judge("B2", RUN, records)
    assert result.verdict is Verdict.PASS
    assert number(result, "bt_warm_ms") == 700.0
    late = replace(
        records[1], report=replace(records[1].report, startup_ms={"first_nonzero": 2400.0})
    )  # type: ignore[type-var]
    result = judge("B2", RUN, [records[0], late])
    assert (result.verdict, result.reasons) == (Verdict.FAIL, (str(Reason.COLD_START_SLOW),))


def test_b3_compares_both_ways() -> None:
    both = [opened("B3", 0, "bluetooth_sco", 220.0), opened("B3", 1, "bluetooth_le", 130.0)]
    result = judge("B3", RUN, both)
    assert result.verdict is Verdict.PASS
    assert number(result, "le_saves_ms") == 90.0
    one = [both[0], opened("B3", 1, "bluetooth_le", None, estimate=None,
                           reasons=(str(Reason.SILENT_CAPTURE),))]  # fmt: skip
    result = judge("B3", RUN, one)
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, (str(Reason.SILENT_CAPTURE),))
