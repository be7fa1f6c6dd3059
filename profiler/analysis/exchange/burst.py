"""One device alone while its canceller works: short sweeps, each after a long silence.

A canceller removes what its own device plays, but a sweep that is over before its echo returns,
after the canceller has had time to forget, may survive. Only what survives whole, alike and loud
enough is believed; everything else is ``not_measurable`` with ``aec_suppressed``.

How to plan it: single sweeps of 20 to 50 ms with at least 1.6 s of irregular silence before each,
at least five of them (:func:`profiler.catalogue.trains.burst_train`), analysis ``burst``. How to
judge it: a valid estimate counts, however few devices give one; ``aec_suppressed`` asks for a
partner. The estimate's ``candidate_latency_ms`` is evidence and never a result.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from profiler.analysis import decide
from profiler.analysis.exchange.judge import voice_level
from profiler.analysis.measure import MIN_CHIRPS, Measured, measure
from profiler.analysis.pipeline import judge, refused_estimate
from profiler.analysis.quality import capture_quality, is_silent
from profiler.model import CaptureQuality, Estimate, Reason, StimulusSpec, Verdict
from profiler.wav import Audio

MIN_GAIN_DB = -55.0
"""Response against what was played. A loudspeaker beside its microphone gives -10 to -40 dB; what
a canceller leaves of that lies 30 dB and more below (AEC_ON.md, measured)."""
MIN_COHERENCE = 0.5
MIN_SHARE = 0.6
"""Part of the bursts that survive alike."""
MAX_GAIN_SPREAD_DB = 12.0
"""Between the surviving bursts: half-cancelled ones differ by more (proposal)."""
AGREE_S = 0.0002
DIRECT_SHARE = 0.15
"""Part of the mean response's energy within 1 ms of the pick. A canceller that takes the direct
sound and leaves the room behind it spreads the rest over tens of ms."""
KEPT_REASONS = frozenset({Reason.CLIPPED, Reason.COARSE_ARRIVAL})
"""Concerns that mean the same for bursts; holes do not, since bursts are lost whole."""


def measure_burst(audio: Audio, spec: StimulusSpec) -> Estimate:
    """Round-trip latency from short sweeps of which some may have been cancelled.

    Uses the first channel; frame 0 is frame 0 of the stimulus. Never raises for a poor signal.
    """
    quality = capture_quality(audio)
    unusable = _unusable(quality, spec)
    if unusable:
        return refused_estimate(quality, unusable)
    # No click limiter: after so much silence a burst is a click to it.
    mono = audio.samples[:, 0]
    samples = np.ascontiguousarray(mono - np.float32(np.median(mono)))
    found, m = measure(samples, spec, audio.rate_hz)
    if m is None:
        return _suppressed(quality, decide.refusals_without_measure(found), found.latency_s)
    estimate = judge(samples, spec, quality, m)
    latency_s = decide.latency_s(m)
    if not estimate.valid:
        return _suppressed(quality, [Reason(r) for r in estimate.reasons], latency_s)
    doubts = _doubts(m, spec)
    if doubts:
        return _suppressed(quality, doubts, latency_s)
    return _survived(estimate, m, spec)


def _unusable(quality: CaptureQuality, spec: StimulusSpec) -> list[Reason]:
    if quality.non_finite:
        return [Reason.NON_FINITE]
    if is_silent(quality):
        return [Reason.SILENT_CAPTURE]
    whole = sum(s + spec.chirp_s <= quality.duration_s for s in spec.starts_s)
    return [Reason.TOO_SHORT] if whole < MIN_CHIRPS else []


def _doubts(m: Measured, spec: StimulusSpec) -> list[Reason]:
    """What of the survivors does not fit together."""
    used = m.line.groups == m.main_group
    gains = m.aligned.gains[used]
    spread_db = 20 * math.log10(float(gains.max()) / max(float(gains.min()), 1e-12))
    out = []
    if used.sum() < max(MIN_CHIRPS, MIN_SHARE * len(spec.starts_s)):
        out.append(Reason.FEW_CHIRPS)
    if float(np.abs(m.line.residuals_s[used]).max()) > AGREE_S or spread_db > MAX_GAIN_SPREAD_DB:
        out.append(Reason.INCONSISTENT_CHIRPS)
    if float(np.median(m.aligned.coherence)) < MIN_COHERENCE or _direct_share(m) < DIRECT_SHARE:
        out.append(Reason.LOW_COHERENCE)
    if 10 * math.log10(max(voice_level(m), 1e-30)) < MIN_GAIN_DB:
        out.append(Reason.LOW_LEVEL)
    return out


def _direct_share(m: Measured) -> float:
    """Energy of the mean response within 1 ms of the pick against all of it."""
    resp = m.responses
    turned = m.aligned.mean * np.sqrt(resp.power) * resp.advance(np.array(m.arrival.delay_s))
    lags = np.square(np.abs(np.fft.ifft(turned, resp.size)))
    reach = max(1, round(0.001 * resp.rate_hz))
    near = float(lags[: reach + 1].sum() + lags[-reach:].sum())
    return near / max(float(lags.sum()), 1e-30)


def _survived(estimate: Estimate, m: Measured, spec: StimulusSpec) -> Estimate:
    """The estimate without the events: between bursts there is nothing to see."""
    concerns = [r for r in estimate.reasons if r in KEPT_REASONS]
    if np.sum(m.line.groups == m.main_group) < decide.ENOUGH_SHARE * len(spec.starts_s):
        concerns.append(Reason.FEW_CHIRPS)
    notes = [r.value for r in decide.notes(m)]
    return replace(
        estimate,
        verdict=Verdict.MARGINAL if concerns else Verdict.PASS,
        reasons=(*(str(c) for c in concerns), *notes),
        dropouts=(),
        jumps=(),
    )


def _suppressed(
    quality: CaptureQuality, reasons: list[Reason], candidate_s: float | None
) -> Estimate:
    return refused_estimate(quality, [Reason.AEC_SUPPRESSED, *reasons], candidate_s)
