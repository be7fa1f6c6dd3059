"""A8: an assistant that talks for half a minute must not hear itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.echo import far_end
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.model import (
    DeviceFacts,
    EffectState,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
    Verdict,
    worst,
)

TEST_ID = "A8"
SPEECH_S, SHORT_SPEECH_S = 30.0, 10.0
REPLAY = "self-talk"
SEED_STEP = 7919
"""Other sentences, in another order, than A1's."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """The configuration that the plan's app uses, at each volume."""
    refused = far_end.unfit(facts)
    if refused:
        return refused
    request = app_request(facts, options)
    speech_s = SHORT_SPEECH_S if options.short else SPEECH_S
    return tuple(
        far_end.echo_trial(
            TEST_ID, i, one, seed=options.seed + SEED_STEP, speech_s=speech_s,
            note=far_end.noted(REPLAY, one),
        )
        for i, volume in enumerate(far_end.volumes(facts, options))
        for one in (replace(request, volume=volume),)
    )  # fmt: skip


def app_request(facts: DeviceFacts, options: TrialOptions) -> TrialRequest:
    """The plan's own path when it is a call's; else what a voice app asks for: all effects on."""
    if options.base.audio_mode == "communication":
        return options.plain(facts, far_end.WARMUP_S)
    on = EffectState.ON
    return replace(far_end.voice_request(facts, options), aec=on, ns=on, agc=on)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """False turns over the whole of each recording; the worst volume decides."""
    records = own(records, TEST_ID)
    heard = [(r, f) for r in records if (f := far_end.echo_of(r)) is not None]
    if not heard:
        return nothing_measured(records, "nothing measured").result(run_uuid, TEST_ID, records)
    verdicts: list[Verdict] = [Verdict.NOT_MEASURABLE] * (len(records) > len(heard))
    reasons: list[Reason] = []
    texts, numbers = [], []
    for record, f in heard:
        count = len(f.voice)
        verdict, why = limits.grade(TEST_ID, "false_turns", limits.exact(count))
        verdicts.append(verdict)
        reasons += why
        label = f"[volume={far_end.volume_label(record.request.volume)}]"
        numbers.append(Measurement(f"false_turns{label}", count, "1"))
        if f.voice_margin_db is not None:
            numbers.append(Measurement(f"voice_margin_db{label}", f.voice_margin_db, "dB"))
        texts.append(f"{count} false turns at {far_end.in_words(record.request.volume)}")
    notes = [reason for r in records for reason in r.reasons]
    return Ruling(
        worst(verdicts), unique((*reasons, *notes)), ", ".join(texts), tuple(numbers)
    ).result(run_uuid, TEST_ID, records)


PAGE = Page(
    question="Does a voice assistant on this phone interrupt itself?",
    hardware="H0",
    stimulus="30 s of an assistant's sentences at 50, 75 and 100 % volume, through the plan's own "
    "capture configuration, or the communication mode with all effects on",
    measured="turns that a voice activity detector takes on the recording, margin to the first one",
    method="Nobody speaks in the room, so every turn is a false one. The detector is WebRTC's "
    "spectral one with a gate at -60 dBFS: at least 100 ms, 300 ms hang-over; it hears the start, "
    "too, before the canceller has converged.",
    drives=("vad_threshold_offset_db",),
    sources=("livekit/agents#315", "pipecat-ai/pipecat#4509", "elevenlabs/packages#267"),
)

TEST = CatalogueTest(TEST_ID, "self-talk replay", trials, judge, PAGE)
