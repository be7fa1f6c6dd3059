"""The goals a delay is held against, and whether it can keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.budget.parts import total
from profiler.model import BudgetPart, Feasibility, Goal

MOUTH_TO_EAR = "mouth_to_ear"
TERMINAL = "terminal"
"""Both ends without the network between them."""
DEFAULT_MOUTH_TO_EAR = "mouth_to_ear_default"
"""Kind of the budget of the default stack's settings."""
TURN = "turn"


@dataclass(frozen=True, slots=True)
class GoalRow:
    """One goal with its origin."""

    name: str
    limit_ms: float
    scope: str
    origin: str


GOALS = (
    GoalRow("g114_good", 150.0, MOUTH_TO_EAR,
            "ITU-T G.114 as usually read: most users notice nothing"),
    GoalRow("3gpp_objective", 157.0, TERMINAL,
            "3GPP TS 26.131 Rel-18: send and receive delay of the terminal, objective"),
    GoalRow("3gpp_requirement", 197.0, TERMINAL,
            "3GPP TS 26.131 Rel-18: send and receive delay of the terminal, requirement"),
    GoalRow("speech_model_best", 232.0, TURN, "best published answer of GPT-4o"),
    GoalRow("speech_model_mean", 320.0, TURN,
            "mean published answer of GPT-4o, like a person's"),
    GoalRow("g114_limit", 400.0, MOUTH_TO_EAR, "ITU-T G.114: limit of network planning"),
)  # fmt: skip
"""Every goal, by its limit."""
DEVICE_PARTS = ("device", "codec", "terminal_buffer")
"""What is left with nothing between the ends."""


def held(kind: str, parts: Sequence[BudgetPart], bare: Sequence[BudgetPart]) -> tuple[Goal, ...]:
    """The goals of a budget of this kind.

    ``bare`` are the parts that remain without a network and without a pipeline; they are what the
    terminal's goals are held against.
    """
    found = []
    for row in GOALS:
        if row.scope == kind or (row.scope == TERMINAL and kind == MOUTH_TO_EAR):
            counted = bare if row.scope == TERMINAL else parts
            found.append(_goal(row, counted, bare))
    return tuple(found)


def _goal(row: GoalRow, parts: Sequence[BudgetPart], bare: Sequence[BudgetPart]) -> Goal:
    ms, low_ms, high_ms = total(parts)
    what = "without the network " if row.scope == TERMINAL else ""
    limit = f"{row.limit_ms:.0f} ms"
    feasibility = feasible(low_ms, high_ms, row.limit_ms)
    if feasibility is Feasibility.POSSIBLE:
        text = f"{limit} is kept: {what}{ms:.0f} ms, at most {high_ms:.0f} ms"
        return Goal(row.name, row.limit_ms, feasibility, "", f"{text} ({row.origin})")
    floor_ms = total(bare)[1]
    if floor_ms > row.limit_ms:
        blame = _largest(bare)
        text = (
            f"{limit} is impossible on this device: even with no network {blame.name} and the "
            f"rest of the device take {floor_ms:.1f} ms or more"
        )
    elif feasibility is Feasibility.IMPOSSIBLE:
        blame = _largest(parts)
        text = (
            f"{limit} is impossible: {what}{low_ms:.0f} ms or more, of which {blame.name} takes "
            f"{blame.ms:.0f} ms; the device would allow it"
        )
    else:
        blame = _largest(parts)
        text = (
            f"{limit} is uncertain: {what}{ms:.0f} ms ({low_ms:.0f} to {high_ms:.0f}), of which "
            f"{blame.name} takes {blame.ms:.0f} ms"
        )
    return Goal(row.name, row.limit_ms, feasibility, blame.name, f"{text} ({row.origin})")


def feasible(low_ms: float, high_ms: float, limit_ms: float) -> Feasibility:
    """Whether a 95 % interval keeps a limit; a value at the limit keeps it."""
    if high_ms <= limit_ms:
        return Feasibility.POSSIBLE
    return Feasibility.IMPOSSIBLE if low_ms > limit_ms else Feasibility.UNCERTAIN


def _largest(parts: Sequence[BudgetPart]) -> BudgetPart:
    return max(parts, key=lambda p: (p.ms, p.high_ms))
