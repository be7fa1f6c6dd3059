"""L5: clock skew between output and input, read from L4's recording."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, measured, nothing_measured, own
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions
from profiler.catalogue.latency import l4
from profiler.model import DeviceFacts, Measurement, Reason, TestResult, TrialRecord, Verdict

TEST_ID = "L5"


def trials(_facts: DeviceFacts, _options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """None of its own."""
    return ()


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Size of the skew with its 1σ, from the long train."""
    records = own(records, l4.TEST_ID)
    good = [e for _, e in measured(records) if e.drift_ppm is not None]
    if not good:
        return nothing_measured(records, "no skew measured").result(run_uuid, TEST_ID, records)
    drift_ppm, sigma = good[0].drift_ppm or 0.0, good[0].drift_sigma_ppm
    verdict, why = (
        # A number without its error proves neither limit.
        (Verdict.MARGINAL, (Reason.CLOCK_WANDER,))
        if sigma is None
        else limits.grade(TEST_ID, "skew_ppm", limits.normal_magnitude(drift_ppm, sigma))
    )
    error = "" if sigma is None else f" ± {sigma:.3f}"
    text = f"input clock against output clock {drift_ppm:+.3f}{error} ppm"
    numbers = (Measurement("skew_ppm", drift_ppm, "ppm", sigma),)
    return Ruling(verdict, why, text, numbers).result(run_uuid, TEST_ID, records)


PAGE = Page(
    question="Do the output clock and the input clock agree?",
    hardware="H0",
    stimulus="none of its own: L4's recording",
    measured="skew in ppm with its 1σ",
    method="The slope of the latency over the train. On one codec it is 0, on Bluetooth and USB "
    "it is not.",
    drives=("drift_compensation",),
    sources=("3GPP TS 26.131",),
)

TEST = CatalogueTest(TEST_ID, "clock skew in against out", trials, judge, PAGE, needs=(l4.TEST_ID,))
