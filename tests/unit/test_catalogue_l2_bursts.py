"""L2 without a partner, on made records: what survived, and what must not become a number."""

from __future__ import annotations

from dataclasses import replace

import pytest
import store_records as make

from profiler.catalogue import Skip, TrialOptions, judge
from profiler.catalogue.latency import l2
from profiler.model import TestResult, TrialRecord, Verdict

OFF, ON = "effects off", "effects on"
TRIALS = l2.trials(make.facts(), TrialOptions(seed=7, tests=("L2",)))


def burst(note: str, latency_ms: float | None, reason: str = "aec_suppressed") -> TrialRecord:
    assert not isinstance(TRIALS, Skip)
    trial = next(t for t in TRIALS if t.setup.note == note)
    why = () if latency_ms is not None else (reason,)
    measured = replace(make.estimate(latency_ms), reasons=why)
    return make.trial(
        test_id="L2", request=trial.request, setup=trial.setup, stimulus=trial.stimulus,
        estimate=measured, verdict=measured.verdict, reasons=why,
    )  # fmt: skip


def judged(off: list[float | None], on: list[float | None]) -> TestResult:
    made = [burst(OFF, v) for v in off] + [burst(ON, v) for v in on]
    return judge(
        "L2", "run-1", [replace(r, index=i, trial_uuid=f"t{i}") for i, r in enumerate(made)]
    )


def numbers(result: TestResult) -> dict[str, float]:
    return {m.name: m.value for m in result.measurements}


def test_bursts_that_survive_are_a_round_trip_and_are_named() -> None:
    result = judged([60.0, 60.1, 59.9, 60.0, 60.1], [74.0, 74.1, 73.9, 74.0, 74.2])
    found = numbers(result)
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert found["rtl_ms"] == pytest.approx(74.0)
    assert found["rtl_off_ms"] == pytest.approx(60.0)
    assert found["processing_delay_ms"] == pytest.approx(14.0)
    assert "sweeps of 30 ms survived in 5 of 5 sessions" in result.text


@pytest.mark.parametrize("on", [[None] * 5, [74.0, None, None, None, None], []])
def test_bursts_that_are_cancelled_ask_for_a_partner(on: list[float | None]) -> None:
    result = judged([60.0] * 5, on)
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert "rtl_ms" not in numbers(result)
    if on:
        assert result.reasons == ("aec_suppressed",)
        assert "add a partner" in result.text
        assert numbers(result)["rtl_off_ms"] == pytest.approx(60.0)


def test_some_that_survive_are_few_repeats_and_say_what_happened_to_the_others() -> None:
    result = judged([60.0] * 5, [74.0, None, 74.1, None, 74.0])
    assert (result.verdict, result.reasons) == (
        Verdict.MARGINAL, ("few_repeats", "aec_suppressed"),
    )  # fmt: skip
    assert "3 of 5 sessions" in result.text


@pytest.mark.parametrize("stray", [20.0, 56.0, 190.0, 800.0])
def test_one_session_that_makes_no_sense_makes_all_doubtful(stray: float) -> None:
    result = judged([60.0, 60.1, 59.9], [74.0, stray, 74.1, 73.9, 74.0])
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert "rtl_ms" not in numbers(result)
    assert "does not fit" in result.text


def test_without_anything_to_compare_with_nothing_is_claimed() -> None:
    result = judged([None, None, None], [74.0, 74.1, 73.9, 74.0, 74.0])
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert "rtl_ms" not in numbers(result)
    assert judged([], [74.0, 74.1]).verdict is Verdict.NOT_MEASURABLE


def test_an_error_is_an_error() -> None:
    failed = replace(
        burst(ON, None), estimate=None, verdict=Verdict.ERROR, reasons=("device_lost",)
    )
    result = judge("L2", "run-1", [burst(OFF, 60.0), failed])
    assert (result.verdict, result.reasons) == (Verdict.ERROR, ("device_lost",))
