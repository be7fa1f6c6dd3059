"""What the V tests share: who speaks, and what became of the voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiler.catalogue.kinds import PlannedTrial, TrialOptions
from profiler.catalogue.paths import has_modes
from profiler.model import (
    DeviceFacts,
    EffectState,
    NearEndFindings,
    PartnerPart,
    Reason,
    Stimulus,
    TrialRecord,
    TrialRequest,
    TrialSetup,
)

WARMUP_S = 1.0
TAIL_S = 1.2
PARTNER_LEAD_S = 1.5
"""The partner waits so long before it speaks: the two streams do not open at the same moment."""
PARTNER_TAIL_S = 3.0
PARTNER_RATE_HZ = 48_000
VOICE_RATE_HZ = 48_000
UNHEARD = {str(r) for r in (Reason.NO_STIMULUS, Reason.PARTNER_UNHEARD, Reason.LOW_SNR)}


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration of a V test and the word by which its measurements are named."""

    label: str
    request: TrialRequest


def call_request(facts: DeviceFacts, plain: TrialRequest, **changes: object) -> TrialRequest:
    """The path of a call where there are modes, with every effect off unless asked for."""
    if has_modes(facts):
        plain = replace(plain, audio_mode="communication", input_preset="voice_communication")
    return replace(plain, **changes)  # type: ignore[arg-type]


def spoken_by_itself(
    test_id: str, configs: Sequence[Config], voice: Stimulus, *, first: int = 0
) -> tuple[PlannedTrial, ...]:
    """The device's own loudspeaker speaks, once per configuration."""
    return tuple(
        PlannedTrial(
            test_id,
            first + i,
            replace(c.request, duration_s=round(voice.duration_s + TAIL_S, 3)),
            voice,
            TrialSetup(analysis="near_end", note=c.label),
        )
        for i, c in enumerate(configs)
    )


def spoken_by_partner(
    test_id: str,
    configs: Sequence[Config],
    voice: Stimulus,
    *,
    noise: Stimulus | None = None,
) -> tuple[PlannedTrial, ...]:
    """The partner speaks; the device listens, or plays ``noise`` meanwhile."""
    seconds = round(PARTNER_LEAD_S + voice.duration_s + PARTNER_TAIL_S, 3)
    partner = PartnerPart(
        TrialRequest(rate_hz=PARTNER_RATE_HZ, warmup_s=WARMUP_S, duration_s=seconds),
        voice,
        (PARTNER_LEAD_S,),
    )
    setup = TrialSetup(analysis="near_end", partner=partner, at_s=() if noise is None else (0.0,))
    return tuple(
        PlannedTrial(
            test_id,
            i,
            replace(c.request, duration_s=seconds),
            noise,
            replace(setup, note=c.label),
        )
        for i, c in enumerate(configs)
    )


def spoken(
    test_id: str,
    configs: Sequence[Config],
    voice: Stimulus,
    options: TrialOptions,
    *,
    noise: Stimulus | None = None,
) -> tuple[PlannedTrial, ...]:
    """By the partner when there is one, else by the device itself (in a quiet room)."""
    if options.partner is None:
        return spoken_by_itself(test_id, configs, voice)
    return spoken_by_partner(test_id, configs, voice, noise=noise)


def heard(records: Sequence[TrialRecord]) -> dict[str, tuple[TrialRecord, NearEndFindings]]:
    """The recordings in which the voice was found, by the label of their configuration."""
    return {
        r.setup.note: (r, r.findings)
        for r in records
        if isinstance(r.findings, NearEndFindings) and r.findings.speech_gain_db is not None
    }


def effects_claimed(record: TrialRecord) -> tuple[str, ...]:
    """Effects that the device says run although they were not asked for."""
    if record.report is None:
        return ()
    asked = {"aec": record.request.aec, "ns": record.request.ns, "agc": record.request.agc}
    return tuple(
        name
        for name, effect in record.report.effects.items()
        if effect.state is EffectState.ON and asked.get(name) is not EffectState.ON
    )
