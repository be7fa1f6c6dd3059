"""The times of an exchange: enough undisturbed trains whatever the start offset."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from profiler.errors import StimulusError
from profiler.stimulus import check_schedule, clean_trains, exchange_schedule, render, whole_train


@pytest.mark.parametrize(
    ("short", "reach_s", "least"), [(False, 9.5, 3), (False, 14.5, 2), (True, 2.5, 3), (True, 4, 2)]
)
@pytest.mark.parametrize("seed", [1, 2, 30])
def test_enough_clean_trains_of_both_at_every_offset_in_reach(
    seed: int, short: bool, reach_s: float, least: int
) -> None:
    schedule = exchange_schedule(seed, short=short)
    for offset_s in np.arange(-reach_s, reach_s + 0.01, 0.05):
        for latency_s in (0.0, 0.4, 0.8):
            assert min(clean_trains(schedule, float(offset_s), latency_s)) >= least, offset_s


def test_far_out_of_reach_nothing_is_promised() -> None:
    assert min(clean_trains(exchange_schedule(1), 60.0, 0.1)) == 0


def test_trains_fit_into_the_session_and_do_not_overlap() -> None:
    for short in (False, True):
        schedule = exchange_schedule(4, 16_000, 44_100, short=short)
        assert check_schedule(schedule) is schedule
        assert schedule.train_a.rate_hz == 16_000
        assert schedule.train_b.rate_hz == 44_100


def test_the_pattern_of_times_and_gaps_fits_itself_once() -> None:
    for seed in range(40):
        schedule = exchange_schedule(seed)
        for train, at_s in (
            (schedule.train_a, schedule.at_a_s),
            (schedule.train_b, schedule.at_b_s),
        ):
            first, second = (b - a for a, b in pairwise(train.starts_s))
            assert abs(first - second) >= 0.009
            apart = sorted(b - a for i, a in enumerate(at_s) for b in at_s[i + 1 :])
            assert min(b - a for a, b in pairwise(apart)) > 0.005


def test_seeds_and_sides_have_patterns_of_their_own() -> None:
    gaps = {
        tuple(round(b - a, 4) for a, b in pairwise(train.starts_s))
        for seed in range(30)
        for train in (exchange_schedule(seed).train_a, exchange_schedule(seed).train_b)
    }
    assert len(gaps) == 60
    assert exchange_schedule(7) == exchange_schedule(7)


def test_whole_train_is_the_play_schedule() -> None:
    schedule = exchange_schedule(3, short=True)
    whole = whole_train(schedule.train_b, schedule.at_b_s, schedule.duration_s)
    played = render(whole, 16_000)
    assert played.size == 19 * 16_000
    one = render(schedule.train_b, 16_000)
    at = round(schedule.at_b_s[1] * 16_000)
    assert np.abs(played[at : at + one.size] - one).max() < 0.02
    assert np.abs(played[: round(schedule.at_b_s[0] * 16_000) - 100]).max() < 1e-3


@pytest.mark.parametrize("at_s", [(), (-1.0, 5.0), (3.0, 3.5), (9.0, 18.9)])
def test_times_that_cannot_be_played_are_refused(at_s: tuple[float, ...]) -> None:
    schedule = exchange_schedule(3, short=True)
    with pytest.raises(StimulusError, match="at_a_s"):
        check_schedule(replace(schedule, at_a_s=at_s))
