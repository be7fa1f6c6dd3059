"""L6: cold start. How long from opening the streams until the app hears itself?"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, measured, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions, numbered
from profiler.catalogue.trains import start_train
from profiler.model import (
    DeviceFacts,
    Estimate,
    Measurement,
    ProbeReport,
    TestResult,
    TrialRecord,
    TrialSetup,
    Verdict,
    worst,
)

TEST_ID = "L6"
STARTS = 5
REST_S = 10.0
"""Streams are closed for so long before a start (CATALOGUE L6)."""
TAIL_S = 1.0
SAME_MS = 30.0
"""Chirps of one start agree within this; one that lies further away was found in the wrong place.
Smaller than the distance of two chirps, larger than a buffer that fills up."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """Five cold starts; the first in a new process where the driver can start one."""
    request = options.plain(facts, warmup_s=0.0)
    fresh = "fresh_process" in options.abilities
    first = TrialSetup(fresh_process=fresh, rest_s=0.0 if fresh else REST_S, note="first start")
    later = [TrialSetup(rest_s=REST_S, note=f"start {n}") for n in range(2, STARTS + 1)]
    train = start_train(options.seed, request.rate_hz)
    return numbered(TEST_ID, [(request, train)] * STARTS, tail_s=TAIL_S, setup=[first, *later])


@dataclass(frozen=True, slots=True)
class _Start:
    first: bool
    cold_ms: limits.Bounded
    """From opening the streams to the first sound of one's own, had it been played at once."""
    lost_ms: limits.Bounded
    """How much of what was played from frame 0 on is never heard."""
    first_buffer_ms: float | None
    first_nonzero_ms: float | None


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The first start and the later ones are graded apart; the worse decides."""
    records = own(records, TEST_ID)
    starts = [s for r, e in measured(records) if (s := _start(r, e, records[0])) is not None]
    if not starts:
        return nothing_measured(records, "no start measured").result(run_uuid, TEST_ID, records)
    graded, numbers, texts = [], [], []
    for name in ("first", "later"):
        mine = [s for s in starts if s.first == (name == "first")]
        if not mine:
            continue
        cold, lost = _typical([s.cold_ms for s in mine]), _typical([s.lost_ms for s in mine])
        graded += [
            limits.grade(TEST_ID, "cold_start_ms", cold),
            limits.grade(TEST_ID, "input_lost_ms", lost),
        ]
        numbers += _numbers(name, mine, cold, lost)
        texts.append(f"{name} {cold.value:.0f} ms, {lost.value:.0f} ms lost")
    unheard = [r for r in records if r.estimate is None or not r.estimate.valid]
    if unheard:
        graded.append((Verdict.MARGINAL, ()))
    return Ruling(
        worst(verdict for verdict, _ in graded),
        unique([*(w for _, why in graded for w in why), *(x for r in unheard for x in r.reasons)]),
        f"{len(starts)} of {len(records)} cold starts heard: {'; '.join(texts)}",
        tuple(numbers),
    ).result(run_uuid, TEST_ID, records)


def _start(record: TrialRecord, estimate: Estimate, first: TrialRecord) -> _Start | None:
    latency_ms = statistics.median(estimate.per_chirp_ms)
    heard = [
        (1000 * played, latency)
        for played, latency in zip(estimate.per_chirp_time_s, estimate.per_chirp_ms, strict=True)
        if abs(latency - latency_ms) < SAME_MS
        and 1000 * played + latency >= estimate.quality.leading_zero_ms
    ]
    if not heard or record.stimulus is None or record.report is None:
        return None
    awake_ms = estimate.quality.leading_zero_ms - latency_ms
    lost = _lost(heard[0][0], _chirps_ms(record), awake_ms)
    startup = record.report.startup_ms
    offset = _frame_0_ms(record.report, estimate) + latency_ms
    return _Start(
        first=record.index == first.index,
        cold_ms=limits.Bounded(lost.value + offset, lost.low + offset, lost.high + offset),
        lost_ms=lost,
        first_buffer_ms=startup.get("first_input"),
        first_nonzero_ms=startup.get("first_nonzero"),
    )


def _lost(heard_ms: float, chirps_ms: Sequence[float], awake_ms: float) -> limits.Bounded:
    """What was lost, since frame 0, before the first chirp heard was played.

    The analysis may leave out the chirp that came first; so the bound reaches back to the second
    one before. A microphone that wakes up from exact zeros says itself when.
    """
    earlier = [c for c in chirps_ms if c < heard_ms]
    if not earlier:
        return limits.exact(max(awake_ms, 0.0) if awake_ms > heard_ms else 0.0)
    back_ms = earlier[-2] if len(earlier) > 1 else 0.0
    if back_ms <= awake_ms <= heard_ms:
        return limits.Bounded(awake_ms, awake_ms, heard_ms)
    return limits.Bounded(heard_ms, back_ms, heard_ms)


def _frame_0_ms(report: ProbeReport, estimate: Estimate) -> float:
    """When the recording began, since the streams began to open.

    The first sample that is not 0 is known on both clocks.
    """
    startup = report.startup_ms
    for name, ahead_ms in (
        ("first_nonzero", estimate.quality.leading_zero_ms),
        ("first_input", 0.0),
        ("start", 0.0),
        ("open", 0.0),
    ):
        if name in startup and startup[name] >= ahead_ms:
            return startup[name] - ahead_ms
    return 0.0


def _chirps_ms(record: TrialRecord) -> list[float]:
    starts = getattr(record.stimulus, "starts_s", ())
    return [1000 * s for s in starts]


def _typical(values: Sequence[limits.Bounded]) -> limits.Bounded:
    """Median with the extremes as bounds: fewer than six starts bound nothing better."""
    return limits.Bounded(
        statistics.median(v.value for v in values),
        min(v.low for v in values),
        max(v.high for v in values),
    )


def _numbers(
    name: str, starts: Sequence[_Start], cold: limits.Bounded, lost: limits.Bounded
) -> list[Measurement]:
    found = [
        Measurement(f"cold_start_ms[start={name}]", cold.value, "ms", _sigma(cold)),
        Measurement(f"input_lost_ms[start={name}]", lost.value, "ms", _sigma(lost)),
        Measurement(f"starts[start={name}]", len(starts), "1"),
    ]
    for what in ("first_buffer_ms", "first_nonzero_ms"):
        known = [v for s in starts if (v := getattr(s, what)) is not None]
        if known:
            found.append(Measurement(f"{what}[start={name}]", statistics.median(known), "ms"))
    return found


def _sigma(bounded: limits.Bounded) -> float:
    return (bounded.high - bounded.low) / (2 * limits.Z95)


PAGE = Page(
    question="How long after opening its streams does an app hear, and how much does it miss?",
    hardware="H0",
    stimulus="a chirp about every 90 ms from frame 0 on, for 3 s, without warm-up; five starts "
    "with 10 s of rest between, the first in a new process where that can be had",
    measured="time to the first buffer, to the first sample that is not 0, to the first chirp "
    "heard; milliseconds of input lost; the first start against the later ones",
    method="The first chirp that is heard bounds what was lost to the distance of two chirps; "
    "where the microphone wakes up from exact zeros, it says so itself. The cold start holds the "
    "time until the streams run, what was lost, and the round trip.",
    drives=("keep_warm_s", "preroll_ms", "reuse_engine"),
    sources=("speech_to_text#511", "speech_to_text#513", "DictateKeyboard#64", "CDD 5.6"),
)

TEST = CatalogueTest(TEST_ID, "cold start", trials, judge, PAGE)
