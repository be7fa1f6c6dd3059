"""What a virtual phone decides when its streams open, before there is any sound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from device_probes.protocol import RefusedCode
from device_probes.server import TrialRefused
from device_probes.virtual.acoustics import SPEED_OF_SOUND_M_S, Timing
from device_probes.virtual.buffers import (
    buffer_edits,
    conditions,
    is_loaded,
    merged,
    needed_bursts,
    step_edits,
)
from device_probes.virtual.effects import Edit, draw_edits
from device_probes.virtual.paths import path_truths
from device_probes.virtual.spec import PhoneSpec
from device_probes.virtual.spec_streams import Buffers
from device_probes.virtual.spec_words import When, Where
from device_probes.virtual.truth import Session, StartTruth, TrialTruth, TruthEvent
from device_probes.virtual.voice import canceller_fails, processing_delay_ms
from profiler.model import EffectState, TrialRequest

OPEN_S = 0.05
"""How long opening the streams takes on the phone's clock."""


@dataclass(slots=True)
class PhoneState:
    """What a phone remembers from trial to trial."""

    sessions: int = 0
    """Of this process."""
    screen_off: bool = False
    hot_s: float = 0.0
    """Load it was under, less the time it cooled down."""

    def warm(self, buffers: Buffers, request: TrialRequest) -> None:
        """Take what a trial did to the phone's heat."""
        sign = 1 if is_loaded(buffers, request) else -1
        self.hot_s = max(self.hot_s + sign * request.duration_s, 0.0)


def granted_rate(spec: PhoneSpec, request: TrialRequest) -> int:
    """The output's rate; raises :class:`~device_probes.server.TrialRefused`."""
    api, streams = request.api, spec.streams
    if request.call:
        raise TrialRefused(RefusedCode.UNSUPPORTED, "a virtual phone has no call stack")
    if api != "default" and api not in spec.latency.api_ms:
        raise TrialRefused(RefusedCode.UNSUPPORTED, f"this phone has no API {api}")
    if request.route not in streams.routes:
        raise TrialRefused(RefusedCode.UNSUPPORTED, f"no route {request.route}")
    if request.audio_mode in streams.refused_modes:
        raise TrialRefused(RefusedCode.OPEN_FAILED, f"mode {request.audio_mode} does not open")
    if request.rate_hz in streams.rates_hz:
        return request.rate_hz
    if streams.other_rates == "refuse":
        raise TrialRefused(RefusedCode.UNSUPPORTED, f"{request.rate_hz} Hz does not open")
    return spec.native_rate_hz


def granted_performance(spec: PhoneSpec, request: TrialRequest) -> str:
    """The performance mode of both streams: as asked, or what this phone always gives."""
    asked = request.performance_mode
    return asked if asked in spec.streams.performance_modes else spec.usual_performance


def open_session(
    spec: PhoneSpec,
    request: TrialRequest,
    rate_out: int,
    *,
    trial: int,
    unit_seed: tuple[int, int],
    state: PhoneState,
) -> Session:
    """Draw everything that differs from open to open.

    ``unit_seed`` names the unit; its second part is the room it lies in.
    """
    seed = (*unit_seed, trial)
    rng = np.random.default_rng(seed)
    rate_in = spec.streams.input_rate_hz or rate_out
    bursts = (request.buffer_bursts or 2) if spec.streams.honours_buffer else 4
    timing = _timing(spec, _latency_s(spec, request, rate_out, bursts, rng), rng)
    truth = _truth(spec, request, (rate_out, rate_in), timing)
    truth = replace(truth, trial=trial, session=state.sessions)
    truth = _with_processing(spec, truth)
    frames = round(request.duration_s * rate_in)
    edits = () if truth.silent else draw_edits(spec.glitches, frames, rate_in, rng)
    opened = Session(
        spec=spec,
        truth=replace(truth, bursts=bursts, start=_start(spec, request, state.sessions)),
        timing=timing,
        edits=edits,
        buffer_frames=bursts * spec.frames_per_burst,
        route=spec.streams.granted_route or request.route,
        seed=seed,
        room_seed=unit_seed[1],
        own_edits=edits,
        hot_s=state.hot_s,
        screen_off=state.screen_off,
    )
    return settled(opened)


