"""L7: rate sweep. What does a rate that is not the device's own cost?"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, measured, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions, numbered
from profiler.catalogue.latency import l1
from profiler.catalogue.trains import class_train
from profiler.model import (
    DeviceFacts,
    Measurement,
    PitchFindings,
    Reason,
    TestResult,
    TrialRecord,
    TrialSetup,
    Verdict,
    worst,
)

TEST_ID = "L7"
WARMUP_S = 1.0
TAIL_S = 1.2
NATIVE = "native rate"
"""Note of the trial the others are compared with."""

Graded = tuple[Verdict, tuple[Reason, ...]]


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """One open per rate."""
    plain = options.plain(facts, WARMUP_S)
    rates = options.sweep_hz(facts)
    pairs = [(replace(plain, rate_hz=r), class_train(options.seed, r)) for r in rates]
    setups = [
        TrialSetup(analysis="pitch", note=NATIVE if r == plain.rate_hz else "") for r in rates
    ]
    return numbered(TEST_ID, pairs, tail_s=TAIL_S, setup=setups)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Added delay, zero runs and pitch of every rate; the worst rate decides."""
    swept = own(records, TEST_ID)
    heard = [r for r in swept if r.estimate is not None]
    if not heard:
        return nothing_measured(swept, "no rate measured").result(run_uuid, TEST_ID, swept)
    native = _native_ms(records, swept)
    graded: list[Graded] = []
    numbers: list[Measurement] = []
    findings: list[str] = []
    for record in heard:
        for quantity, unit, bounded in _quantities(record, native):
            graded.append(limits.grade(TEST_ID, quantity, bounded))
            name = f"{quantity}[rate={record.request.rate_hz}]"
            numbers.append(Measurement(name, bounded.value, unit))
            if graded[-1][0] is not Verdict.PASS:
                findings.append(f"{record.request.rate_hz} Hz: {_said(quantity, bounded.value)}")
    lost = [r for r in swept if r.estimate is None]
    silent = [r for r in heard if r.estimate is not None and not r.estimate.valid]
    graded += [(Verdict.ERROR, ()) for r in lost if r.verdict is Verdict.ERROR]
    if not graded or (silent and worst(v for v, _ in graded) is Verdict.PASS):
        graded.append((Verdict.MARGINAL if graded else Verdict.NOT_MEASURABLE, ()))
    return Ruling(
        worst(v for v, _ in graded),
        unique([*(w for _, why in graded for w in why), *_notes(lost, silent)]),
        _text(len(heard), findings, silent, lost),
        tuple(numbers),
    ).result(run_uuid, TEST_ID, swept)


def _native_ms(
    records: Sequence[TrialRecord], swept: Sequence[TrialRecord]
) -> limits.Bounded | None:
    """Round trip at the device's own rate: L1's opens and this test's, with their extremes."""
    mine = [r for r in swept if r.setup.note == NATIVE]
    if not mine:
        return None
    same = [r for r in l1.plain_records(records) if r.request.rate_hz == mine[0].request.rate_hz]
    values = [e.round_trip_latency_ms for _, e in measured([*mine, *same])]
    known = [v for v in values if v is not None]
    if not known:
        return None
    return limits.Bounded(statistics.median(known), min(known), max(known))


def _quantities(
    record: TrialRecord, native: limits.Bounded | None
) -> list[tuple[str, str, limits.Bounded]]:
    """(quantity, unit, value with bounds) that this recording says something about."""
    estimate, findings = record.estimate, record.findings
    assert estimate is not None
    found = [("zero_run_ms", "ms", limits.exact(estimate.quality.zero_run_ms))]
    if isinstance(findings, PitchFindings) and findings.pitch_ratio is not None:
        error = limits.normal_magnitude(
            100 * (findings.pitch_ratio - 1), 100 * (findings.pitch_sigma or 0.0)
        )
        found.append(("pitch_error_percent", "%", error))
    latency_ms = estimate.round_trip_latency_ms
    if latency_ms is not None and native is not None and record.setup.note != NATIVE:
        # One open of this rate varies as the opens of the native rate do.
        spread = native.high - native.low
        added = latency_ms - native.value
        found.append(("added_ms", "ms", limits.Bounded(added, added - spread, added + spread)))
    return found


def _said(quantity: str, value: float) -> str:
    match quantity:
        case "added_ms":
            return f"{value:+.1f} ms"
        case "pitch_error_percent":
            return f"pitch off by {value:.2f} %"
        case _:
            return f"zeros for {value:.0f} ms"


def _notes(lost: Sequence[TrialRecord], silent: Sequence[TrialRecord]) -> list[str]:
    return [reason for r in (*lost, *silent) for reason in r.reasons]


def _text(
    heard: int,
    findings: Sequence[str],
    silent: Sequence[TrialRecord],
    lost: Sequence[TrialRecord],
) -> str:
    parts = ["; ".join(findings) or f"no rate of {heard} costs delay, pitch or samples"]
    if silent:
        rates = ", ".join(f"{r.request.rate_hz} Hz" for r in silent)
        parts.append(f"no round trip at {rates}")
    if lost:
        parts.append(f"no capture at {', '.join(f'{r.request.rate_hz} Hz' for r in lost)}")
    return "; ".join(parts)


PAGE = Page(
    question="What does a sample rate that is not the device's own cost in delay, pitch and gaps?",
    hardware="H0",
    stimulus="one short train at 8, 16, 24, 44.1 and 48 kHz and the device's own rate",
    measured="round trip less that of the native rate, heard over played frequency, longest run of "
    "exact zeros",
    method="A sample rate converter in the path adds delay; a rate that the path gets wrong "
    "stretches the train. When the train is not found, it is looked for again at every ratio of "
    "usual rates and at errors up to 2 %. One open per rate: the added delay is known as well as "
    "opens at the native rate agree.",
    drives=("capture_rate", "native_rate", "src_quality"),
    sources=("oboe PR#2021", "oboe#613", "snapcast#136", "openclaw PR#124083"),
)

TEST = CatalogueTest(TEST_ID, "rate sweep", trials, judge, PAGE, also=(l1.TEST_ID,))
