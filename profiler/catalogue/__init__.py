"""The catalogue: which trials a test makes and how they are judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from profiler.catalogue.capture import d1, d2, g1, g2, g3, g4, g5
from profiler.catalogue.echo import a1, a2, a3, a4, a5, a6, a7, a8, a9
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.latency import l1, l2, l3, l4, l5, l6, l7, l8
from profiler.catalogue.sound import v1, v2, v3, v4, v5, v6
from profiler.catalogue.system import b1, b2, b3, k1, k2, r1, r2, r3, r4
from profiler.catalogue.table import LIMITS, Limit
from profiler.catalogue.web import w1
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
    "wants_partner",
]

TESTS: dict[str, CatalogueTest] = {
    m.TEST.test_id: m.TEST
    for m in (
        l1,
        l2,
        l3,
        l4,
        l5,
        l6,
        l7,
        l8,
        a1,
        a2,
        a3,
        a4,
        a5,
        a6,
        a7,
        a8,
        a9,
        d1,
        d2,
        g1,
        g2,
        g3,
        g4,
        g5,
        v1,
        v2,
        v3,
        v4,
        v5,
        v6,
        r1,
        r2,
        r3,
        r4,
        k1,
        k2,
        b1,
        b2,
        b3,
        w1,
    )
}
"""Every test, in the order in which a run makes them."""

_QUICK = (
    *("L1", "L2", "L3", "L4", "L6", "L7"),
    *("A1", "A2", "A4", "A7", "A9"),
    *("D1", "G1", "G3", "R1"),
)
_STANDARD = (*_QUICK, "L5", "L8", "A6", "A8", "D2", "G2", "G5", "V4", "R3", "R4", "K1", "K2", "W1")

SUITES: dict[str, tuple[str, ...]] = {
    "smoke": ("L1", "L3", "A1", "D1"),
    "quick": tuple(t for t in TESTS if t in _QUICK),
    "standard": tuple(t for t in TESTS if t in _STANDARD),
    "full": tuple(TESTS),
}
"""Named sets of tests: at most 1.5, 13 and 25 minutes of a phone's time; ``full`` is everything
the bench has hardware for. ``quick`` decides most settings that a test decides; docs/bench.md names
the others, and a test of the rules holds it to that."""


def expand(tests: Iterable[str]) -> tuple[str, ...]:
    """``tests`` and those whose recordings they need, in catalogue order."""
    wanted = set(tests)
    wanted |= {need for test_id in wanted for need in TESTS[test_id].needs}
    return tuple(test_id for test_id in TESTS if test_id in wanted)


def wants_partner(tests: Iterable[str]) -> tuple[str, ...]:
    """Those of ``tests`` that another device of the zone can help with."""
    return tuple(test_id for test_id in expand(tests) if TESTS[test_id].partner)


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
