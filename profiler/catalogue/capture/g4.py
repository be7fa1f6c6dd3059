"""G4: does a quarter of an hour of work change glitches or latency?"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from scipy.special import bdtrc

from profiler.catalogue import limits
from profiler.catalogue.capture import sizes
from profiler.catalogue.judging import Ruling, measured, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions
from profiler.catalogue.table import TREND_CHANCE, TREND_LATENCIES
from profiler.catalogue.trains import latency_train
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
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
    first, last = (_total(part) for part in _ends(sizes.in_state(mine, SOAK)))
    if first is None or last is None:
        return nothing_measured(mine, "no tone to count glitches in")
    glitches, latency = _glitches(first, last), _latency(mine)
    worst_status, numbers = _heat(mine)
    degraded = _degraded(mine, glitches, latency)
    if degraded is not None:
        numbers.insert(0, Measurement("degrade_at_thermal", degraded, "1"))
    text = f"{glitches.text}; {latency.text}; thermal status {worst_status}"
    errors = [Verdict.ERROR for r in mine if r.verdict is Verdict.ERROR]
    return Ruling(
        worst((glitches.verdict, latency.verdict, *errors)),
        unique((*glitches.reasons, *latency.reasons)),
        text,
        (*glitches.measurements, *latency.measurements, *numbers),
    )


def _ends(rounds: Sequence[TrialRecord]) -> tuple[Sequence[TrialRecord], Sequence[TrialRecord]]:
    """First and last third of the rounds, measured or not: a third is a time, not a number."""
    third = len(rounds) // 3
    return rounds[:third], rounds[len(rounds) - third :]


def _total(records: Sequence[TrialRecord]) -> sizes.Tally | None:
    found = sizes.tallies(records)
    if not found:
        return None
    return replace(
        found[-1], events=sum(t.events for t in found), minutes=sum(t.minutes for t in found)
    )


def _glitches(first: sizes.Tally, last: sizes.Tally) -> Ruling:
    a, b = first.rate, last.rate
    step = limits.Bounded(b.value - a.value, b.low - a.high, b.high - a.low)
    verdict, reasons = limits.grade(TEST_ID, "glitch_step_per_min", step)
    if verdict is Verdict.MARGINAL and not _rises(first, last):
        reasons = (Reason.FEW_MINUTES,)
        if not last.events and b.high <= limits.LIMITS[TEST_ID, "glitch_step_per_min"].fail_limit:
            # Nothing rose. How sure that is, is said by the bound.
            verdict, reasons = Verdict.PASS, ()
    numbers = (
        Measurement("glitches_per_min[soak=first]", a.value, "1/min"),
        Measurement("glitches_per_min[soak=last]", b.value, "1/min"),
        Measurement("glitches_per_min_ub95[soak=last]", b.high, "1/min"),
    )
    text = f"{a.value:.2g} glitches a minute at first, {b.value:.2g} at last"
    return Ruling(verdict, reasons, text, numbers)


def _rises(first: sizes.Tally, last: sizes.Tally) -> bool:
    """Whether chance does not explain the rise.

    Of all glitches of two equal rates the last third has a binomial number, its share that of the
    time.
    """
    share = last.minutes / (first.minutes + last.minutes)
    events = first.events + last.events
    return last.events > 0 and float(bdtrc(last.events - 1, events, share)) < TREND_CHANCE


def _ms(records: Sequence[TrialRecord]) -> list[float]:
    return [
        e.round_trip_latency_ms for _, e in measured(records) if e.round_trip_latency_ms is not None
    ]


def _latency(mine: Sequence[TrialRecord]) -> Ruling:
    rounds = sizes.in_state(mine, LATENCY)
    first, last = (_ms(part) for part in _ends(rounds))
    if min(len(first), len(last)) < TREND_LATENCIES:
        unheard = [x for r in rounds if not _ms([r]) for x in r.reasons]
        text = f"{len(first)} latencies at first and {len(last)} at last are too few for a trend"
        return Ruling(Verdict.MARGINAL, (Reason.FEW_REPEATS, *unheard), text)
    step = statistics.median(last) - statistics.median(first)
    sigma = (limits.median_sigma(first, 0.0) ** 2 + limits.median_sigma(last, 0.0) ** 2) ** 0.5
    verdict, why = limits.grade(TEST_ID, "latency_step_ms", limits.normal_magnitude(step, sigma))
    reasons: tuple[Reason, ...] = why
    if why and min(last) <= max(first) and min(first) <= max(last):
        # Latencies that come and go between opens step by chance, too, and then with no error.
        verdict, reasons = Verdict.MARGINAL, (Reason.LATENCY_SPREAD,)
    elif why and step < 0:
        reasons = (Reason.LATENCY_CHANGED,)
    numbers = (Measurement("latency_step_ms", step, "ms", sigma),)
    return Ruling(verdict, reasons, f"latency {step:+.1f} ms", numbers)


def _heat(mine: Sequence[TrialRecord]) -> tuple[str, list[Measurement]]:
    """Worst status seen, and what the battery did."""
    reports = [r.report for r in mine if r.report is not None]
    numbers = []
    warm = [p.battery_temperature_c for p in reports if p.battery_temperature_c is not None]
    if warm:
        numbers.append(Measurement("battery_rise_c", warm[-1] - warm[0], "°C"))
    levels = [THERMAL.index(p.thermal_status) for p in reports if p.thermal_status in THERMAL]
    if levels:
        numbers.append(Measurement("thermal_status_max", max(levels), "1"))
    return (THERMAL[max(levels)] if levels else "unknown"), numbers


def _degraded(mine: Sequence[TrialRecord], glitches: Ruling, latency: Ruling) -> int | None:
    """Thermal status at which what rises with the heat was first seen after the first third.

    ``None`` when nothing rises, and when the status was ``none`` or unknown then: an app that
    waits for a status could not have acted on it.
    """
    bad: list[TrialRecord] = []
    if Reason.HEATS_UP in glitches.reasons:
        rounds = sizes.in_state(mine, SOAK)
        counted = [(r, sizes.findings_of(r)) for r in rounds[len(rounds) // 3 :]]
        bad += [r for r, found in counted if found is not None and sizes.count(found)]
    if Reason.HEATS_UP in latency.reasons:
        rounds = sizes.in_state(mine, LATENCY)
        allowed = limits.LIMITS[TEST_ID, "latency_step_ms"].pass_limit
        most = statistics.median(_ms(_ends(rounds)[0])) + allowed
        bad += [r for r in rounds[len(rounds) // 3 :] if any(ms > most for ms in _ms([r]))]
    if not bad:
        return None
    at = min(r.index for r in bad)
    said = [r.report.thermal_status for r in mine if r.report is not None and r.index <= at]
    known = [THERMAL.index(status) for status in said if status in THERMAL]
    return known[-1] if known and known[-1] else None


PAGE = Page(
    question="Does a quarter of an hour of work change glitches or latency?",
    hardware="H0",
    stimulus="15 rounds of a minute under mid load (half of two cores): G1's tone, then L1's train",
    measured="glitches a minute and median latency, last third against first; thermal status",
    method="Every round opens its streams anew, so a latency that differs between opens is in the "
    "error of the step; a step is claimed only with three latencies or more in each third, all of "
    "one beyond all of the other. More glitches are put down to the heat only when chance would "
    "give so many less than once in 20 times, else the minutes were too few. The status is "
    "Android's own word; the one at the first sign of the heat is exported, when it is not none.",
    drives=("degrade_at_thermal",),
    sources=("CATALOGUE G4 (proposal)",),
)

TEST = CatalogueTest(TEST_ID, "thermal soak", trials, judge, PAGE)
