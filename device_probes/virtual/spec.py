"""What a fleet file says of its phones: pydantic models, every value bounded."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from device_probes.virtual.android_spec import Android, Section
from device_probes.virtual.spec_streams import Buffers, PathChange, Route, Start, Streams
from device_probes.virtual.spec_voice import Processing
from device_probes.virtual.spec_words import (
    Db,
    GlitchKind,
    Hz,
    Latency,
    Name,
    Performance,
    Rate,
    Word,
)

Seconds = Annotated[float, Field(ge=0, le=36_000)]


class Delay(Section):
    """Electrical round trip at the default buffer size, and how it varies from open to open."""

    api_ms: dict[Word, Latency] = Field(min_length=1)
    """Delay per API; the first is what ``default`` means."""
    communication_extra_ms: Annotated[float, Field(ge=0, le=500)] = 0.0
    rate_extra_ms: tuple[tuple[Rate, Annotated[float, Field(ge=0, le=1000)]], ...] = ()
    """(rate, added delay): what a sample-rate converter of the system costs there."""
    performance_extra_ms: tuple[
        tuple[Performance, Annotated[float, Field(ge=0, le=1000)]], ...
    ] = ()
    """(performance mode granted, added delay); see ``performance_modes`` of the streams."""
    steps_ms: tuple[tuple[Seconds, Annotated[float, Field(ge=-500, le=500)]], ...] = ()
    """(second of the recording, change of the latency from there on), without any notice."""
    spread: Literal["none", "bursts", "continuous"] = "bursts"
    spread_bursts: Annotated[int, Field(ge=0, le=64)] = 1
    """``bursts``: 0 to this many bursts more, at each open."""
    spread_ms: Annotated[float, Field(ge=0, le=200)] = 0.0
    """``continuous``: 1σ of each open (cut at 3σ)."""
    output_share: Annotated[float, Field(ge=0.05, le=0.95)] = 0.6
    """Part of the electrical round trip that lies on the way out."""


class Reported(Section):
    """What the phone says of itself, true or not."""

    latency_factor: Annotated[float, Field(ge=0, le=10)] | None = None
    """Reported latency = truth × factor + offset; absent: nothing is reported."""
    latency_offset_ms: Annotated[float, Field(ge=-500, le=500)] = 0.0
    timestamps: Literal["none", "honest", "early", "jitter", "stuck"] = "honest"
    """``early`` claims half of the real latency."""
    xruns: bool = True
    xrun_counter: Literal["honest", "zero", "noise"] = "honest"
    """``noise`` counts what never was."""
    effects_as_requested: bool = False
    """Claims that effects are as requested, whatever they do."""


class ClockError(Section):
    """Capture clock against playback clock, and the playback clock against the world's."""

    ppm: Annotated[float, Field(ge=-400, le=400)] = 0.0
    """The playback clock runs this much too fast; only another device can tell."""
    drift_ppm: Annotated[float, Field(ge=-400, le=400)] = 0.0
    drift_sd_ppm: Annotated[float, Field(ge=0, le=50)] = 0.0
    """1σ from open to open (cut at 3σ)."""
    wander_us: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    """Peak to peak of an adaptive resampler's slow wander."""
    wander_period_s: Annotated[float, Field(ge=0.5, le=120)] = 7.0


class Acoustics(Section):
    """From the digital output to the microphone's converter; all of it minimum phase."""

    level_dbfs: Annotated[float, Field(ge=-90, le=10)] = -26.0
    """RMS of the captured stimulus at full volume, before AGC."""
    volume_curve: tuple[tuple[Annotated[float, Field(ge=0, le=1)], Db], ...] = ()
    """(requested volume, dB against the level above), linear between them; without any, the
    volume is the factor of the amplitude."""
    distance_m: Annotated[float, Field(ge=0, le=5)] = 0.12
    highpass_hz: Hz | None = None
    highpass_order: Annotated[int, Field(ge=1, le=4)] = 3
    resonances: tuple[tuple[Hz, Annotated[float, Field(ge=0.2, le=30)], Db], ...] = ()
    """(frequency Hz, Q, gain dB)."""
    drive: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Soft distortion: tanh(drive·x)/drive, so it grows with the volume; 0 is linear."""
    mic_clip_dbfs: Db | None = None
    """The microphone clips at this peak, before any processing."""
    reflections: tuple[tuple[Annotated[float, Field(ge=0.02, le=40)], Db], ...] = ()
    """(ms after the direct path, dB against it); above 0 dB the direct path is the weak one."""
    rt60_s: Annotated[float, Field(ge=0.05, le=1.0)] | None = None
    reverb_db: Db = -10.0
    """Energy of the room's tail against the direct path."""
    inverted: bool = False
    capture_band_hz: tuple[Hz, Hz] | None = None
    """Band of the capture chain, e.g. 300-3400 Hz behind a telephone path."""


