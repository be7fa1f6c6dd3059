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
    """``hole`` (the tone is away and comes back where it would have been), ``skip`` (frames
    lost), ``insert`` (silent frames added), ``repeat`` (frames heard twice), and ``noise``:
    something loud that left the tone as it was. A ``noise`` is no glitch."""
    shift_frames: float
    """How much later the tone runs after it; 0 for a hole. Exact for a repeat and for silence put
    in; for a skip known only modulo the tone's period, which it is less than."""


@dataclass(frozen=True, slots=True)
class ChannelTone:
    """What one channel of a recording of a tone holds."""

    rms_dbfs: float
    tone_dbfs: float
    zero_fraction: float
    same_as: int | None
    """An earlier channel with exactly the same samples."""


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
    """Tone against everything but its harmonics within the analysed time."""
    pitch_ratio: float | None
    """Heard frequency over played frequency."""
    phase_jitter_rad: float | None
    """RMS phase error about its running mean of 0.1 s, glitches excluded."""
    channels: tuple[ChannelTone, ...]
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

    Series have one value per block of ``block_s``, from frame 0 on. All levels but the voice
    detector's are those of 200 Hz to 3.8 kHz.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    quality: CaptureQuality
    block_s: float
    far_active: tuple[bool, ...]
    """The far end, delayed as the echo is, speaks in this block."""
    echo_dbfs: tuple[float | None, ...]
    """Level of the echo: the total above the noise where that is clear, else the part that is
    coherent with the far end over the half second around; ``None`` = pause, or below the bound."""
    echo_bound_dbfs: tuple[float, ...]
    """What it cannot exceed (95 %; below the noise only the coherent part is bounded)."""
    total_dbfs: tuple[float, ...]
    """Level of everything."""
    noise_dbfs: float | None
    """Level in the far end's pauses after ``settled_s``; ``None`` = it has none."""
    delay_ms: float | None
    """Echo path delay at which the far end was found; ``None`` when it was not."""
    settled_s: float
    """Blocks before this time do not count for the levels below (convergence)."""
    active_s: float
    """Time that the levels below rest on."""
    total_level_dbfs: float | None
    """Energy mean of everything over the active blocks."""
    echo_level_dbfs: float | None
    """Energy mean of the echo; ``None`` = below the bound."""
    echo_level_low_dbfs: float | None
    """It is at least this (95 %); ``None`` = nothing is proven to be there."""
    echo_level_bound_dbfs: float | None
    """It is at most this (95 %), coherent with the far end or not; ``None`` = nothing was heard."""
    coherent_bound_dbfs: float | None
    """Its coherent part is at most this (95 %)."""
    voice: tuple[VoiceSpan, ...]
    """Decisions of the voice activity detector (at least 100 ms long, 300 ms hang-over)."""
    voice_margin_db: float | None
    """How much louder the echo could be after ``settled_s`` before the detector takes it for a
    turn; negative = it does."""
    voice_analysed_s: float
    """Time after ``settled_s`` that the detector heard."""
    analysis_version: str
    kind: Literal["echo"] = "echo"


@dataclass(frozen=True, slots=True)
class NearEndFindings:
    """How known near-end speech survived: level, clipped time and words (A3, V1, V3, V6)."""

    verdict: Verdict
    reasons: tuple[str, ...]
    quality: CaptureQuality
    delay_ms: float | None
    """Of the near end's own timeline; with a partner it holds the difference of the two starts."""
    speech_gain_db: float | None
    """Level of the near-end coherent part against what was played, over the whole recording."""
    speech_gain_sigma_db: float | None
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
    """-10 dB against the median of 500 Hz to 2 kHz; a level that holds gives the sweep's own end;
    ``None`` = noise hides it."""
    edge_hi_hz: float | None
    noise_dbfs: float | None
    noise_bands_dbfs: tuple[float, ...]
    thd_percent: float | None
    """Harmonics 2 to 5 against the fundamental, energy mean over 300 Hz to 3 kHz; ``None`` = none
    rises above the noise and the room's tail."""
    thd_bound_percent: float | None
    """What it cannot exceed; ``None`` = the sweep is too short to tell harmonics apart."""
    delay_ms: float | None
    analysis_version: str
    kind: Literal["sound"] = "sound"


@dataclass(frozen=True, slots=True)
class PitchFindings:
    """Whether a train that was played at one rate is heard at another."""

    verdict: Verdict
    reasons: tuple[str, ...]
    quality: CaptureQuality
    pitch_ratio: float | None
    """Heard frequency over played frequency; ``None`` = the train was not found at any rate."""
    pitch_sigma: float | None
    analysis_version: str
    kind: Literal["pitch"] = "pitch"


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
class ActionSegment:
    """The sound between two actions, in the settled second half of the time between them."""

    begin_s: float
    end_s: float
    latency_ms: float | None
    """At ``begin_s``; ``None`` = the train was not found there, see ``reasons``."""
    uncertainty_us: float | None
    gain_db: float | None
    """Median gain of the direct path, digital out to digital in."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActionGap:
    """What one action did to the sound, until the next one."""

    at_s: float
    action: str
    value: str
    gap_low_s: float | None
    """The sound was away for so long at least."""
    gap_high_s: float | None
    """And for so long at most; ``None``: it was not heard again, or never before."""
    resumed_s: float | None
    """When it was first heard again, on the recording's timeline."""
    zero_run_ms: float
    """Longest run of exact zeros in the recording from the action to the next."""
    zero_from_s: float | None
    """When that run began; ``None``: there was none."""


@dataclass(frozen=True, slots=True)
class ActionFindings:
    """What was done to a device while it played and recorded, and what became of the sound."""

    verdict: Verdict
    reasons: tuple[str, ...]
    quality: CaptureQuality
    segments: tuple[ActionSegment, ...]
    """One before the first action, one after each."""
    gaps: tuple[ActionGap, ...]
    """One for each action."""
    analysis_version: str
    kind: Literal["actions"] = "actions"


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
    | PitchFindings
    | ExchangeFindings
    | ActionFindings
    | CodecFindings
)
