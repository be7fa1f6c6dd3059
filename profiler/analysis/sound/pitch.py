"""The ``pitch`` analysis: whether what was played at one rate is heard at another.

A wrong rate somewhere in the path stretches the whole train. The usual analysis refuses such a
recording, for no clock is wrong by so much; then the recording is tried again as if it had been
made at other rates.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from profiler.analysis.measure import condition
from profiler.analysis.pipeline import analyze
from profiler.analysis.search import correlogram, find_train
from profiler.model import Estimate, PitchFindings, Reason, StimulusSpec, Verdict
from profiler.wav import MAX_RATE_HZ, MIN_RATE_HZ, Audio

PITCH_VERSION = "1"
"""Changes whenever the same recording may give another number."""
RATES_HZ = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
"""Rates that a path confuses with each other."""
FINE_RATIO, FINE_STEP = 0.02, 0.0006
"""Small errors: a step is less than twice the clock error that the search allows."""
TRIED = 3
"""The best candidates of the search are analysed; chance does not get more trials than that."""
NO_SEARCH = {Reason.SILENT_CAPTURE, Reason.TOO_SHORT, Reason.NON_FINITE}


def measure_pitch(audio: Audio, spec: StimulusSpec) -> tuple[Estimate, PitchFindings]:
    """The latency estimate, and heard over played frequency also where there is no estimate."""
    estimate = analyze(audio, spec)
    ratio, sigma = _of_clock(estimate, 1.0) if estimate.valid else (None, None)
    reasons = estimate.reasons
    verdict = estimate.verdict
    if not estimate.valid and not NO_SEARCH & set(estimate.reasons):
        for heard in _candidates(audio, spec):
            again = analyze(_relabelled(audio, heard), spec)
            if again.valid:
                exact = audio.rate_hz / _relabelled(audio, heard).rate_hz
                ratio, sigma = _of_clock(again, exact)
                verdict, reasons = Verdict.MARGINAL, (str(Reason.PITCH_ERROR),)
                break
    return estimate, PitchFindings(verdict, reasons, estimate.quality, ratio, sigma, PITCH_VERSION)


def _of_clock(estimate: Estimate, ratio: float) -> tuple[float, float | None]:
    """A recording that lasts longer by the drift is heard lower by it."""
    drift = (estimate.drift_ppm or 0.0) * 1e-6
    sigma = estimate.drift_sigma_ppm
    return ratio / (1 + drift), None if sigma is None else ratio * sigma * 1e-6


def _relabelled(audio: Audio, heard: float) -> Audio:
    """The recording as one in which the train has its own length."""
    return replace(audio, rate_hz=round(audio.rate_hz / heard))


def _candidates(audio: Audio, spec: StimulusSpec) -> list[float]:
    """Heard over played frequency, the likeliest first."""
    gross = {a / b for a in RATES_HZ for b in RATES_HZ if a != b}
    steps = np.arange(FINE_STEP, FINE_RATIO, FINE_STEP).tolist()
    ratios = sorted({*gross, *(1 + s for s in steps), *(1 - s for s in steps)})
    samples = condition(np.ascontiguousarray(audio.samples[:, 0]), audio.rate_hz)
    scores: list[tuple[float, float]] = []
    for ratio in ratios:
        rate_hz = round(audio.rate_hz / ratio)
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ or spec.f_lo_hz * ratio > rate_hz / 4:
            continue
        found = find_train(correlogram(samples, spec, rate_hz), spec, samples.size / rate_hz)
        scores.append((found.score - found.rival, ratio))
    return [ratio for _, ratio in sorted(scores, reverse=True)[:TRIED]]
