"""How well a setting is supported, from its evidence and from what makes all of it doubtful."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.model import (
    Caution,
    Confidence,
    Knowledge,
    Quantity,
    SupportLevel,
    TestKnowledge,
    Verdict,
)
from profiler.recommend.case import Choice, Evidence

ENOUGH_RESULTS = 3
"""Fewer results of a build say little about their spread (proposal)."""
ORDER = (Confidence.ASSUMED, Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)
"""From the least on."""
_LEVELS = {
    SupportLevel.SAME_BUILD: Confidence.HIGH,
    SupportLevel.SAME_MODEL: Confidence.MEDIUM,
    SupportLevel.SAME_SOC: Confidence.LOW,
    SupportLevel.SAME_MAKER: Confidence.LOW,
    SupportLevel.DEFAULT: Confidence.ASSUMED,
}
_FARTHER = tuple(SupportLevel)
CAPS = {
    "contradictory": Confidence.LOW,
    "emulator": Confidence.LOW,
    "too_few_runs": Confidence.MEDIUM,
    "only_virtual": Confidence.MEDIUM,
    "stale": Confidence.MEDIUM,
    "partly_stale": Confidence.MEDIUM,
    "custom_rom": Confidence.MEDIUM,
}
"""What a caution leaves of the confidence of what it is about."""


def weakest(found: Sequence[Confidence]) -> Confidence:
    """The least of several; ``assumed`` when there are none."""
    return min(found, key=ORDER.index, default=Confidence.ASSUMED)


def of(choice: Choice, knowledge: Knowledge) -> tuple[Confidence, SupportLevel]:
    """Confidence of a choice, and the farthest relative it rests on."""
    if not choice.evidence:
        return Confidence.ASSUMED, SupportLevel.DEFAULT
    level = max((e.level for e in choice.evidence), key=_FARTHER.index)
    found = [_LEVELS[level], *(_one(e) for e in choice.evidence)]
    tests = {e.test_id for e in choice.evidence}
    tests_known = (knowledge.test(t) for t in tests)
    found += [Confidence.LOW for t in tests_known if t is not None and contradicts_itself(t)]
    found += [CAPS[c.code] for c in knowledge.cautions if c.code in CAPS and concerns(c, tests)]
    if choice.doubtful:
        found.append(Confidence.LOW)
    return weakest(found), level


def _one(evidence: Evidence) -> Confidence:
    if isinstance(evidence, Quantity):
        return Confidence.HIGH if evidence.results >= ENOUGH_RESULTS else Confidence.MEDIUM
    return Confidence.MEDIUM if evidence.verdict is Verdict.MARGINAL else Confidence.HIGH


def concerns(caution: Caution, tests: set[str]) -> bool:
    """Whether a caution is about one of these tests, or about all."""
    return not caution.test_ids or bool(tests.intersection(caution.test_ids))


def contradicts_itself(test: TestKnowledge) -> bool:
    """Whether some results of a test passed and others failed."""
    counts = {str(verdict): n for verdict, n in test.counts.items()}
    return counts.get(Verdict.PASS, 0) > 0 and counts.get(Verdict.FAIL, 0) > 0
