"""A9: the barge-in verdict. May the app keep the microphone open while it speaks?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.catalogue import limits
from profiler.catalogue.echo import a1, a3, a8, far_end
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions
from profiler.catalogue.table import HIDDEN_DB, LIMITS, TURN_DBFS
from profiler.model import (
    DeviceFacts,
    EchoFindings,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
    worst,
)

TEST_ID = "A9"
COARSE = ("1",)
"""Versions of the analysis that saw moments in steps of 0.1 s: their margins err by up to 1.6 dB
without noise, too."""


def trials(_facts: DeviceFacts, _options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """None of its own: it is judged on A1's recordings, and on A3's and A8's when there are any."""
    return ()


@dataclass(frozen=True, slots=True)
class Step:
    """One volume."""

    volume: float | None
    verdict: Verdict
    """``pass``: safe; ``fail``: the detector takes the echo for speech; ``marginal``: too close;
    ``not_measurable``: nothing proven."""
    margin_db: float | None
    hidden_db: float
    """Of the margin, what is not certain because of noise."""
    holdoff_s: float
    reasons: tuple[str, ...] = ()
    """Why nothing is proven."""


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Safe up to the loudest volume below which every volume is safe."""
    mine = [*own(records, a1.TEST_ID), *own(records, a8.TEST_ID), *own(records, a3.TEST_ID)]
    steps = [_step(at, records) for at in a1.by_volume(records)]
    if not steps or all(s.verdict is Verdict.NOT_MEASURABLE for s in steps):
        ruling = nothing_measured(own(records, a1.TEST_ID), "barge-in not judged")
    else:
        ruling = _rule(steps, _notes(records), _talk(run_uuid, records))
    return ruling.result(run_uuid, TEST_ID, mine)


def _step(at: a1.AtVolume, records: Sequence[TrialRecord]) -> Step:
    """One volume of A1, and A8's replay at it: the worse one counts."""
    replays = [
        f
        for r in own(records, a8.TEST_ID)
        if r.request.volume == at.volume and (f := far_end.echo_of(r)) is not None
    ]
    # A loudspeaker that was not heard proves nothing, however silent the recording.
    heard = [f for f in (at.heard, *replays) if f is not None] if at.played else []
    if at.heard is None or not heard:
        return Step(at.volume, Verdict.NOT_MEASURABLE, None, 0.0, 0.0, _why_nothing(at))
    known = [(f.voice_margin_db, _hidden_db(f)) for f in heard if f.voice_margin_db is not None]
    margin, hidden = min(known, key=lambda m: m[0] - m[1], default=(None, 0.0))
    verdict, holdoff_s = worst(_safe(f) for f in heard), max(_holdoff_s(f) for f in heard)
    return Step(at.volume, verdict, margin, hidden, holdoff_s, _why_nothing(at))


def _why_nothing(at: a1.AtVolume) -> tuple[str, ...]:
    """Reasons of the recordings; ``low_snr`` where both were fine and the echo too soft."""
    said = unique(reason for r in (at.on, at.off) if r is not None for reason in r.reasons)
    return said or (str(Reason.LOW_SNR),)


def _holdoff_s(f: EchoFindings) -> float:
    """From the first word until the last false speech of the time in which it converges."""
    early = [span.end_s for span in f.voice if span.end_s <= f.settled_s]
    first = next((i for i, active in enumerate(f.far_active) if active), 0)
    return max(0.0, max(early) - first * f.block_s) if early else 0.0


def _safe(f: EchoFindings) -> Verdict:
    if far_end.turns(f):
        return Verdict.FAIL
    if f.voice_margin_db is None:
        return Verdict.NOT_MEASURABLE
    margin = f.voice_margin_db
    bounded = limits.Bounded(margin, margin - _hidden_db(f), margin)
    return limits.grade(TEST_ID, "margin_db", bounded)[0]


def _hidden_db(f: EchoFindings) -> float:
    """By how much the echo's loudest moment may be louder than it was seen over the noise.

    A canceller may lower the noise by 3 dB while it works, and the detector listens to twice the
    band of ``noise_dbfs``: all of that noise may have to be added. Where the moment lies below the
    noise, another of twice the noise's power would not have been seen either.
    """
    if f.voice_margin_db is None or f.noise_dbfs is None or f.analysis_version in COARSE:
        return HIDDEN_DB
    noise = 10 ** ((f.noise_dbfs - TURN_DBFS + f.voice_margin_db) / 10)
    return min(HIDDEN_DB, 10 * math.log10(max(1.0, noise) + noise))


