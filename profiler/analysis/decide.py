"""Is it the stimulus at all, how sure are we, and what must the reader know?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from profiler.analysis.events import Events
from profiler.analysis.measure import MIN_CHIRPS, Measured
from profiler.analysis.responses import GATE_S
from profiler.analysis.search import Found
from profiler.model import CaptureQuality, Reason, StimulusSpec

MAX_DRIFT_PPM = 420.0
MIN_EQUALITIES = 3
"""Chirps beyond the first of each stretch: so many coincidences of 0.4 ms are no accident."""
MIN_SHARE = 0.5
ENOUGH_SHARE = 0.75
"""With fewer of the chirps in agreement something happened that the events may not name."""
MIN_SCORE_RATIO = 1.15
MANY_EQUALITIES = 5
FEW_SCORE_RATIO, FEW_COHERENCE = 1.4, 0.1
"""With fewer coincidences the pattern must stand out and the chirps must be alike: four chance
peaks in speech can lie on a line, but not that, too."""
COMPLETE_COHERENCE = 0.5
"""A short train has few chirps and close rivals; when all of them are there and alike, it is it."""
MIN_CONFIDENCE = 0.5
MIN_CLEAR_SIGMAS = 5.0
"""Of noise alone, the strongest of the arrival's window reaches 3 to 4 sigma."""
EARLIEST_S = -0.0002
CLIPPED_FRACTION = 0.001
"""Below 0.1 % clipped samples pass; more is said."""
NARROW_HZ = 5000.0
WANDER_US = 20.0
DEFINITION_S, DEFINITION_POWER = 620e-6, 1.75
"""See :func:`definition_sigma_s`."""
SKIRT_DB, SKIRT_RAD = 0.7, 0.5
EDGE_DB = 0.8
"""Roughness that stands for a band edge of the device's own: a minimum-phase high-pass moves the
envelope by about 5 us although what is left of the band is flat."""
SMOOTH_DB = 0.4
"""What the analysis itself leaves of roughness on a perfect cable."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The features on which accepting a recording rests."""

    share: float
    """Part of the observable chirps that lie in stretches of two or more."""
    equalities: int
    """Chirps less stretches: number of independent coincidences."""
    coherence: float
    score_ratio: float
    stretches: int

    @property
    def confidence(self) -> float:
        """Probability that the latency is right within 1 ms.

        Logistic fit on simulated recordings from -30 dB SNR up and on recordings without the
        stimulus (``tests/bench/calibrate.py`` prints the coefficients).
        """
        z = sum(w * f for w, f in zip(WEIGHTS, self.features(), strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))

    def features(self) -> tuple[float, ...]:
        """Inputs of the logistic, bounded so that no one of them decides alone."""
        return (
            1.0,
            min(self.equalities, 7) - 3.0,
            self.share,
            math.log2(min(max(self.coherence, 0.01), 1.0)) + 3.0,
            min(self.score_ratio, 3.0) - 1.0 if self.stretches == 1 else 1.0,
        )


WEIGHTS = (0.247, 2.917, 0.57, 1.062, 1.249)


def latency_s(m: Measured) -> float:
    """Latency of the direct path at t = 0."""
    return float(m.line.intercepts_s[m.main_group]) + m.arrival.delay_s


def evidence_of(m: Measured) -> Evidence:
    """Collect the features."""
    groups = m.line.groups
    counts = np.bincount(groups[groups >= 0], minlength=1)
    members = int(counts[counts >= 2].sum())
    observable = max(1, sum(m.found.observable))
    return Evidence(
        share=min(1.0, members / observable),
        equalities=int((counts - 1).clip(0).sum()),
        coherence=float(np.median(m.aligned.coherence)),
        score_ratio=m.found.score / max(m.found.rival, 1e-3),
        stretches=int((counts >= 2).sum()),
    )


def refusals(m: Measured, evidence: Evidence) -> list[Reason]:
    """Why the recording gives no number; empty when it does."""
    out = []
    if evidence.equalities < MIN_EQUALITIES:
        out.append(Reason.INCONSISTENT_CHIRPS)
    if evidence.share < MIN_SHARE:
        out.append(Reason.FEW_CHIRPS)
    few = evidence.equalities < MANY_EQUALITIES
    complete = evidence.share == 1.0 and evidence.coherence > COMPLETE_COHERENCE
    ratio = FEW_SCORE_RATIO if few and not complete else MIN_SCORE_RATIO
    if m.arrival.rival or (evidence.stretches == 1 and evidence.score_ratio < ratio):
        out.append(Reason.AMBIGUOUS_PEAK)
    if few and evidence.coherence < FEW_COHERENCE:
        out.append(Reason.LOW_COHERENCE)
    if abs(m.line.slope) * 1e6 > MAX_DRIFT_PPM:
        out.append(Reason.IMPLAUSIBLE_DRIFT)
    if latency_s(m) < EARLIEST_S:
        out.append(Reason.NEGATIVE_LATENCY)
    # The arrival moves the number by up to 15 ms: chirps that agree do not vouch for it.
    unclear = m.arrival.clear_sigmas < MIN_CLEAR_SIGMAS
    if not out and (unclear or evidence.confidence < MIN_CONFIDENCE):
        out.append(Reason.LOW_SNR)
    return out


