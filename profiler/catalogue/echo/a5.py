"""A5: how long the canceller needs when the echo path changes under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.echo import far_end
from profiler.catalogue.echo.a4 import bounds
from profiler.catalogue.echo.erle import convergence, erle
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.table import CONVERGENCE_ERROR_S, LIMITS
from profiler.model import (
    DeviceFacts,
    EffectState,
    Measurement,
    Reason,
    TestResult,
    TimedAction,
    TrialRecord,
    Verdict,
)

TEST_ID = "A5"
SPEECH_S = 27.0
CHANGE_S = 15.0
ACTIONS = ("flip", "cover")
"""What changes the echo path, the better one first."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Canceller off, then on with the change at 15 s."""
    refused = far_end.unfit(facts)
    if refused:
        return refused
    action = next((a for a in ACTIONS if f"action:{a}" in options.abilities), None)
    if action is None:
        return Skip(
            Reason.NEEDS_OPERATOR,
            "somebody, or a turntable, must flip the phone or cover its microphone at 15 s",
        )
    on = far_end.voice_request(facts, options)
    on = replace(on, volume=far_end.volumes(facts, options)[-1])
    off = replace(on, aec=EffectState.OFF)
    return (
        far_end.echo_trial(
            TEST_ID, 0, off, seed=options.seed, speech_s=SPEECH_S,
            note=far_end.noted(far_end.AEC_OFF, off),
        ),
        far_end.echo_trial(
            TEST_ID, 1, on, seed=options.seed, speech_s=SPEECH_S,
            note=far_end.noted(far_end.AEC_ON, on), actions=(TimedAction(CHANGE_S, action),),
        ),
    )  # fmt: skip


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Time from the change until the attenuation is back where it ends."""
    records = own(records, TEST_ID)
    return _rule(records).result(run_uuid, TEST_ID, records)


def _rule(records: Sequence[TrialRecord]) -> Ruling:
    on = next(iter(far_end.with_role(records, far_end.AEC_ON)), None)
    off = next(iter(far_end.with_role(records, far_end.AEC_OFF)), None)
    heard = None if on is None else far_end.echo_of(on)
    reference = None if off is None else far_end.echo_of(off)
    if on is None or heard is None or reference is None:
        return nothing_measured(records, "no echo measured")
    removed = erle(reference, heard)
    weakest_db = LIMITS["A2", "erle_db"].fail_limit
    if removed is None or (removed.high_db is not None and removed.high_db < weakest_db):
        reason = Reason.LOW_SNR if removed is None else Reason.ECHO_LEFT
        return Ruling(Verdict.NOT_MEASURABLE, unique((reason,)), "no canceller that converges")
    found = convergence(reference, heard, CHANGE_S)
    if found is None:
        return nothing_measured(records, "too little speech after the change")
    verdict, why = limits.grade(TEST_ID, "reconvergence_s", bounds(found))
    notes = [*why, *((Reason.BELOW_NOISE,) if found.bounded else ())]
    action = on.setup.actions[0].action if on.setup.actions else "change"
    return Ruling(
        verdict,
        unique((*notes, *(x for r in records for x in r.reasons))),
        f"after the {action} at {CHANGE_S:.0f} s the canceller is back after {found.seconds:.1f} s",
        (Measurement("reconvergence_s", found.seconds, "s", CONVERGENCE_ERROR_S / limits.Z95),),
    )


PAGE = Page(
    question="What happens to the echo when somebody picks the phone up or covers it?",
    hardware="H0",
    stimulus="27 s of sentences at the loudest volume, canceller off, then on; at 15 s the phone "
    "is flipped or its microphone covered",
    measured="time from the change until the attenuation stays within 6 dB of its final value",
    method="As A4, counted from the change, which a turntable or the driver makes. The echo "
    "without canceller is that of the unchanged "
    "path: a level that the change itself makes different by less than 6 dB does not matter.",
    drives=("aec_variant",),
    sources=("CATALOGUE A5", "RECOMMEND 4.1 (AEC3 needs about 3 s after a jump of 150 ms)"),
)

TEST = CatalogueTest(TEST_ID, "echo-path change", trials, judge, PAGE)
