"""V6: what noise suppression takes from the voice, and what from the noise."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue import limits
from profiler.catalogue.inputs import inputs_of
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import has_effects
from profiler.catalogue.sound.voices import (
    PARTNER_LEAD_S,
    PARTNER_TAIL_S,
    VOICE_RATE_HZ,
    WARMUP_S,
    Config,
    call_request,
    heard,
    spoken,
)
from profiler.model import (
    DeviceFacts,
    EffectState,
    Measurement,
    NearEndFindings,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
)
from profiler.stimulus import noise, speech

TEST_ID = "V6"
SPEECH_S = 10.0
NOISE_AMPLITUDE = 0.25
"""Of the noise that the device itself plays while the partner speaks."""
OFF, ON = "ns off", "ns on"


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """The same speech with noise suppression off and on."""
    if not has_effects(facts):
        return Skip(Reason.NOT_ON_THIS_PROBE, "a sound interface suppresses no noise")
    if not inputs_of(facts).effects_alone:
        what = (
            "it suppresses noise with its echo canceller, in one unit: A3 says what a voice loses"
        )
        return Skip(Reason.NOT_ON_THIS_PROBE, what)
    plain = options.plain(facts, WARMUP_S)
    configs = [
        Config(label, call_request(facts, plain, ns=state))
        for label, state in ((OFF, EffectState.OFF), (ON, EffectState.ON))
    ]
    seconds = PARTNER_LEAD_S + SPEECH_S + PARTNER_TAIL_S
    hiss = noise(options.seed, plain.rate_hz, seconds, colour="pink", amplitude=NOISE_AMPLITUDE)
    voice = speech(VOICE_RATE_HZ, options.seed, SPEECH_S)
    return spoken(TEST_ID, configs, voice, options, noise=hiss)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """What the voice lost decides; what the noise lost is a number."""
    records = own(records, TEST_ID)
    found = heard(records)
    if OFF not in found or ON not in found:
        return nothing_measured(records, "no voice to compare").result(run_uuid, TEST_ID, records)
    off, on = found[OFF][1], found[ON][1]
    lost = (off.speech_gain_db or 0.0) - (on.speech_gain_db or 0.0)
    sigma = ((off.speech_gain_sigma_db or 0.0) ** 2 + (on.speech_gain_sigma_db or 0.0) ** 2) ** 0.5
    verdict, why = limits.grade(TEST_ID, "attenuation_db", limits.normal(lost, sigma))
    quiet = _noise_fall(off, on)
    text = f"noise suppression takes {lost:.1f} dB from the voice"
    if quiet is not None:
        text += f" and {quiet:.1f} dB from the noise"
    unsure = _canceller(found[OFF][0], found[ON][0])
    if unsure:
        # It plays to itself: what a canceller took of the voice is not the suppressor's doing,
        # and what is equal in both recordings may be what the canceller left.
        verdict, why = Verdict.MARGINAL, (*why, Reason.BASELINE_NOT_OFF)
        text += f"; {unsure}, and the voice is the device's own"
    if _claims_off(found[ON][0]):
        verdict, why = Verdict.MARGINAL, (*why, Reason.GRANTED_DIFFERS)
        text += "; the device says it does not suppress noise"
    numbers = [Measurement("attenuation_db", lost, "dB", sigma)]
    if quiet is not None:
        numbers.append(Measurement("noise_attenuation_db", quiet, "dB"))
    numbers += [m for label, f in ((OFF, off), (ON, on)) for m in _numbers(label, f)]
    return Ruling(
        verdict,
        unique([*why, *(x for r in records for x in r.reasons)]),
        text,
        tuple(numbers),
    ).result(run_uuid, TEST_ID, records)


def _noise_fall(off: NearEndFindings, on: NearEndFindings) -> float | None:
    if off.noise_dbfs is None or on.noise_dbfs is None:
        return None
    return off.noise_dbfs - on.noise_dbfs


def _canceller(*records: TrialRecord) -> str:
    """What is wrong with the canceller's state; empty when it cannot have touched the voice.

    A partner's voice is no echo. The device's own is one, so the canceller must be off for sure.
    """
    if all(r.setup.partner is not None for r in records):
        return ""
    effects = [r.report.effects.get("aec") if r.report else None for r in records]
    states = [effect.state if effect else EffectState.UNKNOWN for effect in effects]
    if EffectState.ON in states:
        return "the echo canceller stays on"
    known_off = all(state is EffectState.OFF for state in states)
    return "" if known_off else "it is not known whether the echo canceller is off"


def _claims_off(record: TrialRecord) -> bool:
    effect = record.report.effects.get("ns") if record.report else None
    return effect is not None and effect.state is EffectState.OFF


def _numbers(label: str, findings: NearEndFindings) -> list[Measurement]:
    named = (
        ("speech_dbfs", findings.speech_dbfs, "dBFS"),
        ("noise_dbfs", findings.noise_dbfs, "dBFS"),
        ("onset_lost_ms", findings.onset_lost_ms, "ms"),
        ("lost_fraction", findings.lost_fraction, "1"),
    )
    where = f"[ns={label.removeprefix('ns ')}]"
    return [Measurement(f"{n}{where}", v, unit) for n, v, unit in named if v is not None]


PAGE = Page(
    question="What does the device's noise suppression do to a voice?",
    hardware="H1",
    stimulus="10 s of speech from the partner while the device's own loudspeaker plays pink noise; "
    "without a partner speech from the own loudspeaker in the noise of the room; suppression off "
    "and on",
    measured="what the voice and the noise lose, onsets clipped, share of the voice lost",
    method="The voice is the part of the recording that is coherent with the known speech, the "
    "noise is what is there in its pauses. An echo canceller is asked to be off; one that stays on "
    "takes the noise the device plays for an echo and makes suppression look strong. Without a "
    "partner the voice itself is an echo: unless the device says that the canceller is off, the "
    "verdict is marginal at most. An iPhone suppresses noise in one unit with its canceller, so "
    "it has no suppression to compare.",
    drives=("ns",),
    sources=("linphone-sdk#549", "flutter-webrtc PR#1808"),
)

TEST = CatalogueTest(TEST_ID, "noise suppression", trials, judge, PAGE, partner=True)
