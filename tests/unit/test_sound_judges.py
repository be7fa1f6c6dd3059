"""V1 to V6: trials in, verdicts out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import store_records as make

from profiler.catalogue import TESTS, PlannedTrial, Skip, TrialOptions, judge
from profiler.catalogue.sound import v3
from profiler.model import (
    CaptureQuality,
    EffectReport,
    EffectState,
    NearEndFindings,
    Platform,
    Reason,
    SoundFindings,
    TestResult,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)

RUN = "run-1"
QUALITY = CaptureQuality(8.0, -6.0, -30.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
FACTS = make.facts()
ALONE = TrialOptions(seed=3)
PAIRED = TrialOptions(seed=3, partner=make.device("v2"))
AEC_OFF = make.report(effects={"aec": EffectReport(EffectState.OFF)})


def planned(test_id: str, options: TrialOptions = ALONE) -> tuple[PlannedTrial, ...]:
    trials = TESTS[test_id].trials(FACTS, options)
    assert not isinstance(trials, Skip), trials
    return trials


def number(result: TestResult, name: str) -> float:
    (value,) = [m.value for m in result.measurements if m.name == name]
    return value


def near(level_db: float | None, **changes: Any) -> NearEndFindings:
    values: dict[str, Any] = {
        "verdict": Verdict.PASS,
        "reasons": () if level_db is not None else ("no_stimulus",),
        "quality": QUALITY,
        "delay_ms": 60.0,
        "speech_gain_db": level_db,
        "speech_gain_sigma_db": 0.05 if level_db is not None else None,
        "speech_dbfs": None if level_db is None else level_db - 10,
        "noise_dbfs": -70.0,
        "block_s": 0.1,
        "gain_db": (level_db,) * 80,
        "lost_fraction": 0.0,
        "onset_lost_ms": 0.0,
        "analysis_version": "1",
    }
    return NearEndFindings(**{**values, **changes})


def records(
    test_id: str, findings: list[Any], options: TrialOptions = ALONE, **changes: Any
) -> list[TrialRecord]:
    return [
        make.trial(
            f"t{p.index}", test_id=test_id, index=p.index, request=p.request, setup=p.setup,
            stimulus=p.stimulus, estimate=None, findings=f, verdict=f.verdict, reasons=f.reasons,
            **changes,
        )
        for p, f in zip(planned(test_id, options), findings, strict=False)
    ]  # fmt: skip


# --- planning ------------------------------------------------------------------------------------


def test_voices_come_from_the_partner_when_there_is_one() -> None:
    skip = TESTS["V1"].trials(FACTS, ALONE)
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.NEEDS_PARTNER
    for test_id in ("V1", "V3", "V6"):
        assert TESTS[test_id].partner
        for trial in planned(test_id, PAIRED):
            part = trial.setup.partner
            assert part is not None
            assert trial.setup.analysis == "near_end"
            end_s = part.at_s[0] + part.stimulus.duration_s
            assert trial.request.duration_s >= end_s + 2
            assert part.request.duration_s == trial.request.duration_s
    for test_id in ("V3", "V6"):
        for trial in planned(test_id):
            assert trial.setup.partner is None
            assert trial.stimulus is not None
            assert trial.request.duration_s > trial.stimulus.duration_s


def test_v6_hisses_itself_while_the_partner_speaks() -> None:
    for trial in planned("V6", PAIRED):
        assert trial.stimulus is not None
        assert trial.stimulus.kind == "noise"
        assert trial.setup.at_s == (0.0,)
    assert [t.request.ns for t in planned("V6")] == [EffectState.OFF, EffectState.ON]
    assert {t.request.aec for t in planned("V6")} == {EffectState.OFF}


def test_a_sound_interface_has_one_mode() -> None:
    host = replace(FACTS, platform=Platform.HOST)
    for test_id in ("V2", "V6"):
        skip = TESTS[test_id].trials(host, ALONE)
        assert isinstance(skip, Skip)
        assert skip.reason is Reason.NOT_ON_THIS_PROBE
    for test_id in ("V3", "V4", "V5"):
        trials = TESTS[test_id].trials(host, ALONE)
        assert not isinstance(trials, Skip)
        assert {t.request.audio_mode for t in trials} == {"media"}
    assert {t.request.audio_mode for t in planned("V5")} == {"media", "communication"}


def test_v4_plays_as_loud_as_it_can() -> None:
    for trial in planned("V4"):
        assert trial.request.volume == 1.0
        assert trial.stimulus is not None
        assert trial.stimulus.amplitude == 1.0


# --- V1 ------------------------------------------------------------------------------------------


def test_v1_measures_levels_against_their_median() -> None:
    even = judge("V1", RUN, records("V1", [near(g) for g in (-20, -21, -20, -22, -2)], PAIRED))
    assert (even.verdict, even.reasons) == (Verdict.PASS, ())
    assert number(even, "relative_db[config=communication]") == -1.5
    assert number(even, "relative_db[config=communication, effects]") == 18.5
    assert number(even, "snr_db[config=media]") == pytest.approx(40.0)
    off = judge("V1", RUN, records("V1", [near(g) for g in (-20, -21, -20, -45, -19)], PAIRED))
    assert (off.verdict, off.reasons) == (Verdict.FAIL, ("level_off",))
    assert "communication (-24.5 dB)" in off.text


def test_v1_without_a_voice() -> None:
    deaf = near(None, reasons=("partner_unheard",), verdict=Verdict.NOT_MEASURABLE)
    result = judge("V1", RUN, records("V1", [deaf] * 5, PAIRED))
    assert (result.verdict, result.reasons) == (Verdict.NOT_MEASURABLE, ("partner_unheard",))
    partly = judge("V1", RUN, records("V1", [near(-20.0), deaf], PAIRED))
    assert (partly.verdict, partly.reasons) == (Verdict.MARGINAL, ("partner_unheard",))


# --- V2 ------------------------------------------------------------------------------------------


def test_v2_drop_in_a_call_and_after_it() -> None:
    flat = judge("V2", RUN, records("V2", [near(g) for g in (-26, -20, -27, -21, -20)]))
    assert (flat.verdict, flat.reasons) == (Verdict.PASS, ())
    assert number(flat, "level_drop_db[call, volume=1]") == 1.0
    quiet = judge("V2", RUN, records("V2", [near(g) for g in (-26, -20, -41, -35, -20)]))
    assert (quiet.verdict, quiet.reasons) == (Verdict.FAIL, ("level_drops",))
    stays = judge("V2", RUN, records("V2", [near(g) for g in (-26, -20, -27, -21, -32.5)]))
    assert stays.verdict is Verdict.FAIL
    assert "12.5 dB (after a call)" in stays.text


def test_v2_a_canceller_that_stays_on_is_no_quiet_loudspeaker() -> None:
    on = {"aec": EffectReport(EffectState.ON)}
    findings = [near(g) for g in (-26, -20, -60, -54, -20)]
    result = judge("V2", RUN, records("V2", findings, report=make.report(effects=on)))
    assert result.verdict is Verdict.MARGINAL
    assert set(result.reasons) == {"level_drops", "erle_baseline_not_aec_off"}


# --- V3 ------------------------------------------------------------------------------------------


def gains(settle_s: float, *, partner: bool = False, follow_db: float = 12.0) -> NearEndFindings:
    """A gain that creeps up by ``follow_db`` after the step down, and back after the step up."""
    delay_s = 0.06 + (0.4 if partner else 0.0)
    shift_s = delay_s + (1.5 if partner else 0.0)
    series: list[float | None] = []
    for i in range(int((v3.SPANS_S[-1][1] + shift_s + 1) / 0.1)):
        now = (i + 0.5) * 0.1 - shift_s
        inside = [n for n, (b, e) in enumerate(v3.SPANS_S) if b <= now < e]
        if not inside:
            series.append(None)
            continue
        since = now - v3.SPANS_S[inside[0]][0]
        share = min(1.0, since / settle_s) if settle_s else 1.0
        series.append(-20.0 + (0.0, follow_db * share, follow_db * (1 - share))[inside[0]])
    return near(-20.0, gain_db=tuple(series), delay_ms=1000 * delay_s)


@pytest.mark.parametrize("partner", [False, True])
@pytest.mark.parametrize(
    ("settle_s", "verdict"),
    [(0.5, Verdict.PASS), (2.0, Verdict.MARGINAL), (3.0, Verdict.MARGINAL)],
)
def test_v3_times_the_gain(settle_s: float, verdict: Verdict, partner: bool) -> None:
    options = PAIRED if partner else ALONE
    result = judge("V3", RUN, records("V3", [gains(settle_s, partner=partner)], options))
    assert result.verdict is verdict
    expected = settle_s * 0.75  # within 3 of 12 dB
    assert number(result, "settle_s[step=down]") == pytest.approx(expected, abs=0.25)
    assert number(result, "gain_range_db") == pytest.approx(12.0, abs=1.0)


def test_v3_gain_that_stays_is_settled_at_once() -> None:
    result = judge("V3", RUN, records("V3", [near(-20.0, gain_db=(-20.0,) * 160)]))
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert "gain stays" in result.text


def test_v3_slow_gain_fails_and_a_lost_voice_is_not_measured() -> None:
    creeping = judge("V3", RUN, records("V3", [gains(6.0, follow_db=24.0)]))
    assert creeping.verdict is Verdict.FAIL  # still moving when the stretch ends
    slow = gains(3.9)
    late = replace(slow, gain_db=tuple(
        None if g is None else (-20.0 if n < 86 else -8.0) for n, g in enumerate(slow.gain_db)
    ))  # fmt: skip
    result = judge("V3", RUN, records("V3", [late]))
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("settles_slowly",))
    gone = judge("V3", RUN, records("V3", [near(-20.0, gain_db=(None,) * 160)]))
    assert gone.verdict is Verdict.NOT_MEASURABLE


# --- V4 ------------------------------------------------------------------------------------------


def test_v4_counts_clipped_samples_of_what_was_heard() -> None:
    clipped = replace(QUALITY, clipped_fraction=0.02, peak_dbfs=0.0)
    some = replace(QUALITY, clipped_fraction=0.004)
    fine = judge("V4", RUN, records("V4", [near(-20.0), near(-21.0)]))
    assert (fine.verdict, fine.reasons) == (Verdict.PASS, ())
    assert number(fine, "clipped_percent[mode=media]") == 0.0
    loud = judge("V4", RUN, records("V4", [near(-2.0, quality=clipped), near(-21.0)]))
    assert (loud.verdict, loud.reasons) == (Verdict.FAIL, ("clipped",))
    between = judge("V4", RUN, records("V4", [near(-2.0, quality=some), near(-21.0)]))
    assert between.verdict is Verdict.MARGINAL
    unheard = judge("V4", RUN, records("V4", [near(-20.0), near(None)]))
    assert (unheard.verdict, unheard.reasons) == (Verdict.MARGINAL, ("no_stimulus",))
    silent = judge("V4", RUN, records("V4", [near(None), near(None)]))
    assert silent.verdict is Verdict.NOT_MEASURABLE


# --- V5 ------------------------------------------------------------------------------------------


def sound(edge_hi_hz: float | None, **changes: Any) -> SoundFindings:
    values: dict[str, Any] = {
        "verdict": Verdict.PASS,
        "reasons": (),
        "quality": QUALITY,
        "bands_hz": (500.0, 1000.0),
        "response_db": (-20.0, -21.0),
        "response_snr_db": (40.0, 40.0),
        "edge_lo_hz": 120.0,
        "edge_hi_hz": edge_hi_hz,
        "noise_dbfs": -71.0,
        "noise_bands_dbfs": (-90.0, -88.0),
        "thd_percent": 1.25,
        "thd_bound_percent": 1.3,
        "delay_ms": 60.0,
        "analysis_version": "1",
    }
    return SoundFindings(**{**values, **changes})


@pytest.mark.parametrize(
    ("edges", "verdict", "reasons"),
    [
        ((16_000.0, 8000.0), Verdict.PASS, ()),
        ((16_000.0, 7050.0), Verdict.MARGINAL, ("narrow_voice_band",)),
        ((16_000.0, 3400.0), Verdict.FAIL, ("narrow_voice_band",)),
        ((16_000.0, None), Verdict.MARGINAL, ("low_snr",)),
    ],
)
def test_v5_the_narrower_mode_decides(
    edges: tuple[float | None, float | None], verdict: Verdict, reasons: tuple[str, ...]
) -> None:
    result = judge("V5", RUN, records("V5", [sound(e) for e in edges]))
    assert (result.verdict, result.reasons) == (verdict, reasons)
    assert number(result, "edge_hi_hz[mode=media]") == 16_000.0
    assert number(result, "response_db[mode=media,hz=1000]") == -21.0
    assert "THD 1.2 %" in result.text


def test_v5_without_a_response() -> None:
    refused = sound(None, bands_hz=(), response_db=(), response_snr_db=(),
                    verdict=Verdict.NOT_MEASURABLE, reasons=("no_stimulus",))  # fmt: skip
    result = judge("V5", RUN, records("V5", [refused, refused]))
    assert (result.verdict, result.reasons) == (Verdict.NOT_MEASURABLE, ("no_stimulus",))
    bound = judge("V5", RUN, records("V5", [sound(9000.0, thd_percent=None), refused]))
    assert bound.verdict is Verdict.MARGINAL
    assert "THD below 1.3 %" in bound.text


# --- V6 ------------------------------------------------------------------------------------------


def test_v6_compares_voice_and_noise() -> None:
    off, on = near(-20.0, noise_dbfs=-50.0), near(-20.5, noise_dbfs=-66.0, onset_lost_ms=80.0)
    result = judge("V6", RUN, records("V6", [off, on], report=AEC_OFF))
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "attenuation_db") == 0.5
    assert number(result, "noise_attenuation_db") == 16.0
    assert number(result, "onset_lost_ms[ns=on]") == 80.0
    harsh = judge("V6", RUN, records("V6", [off, near(-33.0)], report=AEC_OFF))
    assert (harsh.verdict, harsh.reasons) == (Verdict.FAIL, ("near_end_damaged",))


@pytest.mark.parametrize("on_db", [-20.5, -33.0])
@pytest.mark.parametrize("state", [EffectState.ON, EffectState.UNKNOWN, None])
def test_v6_a_canceller_may_have_taken_the_devices_own_voice(
    state: EffectState | None, on_db: float
) -> None:
    effects = {} if state is None else {"aec": EffectReport(state)}
    findings = [near(-20.0), near(on_db)]
    alone = judge("V6", RUN, records("V6", findings, report=make.report(effects=effects)))
    assert alone.verdict is Verdict.MARGINAL
    assert "erle_baseline_not_aec_off" in alone.reasons
    assert number(alone, "attenuation_db") == pytest.approx(-20.0 - on_db)
    one = records("V6", findings, report=AEC_OFF)
    one[1] = replace(one[1], report=make.report(effects=effects))
    assert judge("V6", RUN, one).verdict is Verdict.MARGINAL
    partner = records("V6", findings, PAIRED, report=make.report(effects=effects))
    result = judge("V6", RUN, partner)
    assert result.verdict is (Verdict.PASS if on_db > -23 else Verdict.FAIL), "no echo of its own"


def test_v6_needs_both_recordings_and_says_when_nothing_was_on() -> None:
    assert judge("V6", RUN, records("V6", [near(-20.0)])).verdict is Verdict.NOT_MEASURABLE
    off = EffectReport(EffectState.OFF)
    claims_off = make.report(effects={"ns": off, "aec": off})
    both = records("V6", [near(-20.0), near(-20.0)], report=claims_off)
    result = judge("V6", RUN, both)
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("granted_differs",))


def test_without_trials_every_test_is_skipped() -> None:
    for test_id in ("L6", "L7", "L8", "V1", "V2", "V3", "V4", "V5", "V6"):
        assert judge(test_id, RUN, []).verdict is Verdict.SKIPPED
        foreign = make.trial("x", test_id=test_id, request=TrialRequest(), setup=TrialSetup())
        judge(test_id, RUN, [foreign])  # what another version stored does not end a run
