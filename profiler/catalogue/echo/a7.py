"""A7: does the echo depend on what the process did before?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.echo import far_end
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import has_modes
from profiler.catalogue.table import ORDER_NOISE_DB
from profiler.model import (
    DeviceFacts,
    EchoFindings,
    EffectState,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
    worst,
)

TEST_ID = "A7"
SPEECH_S, BETWEEN_S = 11.0, 3.0
"""Three measured recordings and what lies between them: 55 s of open streams."""
FRESH, AFTER_MEDIA, AFTER_TOGGLE = "fresh process", "after a media run", "after a mode toggle"
BETWEEN = "between"
FLOOR_DB = -200.0


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """A fresh process; then, in the same one, after a media run and, where there are modes, after a
    mode toggle."""
    refused = far_end.unfit(facts)
    if refused:
        return refused
    if "fresh_process" not in options.abilities:
        return Skip(Reason.NOT_ON_THIS_PROBE, "this probe's process cannot be started anew")
    on = far_end.voice_request(facts, options)
    on = replace(on, volume=far_end.volumes(facts, options)[-1])
    off = replace(on, aec=EffectState.OFF)
    media = replace(off, audio_mode="media", input_preset="default")
    steps = [
        (on, FRESH, SPEECH_S),
        (media, BETWEEN, BETWEEN_S),
        (on, AFTER_MEDIA, SPEECH_S),
        (off, BETWEEN, BETWEEN_S),
        (media, BETWEEN, BETWEEN_S),
        (on, AFTER_TOGGLE, SPEECH_S),
    ]
    if not has_modes(facts):
        steps = steps[:3]
    return tuple(
        far_end.echo_trial(
            TEST_ID, i, request, seed=options.seed, speech_s=speech_s,
            note=far_end.noted(role, request), fresh_process=i == 0,
        )
        for i, (request, role, speech_s) in enumerate(steps)
    )  # fmt: skip


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The echo that is left against that of the fresh process; the larger change decides."""
    records = own(records, TEST_ID)
    return _rule(records).result(run_uuid, TEST_ID, records)


def _rule(records: Sequence[TrialRecord]) -> Ruling:
    told = [r for r in records if far_end.role(r) != BETWEEN]
    heard = {far_end.role(r): f for r in told if (f := far_end.echo_of(r)) is not None}
    fresh = heard.get(FRESH)
    if fresh is None or len(heard) < 2:
        return nothing_measured(told, "nothing to compare")
    verdicts: list[Verdict] = []
    reasons: list[Reason] = []
    texts, numbers = [], []
    # A browser has no modes to toggle.
    toggled = any(r.request.audio_mode != "media" for r in told)
    for role in (AFTER_MEDIA, AFTER_TOGGLE) if toggled else (AFTER_MEDIA,):
        later = heard.get(role)
        if later is None:
            verdicts.append(Verdict.NOT_MEASURABLE)
            texts.append(f"{role}: not measured")
            continue
        change = _change(fresh, later)
        verdict, why = limits.grade(TEST_ID, "order_db", _size(change))
        verdicts.append(verdict)
        reasons += why
        texts.append(f"{role} {_in_words(fresh, later, change)}")
        name = role.removeprefix("after a ").replace(" ", "_")
        numbers.append(Measurement(f"order_db[after={name}]", change.value, "dB"))
    notes = [reason for r in told for reason in r.reasons]
    return Ruling(worst(verdicts), unique((*reasons, *notes)), "; ".join(texts), tuple(numbers))


def _change(fresh: EchoFindings, later: EchoFindings) -> limits.Bounded:
    """Level of the echo left, later minus fresh; echoes below the noise are alike."""
    if fresh.echo_level_dbfs is None and later.echo_level_dbfs is None:
        return limits.Bounded(0.0, -ORDER_NOISE_DB, ORDER_NOISE_DB)
    value = _level(later) - _level(fresh)
    low = _low(later) - _high(fresh)
    high = _high(later) - _low(fresh)
    return limits.Bounded(value, min(low, value), max(high, value))


def _level(f: EchoFindings) -> float:
    return _high(f) if f.echo_level_dbfs is None else f.echo_level_dbfs


def _high(f: EchoFindings) -> float:
    return FLOOR_DB if f.echo_level_bound_dbfs is None else f.echo_level_bound_dbfs


def _low(f: EchoFindings) -> float:
    """What is below the noise is compared as if it were just hidden in it."""
    return _high(f) if f.echo_level_low_dbfs is None else f.echo_level_low_dbfs


def _size(change: limits.Bounded) -> limits.Bounded:
    low = 0.0 if change.low <= 0 <= change.high else min(abs(change.low), abs(change.high))
    return limits.Bounded(abs(change.value), low, max(abs(change.low), abs(change.high)))


def _in_words(fresh: EchoFindings, later: EchoFindings, change: limits.Bounded) -> str:
    if fresh.echo_level_dbfs is None and later.echo_level_dbfs is None:
        return "the echo stays below the noise"
    return f"the echo changes by {change.value:+.1f} dB"


PAGE = Page(
    question="Does the canceller still work after the app played music, or changed the mode?",
    hardware="H0",
    stimulus="11 s of sentences at the loudest volume in a fresh process, again after a run in "
    "media mode, again after the mode went to and fro; canceller on",
    measured="change of the echo that is left",
    method="The probe's process is started anew once, before the first recording; all others run "
    "in the same process. The far end is the same, so the level of the echo left says it all. "
    "Echoes that lie below the noise count as equal. A browser has no modes: there the run between "
    "is one without canceller.",
    drives=("restart_between_modes",),
    sources=("livekit/client-sdk-flutter#678 (OnePlus 11, Redmi Note 13)",),
)

TEST = CatalogueTest(TEST_ID, "order effect", trials, judge, PAGE)
