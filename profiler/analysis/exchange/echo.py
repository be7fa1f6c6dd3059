"""How much of A's own train is in A's recording, against the partner's train beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from profiler.analysis.exchange.clean import Places, clean_masks
from profiler.analysis.exchange.hearing import F32
from profiler.analysis.exchange.solve import Solution
from profiler.analysis.measure import Measured
from profiler.analysis.responses import Responses, cut_segments, gate_responses

SOUND_S = (-0.002, 0.012)
"""Lags about the expected arrival that hold the direct sound and early reflections."""
QUIET_S = (-0.018, -0.004)
"""As long, before any sound: the noise of the same chirps."""
FOUND_SIGMAS = 4.0
BOUND_SIGMAS = 2.0
"""95 % one-sided, and a little more."""

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SelfEcho:
    """Level of A's own train against B's in A's recording."""

    level_db: float | None
    """``None`` = not found."""
    bound_db: float | None
    """What it cannot exceed; ``None`` = no train of A could be looked at."""


def self_echo(
    samples: F32, rate_hz: int, places: Places, ba: Measured, solution: Solution
) -> SelfEcho:
    """Energies at the places where the exchange says that the sounds must be.

    A canceller's remains are not alike from train to train, so energies are averaged and no
    waveform has to agree.
    """
    voice = places.aa.voice
    per = len(voice.train.starts_s)
    played = np.asarray(voice.whole.starts_s)
    expected = played * (1 + solution.own_drift) + solution.latency_s
    inside = (expected > 0.02) & (expected + voice.train.chirp_s < samples.size / rate_hz - 0.06)
    keep = inside & np.repeat(clean_masks(places)["aa"], per)
    partner, _ = _energies(ba.responses, -ba.aligned.delays_s - ba.arrival.delay_s)
    reference = float(np.median(partner))
    if not keep.any() or reference <= 0:
        return SelfEcho(None, None)
    segments = cut_segments(samples, voice.whole, rate_hz, expected[keep])
    responses = gate_responses(segments, voice.whole, 1e6 * solution.own_drift)
    sound, quiet = _energies(responses, responses.origin_s - expected[keep])
    energy = float(np.mean(sound - quiet))
    sigma = math.sqrt(float(np.var(sound - quiet) + np.var(quiet)) / keep.sum())
    sigma = max(sigma, 1e-12 * reference)
    found = energy > FOUND_SIGMAS * max(float(np.std(quiet)) / math.sqrt(keep.sum()), 1e-15)
    bound = 10 * math.log10(max(max(energy, 0.0) + BOUND_SIGMAS * sigma, 1e-30) / reference)
    level = 10 * math.log10(max(energy, 1e-30) / reference) if found else None
    return SelfEcho(level, bound)


def _energies(resp: Responses, shift_s: F64) -> tuple[F64, F64]:
    """Energy of each chirp in ``SOUND_S`` and in ``QUIET_S``, as the chirp's own spectrum weighs
    it, shape (chirps,) each; ``shift_s`` moves each response later."""
    weighted = resp.spectrum * np.sqrt(resp.power / resp.power.sum()) * resp.advance(-shift_s)
    first = round(float(resp.freqs_hz[0]) * resp.size / resp.rate_hz)
    full = np.zeros((weighted.shape[0], resp.size), np.complex128)
    full[:, first : first + weighted.shape[1]] = weighted
    lags = np.square(np.abs(fft.ifft(full, axis=1)))

    def within(span_s: tuple[float, float]) -> F64:
        at = np.arange(round(span_s[0] * resp.rate_hz), round(span_s[1] * resp.rate_hz))
        return np.asarray(lags[:, at % resp.size].sum(axis=1))

    return within(SOUND_S), within(QUIET_S)
