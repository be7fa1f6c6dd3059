"""V4: does the input clip when the device is as loud as it gets?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import has_modes, on_web
from profiler.catalogue.sound.voices import (
    UNHEARD,
    VOICE_RATE_HZ,
    WARMUP_S,
    Config,
    call_request,
    spoken_by_itself,
)
from profiler.model import (
    DeviceFacts,
    Measurement,
    NearEndFindings,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
    worst,
)
from profiler.stimulus import speech

TEST_ID = "V4"
SPEECH_S = 6.0
AMPLITUDE = 1.0


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Loud speech at full volume in each mode."""
    if on_web(facts):
        text = "a page cannot turn the system's volume up, so full volume is not known there"
        return Skip(Reason.NOT_ON_THIS_PROBE, text)
    plain = replace(options.plain(facts, WARMUP_S), volume=1.0)
    configs = [Config("media", plain)]
    if has_modes(facts):
        configs.append(Config("communication", call_request(facts, plain)))
    voice = speech(VOICE_RATE_HZ, options.seed, SPEECH_S, amplitude=AMPLITUDE)
    return spoken_by_itself(TEST_ID, configs, voice)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The mode that clips most decides; a mode that does not hear itself proves nothing."""
    records = own(records, TEST_ID)
    found = [(r, r.findings) for r in records if isinstance(r.findings, NearEndFindings)]
    known = [(r, f) for r, f in found if not UNHEARD & set(f.reasons) or _percent(f) > 0]
    if not known:
        return nothing_measured(records, "no loud voice heard").result(run_uuid, TEST_ID, records)
    graded = [limits.grade(TEST_ID, "clipped_percent", limits.exact(_percent(f))) for _, f in known]
    missing = [r for r in records if not any(r is k for k, _ in known)]
    if missing:
        graded.append((Verdict.MARGINAL, ()))
    peak = max(f.quality.peak_dbfs for _, f in known)
    numbers = [
        m
        for r, f in known
        for m in (
            Measurement(f"clipped_percent[mode={r.setup.note}]", _percent(f), "%"),
            Measurement(f"peak_dbfs[mode={r.setup.note}]", f.quality.peak_dbfs, "dBFS"),
        )
    ]
    return Ruling(
        worst(v for v, _ in graded),
        unique([*(w for _, why in graded for w in why), *(x for r in missing for x in r.reasons)]),
        f"{max(_percent(f) for _, f in known):.2f} % of the samples clipped, peak {peak:.1f} dBFS",
        tuple(numbers),
    ).result(run_uuid, TEST_ID, records)


def _percent(findings: NearEndFindings) -> float:
    return 100 * findings.quality.clipped_fraction


PAGE = Page(
    question="Does the microphone clip when the device plays as loud as it can?",
    hardware="H0",
    stimulus="6 s of speech at full scale and full volume, in media and communication mode",
    measured="share of samples in flat tops, peak level",
    method="Flat tops at the recording's own extremes count, wherever they lie. The voice must be "
    "heard: a recording in which an echo canceller left nothing proves no headroom.",
    drives=("input_gain_db", "max_safe_volume"),
    sources=("CTS AudioLoopbackLatencyActivity", "livekit/agents#315"),
)

TEST = CatalogueTest(TEST_ID, "clipping", trials, judge, PAGE)
