"""The barge-in verdict: whatever is uncertain is not safe."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from echo_records import a1_records, findings, record, refused

from profiler.catalogue import judge
from profiler.model import Reason, TestResult, TrialRecord, Verdict

LOUD = findings(-25.0)
SAFE, CLOSE, BAD = (
    findings(-70.0, margin_db=12.0),
    findings(-66.0, margin_db=0.5),
    findings(-50.0, margin_db=-8.0, spans=[(9.0, 10.0)]),
)


def _numbers(result: TestResult) -> dict[str, float]:
    return {m.name: m.value for m in result.measurements}


def _judged(*on: object, more: tuple[TrialRecord, ...] = ()) -> TestResult:
    volumes = (0.5, 0.75, 1.0)
    made = a1_records(*((v, f, LOUD) for v, f in zip(volumes, on, strict=False)))  # type: ignore[misc]
    return judge("A9", "run", [*made, *more])


def test_safe_at_every_volume_is_full_duplex() -> None:
    result = _judged(SAFE, SAFE, SAFE)
    assert result.verdict is Verdict.PASS
    numbers = _numbers(result)
    assert numbers["full_duplex"] == 1
    assert numbers["max_safe_volume"] == 1.0
    assert numbers["margin_db"] == 12.0
    assert result.text == "barge-in safe up to 100 % volume, 12 dB to spare"


def test_above_the_first_volume_that_is_not_safe_nothing_is() -> None:
    result = _judged(SAFE, BAD, SAFE)
    assert result.verdict is Verdict.MARGINAL
    assert _numbers(result)["max_safe_volume"] == 0.5
    assert str(Reason.FALSE_SPEECH) in result.reasons
    assert "half duplex above (the echo is 8 dB too loud)" in result.text


def test_not_safe_at_the_lowest_is_half_duplex() -> None:
    result = _judged(BAD, BAD, BAD)
    assert result.verdict is Verdict.FAIL
    numbers = _numbers(result)
    assert (numbers["full_duplex"], numbers["max_safe_volume"]) == (0, 0)
    assert numbers["margin_db"] == -8.0
    assert result.text == "half duplex: at 50 % volume the echo is 8 dB too loud"


def test_too_close_is_not_safe_and_not_proven_unsafe() -> None:
    result = _judged(CLOSE, CLOSE, CLOSE)
    assert result.verdict is Verdict.MARGINAL
    assert _numbers(result)["full_duplex"] == 0


@pytest.mark.parametrize(
    ("margin_db", "noise_dbfs", "safe"),
    [(0.8, -80.0, True), (0.8, -66.0, False), (1.9, -68.0, True), (1.9, -62.0, False),
     (2.3, -61.0, True), (0.1, -90.0, False)],
)  # fmt: skip
def test_the_margin_it_takes_is_what_the_noise_may_hide(
    margin_db: float, noise_dbfs: float, safe: bool
) -> None:
    at = findings(-64.0, margin_db=margin_db, noise_dbfs=noise_dbfs)
    result = _judged(at, at, at)
    assert _numbers(result)["full_duplex"] == safe
    if not safe:
        assert result.verdict is Verdict.MARGINAL
        assert f"only {margin_db:.1f} dB are to spare, of which noise may hide" in result.text


@pytest.mark.parametrize("coarse", [{"analysis_version": "1"}, {"noise_dbfs": None}])
def test_where_nobody_knows_what_is_hidden_more_is_kept(coarse: dict[str, object]) -> None:
    at = findings(-64.0, margin_db=1.9, **{"noise_dbfs": -80.0, "analysis_version": "2"})
    assert _numbers(_judged(at, at, at))["full_duplex"] == 1
    old = replace(at, **coarse)  # type: ignore[arg-type]
    assert _numbers(_judged(old, old, old))["full_duplex"] == 0


def test_a_turn_outweighs_any_margin() -> None:
    talks = findings(-70.0, margin_db=20.0, spans=[(12.0, 12.3)])
    assert _numbers(_judged(talks, SAFE, SAFE))["full_duplex"] == 0


def test_a_loudspeaker_that_nobody_heard_proves_nothing() -> None:
    made = a1_records((1.0, findings(None, margin_db=30.0), findings(None)))
    result = judge("A9", "run", made)
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert "full_duplex" not in _numbers(result)


def test_a_volume_that_was_not_measured_ends_what_is_safe() -> None:
    result = _judged(SAFE, None, SAFE)
    assert _numbers(result)["max_safe_volume"] == 0.5
    assert str(Reason.FALSE_SPEECH) not in result.reasons, "nobody heard any"
    assert result.reasons[0] == "device_timeout"
    assert "half duplex above (nothing was measured)" in result.text


def test_the_replay_may_only_make_it_worse() -> None:
    worse = record("A8", 0, "self-talk, volume 0.75", BAD, volume=0.75)
    better = record("A8", 0, "self-talk, volume 0.75", SAFE, volume=0.75)
    assert _numbers(_judged(SAFE, SAFE, SAFE, more=(worse,)))["max_safe_volume"] == 0.5
    assert _numbers(_judged(SAFE, BAD, SAFE, more=(better,)))["max_safe_volume"] == 0.5


def test_a_slow_canceller_costs_a_hold_off() -> None:
    slow = findings(-70.0, margin_db=12.0, spans=[(0.5, 1.0), (2.0, 3.3)])
    result = _judged(slow, slow, slow)
    assert result.verdict is Verdict.MARGINAL
    assert str(Reason.SLOW_CONVERGENCE) in result.reasons
    assert _numbers(result)["mic_holdoff_s"] == pytest.approx(3.0, abs=0.3)
    assert "hold the microphone back" in result.text


@pytest.mark.parametrize("steps", list(itertools.product((SAFE, CLOSE, BAD), repeat=3)))
def test_nothing_unsafe_is_ever_within_the_safe_range(steps: tuple[object, ...]) -> None:
    highest = _numbers(_judged(*steps))["max_safe_volume"]
    for volume, step in zip((0.5, 0.75, 1.0), steps, strict=True):
        assert step is SAFE or volume > highest


def test_a_refused_session_is_named_and_proves_nothing() -> None:
    """Refused without canceller, and the canceller leaves nothing: was anything played?"""
    unheard = findings(None, margin_db=30.0)
    both = a1_records((0.5, unheard, None), (1.0, unheard, None))
    result = judge("A9", "run", refused(both))
    assert (result.verdict, result.measurements) == (Verdict.NOT_MEASURABLE, ())
    assert str(Reason.REQUEST_REFUSED) in result.reasons
    result = judge("A9", "run", refused(a1_records((0.5, unheard, None), (1.0, SAFE, LOUD))))
    assert (result.verdict, result.reasons[-1]) == (Verdict.MARGINAL, "request_refused")
    assert str(Reason.FALSE_SPEECH) not in result.reasons
    assert result.text == "half duplex: at 50 % volume nothing was measured"


def test_nothing_was_made() -> None:
    assert judge("A9", "run", []).verdict is Verdict.SKIPPED
    assert judge("A9", "run", a1_records((1.0, None, None))).verdict is Verdict.ERROR