def settled(session: Session, actions: Sequence[tuple[float, str, str]] = ()) -> Session:
    """The session with what depends on what was done to the phone while it ran."""
    spec, truth = session.spec, session.truth
    frames = round(truth.request.duration_s * truth.input_rate_hz)
    trial = conditions(
        spec.buffers,
        truth.request,
        hot_s=session.hot_s,
        screen_off=session.screen_off,
        actions=actions,
    )
    needed = [needed_bursts(spec.buffers, loaded=c.loaded, idle=c.idle, hot=c.hot) for c in trial]
    edits, small = session.own_edits, 0
    if not truth.silent and (spec.buffers.safe_bursts or spec.latency.steps_ms):
        rng = np.random.default_rng((*session.seed, 9))
        steps = step_edits(spec.latency.steps_ms, truth.input_rate_hz)
        missing = buffer_edits(spec, trial, truth.bursts, truth.input_rate_hz, rng)
        edits = merged(session.own_edits, (steps, missing), frames, truth.input_rate_hz)
        small = len(set(missing) & set(edits))
    known = replace(
        truth,
        events=_events(edits, truth.input_rate_hz),
        buffer_glitches=small,
        safe_bursts=max(needed, default=0),
        paths=tuple(path_truths(session, actions)),
    )
    slow_s = sum(c.end_s - c.begin_s for c in trial if c.idle or c.loaded)
    return replace(session, edits=edits, truth=known, slow_s=slow_s)


def matches(where: Where, spec: PhoneSpec, request: TrialRequest, rate_in: int) -> bool:
    """Whether a request is one of the combinations."""
    api = next(iter(spec.latency.api_ms)) if request.api == "default" else request.api
    asked = (
        (where.apis, api),
        (where.presets, request.input_preset),
        (where.modes, request.audio_mode),
        (where.performance_modes, request.performance_mode),
        (where.sharing, request.sharing),
        (where.sessions, request.audio_session),
        (where.routes, request.route),
    )
    at_rate = not where.rates_hz or bool({request.rate_hz, rate_in} & set(where.rates_hz))
    return at_rate and all(not allowed or value in allowed for allowed, value in asked)


def works(when: When, asked: EffectState, mode: str) -> bool:
    """Whether an effect really runs."""
    if when == "communication":
        return mode == "communication" and asked is not EffectState.OFF
    return when == "always" or (when == "on_request" and asked is EffectState.ON)


def _truth(
    spec: PhoneSpec,
    request: TrialRequest,
    rates: tuple[int, int],
    timing: Timing,
) -> TrialTruth:
    """What is known of the sound before there is any."""
    streams, voice = spec.streams, spec.processing
    rate_out, rate_in = rates
    mode = request.audio_mode
    canceller = voice.canceller
    true_rate = dict(streams.wrong_rates_hz).get(rate_in, rate_in)
    stereo = request.input_channels == 1 and any(
        matches(w, spec, request, rate_in) for w in streams.mono_is_stereo
    )
    flight_s = spec.acoustics.distance_m / SPEED_OF_SOUND_M_S
    electrical_ms = 1000 * (timing.latency_s - flight_s)
    return TrialTruth(
        trial=0,
        request=request,
        latency_ms=timing.latency_s * 1000,
        drift_ppm=timing.drift_ppm,
        wander_us=spec.clock.wander_us,
        polarity=-1 if spec.acoustics.inverted else 1,
        events=(),
        silent=bool({request.rate_hz, rate_in} & set(streams.silent_rates_hz))
        or any(matches(w, spec, request, rate_in) for w in streams.silent),
        output_rate_hz=rate_out,
        input_rate_hz=rate_in,
        agc=works(voice.agc, request.agc, mode),
        ns=works(voice.ns, request.ns, mode),
        output_ms=electrical_ms * spec.latency.output_share,
        input_ms=electrical_ms * (1 - spec.latency.output_share),
        aec=canceller.kind != "none"
        and works(voice.aec, request.aec, mode)
        and matches(canceller.works_only_in, spec, request, rate_in),
        true_input_rate_hz=true_rate,
        mono_is_stereo=stereo,
        pitch_ratio=rate_in / true_rate * (0.5 if stereo else 1.0),
    )


