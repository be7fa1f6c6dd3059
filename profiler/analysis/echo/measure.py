"""From a recording and its far end to :class:`~profiler.model.EchoFindings`."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from profiler.analysis.echo.coherence import BLOCK_S, FRAME, project
from profiler.analysis.echo.delay import EchoDelay, find_delay
from profiler.analysis.echo.levels import (
    Activity,
    Levels,
    Split,
    activity,
    block_echo,
    blocks_of,
    mean_levels,
    noise_track,
    to_db,
)
from profiler.analysis.echo.loudest import margin_db
from profiler.analysis.echo.signals import WORK_RATE_HZ, at_rate, prepare
from profiler.analysis.quality import capture_quality, is_silent
from profiler.analysis.voice import VOICE_RATE_HZ, hear_voice
from profiler.model import CaptureQuality, EchoFindings, Reason, Verdict
from profiler.wav import Audio

ECHO_VERSION = "2"
SETTLED_S = 5.0
"""The canceller may have converged by then: A4's fail limit. (3GPP TS 26.132 leaves out 17 s.)"""
SETTLED_SHARE = 0.4
"""Of a short recording."""
MIN_ACTIVE_S = 1.0
UNFOUND_DELAY_S = 0.15
"""Assumed when nothing was found: what the middle of the phones has (Linphone's table: 200 ms)."""
CLIPPED_FRACTION = 0.001

F64 = npt.NDArray[np.float64]


def measure_echo(
    audio: Audio, far: Audio, *, at_s: tuple[float, ...] = (0.0,), channel: int = 0
) -> EchoFindings:
    """What ``audio`` holds of ``far``, which was played at each of ``at_s``.

    Frame 0 of both is the same moment; rates may differ. A poor signal is a verdict: never raises
    for what is in the samples.
    """
    quality = capture_quality(audio, channel)
    refused = _unusable(audio, far, quality)
    if refused is not None:
        return _refused(quality, refused, audio.duration_s)
    s = prepare(audio, far, at_s, channel)
    if not np.any(s.far):
        return _refused(quality, Reason.NO_STIMULUS, audio.duration_s)
    found = find_delay(s)
    delay = found if found.found else EchoDelay(UNFOUND_DELAY_S, 0.0, 0.0, found=False)
    # Where nothing was found, the best candidate bounds what could be there at any delay.
    p = project(s.heard, s.far, found if found.score > 0 else delay)
    a = activity(s.far, delay, p.total.size, blocks_of(quality.leading_zero_ms / 1000))
    settled_s = round(min(SETTLED_S, SETTLED_SHARE * s.duration_s), 2)
    late = np.arange(p.total.size) >= blocks_of(settled_s)
    if np.count_nonzero(a.active & late) * BLOCK_S < MIN_ACTIVE_S:
        return _refused(quality, Reason.TOO_SHORT, settled_s)
    part = Split(p, a, noise_track(p.total, a.pause), late)
    samples = at_rate(audio.samples[:, channel], audio.rate_hz, VOICE_RATE_HZ)
    return _findings(quality, part, found, settled_s, samples)


def _findings(
    quality: CaptureQuality,
    part: Split,
    found: EchoDelay,
    settled_s: float,
    samples: F64,
) -> EchoFindings:
    p, a, noise, late = part.p, part.a, part.noise, part.late
    levels = mean_levels(p, noise, a, a.active & late)
    echo, bound = block_echo(p, noise, a.active)
    reasons = _reasons(quality, levels)
    heard = samples.astype(np.float32)
    settled = hear_voice(heard, from_s=settled_s)
    return EchoFindings(
        verdict=Verdict.MARGINAL if reasons else Verdict.PASS,
        reasons=tuple(r.value for r in reasons),
        quality=quality,
        block_s=BLOCK_S,
        far_active=tuple(bool(x) for x in a.active),
        echo_dbfs=tuple(None if math.isnan(x) else to_db(x) for x in echo),
        echo_bound_dbfs=tuple(to_db(x) for x in bound),
        total_dbfs=tuple(to_db(x) for x in p.total),
        noise_dbfs=_pause_noise(p.total, a, late, levels),
        delay_ms=round(1000 * found.delay_s, 2) if found.found else None,
        settled_s=settled_s,
        active_s=round(float(np.count_nonzero(a.active & late)) * BLOCK_S, 2),
        total_level_dbfs=to_db(levels.total),
        echo_level_dbfs=None if levels.echo is None else to_db(levels.echo),
        echo_level_low_dbfs=None if levels.low is None else to_db(levels.low),
        echo_level_bound_dbfs=to_db(levels.high),
        coherent_bound_dbfs=to_db(levels.coherent_high),
        voice=hear_voice(heard).spans,
        voice_margin_db=margin_db(part, levels, settled, samples),
        voice_analysed_s=round(max(0.0, quality.duration_s - settled_s), 2),
        analysis_version=ECHO_VERSION,
    )


def _unusable(audio: Audio, far: Audio, quality: CaptureQuality) -> Reason | None:
    if not audio.frames or not far.frames:
        return Reason.TOO_SHORT
    if is_silent(quality):
        return Reason.SILENT_CAPTURE
    if quality.non_finite > 0.01 * audio.samples.size:
        return Reason.NON_FINITE
    if audio.duration_s < 2 * MIN_ACTIVE_S + FRAME / WORK_RATE_HZ:
        return Reason.TOO_SHORT
    return None


def _reasons(quality: CaptureQuality, levels: Levels) -> list[Reason]:
    reasons = []
    if quality.non_finite:
        reasons.append(Reason.NON_FINITE)
    if quality.clipped_fraction > CLIPPED_FRACTION:
        reasons.append(Reason.CLIPPED)
    if levels.foreign:
        reasons.append(Reason.LOW_COHERENCE)
    if levels.echo is None:
        reasons.append(Reason.BELOW_NOISE)
    return reasons


def _pause_noise(
    total: F64, a: Activity, late: npt.NDArray[np.bool_], levels: Levels
) -> float | None:
    chosen = a.pause & late
    if np.any(chosen):
        return to_db(float(np.median(total[chosen])))
    return None if levels.noise is None else to_db(levels.noise)


def _refused(quality: CaptureQuality, reason: Reason, settled_s: float) -> EchoFindings:
    return EchoFindings(
        verdict=Verdict.NOT_MEASURABLE,
        reasons=(reason.value,),
        quality=quality,
        block_s=BLOCK_S,
        far_active=(),
        echo_dbfs=(),
        echo_bound_dbfs=(),
        total_dbfs=(),
        noise_dbfs=None,
        delay_ms=None,
        settled_s=round(settled_s, 2),
        active_s=0.0,
        total_level_dbfs=None,
        echo_level_dbfs=None,
        echo_level_low_dbfs=None,
        echo_level_bound_dbfs=None,
        coherent_bound_dbfs=None,
        voice=(),
        voice_margin_db=None,
        voice_analysed_s=0.0,
        analysis_version=ECHO_VERSION,
    )


__all__ = ["ECHO_VERSION", "measure_echo"]
