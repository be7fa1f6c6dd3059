"""Moments at which the tone is not what its surroundings say: places to look at closely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from profiler.analysis.glitches.track import Track

SIDE_S = 0.0093
"""Length of the surroundings on either side: 8 periods of 857 Hz (OboeTester locks over 8)."""
MISSING = 0.5
"""Below this share of the local level the tone is missing."""
BESIDE = 0.2
"""Smallest distance from the surroundings that is looked at (OboeTester: magnitude off by 0.1)."""
STEP_RAD = 0.12
"""Smallest phase step looked for at once (OboeTester: 0.157 rad)."""
SIGMAS = 7.0
"""False alarms are checked again, but each costs time (measured: none in 40 min of noise)."""
JOIN_S = 0.015
FINE_STEP_RAD = 0.035
"""Smallest phase step at all: 2 us of 857 Hz, what a resampler's wander does in 60 ms."""
FINE_SIDE_S = 0.06
TAIL_S = 0.25
"""After a suspect no small steps are looked for."""
NOISE_REACH_S = 0.5
RAYLEIGH = 1.1774
"""Median of a complex Gaussian's magnitude over its σ per component."""

F32 = npt.NDArray[np.float32]
C64 = npt.NDArray[np.complex64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Span:
    """Hops [first, last) of a suspect."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """Every hop against its surroundings; all shapes (hops,)."""

    beside: F32
    """Distance to the left mean, the right mean or the middle of both, whichever is nearest."""
    step: F32
    """Phase of the right mean against the left mean, rad; 0 where either is missing."""
    noise: F32
    """Local σ per component of one hop."""


def look_around(track: Track) -> Around:
    """Compare every hop with ``SIDE_S`` on its left and on its right."""
    side, gap = track.hops(SIDE_S), track.reach + 1
    total = np.concatenate([[0], np.cumsum(track.tone, dtype=np.complex128)])
    at = np.arange(track.tone.size)
    left = _mean(total, at - gap - side, at - gap)
    right = _mean(total, at + gap + 1, at + gap + 1 + side)
    beside = np.minimum(np.abs(track.tone - left), np.abs(track.tone - right))
    beside = np.minimum(beside, np.abs(track.tone - (left + right) / 2))
    both = np.minimum(np.abs(left), np.abs(right)) > MISSING
    step = np.where(both, np.angle(right * np.conj(left)), 0.0)
    return Around(
        beside.astype(np.float32), step.astype(np.float32), _noise(track, beside / RAYLEIGH)
    )


def find_suspects(track: Track, around: Around) -> list[Span]:
    """Gross suspects in order of time, from first to last hop that is off."""
    spread = _running_mad(track, around.step)
    off = around.beside > np.maximum(BESIDE, SIGMAS * around.noise)
    off |= np.abs(around.step) > np.maximum(STEP_RAD, SIGMAS * spread)
    off |= np.abs(track.tone) < MISSING
    inside = np.zeros(off.size, np.bool_)
    for first, last in track.stretches:
        inside[first:last] = True
    found = _runs(off & inside, track.hops(JOIN_S))
    return [_core(track, span, around) for span in found]


def find_fine_steps(track: Track, known: list[Span]) -> list[Span]:
    """Small lasting phase steps in the clean stretches between ``known`` spans.

    The kernel is a step without its own line: a slope of the phase does not move it.
    """
    side = track.hops(FINE_SIDE_S)
    ramp = (np.arange(2 * side) - side + 0.5) / side
    # Gain: the response to a unit step in the middle.
    kernel = np.sign(ramp) - 1.5 * ramp
    kernel /= kernel[ramp > 0].sum()
    found = []
    for first, last in _clean(track, known, 2 * side + 2):
        phase = np.unwrap(np.angle(track.tone[first:last])).astype(np.float64)
        step = np.correlate(phase, kernel, "valid").astype(np.float32)
        limit = np.maximum(FINE_STEP_RAD, SIGMAS * _running_mad(track, step))
        for span in known:  # the room's tail still holds what was before it
            until = span.last + track.hops(TAIL_S) - first - side
            limit[max(0, span.last - first - 2 * side) : max(0, until)] = np.inf
        for run in _runs(np.abs(step) > limit, side):
            top = run.first + int(np.argmax(np.abs(step[run.first : run.last])))
            at = first + top + side
            found.append(Span(at, at + 1))
    return found


def _clean(track: Track, known: list[Span], least: int) -> list[tuple[int, int]]:
    """Stretches without a known span, at least ``least`` hops long."""
    margin = track.reach + 1
    found = []
    for first, last in track.stretches:
        begin = first
        for span in known:
            if span.last <= first or span.first >= last:
                continue
            found.append((begin, span.first - margin))
            begin = max(begin, span.last + margin)
        found.append((begin, last))
    return [(a, b) for a, b in found if b - a >= least]


def _core(track: Track, span: Span, around: Around) -> Span:
    """From where the tone leaves its left surroundings to where it is as its right ones are."""
    side = track.hops(SIDE_S)
    size = track.tone.size
    before = track.tone[max(0, span.first - side) : max(1, span.first)]
    after = track.tone[min(span.last, size - 1) : span.last + side]
    inside = track.tone[span.first : span.last]
    from_left = np.abs(inside - before.mean())
    from_right = np.abs(inside - after.mean())
    noise = 4 * float(around.noise[span.first])
    left = np.flatnonzero(from_left > max(noise, 0.4 * float(from_left.max(initial=0.0))))
    right = np.flatnonzero(from_right > max(noise, 0.4 * float(from_right.max(initial=0.0))))
    if left.size == 0 or right.size == 0:
        return span
    first, last = int(left[0]), int(right[-1]) + 1
    if last <= first:  # a bare step
        middle = (first + last) // 2
        first, last = middle, middle + 1
    return Span(span.first + first, span.first + last)


def _noise(track: Track, sigma: npt.NDArray[np.floating]) -> F32:
    """Running median over a second, of hops inside the stretches."""
    inside = [sigma[a:b] for a, b in track.stretches]
    typical = float(np.median(np.concatenate(inside))) if inside else 1.0
    return np.maximum(_running_median(track, sigma.astype(np.float32)), np.float32(typical / 2))


def _running_mad(track: Track, values: F32) -> F32:
    return np.float32(1.4826) * _running_median(track, np.abs(values))


def _running_median(track: Track, values: F32) -> F32:
    each = track.hops(0.005)
    thin = values[::each]
    size = 2 * round(NOISE_REACH_S / (each * track.hop_s)) + 1
    slow = ndimage.median_filter(thin, size=min(size, 2 * thin.size + 1), mode="nearest")
    at = np.arange(values.size)
    found: F32 = np.interp(at, np.arange(thin.size) * each, slow).astype(np.float32)
    return found


def _mean(
    total: npt.NDArray[np.complex128], first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> C64:
    a, b = np.clip(first, 0, total.size - 1), np.clip(last, 0, total.size - 1)
    means: C64 = ((total[b] - total[a]) / np.maximum(b - a, 1)).astype(np.complex64)
    return means


def _runs(mask: Bools, join: int) -> list[Span]:
    """Runs of True, those at most ``join`` apart joined."""
    on = np.flatnonzero(mask)
    if on.size == 0:
        return []
    cuts = np.flatnonzero(np.diff(on) > join)
    firsts = on[np.concatenate([[0], cuts + 1])]
    lasts = on[np.concatenate([cuts, [on.size - 1]])]
    return [Span(int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]
