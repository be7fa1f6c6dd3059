"""A recommendation in words, the same on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from profiler.budget import DEFAULT_MOUTH_TO_EAR, MOUTH_TO_EAR, TURN
from profiler.budget.showing import goal_scope, part_name
from profiler.model import Advice, Budget, Confidence, Feasibility, Goal, SupportLevel
from profiler.recommend.supported import Support, support, why_no_more

LEVEL_WORDS: Final[Mapping[SupportLevel, str]] = {
    SupportLevel.SAME_BUILD: "this build",
    SupportLevel.SAME_MODEL: "other build",
    SupportLevel.SAME_SOC: "same SoC",
    SupportLevel.SAME_MAKER: "same maker",
    SupportLevel.DEFAULT: "not measured",
}


def conclusion(advice: Advice) -> str:
    """One plain line: what changes, what it saves, what cannot be, how sure that is."""
    everywhere = [s for s in advice.settings if not s.route]
    changed = [s for s in everywhere if s.changed]
    settings = "setting" if len(everywhere) == 1 else "settings"
    words = [
        f"{len(changed)} of {len(everywhere)} {settings} differ from the stack's defaults",
        _saved(advice),
        *_impossible(advice),
        f"confidence {advice.confidence.value}: {basis_words(support(advice.settings))}",
    ]
    return "; ".join(w for w in words if w)


def count_words(advice: Advice) -> str:
    """``45 settings, 53 with those of single routes``: the first is what the conclusion counts, the
    second is how many lines a list of them all has."""
    everywhere = sum(not s.route for s in advice.settings)
    every = len(advice.settings)
    more = f", {every} with those of single routes" if every > everywhere else ""
    return f"{everywhere} {'setting' if everywhere == 1 else 'settings'}{more}"


def basis_words(found: Support) -> str:
    """``22 of the 26 settings that tests decide were measured on this phone's build, 4 are ...``.

    Every basis that occurs is counted; none measured here is said, too.
    """
    words = [f"{len(found.own)} of the {found.decidable} settings that tests decide {_MEASURED}"]
    for count, basis in (
        (len(found.other_build), "from another build of the model"),
        (len(found.relatives), "from other models"),
        (len(found.unmeasured), "cautious defaults, not measured"),
    ):
        if count:
            words.append(f"{count} {'is' if count == 1 else 'are'} {basis}")
    return ", ".join(words)


_MEASURED: Final = "were measured on this build"


def weakest_words(advice: Advice) -> str:
    """What holds the confidence down: the weakest measured settings, and why the first is no
    surer; the tests that would decide what nothing measured. Empty when there is neither."""
    found = support(advice.settings)
    lines = []
    if found.weakest and found.weakest[0].confidence is not Confidence.HIGH:
        first, *others = found.weakest
        why = why_no_more(first, advice.cautions)
        more = f", and {len(others)} more" if others else ""
        lines.append(f"weakest measured: {first.name}, {first.confidence.value} ({why}){more}")
    if found.would_tell:
        lines.append(f"without a number so far: {', '.join(found.would_tell)} would tell")
    return "; ".join(lines)


def _saved(advice: Advice) -> str:
    own = {b.kind: b for b in advice.budgets if not b.pipeline}
    ours, usual = own.get(MOUTH_TO_EAR), own.get(DEFAULT_MOUTH_TO_EAR)
    if ours is None or usual is None:
        return ""
    if round(ours.total_ms) == round(usual.total_ms):
        return f"mouth to ear {_with_interval(ours)}, as with the defaults"
    return f"mouth to ear {_with_interval(ours)} instead of {_with_interval(usual)}"


def _with_interval(budget: Budget) -> str:
    """A sum is never shown surer than its parts: ``271 ms (95 %: 205 to 340)``."""
    return f"{budget.total_ms:.0f} ms (95 %: {budget.low_ms:.0f} to {budget.high_ms:.0f})"


def _impossible(advice: Advice) -> list[str]:
    """The strictest goal of each kind that no budget can keep, and the part to blame."""
    words = []
    for kind, name in ((MOUTH_TO_EAR, "mouth to ear"), (TURN, "a turn")):
        lost = _lost([b for b in advice.budgets if b.kind == kind])
        if lost is not None:
            words.append(
                f"{goal_scope(lost) or name + ' of '}{lost.limit_ms:.0f} ms is impossible, "
                f"blame {part_name(lost.blame)}"
            )
    return words


def _lost(budgets: Sequence[Budget]) -> Goal | None:
    """The loosest goal that every budget misses, of the budget that comes nearest; a goal of the
    terminal alone only where no goal of the whole way is missed."""
    if not budgets:
        return None
    nearest = min(budgets, key=lambda b: b.total_ms)
    missed = [g for g in nearest.goals if g.feasibility is Feasibility.IMPOSSIBLE]
    return max(missed, key=lambda g: (not goal_scope(g), g.limit_ms), default=None)