class Noise(Section):
    """Added at the microphone; RMS against full scale."""

    white_dbfs: Db | None = -80.0
    pink_dbfs: Db | None = None
    hum_dbfs: Db | None = None
    hum_hz: Annotated[float, Field(ge=40, le=70)] = 50.0


class Glitches(Section):
    """Random edits of the captured timeline."""

    per_minute: Annotated[float, Field(ge=0, le=600)] = 0.0
    kinds: Annotated[tuple[GlitchKind, ...], Field(min_length=1)] = ("hole",)
    min_ms: Annotated[float, Field(ge=0.5, le=200)] = 2.0
    max_ms: Annotated[float, Field(ge=0.5, le=200)] = 20.0
    mute_start_ms: Annotated[float, Field(ge=0, le=3000)] = 0.0
    """The microphone wakes up this long after frame 0."""
    mute_after_s: Seconds | None = None
    """From this second of the recording on there are exact zeros."""


class Faults(Section):
    """Failures of the phone itself, by number of the trial since it was made (0 is the first)."""

    unplugged_on_trials: tuple[Annotated[int, Field(ge=0)], ...] = ()
    stuck_on_trials: tuple[Annotated[int, Field(ge=0)], ...] = ()


class PhoneSpec(Section):
    """One kind of phone; ``count`` makes several units of it."""

    serial: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$")]
    count: Annotated[int, Field(ge=1, le=256)] = 1
    manufacturer: Name
    model: Name
    marketing_name: Name
    soc: Name
    os_name: Name
    os_version: Name
    os_build: Name
    api_level: Annotated[int, Field(ge=1, le=1000)] | None = None
    native_rate_hz: Rate = 48_000
    frames_per_burst: Annotated[int, Field(ge=16, le=8192)] = 192
    low_latency: bool | None = None
    pro_audio: bool | None = None
    streams: Streams = Streams()
    latency: Delay
    reported: Reported = Reported()
    clock: ClockError = ClockError()
    acoustics: Acoustics = Acoustics()
    noise: Noise = Noise()
    processing: Processing = Processing()
    glitches: Glitches = Glitches()
    start: Start = Start()
    buffers: Buffers = Buffers()
    routes: dict[Word, Route] = Field(default_factory=dict)
    """``[phone.routes.speaker]``: a route without a table is as the default."""
    path_change: PathChange = PathChange()
    faults: Faults = Faults()
    link: Literal["adb", "usbmux", "direct"]
    """How it is reached: ``adb`` behind a real adb server (the default of ``os_name = "Android"``),
    ``usbmux`` as an iPhone behind a usbmuxd of our own, ``direct`` by a socket pair in the same
    process."""
    zone: Word | None = None
    """Name of the ``[[zone]]`` it lies in; without one it hears only itself."""
    android: Android = Android()

    @property
    def usual_performance(self) -> str:
        """The performance mode of streams for which none was asked."""
        return "low_latency" if self.low_latency else "none"

    @model_validator(mode="before")
    @classmethod
    def _default_link(cls, value: Any) -> Any:
        if isinstance(value, dict) and "link" not in value:
            return {**value, "link": "adb" if value.get("os_name") == "Android" else "direct"}
        return value


class Zone(Section):
    """A place whose phones hear each other: all of them of one link.

    The sound falls with the distance from what a phone's own microphone gets of its loudspeaker;
    all microphones are equally sensitive.
    """

    name: Word
    distance_m: Annotated[float, Field(ge=0.02, le=10)] = 0.3
    """From any loudspeaker to the microphone of any other phone."""
    loss_db: Annotated[float, Field(ge=0, le=60)] = 0.0
    """What something between them takes."""
    rt60_s: Annotated[float, Field(ge=0.05, le=1.0)] | None = 0.3
    reverb_db: Db = -10.0
    """Energy of the room's tail against the direct path."""


class FleetSpec(Section):
    """A whole fleet file."""

    version: Literal[1]
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1
    zone: tuple[Zone, ...] = Field(default=(), max_length=256)
    phone: tuple[PhoneSpec, ...] = Field(min_length=1, max_length=256)
