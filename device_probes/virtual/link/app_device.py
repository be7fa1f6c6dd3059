"""The sound of a virtual phone as its probe app reaches it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from device_probes.server import CodesSpeech, EmitProgress, LoadedPlay, ProbeDevice
from device_probes.virtual.link.moments import Moments
from profiler.model import CodecCost, CodecRequest, DeviceFacts, ProbeReport, TrialRequest

Samples: TypeAlias = npt.NDArray[np.int16] | npt.NDArray[np.float32]
Recorded: TypeAlias = tuple[ProbeReport, Samples]
"""What a trial comes back with; samples of shape (frames, channels)."""
Record: TypeAlias = Callable[[], Recorded]
"""Opens the streams, plays and records: the trial, as the sound alone would have it."""


class Sound(ProbeDevice, CodesSpeech, Protocol):
    """What plays and records: the virtual phone, or the units that its system has before it."""

    def act(self, action: str, value: str) -> str:
        """Change something of the running trial; the word of what it is now."""
        ...


class SystemRules(Protocol):
    """What the phone's system does to an app that plays and records."""

    def trial(self, request: TrialRequest, record: Record, cancelled: threading.Event) -> Recorded:
        """Have the trial recorded as the system lets an app have it.

        Raises :class:`~device_probes.server.TrialRefused` when it does not.
        """
        ...


class AppDevice:
    """The sound with the rules of the system; every use of it is an event. A ``ProbeDevice``."""

    def __init__(self, sound: Sound, moments: Moments, rules: SystemRules) -> None:
        self._sound = sound
        self._moments = moments
        self._rules = rules

    def facts(self) -> DeviceFacts:
        """What the phone says of itself."""
        self._moments.event_here("probe:facts")
        return self._sound.facts()

    def codec_cost(
        self, request: CodecRequest, emit_progress: EmitProgress, cancelled: threading.Event
    ) -> CodecCost:
        """What coding speech costs on it."""
        self._moments.event_here("probe:codec")
        return self._sound.codec_cost(request, emit_progress, cancelled)

    def act(self, action: str, value: str) -> str:
        """An act of the contract; the route is the one of the phone's sound."""
        self._moments.event_here("probe:act")
        return self._sound.act(action, value)

    def run(
        self,
        request: TrialRequest,
        plays: Sequence[LoadedPlay],
        emit_progress: EmitProgress,
        cancelled: threading.Event,
    ) -> Recorded:
        """One trial, as the system lets an app have it."""
        self._moments.event_here("probe:run")

        def emit(stage: str, fraction: float) -> None:
            self._moments.event_here(f"probe:stage:{stage}")
            emit_progress(stage, fraction)

        def record() -> Recorded:
            return self._sound.run(request, plays, emit, cancelled)

        return self._rules.trial(request, record, cancelled)
