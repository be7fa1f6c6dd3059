"""Steps every judgement shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from profiler.model import Estimate, Measurement, Reason, TestResult, TrialRecord, Verdict


def unique(reasons: Iterable[str]) -> tuple[str, ...]:
    """Reasons without repeats, in the order in which they were met, as plain text."""
    return tuple(dict.fromkeys(str(r) for r in reasons))


def measured(records: Iterable[TrialRecord]) -> list[tuple[TrialRecord, Estimate]]:
    """The records that hold a number."""
    return [
        (r, r.estimate)
        for r in records
        if r.estimate is not None
        and r.estimate.valid
        and r.estimate.round_trip_latency_ms is not None
    ]


def own(records: Sequence[TrialRecord], test_id: str) -> list[TrialRecord]:
    """The records that were made for ``test_id``, in order."""
    return sorted((r for r in records if r.test_id == test_id), key=lambda r: r.index)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A judgement before it is tied to a run."""

    verdict: Verdict
    reasons: tuple[str, ...]
    text: str
    measurements: tuple[Measurement, ...] = ()

    def result(self, run_uuid: str, test_id: str, records: Sequence[TrialRecord]) -> TestResult:
        """The stored form, resting on ``records``."""
        return TestResult(
            run_uuid=run_uuid,
            test_id=test_id,
            verdict=self.verdict,
            reasons=unique(self.reasons),
            text=self.text,
            measurements=self.measurements,
            trial_uuids=tuple(r.trial_uuid for r in records),
        )


def nothing_measured(records: Sequence[TrialRecord], what: str) -> Ruling:
    """Ruling on records without one number: an error outranks a poor signal."""
    reasons = unique(reason for r in records for reason in r.reasons)
    text = f"{what}: {listed(reasons)}"
    if any(r.verdict is Verdict.ERROR for r in records):
        return Ruling(Verdict.ERROR, reasons, text)
    if not records:
        return Ruling(Verdict.SKIPPED, reasons, "no trial was made")
    return Ruling(Verdict.NOT_MEASURABLE, reasons or (str(Reason.NO_STIMULUS),), text)


def listed(reasons: Iterable[str]) -> str:
    """Reasons for a line of text."""
    return ", ".join(unique(reasons)) or "no reason given"
