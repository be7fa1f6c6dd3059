"""What really happened in a virtual trial. Nothing here ever crosses the protocol."""

from __future__ import annotations

from dataclasses import dataclass

from device_probes.virtual.acoustics import Timing
from device_probes.virtual.effects import Edit
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
class TrialTruth:
    """What really happened in one trial. Never crosses the protocol."""

    trial: int
    request: TrialRequest
    latency_ms: float
    """Onset of the direct path at t = 0 of the capture clock; playback time p arrives at
    ``latency_ms + p·(1 + drift_ppm·1e-6)``."""
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


@dataclass(frozen=True, slots=True)
class Session:
    """One stream open: what the phone decided, before any sound."""

    truth: TrialTruth
    timing: Timing
    edits: tuple[Edit, ...]
    buffer_frames: int
    route: str
    seed: tuple[int, ...]
