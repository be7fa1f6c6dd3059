"""V1: how loud a voice arrives, per mode and preset."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.inputs import inputs_of
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import has_effects, has_modes, with_effects
from profiler.catalogue.sound.voices import (
    VOICE_RATE_HZ,
    WARMUP_S,
    Config,
    call_request,
    heard,
    spoken_by_partner,
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
    worst,
)
from profiler.stimulus import speech

TEST_ID = "V1"
SPEECH_S = 8.0
PROCESSED, PROCESSED_PLAIN = "communication, effects", "effects"
"""Gain control is meant to change the level: these are numbers and no part of the verdict."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """The partner speaks once per configuration."""
    if options.partner is None:
        return Skip(Reason.NEEDS_PARTNER, "needs another device in the zone that speaks")
    plain = options.plain(facts, WARMUP_S)
    configs = [Config("media", plain)]
    calls = call_request(facts, plain)
    if has_modes(facts):
        presets = inputs_of(facts).voice_presets
        configs += [Config(p, replace(plain, input_preset=p)) for p in presets]
        configs.append(Config("communication", calls))
    if has_effects(facts):
        label = PROCESSED if has_modes(facts) else PROCESSED_PLAIN
        configs.append(Config(label, with_effects(calls, EffectState.ON)))
    return spoken_by_partner(TEST_ID, configs, speech(VOICE_RATE_HZ, options.seed, SPEECH_S))


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Each configuration against the median of those without effects; the furthest off decides."""
    records = own(records, TEST_ID)
    found = heard(records)
    if not found:
        return nothing_measured(records, "no voice heard").result(run_uuid, TEST_ID, records)
    gains = {label: f.speech_gain_db or 0.0 for label, (_, f) in found.items()}
    processed = (PROCESSED, PROCESSED_PLAIN)
    plain = {label: g for label, g in gains.items() if label not in processed} or gains
    middle = statistics.median(plain.values())
    graded = [
        limits.grade(
            TEST_ID,
            "off_median_db",
            limits.normal_magnitude(gain - middle, found[label][1].speech_gain_sigma_db or 0.0),
        )
        for label, gain in plain.items()
    ]
    missing = [r for r in records if r.setup.note not in found]
    if missing:
        graded.append((Verdict.MARGINAL, ()))
    far = max(plain, key=lambda label: abs(plain[label] - middle))
    text = f"{len(plain)} configurations within {max(plain.values()) - min(plain.values()):.1f} dB"
    return Ruling(
        worst(v for v, _ in graded),
        unique([*(w for _, why in graded for w in why), *(x for r in missing for x in r.reasons)]),
        f"{text}, furthest off: {far} ({plain[far] - middle:+.1f} dB)",
        tuple(m for label, (_, f) in found.items() for m in _numbers(label, f, middle)),
    ).result(run_uuid, TEST_ID, records)


def _numbers(label: str, findings: NearEndFindings, middle: float) -> list[Measurement]:
    where = f"[config={label}]"
    out = []
    if findings.speech_gain_db is not None:
        relative, sigma = findings.speech_gain_db - middle, findings.speech_gain_sigma_db
        out.append(Measurement(f"relative_db{where}", relative, "dB", sigma))
    if findings.speech_dbfs is not None:
        out.append(Measurement(f"speech_dbfs{where}", findings.speech_dbfs, "dBFS"))
        if findings.noise_dbfs is not None:
            snr_db = findings.speech_dbfs - findings.noise_dbfs
            out.append(Measurement(f"snr_db{where}", snr_db, "dB"))
    return out


PAGE = Page(
    question="Is a voice equally loud in every mode and preset an app may choose?",
    hardware="H1",
    stimulus="8 s of speech from the partner's loudspeaker, per configuration",
    measured="level of the voice against the median of the configurations, its level against full "
    "scale, its distance from the noise",
    method="The known speech is found in the recording and its coherent part measured, so that "
    "noise does not count. Levels are relative: dB against full scale depend on how loud the "
    "partner is and how far away. Only a reference of known sound pressure makes them absolute. "
    "With the effects on, gain control changes the level: that one is a number only. "
    "On an iPhone the modes of the AVAudioSession are compared: *default*, *measurement*, "
    "*videoChat*, and *voiceChat* without and with voice-processing I/O.",
    drives=("input_gain_db", "agc", "usage", "input_preset"),
    sources=("react-native-webrtc#1772", "linphone-sdk#549", "talk-android#1437"),
)

TEST = CatalogueTest(TEST_ID, "voice level per mode and preset", trials, judge, PAGE, partner=True)
