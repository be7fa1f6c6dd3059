"""A virtual phone: behaves like a phone, and keeps the truth where only tests can read it."""

from __future__ import annotations

import re
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from device_probes.codec import raw_table
from device_probes.protocol import RefusedCode
from device_probes.server import (
    ConnectionDropped,
    EmitProgress,
    LoadedPlay,
    TrialRefused,
    rate_differs,
)
from device_probes.virtual.air import Air, Presence
from device_probes.virtual.buffers import SCREEN_OFF, SCREEN_ON, TOUCH
from device_probes.virtual.clock import Clock, Stopwatch
from device_probes.virtual.coding import code_speech
from device_probes.virtual.opening import OPEN_S, PhoneState, granted_rate, open_session, settled
from device_probes.virtual.paths import COVER, FLIP, LEVEL, MUTE, ROUTE
from device_probes.virtual.rendering import ActionAt, Float32, raw_frames, render, timeline
from device_probes.virtual.report import make_report
from device_probes.virtual.sounds import KeptSounds
from device_probes.virtual.spec import PhoneSpec
from device_probes.virtual.truth import Session, TrialTruth
from profiler import __version__
from profiler.model import (
    CodecCost,
    CodecRequest,
    DeviceFacts,
    Platform,
    ProbeReport,
    TrialRequest,
)

_BEATS = 20
_STUCK_S = 3600.0
_KEPT_BYTES = 128_000_000
"""Sounds of past trials that a phone keeps for its truth."""
_DECIBELS = re.compile(r"-?\d{1,3}(\.\d{1,3})?\Z")
ACTIONS = frozenset({ROUTE, COVER, FLIP, MUTE, LEVEL, SCREEN_OFF, SCREEN_ON, TOUCH})


