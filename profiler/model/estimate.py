"""What the analysis of one recording says."""

from __future__ import annotations

from dataclasses import dataclass

from profiler.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class CaptureQuality:
    """Facts of the recording that need no stimulus. Levels are relative to full scale."""

    duration_s: float
    peak_dbfs: float
    rms_dbfs: float
    dc: float
    zero_run_ms: float
    """Longest run of samples that are exactly 0 in every channel."""
    leading_zero_ms: float
    zero_fraction: float
    clipped_fraction: float
    non_finite: int
    inner_zero_run_ms: float | None = None
    """Longest such run after the first frame that is not 0; ``None`` = not looked at."""


@dataclass(frozen=True, slots=True)
class Dropout:
    """A stretch of the recording in which the stimulus is missing or not where it belongs."""

    time_s: float
    """On the recording's timeline."""
    duration_ms: float
    kind: str
    """``hole`` (silence or concealment), ``skip`` (frames lost), ``insert``, ``repeat``."""


@dataclass(frozen=True, slots=True)
class Jump:
    """From ``time_s`` of the recording on, the latency is ``delta_ms`` larger."""

    time_s: float
    delta_ms: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Round-trip latency of one recording, or the reasons why there is none.

    The latency is that of the direct path at t = 0 of the capture timeline; playback time p
    arrives at ``latency + p·(1 + drift_ppm·1e-6)``.
    """

    valid: bool
    verdict: Verdict
    """``pass`` (measured, nothing to say), ``marginal`` (measured, see reasons),
    ``not_measurable``."""
    reasons: tuple[str, ...]
    round_trip_latency_ms: float | None
    uncertainty_us: float | None
    confidence: float
    drift_ppm: float | None
    drift_sigma_ppm: float | None
    snr_db: float | None
    polarity: int | None
    dropouts: tuple[Dropout, ...]
    jumps: tuple[Jump, ...]
    band_hz: tuple[float, float] | None
    per_chirp_ms: tuple[float, ...]
    """Latency of each chirp that was found, with the drift left in."""
    per_chirp_time_s: tuple[float, ...]
    """When each of them was played, on the stimulus timeline."""
    wander_us: float | None
    """Peak-to-peak of the per-chirp latencies about the fitted line, steps excluded."""
    quality: CaptureQuality
    candidate_latency_ms: float | None = None
    """Kept as evidence when the verdict is ``not_measurable``; never enters statistics."""
    analysis_version: str = ""

    @property
    def clipped_fraction(self) -> float:
        """Share of samples at the rails."""
        return self.quality.clipped_fraction
