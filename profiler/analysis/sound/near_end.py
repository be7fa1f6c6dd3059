"""The ``near_end`` analysis: how a known voice survived beside the far end and the processing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from profiler.analysis.measure import HUGE
from profiler.analysis.quality import FLOOR_DBFS, capture_quality, is_silent
from profiler.analysis.sound.voice_path import Prediction, predict
from profiler.analysis.sound.voice_search import (
    Heard,
    as_heard,
    band_limited,
    find_voice,
    stretches,
)
from profiler.model import CaptureQuality, NearEndFindings, Reason, Verdict
from profiler.stimulus import USABLE_BAND
from profiler.wav import Audio

NEAR_END_VERSION = "1"
"""Changes whenever the same recording may give another number."""
WORK_RATE_HZ = 16_000
"""Higher rates are divided by a whole number: speech needs no more."""
BAND_HZ = (100.0, 6400.0)
BLOCK_S = 0.1
FINE_S = 0.02
LOST_DB = 15.0
ONSET_DB = 10.0
ACTIVE_DB = 25.0
"""A block of the known voice this far below its active level is a pause (ITU-T P.56 has 15.9 dB;
the steps of the gain test must stay inside)."""
PRESENT_SIGMAS = 3.0
MIN_SIGNIFICANCE = 8.0
"""Sigmas of the whole voice over chance: shifted copies of speech reach 4 (measured)."""
MIN_BLOCKS = 5
CLIPPED_FRACTION = 0.001
AFTER_VOICE_S = 0.3
"""The room is left this long before a pause counts as one."""
OWN_REACH_S = (-0.005, 2.2)
PARTNER_REACH_S = (-12.0, 12.0)
"""Two devices start within seconds of each other, whichever is first."""

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    recorded: F64
    """Shape (n,) at ``rate_hz``."""
    known: F64
    """The voice as played, aligned with the recording, shape (n,)."""
    rate_hz: int
    heard: Heard
    sentences_s: tuple[tuple[float, float], ...]
    """On the recording's timeline."""

    def inside(self, margin_s: float = 0.0) -> Bools:
        """Frames at which a sentence is heard, or was until ``margin_s`` ago."""
        at = np.arange(self.recorded.size) / self.rate_hz
        found = np.zeros(at.size, np.bool_)
        for begin, end in self.sentences_s:
            found |= (at >= begin - margin_s / 4) & (at < end + margin_s)
        return found


def measure_near_end(
    audio: Audio, known: npt.NDArray[np.float32], known_rate_hz: int, *, from_partner: bool
) -> NearEndFindings:
    """Find ``known``, shape (m,), the whole of what the voice played from its frame 0 on.

    With ``from_partner`` the other device started at an unrelated time and has another clock. A
    poor signal is a verdict; nothing is raised for it.
    """
    quality = capture_quality(audio)
    if quality.non_finite or quality.peak_dbfs > 20 * math.log10(HUGE):
        return _refused(quality, Reason.NON_FINITE)
    if is_silent(quality):
        return _refused(quality, Reason.SILENT_CAPTURE)
    scene = _scene(audio, known, known_rate_hz, PARTNER_REACH_S if from_partner else OWN_REACH_S)
    unheard = Reason.PARTNER_UNHEARD if from_partner else Reason.NO_STIMULUS
    if scene is None:
        return _refused(quality, unheard)
    band_hz = _band_hz(scene.rate_hz)
    voice = predict(scene.recorded, scene.known, scene.inside(), scene.rate_hz, band_hz)
    if voice.significance() < MIN_SIGNIFICANCE:
        return _refused(quality, unheard)
    return _measured(scene, voice, quality)


