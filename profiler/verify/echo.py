"""How much echo a side's canceller leaves: AEC3 run for real, hardware as it was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import signal

from profiler.model import SettingValue
from profiler.stimulus import render_speech, speech
from profiler.verify.doors.aec3 import RATE_HZ, cancel

SECONDS = 15.0
SETTLED_S = 5.0
"""AEC3 needs 1 to 3 s; from here on the echo is judged (RECOMMEND 4.1 has 5 to 8 s)."""
PATH_S = 0.06
PATH_GAIN = 0.3
"""Decaying path as in RECOMMEND 4.1."""
NOISE = 10 ** (-70 / 20)
DEFAULT_HINT_MS = 150
"""JavaAudioDeviceModule without low latency (WebRtcAudioManager)."""
DEFAULT_FILTERS = 5

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EchoFacts:
    """What was measured of a phone's echo; ``None`` = was not."""

    delay_ms: float | None = None
    drift_ppm: float | None = None
    hardware_erle_db: float | None = None
    """Of its own canceller (test A1)."""


def erle_db(
    values: Mapping[str, SettingValue], facts: EchoFacts, seed: int
) -> tuple[float | None, str]:
    """(echo return loss enhancement, how it was found) with a side's settings.

    A hardware canceller cannot be run here: its measured value is taken as given, also where
    both cancel one after the other. ``None`` = nothing is known.
    """
    who = values.get("aec")
    if who in ("hardware", "both"):
        if facts.hardware_erle_db is None:
            return None, "the hardware canceller was not measured (A1)"
        also = ", the software after it is not counted" if who == "both" else ""
        return facts.hardware_erle_db, f"hardware canceller as measured (A1){also}"
    if who == "off":
        return None, "no canceller is asked for (headphones): nothing to compare"
    if who != "software":
        return None, "nobody says who cancels the echo"
    if facts.delay_ms is None:
        return None, "the echo delay was not measured (A1)"
    hint = values.get("aec_delay_hint_ms")
    hint_ms = DEFAULT_HINT_MS if not isinstance(hint, int | float) else round(hint)
    found = software_erle_db(facts.delay_ms, facts.drift_ppm or 0.0, hint_ms, seed)
    text = f"real AEC3, echo {facts.delay_ms:.0f} ms late, hint {hint_ms} ms"
    if values.get("aec_filters") not in (None, DEFAULT_FILTERS):
        text += f", its {DEFAULT_FILTERS} filters instead of {values['aec_filters']}"
    return found, text


@lru_cache(maxsize=1024)
def software_erle_db(delay_ms: float, drift_ppm: float, hint_ms: int, seed: int) -> float:
    """ERLE of the real AEC3 over far-end speech, after it has settled."""
    far = 0.5 * render_speech(speech(RATE_HZ, seed, SECONDS), RATE_HZ).astype(np.float64)
    dice = np.random.default_rng(seed)
    echo = _drifted(signal.fftconvolve(far, _path(dice))[: far.size], drift_ppm)
    shift = round(delay_ms / 1000.0 * RATE_HZ)
    near = np.zeros_like(far)
    near[shift:] = echo[: far.size - shift] if shift < far.size else 0.0
    near += NOISE * dice.standard_normal(far.size)
    left = cancel(near, far, hint_ms)
    judged = slice(round(SETTLED_S * RATE_HZ), left.size)
    before = float(np.mean(near[judged] ** 2))
    after = max(float(np.mean(left[judged] ** 2)), 1e-12)
    return 10.0 * math.log10(before / after)


def _path(dice: np.random.Generator) -> F64:
    t = np.arange(round(PATH_S * RATE_HZ)) / RATE_HZ
    taps = dice.standard_normal(t.size) * np.exp(-t / (PATH_S / 4.0))
    made: F64 = PATH_GAIN * taps / np.sqrt(np.sum(taps**2))
    return made


def _drifted(samples: F64, ppm: float) -> F64:
    """The same sound on a clock that is ``ppm`` fast."""
    if not ppm:
        return samples
    at = np.arange(samples.size) * (1.0 + ppm * 1e-6)
    made: F64 = np.interp(at, np.arange(samples.size), samples, right=0.0)
    return made
