"""A3 on made records: which takes it makes, and what they say of a voice in the room."""

from __future__ import annotations

from dataclasses import replace

import pytest
import store_records as make

from profiler.catalogue import Skip, TrialOptions, judge
from profiler.catalogue.echo import a3
from profiler.catalogue.kinds import PlannedTrial
from profiler.model import (
    DeviceRef,
    EffectState,
    NearEndFindings,
    Platform,
    SpeechSpec,
    TestResult,
    TrialRecord,
    Verdict,
)

WITH = TrialOptions(seed=7, tests=("A3",), partner=DeviceRef(Platform.HOST, "usb"))
ALONE, DOUBLE = "voice alone", "double talk"


def planned(options: TrialOptions) -> tuple[PlannedTrial, ...]:
    trials = a3.trials(make.facts(), options)
    assert not isinstance(trials, Skip)
    return trials


def take(
    note: str, gain_db: float | None, *, lost: float | None = 0.0, reason: str = "partner_unheard"
) -> TrialRecord:
    heard = gain_db is not None
    found = NearEndFindings(
        verdict=Verdict.PASS if heard else Verdict.NOT_MEASURABLE,
        reasons=() if heard else (reason,),
        quality=make.estimate().quality,
        delay_ms=20.0,
        speech_gain_db=gain_db,
        speech_gain_sigma_db=0.05 if heard else None,
        speech_dbfs=-40.0,
        noise_dbfs=-70.0,
        block_s=0.1,
        gain_db=(),
        lost_fraction=lost if heard else None,
        onset_lost_ms=0.0 if heard else None,
        analysis_version="1",
    )
    trial = next(t for t in planned(WITH) if t.setup.note == note)
    return make.trial(
        test_id="A3", request=trial.request, setup=trial.setup, stimulus=trial.stimulus,
        estimate=None, findings=found, verdict=found.verdict, reasons=found.reasons,
    )  # fmt: skip


def judged(*records: TrialRecord) -> TestResult:
    numbered = [replace(r, index=i, trial_uuid=f"trial-{i}") for i, r in enumerate(records)]
    return judge("A3", "run-1", numbered)


def numbers(result: TestResult) -> dict[str, float]:
    return {m.name: m.value for m in result.measurements}


def five(drop_db: float, **changes: object) -> list[TrialRecord]:
    return [
        take(DOUBLE, -30.0 - drop_db + 0.1 * i, **changes)  # type: ignore[arg-type]
        for i in (-1, 0, 1)
    ] + [take(ALONE, -30.0), take(ALONE, -30.0)]


def test_without_a_partner_it_is_skipped() -> None:
    skip = a3.trials(make.facts(), replace(WITH, partner=None))
    assert isinstance(skip, Skip)
    assert skip.reason == "needs_partner"
    assert isinstance(a3.trials(make.facts(platform=Platform.HOST), WITH), Skip)


@pytest.mark.parametrize(("brief", "notes"), [(False, 5), (True, 2)])
def test_the_voice_is_the_same_in_every_take(brief: bool, notes: int) -> None:
    trials = planned(replace(WITH, brief=brief))
    assert len(trials) == notes
    parts = {t.setup.partner for t in trials}
    (part,) = parts
    assert part is not None
    assert isinstance(part.stimulus, SpeechSpec)
    assert {t.request for t in trials} == {trials[0].request}
    assert trials[0].request.aec is EffectState.ON
    for trial in trials:
        speaks = trial.setup.note == DOUBLE
        assert bool(trial.setup.at_s) == speaks
        assert (trial.stimulus is not None) == speaks
        if isinstance(trial.stimulus, SpeechSpec):
            said = {name for name, _ in trial.stimulus.sentences}
            assert said.isdisjoint(name for name, _ in part.stimulus.sentences)
        heard_to_s = part.at_s[0] + part.stimulus.duration_s
        assert heard_to_s <= part.request.duration_s <= trial.request.duration_s


@pytest.mark.parametrize(
    ("drop_db", "verdict"),
    [(0.0, Verdict.PASS), (2.5, Verdict.PASS), (3.0, Verdict.MARGINAL), (8.0, Verdict.MARGINAL),
     (12.0, Verdict.FAIL)],
)  # fmt: skip
def test_the_voice_during_double_talk_against_the_voice_alone(
    drop_db: float, verdict: Verdict
) -> None:
    result = judged(*five(drop_db, lost=0.25))
    assert result.verdict is verdict
    assert numbers(result)["attenuation_db"] == pytest.approx(drop_db)
    assert numbers(result)["lost_fraction"] == 0.25
    assert result.reasons == (() if verdict is Verdict.PASS else ("near_end_damaged",))


def test_a_voice_that_is_never_found_beside_the_device_is_lost_without_a_number() -> None:
    result = judged(take(DOUBLE, None), take(ALONE, -30.0), take(DOUBLE, None), take(ALONE, -30.0))
    assert result.verdict is Verdict.FAIL
    assert result.reasons == ("near_end_damaged", "partner_unheard")
    assert "attenuation_db" not in numbers(result)
    once = judged(take(ALONE, -30.0), take(DOUBLE, None))
    assert once.verdict is Verdict.MARGINAL


def test_a_take_in_which_it_is_not_found_spoils_a_pass() -> None:
    result = judged(*five(0.0), take(DOUBLE, None))
    assert result.verdict is Verdict.MARGINAL
    assert "in 1 of 4 takes" in result.text


def test_another_fault_is_no_proof_of_anything() -> None:
    silent = take(DOUBLE, None, reason="silent_capture")
    result = judged(silent, take(ALONE, -30.0), silent, take(ALONE, -30.0))
    assert (result.verdict, result.reasons) == (Verdict.NOT_MEASURABLE, ("silent_capture",))


def test_a_voice_that_is_not_even_heard_alone_says_nothing() -> None:
    result = judged(take(DOUBLE, None), take(ALONE, None))
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert judged().verdict is Verdict.SKIPPED
