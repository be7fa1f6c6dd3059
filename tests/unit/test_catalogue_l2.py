"""L2 on made records: which trials it makes, and what the exchanges of a run add up to."""

from __future__ import annotations

from dataclasses import replace

import pytest
import store_records as make

from profiler.catalogue import Skip, TrialOptions, judge
from profiler.catalogue.kinds import PlannedTrial
from profiler.catalogue.latency import l2, l2_effects
from profiler.model import (
    DeviceRef,
    EffectReport,
    EffectState,
    ExchangeFindings,
    Geometry,
    PartnerOutcome,
    Platform,
    Recording,
    TestResult,
    TrialRecord,
    Verdict,
)

PARTNER = DeviceRef(Platform.HOST, "usb")
WITH = TrialOptions(seed=7, tests=("L2",), partner=PARTNER)
QUALITY = make.estimate().quality
RECORDING = Recording("ab", "ab/ab.flac", 48_000, 1, 10, "int16", 10)
OFF, ON = "effects off", "effects on"


def planned(options: TrialOptions, **facts: object) -> tuple[PlannedTrial, ...]:
    trials = l2.trials(make.facts(**facts), options)
    assert not isinstance(trials, Skip)
    return trials


def findings(
    exchange_ms: float | None, own_ms: float | None = None, **changes: object
) -> ExchangeFindings:
    good = exchange_ms is not None
    values = ExchangeFindings(
        verdict=Verdict.PASS if good else Verdict.NOT_MEASURABLE,
        reasons=() if good else ("few_exchanges",),
        quality=QUALITY,
        partner_quality=QUALITY,
        round_trip_latency_ms=exchange_ms,
        uncertainty_us=20.0 if good else None,
        confidence=0.99 if good else 0.0,
        skew_ppm=12.0,
        own_drift_ppm=0.0,
        trains_a=4,
        trains_b=4,
        trains_clashing=0,
        self_echo_db=10.0 if own_ms is not None else None,
        self_echo_bound_db=12.0,
        own_round_trip_ms=own_ms,
        per_exchange_ms=(),
        analysis_version="1",
    )
    return replace(values, **changes)  # type: ignore[arg-type]


def exchange(
    note: str, found: ExchangeFindings, *, partner: str = "host:usb", distance_m: float = 0.0
) -> TrialRecord:
    state = EffectState.ON if note == ON else EffectState.OFF
    trial = next(t for t in planned(WITH) if t.setup.note == note)
    setup = replace(trial.setup, geometry=Geometry(distance_m))
    effect = EffectReport(state)
    report = make.report(effects={"aec": effect, "ns": effect, "agc": effect})
    return make.trial(
        test_id="L2",
        request=trial.request,
        setup=setup,
        stimulus=trial.stimulus,
        report=report,
        estimate=None,
        findings=found,
        verdict=found.verdict,
        reasons=found.reasons,
        partner=PartnerOutcome(partner, make.report(), RECORDING),
    )


def judged(*records: TrialRecord) -> TestResult:
    numbered = [replace(r, index=i, trial_uuid=f"trial-{i}") for i, r in enumerate(records)]
    return judge("L2", "run-1", numbered)


def numbers(result: TestResult) -> dict[str, float]:
    return {m.name: m.value for m in result.measurements}


def session_pairs(
    count: int, *, on_ms: float = 80.0, off_ms: float = 66.0, own: bool = True
) -> list[TrialRecord]:
    """The pair's distances add 1.7 ms to each exchange; each session is a little different."""
    made = []
    for i in range(count):
        shift = 0.2 * (i % 3 - 1)
        off = off_ms + shift
        made.append(exchange(OFF, findings(off + 1.7, off if own else None)))
        made.append(exchange(ON, findings(on_ms + shift + 1.7)))
    return made


# --- planning ------------------------------------------------------------------------------------


