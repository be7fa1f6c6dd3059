"""The phone's voice processing: what it does to the echo, and what to everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from device_probes.virtual.effects import automatic_gain, suppress_noise
from device_probes.virtual.spec import PhoneSpec
from device_probes.virtual.spec_voice import Canceller
from device_probes.virtual.truth import TrialTruth
from device_probes.virtual.webrtc import Stages, added_delay_ms, process

Float32 = npt.NDArray[np.float32]
_BLOCK_S = 0.01
_ECHO_THERE_DBFS, _ECHO_THERE_DB = -90.0, -45.0
"""There is echo in a block above the first, and above its loudest block by the second."""
_HOLD_BLOCKS = 5
"""A suppressor goes on for 50 ms after the echo's end."""
_EXPONENTIAL_95 = 3.0


def cancel(
    spec: PhoneSpec,
    truth: TrialTruth,
    sounds: tuple[Float32, Float32, Float32],
    restarts_s: Sequence[float] = (),
) -> Float32:
    """What the microphone takes in after the echo canceller, shape (frames,).

    ``sounds`` are the phone's own at the microphone, everything else there, both of that shape,
    and what the phone plays, frame for frame of the same session. At ``restarts_s`` the echo path
    changes, and what has converged begins anew.
    """
    echo, rest, far = sounds
    canceller = spec.processing.canceller
    there = _echo_there(echo, truth.input_rate_hz)
    if canceller.near_end_attenuation_db:
        rest = rest * _near_gain(canceller, there, truth.input_rate_hz, rest.size)
    stages = passes(spec, truth)
    leak = _leaks(canceller, truth)
    if canceller.kind == "ideal" or truth.aec_fails:
        out = echo * _echo_gain(canceller, truth, there, restarts_s, echo.size) + rest
    else:
        out = process(echo + rest, far, truth.input_rate_hz, stages[0])
        if leak:
            left = echo * _echo_gain(canceller, truth, there, restarts_s, echo.size)
            out = out + _later(left, added_delay_ms(truth.input_rate_hz, stages[0]), truth)
        stages = stages[1:]
    out = _later(out, canceller.delay_ms, truth)
    for each in stages:
        out = process(out, far, truth.input_rate_hz, each)
    return out


def improve(spec: PhoneSpec, truth: TrialTruth, heard: Float32, *, cancelled: bool) -> Float32:
    """``heard``, shape (frames,), after noise suppressor and gain control.

    After :func:`cancel` WebRTC's own have run already.
    """
    voice, rate_hz = spec.processing, truth.input_rate_hz
    if not cancelled:
        for stages in passes(spec, truth):
            heard = process(heard, heard[:0], rate_hz, stages)
    if truth.ns and voice.ns_kind == "simple":
        heard = suppress_noise(heard, rate_hz, voice.ns_depth_db)
    if truth.agc and voice.agc_kind == "simple":
        heard = automatic_gain(heard, rate_hz, voice.agc_max_db)
    return heard


def passes(spec: PhoneSpec, truth: TrialTruth) -> tuple[Stages, ...]:
    """WebRTC's processors that run, one after the other."""
    voice = spec.processing
    canceller = voice.canceller
    real = truth.aec and canceller.kind == "aec3" and not truth.aec_fails
    ns_db = voice.ns_depth_db if truth.ns and voice.ns_kind == "webrtc" else None
    agc_db = voice.agc_max_db if truth.agc and voice.agc_kind == "webrtc" else None
    hint_ms = canceller.hint_ms if real else 0
    if real and _leaks(canceller, truth):  # what it leaves comes before the others
        both = (Stages(aec=True, hint_ms=hint_ms), Stages(ns_db=ns_db, agc_db=agc_db))
        return tuple(stages for stages in both if stages.any)
    one = Stages(real, ns_db, agc_db, hint_ms)
    return (one,) if one.any else ()


def processing_delay_ms(spec: PhoneSpec, truth: TrialTruth) -> float:
    """What the processing of a session adds to its latency."""
    rate_hz = truth.input_rate_hz
    own_ms = spec.processing.canceller.delay_ms if truth.aec else 0.0
    own_ms = round(own_ms / 1000 * rate_hz) / rate_hz * 1000
    return own_ms + sum(added_delay_ms(rate_hz, stages) for stages in passes(spec, truth))


