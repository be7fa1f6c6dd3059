"""From two sides' numbers to a verdict: margins, intervals, proofs."""

from __future__ import annotations

import numpy as np
import pytest

from profiler.model import Difference, Outcome
from profiler.verify import RULES
from profiler.verify.judging import Proof, conclude, differences, judged_of, metrics

FINE = (Proof("loss", True, "seen"), Proof("red", None, "not asked"))
BASE = {"mouth_to_ear_ms": 300.0, "stack_delay_ms": 140.0, "pesq": 3.5, "stoi": 0.97}


def side(n: int = 6, spread: float = 0.0, **changes: float) -> list[dict[str, float]]:
    """Sessions that share their noise with the other side, plus changes of their own."""
    dice = np.random.default_rng(5)
    made = []
    for _ in range(n):
        shift = float(dice.normal(0, 20))
        own = float(np.random.default_rng(n + len(made)).normal(0, spread)) if spread else 0.0
        values = {**BASE, "mouth_to_ear_ms": BASE["mouth_to_ear_ms"] + shift + own}
        made.append({k: v + changes.get(k, 0.0) for k, v in values.items()})
    return made


def judge(ours: list, theirs: list, proofs=FINE):
    found = differences(ours, theirs)
    pairs = sum(a is not None and b is not None for a, b in zip(ours, theirs, strict=True))
    return conclude(found, proofs, pairs), {d.name: d.difference for d in found}


def test_equal_sides_are_the_same():
    (outcome, text), by = judge(side(), side())
    assert outcome is Outcome.SAME
    assert "no difference beyond the margins" in text
    assert set(by.values()) == {Difference.SAME}


@pytest.mark.parametrize(
    ("name", "gain", "loss"),
    [("mouth_to_ear_ms", -30.0, 30.0), ("pesq", 0.5, -0.5), ("stoi", 0.05, -0.05)],
)
def test_each_judged_metric_decides_in_its_own_direction(name: str, gain: float, loss: float):
    (outcome, text), by = judge(side(**{name: gain}), side())
    assert (outcome, by[name]) == (Outcome.BETTER, Difference.BETTER)
    assert name in text
    (outcome, text), by = judge(side(**{name: loss}), side())
    assert (outcome, by[name]) == (Outcome.WORSE, Difference.WORSE)
    assert name in text


def test_one_worse_metric_outweighs_every_better_one():
    (outcome, text), _ = judge(side(mouth_to_ear_ms=-100.0, pesq=-0.5), side())
    assert outcome is Outcome.WORSE
    assert text.index("pesq") < text.index("mouth_to_ear_ms")


def test_a_sure_difference_below_the_margin_is_the_same():
    (outcome, _), by = judge(side(mouth_to_ear_ms=-4.0), side())
    assert (outcome, by["mouth_to_ear_ms"]) == (Outcome.SAME, Difference.SAME)


def test_a_large_but_unsure_difference_is_unclear_and_decides_nothing():
    ours = side()
    for k, values in enumerate(ours):
        values["mouth_to_ear_ms"] += 60.0 if k % 3 else -25.0
    (outcome, text), by = judge(ours, side())
    assert by["mouth_to_ear_ms"] is Difference.UNCLEAR
    assert outcome is Outcome.SAME
    assert "unclear: mouth_to_ear_ms" in text


def test_pairing_takes_out_what_equal_seeds_share():
    found = {d.name: d for d in differences(side(mouth_to_ear_ms=-15.0), side())}
    assert found["mouth_to_ear_ms"].median == pytest.approx(-15)
    low, high = found["mouth_to_ear_ms"].ci95 or (0, 0)
    assert high - low < 1e-9
    spread = metrics(side())[0].ci95 or (0, 0)
    assert spread[1] - spread[0] > 15


def test_what_was_not_proven_is_not_verified_however_good_it_looks():
    missing = (*FINE, Proof("frame", False, "packets of 20 ms, 60 ms asked"))
    (outcome, text), _ = judge(side(mouth_to_ear_ms=-100.0), side(), missing)
    assert outcome is Outcome.NOT_VERIFIED
    assert "packets of 20 ms, 60 ms asked" in text


def test_five_pairs_are_too_few():
    ours, theirs = side(6, mouth_to_ear_ms=-100.0), side(6)
    ours[2] = None
    (outcome, text), by = judge(ours, theirs)
    assert outcome is Outcome.NOT_VERIFIED
    assert "5 pairs" in text
    assert by["mouth_to_ear_ms"] is Difference.UNCLEAR


def test_the_stacks_part_is_judged_where_the_phones_is_unknown():
    def without(sessions: list[dict[str, float]]) -> list[dict[str, float]]:
        return [{k: v for k, v in s.items() if k != "mouth_to_ear_ms"} for s in sessions]

    (outcome, _), _ = judge(without(side(stack_delay_ms=-50.0)), without(side()))
    assert outcome is Outcome.BETTER
    # With it known, the sum decides and its part is only shown.
    found = differences(side(stack_delay_ms=-50.0), side())
    assert "stack_delay_ms" not in {d.name for d in judged_of(found)}


def test_a_metric_of_one_side_only_is_shown_and_not_compared():
    ours = [{**s, "erle_db": 30.0} for s in side()]
    assert "erle_db" in {m.name for m in metrics(ours)}
    assert "erle_db" not in {d.name for d in differences(ours, side())}


def test_metrics_skip_sessions_that_failed():
    found = {m.name: m for m in metrics([*side(6), None])}
    assert len(found["pesq"].values) == 6
    assert found["pesq"].median == pytest.approx(3.5)


def test_every_rule_names_its_source_and_a_positive_margin():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.margin > 0 and rule.source for rule in RULES)