class VirtualPhone:
    """One unit of a :class:`~device_probes.virtual.spec.PhoneSpec`; a ``ProbeDevice``."""

    def __init__(
        self,
        spec: PhoneSpec,
        serial: str,
        fleet_seed: int,
        clock: Clock,
        air: Air | None = None,
    ) -> None:
        self.spec = spec
        self.serial = serial
        self.truths: list[TrialTruth] = []
        """One per trial that ran, in order: the side channel for tests."""
        self.keeps_sounds = True
        """Whether the truth of the sounds can be asked for later; the last trials only."""
        self.clock = clock
        self._seed = (fleet_seed, zlib.crc32(serial.encode()))
        self._trial = 0
        self._state = PhoneState()
        self._running: _Running | None = None
        self._kept: deque[tuple[int, KeptSounds]] = deque()
        self._air = air or Air(clock)

    def facts(self) -> DeviceFacts:
        """What the phone says of itself."""
        s = self.spec
        return DeviceFacts(
            platform=Platform.VIRTUAL,
            manufacturer=s.manufacturer,
            model=s.model,
            marketing_name=s.marketing_name,
            soc=s.soc,
            os_name=s.os_name,
            os_version=s.os_version,
            os_build=s.os_build,
            api_level=s.api_level,
            native_rate_hz=s.native_rate_hz,
            frames_per_burst=s.frames_per_burst,
            low_latency=s.low_latency,
            pro_audio=s.pro_audio,
            is_virtual=True,
            raw=raw_table(
                {
                    "serial": self.serial,
                    "apis": ",".join(s.latency.api_ms),
                    "routes": ", ".join(s.streams.routes),
                }
            ),
        )

    def run(
        self,
        request: TrialRequest,
        plays: Sequence[LoadedPlay],
        emit_progress: EmitProgress,
        cancelled: threading.Event,
    ) -> tuple[ProbeReport, npt.NDArray[np.int16] | Float32]:
        """One trial; see :class:`~device_probes.server.ProbeDevice`."""
        rate_out = granted_rate(self.spec, request)
        if plays and plays[0].rate_hz != rate_out:
            raise rate_differs(rate_out)
        session = self._open(request, rate_out)
        emit_progress("opening", 0.0)
        if session.truth.trial in self.spec.faults.stuck_on_trials:
            cancelled.wait(_STUCK_S)
        played = timeline(session, plays)
        opening_s = OPEN_S + request.warmup_s
        here = self._air.enter(self.serial, session, played, opening_s)
        self._running = _Running(here.watch, opening_s)
        try:
            sounds, samples = self._live(here, plays, emit_progress, cancelled)
        finally:
            self._air.leave(here)
            self._running = None
        session = sounds.session
        self._remember(sounds)
        report = make_report(self.spec, session, samples, __version__)
        return report, samples

    def _live(
        self,
        here: Presence,
        plays: Sequence[LoadedPlay],
        emit_progress: EmitProgress,
        cancelled: threading.Event,
    ) -> tuple[KeptSounds, npt.NDArray[np.int16] | Float32]:
        """Live through a trial: all that happened, and what was recorded."""
        session = here.session
        truth, request = session.truth, session.truth.request
        played_from = OPEN_S + request.warmup_s
        total = played_from + request.duration_s

        def live(stage: str, begin: float, end: float) -> None:
            """Live through ``begin``..``end`` seconds of the trial, telling how far it is."""
            for beat in range(_BEATS):
                now = begin + (end - begin) * beat / _BEATS
                if here.watch.wait_until(now, cancelled):
                    break
                # Late, when the sound took its time to be made: said as it is.
                emit_progress(stage, min(max(now, here.watch.shows_s()), end) / total)
            if here.watch.wait_until(end, cancelled):
                raise TrialRefused(RefusedCode.CANCELLED, "the trial was cancelled")

        live("warming", 0.0, played_from)
        if truth.trial in self.spec.faults.unplugged_on_trials:
            raise ConnectionDropped
        # While it plays there is time; with company the whole sound is known only at the end.
        samples = None if self._air.company(here) else render(session, plays)
        live("playing", played_from, total)
        actions = self._acted()
        session = settled(session, actions)
        outside, heard = self._air.hear(here, raw_frames(session))
        if samples is None or outside is not None or actions:
            samples = render(session, plays, outside, actions)
        session = replace(session, truth=replace(session.truth, heard=heard))
        return KeptSounds(session, plays, outside, actions), samples

    def codec_cost(
        self, request: CodecRequest, emit_progress: EmitProgress, cancelled: threading.Event
    ) -> CodecCost:
        """Code speech; :func:`~device_probes.virtual.coding.median_ms` is the truth."""
        return code_speech(
            self.spec,
            request,
            self.clock,
            self._seed,
            emit_progress=emit_progress,
            cancelled=cancelled,
        )

    def new_process(self) -> None:
        """The app was ended and started: what a process carries from session to session is gone."""
        self._state.sessions = 0

    def act(self, action: str, value: str, at_s: float | None = None) -> str:
        """Do something to the phone, from any thread; returns the word of what it is now.

        ``action`` is one of :data:`ACTIONS`; what changes the sound does so from this moment of
        the running trial on (or from ``at_s`` of its recording). Raises
        :class:`~device_probes.server.TrialRefused` when that cannot be.
        """
        if action not in ACTIONS:
            raise TrialRefused(RefusedCode.UNSUPPORTED, f"this phone has no action {action}")
        streams, running = self.spec.streams, self._running
        if action == ROUTE and value not in streams.routes:
            raise TrialRefused(RefusedCode.UNSUPPORTED, f"no route {value}")
        if action == LEVEL and not _DECIBELS.match(value):
            raise TrialRefused(RefusedCode.UNSUPPORTED, f"no change in dB: {value}")
        if action in (SCREEN_OFF, SCREEN_ON, TOUCH):
            self._state.screen_off = action == SCREEN_OFF
        elif running is None:
            raise TrialRefused(RefusedCode.UNSUPPORTED, "nothing is playing")
        if action == ROUTE and streams.granted_route:
            return streams.granted_route
        if running is not None:
            now_s = running.watch.shows_s() - running.played_from_s if at_s is None else at_s
            running.actions.append((now_s, action, value))
        return value or action

    def recording_s(self) -> float | None:
        """Where the running trial is on the timeline of its recording; ``None``: none runs."""
        running = self._running
        return None if running is None else running.watch.shows_s() - running.played_from_s

    def _acted(self) -> tuple[ActionAt, ...]:
        return tuple(sorted(self._running.actions)) if self._running else ()

    def _open(self, request: TrialRequest, rate_out: int) -> Session:
        trial = self._trial
        self._trial += 1
        session = open_session(
            self.spec,
            request,
            rate_out,
            trial=trial,
            unit_seed=self._seed,
            state=self._state,
        )
        self._state.sessions += 1
        return session

    def _remember(self, sounds: KeptSounds) -> None:
        """Take the trial's truth, and forget the sounds of those long past."""
        session = sounds.session
        self._state.warm(self.spec.buffers, session.truth.request)
        truth = session.truth
        if self.keeps_sounds:
            sounds = replace(sounds, plays=self._shared(sounds.plays))
            self._kept.append((len(self.truths), sounds))
            truth = replace(truth, sound=sounds)
        self.truths.append(truth)
        while len(self._kept) > 1 and _nbytes(self._kept) > _KEPT_BYTES:
            index, _ = self._kept.popleft()
            self.truths[index] = replace(self.truths[index], sound=None)

    def _shared(self, plays: Sequence[LoadedPlay]) -> list[LoadedPlay]:
        """``plays``, with the samples of earlier trials where they are the same."""
        known = {(p.stimulus_id, p.rate_hz): p.samples for _, s in self._kept for p in s.plays}
        shared = []
        for play in plays:
            same = known.get((play.stimulus_id, play.rate_hz), play.samples)
            found = np.array_equal(same, play.samples)
            shared.append(replace(play, samples=same) if found else play)
        return shared


@dataclass(slots=True, eq=False)
class _Running:
    """The trial that runs."""

    watch: Stopwatch
    played_from_s: float
    """What the watch shows at frame 0."""
    actions: list[ActionAt] = field(default_factory=list)


def _nbytes(kept: Iterable[tuple[int, KeptSounds]]) -> int:
    """Memory of the sounds; trials that play the same share it."""
    played = {id(p.samples): p.samples.nbytes for _, s in kept for p in s.plays}
    return sum(played.values()) + sum(s.nbytes for _, s in kept)
