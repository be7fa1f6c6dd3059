"""The analysis of one recording, end to end."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from profiler.analysis import decide
from profiler.analysis.events import find_events
from profiler.analysis.measure import MIN_CHIRPS, Measured, condition, measure
from profiler.analysis.quality import capture_quality, is_silent
from profiler.errors import InputError
from profiler.model import CaptureQuality, Estimate, Reason, StimulusSpec, Verdict
from profiler.wav import Audio

ANALYSIS_VERSION = "3"
"""Changes whenever the same recording may give another number."""


def analyze(audio: Audio, spec: StimulusSpec, *, channel: int = 0) -> Estimate:
    """Measure the round-trip latency in ``audio``, whose frame 0 is frame 0 of the stimulus.

    Uses one channel (the first unless told otherwise). Recording and stimulus rates may differ.
    A poor signal is a verdict with reasons; nothing is raised for it. Raises
    :class:`~profiler.errors.InputError` when there is no such channel.
    """
    if audio.channels and not 0 <= channel < audio.channels:
        raise InputError(
            f"channel {channel} of a recording with {audio.channels}",
            hint=f"use 0 to {audio.channels - 1}",
        )
    quality = capture_quality(audio, channel)
    if quality.non_finite:
        return refused_estimate(quality, [Reason.NON_FINITE])
    if is_silent(quality):
        return refused_estimate(quality, [Reason.SILENT_CAPTURE])
    if sum(s + spec.chirp_s <= audio.duration_s for s in spec.starts_s) < MIN_CHIRPS:
        return refused_estimate(quality, [Reason.TOO_SHORT])
    samples = condition(np.ascontiguousarray(audio.samples[:, channel]), audio.rate_hz)
    if float(np.abs(samples).max()) == 0.0:
        return refused_estimate(quality, [Reason.SILENT_CAPTURE])
    found, measured = measure(samples, spec, audio.rate_hz)
    if measured is None:
        return refused_estimate(quality, decide.refusals_without_measure(found), found.latency_s)
    return judge(samples, spec, quality, measured)


def judge(
    samples: npt.NDArray[np.float32], spec: StimulusSpec, quality: CaptureQuality, m: Measured
) -> Estimate:
    """The estimate of a train that was measured in conditioned ``samples`` of shape (n,)."""
    evidence = decide.evidence_of(m)
    latency_s = decide.latency_s(m)
    reasons = decide.refusals(m, evidence)
    if reasons:
        return refused_estimate(quality, reasons, latency_s, min(evidence.confidence, 0.49))
    events = find_events(samples, spec, m, 1e-3 * quality.leading_zero_ms)
    concerns = decide.concerns(m, evidence, events, quality, spec)
    return Estimate(
        valid=True,
        verdict=Verdict.MARGINAL if concerns else Verdict.PASS,
        reasons=tuple(r.value for r in (*concerns, *decide.notes(m))),
        round_trip_latency_ms=1000 * max(0.0, latency_s),
        uncertainty_us=1e6 * decide.uncertainty_s(m),
        confidence=evidence.confidence,
        drift_ppm=1e6 * m.line.slope,
        drift_sigma_ppm=1e6 * m.line.slope_sigma,
        snr_db=decide.snr_db(m, spec),
        polarity=decide.polarity(m),
        dropouts=events.dropouts,
        jumps=events.jumps,
        band_hz=m.arrival.band_hz,
        per_chirp_ms=tuple(float(1000 * x) for x in m.latency_s),
        per_chirp_time_s=tuple(float(x) for x in m.played_s),
        wander_us=decide.wander_us(m),
        quality=quality,
        analysis_version=ANALYSIS_VERSION,
    )


def refused_estimate(
    quality: CaptureQuality,
    reasons: list[Reason],
    candidate_s: float | None = None,
    confidence: float = 0.0,
) -> Estimate:
    """No number, and why; ``candidate_s`` is kept as evidence only."""
    usable = candidate_s is not None and math.isfinite(candidate_s)
    return Estimate(
        valid=False,
        verdict=Verdict.NOT_MEASURABLE,
        reasons=tuple(r.value for r in reasons),
        round_trip_latency_ms=None,
        uncertainty_us=None,
        confidence=confidence,
        drift_ppm=None,
        drift_sigma_ppm=None,
        snr_db=None,
        polarity=None,
        dropouts=(),
        jumps=(),
        band_hz=None,
        per_chirp_ms=(),
        per_chirp_time_s=(),
        wander_us=None,
        quality=quality,
        candidate_latency_ms=1000 * candidate_s if usable and candidate_s is not None else None,
        analysis_version=ANALYSIS_VERSION,
    )
