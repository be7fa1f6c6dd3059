"""Chirp trains: one analytic definition serves the WAV that is played and the template.

The chirp is an exponential sine sweep (Farina 2000) run from high to low, so that the images of
harmonic distortion fall behind the direct arrival. With x = T - t:
``phi(x) = 2*pi*f_lo*T/R * (exp(x*R/T) - 1)``, ``R = ln(f_hi/f_lo)``.
Gaps are irregular: the train matches itself at one shift only, and each seed has its own pattern,
so that a neighbour's train is never taken for ours.
"""

from __future__ import annotations

import math
import random
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from profiler.errors import StimulusError
from profiler.model import StimulusSpec
from profiler.wav import MAX_RATE_HZ, MIN_RATE_HZ

USABLE_BAND = 0.455
"""Highest usable frequency as a share of the sample rate: converters' filters begin here."""
F_LO_HZ, F_HI_HZ = 150.0, 16_000.0
MAX_CHIRPS = 1000
MAX_TRAIN_S = 300.0
_GRID_S = 1e-4  # start times lie on this grid, so that the JSON says them exactly

Float = npt.NDArray[np.floating[Any]]


def make_train(
    seed: int,
    *,
    rate_hz: int = 48_000,
    chirps: int = 8,
    chirp_s: float = 0.5,
    gap_s: tuple[float, float] = (0.19, 0.41),
    lead_in_s: float = 0.2,
    tail_s: float = 0.2,
    amplitude: float = 0.9,
) -> StimulusSpec:
    """Describe a train whose gap pattern is drawn from ``seed``.

    The default train (docs/method.md section 2) has 8 sweeps of 0.5 s and gaps of 0.19-0.41 s,
    about 6.5 s in all.
    Raises :class:`StimulusError` for values that make no usable train.
    """
    _refuse_undrawable(rate_hz, chirps, chirp_s, gap_s, lead_in_s)
    rng = random.Random(f"chirpbench-train-{seed}")
    starts = [lead_in_s]
    for _ in range(chirps - 1):
        gap = rng.uniform(*gap_s)
        starts.append(round((starts[-1] + chirp_s + gap) / _GRID_S) * _GRID_S)
    spec = StimulusSpec(
        seed=seed,
        rate_hz=rate_hz,
        starts_s=tuple(round(s, 6) for s in starts),
        chirp_s=chirp_s,
        f_lo_hz=F_LO_HZ,
        f_hi_hz=min(F_HI_HZ, round(USABLE_BAND * rate_hz, 3)),
        fade_s=min(0.008, chirp_s / 8),
        amplitude=amplitude,
        duration_s=round(starts[-1] + chirp_s + tail_s, 6),
    )
    return check_spec(spec)


def _refuse_undrawable(
    rate_hz: int, chirps: int, chirp_s: float, gap_s: tuple[float, float], lead_in_s: float
) -> None:
    """What must hold before start times can be drawn; ``check_spec`` looks at the result."""
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise StimulusError(f"rate {rate_hz} Hz", hint=f"use {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")
    if not 0 < gap_s[0] <= gap_s[1]:
        raise StimulusError(f"gaps {gap_s} s", hint="give 0 < shortest <= longest")
    if not 1 <= chirps <= MAX_CHIRPS or not all(map(math.isfinite, (chirp_s, lead_in_s, *gap_s))):
        raise StimulusError(
            f"{chirps} chirps of {chirp_s} s from {lead_in_s} s on",
            hint=f"use 1 to {MAX_CHIRPS} chirps and finite times",
        )


def stability_train(seed: int, *, rate_hz: int = 48_000, duration_s: float = 60.0) -> StimulusSpec:
    """The train of test L4: a short chirp about every 500 ms for ``duration_s``."""
    return make_train(
        seed, rate_hz=rate_hz, chirps=max(4, int(duration_s / 0.5)), chirp_s=0.2, gap_s=(0.2, 0.4)
    )