def test_with_a_partner_sessions_take_turns() -> None:
    trials = planned(WITH)
    assert [t.setup.note for t in trials] == [OFF, ON] * 5
    assert len(planned(replace(WITH, thorough=True))) == 12
    for i, trial in enumerate(trials):
        state = EffectState.ON if i % 2 else EffectState.OFF
        request, partner = trial.request, trial.setup.partner
        assert (request.aec, request.ns, request.agc) == (state,) * 3
        assert (request.audio_mode, request.input_preset) == (
            "communication", "voice_communication",
        )  # fmt: skip
        assert trial.setup.analysis == "exchange"
        assert partner is not None
        assert partner.request.duration_s == request.duration_s
        assert (partner.request.aec, partner.request.audio_mode) == (EffectState.OFF, "media")
        assert partner.stimulus != trial.stimulus


def test_a_short_budget_has_two_sessions_of_each() -> None:
    assert len(planned(replace(WITH, brief=True))) == 4
    assert len(planned(replace(WITH, brief=True, repeats=1))) == 2


def test_the_plans_distance_and_preset_are_used() -> None:
    base = replace(WITH.base, input_preset="voice_recognition")
    for trial in planned(replace(WITH, base=base, partner_distance_m=0.4)):
        assert trial.setup.geometry == Geometry(0.4)
        assert trial.request.input_preset == "voice_recognition"


def test_without_a_partner_single_bursts_after_silence() -> None:
    trials = planned(replace(WITH, partner=None, brief=True))
    assert [t.setup.note for t in trials] == [OFF, ON] * 2
    for trial in trials:
        assert trial.setup.analysis == "burst"
        assert trial.setup.partner is None
        starts = trial.stimulus.starts_s  # type: ignore[union-attr]
        assert min(b - a for a, b in zip((0.0, *starts), starts, strict=False)) >= 1.5
    assert sum(t.audio_s for t in trials) <= 90.0


def test_a_sound_interface_has_nothing_to_turn_on() -> None:
    skip = l2.trials(make.facts(platform=Platform.HOST), WITH)
    assert isinstance(skip, Skip)
    assert skip.reason == "not_on_this_probe"


# --- judging -------------------------------------------------------------------------------------


def test_the_sessions_with_effects_off_calibrate_the_others() -> None:
    result = judged(*session_pairs(5))
    found = numbers(result)
    assert found["rtl_ms"] == pytest.approx(80.0, abs=0.3)
    assert found["rtl_off_ms"] == pytest.approx(66.0, abs=0.3)
    assert found["processing_delay_ms"] == pytest.approx(14.0, abs=0.01)
    assert found["geometry_ms"] == pytest.approx(-1.7)
    assert (found["sessions_on"], found["sessions_off"]) == (5, 5)
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert "they add 14.00" in result.text
    delay = next(m for m in result.measurements if m.name == "processing_delay_ms")
    assert delay.sigma is not None
    assert delay.sigma > 0.1, "the sessions differ, and their spread is in it"


@pytest.mark.parametrize(
    ("on_ms", "verdict"),
    [(99.0, Verdict.PASS), (100.2, Verdict.MARGINAL), (150.0, Verdict.MARGINAL),
     (202.0, Verdict.FAIL)],
)  # fmt: skip
def test_the_uncertainty_decides_at_the_limits(on_ms: float, verdict: Verdict) -> None:
    assert judged(*session_pairs(5, on_ms=on_ms)).verdict is verdict


def test_few_sessions_are_a_number_and_no_verdict() -> None:
    result = judged(*session_pairs(3))
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("few_repeats",))
    assert numbers(result)["rtl_ms"] == pytest.approx(80.0, abs=0.3)