def _with_processing(spec: PhoneSpec, truth: TrialTruth) -> TrialTruth:
    """The truth with what the voice processing adds to it."""
    truth = replace(truth, aec_fails=truth.aec and canceller_fails(spec, truth))
    delay_ms = processing_delay_ms(spec, truth)
    return replace(truth, processing_delay_ms=delay_ms, latency_ms=truth.latency_ms + delay_ms)


def _timing(spec: PhoneSpec, latency_s: float, rng: np.random.Generator) -> Timing:
    clock = spec.clock
    return Timing(
        latency_s,
        clock.drift_ppm + clock.drift_sd_ppm * float(np.clip(rng.normal(), -3, 3)),
        clock.wander_us * 0.5e-6,
        clock.wander_period_s,
        float(rng.uniform(0, 2 * math.pi)),
    )


def _latency_s(
    spec: PhoneSpec, request: TrialRequest, rate_out: int, bursts: int, rng: np.random.Generator
) -> float:
    latency, streams = spec.latency, spec.streams
    apis = latency.api_ms
    ms = apis[next(iter(apis)) if request.api == "default" else request.api]
    if request.audio_mode == "communication":
        ms += latency.communication_extra_ms
    ms += dict(latency.rate_extra_ms).get(rate_out, 0.0)
    mode = granted_performance(spec, request)
    ms += sum(extra_ms for granted, extra_ms in latency.performance_extra_ms if granted == mode)
    route = spec.routes.get(streams.granted_route or request.route)
    ms += route.delay_ms if route else 0.0
    burst_s = spec.frames_per_burst / rate_out
    extra_s = (bursts - (2 if streams.honours_buffer else 4)) * burst_s
    if latency.spread == "bursts":
        extra_s += int(rng.integers(latency.spread_bursts + 1)) * burst_s
    elif latency.spread == "continuous":
        extra_s += latency.spread_ms / 1000 * float(np.clip(rng.normal(), -3, 3))
    return max(ms / 1000 + extra_s, 0.0005) + spec.acoustics.distance_m / SPEED_OF_SOUND_M_S


def _start(spec: PhoneSpec, request: TrialRequest, sessions: int) -> StartTruth:
    start = spec.start
    later_ms = start.later_extra_ms if sessions else 0.0
    begin_ms = 1000 * (OPEN_S + request.warmup_s)
    times = (start.first_input_ms, start.first_nonzero_ms, start.first_output_ms)
    first_input, first_nonzero, first_output = (t + later_ms for t in times)
    first_nonzero = max(first_input, first_nonzero)
    lost_ms = max(first_nonzero - begin_ms, spec.glitches.mute_start_ms, 0.0)
    return StartTruth(
        first_input_ms=first_input,
        first_nonzero_ms=first_nonzero,
        first_audible_ms=first_output,
        input_lost_ms=min(lost_ms, 1000 * request.duration_s),
        output_lost_ms=max(first_output - begin_ms, 0.0),
    )


def _events(edits: Sequence[Edit], rate_hz: int) -> tuple[TruthEvent, ...]:
    ms = 1000 / rate_hz
    return tuple(TruthEvent(e.frame / rate_hz, e.frames * ms, e.kind, e.shift * ms) for e in edits)
