"""The first arrival: when the direct sound comes, not when the sound is loudest.

CLEAN (Hoegbom 1974) on the mean response: subtract band-limited pulses one after the other,
then take the earliest that stands clear of noise and side lobes (method.md 3.6).
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from profiler.analysis.responses import GATE_S, Aligned, Responses

LOOK_BACK_S, LOOK_AHEAD_S = 0.0155, 0.012
PICK_DB = -17.0
"""A direct path this far below the strongest reflection is still found; side lobes are lower."""
NEAR_PICK_DB = -8.0
NEAR_LOBES = 2.0
"""So close (in units of 1/bandwidth) before a stronger pulse, only a component above
``NEAR_PICK_DB`` is an arrival; weaker ones are the shape that a device's resonances give it."""
PICK_SIGMAS = 4.5
COARSE_SIGMAS = 8.0
"""Below, the strongest sound is taken and no earlier one is looked for."""
RIVAL_BELOW_SIGMAS = 16.0
"""Above, a sound nearly as loud as the strongest cannot hide in the noise."""
RIVAL_SIGMAS, RIVAL_GAP_S = 4.0, 0.001
"""Before the arrival: noise alone gets there once in 1e5, and what is nearer does no harm."""
MATCHED_FLOOR = 0.02
"""Least weight of a frequency in the search for the strongest sound."""
LEVEL_DB = -16.0
FLATTEN_HZ = 2500.0
"""Never narrower: a flattened two-path comb has a ghost before the direct sound (method.md 3.6)."""
PHASE_SIGMAS = 2.5
MULTIPATH_SHARE = 0.006
LOOP_GAIN = 0.7
MAX_COMPONENTS = 60
UPSAMPLE = 4

C128 = npt.NDArray[np.complex128]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pick:
    """How weak a direct path may be, against the strongest sound, to be taken for it."""

    far_db: float = PICK_DB
    near_db: float = NEAR_PICK_DB
    """Close before a stronger one; less is the shape of that."""
    near_s: float = 0.0
    """What is close, where that is further than the band says."""


PLAIN = Pick()


@dataclass(frozen=True, slots=True)
class Arrival:
    """The picked direct path, relative to the responses' time zero."""

    delay_s: float
    sigma_s: float
    """From noise and from reflections."""
    amplitude: complex
    coarse: bool
    """True when noise did not allow a first arrival and the strongest was taken."""
    clear_sigmas: float
    """Strongest sound over the noise of the view in which it was picked."""
    rival: bool
    """In the noise before it is a sound nearly as loud as the strongest: which one is direct?"""
    band_hz: tuple[float, float]
    roughness_db: float
    """RMS deviation of the response's level over the band, smoothed over ``FLATTEN_HZ``."""
    low_drop_db: float
    """Level lost in the lowest octave: the skirt of a small loudspeaker's high-pass."""
    low_phase_rad: float
    """Phase of the lowest octave against the picked wave: a high-pass turns it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Flat:
    """The mean response with its level taken out, and the pulse that a lone arrival would give."""

    spectrum: C128
    taper: F64
    freqs_hz: F64
    noise: float
    """RMS of the noise in lag domain, same scale as the spectrum's inverse transform sum."""
    band_hz: tuple[float, float]
    level: F64
    low_drop_db: float


def first_arrival(aligned: Aligned, resp: Responses, pick: Pick = PLAIN) -> Arrival | None:
    """Pick the direct path; ``None`` when no part of the band stands out of the noise."""
    flat = _flatten(aligned, resp)
    if flat is None:
        return None
    env, step_s, origin = _lag_view(flat.spectrum, flat, resp)
    pulse, _, pulse_origin = _lag_view(flat.taper.astype(np.complex128), flat, resp)
    noise = flat.noise
    strongest = float(np.abs(env).max())
    components = _clean(env, pulse, pulse_origin, max(3.0 * noise, strongest * 10 ** (-22 / 20)))
    merged = _merge(components, max(1, round(0.6 / _width_hz(flat) / step_s)))
    limit = max(strongest * 10 ** (pick.far_db / 20), PICK_SIGMAS * noise)
    near = max(NEAR_LOBES / _width_hz(flat), pick.near_s) / step_s
    strong = [
        c
        for n, c in enumerate(merged)
        if abs(c[1]) >= limit and not _is_shape(merged, n, near, pick)
    ]
    if strongest < COARSE_SIGMAS * noise or not strong:
        return _coarse_arrival(aligned, resp, flat)
    at, amplitude = strong[0]
    others = [c for c in merged if _is_other(c, at, near, strongest)]
    delay_s, amplitude = _refine(flat, (at - origin) * step_s, others, origin, step_s)
    return Arrival(
        delay_s=delay_s,
        sigma_s=math.hypot(
            _sigma(aligned, flat, resp, abs(amplitude) / strongest),
            _multipath_sigma(flat, amplitude, others),
        ),
        amplitude=amplitude,
        coarse=False,
        clear_sigmas=strongest / max(noise, 1e-30),
        rival=strongest < RIVAL_BELOW_SIGMAS * noise
        and _has_rival(_matched(aligned, resp, flat), resp, delay_s),
        band_hz=flat.band_hz,
        roughness_db=_roughness_db(flat),
        low_drop_db=flat.low_drop_db,
        low_phase_rad=_low_phase_rad(flat, delay_s, amplitude),
    )


