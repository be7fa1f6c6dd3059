"""A virtual phone: behaves like a phone, and keeps the truth where only tests can read it."""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Sequence

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
from device_probes.virtual.acoustics import SPEED_OF_SOUND_M_S, Timing, capture
from device_probes.virtual.clock import Clock
from device_probes.virtual.coding import code_speech
from device_probes.virtual.effects import (
    Edit,
    add_noise,
    apply_edits,
    automatic_gain,
    draw_edits,
    spare_frames,
    suppress_noise,
)
from device_probes.virtual.report import OPEN_S, make_report
from device_probes.virtual.spec import PhoneSpec, When
from device_probes.virtual.truth import Session, TrialTruth, TruthEvent
from profiler import __version__
from profiler.model import (
    CodecCost,
    CodecRequest,
    DeviceFacts,
    EffectState,
    Platform,
    ProbeReport,
    TrialRequest,
)

Float32 = npt.NDArray[np.float32]
_BEATS = 20
_STUCK_S = 3600.0


class VirtualPhone:
    """One unit of a :class:`~device_probes.virtual.spec.PhoneSpec`; a ``ProbeDevice``."""

    def __init__(self, spec: PhoneSpec, serial: str, fleet_seed: int, clock: Clock) -> None:
        self.spec = spec
        self.serial = serial
        self.truths: list[TrialTruth] = []
        """One per trial that ran, in order: the side channel for tests."""
        self.clock = clock
        self._seed = (fleet_seed, zlib.crc32(serial.encode()))
        self._trial = 0

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
            raw=raw_table({"serial": self.serial, "apis": ",".join(s.latency.api_ms)}),
        )

    def run(
        self,
        request: TrialRequest,
        plays: Sequence[LoadedPlay],
        emit_progress: EmitProgress,
        cancelled: threading.Event,
    ) -> tuple[ProbeReport, npt.NDArray[np.int16] | Float32]:
        """One trial; see :class:`~device_probes.server.ProbeDevice`."""
        rate_out = self._granted_rate(request)
        if plays and plays[0].rate_hz != rate_out:
            raise rate_differs(rate_out)
        session = self._open(request, rate_out)
        watch = self.clock.start()
        emit_progress("opening", 0.0)
        if session.truth.trial in self.spec.faults.stuck_on_trials:
            cancelled.wait(_STUCK_S)
        played_from = OPEN_S + request.warmup_s
        total = played_from + request.duration_s

        def live(stage: str, begin: float, end: float) -> None:
            """Live through ``begin``..``end`` seconds of the trial, telling how far it is."""
            for beat in range(_BEATS):
                now = begin + (end - begin) * beat / _BEATS
                if watch.wait_until(now, cancelled):
                    break
                emit_progress(stage, now / total)
            if watch.wait_until(end, cancelled):
                raise TrialRefused(RefusedCode.CANCELLED, "the trial was cancelled")

        live("warming", 0.0, played_from)
        if session.truth.trial in self.spec.faults.unplugged_on_trials:
            raise ConnectionDropped
        samples = self._record(session, plays)
        live("playing", played_from, total)
        self.truths.append(session.truth)
        report = make_report(self.spec, session, samples, __version__)
        return report, samples

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

    # --- opening ----------------------------------------------------------------------------------

    def _granted_rate(self, request: TrialRequest) -> int:
        s = self.spec
        api = request.api
        if api != "default" and api not in s.latency.api_ms:
            raise TrialRefused(RefusedCode.UNSUPPORTED, f"this phone has no API {api}")
        if request.route not in s.streams.routes:
            raise TrialRefused(RefusedCode.UNSUPPORTED, f"no route {request.route}")
        if request.audio_mode in s.streams.refused_modes:
            raise TrialRefused(RefusedCode.OPEN_FAILED, f"mode {request.audio_mode} does not open")
        if request.rate_hz in s.streams.rates_hz:
            return request.rate_hz
        if s.streams.other_rates == "refuse":
            raise TrialRefused(RefusedCode.UNSUPPORTED, f"{request.rate_hz} Hz does not open")
        return s.native_rate_hz

    def _open(self, request: TrialRequest, rate_out: int) -> Session:
        """Draw everything that differs from open to open."""
        s, trial = self.spec, self._trial
        self._trial += 1
        seed = (*self._seed, trial)
        rng = np.random.default_rng(seed)
        rate_in = s.streams.input_rate_hz or rate_out
        silent = bool({request.rate_hz, rate_in} & set(s.streams.silent_rates_hz))
        bursts = (request.buffer_bursts or 2) if s.streams.honours_buffer else 4
        latency_s = self._latency_s(request, rate_out, bursts, rng)
        drift = s.clock.drift_ppm + s.clock.drift_sd_ppm * float(np.clip(rng.normal(), -3, 3))
        timing = Timing(
            latency_s,
            drift,
            s.clock.wander_us * 0.5e-6,
            s.clock.wander_period_s,
            float(rng.uniform(0, 2 * math.pi)),
        )
        frames = round(request.duration_s * rate_in)
        edits = () if silent else draw_edits(s.glitches, frames, rate_in, rng)
        truth = TrialTruth(
            trial=trial,
            request=request,
            latency_ms=latency_s * 1000,
            drift_ppm=drift,
            wander_us=s.clock.wander_us,
            polarity=-1 if s.acoustics.inverted else 1,
            events=_events(edits, rate_in),
            silent=silent,
            output_rate_hz=rate_out,
            input_rate_hz=rate_in,
            agc=_works(s.processing.agc, request.agc, request.audio_mode),
            ns=_works(s.processing.ns, request.ns, request.audio_mode),
        )
        route = s.streams.granted_route or request.route
        return Session(truth, timing, edits, bursts * s.frames_per_burst, route, seed)

    def _latency_s(
        self, request: TrialRequest, rate_out: int, bursts: int, rng: np.random.Generator
    ) -> float:
        s = self.spec
        apis = s.latency.api_ms
        ms = apis[next(iter(apis)) if request.api == "default" else request.api]
        if request.audio_mode == "communication":
            ms += s.latency.communication_extra_ms
        burst_s = s.frames_per_burst / rate_out
        extra_s = (bursts - (2 if s.streams.honours_buffer else 4)) * burst_s
        if s.latency.spread == "bursts":
            extra_s += int(rng.integers(s.latency.spread_bursts + 1)) * burst_s
        elif s.latency.spread == "continuous":
            extra_s += s.latency.spread_ms / 1000 * float(np.clip(rng.normal(), -3, 3))
        return max(ms / 1000 + extra_s, 0.0005) + s.acoustics.distance_m / SPEED_OF_SOUND_M_S

    # --- running ----------------------------------------------------------------------------------

    def _record(
        self, session: Session, plays: Sequence[LoadedPlay]
    ) -> npt.NDArray[np.int16] | Float32:
        s, truth, request = self.spec, session.truth, session.truth.request
        rng = np.random.default_rng((*session.seed, 7))
        rate_in = truth.input_rate_hz
        frames = round(request.duration_s * rate_in)
        if truth.silent:
            mono = np.zeros(frames, np.float32)
        else:
            raw = np.zeros(frames + spare_frames(session.edits), np.float32)
            if plays:
                raw = capture(
                    _timeline(plays, truth.output_rate_hz, request),
                    truth.output_rate_hz,
                    raw.size,
                    rate_in,
                    acoustics=s.acoustics,
                    timing=session.timing,
                    room_seed=self._seed[1],
                )
            add_noise(raw, rate_in, s.noise, rng)
            if truth.ns:
                raw = suppress_noise(raw, rate_in, s.processing.ns_depth_db)
            if truth.agc:
                raw = automatic_gain(raw, rate_in, s.processing.agc_max_db)
            mono = apply_edits(raw, session.edits, frames)
            mono[: round(s.glitches.mute_start_ms / 1000 * rate_in)] = 0
        return _converted(mono, request.input_channels, s.streams.sample_format)


