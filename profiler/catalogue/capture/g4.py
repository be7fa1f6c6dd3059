"""G4: does a quarter of an hour of work change glitches or latency?"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.capture import sizes
from profiler.catalogue.judging import Ruling, measured, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions
from profiler.catalogue.trains import latency_train
from profiler.model import (
    DeviceFacts,
    Measurement,
    TestResult,
    TrialRecord,
    TrialSetup,
    Verdict,
    worst,
)

TEST_ID = "G4"
ROUNDS = 15
TONE_S = 52.0
LOAD = {"cpu_load": 0.5, "cpu_threads": 2}
SOAK_SIZE = 4
TRAIN_TAIL_S = 1.0
SOAK = "soak"
LATENCY = "soak latency"
THERMAL = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """Fifteen rounds of a minute: the tone under mid load, then a train for the latency."""
    (size,) = sizes.some_sizes(facts, options, SOAK_SIZE)
    (played,) = sizes.tone_trials(TEST_ID, options, facts, [(size, TONE_S, SOAK, dict(LOAD))])
    train = latency_train(options.seed, played.request.rate_hz, short=True)
    heard = replace(
        played,
        request=replace(played.request, duration_s=round(train.duration_s + TRAIN_TAIL_S, 3)),
        stimulus=train,
        setup=TrialSetup(note=f"{LATENCY}, {size}"),
    )
    return tuple(
        replace(trial, index=2 * i + part)
        for i in range(ROUNDS)
        for part, trial in enumerate((played, heard))
    )


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The last third against the first."""
    mine = own(records, TEST_ID)
    return _ruling(mine).result(run_uuid, TEST_ID, mine)


def _ruling(mine: Sequence[TrialRecord]) -> Ruling:
    played = [r for r in sizes.in_state(mine, SOAK) if sizes.findings_of(r) is not None]
    third = len(played) // 3
    if third == 0:
        return nothing_measured(mine, "no tone to count glitches in")
    first, last = _total(played[:third]), _total(played[-third:])
    parts = [_glitches(first, last), _latency(mine)]
    worst_status, numbers = _heat(mine)
    text = "; ".join(part.text for part in parts) + f"; thermal status {worst_status}"
    errors = [Verdict.ERROR for r in mine if r.verdict is Verdict.ERROR]
    return Ruling(
        worst((*(part.verdict for part in parts), *errors)),
        unique(reason for part in parts for reason in part.reasons),
        text,
        (*(m for part in parts for m in part.measurements), *numbers),
    )


def _total(records: Sequence[TrialRecord]) -> sizes.Tally:
    found = sizes.tallies(records)
    one = found[-1]
    return replace(one, events=sum(t.events for t in found), minutes=sum(t.minutes for t in found))


def _glitches(first: sizes.Tally, last: sizes.Tally) -> Ruling:
    a, b = first.rate, last.rate
    step = limits.Bounded(b.value - a.value, b.low - a.high, b.high - a.low)
    verdict, why = limits.grade(TEST_ID, "glitch_step_per_min", step)
    if not last.events:
        # Nothing rose. How sure that is, is said by the bound.
        verdict, why = Verdict.PASS, ()
    numbers = (
        Measurement("glitches_per_min[soak=first]", a.value, "1/min"),
        Measurement("glitches_per_min[soak=last]", b.value, "1/min"),
        Measurement("glitches_per_min_ub95[soak=last]", b.high, "1/min"),
    )
    text = f"{a.value:.2g} glitches a minute at first, {b.value:.2g} at last"
    return Ruling(verdict, tuple(why), text, numbers)


def _latency(mine: Sequence[TrialRecord]) -> Ruling:
    values = [
        e.round_trip_latency_ms
        for _, e in measured(sizes.in_state(mine, LATENCY))
        if e.round_trip_latency_ms is not None
    ]
    third = len(values) // 3
    if third == 0:
        return Ruling(Verdict.SKIPPED, (), "no latency measured")
    first, last = values[:third], values[-third:]
    step = statistics.median(last) - statistics.median(first)
    sigma = (limits.median_sigma(first, 0.0) ** 2 + limits.median_sigma(last, 0.0) ** 2) ** 0.5
    verdict, why = limits.grade(TEST_ID, "latency_step_ms", limits.normal_magnitude(step, sigma))
    numbers = (Measurement("latency_step_ms", step, "ms", sigma),)
    return Ruling(verdict, tuple(why), f"latency {step:+.1f} ms", numbers)


def _heat(mine: Sequence[TrialRecord]) -> tuple[str, list[Measurement]]:
    """Worst status seen, and what belongs to it: the status at the first glitch, the battery."""
    reports = [(r, r.report) for r in mine if r.report is not None]
    known = [(r, p.thermal_status) for r, p in reports if p.thermal_status in THERMAL]
    numbers = []
    degraded = [
        THERMAL.index(status)
        for r, status in known
        if status and (found := sizes.findings_of(r)) is not None and sizes.count(found)
    ]
    if degraded:
        numbers.append(Measurement("degrade_at_thermal", degraded[0], "1"))
    warm = [p.battery_temperature_c for _, p in reports if p.battery_temperature_c is not None]
    if warm:
        numbers.append(Measurement("battery_rise_c", warm[-1] - warm[0], "°C"))
    levels = [THERMAL.index(status) for _, status in known if status]
    if levels:
        numbers.append(Measurement("thermal_status_max", max(levels), "1"))
    return (THERMAL[max(levels)] if levels else "unknown"), numbers


PAGE = Page(
    question="Does a quarter of an hour of work change glitches or latency?",
    hardware="H0",
    stimulus="15 rounds of a minute under mid load (half of two cores): G1's tone, then L1's train",
    measured="glitches a minute and median latency, last third against first; thermal status",
    method="Every round opens its streams anew, so a latency that differs between opens is in the "
    "error of the step. The status is Android's own word.",
    drives=("degrade_at_thermal",),
    sources=("CATALOGUE G4 (proposal)",),
)

TEST = CatalogueTest(TEST_ID, "thermal soak", trials, judge, PAGE)
