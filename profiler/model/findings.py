"""What the analyses beside the latency say of one recording.

Each class has a ``kind`` that names it in the store, a ``verdict`` (``pass``: measured,
``marginal``: measured with something to know, ``not_measurable``), its ``reasons`` and the
version of the analysis. A number that was not measured is ``None``, never a guess. Levels are
dB against digital full scale (a full-scale sine has -3.01 dBFS RMS) unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from profiler.model.estimate import CaptureQuality
from profiler.model.trial import CodecCost
from profiler.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Glitch:
    """A place where a steady tone is not where it belongs."""

    time_s: float
    duration_ms: float
    glitch: str
    """``hole`` (level falls), ``skip`` (frames lost), ``insert`` (frames added), ``noise``."""
    shift_frames: float
    """How much later the tone runs after it, modulo its period; 0 for a hole."""


@dataclass(frozen=True, slots=True)
class GlitchFindings:
    """Glitches counted from the signal, by the phase and the magnitude of a tone."""

    verdict: Verdict
    reasons: tuple[str, ...]
    quality: CaptureQuality
    glitches: tuple[Glitch, ...]
    analysed_s: float
    """Time in which the tone was there and a glitch would have been seen."""
    tone_dbfs: float | None
    tone_snr_db: float | None
    """Tone against everything else within the analysed time."""
    pitch_ratio: float | None
    """Heard frequency over played frequency."""
    phase_jitter_rad: float | None
    """RMS phase error about the fitted line, glitches excluded."""
    analysis_version: str
    kind: Literal["glitches"] = "glitches"


@dataclass(frozen=True, slots=True)
class VoiceSpan:
    """A stretch that the voice activity detector took for speech."""

    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class EchoFindings:
    """What is left of the far end in a recording without near-end speech.

    Series have one value per block of ``block_s``, from frame 0 on; ``None`` = the far end was
    silent in that block, or nothing coherent with it rose above what chance gives.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    quality: CaptureQuality
    block_s: float
    far_active: tuple[bool, ...]
    echo_dbfs: tuple[float | None, ...]
    """Level of the part that is coherent with the far end."""
    echo_bound_dbfs: tuple[float, ...]
    """What the coherent part cannot exceed (95 %); where there is no level, only this is known."""
    total_dbfs: tuple[float, ...]
    """Plain RMS of each block, band-limited as the analysis is."""
    noise_dbfs: float | None
    """Level of the pauses of the far end."""
    delay_ms: float | None
    """Echo path delay at which the far end was found; ``None`` when it was not."""
    echo_level_dbfs: float | None
    """Energy mean over active blocks after ``settled_s``; ``None`` = below the bound."""
    echo_level_bound_dbfs: float | None
    settled_s: float
    """Blocks before this time do not count for the levels above (convergence)."""
    voice: tuple[VoiceSpan, ...]
    """Decisions of the voice activity detector (at least 100 ms long, 300 ms hang-over)."""
    voice_analysed_s: float
    analysis_version: str
    kind: Literal["echo"] = "echo"


@dataclass(frozen=True, slots=True)
class NearEndFindings:
    """How known near-end speech survived: level, clipped time and words (A3, V1, V3, V6)."""

    verdict: Verdict
    reasons: tuple[str, ...]
    quality: CaptureQuality
    delay_ms: float | None
    speech_dbfs: float | None
    """Active speech level (energy mean over the sentences' active blocks)."""
    noise_dbfs: float | None
    block_s: float
    gain_db: tuple[float | None, ...]
    """Level of the near-end coherent part against what was played, per block; ``None`` = pause
    or nothing coherent."""
    lost_fraction: float | None
    """Share of the active blocks whose gain lies more than 15 dB below the median gain."""
    onset_lost_ms: float | None
    """Median over sentences: how long after its start a sentence comes within 10 dB of its gain."""
    analysis_version: str
    kind: Literal["near_end"] = "near_end"


@dataclass(frozen=True, slots=True)
class SoundFindings:
    """Response, noise floor and distortion of one path, by one long exponential sweep."""

    verdict: Verdict
    reasons: tuple[str, ...]
    quality: CaptureQuality
    bands_hz: tuple[float, ...]
    """Centres of third-octave bands."""
    response_db: tuple[float, ...]
    """Gain in each band, digital out to digital in."""
    response_snr_db: tuple[float, ...]
    edge_lo_hz: float | None
    """-10 dB against the median of 500 Hz to 2 kHz; ``None`` = no level there."""
    edge_hi_hz: float | None
    noise_dbfs: float | None
    noise_bands_dbfs: tuple[float, ...]
    thd_percent: float | None
    """Harmonics 2 to 5 against the fundamental, energy mean over 300 Hz to 3 kHz."""
    delay_ms: float | None
    analysis_version: str
    kind: Literal["sound"] = "sound"


@dataclass(frozen=True, slots=True)
class ExchangeFindings:
    """Round trip of device A from an exchange with partner B (docs/exchange.md has the formula)."""

    verdict: Verdict
    reasons: tuple[str, ...]
    quality: CaptureQuality
    """Of A's recording."""
    partner_quality: CaptureQuality
    round_trip_latency_ms: float | None
    """Output plus input latency of A, geometry corrected as the plan says; at t = 0 of A."""
    uncertainty_us: float | None
    confidence: float
    skew_ppm: float | None
    """A's clock against B's: positive = A's frames are shorter, A runs fast."""
    own_drift_ppm: float | None
    """A's input clock against A's output clock; ``None`` when it could not be told apart."""
    trains_a: int
    """Trains of A that B heard and that were used."""
    trains_b: int
    trains_clashing: int
    """Trains left out because they lie on, or too soon after, the other device's."""
    self_echo_db: float | None
    """A's own train in A's recording against B's train in it; ``None`` = not found."""
    self_echo_bound_db: float | None
    """What it cannot exceed."""
    own_round_trip_ms: float | None
    """A's one-device estimate from the same recording, when it was valid (effects off)."""
    per_exchange_ms: tuple[float, ...]
    analysis_version: str
    kind: Literal["exchange"] = "exchange"


@dataclass(frozen=True, slots=True)
class CodecFindings:
    """What coding speech cost on the device (no recording)."""

    verdict: Verdict
    reasons: tuple[str, ...]
    cost: CodecCost
    kind: Literal["codec"] = "codec"


Findings = (
    GlitchFindings
    | EchoFindings
    | NearEndFindings
    | SoundFindings
    | ExchangeFindings
    | CodecFindings
)
