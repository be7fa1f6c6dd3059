"""L4: does the latency stay where it is for a minute?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, measured, nothing_measured, own
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions, numbered
from profiler.catalogue.trains import long_train
from profiler.model import (
    DeviceFacts,
    Estimate,
    Jump,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
)

TEST_ID = "L4"
WARMUP_S = 1.0
TAIL_S = 1.6


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """One open of a minute."""
    request = options.plain(facts, WARMUP_S)
    train = long_train(options.seed, request.rate_hz)
    return numbered(TEST_ID, [(request, train)], tail_s=TAIL_S)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Peak-to-peak of the latency about its slope, steps included; steps are also listed."""
    records = own(records, TEST_ID)
    good = measured(records)
    if not good:
        return nothing_measured(records, "no trajectory measured").result(
            run_uuid, TEST_ID, records
        )
    record, estimate = good[0]
    wander_ms, sigma_ms = trajectory_span_ms(estimate), (estimate.uncertainty_us or 0.0) / 1000
    verdict, why = limits.grade(TEST_ID, "wander_pp_ms", limits.normal(wander_ms, sigma_ms))
    reasons: list[str] = list(why)
    steps = [j for j in estimate.jumps if abs(j.delta_ms) > limits.STEP_MS]
    if steps:
        reasons.append(Reason.LATENCY_STEP)
    if wander_ms > limits.WANDER_NOTE_MS:
        reasons.append(Reason.CLOCK_WANDER)
    numbers = (
        Measurement("wander_pp_ms", wander_ms, "ms", sigma_ms),
        Measurement("steps", len(steps), "1"),
        *(Measurement(f"step_ms[t={j.time_s:.1f}]", j.delta_ms, "ms") for j in steps),
        *_slope(estimate),
    )
    text = f"latency stays within {wander_ms:.2f} ms over {estimate.quality.duration_s:.0f} s"
    return Ruling(verdict, (*reasons, *record.reasons), text + _steps(steps), numbers).result(
        run_uuid, TEST_ID, records
    )


def trajectory_span_ms(estimate: Estimate) -> float:
    """Peak-to-peak of the per-chirp latencies after the clock drift is taken out.

    Steps stay in: an echo canceller has to follow them as well as a slow wander.
    """
    if len(estimate.per_chirp_ms) < 2:
        return 0.0
    latency = np.asarray(estimate.per_chirp_ms)
    slope_ms = np.asarray(estimate.per_chirp_time_s) * (estimate.drift_ppm or 0.0) * 1e-3
    return float(np.ptp(latency - slope_ms))


def _slope(estimate: Estimate) -> list[Measurement]:
    if estimate.drift_ppm is None:
        return []
    sigma = estimate.drift_sigma_ppm
    per_minute = 60e-3  # 1 ppm is 0.06 ms in a minute
    return [
        Measurement(
            "slope_ms_per_min",
            estimate.drift_ppm * per_minute,
            "ms/min",
            None if sigma is None else sigma * per_minute,
        )
    ]


def _steps(steps: Sequence[Jump]) -> str:
    if not steps:
        return ", no step"
    shown = ", ".join(f"{j.delta_ms:+.1f} ms at {j.time_s:.1f} s" for j in steps[:4])
    return f", {len(steps)} steps: {shown}" + (" …" if len(steps) > 4 else "")


PAGE = Page(
    question="Does the latency stay where it is for a minute?",
    hardware="H0",
    stimulus="a short sweep about every half second for 60 s",
    measured="peak-to-peak of the latency about its slope; every step above 5 ms",
    method="The clock drift is taken out, steps stay in: an echo canceller has to follow both.",
    drives=("aec_tail_ms", "aec_delay_hint_ms", "drift_compensation"),
    sources=("Linphone echo-delay table (Nexus S shrinks after seconds)", "eliza PR#11905"),
)

TEST = CatalogueTest(TEST_ID, "60 s stability", trials, judge, PAGE)
