"""D1: silent-microphone sweep over capture rates. A dead path delivers exact zeros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, listed, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions, numbered
from profiler.catalogue.trains import sweep_train
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
    worst,
)

TEST_ID = "D1"
WARMUP_S = 0.3
TAIL_S = 0.2


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """One short open per rate."""
    plain = options.plain(facts, WARMUP_S)
    pairs = [
        (replace(plain, rate_hz=rate), sweep_train(options.seed, rate))
        for rate in options.sweep_hz(facts)
    ]
    return numbered(TEST_ID, pairs, tail_s=TAIL_S)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The longest zero run of any rate decides; refused rates are notes."""
    records = own(records, TEST_ID)
    heard = [(r, r.estimate.quality) for r in records if r.estimate is not None]
    if not heard:
        return nothing_measured(records, "no capture to look at").result(run_uuid, TEST_ID, records)
    reasons: list[str] = []
    verdicts, silent, holed = [], [], []
    for record, quality in heard:
        verdict, why = limits.grade(TEST_ID, "zero_run_ms", limits.exact(quality.zero_run_ms))
        verdicts.append(verdict)
        rate = _rate(record)
        if quality.zero_fraction >= 1.0:
            reasons.append(Reason.SILENT_CAPTURE)
            silent.append(rate)
        elif why:
            reasons.extend(why)
            holed.append(f"{rate} ({quality.zero_run_ms:.0f} ms)")
    lost = [r for r in records if r.estimate is None]
    errors = [Verdict.ERROR for r in lost if r.verdict is Verdict.ERROR]
    reasons.extend(reason for r in lost for reason in r.reasons)
    numbers = tuple(
        Measurement(f"zero_run_ms[rate={r.request.rate_hz}]", q.zero_run_ms, "ms") for r, q in heard
    )
    text = _text(len(heard), silent, holed, lost)
    return Ruling(worst((*verdicts, *errors)), unique(reasons), text, numbers).result(
        run_uuid, TEST_ID, records
    )


def _rate(record: TrialRecord) -> str:
    asked, granted = record.request.rate_hz, record.report.input.rate_hz if record.report else None
    return f"{asked} Hz" if granted in (None, asked) else f"{asked} → {granted} Hz"


def _text(heard: int, silent: list[str], holed: list[str], lost: list[TrialRecord]) -> str:
    parts = []
    if silent:
        parts.append(f"digital silence at {', '.join(silent)}")
    if holed:
        parts.append(f"runs of zeros at {', '.join(holed)}")
    if not parts:
        parts.append(f"the microphone delivers at all {heard} rates tried")
    if lost:
        rates = ", ".join(f"{r.request.rate_hz} Hz" for r in lost)
        parts.append(f"no capture at {rates} ({listed(x for r in lost for x in r.reasons)})")
    return "; ".join(parts)


PAGE = Page(
    question="Does the microphone deliver anything at this rate?",
    hardware="H0",
    stimulus="about a second of quiet sweeps nearly without pauses, per rate",
    measured="longest run of exact zeros, share of zeros",
    method="A dead capture path delivers exact zeros while everything says it records; a quiet "
    "room never does. The stimulus keeps noise gates open.",
    drives=("capture_rate", "mmap_input", "input_preset"),
    sources=("openclaw PR#124083 (Xiaomi 11T Pro)", "oboe#1320 (Galaxy S10)", "oboe#1229"),
)

TEST = CatalogueTest(TEST_ID, "silent-microphone sweep over rates", trials, judge, PAGE)
