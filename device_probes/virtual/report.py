"""What a virtual phone claims about a trial; the fleet file says where it lies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from device_probes.virtual.acoustics import Timing
from device_probes.virtual.opening import OPEN_S, granted_performance, works
from device_probes.virtual.paths import ROUTE
from device_probes.virtual.spec import PhoneSpec
from device_probes.virtual.truth import Session, StartTruth, TrialTruth
from profiler.model import EffectReport, EffectState, GrantedStream, ProbeReport, TimestampPair

_TIMESTAMP_EVERY_S = 0.25
_MAX_TIMESTAMPS = 64
_XRUNS_THAT_NEVER_WERE = 4.0
"""In a trial, on average."""
_START_NS = 1_000_000_000_000
_EFFECT_UUID = {
    "aec": "bb392ec0-8d4d-11e0-a896-0002a5d5c51b",
    "agc": "0a8abfe0-654c-11e0-ba26-0002a5d5c51b",
    "ns": "58b4b260-8e06-11e0-aa8e-0002a5d5c51b",
}


def make_report(
    spec: PhoneSpec,
    session: Session,
    samples: npt.NDArray[np.int16] | npt.NDArray[np.float32],
    version: str,
) -> ProbeReport:
    """The report of one trial; ``samples``, shape (frames, channels), is what it recorded."""
    truth, timing = session.truth, session.timing
    request, claims = truth.request, spec.reported
    rng = np.random.default_rng([truth.trial, truth.input_rate_hz])
    claimed_ms = None
    if claims.latency_factor is not None:
        # The system knows nothing of what its voice processing adds.
        path_ms = truth.latency_ms - truth.processing_delay_ms
        claimed_ms = path_ms * claims.latency_factor + claims.latency_offset_ms
    share = spec.latency.output_share
    xruns = _xruns(spec, truth)
    return ProbeReport(
        probe_version=version,
        output=_granted(spec, session, truth.output_rate_hz, request.output_channels),
        input=_granted(spec, session, truth.input_rate_hz, request.input_channels),
        xruns_output=xruns[0] if claims.xruns else None,
        xruns_input=xruns[1] if claims.xruns else None,
        reported_output_latency_ms=None if claimed_ms is None else claimed_ms * share,
        reported_input_latency_ms=None if claimed_ms is None else claimed_ms * (1 - share),
        timestamps_output=_timestamps(spec, truth, timing, output=True, rng=rng),
        timestamps_input=_timestamps(spec, truth, timing, output=False, rng=rng),
        callback_histogram_ms=_histogram(spec, session, rng),
        effects=_effects(spec, truth),
        startup_ms=_startup_ms(spec, session, samples),
        longest_zero_run_frames=longest_zero_run(samples),
        observed=_observed(spec, session),
        input_silenced=None,
        thermal_status="none",
        battery_percent=80.0,
        battery_temperature_c=28.0,
        notes=("virtual phone",),
    )


def _xruns(spec: PhoneSpec, truth: TrialTruth) -> tuple[int, int]:
    """Output's and input's counter, as far as they are to be believed."""
    counter = spec.reported.xrun_counter
    if counter == "zero":
        return 0, 0
    if counter == "noise":
        drawn = np.random.default_rng([truth.trial, 12]).poisson(_XRUNS_THAT_NEVER_WERE, 2)
        return int(drawn[0]), int(drawn[1])
    return truth.buffer_glitches, len(truth.events) - truth.buffer_glitches


def longest_zero_run(samples: npt.NDArray[np.int16] | npt.NDArray[np.float32]) -> int:
    """Longest run of frames that are exactly 0 in every channel; shape (frames, channels)."""
    silent = np.concatenate(([False], ~samples.any(axis=1), [False]))
    edges = np.flatnonzero(silent[1:] != silent[:-1])
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _startup_ms(
    spec: PhoneSpec,
    session: Session,
    samples: npt.NDArray[np.int16] | npt.NDArray[np.float32],
) -> dict[str, float]:
    """Since the streams began to open: opened, started, the first buffers, the first sound.

    A microphone that wakes up late does so in the recording; else it hears noise from its first
    buffer on.
    """
    truth = session.truth
    open_ms = 1000 * OPEN_S
    burst_ms = 1000 * spec.frames_per_burst / truth.output_rate_hz
    found = {
        "open": open_ms,
        "start": open_ms + 1.0,
        "first_output": open_ms + 1.0 + burst_ms,
        "first_input": open_ms + 1.0 + 2 * burst_ms,
    }
    started = truth.start or StartTruth(0, 0, 0, 0, 0)
    if started.first_audible_ms:
        found["first_output"] = max(found["first_output"], started.first_audible_ms)
    if started.first_input_ms:
        found["first_input"] = max(found["first_input"], started.first_input_ms)
    heard = np.flatnonzero(samples.any(axis=1))
    if heard.size:
        begin_ms = open_ms + 1000 * truth.request.warmup_s
        late_ms = begin_ms + 1000 * int(heard[0]) / truth.input_rate_hz
        early = spec.glitches.mute_start_ms == 0 and truth.request.warmup_s > 0
        if early and started.input_lost_ms == 0:
            late_ms = max(found["first_input"], started.first_nonzero_ms)
        found["first_nonzero"] = late_ms
    return {name: round(value, 3) for name, value in found.items()}


def _observed(spec: PhoneSpec, session: Session) -> dict[str, str]:
    """What was in force, beside what was granted; keys as the Android probe has them."""
    truth = session.truth
    request = truth.request
    api = next(iter(spec.latency.api_ms)) if request.api == "default" else request.api
    callbacks = request.duration_s * truth.output_rate_hz / spec.frames_per_burst
    changes = [p for p in truth.paths if p.cause == ROUTE]
    routes = {}
    for number, path in enumerate(changes, 1):
        routes[f"route_{number}_ms"] = str(round(1000 * path.begin_s))
        routes[f"route_{number}_took_ms"] = str(round(1000 * (path.sound_s - path.begin_s)))
    return {
        "api": api,
        "output_device": session.route,
        "callbacks": str(int(callbacks)),
        "short_reads": str(len(truth.events)),
        "drained_frames": str(20 * spec.frames_per_burst),
        **routes,
    }


def _granted(spec: PhoneSpec, session: Session, rate_hz: int, channels: int) -> GrantedStream:
    exclusive = spec.streams.exclusive and session.truth.request.sharing == "exclusive"
    return GrantedStream(
        rate_hz=rate_hz,
        channels=channels,
        frames_per_burst=spec.frames_per_burst,
        buffer_frames=session.buffer_frames,
        capacity_frames=max(8 * spec.frames_per_burst, session.buffer_frames),
        sharing="exclusive" if exclusive else "shared",
        performance_mode=granted_performance(spec, session.truth.request),
        mmap=exclusive,
        route=session.route,
    )


def _timestamps(
    spec: PhoneSpec, truth: TrialTruth, timing: Timing, *, output: bool, rng: np.random.Generator
) -> tuple[TimestampPair, ...]:
    """Frame and monotonic time; the capture clock is the monotonic one."""
    kind = spec.reported.timestamps
    if kind == "none":
        return ()
    rate = truth.output_rate_hz if output else truth.input_rate_hz
    share = spec.latency.output_share
    count = min(_MAX_TIMESTAMPS, max(2, int(truth.request.duration_s / _TIMESTAMP_EVERY_S)))
    frames = np.arange(count) * round(_TIMESTAMP_EVERY_S * rate)
    seconds = frames / rate
    if output:
        seconds = seconds * (1 + timing.drift_ppm * 1e-6) + share * timing.latency_s
    else:
        seconds = seconds - (1 - share) * timing.latency_s
    if kind == "early":
        seconds = seconds - (0.25 if output else -0.25) * timing.latency_s
    elif kind == "jitter":
        seconds = seconds + rng.normal(0, 0.004, count)
    elif kind == "stuck":
        frames = np.full(count, frames[0])
    return tuple(
        TimestampPair(int(frame), _START_NS + round(second * 1e9))
        for frame, second in zip(frames.tolist(), seconds.tolist(), strict=True)
    )


def _histogram(
    spec: PhoneSpec, session: Session, rng: np.random.Generator
) -> tuple[tuple[float, int], ...]:
    """Time between callbacks: about one burst, with a late one per glitch; later than normal
    under load, and while the phone is idle."""
    truth = session.truth
    burst_ms = 1000 * spec.frames_per_burst / truth.output_rate_hz
    callbacks = int(truth.request.duration_s * 1000 / burst_ms)
    late = len(truth.events)
    on_time = max(callbacks - late, 0)
    early = int(rng.binomial(on_time, 0.1))
    bins = {
        round(burst_ms * 0.9, 4): early,
        round(burst_ms * 1.1, 4): on_time - early,
        round(burst_ms * 4, 4): late,
    }
    slow = round(burst_ms * 1.1 * spec.buffers.late_factor, 4)
    if spec.buffers.late_factor > 1 and session.slow_s:
        share = min(session.slow_s / truth.request.duration_s, 1.0)
        moved = int(share * (on_time - early))
        bins[round(burst_ms * 1.1, 4)] -= moved
        bins[slow] = bins.get(slow, 0) + moved
    return tuple(sorted(bins.items()))


def _effects(spec: PhoneSpec, truth: TrialTruth) -> dict[str, EffectReport]:
    """Truth, or what was asked when the phone claims so."""
    request, voice = truth.request, spec.processing
    asked = {"agc": request.agc, "ns": request.ns, "aec": request.aec}
    claimed = voice.canceller.claims_aec and works(voice.aec, request.aec, request.audio_mode)
    real = {"agc": truth.agc, "ns": truth.ns, "aec": truth.aec or claimed}
    result = {}
    for name, is_on in real.items():
        state = EffectState.ON if is_on else EffectState.OFF
        if spec.reported.effects_as_requested and asked[name] is not EffectState.DEFAULT:
            state = asked[name]
        result[name] = EffectReport(state, *_who(spec, name))
    return result


def _who(spec: PhoneSpec, name: str) -> tuple[str, str]:
    """UUID and implementor of an effect."""
    platform = next((e for e in spec.android.effects if e.kind == name), None)
    uuid = platform.uuid if platform else _EFFECT_UUID[name]
    implementor = platform.implementor if platform else spec.manufacturer
    if name == "aec":
        canceller = spec.processing.canceller
        if canceller.kind == "none" and not canceller.claims_aec and platform is None:
            return "", spec.manufacturer
        uuid, implementor = canceller.uuid or uuid, canceller.implementor or implementor
    return uuid, implementor