def _rule(steps: Sequence[Step], notes: tuple[str, ...], talk: TestResult | None) -> Ruling:
    safe: list[Step] = []
    for step in steps:
        if step.verdict is not Verdict.PASS:
            break
        safe.append(step)
    reasons: list[str] = list(notes)
    if len(safe) < len(steps):
        # Of a volume that was not measured no false speech is known.
        first = steps[len(safe)]
        unknown = first.verdict is Verdict.NOT_MEASURABLE
        reasons[:0] = first.reasons if unknown else (Reason.FALSE_SPEECH,)
    if not safe:
        return _half_duplex(steps, reasons)
    top = safe[-1]
    verdict = Verdict.PASS if len(safe) == len(steps) else Verdict.MARGINAL
    text = f"barge-in safe up to {far_end.in_words(top.volume)}"
    if top.margin_db is not None:
        text += f", {top.margin_db:.0f} dB to spare"
    holdoff = max(s.holdoff_s for s in safe)
    if holdoff > LIMITS["A4", "convergence_s"].pass_limit:
        verdict = worst((verdict, Verdict.MARGINAL))
        reasons.append(Reason.SLOW_CONVERGENCE)
        text += f"; hold the microphone back for the first {holdoff:.1f} s"
    if len(safe) < len(steps):
        text += f"; half duplex above ({_why(steps[len(safe)])})"
    if talk is not None and talk.verdict is Verdict.FAIL:
        verdict = worst((verdict, Verdict.MARGINAL))
        reasons.append(Reason.NEAR_END_DAMAGED)
        text += "; but a person who speaks meanwhile hardly gets through"
    return Ruling(verdict, unique(reasons), text, _numbers(steps, safe, holdoff))


def _half_duplex(steps: Sequence[Step], reasons: list[str]) -> Ruling:
    first = steps[0]
    proven = first.verdict is Verdict.FAIL
    text = f"half duplex: at {far_end.in_words(first.volume)} {_why(first)}"
    verdict = Verdict.FAIL if proven else Verdict.MARGINAL
    return Ruling(verdict, unique(reasons), text, _numbers(steps, [], 0.0))


def _why(step: Step) -> str:
    if step.verdict is Verdict.NOT_MEASURABLE or step.margin_db is None:
        return "nothing was measured"
    if step.margin_db < 0:
        return f"the echo is {-step.margin_db:.0f} dB too loud"
    if step.verdict is Verdict.FAIL:
        return "the echo is taken for speech"
    return (
        f"only {step.margin_db:.1f} dB are to spare, of which noise may hide {step.hidden_db:.1f}"
    )


def _numbers(
    steps: Sequence[Step], safe: Sequence[Step], holdoff_s: float
) -> tuple[Measurement, ...]:
    numbers = [Measurement("full_duplex", float(bool(safe)), "1")]
    volume = safe[-1].volume if safe else 0.0
    if volume is not None:
        numbers.append(Measurement("max_safe_volume", volume, "1"))
    margin = safe[-1].margin_db if safe else steps[0].margin_db
    if margin is not None:
        numbers.append(Measurement("margin_db", margin, "dB"))
    if safe:
        numbers.append(Measurement("mic_holdoff_s", holdoff_s, "s"))
    for step in steps:
        if step.margin_db is not None:
            label = far_end.volume_label(step.volume)
            numbers.append(Measurement(f"margin_db[volume={label}]", step.margin_db, "dB"))
    return tuple(numbers)


def _notes(records: Sequence[TrialRecord]) -> tuple[str, ...]:
    heard = far_end.with_role(own(records, a1.TEST_ID), far_end.AEC_ON)
    return unique(reason for r in heard for reason in r.reasons)


def _talk(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult | None:
    mine = own(records, a3.TEST_ID)
    return a3.judge(run_uuid, mine) if mine else None


PAGE = Page(
    question="May the app keep the microphone open while the assistant speaks, up to which volume, "
    "or must it be half duplex?",
    hardware="H0",
    stimulus="none of its own: A1's recordings, and A8's and A3's when the run has them",
    measured="loudest safe volume, margin in dB, time to hold the microphone back at the start",
    method="A volume is safe when the voice activity detector finds no speech after convergence "
    "and the loudest moment of the echo stays below what would count as a turn: by 0.5 dB and what "
    "noise may have hidden of that moment, which is little where the echo stands clear of the "
    "noise and at most 1.5 dB. Echo "
    "that noise hides counts as much as echo that is heard: another room is quieter. A loudspeaker "
    "that was not heard even without canceller proves nothing. Safe means safe at every volume "
    "below, too; whatever is uncertain is not safe.",
    drives=("full_duplex.speaker", "max_safe_volume", "vad_threshold_offset_db", "mic_holdoff_ms"),
    sources=(
        "livekit/agents#315", "livekit/agents#3758", "openclaw PR#127305",
        "pipecat-ai/pipecat#4509",
    ),
)  # fmt: skip

TEST = CatalogueTest(
    TEST_ID, "barge-in verdict", trials, judge, PAGE, needs=("A1",), also=("A3", "A8")
)