def _coarse_arrival(aligned: Aligned, resp: Responses, flat: _Flat) -> Arrival:
    """The strongest sound, where noise allows no choice among several.

    Searched in all of the band, weighted by signal over noise. The flattened view keeps only what
    stands clear bin by bin: here that is scraps, which have their maximum anywhere.
    """
    matched = _matched(aligned, resp, flat)
    env, step_s, origin = _lag_view(matched.spectrum, matched, resp)
    at = int(np.argmax(np.abs(env)))
    strongest = float(np.abs(env[at]))
    delay_s, amplitude = _refine(matched, (at - origin) * step_s, [], origin, step_s)
    return Arrival(
        delay_s=delay_s,
        sigma_s=_sigma(aligned, matched, resp, abs(amplitude) / max(strongest, 1e-30)),
        amplitude=amplitude,
        coarse=True,
        clear_sigmas=strongest / max(matched.noise, 1e-30),
        rival=_has_rival(matched, resp, delay_s),
        band_hz=flat.band_hz,
        roughness_db=_roughness_db(flat),
        low_drop_db=flat.low_drop_db,
        low_phase_rad=_low_phase_rad(flat, delay_s, amplitude),
    )


def _has_rival(matched: _Flat, resp: Responses, delay_s: float) -> bool:
    """Whether something nearly as loud as the strongest comes before ``delay_s``."""
    env, step_s, origin = _lag_view(matched.spectrum, matched, resp)
    pulse, _, centre = _lag_view(matched.taper.astype(np.complex128), matched, resp)
    strongest = float(np.abs(env).max())
    floor = max(RIVAL_SIGMAS * matched.noise, strongest * 10 ** (NEAR_PICK_DB / 20))
    earlier = origin + (delay_s - RIVAL_GAP_S) / step_s
    return any(i < earlier for i, _ in _clean(env, pulse, centre, floor))


def _matched(aligned: Aligned, resp: Responses, flat: _Flat) -> _Flat:
    """The mean response weighted for detection: level over noise, both smooth over frequency."""
    cells = max(3, round(FLATTEN_HZ * resp.size / resp.rate_hz))
    edges = resp.edges.clip(0.3)
    noise = aligned.mean_noise / edges**2
    signal = np.square(np.abs(aligned.mean) / edges)
    # Smoothed relative to the noise: its steep slope must not leak into quiet bins.
    ratio = ndimage.uniform_filter1d(signal / noise, cells, mode="nearest") - 1
    taper = ratio.clip(MATCHED_FLOOR * max(float(ratio.max()), 1.0)) * (resp.edges > 0.5)
    level = np.sqrt(taper.clip(1e-12) * noise)
    taper /= taper.max()
    return replace(
        flat,
        spectrum=aligned.mean * taper / level / edges,
        taper=taper,
        noise=_lag_noise(aligned, resp, taper / level / edges),
        level=level,
    )


