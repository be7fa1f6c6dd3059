"""From a recording to the raw numbers on which the decision is made."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from profiler.analysis.arrival import PLAIN, Arrival, Pick, first_arrival
from profiler.analysis.line import Line, fit_line
from profiler.analysis.responses import (
    Aligned,
    Responses,
    Segments,
    align,
    cut_segments,
    gate_responses,
)
from profiler.analysis.search import Found, correlogram, find_train
from profiler.model import StimulusSpec

MIN_CHIRPS = 4
REDO_PPM = 0.02
"""A clock error larger than this is put into the template: it smears the chirp (method.md 3.5)."""
ABSURD_PPM = 1000.0
"""No clock; such a line is refused later, and a template so dilated means nothing."""
MIN_SHARE = 0.2
"""A stretch of the timeline that holds this share of the stimulus is worth a latency."""

HUGE = 1e6
"""No converter writes this; a broken float recorder may."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Everything known of the train in one recording; chirp arrays hold the used chirps only."""

    found: Found
    played_s: F64
    """When each used chirp was played, on the stimulus timeline."""
    segments: Segments
    responses: Responses
    aligned: Aligned
    line: Line
    arrival: Arrival
    drift_ppm: float
    """Dilation that the template had in the last pass."""

    @property
    def latency_s(self) -> F64:
        """Latency of the direct path for each used chirp, drift left in."""
        heard_s = self.responses.origin_s + self.aligned.delays_s + self.arrival.delay_s
        return heard_s - self.played_s

    @property
    def main_group(self) -> int:
        """First stretch that holds ``MIN_SHARE`` of the stimulus, else the largest."""
        counts = np.bincount(self.line.groups[self.line.groups >= 0], minlength=1)
        enough = np.flatnonzero(counts >= max(2.0, MIN_SHARE * len(self.found.powers)))
        return int(enough[0]) if enough.size else int(np.argmax(counts))


def condition(samples: F32, rate_hz: int) -> F32:
    """Remove DC and limit clicks: 5 ms frames to 6 times the median RMS around them."""
    peak = float(np.abs(samples).max())
    if peak > HUGE:  # squares of such floats overflow; a power of two changes nothing else
        samples = np.ldexp(samples, -math.frexp(peak)[1])
    n = max(8, rate_hz // 200)
    rows = samples.size // n
    if rows < 31:
        return samples - np.float32(samples.mean(dtype=np.float64))
    # The median of the frames' means: one burst must not lift all frames.
    x: F32 = samples - np.median(
        samples[: rows * n].reshape(rows, n).mean(axis=1, dtype=np.float64)
    ).astype(np.float32)
    body = x[: rows * n].reshape(rows, n)
    rms = np.sqrt(np.einsum("ij,ij->i", body, body) / n)
    around = ndimage.median_filter(rms, 31, mode="nearest")
    limit = 6 * np.maximum(around, np.quantile(rms, 0.6))
    loud = np.flatnonzero(np.abs(body).max(axis=1) > limit)
    for i in loud:
        np.clip(body[i], -limit[i], limit[i], out=body[i])
    return x


def measure(samples: F32, spec: StimulusSpec, rate_hz: int) -> tuple[Found, Measured | None]:
    """Locate the train and measure it; ``None`` when fewer than four chirps can be used.

    ``samples`` has shape (n,), already conditioned. Whether the result means anything is decided
    elsewhere.
    """
    corr = correlogram(samples, spec, rate_hz)
    found = find_train(corr, spec, samples.size / rate_hz)
    return found, measure_found(samples, spec, rate_hz, found)


def measure_found(
    samples: F32, spec: StimulusSpec, rate_hz: int, found: Found, pick: Pick = PLAIN
) -> Measured | None:
    """Measure chirps whose coarse arrivals are known; ``None`` as in :func:`measure`."""
    heard = np.isfinite(found.arrivals_s)
    if heard.sum() < MIN_CHIRPS:
        return None
    chirps = np.flatnonzero(heard)
    for _ in range(2):
        played = np.asarray(spec.starts_s)[chirps]
        segments = cut_segments(samples, spec, rate_hz, np.asarray(found.arrivals_s)[chirps])
        responses = gate_responses(segments, spec, 0.0)
        aligned = align(responses)
        keep = _alike(aligned)
        if keep.all() or keep.sum() < MIN_CHIRPS:
            break
        chirps = chirps[keep]
    line = _line(played, responses, aligned)
    drift = 0.0
    if REDO_PPM < abs(line.slope) * 1e6 < ABSURD_PPM:
        drift = round(line.slope * 1e6, 3)
        responses = gate_responses(segments, spec, drift)
        aligned = align(responses, aligned)
        line = _line(played, responses, aligned)
    arrival = first_arrival(aligned, responses, pick)
    if arrival is None or not math.isfinite(arrival.delay_s):
        return None
    return Measured(found, played, segments, responses, aligned, line, arrival, drift)


def _alike(aligned: Aligned) -> Bools:
    """Chirps that share the mean's response; a peak found in the wrong place does not."""
    typical = float(np.median(aligned.coherence))
    loud = aligned.gains > 0.1 * np.median(aligned.gains)
    return np.asarray((aligned.coherence > 0.3 * typical) & loud)


def _line(played_s: F64, responses: Responses, aligned: Aligned) -> Line:
    latency = responses.origin_s + aligned.delays_s - played_s
    return fit_line(played_s, latency, aligned.sigmas_s)
