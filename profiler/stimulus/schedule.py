"""When the two devices of an exchange play, so that an unknown start offset does no harm.

A and B start at unrelated times. B's trains lie all over the session, A's close together in its
middle, at irregular times: whatever the offset within reach, some of B's trains meet a silent A
and some of A's a silent B, and the pattern of times fits at one offset only. The times below were
searched by simulated annealing over offsets and latencies; :func:`clean_trains` is the rule. B's
trains lie on both sides of A's: frames that B's recording loses between them do not go unseen.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from profiler.errors import StimulusError
from profiler.model import StimulusSpec
from profiler.stimulus.trains import make_train

HANG_OVER_S = 0.8
"""A canceller still works so long after its own sound is over (AEC_ON.md section 6, measured)."""
REVERB_S = 0.15
"""What a room adds to the end of a train before another may be heard beside it (proposal)."""
LONGEST_LATENCY_S = 0.8
"""Round trip of A up to which the reach of a schedule holds."""
CHIRPS = 3
CHIRP_A_S, CHIRP_B_S = 0.20, 0.28
"""Of different length: one device's sweep does not correlate with the other's."""
_GAP_A_S, _GAP_B_S = (0.08, 0.12), (0.09, 0.15)
_GAPS_DIFFER_S = 0.01

_AT_A_S = (16.76, 17.90, 19.09, 20.19, 21.65)
_AT_B_S = (0.38, 1.76, 5.71, 10.80, 17.72, 25.96, 32.71, 37.65)
_LONG_S = 40.0
_SHORT_AT_A_S = (9.17, 10.43, 12.00, 14.07)
_SHORT_AT_B_S = (0.31, 2.90, 4.35, 5.72, 17.30)
_SHORT_S = 19.0


@dataclass(frozen=True, slots=True)
class ExchangeSchedule:
    """Who plays what and when, each on its own timeline."""

    train_a: StimulusSpec
    at_a_s: tuple[float, ...]
    train_b: StimulusSpec
    at_b_s: tuple[float, ...]
    duration_s: float
    """How long both record, from frame 0 of their own timelines; trains end before it."""


def exchange_schedule(
    seed: int, rate_a_hz: int = 48_000, rate_b_hz: int = 48_000, *, short: bool = False
) -> ExchangeSchedule:
    """The schedule whose gap patterns are drawn from ``seed``.

    40 s: at least three undisturbed trains of each device for start offsets within ±9.5 s, two
    within ±14.5 s. ``short``, 19 s: three within ±2.5 s, two within ±4 s. Further apart, trains
    clash or fall outside the other's recording, and the analysis says ``few_exchanges``.
    Holds for round trips of A up to 0.8 s. Raises :class:`StimulusError` for an unusable rate.
    """
    train_a = _train(f"a-{seed}", rate_a_hz, CHIRP_A_S, _GAP_A_S)
    train_b = _train(f"b-{seed}", rate_b_hz, CHIRP_B_S, _GAP_B_S)
    if short:
        return ExchangeSchedule(train_a, _SHORT_AT_A_S, train_b, _SHORT_AT_B_S, _SHORT_S)
    return ExchangeSchedule(train_a, _AT_A_S, train_b, _AT_B_S, _LONG_S)


def _train(name: str, rate_hz: int, chirp_s: float, gap_s: tuple[float, float]) -> StimulusSpec:
    """The first train of this name whose gaps differ: with equal gaps, a train one chirp too early
    or too late fits its own pattern by two thirds."""
    rng = random.Random(f"chirpbench-exchange-{name}")
    while True:
        train = make_train(
            rng.getrandbits(31), rate_hz=rate_hz, chirps=CHIRPS, chirp_s=chirp_s, gap_s=gap_s,
            lead_in_s=0.0, tail_s=0.01,
        )  # fmt: skip
        first, second = (b - a for a, b in pairwise(train.starts_s))
        if abs(first - second) >= _GAPS_DIFFER_S:
            return train


def check_schedule(schedule: ExchangeSchedule) -> ExchangeSchedule:
    """Return a schedule that can be played, else raise :class:`StimulusError`."""
    for name, train, at_s in (
        ("a", schedule.train_a, schedule.at_a_s),
        ("b", schedule.train_b, schedule.at_b_s),
    ):
        gaps = [b - a for a, b in pairwise(at_s)]
        if not at_s or at_s[0] < 0 or any(g < train.duration_s for g in gaps):
            raise StimulusError(f"at_{name}_s: trains overlap or are missing")
        if at_s[-1] + train.duration_s > schedule.duration_s:
            raise StimulusError(f"at_{name}_s: a train ends after {schedule.duration_s:g} s")
    return schedule


def whole_train(train: StimulusSpec, at_s: Sequence[float], duration_s: float) -> StimulusSpec:
    """All trains of one device as one pattern, e.g. to render a whole play schedule."""
    starts = tuple(a + s for a in at_s for s in train.starts_s)
    return replace(train, starts_s=starts, duration_s=max(duration_s, starts[-1] + train.chirp_s))


def clean_trains(schedule: ExchangeSchedule, offset_s: float, latency_s: float) -> tuple[int, int]:
    """How many of A's and of B's trains are undisturbed when B starts ``offset_s`` after A.

    ``latency_s`` is A's round trip. Sound outside the other device's recording does not count.
    """
    span_a = schedule.train_a.end_s + REVERB_S
    span_b = schedule.train_b.end_s + REVERB_S
    at_b = [s + offset_s for s in schedule.at_b_s]
    end_s = schedule.duration_s
    heard_by_b = [
        a
        for a in schedule.at_a_s
        if offset_s <= a and a + span_a <= offset_s + end_s
        and not _meets(a, a + span_a, at_b, span_b)
    ]  # fmt: skip
    busy_s = span_a - REVERB_S + latency_s + HANG_OVER_S
    heard_by_a = [
        b
        for b in at_b
        if b >= 0 and b + span_b <= end_s
        and not _meets(b, b + span_b, schedule.at_a_s, busy_s)
    ]  # fmt: skip
    return len(heard_by_b), len(heard_by_a)


def _meets(begin_s: float, end_s: float, others_s: Sequence[float], length_s: float) -> bool:
    return any(o < end_s and begin_s < o + length_s for o in others_s)