@pytest.mark.parametrize(
    ("difference_ms", "sigma_ms", "words"),
    [
        (15.96, 1.31, ", of which they add 15.96 ± 1.31 ms"),
        (-12.0, 1.0, ", which is 12.00 ± 1.00 ms shorter than with them off"),
        (-7.99, 5.26, ", no difference seen to effects off (95 %: -18.30 to +2.32 ms)"),
        (0.0, 0.0, ", no difference seen to effects off (95 %: +0.00 to +0.00 ms)"),
    ],
)
def test_what_the_effects_add_is_never_less_than_nothing(
    difference_ms: float, sigma_ms: float, words: str
) -> None:
    assert l2_effects.difference_words(difference_ms, sigma_ms) == words
    faster = judged(*session_pairs(5, on_ms=60.0, off_ms=80.0))
    assert "add -" not in faster.text
    assert "effects on, which is 20.00 ± " in faster.text
    assert "no difference seen" in judged(*session_pairs(5, on_ms=66.0)).text


def test_a_device_that_never_hears_itself_keeps_its_distance_unknown() -> None:
    """The delay of the processing needs no distance; the round trip gets another name."""
    result = judged(*session_pairs(5, own=False))
    found = numbers(result)
    assert "rtl_ms" not in found
    assert found["rtl_uncalibrated_ms"] == pytest.approx(81.7, abs=0.3)
    assert found["processing_delay_ms"] == pytest.approx(14.0, abs=0.01)
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("geometry_unknown",))


def test_a_distance_that_the_plan_gives_is_enough() -> None:
    made = [
        exchange(note, findings(value), distance_m=0.3)
        for note, value in [(OFF, 66.0), (ON, 80.0)] * 5
    ]
    result = judged(*made)
    assert numbers(result)["rtl_ms"] == pytest.approx(80.0)
    rtl = next(m for m in result.measurements if m.name == "rtl_ms")
    assert rtl.sigma == pytest.approx(0.58, abs=0.05), "the devices' own paths are not known"
    assert result.verdict is Verdict.PASS


def test_another_partner_stands_elsewhere() -> None:
    """Two sessions with another partner, 3 ms further away, do not blur the others."""
    strays = [
        exchange(OFF, findings(70.7, 66.0), partner="virtual:B"),
        exchange(ON, findings(84.7), partner="virtual:B"),
    ]
    found = numbers(judged(*session_pairs(5), *strays))
    assert found["rtl_ms"] == pytest.approx(80.0, abs=0.3)
    assert found["sessions_on"] == 5


def test_only_sessions_with_effects_off_answer_nothing() -> None:
    lost = findings(None)
    made = [t for _ in range(3) for t in (exchange(OFF, findings(67.7, 66.0)), exchange(ON, lost))]
    result = judged(*made)
    assert (result.verdict, result.reasons) == (Verdict.NOT_MEASURABLE, ("few_exchanges",))
    assert "rtl_ms" not in numbers(result)


def test_without_sessions_off_there_is_no_added_delay() -> None:
    made = [exchange(ON, findings(80.0)) for _ in range(5)]
    found = numbers(judged(*made))
    assert set(found) == {"rtl_uncalibrated_ms", "rtl_mad_ms", "sessions_on", "sessions_off"}


def test_an_effect_that_is_not_what_was_asked_is_said() -> None:
    made = session_pairs(5)
    off = EffectReport(EffectState.OFF)
    made[1] = replace(made[1], report=make.report(effects={"aec": off}))
    result = judged(*made)
    assert "granted_differs" in result.reasons
    assert "aec is off when asked on" in result.text


def test_a_lost_partner_is_a_reason_and_the_rest_counts() -> None:
    gone = replace(
        session_pairs(1)[1], findings=None, partner=None, recording=None, report=None,
        verdict=Verdict.NOT_MEASURABLE, reasons=("partner_lost",),
    )  # fmt: skip
    result = judged(*session_pairs(5), gone)
    assert result.reasons == ("partner_lost",)
    assert numbers(result)["sessions_on"] == 5


def test_nothing_at_all() -> None:
    assert judged().verdict is Verdict.SKIPPED