def _flatten(aligned: Aligned, resp: Responses) -> _Flat | None:
    """Weight the mean by what is signal, flatten its level over ``FLATTEN_HZ``."""
    width = resp.rate_hz / resp.size
    cells = max(3, round(300 / width))
    # The taper of the analysis band is ours, not the channel's.
    edges = resp.edges.clip(0.3)
    signal = np.square(np.abs(aligned.mean) / edges)
    noise = aligned.mean_noise / edges**2
    smooth = ndimage.uniform_filter1d(signal, cells, mode="nearest")
    clear = np.maximum(smooth - noise, 0)
    trust = clear / (clear + noise)
    loud = smooth > 10 ** (LEVEL_DB / 10) * np.quantile(smooth, 0.9)
    usable = (trust > 0.25) & loud & (resp.edges > 0.5)
    if usable.sum() < 8:
        return None
    where = np.flatnonzero(usable)
    band = (float(resp.freqs_hz[where[0]]), float(resp.freqs_hz[where[-1]]))
    soft = max(3, round(0.06 * where.size))
    taper = ndimage.uniform_filter1d(usable.astype(float), soft, mode="constant")
    taper = ndimage.uniform_filter1d(np.minimum(taper, usable), soft, mode="constant") * usable
    # Flat where the signal is clear, matched to it where noise rules.
    taper = taper * trust
    wide = max(3, round(FLATTEN_HZ / width))
    weights = usable + 1e-9
    # The running sum can round below zero where the signal is next to nothing.
    level = np.sqrt(
        ndimage.uniform_filter1d(signal * weights, wide, mode="nearest").clip(1e-30)
        / ndimage.uniform_filter1d(weights, wide, mode="nearest").clip(1e-12)
    )
    return _Flat(
        spectrum=aligned.mean * taper / level / edges,
        taper=taper,
        freqs_hz=resp.freqs_hz,
        noise=_lag_noise(aligned, resp, taper / level / edges),
        band_hz=band,
        level=level,
        low_drop_db=_low_drop_db(resp.freqs_hz, smooth, band),
    )


def _lag_noise(aligned: Aligned, resp: Responses, gain: F64) -> float:
    """RMS in lag domain of the mean's noise, weighted by ``gain``."""
    independent = resp.size / (GATE_S * resp.rate_hz)
    return math.sqrt(float(np.sum(np.square(gain) * aligned.mean_noise)) * max(1.0, independent))


def _low_drop_db(freqs_hz: F64, power: F64, band_hz: tuple[float, float]) -> float:
    """How far the lowest octave of the band lies below the two octaves above it, in dB."""
    lo = band_hz[0]
    low = power[(freqs_hz >= lo) & (freqs_hz < 2 * lo)]
    above = power[(freqs_hz >= 2 * lo) & (freqs_hz < min(8 * lo, band_hz[1]))]
    if low.size == 0 or above.size == 0:
        return 0.0
    # Of powers, not of dB: the notches of a reflection's comb must not count as a skirt.
    return max(0.0, 10 * math.log10(float(above.mean()) / max(float(low.mean()), 1e-30)))


def _lag_view(spectrum: C128, flat: _Flat, resp: Responses) -> tuple[C128, float, int]:
    """Analytic response (sum of bins) on a fine lag grid around its maximum window."""
    size = fft.next_fast_len(resp.size * UPSAMPLE)
    first = round(float(flat.freqs_hz[0]) * resp.size / resp.rate_hz)
    full = np.zeros(size, np.complex128)
    full[first : first + spectrum.size] = spectrum
    lags = fft.ifft(full, overwrite_x=True) * size
    step_s = resp.size / (size * resp.rate_hz)
    back, ahead = round(LOOK_BACK_S / step_s), round((LOOK_AHEAD_S + 0.004) / step_s)
    return np.concatenate([lags[-back:], lags[:ahead]]), step_s, back


def _width_hz(flat: _Flat) -> float:
    return float(np.sum(flat.taper)) * float(flat.freqs_hz[1] - flat.freqs_hz[0])


def _clean(env: C128, pulse: C128, centre: int, floor: float) -> list[tuple[int, complex]]:
    """Subtract pulses until nothing above ``floor`` is left; returns (grid index, amplitude)."""
    rest = env.copy()
    peak = pulse[centre].real
    out: list[tuple[int, complex]] = []
    for _ in range(MAX_COMPONENTS):
        i = int(np.argmax(np.square(rest.real) + np.square(rest.imag)))
        if abs(rest[i]) < floor:
            break
        a = LOOP_GAIN * complex(rest[i])
        out.append((i, a))
        lo, hi = max(0, i - centre), min(rest.size, i - centre + pulse.size)
        rest[lo:hi] -= a / peak * pulse[lo - i + centre : hi - i + centre]
    return out


def _merge(components: list[tuple[int, complex]], reach: int) -> list[tuple[int, complex]]:
    """Join components within a main lobe; sorted by time."""
    merged: list[tuple[float, complex]] = []
    for i, a in sorted(components, key=lambda c: c[0]):
        if merged and i - merged[-1][0] <= reach:
            j, b = merged[-1]
            merged[-1] = ((j * abs(b) + i * abs(a)) / max(abs(a) + abs(b), 1e-30), a + b)
        else:
            merged.append((float(i), a))
    return [(round(i), a) for i, a in merged]


