"""One door to every analysis: a take of a trial in, a reading out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiler.analysis.acted import measure_actions
from profiler.analysis.echo import measure_echo
from profiler.analysis.exchange import measure_burst, measure_exchange
from profiler.analysis.glitches import find_glitches
from profiler.analysis.measure import MIN_CHIRPS
from profiler.analysis.pipeline import analyze, refused_estimate
from profiler.analysis.sound import measure_near_end, measure_pitch, measure_sound
from profiler.errors import InputError
from profiler.model import (
    EffectState,
    Estimate,
    Findings,
    Reason,
    Stimulus,
    StimulusSpec,
    ToneSpec,
    TrialRecord,
    TrialSetup,
    Verdict,
)
from profiler.stimulus import MAX_TRAIN_S, ExchangeSchedule, check_schedule, render
from profiler.wav import Audio, mono_audio

ECHO_RATE_HZ = 16_000
"""Rate at which the far end is rendered for comparison: more than its analysis uses."""
NEAR_END_RATE_HZ = 48_000
"""Rate at which a known voice is rendered for comparison."""


@dataclass(frozen=True, slots=True)
class Take:
    """What an analysis gets to see of a trial."""

    audio: Audio
    """Frame 0 is frame 0 of the timeline."""
    stimulus: Stimulus | None
    setup: TrialSetup
    partner_audio: Audio | None = None
    """The partner's recording of an exchange, on the partner's own timeline."""
    canceller_on: bool = False
    """The device says that its echo canceller was on."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an analysis says: of the latency, of something else, or of both."""

    verdict: Verdict
    reasons: tuple[str, ...]
    estimate: Estimate | None = None
    findings: Findings | None = None


def take_of(record: TrialRecord, audio: Audio, partner_audio: Audio | None = None) -> Take:
    """The take of a stored trial."""
    report = record.report
    aec = report.effects.get("aec") if report is not None else None
    canceller_on = aec is not None and aec.state is EffectState.ON
    return Take(audio, record.stimulus, record.setup, partner_audio, canceller_on)


def read_take(take: Take) -> Reading:
    """Analyse a take as its setup says.

    A poor signal is a verdict. Raises :class:`~profiler.errors.InputError` for a setup that names
    no analysis, or one that its stimulus does not fit.
    """
    read = ANALYSES.get(take.setup.analysis)
    if read is None:
        raise InputError(
            f"no analysis {take.setup.analysis!r}", hint=f"this version has {', '.join(ANALYSES)}"
        )
    return read(take)


def _burst(take: Take) -> Reading:
    if not isinstance(take.stimulus, StimulusSpec):
        raise InputError("the burst analysis needs short sweeps", hint="look at the trial")
    estimate = measure_burst(take.audio, take.stimulus)
    return Reading(estimate.verdict, estimate.reasons, estimate=estimate)


def _exchange(take: Take) -> Reading:
    """The latency, when there is one, is in the findings: it has no one-device estimate."""
    schedule = schedule_of(take)
    if take.partner_audio is None:
        raise InputError("an exchange needs the partner's recording", hint="look at the trial")
    findings = measure_exchange(take.audio, take.partner_audio, schedule, take.setup.geometry)
    return Reading(findings.verdict, findings.reasons, findings=findings)


def schedule_of(take: Take) -> ExchangeSchedule:
    """Who played what and when. Raises :class:`~profiler.errors.InputError` without two trains."""
    partner, train = take.setup.partner, take.stimulus
    if not isinstance(train, StimulusSpec) or partner is None:
        raise InputError("an exchange needs two chirp trains", hint="look at the trial")
    if not isinstance(partner.stimulus, StimulusSpec):
        raise InputError("the partner's part must be a chirp train", hint="look at the trial")
    return check_schedule(
        ExchangeSchedule(
            train_a=train,
            at_a_s=take.setup.at_s,
            train_b=partner.stimulus,
            at_b_s=partner.at_s,
            duration_s=max(take.audio.duration_s, MAX_TRAIN_S),
        )
    )


def _latency(take: Take) -> Reading:
    if not isinstance(take.stimulus, StimulusSpec):
        raise InputError("the latency analysis needs a chirp train", hint="look at the trial")
    estimate = _believed(analyze(take.audio, take.stimulus), take)
    return Reading(estimate.verdict, estimate.reasons, estimate=estimate)


