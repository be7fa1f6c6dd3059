"""What a fleet file says of a phone's streams: start, buffers, routes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from device_probes.virtual.android_spec import Section
from device_probes.virtual.spec_words import Db, GlitchKind, Performance, Rate, Where, Word

Bursts = Annotated[int, Field(ge=0, le=64)]
StartMs = Annotated[float, Field(ge=0, le=5000)]


class Streams(Section):
    """Which streams open, and how they differ from what was requested."""

    rates_hz: tuple[Rate, ...] = (48_000, 44_100, 16_000)
    """Rates granted as requested."""
    other_rates: Literal["native", "refuse"] = "native"
    input_rate_hz: Rate | None = None
    """The input opens at this rate whatever was requested."""
    silent_rates_hz: tuple[Rate, ...] = ()
    """The input delivers exact zeros at these rates and says nothing about it."""
    silent: tuple[Where, ...] = ()
    """The same for whole combinations."""
    wrong_rates_hz: tuple[tuple[Rate, Rate], ...] = ()
    """(granted, true) rate of the input: the pitch of the recording is wrong by their ratio."""
    mono_is_stereo: tuple[Where, ...] = ()
    """A mono input there holds interleaved stereo: half of the time at half of the pitch."""
    channels: Literal["duplicated", "separate", "swapped", "first_only"] = "duplicated"
    """What two input channels hold: the same; two microphones (the second 3 dB weaker and 0.25 ms
    later); these in the other order; zeros in the second."""
    routes: tuple[Word, ...] = ("speaker",)
    granted_route: Word | None = None
    """Where the sound really goes, when that is not the requested route."""
    refused_modes: tuple[Word, ...] = ()
    exclusive: bool = True
    performance_modes: tuple[Performance, ...] = ()
    """Granted as asked; whatever else is asked gets what ``low_latency`` of the phone means."""
    honours_buffer: bool = True
    sample_format: Literal["int16", "float32"] = "int16"


class Start(Section):
    """Cold start, in ms since the streams began to open (which takes 50)."""

    first_input_ms: StartMs = 0.0
    """The first buffer arrives; the recording holds zeros until then."""
    first_nonzero_ms: StartMs = 0.0
    """The microphone is awake."""
    first_output_ms: StartMs = 0.0
    """What is played before is not heard."""
    later_extra_ms: StartMs = 0.0
    """The second and later starts of one process take this much longer, all three."""


class Buffers(Section):
    """How many bursts the output buffer needs; with fewer the sound glitches."""

    safe_bursts: Bursts = 0
    """0: the buffer never matters."""
    load_bursts: Bursts = 0
    """More of them while ``cpu_load`` × ``cpu_threads`` is above ``load_from``."""
    load_from: Annotated[float, Field(ge=0, le=64)] = 0.5
    idle_bursts: Bursts = 0
    """More of them while the screen is off, or was not touched since ``idle_after_s``; a trial's
    beginning counts as a touch."""
    idle_after_s: Annotated[float, Field(ge=0, le=600)] = 20.0
    heat_bursts: Bursts = 0
    """More of them after ``heat_after_min`` of load, less what was idle since."""
    heat_after_min: Annotated[float, Field(ge=0, le=240)] = 10.0
    glitches_per_minute: Annotated[float, Field(ge=0, le=600)] = 40.0
    """With one burst missing; each further one doubles it."""
    kinds: Annotated[tuple[GlitchKind, ...], Field(min_length=1)] = ("hole", "insert")
    late_factor: Annotated[float, Field(ge=1, le=50)] = 1.0
    """Time between callbacks under load or idle, against the normal."""


class Route(Section):
    """One route of ``phone.streams.routes``, against the default."""

    level_db: Db = 0.0
    delay_ms: Annotated[float, Field(ge=0, le=1000)] = 0.0
    gap_s: Annotated[float, Field(ge=0, le=10)] = 0.3
    """Silence, in and out, when it is changed to this route while a session runs."""


class PathChange(Section):
    """What becomes of the echo path when somebody covers the microphone or turns the phone."""

    level_db: Db = -6.0
    delay_ms: Annotated[float, Field(ge=0, le=5)] = 0.3
