"""Rules for the jitter buffer: floor, ceiling, target (F6, F15)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from profiler.budget import codec_part, device_part, network_part, playout
from profiler.model import UseCase
from profiler.recommend.case import Case, Choice, up_to, whole
from profiler.recommend.limits import (
    BUDGET_MS,
    BUDGET_STEP_MS,
    JITTER_MAX_MS,
    JITTER_STEP_MS,
    LATE_SHARE,
)
from profiler.recommend.rule import Rule

_TRIES = 12
"""Ceilings looked at above the first, each a step higher."""


def _floor(case: Case) -> Iterator[Choice]:
    yield Choice("jitter_buffer_min_ms", 0, "NetEq finds its own delay; a floor only adds to it")
    yield Choice("jitter_buffer_target_ms", None, "adaptive")
    most = JITTER_MAX_MS[case.use]
    why = f"more delay than this hurts more than a late packet ({case.use.value})"
    yield Choice("jitter_buffer_max_ms", most, why)


def needed_ms(case: Case) -> int | None:
    """The smallest ceiling at which hardly more of this network's packets are too late.

    Steps of NetEq's bucket; ``None`` = nothing arrives, or no ceiling tried is enough.
    """
    values = {**case.defaults, **case.values(), "jitter_buffer_max_ms": 0}
    _, _, high_ms, free = playout(values, case.network)
    if not math.isfinite(high_ms):
        return None
    allowed = free + LATE_SHARE
    first = whole("jitter_buffer_max_ms", up_to(JITTER_STEP_MS, max(high_ms, JITTER_STEP_MS)))
    for most in range(first, first + _TRIES * JITTER_STEP_MS, JITTER_STEP_MS):
        if playout({**values, "jitter_buffer_max_ms": most}, case.network)[3] <= allowed:
            return most
    return None


def _network(case: Case) -> Iterator[Choice]:
    most = case.value("jitter_buffer_max_ms")
    need = needed_ms(case)
    if isinstance(most, int) and need is not None and need > most:
        why = (
            f"network {case.network.name} needs {need} ms: below, more than {LATE_SHARE:.1%} of "
            "its packets would come too late besides those lost"
        )
        yield Choice("jitter_buffer_max_ms", need, why)


def _budget(case: Case) -> Iterator[Choice]:
    """F15: what the goal leaves for the buffer; never below what the network needs."""
    values = {**case.defaults, **case.values()}
    rest = [
        device_part(case.known, values),
        codec_part(case.known, values),
        network_part(case.network),
    ]
    goal_ms = BUDGET_MS[case.use]
    left_ms = goal_ms - sum(part.ms for part in rest)
    need, most = needed_ms(case), case.value("jitter_buffer_max_ms")
    largest = max(rest, key=lambda part: part.ms)
    if left_ms < (JITTER_STEP_MS if need is None else need):
        case.caution(
            "budget_impossible",
            f"{goal_ms:.0f} ms mouth to ear cannot be kept on network {case.network.name}: "
            f"device, codec and network leave {left_ms:.0f} ms for the jitter buffer, and "
            f"{largest.name} takes {largest.ms:.0f} ms",
        )
        return
    floor_ms = left_ms // BUDGET_STEP_MS * BUDGET_STEP_MS
    if isinstance(most, int) and floor_ms < most and need is not None:
        value = whole("jitter_buffer_max_ms", max(floor_ms, need))
        why = f"{goal_ms:.0f} ms mouth to ear leave {left_ms:.0f} ms for it"
        if value < most:
            yield Choice("jitter_buffer_max_ms", value, why)


def _music(case: Case) -> Iterator[Choice]:
    if case.use is UseCase.MUSIC:
        case.caution("headphones", "music with others needs headphones: nothing cancels its echo")
    yield from ()


RULES = (
    Rule(
        "playout.of_use",
        ("jitter_buffer_min_ms", "jitter_buffer_max_ms", "jitter_buffer_target_ms"),
        "always", "adaptive from 0, at most 100 ms (assistant), 200 (call), 60 (music)",
        (), ("proposal",), _floor,
    ),
    Rule(
        "playout.network", ("jitter_buffer_max_ms",),
        "the network needs more: over 0.5 % of its packets would be too late besides",
        "the smallest ceiling that loses less, in steps of 20 ms",
        (), ("F6", "delay_manager.cc"), _network, ("playout.of_use",),
    ),
    Rule(
        "playout.budget", ("jitter_buffer_max_ms",),
        "the use's goal (320, 400, 150 ms mouth to ear) leaves less",
        "what is left, but no less than the network needs; a caution when that is impossible",
        ("L1", "L2", "L3", "G5"), ("F15",), _budget, ("playout.of_use", "playout.network"),
    ),
    Rule(
        "playout.headphones", (), "music", "a caution: headphones", (), ("proposal",), _music,
    ),
)  # fmt: skip
"""In order."""
