"""How sure a whole advice is: never surer than what was measured on this very build."""

from __future__ import annotations

from dataclasses import replace

import pytest
from known_models import advice, facts, knowledge, said

from profiler.catalogue import TESTS
from profiler.model import Advice, Caution, Confidence, SupportLevel, UseCase, Verdict
from profiler.recommend.confidence import ORDER
from profiler.recommend.saying import basis_words, conclusion, weakest_words
from profiler.recommend.supported import support, why_no_more, would_tell

PHONE = facts(apis=("aaudio", "java", "opensles"))
MUCH = {
    ("L1", "rtl_ms"): 60.0, ("L3", "rtl_ms[api=java]"): 140.0, ("L3", "timestamps_trusted"): 1.0,
    ("L1", "rtl_min_ms"): 55.0, ("L1", "rtl_max_ms"): 65.0, ("L4", "slope_ms_per_min"): 0.0,
    ("L6", "cold_start_ms[start=later]"): 300.0, ("L6", "input_lost_ms[start=later]"): 100.0,
    ("A1", "erle_low_db[volume=1]"): 33.0, ("A1", "erle_db[volume=1]"): 35.0,
    ("A1", "voice_per_min[volume=1]"): 0.0, ("A1", "echo_delay_ms[volume=1]"): 60.0,
    ("A4", "convergence_s[volume=1]"): 0.5, ("A7", "order_db[order=x]"): 0.0,
    ("A9", "full_duplex"): 1.0, ("A9", "max_safe_volume"): 1.0, ("A9", "margin_db"): 9.0,
    ("G1", "safe_bursts"): 2.0, ("G1", "glitches_per_min[bursts=2]"): 0.0,
    ("G5", "opus_complexity"): 9.0, ("V5", "edge_hi_hz[mode=communication]"): 16_000.0,
}  # fmt: skip
LITTLE = {("L6", "input_lost_ms[start=later]"): 100.0}
DOUBT = Caution("contradictory", "the runs disagree", ("L1",))


def made(numbers: dict[tuple[str, str], float], **more: object) -> Advice:
    tests = [said("R1", Verdict.PASS)]
    return advice(knowledge(numbers, of=PHONE, tests=tests, **more))  # type: ignore[arg-type]


def rank(of: Advice) -> int:
    return ORDER.index(of.confidence)


def test_a_well_measured_phone_is_trusted_more_than_one_with_hardly_a_number() -> None:
    """The weakest measured setting alone told it the other way round: one good number made the
    whole good, twenty made room for a weak one."""
    well, hardly = made(MUCH, cautions=(DOUBT,)), made(LITTLE)
    measured = support(well.settings).measured
    assert min(measured, key=lambda s: ORDER.index(s.confidence)).confidence is Confidence.LOW
    assert len(support(hardly.settings).measured) < 5
    assert rank(well) > rank(hardly)
    assert hardly.confidence is Confidence.ASSUMED


def test_what_comes_from_elsewhere_is_never_more_than_low() -> None:
    here = made(MUCH)
    assert here.confidence in (Confidence.MEDIUM, Confidence.HIGH)
    for level in (SupportLevel.SAME_MODEL, SupportLevel.SAME_SOC, SupportLevel.SAME_MAKER):
        other = advice(knowledge(MUCH, of=PHONE, level=level))
        assert not support(other.settings).own
        assert rank(other) <= ORDER.index(Confidence.LOW)
        assert "confidence low: 0 of the " in conclusion(other)
    assert " from another build of the model" in conclusion(
        advice(knowledge(MUCH, of=PHONE, level=SupportLevel.SAME_MODEL))
    )


def test_one_more_measurement_never_lowers_it() -> None:
    known: dict[tuple[str, str], float] = {}
    last = rank(made(known))
    for name, value in MUCH.items():
        known[name] = value
        now = rank(made(known))
        assert now >= last, name
        last = now
    settings = made(MUCH).settings
    first = next(s for s in settings if would_tell(s))
    low = replace(first, confidence=Confidence.LOW, level=SupportLevel.SAME_BUILD, test_ids=("D2",))
    after = [low if s is first else s for s in settings]
    assert ORDER.index(support(after).confidence) >= ORDER.index(support(settings).confidence)


@pytest.mark.parametrize("use", list(UseCase))
def test_every_setting_is_counted_on_one_basis_and_names_tests_that_exist(use: UseCase) -> None:
    for of in (PHONE, facts(ios=True)):
        for numbers in ({}, LITTLE, MUCH):
            found = advice(knowledge(numbers, of=of), use)
            basis = support(found.settings)
            everywhere = [s for s in found.settings if not s.route]
            assert basis.decidable + len(basis.free) == len(everywhere)
            for setting in found.settings:
                assert set(would_tell(setting)) <= set(TESTS), setting
            assert f"{len(basis.own)} of the {basis.decidable} settings" in basis_words(basis)


def test_the_weakest_is_named_with_its_cause() -> None:
    doubtful = made(MUCH, cautions=(DOUBT,))
    words = weakest_words(doubtful)
    assert words.startswith("weakest measured: ")
    assert ", low (its results contradict each other)" in words
    assert words.endswith("would tell")
    assert "D2" in words.partition("without a number so far: ")[2]
    few = made(MUCH, results=2)
    assert ", medium (fewer than 3 results)" in weakest_words(few)
    far = advice(knowledge(MUCH, of=PHONE, level=SupportLevel.SAME_SOC))
    assert ", low (measured on a relative, not on this build)" in weakest_words(far)
    nothing = advice(knowledge(of=PHONE))
    assert weakest_words(nothing).startswith("without a number so far: ")
    sure = next(s for s in made(MUCH).settings if s.confidence is Confidence.HIGH)
    indirect = replace(sure, confidence=Confidence.LOW)
    assert why_no_more(indirect, ()).endswith(f"evidence: {sure.reason}")


def test_the_delay_in_the_conclusion_carries_its_interval() -> None:
    found = made(MUCH)
    ours, usual = found.budgets[:2]
    assert f"mouth to ear {ours.total_ms:.0f} ms (95 %: {ours.low_ms:.0f} to " in conclusion(found)
    assert f"instead of {usual.total_ms:.0f} ms (95 %: {usual.low_ms:.0f} to " in conclusion(found)
