"""One trial: what was requested, what was granted, what the probe reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from profiler.model.stimulus import NoiseSpec, Stimulus


class EffectState(StrEnum):
    """Requested or real state of a voice-processing effect."""

    OFF = "off"
    ON = "on"
    DEFAULT = "default"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AudioPath:
    """Route × audio mode × API × preset: the part of the key that is not the model."""

    route: str
    audio_mode: str
    api: str
    input_preset: str

    def __str__(self) -> str:
        return f"{self.api}/{self.audio_mode}/{self.input_preset}/{self.route}"


@dataclass(frozen=True, slots=True)
class CallPath:
    """A real call stack between what is played and what is recorded: coder, packets, jitter buffer.

    The decoded sound goes straight into the recording, without loudspeaker and microphone: a
    trial measures what the stack itself adds.
    """

    ptime_ms: int = 20
    """Sound of one packet: 10, 20, 40, 60, 80, 100 or 120 ms."""
    fec: bool = True
    """Opus in-band error correction (``useinbandfec``)."""
    dtx: bool = False
    """Discontinuous transmission (``usedtx``): silence is hardly sent."""
    bitrate_bps: int | None = None
    """``maxaveragebitrate``; ``None`` leaves it to the stack."""
    jitter_buffer_target_ms: int | None = None
    """Least delay asked of the receiver's jitter buffer; ``None`` leaves it to the stack."""


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """One configuration. Text values are lower_snake_case; ``default`` leaves it to the system."""

    api: str = "default"
    sharing: str = "default"
    performance_mode: str = "default"
    input_preset: str = "default"
    audio_mode: str = "media"
    route: str = "speaker"
    rate_hz: int = 48000
    output_channels: int = 1
    input_channels: int = 1
    buffer_bursts: int | None = None
    """Output buffer in bursts (phones)."""
    buffer_frames: int | None = None
    """Output buffer in frames (host interfaces); wins over ``buffer_bursts``."""
    volume: float | None = None
    """0..1 of the stream's range; ``None`` leaves it alone."""
    aec: EffectState = EffectState.OFF
    ns: EffectState = EffectState.OFF
    agc: EffectState = EffectState.OFF
    warmup_s: float = 1.0
    """Streams run this long before frame 0 of the timeline."""
    cpu_load: float = 0.0
    """Synthetic load of each of ``cpu_threads`` threads on the device, 0..1 of one core."""
    cpu_threads: int = 1
    usage: str = "default"
    """What the output says it is for: ``media``, ``voice_communication``; ``default`` follows
    ``audio_mode``."""
    audio_session: str = "default"
    """``none`` asks for no session id, ``shared`` for one that both directions have and the
    platform's effects attach to; ``default`` leaves it to the system."""
    background: str = "refuse"
    """What happens when the probe leaves the foreground in mid-trial: ``refuse`` ends the trial,
    ``continue`` goes on with whatever the system still feeds it."""
    call: CallPath | None = None
    """A call stack in the path (probes that have one); ``None`` is the plain path."""
    duration_s: float = 0.0
    """Length of the recording from frame 0 of the timeline."""

    @property
    def path(self) -> AudioPath:
        """The path this trial measures; a call leads neither to a loudspeaker nor a microphone."""
        route = self.route if self.call is None else "call"
        return AudioPath(route, self.audio_mode, self.api, self.input_preset)


@dataclass(frozen=True, slots=True)
class GrantedStream:
    """What the system gave for one direction. ``None`` = the platform does not say."""

    rate_hz: int
    channels: int
    frames_per_burst: int | None = None
    buffer_frames: int | None = None
    capacity_frames: int | None = None
    sharing: str | None = None
    performance_mode: str | None = None
    mmap: bool | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class EffectReport:
    """One effect as the system describes it; the catalogue's A tests check whether it is true."""

    state: EffectState
    uuid: str = ""
    implementor: str = ""


