"""L1: round-trip latency, warm, over fresh stream opens."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.inputs import inputs_of
from profiler.catalogue.judging import Ruling, measured, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions, numbered
from profiler.catalogue.paths import has_modes
from profiler.catalogue.trains import class_train, latency_train
from profiler.intervals import line_scatter
from profiler.model import (
    DeviceFacts,
    Estimate,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
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
PATH_REPEATS, FEW_PATH_REPEATS = limits.MIN_REPEATS, 3
"""Opens of each other path; the few claim nothing and show what to look at."""
MAX_PATHS = 6
"""APIs a probe may offer beside the default one."""
_API_NAME = re.compile("[a-z][a-z0-9_]{0,31}")


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """``repeats`` opens at each volume; without a tight budget some of each other path, too."""
    request = options.plain(facts, SHORT_WARMUP_S if options.short else WARMUP_S)
    spec = latency_train(options.seed, request.rate_hz, short=options.short)
    volumes = options.volumes or (request.volume,)
    pairs = [(replace(request, volume=v), spec) for v in volumes for _ in range(options.repeats)]
    tail_s = SHORT_TAIL_S if options.short else TAIL_S
    plain = numbered(TEST_ID, pairs, tail_s=tail_s)
    if options.short or options.brief:
        return plain
    train = class_train(options.seed, request.rate_hz)
    repeats = PATH_REPEATS if options.thorough else FEW_PATH_REPEATS
    others = [(path, train) for path in other_paths(facts, request) for _ in range(repeats)]
    more = numbered(TEST_ID, others, tail_s=tail_s)
    return (*plain, *(replace(t, index=len(plain) + t.index) for t in more))


def other_paths(facts: DeviceFacts, plain: TrialRequest) -> tuple[TrialRequest, ...]:
    """The communication path an app with calls takes, and every API the device offers.

    Effects stay as they are asked for in the plain path: with an echo canceller in it, the way
    there and back is what L2 measures.
    """
    calls = replace(plain, audio_mode="communication", input_preset="voice_communication")
    apis = (replace(plain, api=api) for api in offered_apis(facts)[:MAX_PATHS])
    found = (*((calls,) if has_modes(facts) else ()), *apis)
    return tuple(r for r in dict.fromkeys(found) if r.path != plain.path)


def offered_apis(facts: DeviceFacts) -> tuple[str, ...]:
    """APIs beside the default one, which probes list first in ``facts.raw["apis"]``; the system's
    own where a probe lists none."""
    names = (name.strip() for name in facts.raw.get("apis", "").split(","))
    return (tuple(n for n in names if _API_NAME.fullmatch(n)) or inputs_of(facts).apis)[1:]


def plain_records(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """L1's opens of the plain path, whose first trial is the first of the test."""
    mine = own(records, TEST_ID)
    return [r for r in mine if r.request.path == mine[0].request.path]


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Median and spread over opens, per volume; the plain path's worst volume decides."""
    records = own(records, TEST_ID)
    if not records:
        return nothing_measured(records, "").result(run_uuid, TEST_ID, records)
    ruling = _judge_plain(plain_records(records))
    texts, numbers = [ruling.text], list(ruling.measurements)
    paths = dict.fromkeys(r.request.path for r in records)
    for path in list(paths)[1:]:
        part = _judge_volume([r for r in records if r.request.path == path])
        texts.append(f"{path}: {part.text}")
        numbers += [replace(m, name=f"{m.name}[path={path}]") for m in part.measurements]
    return Ruling(ruling.verdict, ruling.reasons, "; ".join(texts), tuple(numbers)).result(
        run_uuid, TEST_ID, records
    )


def _judge_plain(records: Sequence[TrialRecord]) -> Ruling:
    volumes = list(dict.fromkeys(r.request.volume for r in records))
    parts = [_judge_volume([r for r in records if r.request.volume == v]) for v in volumes]
    if len(parts) == 1:
        return parts[0]
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
    )


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
    beside, more = _beside(good)
    text, numbers = text + more, (*numbers, *beside)
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


def _beside(good: Sequence[tuple[TrialRecord, Estimate]]) -> tuple[list[Measurement], str]:
    """What stays apart from the spread between opens: the scatter within one, and what the system
    itself claims."""
    numbers, text = [], ""
    within = [sd for _, e in good if (sd := within_sd_ms(e)) is not None]
    if within:
        sd_ms = statistics.median(within)
        numbers.append(Measurement("within_sd_ms", sd_ms, "ms"))
        text += f", sd {sd_ms:.4f} ms within one"
    said = {}
    for way in ("output", "input"):
        known = [v for r, _ in good if (v := _reported_ms(r, way)) is not None]
        if known:
            said[way] = statistics.median(known)
            numbers.append(Measurement(f"reported_{way}_ms", said[way], "ms"))
    if said:
        words = " and ".join(f"{ms:.1f} ms of {way}" for way, ms in said.items())
        text += f"; the system reports {words}"
    return numbers, text


def within_sd_ms(estimate: Estimate) -> float | None:
    """Standard deviation of one open's chirps about their own line, in ms; ``None`` with too few
    of them."""
    jumps_s = [jump.time_s for jump in estimate.jumps]
    squares, free = line_scatter(estimate.per_chirp_ms, estimate.per_chirp_time_s, jumps_s)
    return math.sqrt(squares / free) if free else None


def _reported_ms(record: TrialRecord, way: str) -> float | None:
    if record.report is None:
        return None
    said: float | None = getattr(record.report, f"reported_{way}_latency_ms")
    return said


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
    stimulus="one train of exponential sweeps, a fresh stream for each repeat; beyond the quick "
    "suite five more opens in communication mode and with each API on offer",
    measured="median, MAD, p95, smallest and largest round-trip latency over the opens, per path; "
    "standard deviation of the chirps within an open; the output and input latency that the system "
    "reports, where it does",
    method="Each open gives one latency of the direct path at t = 0 with its 1σ "
    "(docs/method.md). The spread between opens is what a user meets; with fewer than five opens "
    "nothing is claimed. The scatter within an open (median over the opens, drift and jumps taken "
    "out) is the method's and is never mixed with it. The plain media path decides the verdict; "
    "the others are numbers, named api/mode/preset/route.",
    drives=("perf_mode", "sharing", "src_quality"),
    sources=("oboe#235", "oboe#2075"),
)

TEST = CatalogueTest(TEST_ID, "round-trip latency, warm, per path", trials, judge, PAGE)