def _believed(estimate: Estimate, take: Take) -> Estimate:
    """The latency of a device's own sound, unless its echo canceller was on.

    What a canceller leaves of a sweep is what its filter misses. That is a sweep too, often clean
    and steady, and its arrival is not that of the sound: in Chromium wrong by up to 10 ms, with no
    sign of it in the recording (docs/web.md). Bursts and exchanges are the ways to measure then.
    """
    if not (take.canceller_on and estimate.valid):
        return estimate
    candidate_ms = estimate.round_trip_latency_ms
    return refused_estimate(
        estimate.quality,
        [Reason.AEC_SUPPRESSED, *(Reason(r) for r in estimate.reasons)],
        None if candidate_ms is None else candidate_ms / 1000,
    )


def played(stimulus: Stimulus, at_s: tuple[float, ...], rate_hz: int) -> npt.NDArray[np.float32]:
    """All that was played from frame 0 on, shape (frames,): ``stimulus`` at each of ``at_s``."""
    once = render(stimulus, rate_hz)
    starts = [round(at * rate_hz) for at in at_s]
    whole = np.zeros(max(starts, default=0) + once.size, np.float32)
    for first in starts:
        whole[first : first + once.size] += once
    return whole


def _sound(take: Take) -> Reading:
    """A train of four sweeps or more gives the latency, too."""
    spec = take.stimulus
    if not isinstance(spec, StimulusSpec):
        raise InputError("the sound analysis needs a sweep", hint="look at the trial")
    long_enough = len(spec.starts_s) >= MIN_CHIRPS
    estimate = _believed(analyze(take.audio, spec), take) if long_enough else None
    findings = measure_sound(take.audio, spec)
    return Reading(findings.verdict, findings.reasons, estimate=estimate, findings=findings)


def _pitch(take: Take) -> Reading:
    if not isinstance(take.stimulus, StimulusSpec):
        raise InputError("the pitch analysis needs a chirp train", hint="look at the trial")
    estimate, findings = measure_pitch(take.audio, take.stimulus)
    estimate = _believed(estimate, take)
    return Reading(findings.verdict, findings.reasons, estimate=estimate, findings=findings)


def _near_end(take: Take) -> Reading:
    """The voice is the partner's when there is one, else the device's own."""
    partner = take.setup.partner
    stimulus = partner.stimulus if partner else take.stimulus
    if stimulus is None:
        raise InputError("the near-end analysis needs a known voice", hint="look at the trial")
    at_s = partner.at_s if partner else take.setup.at_s
    known = played(stimulus, at_s, NEAR_END_RATE_HZ)
    findings = measure_near_end(
        take.audio, known, NEAR_END_RATE_HZ, from_partner=partner is not None
    )
    return Reading(findings.verdict, findings.reasons, findings=findings)


def _echo(take: Take) -> Reading:
    if take.stimulus is None:
        raise InputError("the echo analysis needs a far end", hint="look at the trial")
    far = mono_audio(render(take.stimulus, ECHO_RATE_HZ), ECHO_RATE_HZ)
    findings = measure_echo(take.audio, far, at_s=take.setup.at_s)
    return Reading(findings.verdict, findings.reasons, findings=findings)


def _actions(take: Take) -> Reading:
    if not isinstance(take.stimulus, StimulusSpec):
        raise InputError("the analysis of actions needs a chirp train", hint="look at the trial")
    findings = measure_actions(take.audio, take.stimulus, take.setup.actions)
    return Reading(findings.verdict, findings.reasons, findings=findings)


def _glitches(take: Take) -> Reading:
    if not isinstance(take.stimulus, ToneSpec):
        raise InputError("the glitch analysis needs a tone", hint="look at the trial")
    findings = find_glitches(take.audio, take.stimulus)
    return Reading(findings.verdict, findings.reasons, findings=findings)


ANALYSES: dict[str, Callable[[Take], Reading]] = {
    "actions": _actions,
    "burst": _burst,
    "echo": _echo,
    "exchange": _exchange,
    "glitches": _glitches,
    "latency": _latency,
    "near_end": _near_end,
    "pitch": _pitch,
    "sound": _sound,
}
"""Every analysis by the name that :class:`~profiler.model.TrialSetup` gives it."""