@dataclass(frozen=True, slots=True)
class TimestampPair:
    """A frame of a stream and the time (device monotonic clock) at which it passed."""

    frame: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """Everything a probe says about one trial, beside the samples."""

    probe_version: str
    output: GrantedStream
    input: GrantedStream
    xruns_output: int | None = None
    xruns_input: int | None = None
    reported_output_latency_ms: float | None = None
    reported_input_latency_ms: float | None = None
    timestamps_output: tuple[TimestampPair, ...] = ()
    timestamps_input: tuple[TimestampPair, ...] = ()
    callback_histogram_ms: tuple[tuple[float, int], ...] = ()
    """(upper edge of the bin in ms, count) of the time between callbacks."""
    effects: Mapping[str, EffectReport] = field(default_factory=dict)
    """Keys ``aec``, ``ns``, ``agc``."""
    startup_ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds since the trial began to open its streams: ``open``, ``start``,
    ``first_output``, ``first_input``, ``first_nonzero``."""
    longest_zero_run_frames: int | None = None
    """Longest run of recorded frames that are exactly 0 in every channel."""
    observed: Mapping[str, str] = field(default_factory=dict)
    """What was in force while the trial ran, beside what was granted: mode, volume index …"""
    input_silenced: bool | None = None
    """The system fed the probe zeros: another app, or the microphone switch."""
    thermal_status: str | None = None
    thermal_headroom: float | None = None
    """Android's forecast: 1.0 is where severe throttling begins."""
    battery_percent: float | None = None
    battery_temperature_c: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def reported_latency_ms(self) -> float | None:
        """Round trip the system claims, or ``None`` when a direction is not reported."""
        if self.reported_output_latency_ms is None or self.reported_input_latency_ms is None:
            return None
        return self.reported_output_latency_ms + self.reported_input_latency_ms


@dataclass(frozen=True, slots=True)
class CodecRequest:
    """A question about the cost of coding speech on the device, at the pace of a call."""

    codec: str = "opus"
    rate_hz: int = 48_000
    channels: int = 1
    bitrate_bps: int = 24_000
    complexity: int | None = None
    """0..10; ``None`` leaves it to the coder."""
    frame_ms: float = 20.0
    frames: int = 250
    paced: bool = True
    """One frame each ``frame_ms``: the processor's clock then falls as it does in a call."""


@dataclass(frozen=True, slots=True)
class CostStats:
    """Wall time of one frame in ms."""

    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class CodecCost:
    """What coding cost; a part the device has no coder for is ``None``."""

    encoder: str
    decoder: str
    frames: int
    bytes: int
    """Size of all packets."""
    encode_ms: CostStats | None
    decode_ms: CostStats | None


@dataclass(frozen=True, slots=True)
class TimedAction:
    """Something done to the device from outside while a trial runs."""

    at_s: float
    """On the timeline of the recording, as exactly as the way to the device allows."""
    action: str
    """A word the driver knows, e.g. ``screen_off``, ``home``, ``volume_up``, ``route``."""
    value: str = ""


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """What became of a :class:`TimedAction`. Times are on the timeline of the recording."""

    action: str
    value: str
    asked_s: float
    done_s: float | None
    """When it was done; ``None``: it was not."""
    ok: bool
    text: str
    """What was seen, or why it was not done."""


@dataclass(frozen=True, slots=True)
class PartnerPart:
    """The other device's part of an exchange."""

    request: TrialRequest
    stimulus: Stimulus
    at_s: tuple[float, ...]
    """When the partner plays ``stimulus``, on its own timeline."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Distances of an exchange; one that is not known is 0 and stays inside the latency."""

    distance_m: float = 0.0
    """Between A and B."""
    partner_distance_m: float = 0.0
    """B's own loudspeaker to B's own microphone."""


@dataclass(frozen=True, slots=True)
class TrialSetup:
    """What a trial is beside its configuration: when what is played, with whom, how it is read."""

    analysis: str = "latency"
    """Which analysis reads the recording: ``latency``, ``glitches``, ``echo``, ``near_end``,
    ``sound``, ``pitch``, ``exchange``, ``actions``, ``codec``."""
    at_s: tuple[float, ...] = (0.0,)
    """When the stimulus is played, on the recording's timeline; empty = it is not."""
    beneath: NoiseSpec | None = None
    """Noise that is played with the stimulus, from frame 0 on: a call treats silence in its own
    way."""
    partner: PartnerPart | None = None
    geometry: Geometry = Geometry()
    fresh_process: bool = False
    """The probe is started anew before this trial (CATALOGUE rule 6)."""
    rest_s: float = 0.0
    """The device is left alone for so long before this trial: a cold start needs cold streams."""
    actions: tuple[TimedAction, ...] = ()
    codec: CodecRequest | None = None
    """Asked instead of a recording."""
    note: str = ""
    """Which role the trial has in its test, e.g. ``aec on, volume 0.75``; for people and judges."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A stored evidence file. The file is named by its SHA-256."""

    sha256: str
    file_name: str
    """Name below the store's evidence folder, e.g. ``ab/abcd….flac``."""
    rate_hz: int
    channels: int
    frames: int
    sample_format: str
    """``int16``, ``int24`` or ``float32``: what the file holds, losslessly."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PartnerOutcome:
    """What the other device of an exchange granted and heard."""

    device_uid: str
    report: ProbeReport
    recording: Recording
