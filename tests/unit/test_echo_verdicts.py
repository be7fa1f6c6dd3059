"""Verdicts of A1, A2, A4 to A8 on made-up findings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from echo_records import a1_records, findings, record, refused

from profiler.catalogue import judge
from profiler.catalogue.table import AOSP_EFFECTS
from profiler.model import EffectState, Reason, TestResult, TimedAction, Verdict

LOUD = findings(-25.0)
GOOD = findings(-65.0)


def _numbers(result: TestResult) -> dict[str, float]:
    return {m.name: m.value for m in result.measurements}


def test_a1_passes_a_canceller_that_leaves_nothing() -> None:
    result = judge("A1", "run", a1_records((0.5, findings(None), LOUD), (1.0, GOOD, LOUD)))
    assert result.verdict is Verdict.PASS
    assert str(Reason.BELOW_NOISE) in result.reasons
    numbers = _numbers(result)
    assert numbers["erle_db[volume=1]"] == pytest.approx(40.0)
    assert "erle_db[volume=0.5]" not in numbers
    assert numbers["erle_low_db[volume=0.5]"] == pytest.approx(47.2)
    assert numbers["voice_per_min[volume=1]"] == 0.0
    assert "at least 47.2 dB" in result.text


@pytest.mark.parametrize(
    ("left_dbfs", "verdict"),
    [(-35.0, Verdict.FAIL), (-45.0, Verdict.MARGINAL), (-55.9, Verdict.MARGINAL),
     (-56.3, Verdict.PASS)],
)  # fmt: skip
def test_a1_needs_the_whole_interval_inside_its_limits(left_dbfs: float, verdict: Verdict) -> None:
    assert judge("A1", "run", a1_records((1.0, findings(left_dbfs), LOUD))).verdict is verdict


def test_a1_counts_false_speech_after_settling_only() -> None:
    early = findings(-65.0, spans=[(1.0, 2.0)])
    assert judge("A1", "run", a1_records((1.0, early, LOUD))).verdict is Verdict.PASS
    once = findings(-65.0, spans=[(8.0, 9.0)])
    result = judge("A1", "run", a1_records((1.0, once, LOUD)))
    assert result.verdict is Verdict.MARGINAL
    assert result.reasons[0] == str(Reason.FALSE_SPEECH)
    often = findings(-65.0, spans=[(8.0 + i, 8.5 + i) for i in range(6)])
    assert judge("A1", "run", a1_records((1.0, often, LOUD))).verdict is Verdict.FAIL


def test_a1_without_echo_claims_nothing() -> None:
    result = judge("A1", "run", a1_records((1.0, findings(None), findings(None))))
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert str(Reason.LOW_SNR) in result.reasons


@pytest.mark.parametrize("level_dbfs", [None, -40.0])
def test_a1_claims_nothing_of_a_session_that_was_refused(level_dbfs: float | None) -> None:
    talks = findings(level_dbfs, spans=[(8.0 + i, 8.5 + i) for i in range(11)])
    result = judge("A1", "run", refused(a1_records((1.0, talks, None))))
    assert (result.verdict, result.reasons[0]) == (Verdict.NOT_MEASURABLE, "request_refused")
    assert str(Reason.LOW_SNR) not in result.reasons
    assert str(Reason.FALSE_SPEECH) not in result.reasons
    assert "no echo heard" not in result.text
    assert "without canceller nothing measured (request_refused)" in result.text
    assert "11 x taken for speech" in result.text, "this was counted"
    quiet = judge("A1", "run", refused(a1_records((1.0, None, LOUD))))
    assert (quiet.verdict, quiet.reasons) == (Verdict.NOT_MEASURABLE, ("request_refused",))


def test_a1_without_the_session_without_canceller() -> None:
    only_on = a1_records((1.0, GOOD, LOUD))[:1]
    result = judge("A1", "run", only_on)
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert "without canceller nothing measured (no trial was made)" in result.text
    assert judge("A1", "run", a1_records((1.0, GOOD, None))).verdict is Verdict.ERROR


@pytest.mark.parametrize(("on", "off"), [(GOOD, None), (None, LOUD), (None, None)])
def test_a2_and_a4_say_that_a_session_was_refused(on: object, off: object) -> None:
    records = refused(a1_records((1.0, on, off)))  # type: ignore[arg-type]
    for test_id in ("A2", "A4"):
        result = judge(test_id, "run", records)
        assert (result.verdict, result.measurements) == (Verdict.NOT_MEASURABLE, ())
        assert str(Reason.REQUEST_REFUSED) in result.reasons
        assert "measured: " in result.text
        assert "request_refused" in result.text


@pytest.mark.parametrize("said", [EffectState.ON, EffectState.OFF])
def test_a_canceller_that_cannot_be_switched_off_caps_the_verdict(said: EffectState) -> None:
    made = a1_records((0.5, GOOD, GOOD), (1.0, GOOD, GOOD), off_said=said, baseline=LOUD)
    result = judge("A1", "run", made)
    assert result.verdict is Verdict.MARGINAL
    assert str(Reason.BASELINE_NOT_OFF) in result.reasons
    assert _numbers(result)["erle_db[volume=1]"] == pytest.approx(40.0)
    assert judge("A2", "run", made).verdict is not Verdict.FAIL
    assert judge("A4", "run", made).verdict is Verdict.NOT_MEASURABLE


def test_a1_with_a_failed_trial_is_an_error() -> None:
    assert judge("A1", "run", a1_records((1.0, None, None))).verdict is Verdict.ERROR
    assert judge("A1", "run", []).verdict is Verdict.SKIPPED


def test_a2_finds_a_canceller_that_is_on_and_does_nothing() -> None:
    fake = judge("A2", "run", a1_records((0.5, GOOD, LOUD), (1.0, findings(-27.0), LOUD)))
    assert fake.verdict is Verdict.FAIL
    assert str(Reason.AEC_INEFFECTIVE) in fake.reasons
    assert _numbers(fake)["effective_db[volume=1]"] == pytest.approx(2.0)


def test_a2_passes_a_good_one_and_one_that_only_a_bound_is_known_of() -> None:
    for on in (GOOD, findings(None)):
        result = judge("A2", "run", a1_records((1.0, on, LOUD)))
        assert result.verdict is Verdict.PASS
        assert result.reasons == ()


def test_a2_blames_no_canceller_for_a_gain_control() -> None:
    raised = findings(-27.0, noise_dbfs=-50.0)
    result = judge("A2", "run", a1_records((1.0, raised, LOUD)))
    assert str(Reason.AEC_INEFFECTIVE) not in result.reasons
    assert result.verdict is not Verdict.FAIL


@pytest.mark.parametrize(
    ("on", "verdict"), [(findings(-25.0), Verdict.PASS), (GOOD, Verdict.MARGINAL)]
)
def test_a2_takes_a_system_that_says_off_at_its_word(on: object, verdict: Verdict) -> None:
    made = a1_records((1.0, on, LOUD), said=EffectState.OFF)  # type: ignore[arg-type]
    result = judge("A2", "run", made)
    assert result.verdict is verdict
    assert result.reasons == (str(Reason.GRANTED_DIFFERS),)


def test_a2_between_the_limits_accuses_nobody() -> None:
    result = judge("A2", "run", a1_records((1.0, findings(-35.0), LOUD)))
    assert result.verdict is Verdict.MARGINAL
    assert result.reasons == (str(Reason.ECHO_LEFT),)


def test_a2_names_the_software_effect() -> None:
    uuid = next(iter(AOSP_EFFECTS)).upper()
    result = judge("A2", "run", a1_records((1.0, GOOD, LOUD), uuid=uuid))
    assert result.verdict is Verdict.PASS
    assert str(Reason.SOFTWARE_EFFECT) in result.reasons
    assert "AOSP software echo canceller" in result.text


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0.0, Verdict.PASS), (0.5, Verdict.PASS), (2.0, Verdict.MARGINAL), (8.0, Verdict.FAIL)],
)
def test_a4_judges_the_slower_of_two_volumes(seconds: float, verdict: Verdict) -> None:
    slow = findings(-65.0, converge_s=seconds, start_dbfs=-26.0)
    result = judge("A4", "run", a1_records((0.5, GOOD, LOUD), (1.0, slow, LOUD)))
    assert result.verdict is verdict
    assert _numbers(result)["convergence_s[volume=1]"] == pytest.approx(seconds, abs=0.3)


def test_a4_has_nothing_to_say_of_a_canceller_that_removes_nothing() -> None:
    result = judge("A4", "run", a1_records((1.0, findings(-26.0), LOUD)))
    assert (result.verdict, result.text) == (
        Verdict.NOT_MEASURABLE, "no canceller that converges",
    )  # fmt: skip


def test_a5_counts_from_the_change() -> None:
    leak = tuple(
        -30.0 if e is not None and 150 <= i < 175 else e for i, e in enumerate(GOOD.echo_dbfs)
    )
    off = record("A5", 0, "aec off, volume 1", LOUD, aec=EffectState.OFF)
    on = record("A5", 1, "aec on, volume 1", replace(GOOD, echo_dbfs=leak))
    on = replace(on, setup=replace(on.setup, actions=(TimedAction(15.0, "flip"),)))
    result = judge("A5", "run", [off, on])
    assert _numbers(result)["reconvergence_s"] == pytest.approx(2.4, abs=0.5)
    assert "flip" in result.text
    assert judge("A5", "run", [off]).verdict is not Verdict.PASS


def _a6(**left: float | None) -> TestResult:
    made = [record("A6", 0, "aec off", LOUD, aec=EffectState.OFF, api="java")]
    for session, level in left.items():
        made.append(record("A6", len(made), "aec on", findings(level), api="java",
                           audio_session=session))  # fmt: skip
    return judge("A6", "run", made)


def test_a6_compares_every_cell_with_the_best() -> None:
    same = _a6(default=-65.0, none=-64.5, shared=None)
    assert same.verdict is not Verdict.FAIL
    worse = _a6(default=-65.0, none=-30.0)
    assert worse.verdict is Verdict.FAIL
    assert worse.reasons == (str(Reason.API_DEPENDENT),)
    assert "session=none" in worse.text
    assert _numbers(worse)["erle_db[api=java,session=none]"] == pytest.approx(5.0)
    assert _a6(default=None, none=None).verdict is Verdict.PASS
    assert _a6(default=-60.0).verdict is Verdict.NOT_MEASURABLE


def _a7(fresh: float | None, media: float | None, toggle: float | None) -> TestResult:
    roles = {"fresh process": fresh, "after a media run": media, "after a mode toggle": toggle}
    made = [record("A7", i, f"{role}, volume 1", findings(level))
            for i, (role, level) in enumerate(roles.items())]  # fmt: skip
    made.append(record("A7", 9, "between, volume 1", None))
    return judge("A7", "run", made)


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [((-60.0, -60.5, -59.0), Verdict.PASS), ((-60.0, -60.0, -45.0), Verdict.FAIL),
     ((None, None, None), Verdict.PASS), ((None, -50.0, None), Verdict.FAIL),
     ((-60.0, -55.0, -60.0), Verdict.MARGINAL)],
)  # fmt: skip
def test_a7_compares_with_the_fresh_process(
    levels: tuple[float | None, float | None, float | None], verdict: Verdict
) -> None:
    result = _a7(*levels)
    assert result.verdict is verdict
    assert (str(Reason.ORDER_EFFECT) in result.reasons) == (verdict is not Verdict.PASS)


def test_a8_counts_every_false_turn_from_the_first_second_on() -> None:
    quiet = record("A8", 0, "self-talk, volume 0.5", GOOD, volume=0.5)
    early = record("A8", 1, "self-talk, volume 1", findings(-60.0, spans=[(1.0, 1.5)]), volume=1.0)
    assert judge("A8", "run", [quiet]).verdict is Verdict.PASS
    result = judge("A8", "run", [quiet, early])
    assert result.verdict is Verdict.MARGINAL
    assert _numbers(result)["false_turns[volume=1]"] == 1
    twice = record("A8", 1, "self-talk, volume 1",
                   findings(-60.0, spans=[(1.0, 1.5), (9.0, 9.5)]), volume=1.0)  # fmt: skip
    assert judge("A8", "run", [quiet, twice]).verdict is Verdict.FAIL


def test_a4_forgives_one_lapse_of_three() -> None:
    slow = findings(-65.0, converge_s=8.0, start_dbfs=-26.0)
    once = a1_records((0.5, GOOD, LOUD), (0.75, slow, LOUD), (1.0, GOOD, LOUD))
    assert judge("A4", "run", once).verdict is Verdict.PASS
    twice = a1_records((0.5, GOOD, LOUD), (0.75, slow, LOUD), (1.0, slow, LOUD))
    assert judge("A4", "run", twice).verdict is Verdict.FAIL


def test_a_text_says_which_volumes_its_verdict_rests_on() -> None:
    """The number of one volume never stands beside the verdict of another without a word."""
    weak = findings(-50.0)
    torn = a1_records((0.5, weak, LOUD), (0.75, weak, LOUD), (1.0, GOOD, LOUD))
    result = judge("A1", "run", torn)
    assert result.verdict is Verdict.MARGINAL
    assert result.text.endswith("; 50 and 75 % volume decide: marginal")
    alike = judge("A1", "run", a1_records((0.5, GOOD, LOUD), (1.0, GOOD, LOUD)))
    assert "decide" not in alike.text
    fake = judge("A2", "run", a1_records((0.5, GOOD, LOUD), (1.0, findings(-27.0), LOUD)))
    assert "; 100 % volume decides: fail" in fake.text
    slow = findings(-65.0, converge_s=8.0, start_dbfs=-26.0)
    lapse = a1_records((0.5, GOOD, LOUD), (0.75, slow, LOUD), (1.0, GOOD, LOUD))
    assert judge("A4", "run", lapse).text.endswith("; 100 % volume decides: the middle time")
    two = judge("A4", "run", a1_records((0.5, slow, LOUD), (1.0, GOOD, LOUD)))
    assert two.text.endswith("; 50 % volume decides: the longer time of two")
    one = judge("A4", "run", a1_records((1.0, slow, LOUD)))
    assert "decide" not in one.text