def canceller_fails(spec: PhoneSpec, truth: TrialTruth) -> bool:
    """Whether the session lies outside of what the canceller can do.

    ``truth.latency_ms`` is that of the sound at the microphone's input.
    """
    canceller = spec.processing.canceller
    most_ms, loudest = canceller.fails_above_delay_ms, canceller.fails_above_volume
    volume = 1.0 if truth.request.volume is None else truth.request.volume
    late = most_ms is not None and truth.latency_ms - canceller.tap_ms > most_ms
    return late or (loudest is not None and volume > loudest)


def _leaks(canceller: Canceller, truth: TrialTruth) -> bool:
    """Whether an ``aec3`` leaves more than it does by itself."""
    return canceller.converge_s > 0 or (truth.session > 0 and canceller.second_session_db > 0)


def _depth_db(canceller: Canceller, truth: TrialTruth) -> float:
    lost_db = canceller.second_session_db if truth.session else 0.0
    return max(canceller.depth_db - lost_db, 0.0)


def _echo_gain(
    canceller: Canceller,
    truth: TrialTruth,
    there: npt.NDArray[np.bool_],
    restarts_s: Sequence[float],
    frames: int,
) -> Float32:
    """Factor of the echo at each frame."""
    depth_db = _depth_db(canceller, truth)
    if truth.aec_fails:
        removed_db: npt.NDArray[Any] = np.full(there.size, canceller.failed_depth_db)
    elif canceller.converge_s == 0:
        removed_db = np.full(there.size, depth_db)
    else:
        heard_s = np.cumsum(there) * _BLOCK_S
        for at_s in sorted(restarts_s):
            block = min(int(at_s / _BLOCK_S), there.size - 1)
            heard_s[block:] -= heard_s[block]
        share = heard_s / canceller.converge_s
        if canceller.curve == "linear":
            removed_db = depth_db * np.minimum(share, 1.0)
        else:
            removed_db = depth_db * (1 - np.exp(-_EXPONENTIAL_95 * share))
    return _factors(removed_db, truth.input_rate_hz, frames)


def _near_gain(
    canceller: Canceller, there: npt.NDArray[np.bool_], rate_hz: int, frames: int
) -> Float32:
    """Factor of everything else at each frame."""
    held = np.convolve(there, np.ones(_HOLD_BLOCKS))[: there.size] > 0
    return _factors(canceller.near_end_attenuation_db * held, rate_hz, frames)


def _factors(removed_db: npt.NDArray[Any], rate_hz: int, frames: int) -> Float32:
    """Decibels per block as a factor per frame, without steps."""
    if removed_db.size == 0 or np.all(removed_db == removed_db[0]):
        same = removed_db[0] if removed_db.size else 0.0
        return np.full(frames, 10 ** (-same / 20), np.float32)
    at = (np.arange(removed_db.size) + 0.5) * round(_BLOCK_S * rate_hz)
    factors = 10 ** (-removed_db / 20)
    result: Float32 = np.interp(np.arange(frames), at, factors).astype(np.float32)
    return result


def _echo_there(echo: Float32, rate_hz: int) -> npt.NDArray[np.bool_]:
    """Whether there is echo, per block of 10 ms."""
    size = round(_BLOCK_S * rate_hz)
    blocks = -(-echo.size // size)
    rows = np.pad(echo, (0, blocks * size - echo.size)).reshape(blocks, size)
    power = np.einsum("ij,ij->i", rows, rows) / size
    loudest = float(power.max(initial=0.0))
    least = max(10 ** (_ECHO_THERE_DBFS / 10), loudest * 10 ** (_ECHO_THERE_DB / 10))
    found: npt.NDArray[np.bool_] = power > least
    return found


def _later(sound: Float32, delay_ms: float, truth: TrialTruth) -> Float32:
    """``sound`` moved by whole frames; what goes beyond the end is lost."""
    frames = min(round(delay_ms / 1000 * truth.input_rate_hz), sound.size)
    return np.pad(sound[: sound.size - frames], (frames, 0)) if frames else sound
