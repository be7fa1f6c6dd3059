"""The ``sound`` analysis: response, noise floor and distortion from a train of sweeps."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from profiler.analysis.measure import HUGE
from profiler.analysis.quality import capture_quality, is_silent
from profiler.analysis.sound.distortion import distortion_of
from profiler.analysis.sound.impulse import Impulses, find_impulses
from profiler.analysis.sound.response import (
    HALF_BAND,
    MID_HZ,
    MIN_SNR_DB,
    Edges,
    Response,
    bands_of,
    edges_of,
    noise_of,
    response_of,
)
from profiler.model import CaptureQuality, Reason, SoundFindings, StimulusSpec, Verdict
from profiler.wav import Audio

SOUND_VERSION = "1"
"""Changes whenever the same recording may give another number."""
CLIPPED_FRACTION = 0.001
ZERO_RUN_MS = 20.0
"""Zeros in the middle of a sweep take a band out of the response."""
SETTLE_S = 0.6
"""The room is left this long to fall silent before its noise is measured."""
MIN_NOISE_S = 0.5

F32 = npt.NDArray[np.float32]


def measure_sound(audio: Audio, spec: StimulusSpec) -> SoundFindings:
    """Analyse the first channel of ``audio``, whose frame 0 is frame 0 of the stimulus.

    The train may have any number of sweeps. A poor signal is a verdict; nothing is raised for it.
    """
    quality = capture_quality(audio)
    unfit = _unfit(quality, spec)
    if unfit is not None:
        return _refused(quality, unfit)
    mono = np.ascontiguousarray(audio.samples[:, 0])
    found = find_impulses(mono, spec, audio.rate_hz)
    if found is None:
        return _refused(quality, Reason.NO_STIMULUS)
    response = response_of(found)
    if response is None:
        return _refused(quality, Reason.TOO_SHORT)
    if response.level(*MID_HZ)[1] < MIN_SNR_DB:
        return _refused(quality, Reason.LOW_SNR)
    return _measured(mono, found, response, quality)


def _unfit(quality: CaptureQuality, spec: StimulusSpec) -> Reason | None:
    """Why a recording is not worth a search."""
    if quality.non_finite or quality.peak_dbfs > 20 * math.log10(HUGE):
        return Reason.NON_FINITE
    if is_silent(quality):
        return Reason.SILENT_CAPTURE
    if spec.starts_s[0] + spec.chirp_s > quality.duration_s:
        return Reason.TOO_SHORT
    return None


def _measured(
    mono: F32, found: Impulses, response: Response, quality: CaptureQuality
) -> SoundFindings:
    centres = bands_of(response, found.band_hz)
    levels = [response.level(c / HALF_BAND, c * HALF_BAND) for c in centres]
    edges = edges_of(response, found.band_hz)
    thd = distortion_of(found)
    noise_dbfs, noise_bands = _noise(mono, found, centres)
    concerns = _concerns(quality, edges, noise_dbfs)
    return SoundFindings(
        verdict=Verdict.MARGINAL if concerns else Verdict.PASS,
        reasons=tuple(str(r) for r in concerns),
        quality=quality,
        bands_hz=centres,
        response_db=tuple(float(10 * np.log10(max(p, 1e-20))) for p, _ in levels),
        response_snr_db=tuple(snr for _, snr in levels),
        edge_lo_hz=edges.lo_hz,
        edge_hi_hz=edges.hi_hz,
        noise_dbfs=noise_dbfs,
        noise_bands_dbfs=noise_bands,
        thd_percent=thd.percent,
        thd_bound_percent=thd.bound_percent,
        delay_ms=1000 * found.latency_s,
        analysis_version=SOUND_VERSION,
    )


def _concerns(quality: CaptureQuality, edges: Edges, noise_dbfs: float | None) -> list[Reason]:
    found = []
    if quality.clipped_fraction > CLIPPED_FRACTION:
        found.append(Reason.CLIPPED)
    if quality.zero_run_ms > max(ZERO_RUN_MS, quality.leading_zero_ms):
        found.append(Reason.ZERO_RUN)
    if edges.hidden:
        found.append(Reason.LOW_SNR)
    if noise_dbfs is None:
        found.append(Reason.TOO_SHORT)
    return found


def _noise(
    mono: F32, found: Impulses, centres: tuple[float, ...]
) -> tuple[float | None, tuple[float, ...]]:
    """Noise of the silence behind the last sweep, or nothing when there is too little of it."""
    spec = found.spec
    begin = round((spec.end_s + found.latency_s + SETTLE_S) * found.rate_hz)
    rest = mono[begin:]
    if rest.size < MIN_NOISE_S * found.rate_hz:
        return None, ()
    return noise_of(rest, found.rate_hz, centres)


def _refused(quality: CaptureQuality, reason: Reason) -> SoundFindings:
    return SoundFindings(
        verdict=Verdict.NOT_MEASURABLE,
        reasons=(str(reason),),
        quality=quality,
        bands_hz=(),
        response_db=(),
        response_snr_db=(),
        edge_lo_hz=None,
        edge_hi_hz=None,
        noise_dbfs=None,
        noise_bands_dbfs=(),
        thd_percent=None,
        thd_bound_percent=None,
        delay_ms=None,
        analysis_version=SOUND_VERSION,
    )
