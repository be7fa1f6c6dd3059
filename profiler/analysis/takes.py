"""One door to every analysis: a take of a trial in, a reading out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from profiler.analysis.pipeline import analyze
from profiler.errors import InputError
from profiler.model import (
    Estimate,
    Findings,
    Stimulus,
    StimulusSpec,
    TrialRecord,
    TrialSetup,
    Verdict,
)
from profiler.wav import Audio


@dataclass(frozen=True, slots=True)
class Take:
    """What an analysis gets to see of a trial."""

    audio: Audio
    """Frame 0 is frame 0 of the timeline."""
    stimulus: Stimulus | None
    setup: TrialSetup
    partner_audio: Audio | None = None
    """The partner's recording of an exchange, on the partner's own timeline."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an analysis says: of the latency, of something else, or of both."""

    verdict: Verdict
    reasons: tuple[str, ...]
    estimate: Estimate | None = None
    findings: Findings | None = None


def take_of(record: TrialRecord, audio: Audio, partner_audio: Audio | None = None) -> Take:
    """The take of a stored trial."""
    return Take(audio, record.stimulus, record.setup, partner_audio)


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


def _latency(take: Take) -> Reading:
    if not isinstance(take.stimulus, StimulusSpec):
        raise InputError("the latency analysis needs a chirp train", hint="look at the trial")
    estimate = analyze(take.audio, take.stimulus)
    return Reading(estimate.verdict, estimate.reasons, estimate=estimate)


ANALYSES: dict[str, Callable[[Take], Reading]] = {"latency": _latency}
"""Every analysis by the name that :class:`~profiler.model.TrialSetup` gives it."""