def _events(edits: Sequence[Edit], rate_hz: int) -> tuple[TruthEvent, ...]:
    ms = 1000 / rate_hz
    return tuple(TruthEvent(e.frame / rate_hz, e.frames * ms, e.kind, e.shift * ms) for e in edits)


def _works(when: When, asked: EffectState, mode: str) -> bool:
    """Whether an effect really runs."""
    if when == "communication":
        return mode == "communication" and asked is not EffectState.OFF
    return when == "always" or (when == "on_request" and asked is EffectState.ON)


def _timeline(plays: Sequence[LoadedPlay], rate_hz: int, request: TrialRequest) -> Float32:
    """All plays on the output's timeline, at the requested volume, clipped as a mixer does."""
    timeline = np.zeros(round(request.duration_s * rate_hz), np.float32)
    for play in plays:
        piece = play.samples[: max(timeline.size - play.at_frame, 0)]
        timeline[play.at_frame : play.at_frame + piece.size] += piece
    if request.volume is not None:
        timeline *= np.float32(request.volume)
    return np.clip(timeline, -1.0, 1.0)


def _converted(mono: Float32, channels: int, sample_format: str) -> npt.NDArray[np.int16] | Float32:
    """As the converter delivers it: clipped, quantised, the same on every channel."""
    np.clip(mono, -1.0, 1.0, out=mono)
    samples = np.repeat(mono[:, None], channels, axis=1)
    if sample_format == "float32":
        return samples
    quantised: npt.NDArray[np.int16]
    quantised = np.clip(np.rint(samples * np.float32(32768)), -32768, 32767).astype(np.int16)
    return quantised