def _is_other(component: tuple[int, complex], at: int, near: float, strongest: float) -> bool:
    """Whether a component is a sound of its own, not a crumb that CLEAN left beside the pick."""
    i, amplitude = component
    if abs(i - at) <= near:
        return i != at and abs(amplitude) > strongest * 10 ** (NEAR_PICK_DB / 20)
    return True


def _is_shape(merged: list[tuple[int, complex]], n: int, near: float, pick: Pick) -> bool:
    """Whether component ``n`` is the fore-slope of a much stronger one right behind it."""
    at, amplitude = merged[n]
    ratio = 10 ** (pick.near_db / 20)
    return any(i - at <= near and abs(amplitude) < ratio * abs(a) for i, a in merged[n + 1 :])


def _refine(
    flat: _Flat, delay_s: float, others: list[tuple[int, complex]], origin: int, step_s: float
) -> tuple[float, complex]:
    """Newton on the envelope of the band-limited response with the other arrivals taken out."""
    omega = 2 * np.pi * flat.freqs_hz
    spectrum = flat.spectrum
    total = float(flat.taper.sum())
    if others:
        delays = np.array([(i - origin) * step_s for i, _ in others])
        amplitudes = np.array([a for _, a in others]) / total
        spectrum = spectrum - flat.taper * (np.exp(-1j * np.outer(omega, delays)) @ amplitudes)
    limit = 0.2 / _width_hz(flat)
    for _ in range(6):
        turned = spectrum * np.exp(1j * omega * delay_s)
        f0, f1, f2 = turned.sum(), (1j * omega * turned).sum(), -(omega**2 * turned).sum()
        slope = 2 * (f1 * f0.conjugate()).real
        bend = 2 * (f2 * f0.conjugate()).real + 2 * abs(f1) ** 2
        if bend >= 0:
            break
        step = -slope / bend
        delay_s += float(np.clip(step, -limit, limit))
        if abs(step) < 1e-12:
            break
    turned = spectrum * np.exp(1j * omega * delay_s)
    value = complex(turned.sum())
    sign = 1.0 if value.real >= 0 else -1.0
    if abs(value.imag) < PHASE_SIGMAS * flat.noise:
        # A wave that arrives upright, as far as the noise lets see, is timed by its carrier.
        bend = -float((omega**2 * turned).real.sum()) * sign
        slope = float((1j * omega * turned).real.sum()) * sign
        if bend < 0:
            delay_s += float(np.clip(-slope / bend, -limit, limit))
    return delay_s, value


def _sigma(aligned: Aligned, flat: _Flat, resp: Responses, relative: float) -> float:
    """Envelope bound of the flattened pulse in the mean's noise (method.md 4.1, phase unknown)."""
    f = flat.freqs_hz
    centre = float(np.average(f, weights=flat.taper.clip(1e-12)))
    omega = 2 * np.pi * (f - centre)
    bend = float(np.sum(flat.taper * omega**2))
    independent = resp.size / (GATE_S * resp.rate_hz)
    gain2 = np.square(flat.taper / flat.level) * aligned.mean_noise
    spread = math.sqrt(0.5 * max(1.0, independent) * float(np.sum(omega**2 * gain2)))
    return spread / max(bend * max(relative, 1e-3), 1e-30)


def _low_phase_rad(flat: _Flat, delay_s: float, picked: complex) -> float:
    """|Phase| of the band's lowest octave at the picked delay, 0 = upright or inverted as a whole.

    Gain control evens out the level of a sweep and so hides a skirt; it cannot turn its phase back.
    """
    f = flat.freqs_hz
    low = (f >= flat.band_hz[0]) & (f < 2 * flat.band_hz[0])
    wave = complex(np.sum(flat.spectrum[low] * np.exp(2j * np.pi * f[low] * delay_s)))
    return abs(cmath.phase(wave * (1.0 if picked.real >= 0 else -1.0)))


def _multipath_sigma(flat: _Flat, picked: complex, others: list[tuple[int, complex]]) -> float:
    """What imperfectly removed reflections may still move the pick by.

    A share of the pulse width that grows with the strongest reflection; the share is the scatter
    seen on simulated desks and rooms.
    """
    ratio = max((abs(a) for _, a in others), default=0.0) / max(abs(picked), 1e-30)
    return MULTIPATH_SHARE / _width_hz(flat) * min(ratio, 3.0)


def _roughness_db(flat: _Flat) -> float:
    """RMS deviation of the level in dB over the usable band: what a device does to a pulse."""
    level_db = 20 * np.log10(flat.level)
    weights = flat.taper.clip(1e-12)
    mean = np.average(level_db, weights=weights)
    return float(np.sqrt(np.average(np.square(level_db - mean), weights=weights)))
