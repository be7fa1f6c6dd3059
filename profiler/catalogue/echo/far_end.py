"""What the echo tests play, through which configuration, and how their records are found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue.kinds import PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import call_path, has_effects, on_web
from profiler.model import (
    DeviceFacts,
    EchoFindings,
    EffectState,
    Reason,
    TimedAction,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
    worst,
)
from profiler.stimulus import speech

VOLUMES = (0.5, 0.75, 1.0)
"""CATALOGUE A1 and A8; the loudest tells (an HTC One X passed at low volume and echoed)."""
WARMUP_S = 0.6
TAIL_S = 0.8
"""Room for the echo's delay and the room's tail."""
GAP_S = (0.5, 0.9)
"""Pauses long enough to hear the noise after the room's tail."""
AEC_ON, AEC_OFF, BASELINE = "aec on", "aec off", "baseline"


def unfit(facts: DeviceFacts) -> Skip | None:
    """Why a device has no echo canceller to test."""
    if not has_effects(facts):
        return Skip(Reason.NOT_ON_THIS_PROBE, "a sound interface has no echo canceller")
    return None


def voice_request(facts: DeviceFacts, options: TrialOptions) -> TrialRequest:
    """The path of a call with the canceller on and nothing else; a preset of the plan stays."""
    return replace(
        call_path(facts, options.plain(facts, WARMUP_S)),
        aec=EffectState.ON,
        ns=EffectState.OFF,
        agc=EffectState.OFF,
    )


def volumes(facts: DeviceFacts, options: TrialOptions) -> tuple[float | None, ...]:
    """The plan's volumes, else three; one in a short run.

    A page sets no volume but a gain of its own: without a plan's word a browser is measured at the
    volume as found.
    """
    if on_web(facts) and not options.volumes:
        return (None,)
    found = tuple(sorted(options.volumes)) or VOLUMES
    return found[-1:] if options.short else found


def echo_trial(
    test_id: str,
    index: int,
    request: TrialRequest,
    *,
    seed: int,
    speech_s: float,
    note: str,
    fresh_process: bool = False,
    actions: tuple[TimedAction, ...] = (),
) -> PlannedTrial:
    """A trial that plays ``speech_s`` of sentences and is read for their echo."""
    spec = speech(request.rate_hz, seed, speech_s, gap_s=GAP_S)
    request = replace(request, duration_s=round(speech_s + TAIL_S, 3))
    setup = TrialSetup(analysis="echo", fresh_process=fresh_process, actions=actions, note=note)
    return PlannedTrial(test_id, index, request, spec, setup)


def noted(role: str, request: TrialRequest) -> str:
    """The note of a trial: its role and its volume."""
    return f"{role}, volume {request.volume:g}" if request.volume is not None else role


def role(record: TrialRecord) -> str:
    """The role that :func:`noted` wrote."""
    return record.setup.note.split(", volume ")[0]


def with_role(records: Sequence[TrialRecord], wanted: str) -> list[TrialRecord]:
    """Records of one role."""
    return [r for r in records if role(r) == wanted]


def echo_of(record: TrialRecord) -> EchoFindings | None:
    """What was measured in a record; ``None`` when that is nothing."""
    f = record.findings
    if isinstance(f, EchoFindings) and f.verdict in (Verdict.PASS, Verdict.MARGINAL):
        return f
    return None


def volume_label(volume: float | None) -> str:
    """For names of measurements."""
    return "as_found" if volume is None else f"{volume:g}"


def in_words(volume: float | None) -> str:
    """For a line of text."""
    return "the volume as found" if volume is None else f"{100 * volume:.0f} % volume"


def volumes_in_words(volumes: Sequence[float | None]) -> str:
    """``50 and 75 % volume``."""
    if None in volumes:
        return in_words(None)
    numbers = [f"{100 * v:.0f}" for v in volumes if v is not None]
    return f"{' and '.join(filter(None, (', '.join(numbers[:-1]), numbers[-1])))} % volume"


def decides(parts: Sequence[tuple[float | None, Verdict]]) -> str:
    """Which volumes the worst verdict is of, to end a text; empty when all of them say the same.

    A number of one volume beside the verdict of another would read as if it gave it.
    """
    last = worst(verdict for _, verdict in parts)
    deciding = [volume for volume, verdict in parts if verdict is last]
    if len(deciding) == len(parts):
        return ""
    verb = "decides" if len(deciding) == 1 else "decide"
    return f"; {volumes_in_words(deciding)} {verb}: {last.value.replace('_', ' ')}"


def reported_aec(record: TrialRecord) -> EffectState:
    """What the system said of the canceller."""
    said = record.report.effects.get("aec") if record.report else None
    return said.state if said else EffectState.UNKNOWN


def turns(findings: EchoFindings) -> int:
    """Decisions of the voice detector after settling."""
    return sum(span.end_s > findings.settled_s for span in findings.voice)
