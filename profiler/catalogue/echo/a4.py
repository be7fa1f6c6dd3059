"""A4: how long the canceller needs after a cold start."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue import limits
from profiler.catalogue.echo import a1, far_end
from profiler.catalogue.echo.erle import Convergence, convergence
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions
from profiler.catalogue.table import CONVERGENCE_ERROR_S, LIMITS
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
)

TEST_ID = "A4"


def trials(_facts: DeviceFacts, _options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """None of its own: it is judged on A1's recordings."""
    return ()


def converged(at: a1.AtVolume) -> Convergence | None:
    """A1's recordings at one volume as a convergence; ``None`` when nothing is removed."""
    if at.on is None or at.off is None or at.baseline_not_off:
        return None
    on, off, found = at.heard, at.reference, at.erle
    if on is None or off is None or found is None:
        return None
    if found.high_db is not None and found.high_db < LIMITS["A2", "erle_db"].fail_limit:
        return None
    return convergence(off, on)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The middle volume by time decides: of three, one may have had a lapse."""
    records = own(records, a1.TEST_ID)
    found = [(at.volume, c) for at in a1.by_volume(records) if (c := converged(at)) is not None]
    ruling = _rule(found) if found else _none(records)
    return ruling.result(run_uuid, TEST_ID, records)


def _rule(found: Sequence[tuple[float | None, Convergence]]) -> Ruling:
    at, middle = sorted(found, key=lambda one: one[1].seconds)[len(found) // 2]
    verdict, why = limits.grade(TEST_ID, "convergence_s", bounds(middle))
    reasons = [*why, *((Reason.BELOW_NOISE,) if middle.bounded else ())]
    texts, numbers = [], []
    for volume, c in found:
        texts.append(f"{far_end.in_words(volume)}: {_in_words(c)}")
        name = f"convergence_s[volume={far_end.volume_label(volume)}]"
        numbers.append(Measurement(name, c.seconds, "s", CONVERGENCE_ERROR_S / limits.Z95))
    if len({c.seconds for _, c in found}) > 1:  # else the verdict could be taken for any of them
        texts.append(f"{far_end.in_words(at)} decides: {_DECIDES[len(found) > 2]}")
    return Ruling(verdict, unique(reasons), "; ".join(texts), tuple(numbers))


_DECIDES = ("the longer time of two", "the middle time")


def bounds(c: Convergence) -> limits.Bounded:
    """With the method's own error; what was settled from the start was that."""
    if c.seconds == 0.0:
        return limits.exact(0.0)
    low = max(0.0, c.seconds - CONVERGENCE_ERROR_S)
    return limits.Bounded(c.seconds, low, c.seconds + CONVERGENCE_ERROR_S)


def _none(records: Sequence[TrialRecord]) -> Ruling:
    ruling = nothing_measured(records, "no convergence measured")
    if ruling.verdict is not Verdict.NOT_MEASURABLE:
        return ruling
    why = _why_none(records)
    reasons = unique((*why, *ruling.reasons))
    # Only of a canceller that was measured may be said that it does not converge.
    text = "no canceller that converges" if why else ruling.text
    return Ruling(Verdict.NOT_MEASURABLE, reasons, text)


def _why_none(records: Sequence[TrialRecord]) -> list[Reason]:
    parts = a1.by_volume(records)
    if any(at.baseline_not_off for at in parts):
        return [Reason.BASELINE_NOT_OFF]
    if any(at.erle is not None for at in parts):
        return [Reason.ECHO_LEFT]
    return []


def _in_words(c: Convergence) -> str:
    if c.seconds == 0.0:
        return "settled from the first word on"
    return f"settled after {c.seconds:.1f} s" + (", then below the noise" if c.bounded else "")


PAGE = Page(
    question="How long must the app hold the microphone back after it began to speak?",
    hardware="H0",
    stimulus="none of its own: A1's recordings",
    measured="time from the first echo until the attenuation stays within 6 dB of its final value",
    method="The echo with the canceller on is compared with the echo without it, tenth of a second "
    "by tenth of a second, over half a second of speech each: speech has loud and soft moments, "
    "their ratio has not. The final value is that of the last third. "
    "Of three volumes the middle time is judged, of two the longer. An echo that sinks below the "
    "noise may go on falling unseen; the time is then that until it is hidden.",
    drives=("mic_holdoff_ms",),
    sources=("m1guelpf/swift-realtime-openai#24", "pjsip/pjproject#1888", "3GPP TS 26.132 8.7"),
)

TEST = CatalogueTest(TEST_ID, "convergence time", trials, judge, PAGE, needs=("A1",))
