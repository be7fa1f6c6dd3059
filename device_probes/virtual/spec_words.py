"""Types of single values in a fleet file, and the combination of a request."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from device_probes.virtual.android_spec import Section
from profiler.wav import MAX_RATE_HZ, MIN_RATE_HZ

Rate = Annotated[int, Field(ge=MIN_RATE_HZ, le=MAX_RATE_HZ)]
Db = Annotated[float, Field(ge=-140, le=40)]
Hz = Annotated[float, Field(ge=10, le=90_000)]
Name = Annotated[str, Field(max_length=100)]
Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$", max_length=64)]
Latency = Annotated[float, Field(ge=0.5, le=1900)]
When = Literal["never", "on_request", "communication", "always"]
"""When a voice effect really works: ``on_request`` honours the request, ``communication`` turns
it on by itself in that mode, ``always`` cannot be turned off."""
Performance = Literal["low_latency", "none", "power_saving"]
GlitchKind = Literal["hole", "skip", "insert", "repeat"]


class Where(Section):
    """A combination of a request: every list that is not empty must hold what was asked."""

    rates_hz: tuple[Rate, ...] = ()
    """Rate asked for, or the input's own."""
    apis: tuple[Word, ...] = ()
    presets: tuple[Word, ...] = ()
    modes: tuple[Word, ...] = ()
    performance_modes: tuple[Word, ...] = ()
    sharing: tuple[Word, ...] = ()
    """``exclusive`` is the path of memory-mapped buffers."""
    sessions: tuple[Word, ...] = ()
    """``audio_session`` as asked."""
    routes: tuple[Word, ...] = ()