def _scene(
    audio: Audio, known: npt.NDArray[np.float32], known_rate_hz: int, reach_s: tuple[float, float]
) -> _Scene | None:
    factor = max(1, audio.rate_hz // WORK_RATE_HZ)
    while audio.rate_hz % factor:
        factor -= 1
    rate_hz = audio.rate_hz // factor
    band_hz = _band_hz(rate_hz)
    mono = audio.samples[:, 0].astype(np.float64)
    recorded = np.asarray(signal.resample_poly(mono - mono.mean(), 1, factor))
    fine = band_limited(known.astype(np.float64), known_rate_hz, band_hz)
    frames = round(fine.size * rate_hz / known_rate_hz)
    coarse = as_heard(fine, known_rate_hz, frames, rate_hz, Heard(0.0, 0.0))
    heard = find_voice(recorded, coarse, rate_hz, band_hz, reach_s)
    if heard is None:
        return None
    spoken = tuple(
        (b * (1 + heard.skew) + heard.delay_s, e * (1 + heard.skew) + heard.delay_s)
        for b, e in stretches(fine, known_rate_hz)
    )
    aligned = as_heard(fine, known_rate_hz, recorded.size, rate_hz, heard)
    return _Scene(recorded, aligned, rate_hz, heard, spoken)


def _band_hz(rate_hz: int) -> tuple[float, float]:
    return BAND_HZ[0], min(BAND_HZ[1], USABLE_BAND * rate_hz * 12 / 13)


# --- numbers -------------------------------------------------------------------------------------


def _measured(scene: _Scene, voice: Prediction, quality: CaptureQuality) -> NearEndFindings:
    block = round(BLOCK_S * scene.rate_hz)
    gain, sigma = voice.gains(block)
    active = _active(scene, block)
    present = active & (gain > PRESENT_SIGMAS * sigma)
    typical = (
        _typical(gain, _block_power(voice.voice, block), active)
        if present.sum() >= MIN_BLOCKS
        else None
    )
    path_db = 20 * math.log10(max(voice.path_gain, 1e-12))
    concerns = [Reason.CLIPPED] if quality.clipped_fraction > CLIPPED_FRACTION else []
    if typical is None:
        concerns.append(Reason.LOW_SNR)
    return NearEndFindings(
        verdict=Verdict.MARGINAL if concerns else Verdict.PASS,
        reasons=tuple(str(r) for r in concerns),
        quality=quality,
        delay_ms=1000 * scene.heard.delay_s,
        speech_gain_db=path_db,
        speech_gain_sigma_db=20 / math.log(10) / voice.significance(),
        speech_dbfs=_speech_dbfs(scene, voice, gain, sigma, active),
        noise_dbfs=_pause_dbfs(scene, block),
        block_s=BLOCK_S,
        gain_db=tuple(
            path_db + 20 * math.log10(g) if p else None
            for g, p in zip(gain.tolist(), present.tolist(), strict=True)
        ),
        lost_fraction=None if typical is None else _lost(gain, sigma, active, typical),
        onset_lost_ms=None if typical is None else _onset_ms(scene, voice, typical),
        analysis_version=NEAR_END_VERSION,
    )


def _active(scene: _Scene, block: int) -> Bools:
    """Blocks in which the known voice speaks."""
    power = _block_power(scene.known, block)
    loud = power[power > 0]
    if loud.size == 0:
        return np.zeros(power.size, np.bool_)
    level = float(np.mean(loud[loud >= np.median(loud)]))
    return np.asarray(power > level * 10 ** (-ACTIVE_DB / 10))


def _block_power(x: F64, block: int) -> F64:
    rows = x.size // block
    return np.asarray(np.mean(np.square(x[: rows * block].reshape(rows, block)), axis=1))


def _typical(gain: F64, voice: F64, active: Bools) -> float:
    """Median gain of the active blocks, each as heavy as its voice: a loud block is certain."""
    order = np.argsort(gain[active])
    total = np.cumsum(voice[active][order])
    return float(gain[active][order][int(np.searchsorted(total, total[-1] / 2))])


def _speech_dbfs(
    scene: _Scene, voice: Prediction, gain: F64, sigma: F64, active: Bools
) -> float | None:
    """Energy mean of the coherent part over the active blocks, what chance adds taken out."""
    if not active.any():
        return None
    played = _block_power(scene.known, round(BLOCK_S * scene.rate_hz))[active]
    heard = played * (np.square(gain[active]) - np.square(sigma[active])) * voice.path_gain**2
    return _dbfs(float(np.mean(heard)))


def _pause_dbfs(scene: _Scene, block: int) -> float | None:
    """Median level of the blocks in which no sentence is heard nor was a moment ago."""
    rows = scene.recorded.size // block
    spoken = scene.inside(AFTER_VOICE_S)[: rows * block].reshape(rows, block).any(axis=1)
    power = _block_power(scene.recorded, block)[~spoken]
    return _dbfs(float(np.median(power))) if power.size else None


def _lost(gain: F64, sigma: F64, active: Bools, typical: float) -> float | None:
    """Share of the active blocks that lost the voice, of those that can tell."""
    limit = typical * 10 ** (-LOST_DB / 20)
    bound = gain + PRESENT_SIGMAS * sigma
    there = active & (gain - PRESENT_SIGMAS * sigma > 0) & (gain >= limit)
    lost = active & (bound < limit)
    lost |= active & (gain > PRESENT_SIGMAS * sigma) & (gain < limit)
    told = int(there.sum() + lost.sum())
    return float(lost.sum()) / told if told >= MIN_BLOCKS else None


def _onset_ms(scene: _Scene, voice: Prediction, typical: float) -> float | None:
    """Median over sentences: from the start to the first fine block within 10 dB of the gain."""
    block = round(FINE_S * scene.rate_hz)
    gain, sigma = voice.gains(block)
    delays = []
    for begin, end in scene.sentences_s:
        first, last = math.floor(begin / FINE_S), min(math.ceil(end / FINE_S), gain.size)
        if first < 0 or last - first < MIN_BLOCKS:
            continue
        mine, spread = gain[first:last], sigma[first:last]
        known = mine > PRESENT_SIGMAS * spread
        level = float(np.median(mine[known])) if known.sum() >= MIN_BLOCKS else typical
        back = known & (mine >= level * 10 ** (-ONSET_DB / 20))
        lost = mine + PRESENT_SIGMAS * spread < level * 10 ** (-ONSET_DB / 20)
        at = int(np.argmax(back)) if back.any() else mine.size
        # Blocks too quiet to tell do not make an onset late.
        delays.append(1000 * FINE_S * at if lost[:at].any() else 0.0)
    return float(np.median(delays)) if delays else None


def _dbfs(power: float) -> float:
    return max(10 * math.log10(max(power, 1e-20)), FLOOR_DBFS)


def _refused(quality: CaptureQuality, reason: Reason) -> NearEndFindings:
    return NearEndFindings(
        verdict=Verdict.NOT_MEASURABLE,
        reasons=(str(reason),),
        quality=quality,
        delay_ms=None,
        speech_gain_db=None,
        speech_gain_sigma_db=None,
        speech_dbfs=None,
        noise_dbfs=None,
        block_s=BLOCK_S,
        gain_db=(),
        lost_fraction=None,
        onset_lost_ms=None,
        analysis_version=NEAR_END_VERSION,
    )
