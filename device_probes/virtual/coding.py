"""What coding speech costs on a virtual phone: a known median and a spread that a phone has."""

from __future__ import annotations

import threading

import numpy as np

from device_probes.protocol import RefusedCode
from device_probes.server import EmitProgress, TrialRefused
from device_probes.virtual.clock import Clock
from device_probes.virtual.spec import PhoneSpec
from profiler.model import CodecCost, CodecRequest, CostStats

_SPREAD = 0.12
"""1σ of the logarithm of one frame's time."""
_LATE_SHARE, _LATE_FACTOR = 0.01, 3.0
"""Frames that another thread's work delays, and by how much."""
_DEFAULT_COMPLEXITY = 5
_BEATS = 20


def median_ms(spec: PhoneSpec, request: CodecRequest) -> tuple[float, float]:
    """The true medians of coding and decoding one frame: the spec's are of 20 ms of mono at
    complexity 5; length and channels multiply them, complexity does so for the coder."""
    complexity = _DEFAULT_COMPLEXITY if request.complexity is None else request.complexity
    scale = request.frame_ms / 20.0 * request.channels
    effort = 0.5 + 0.1 * complexity
    return spec.android.opus_encode_ms * scale * effort, spec.android.opus_decode_ms * scale


def code_speech(
    spec: PhoneSpec,
    request: CodecRequest,
    clock: Clock,
    seed: tuple[int, ...],
    *,
    emit_progress: EmitProgress,
    cancelled: threading.Event,
) -> CodecCost:
    """Code ``request.frames`` frames; raises :class:`~device_probes.server.TrialRefused`."""
    android = spec.android
    if request.codec != "opus" or not (android.opus_encoders or android.opus_decoders):
        raise TrialRefused(RefusedCode.UNSUPPORTED, f"this phone has no coder for {request.codec}")
    encode_ms, decode_ms = median_ms(spec, request)
    frame_s = max(request.frame_ms, encode_ms + decode_ms) / 1000
    total_s = request.frames * (frame_s if request.paced else (encode_ms + decode_ms) / 1000)
    watch = clock.start()
    for beat in range(_BEATS):
        emit_progress("playing", beat / _BEATS)
        if watch.wait_until(total_s * (beat + 1) / _BEATS, cancelled):
            raise TrialRefused(RefusedCode.CANCELLED, "the coding was cancelled")
    rng = np.random.default_rng((*seed, 11))
    encoder = (android.opus_encoders or ("",))[0]
    decoder = (android.opus_decoders or ("",))[0]
    return CodecCost(
        encoder=encoder,
        decoder=decoder,
        frames=request.frames,
        bytes=round(request.bitrate_bps / 8 * request.frame_ms / 1000) * request.frames,
        encode_ms=_stats(encode_ms, request.frames, rng) if encoder else None,
        decode_ms=_stats(decode_ms, request.frames, rng) if decoder else None,
    )


def _stats(median: float, frames: int, rng: np.random.Generator) -> CostStats:
    times = median * np.exp(_SPREAD * rng.standard_normal(frames))
    times[rng.random(frames) < _LATE_SHARE] *= _LATE_FACTOR
    p50, p95, p99 = np.quantile(times, (0.5, 0.95, 0.99)).tolist()
    return CostStats(p50, p95, p99, float(times.max()))
