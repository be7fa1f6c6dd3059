"""What really happened in a virtual trial. Nothing here ever crosses the protocol."""

from __future__ import annotations

from dataclasses import dataclass, field

from device_probes.virtual.acoustics import Timing
from device_probes.virtual.echo_truth import EchoTruth, NearTruth, SoundTruth
from device_probes.virtual.effects import Edit
from device_probes.virtual.spec import PhoneSpec
from profiler.model import TrialRequest


@dataclass(frozen=True, slots=True)
class TruthEvent:
    """An edit of the recording's timeline, as :class:`profiler.model.Dropout` reports one."""

    time_s: float
    duration_ms: float
    kind: str
    delta_ms: float
    """Change of the latency from here on (0 for a hole)."""


@dataclass(frozen=True, slots=True)
class HeardTruth:
    """Another phone's loudspeaker in a recording."""

    serial: str
    trial: int
    """Which trial of that phone."""
    offset_s: float
    """Its playback time p arrives, on the direct path, at ``offset_s + p·(1 + drift_ppm·1e-6)``
    of this phone's capture clock, plus this phone's wander."""
    drift_ppm: float
    distance_m: float


@dataclass(frozen=True, slots=True)
class StartTruth:
    """Cold start, in ms since the streams began to open."""

    first_input_ms: float
    first_nonzero_ms: float
    first_audible_ms: float
    input_lost_ms: float
    """Zeros at the beginning of the recording."""
    output_lost_ms: float
    """What was played in this time was not heard."""


@dataclass(frozen=True, slots=True)
class PathTruth:
    """The echo path from ``begin_s`` of the recording on, until the next one begins."""

    begin_s: float
    sound_s: float
    """There is no sound from ``begin_s`` to here."""
    route: str
    level_db: float
    """Against the path that the fleet file's level is of."""
    latency_ms: float
    """As :attr:`TrialTruth.latency_ms`."""
    cause: str
    """``start``, or the action."""


@dataclass(frozen=True, slots=True)
class TrialTruth:
    """What really happened in one trial. Never crosses the protocol."""

    trial: int
    request: TrialRequest
    latency_ms: float
    """Onset of the direct path at t = 0 of the capture clock; playback time p arrives at
    ``latency_ms + p·(1 + drift_ppm·1e-6)``. Holds :attr:`processing_delay_ms`; later changes are
    in :attr:`events` and :attr:`paths`."""
    drift_ppm: float
    wander_us: float
    """Peak to peak about that line."""
    polarity: int
    events: tuple[TruthEvent, ...]
    silent: bool
    output_rate_hz: int
    input_rate_hz: int
    agc: bool
    ns: bool
    output_ms: float = 0.0
    """Electrical delay from the app to the loudspeaker, on the capture clock."""
    input_ms: float = 0.0
    """Electrical delay from the microphone to the app, before the voice processing. With
    :attr:`output_ms` and :attr:`processing_delay_ms` it is the latency without the way through the
    air."""
    heard: tuple[HeardTruth, ...] = ()
    aec: bool = False
    """The canceller runs; whether it removes anything is in :attr:`echo`."""
    aec_fails: bool = False
    """It runs outside of what it can do."""
    processing_delay_ms: float = 0.0
    """What the voice processing adds to the latency (measured for WebRTC's)."""
    session: int = 0
    """Sessions that this process had before."""
    true_input_rate_hz: int = 0
    """What the samples were really taken at."""
    mono_is_stereo: bool = False
    pitch_ratio: float = 1.0
    """Heard frequency over played frequency."""
    bursts: int = 0
    """Of the output buffer, granted."""
    safe_bursts: int = 0
    """It takes this many in this trial, in its worst moment, not to glitch."""
    buffer_glitches: int = 0
    """Events that come from too small a buffer."""
    start: StartTruth | None = None
    paths: tuple[PathTruth, ...] = ()
    sound: SoundTruth | None = field(default=None, compare=False, repr=False)

    @property
    def echo(self) -> EchoTruth:
        """What became of the phone's own sound; computed when it is first asked for.

        Raises ``LookupError`` when the phone no longer has the trial's sounds.
        """
        if self.sound is None:
            raise LookupError(f"the sounds of trial {self.trial} are no longer kept")
        return self.sound.echo

    @property
    def near(self) -> NearTruth:
        """What became of the other devices' sound, as :attr:`echo`."""
        if self.sound is None:
            raise LookupError(f"the sounds of trial {self.trial} are no longer kept")
        return self.sound.near


@dataclass(frozen=True, slots=True)
class Session:
    """One stream open: what the phone decided, before any sound."""

    spec: PhoneSpec
    truth: TrialTruth
    timing: Timing
    edits: tuple[Edit, ...]
    buffer_frames: int
    route: str
    seed: tuple[int, ...]
    room_seed: int
    own_edits: tuple[Edit, ...] = ()
    """Those of :attr:`edits` that nothing done to the phone changes."""
    hot_s: float = 0.0
    """Load it was under before."""
    screen_off: bool = False
    slow_s: float = 0.0
    """How long it was idle, or under load."""