def check_spec(spec: StimulusSpec) -> StimulusSpec:
    """Return ``spec`` when it is usable, else raise :class:`StimulusError` naming the field."""
    numbers = (
        spec.chirp_s, spec.f_lo_hz, spec.f_hi_hz, spec.fade_s, spec.amplitude, spec.duration_s,
        *spec.starts_s,
    )  # fmt: skip
    if not all(math.isfinite(x) for x in numbers):
        raise StimulusError("a value is not finite", hint="make the stimulus again")
    gaps = [b - a for a, b in zip(spec.starts_s, spec.starts_s[1:], strict=False)]
    problems = {
        "kind": spec.kind != "chirp_train",
        "version": spec.version != 1,
        "rate_hz": not MIN_RATE_HZ <= spec.rate_hz <= MAX_RATE_HZ,
        "starts_s": not 1 <= len(spec.starts_s) <= MAX_CHIRPS
        or spec.starts_s[0] < 0
        or any(g < spec.chirp_s for g in gaps),
        "chirp_s": not 0.02 <= spec.chirp_s <= 5.0,
        "f_lo_hz": not 20.0 <= spec.f_lo_hz < spec.f_hi_hz / 2,
        "f_hi_hz": not spec.f_hi_hz <= USABLE_BAND * spec.rate_hz + 1e-3,
        "fade_s": not 0.0 <= spec.fade_s <= spec.chirp_s / 4,
        "amplitude": not 0.0 < spec.amplitude <= 1.0,
        "duration_s": not max(spec.starts_s, default=0.0) + spec.chirp_s
        <= spec.duration_s
        <= MAX_TRAIN_S,
    }
    for name, bad in problems.items():
        if bad:
            raise StimulusError(
                f"{name} = {getattr(spec, name)!r} is out of range",
                hint="make it again with 'chirpbench stimulus'",
            )
    return spec


def chirp_at(spec: StimulusSpec, t_s: Float) -> Float:
    """Value of one chirp at times ``t_s`` after its start (any shape); 0 outside."""
    growth = math.log(spec.f_hi_hz / spec.f_lo_hz) / spec.chirp_s
    # Rounding of n/rate must not lose the chirp's first sample.
    inside = (t_s > -1e-10) & (t_s < spec.chirp_s - 1e-10)
    x = spec.chirp_s - np.where(inside, t_s, 0.0)
    value = np.sin(2 * np.pi * spec.f_lo_hz / growth * np.expm1(growth * x))
    edge = np.minimum(spec.chirp_s - x, x)
    if spec.fade_s > 0:
        value *= 0.5 - 0.5 * np.cos(np.pi * np.clip(edge / spec.fade_s, 0.0, 1.0))
    return np.where(inside, spec.amplitude * value, 0.0)


def render_train(spec: StimulusSpec, rate_hz: int) -> npt.NDArray[np.float32]:
    """Samples of the whole train at ``rate_hz``, float32, shape (frames,).

    Rates too low for the train's band are rendered at a multiple and band-limited.
    """
    factor = _oversampling(spec, rate_hz)
    frames = round(spec.duration_s * rate_hz)
    fine = np.zeros(frames * factor)
    rate = rate_hz * factor
    for start_s in spec.starts_s:
        first = math.ceil(start_s * rate - 1e-6)
        last = min(fine.size, math.ceil((start_s + spec.chirp_s) * rate))
        n = np.arange(first, last)
        fine[first:last] += chirp_at(spec, n / rate - start_s)
    if factor == 1:
        return fine.astype(np.float32)
    return band_limited(fine, frames, factor, rate_hz)


def band_limited(
    fine: npt.NDArray[np.float64], frames: int, factor: int, rate_hz: int
) -> npt.NDArray[np.float32]:
    """Every ``factor``-th sample of ``fine`` after its band above the new rate's was taken out."""
    pad = fft.next_fast_len(frames + rate_hz // 10)
    spectrum = fft.rfft(fine, pad * factor)[: pad // 2 + 1]
    spectrum *= _edge_taper(spectrum.size) / factor
    result: npt.NDArray[np.float32] = fft.irfft(spectrum, pad)[:frames].astype(np.float32)
    return result


@lru_cache(maxsize=64)
def chirp_spectrum(
    spec: StimulusSpec, rate_hz: int, n_fft: int, drift_ppm: float = 0.0
) -> npt.NDArray[np.complex64]:
    """``rfft`` of one chirp at ``rate_hz``, shape (n_fft // 2 + 1,), scaled as its samples' rfft.

    ``drift_ppm`` dilates the chirp as a relative clock error does. Cached: treat as read-only.
    """
    factor = _oversampling(spec, rate_hz)
    rate = rate_hz * factor
    n = np.arange(math.ceil(spec.chirp_s * rate * (1 + abs(drift_ppm) * 1e-6)) + 1)
    samples = chirp_at(spec, n / rate / (1 + drift_ppm * 1e-6)).astype(np.float32)
    spectrum: npt.NDArray[np.complex64] = fft.rfft(samples, n_fft * factor)[: n_fft // 2 + 1]
    spectrum /= np.float32(factor)
    spectrum.setflags(write=False)
    return spectrum


def _oversampling(spec: StimulusSpec, rate_hz: int) -> int:
    factor = 1
    while rate_hz * factor * USABLE_BAND < spec.f_hi_hz - 1e-3:
        factor *= 2
    return factor


def _edge_taper(bins: int) -> Float:
    """Raised cosine from ``USABLE_BAND`` to Nyquist."""
    x = np.linspace(0.0, 0.5, bins)
    ramp = np.clip((0.5 - x) / (0.5 - USABLE_BAND), 0.0, 1.0)
    return 0.5 - 0.5 * np.cos(np.pi * ramp)
