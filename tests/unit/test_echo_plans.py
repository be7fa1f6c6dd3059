"""Which trials the echo tests make, and what they cost."""

from __future__ import annotations

import pytest
import store_records as records

from profiler.catalogue import TESTS, TrialOptions, planned_audio_s
from profiler.catalogue.kinds import PlannedTrial, Skip
from profiler.model import EffectState, Platform, Reason, TrialRequest
from profiler.stimulus import render

FACTS = records.facts(native_rate_hz=48_000, raw={"apis": "aaudio,java"})


def _trials(test_id: str, **options: object) -> tuple[PlannedTrial, ...]:
    found = TESTS[test_id].trials(FACTS, TrialOptions(seed=3, **options))  # type: ignore[arg-type]
    assert not isinstance(found, Skip)
    return found


def test_a1_has_the_canceller_on_and_off_at_three_volumes_and_the_raw_path_once() -> None:
    trials = _trials("A1")
    assert [(t.request.volume, t.request.aec) for t in trials[:-1]] == [
        (v, aec) for v in (0.5, 0.75, 1.0) for aec in (EffectState.ON, EffectState.OFF)
    ]
    assert {t.request.audio_mode for t in trials[:-1]} == {"communication"}
    assert {t.request.input_preset for t in trials[:-1]} == {"voice_communication"}
    assert all(t.request.ns is t.request.agc is EffectState.OFF for t in trials)
    raw = trials[-1].request
    assert (raw.audio_mode, raw.input_preset, raw.aec) == ("media", "unprocessed", EffectState.OFF)
    assert len({t.stimulus for t in trials[:-1]}) == 1  # the same far end, else no ERLE
    assert all(t.setup.analysis == "echo" for t in trials)
    assert 160 <= planned_audio_s(trials) <= 185


def test_a_short_a1_stays_within_20_s() -> None:
    trials = _trials("A1", short=True)
    assert [t.request.volume for t in trials] == [1.0, 1.0]
    assert planned_audio_s(trials) <= 20.0


def test_the_plans_volumes_and_preset_stay() -> None:
    base = TrialRequest(input_preset="voice_recognition")
    trials = _trials("A1", volumes=(0.9, 0.3), base=base)
    assert [t.request.volume for t in trials[:-1]] == [0.3, 0.3, 0.9, 0.9]
    assert trials[0].request.input_preset == "voice_recognition"


@pytest.mark.parametrize("test_id", ["A2", "A4", "A9"])
def test_some_are_judged_on_a1s_recordings(test_id: str) -> None:
    assert _trials(test_id) == ()
    assert TESTS[test_id].needs == ("A1",)


def test_a5_needs_somebody_or_something_that_changes_the_path() -> None:
    skip = TESTS["A5"].trials(FACTS, TrialOptions(seed=1))
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.NEEDS_OPERATOR
    off, on = _trials("A5", abilities=frozenset({"action:cover", "action:flip"}))
    assert off.setup.actions == ()
    assert [(a.at_s, a.action) for a in on.setup.actions] == [(15.0, "flip")]


def test_a6_opens_every_api_with_every_session() -> None:
    trials = _trials("A6")
    ons = [t.request for t in trials if t.request.aec is EffectState.ON]
    assert {(r.api, r.audio_session) for r in ons} == {
        (api, session) for api in ("default", "java") for session in ("default", "none", "shared")
    }
    assert sum(t.request.aec is EffectState.OFF for t in trials) == 2


def test_a7_starts_one_fresh_process_and_stays_in_it() -> None:
    trials = _trials("A7", abilities=frozenset({"fresh_process"}))
    assert [t.setup.fresh_process for t in trials] == [True] + [False] * 5
    assert [t.request.audio_mode for t in trials].count("media") == 2
    assert planned_audio_s(trials) <= 62.0
    assert isinstance(TESTS["A7"].trials(FACTS, TrialOptions(seed=1)), Skip)


def test_a8_goes_through_the_plans_own_path_when_it_is_a_calls() -> None:
    base = TrialRequest(audio_mode="communication", aec=EffectState.DEFAULT, api="java")
    own = _trials("A8", base=base)
    assert {(t.request.api, t.request.aec) for t in own} == {("java", EffectState.DEFAULT)}
    plain = _trials("A8")
    assert {t.request.ns for t in plain} == {EffectState.ON}
    assert [t.request.volume for t in plain] == [0.5, 0.75, 1.0]
    assert plain[0].stimulus != _trials("A1")[0].stimulus


def test_every_far_end_can_be_played() -> None:
    for test_id in ("A1", "A6", "A8"):
        trial = _trials(test_id)[0]
        assert trial.stimulus is not None
        assert render(trial.stimulus, 8000).size <= trial.request.duration_s * 8000


@pytest.mark.parametrize("test_id", ["A1", "A5", "A6", "A7", "A8"])
def test_a_sound_interface_has_no_canceller(test_id: str) -> None:
    skip = TESTS[test_id].trials(records.facts(platform=Platform.HOST), TrialOptions(seed=1))
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.NOT_ON_THIS_PROBE