def refusals_without_measure(found: Found) -> list[Reason]:
    """Reasons when not even four chirps could be used."""
    heard = sum(1 for a in found.arrivals_s if math.isfinite(a))
    if heard == 0:
        return [Reason.NO_STIMULUS]
    return [Reason.NO_STIMULUS, Reason.FEW_CHIRPS] if heard < MIN_CHIRPS else [Reason.LOW_COHERENCE]


def concerns(
    m: Measured, evidence: Evidence, events: Events, quality: CaptureQuality, spec: StimulusSpec
) -> list[Reason]:
    """What to know about a number that exists."""
    out = []
    if events.jumps or any(d.kind != "hole" for d in events.dropouts):
        out.append(Reason.TIMELINE_EDITED)
    if events.dropouts:
        out.append(Reason.DROPOUTS)
    if quality.clipped_fraction > CLIPPED_FRACTION:
        out.append(Reason.CLIPPED)
    if wander_us(m) > max(WANDER_US, 8e6 * float(np.median(m.aligned.sigmas_s))):
        out.append(Reason.CLOCK_WANDER)
    if quality.leading_zero_ms > 1000 * (latency_s(m) + spec.starts_s[0]) + 5:
        out.append(Reason.LATE_START)
    if m.arrival.coarse:
        out.append(Reason.COARSE_ARRIVAL)
    if evidence.share < ENOUGH_SHARE and Reason.LATE_START not in out:
        out.append(Reason.FEW_CHIRPS)
    return out


def notes(m: Measured) -> list[Reason]:
    """Peculiarities that inform and do not make a measurement marginal."""
    out = []
    lo, hi = m.arrival.band_hz
    if hi - lo < NARROW_HZ:
        out.append(Reason.NARROW_BAND)
    if polarity(m) < 0:
        out.append(Reason.POLARITY_INVERTED)
    return out


def polarity(m: Measured) -> int:
    """+1 or -1: the sign of the direct path."""
    return 1 if m.arrival.amplitude.real >= 0 else -1


def wander_us(m: Measured) -> float:
    """Peak-to-peak of the chirps about the line, outliers left out."""
    used = m.line.residuals_s[m.line.groups >= 0]
    return float(np.ptp(used)) * 1e6 if used.size > 1 else 0.0


def definition_sigma_s(m: Measured) -> float:
    """How far "the onset" and "the peak of the envelope" of a device's response lie apart.

    method.md 4.3: a few us wideband, tens of us in the telephone band. The scale with roughness and
    bandwidth is a fit to simulated minimum-phase devices (proposal).
    """
    lo, hi = m.arrival.band_hz
    width_khz = max(0.5, (hi - lo) / 1000)
    whole = m.responses.freqs_hz[m.responses.edges > 0.5]
    skirt = (
        lo > 1.2 * whole[0] + 50
        or m.arrival.low_drop_db > SKIRT_DB
        or m.arrival.low_phase_rad > SKIRT_RAD
    )
    edges = int(skirt) + int(hi < 0.93 * whole[-1])
    rough_db = math.sqrt(max(0.0, m.arrival.roughness_db**2 - SMOOTH_DB**2) + edges * EDGE_DB**2)
    return DEFINITION_S * rough_db / float(width_khz**DEFINITION_POWER)


def uncertainty_s(m: Measured) -> float:
    """1 sigma of the latency at t = 0 (method.md 4.2)."""
    fit = float(m.line.intercept_sigmas_s[m.main_group])
    wander = 0.5e-6 * wander_us(m)
    # Correlated residuals (a wandering clock) weigh more than independent ones.
    wandering = wander if wander > 4 * float(np.median(m.aligned.sigmas_s)) else 0.0
    return math.sqrt(fit**2 + m.arrival.sigma_s**2 + definition_sigma_s(m) ** 2 + wandering**2)


def snr_db(m: Measured, spec: StimulusSpec) -> float:
    """Mean square of the chirp over its own length against the noise, scaled to the full band."""
    r = m.responses
    gate = GATE_S * r.rate_hz
    noise = float(np.mean(m.aligned.noise * r.power)) / gate
    energy = 2 * float(np.sum(np.square(np.abs(m.aligned.mean)) * r.power)) / r.size
    signal = energy / (spec.chirp_s * r.rate_hz)
    return 10 * math.log10(max(signal, 1e-30) / max(noise, 1e-30))
