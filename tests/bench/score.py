"""Score estimates against truth: errors, refusals, events, calibration."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import corpus
import numpy as np
from scipy import fft, stats

from profiler.analysis import analyze
from profiler.model import Estimate, StimulusSpec
from profiler.stimulus import chirp_spectrum


@dataclass(frozen=True, slots=True)
class Row:
    """One recording's outcome."""

    condition: str
    seed: int
    estimate: Estimate
    truth: corpus.Truth | None
    crb_us: float | None
    cpu_s: float
    duration_s: float

    @property
    def error_us(self) -> float:
        """Distance to the nearest true latency of a segment that holds 20 % of the stimulus."""
        assert self.truth is not None
        value = self.estimate.round_trip_latency_ms
        if value is None:
            return math.inf
        return 1000 * min(abs(value - t) for t in segment_latencies(self.truth))


def segment_latencies(truth: corpus.Truth) -> list[float]:
    """Latencies before and after each edit (edits are few: all segments are kept)."""
    out = [truth.latency_ms]
    for event in sorted(truth.events, key=lambda e: e.time_s):
        if event.delta_ms:
            out.append(out[-1] + event.delta_ms)
    return out


def run_job(job: tuple[bool, str, int]) -> Row:
    """Build one case and analyse it."""
    has_signal, name, seed = job
    case = corpus.signal_case(name, seed) if has_signal else corpus.empty_case(name, seed)
    start = time.process_time()
    estimate = analyze(case.audio, case.spec)
    cpu_s = time.process_time() - start
    crb = None
    if name.startswith("white") and case.truth is not None and case.truth.snr_db is not None:
        crb = crb_us(case.spec, case.audio.rate_hz, case.truth.snr_db)
    return Row(name, seed, estimate, case.truth, crb, cpu_s, case.audio.duration_s)


def crb_us(spec: StimulusSpec, rate_hz: int, snr_db: float) -> float:
    """Joint Cramer-Rao bound of the latency at t = 0 with unknown drift, known waveform, in us.

    var(tau) >= sigma^2 / sum (ds/dt)^2 per chirp, times (1 + tbar^2 / S^2) / K (method.md).
    """
    n_fft = fft.next_fast_len(2 * math.ceil(spec.chirp_s * rate_hz), real=True)
    spectrum = chirp_spectrum(spec, rate_hz, n_fft)
    power = np.square(np.abs(spectrum)) * 2 / n_fft
    omega = 2 * np.pi * np.arange(spectrum.size) * rate_hz / n_fft
    sigma2 = power.sum() / (spec.chirp_s * rate_hz) * 10 ** (-snr_db / 10)
    per_chirp = sigma2 / float(np.sum(power * omega**2))
    t = np.asarray(spec.starts_s)
    # The chirp's energy arrives after its start: drift turns about the energy's mean time.
    energy = np.sum(power * omega**2)
    growth = math.log(spec.f_hi_hz / spec.f_lo_hz) / spec.chirp_s
    f = np.maximum(omega / 2 / np.pi, spec.f_lo_hz)
    centre = float(np.sum(power * omega**2 * (spec.chirp_s - np.log(f / spec.f_lo_hz) / growth)))
    t = t + centre / energy
    spread = float(np.mean((t - t.mean()) ** 2))
    return 1e6 * math.sqrt(per_chirp / t.size * (1 + t.mean() ** 2 / spread))


@dataclass(frozen=True, slots=True)
class EventScore:
    reports: int
    right: int
    truths: int
    found: int


def score_events(row: Row) -> EventScore:
    """A report is right when it names a true event's place (30 ms) or its change of latency."""
    truth = row.truth.events if row.truth else ()
    found: set[int] = set()
    right = 0
    for d in row.estimate.dropouts:
        hits = {
            i
            for i, e in enumerate(truth)
            if e.kind != "jump"
            and e.time_s - 0.03 <= d.time_s <= e.time_s + e.duration_ms / 1000 + 0.03
        }
        found |= hits
        right += bool(hits)
    for j in row.estimate.jumps:
        # Where in a pause the latency changed cannot be heard; its size can.
        hits = {
            i
            for i, e in enumerate(truth)
            if e.delta_ms and abs(j.delta_ms - e.delta_ms) < 0.2 and abs(j.time_s - e.time_s) < 0.5
        }
        found |= hits
        right += bool(hits)
    reports = len(row.estimate.dropouts) + len(row.estimate.jumps)
    return EventScore(reports, right, len(truth), len(found))


def auc(good: np.ndarray, bad: np.ndarray) -> float:
    """Probability that a right answer has the higher confidence than a wrong one."""
    u = stats.mannwhitneyu(good, bad, alternative="greater").statistic
    return float(u / (good.size * bad.size))
