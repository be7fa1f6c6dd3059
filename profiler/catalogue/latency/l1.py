"""L1: round-trip latency, warm, over fresh stream opens."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, measured, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions, numbered
from profiler.catalogue.trains import latency_train
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
    worst,
)

TEST_ID = "L1"
WARMUP_S = 1.0
SHORT_WARMUP_S = 0.6
TAIL_S = 1.6
"""Room for a Bluetooth latency (up to 1.5 s)."""
SHORT_TAIL_S = 0.7
"""Smoke: a longer latency loses its last chirps, and the analysis says so."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """``repeats`` opens at each volume, all with the same train."""
    request = options.plain(facts, SHORT_WARMUP_S if options.short else WARMUP_S)
    spec = latency_train(options.seed, request.rate_hz, short=options.short)
    volumes = options.volumes or (request.volume,)
    pairs = [(replace(request, volume=v), spec) for v in volumes for _ in range(options.repeats)]
    return numbered(TEST_ID, pairs, tail_s=SHORT_TAIL_S if options.short else TAIL_S)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Median and spread over opens, per volume; the worst volume decides."""
    records = own(records, TEST_ID)
    volumes = list(dict.fromkeys(r.request.volume for r in records))
    parts = [_judge_volume([r for r in records if r.request.volume == v]) for v in volumes]
    if len(parts) == 1:
        return parts[0].result(run_uuid, TEST_ID, records)
    if not parts:
        return nothing_measured(records, "").result(run_uuid, TEST_ID, records)
    labels = ["as found" if v is None else f"{v:g}" for v in volumes]
    pairs = list(zip(labels, parts, strict=True))
    return Ruling(
        worst(p.verdict for p in parts),
        unique(reason for p in parts for reason in p.reasons),
        "; ".join(f"volume {label}: {p.text}" for label, p in pairs),
        tuple(
            replace(m, name=f"{m.name}[volume={label}]")
            for label, p in pairs
            for m in p.measurements
        ),
    ).result(run_uuid, TEST_ID, records)


def _judge_volume(records: list[TrialRecord]) -> Ruling:
    good = measured(records)
    values = [e.round_trip_latency_ms for _, e in good if e.round_trip_latency_ms is not None]
    if not values:
        return nothing_measured(records, "no round trip measured")
    noise_ms = statistics.median(e.uncertainty_us or 0.0 for _, e in good) / 1000
    numbers = _numbers(values, noise_ms, rejected=len(records) - len(values))
    text = (
        f"round trip {statistics.median(values):.2f} ms, MAD {limits.mad(values):.2f} ms, "
        f"{len(values)} of {len(records)} opens"
    )
    notes = unique(reason for r in records for reason in r.reasons)
    if len(values) < limits.MIN_REPEATS:
        return Ruling(Verdict.MARGINAL, unique((Reason.FEW_REPEATS, *notes)), text, numbers)
    middle = limits.median_bounds(values)
    reach_ms = limits.Z95 * noise_ms
    widened = limits.Bounded(middle.value, middle.low - reach_ms, middle.high + reach_ms)
    level, why_level = limits.grade(TEST_ID, "rtl_ms", widened)
    spread, why_spread = limits.grade(TEST_ID, "rtl_mad_ms", limits.mad_bounds(values))
    reasons = unique((*why_level, *why_spread, *notes))
    return Ruling(worst((level, spread)), reasons, text, numbers)


def _numbers(values: list[float], noise_ms: float, *, rejected: int) -> tuple[Measurement, ...]:
    ordered = sorted(values)
    # Nearest-rank percentile: with five opens it is the largest, and that is the honest answer.
    p95 = ordered[-(-95 * len(ordered) // 100) - 1]
    return (
        Measurement(
            "rtl_ms", statistics.median(values), "ms", limits.median_sigma(values, noise_ms)
        ),
        Measurement("rtl_mad_ms", limits.mad(values), "ms"),
        Measurement("rtl_p95_ms", p95, "ms"),
        Measurement("rtl_min_ms", ordered[0], "ms"),
        Measurement("rtl_max_ms", ordered[-1], "ms"),
        Measurement("opens", len(values), "1"),
        Measurement("opens_rejected", rejected, "1"),
    )


PAGE = Page(
    question="How long is the way from the app's output to the app's input, and is it the same "
    "at every open?",
    hardware="H0",
    stimulus="one train of exponential sweeps, a fresh stream for each repeat",
    measured="median, MAD, p95, smallest and largest round-trip latency over the opens",
    method="Each open gives one latency of the direct path at t = 0 with its 1σ "
    "(docs/method.md). The spread between opens is what a user meets; with fewer than five opens "
    "nothing is claimed.",
    drives=("perf_mode", "sharing", "src_quality"),
    sources=("CATALOGUE L1", "oboe#235", "oboe#2075"),
)

TEST = CatalogueTest(TEST_ID, "round-trip latency, warm, media path", trials, judge, PAGE)
