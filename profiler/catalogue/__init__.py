"""The catalogue: which trials a test makes and how they are judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from profiler.catalogue.capture import d1
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.latency import l1, l3, l4, l5
from profiler.catalogue.table import LIMITS, Limit
from profiler.model import DeviceFacts, TestResult, TrialRecord

__all__ = [
    "LIMITS",
    "SUITES",
    "TESTS",
    "CatalogueTest",
    "Limit",
    "Page",
    "PlannedTrial",
    "Skip",
    "TrialOptions",
    "expand",
    "judge",
    "planned_audio_s",
    "planned_trials",
    "skipped_tests",
]

TESTS: dict[str, CatalogueTest] = {m.TEST.test_id: m.TEST for m in (l1, l3, l4, l5, d1)}
"""Every test, in the order in which a run makes them."""

SUITES: dict[str, tuple[str, ...]] = {
    "smoke": ("L1", "L3", "D1"),
    "quick": ("L1", "L3", "L4", "L5", "D1"),
}
"""Named sets of tests. ``smoke`` stays within a minute a phone."""


def expand(tests: Iterable[str]) -> tuple[str, ...]:
    """``tests`` and those whose recordings they need, in catalogue order."""
    wanted = set(tests)
    wanted |= {need for test_id in wanted for need in TESTS[test_id].needs}
    return tuple(test_id for test_id in TESTS if test_id in wanted)


def planned_trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """Every trial of ``options.tests`` on this device, in order."""
    planned: list[PlannedTrial] = []
    for test_id in options.tests:
        trials = TESTS[test_id].trials(facts, options)
        planned += () if isinstance(trials, Skip) else trials
    return tuple(planned)


def skipped_tests(facts: DeviceFacts, options: TrialOptions) -> dict[str, Skip]:
    """The tests of ``options.tests`` that cannot be made on this device, and why."""
    found = {t: TESTS[t].trials(facts, options) for t in options.tests}
    return {t: skip for t, skip in found.items() if isinstance(skip, Skip)}


def planned_audio_s(trials: Iterable[PlannedTrial]) -> float:
    """Time the streams of these trials are open, in seconds."""
    return sum(t.audio_s for t in trials)


def judge(test_id: str, run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Judge one test on the records of its run (those of other tests are ignored)."""
    test = TESTS[test_id]
    return test.judge(run_uuid, [r for r in records if r.test_id in test.sources])
