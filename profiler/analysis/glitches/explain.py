"""What happened at a suspect: tone missing, frames lost or added, or only a noise over it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from profiler.analysis.glitches.suspects import FINE_STEP_RAD, Span
from profiler.analysis.glitches.traces import Trace
from profiler.analysis.glitches.track import Track

SIDE_S = 0.06
"""Phase lines are fitted over this much on both sides."""
LEAST_SIDE_S = 0.006
LINE_S = 0.02
"""Shorter sides give a mean phase, no slope."""
SIGMAS = 6.0
BEND_RAD_S = 0.5
"""Phase that a wandering resampler may turn off its line within a hole (200 us at 1 s period)."""
LONGEST_STEP_S = 0.2
"""After a longer absence the phase says nothing about frames."""
EXPLAINED, EXPLAINED_SHORT = 0.4, 0.6
"""A hole explains this share of the energy that a suspect has beside the tone; one shorter than
``SHORT_S`` must explain more (measured: holes 0.78 and more at 20 dB SNR, less when the room smears
them; clicks and voices up to 0.29, short ones 0.49)."""
SHORT_S = 0.003
HARMONICS = 5
AROUND_S = 0.02
DEPTH = 0.35
"""The tone falls by this much at least within a hole."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Event:
    """A suspect explained; frames of the recording."""

    first: float
    last: float
    kind: str
    shift: float
    """Frames that everything after it is later; 0 for a hole and a noise."""

    @property
    def counts(self) -> bool:
        """Whether it is a glitch."""
        return self.kind != "noise"


@dataclass(frozen=True, slots=True)
class Sides:
    """The tone on both sides of a suspect."""

    step: float
    """Phase after against before, rad, the common slope taken out."""
    sigma: float
    before: complex
    after: complex


def explain(
    track: Track,
    samples: F32,
    span: Span,
    room: tuple[int, int],
    zeros: Trace | None,
) -> Event:
    """Name one suspect. ``room`` are the hops between its neighbours."""
    frames = (track.hop * span.first, track.hop * span.last)
    if zeros is not None:
        frames = zeros.first, zeros.last
        span = Span(zeros.first // track.hop, -(-zeros.last // track.hop))
    sides = compare_sides(track, span, room)
    duration_s = (frames[1] - frames[0]) / track.rate_hz
    limit = FINE_STEP_RAD + BEND_RAD_S * min(duration_s, LONGEST_STEP_S)
    stepped = (
        sides is not None
        and duration_s < LONGEST_STEP_S
        and abs(sides.step) > max(limit, SIGMAS * sides.sigma)
    )
    period = track.rate_hz / track.freq_hz
    late = -sides.step / (2 * math.pi) * period if sides is not None else 0.0
    if zeros is not None:
        return _gap(zeros, stepped, late, period)
    if not stepped:
        hole = _hole(track, samples, span, room, sides)
        return hole or Event(*frames, "noise", 0.0)
    hole = _hole(track, samples, span, room, sides)
    if hole is not None and hole.last - hole.first > period / 2:
        return _gap(Trace(round(hole.first), round(hole.last)), True, late, period)
    # Without copied frames it is rather frames lost than frames made up.
    early = late - period if late > 0 else late
    return Event(frames[0], frames[0], "skip", early)


def _gap(gap: Trace, stepped: bool, late: float, period: float) -> Event:
    """Zeros: put in between when the tone goes on later by as much, else instead of the tone."""
    length = gap.last - gap.first
    if not stepped:
        return Event(gap.first, gap.last, "hole", 0.0)
    shift = late + period * round((length - late) / period)
    if abs(shift - length) <= 0.15 * period:
        return Event(gap.first, gap.last, "insert", shift)
    # A hole after which the stream goes on elsewhere.
    return Event(gap.first, gap.last, "skip" if late < 0 else "insert", late)


def compare_sides(track: Track, span: Span, room: tuple[int, int]) -> Sides | None:
    """Phase and level before and after; ``None`` when a side is too short."""
    margin = track.reach + 1
    side, least = track.hops(SIDE_S), track.hops(LEAST_SIDE_S)
    a = max(room[0], span.first - margin - side, 0)
    b = min(room[1], span.last + margin + side, track.tone.size)
    left, right = track.tone[a : span.first - margin], track.tone[span.last + margin : b]
    if min(left.size, right.size) < least:
        return None
    before, after = (
        complex(np.median(left.real), np.median(left.imag)),
        complex(np.median(right.real), np.median(right.imag)),
    )
    if min(abs(before), abs(after)) < 0.1:
        return None
    x = np.concatenate([np.arange(a, span.first - margin), np.arange(span.last + margin, b)])
    x = x - (span.first + span.last) / 2
    y = np.concatenate([np.angle(left / before), np.angle(right / after)])
    turn = float(np.angle(after / before))
    later = (x > 0).astype(np.float64)
    columns = [np.ones(x.size), later]
    sloped = min(left.size, right.size) >= track.hops(LINE_S)
    if sloped:
        columns.append(x * track.hop_s)
    basis = np.stack(columns, axis=1)
    fit = fitted(basis, y)
    rest = y - basis @ fit
    sigma = _step_sigma(track, rest, (left.size, right.size), sloped)
    step = math.remainder(turn + float(fit[1]), 2 * math.pi)
    return Sides(step, sigma, before, after)


def _step_sigma(track: Track, rest: F64, sizes: tuple[int, int], sloped: bool) -> float:
    """1σ of a step between two lines, from what is left of them in blocks of 6 ms.

    White noise alone gives the same as its own spread; a voice gives more.
    """
    each = track.hops(LEAST_SIDE_S)
    blocks = [
        part[: part.size // each * each].reshape(-1, each).mean(axis=1)
        for part in (rest[: sizes[0]], rest[sizes[0] :])
    ]
    count = [max(1, part.size) for part in blocks]
    together = np.concatenate(blocks)
    free = max(1, together.size - 2 - sloped)
    spread = math.sqrt(float(np.square(together).sum()) / free)
    white = float(np.std(rest)) * math.sqrt(2 * track.reach / each)
    factor = 2.0 if sloped else 1.0
    return factor * max(spread, white) * math.sqrt(1 / count[0] + 1 / count[1])


def _hole(
    track: Track, samples: F32, span: Span, room: tuple[int, int], sides: Sides | None
) -> Event | None:
    """The stretch without tone that explains the suspect, or ``None``.

    Its length is the area of the dip, so it is right also when shorter than the tone's period.
    """
    margin = 2 * track.reach
    a, b = max(room[0], span.first - margin), min(room[1], span.last + margin)
    if b <= a:
        return None
    near = track.tone[a:b].astype(np.complex128)
    share = np.abs(near)
    if sides is not None:
        # Against the side it resembles more: that is the right one across a step.
        share = np.maximum((near / sides.before).real, (near / sides.after).real)
    dip = np.clip(1 - share, 0, 1)
    dip[dip < 0.1] = 0
    length = float(dip.sum())
    if float(dip.max(initial=0)) < DEPTH or length <= 0:
        return None
    centre = a + float(np.sum(dip * np.arange(dip.size))) / length
    first, last = (centre - length / 2) * track.hop, (centre + length / 2) * track.hop
    enough = EXPLAINED if last - first >= SHORT_S * track.rate_hz else EXPLAINED_SHORT
    if sides is not None and _explained(track, samples, (first, last)) < enough:
        return None
    if sides is None and length * track.hop_s < LEAST_SIDE_S:
        return None
    return Event(first, last, "hole", 0.0)


def _explained(track: Track, samples: F32, hole: tuple[float, float]) -> float:
    """Share of the energy beside the tone that a hole there explains (1: all, 0 or less: none).

    Above half the tone's frequency, so that hum and a door's rumble do not count; the tone's own
    harmonics belong to it. 0 where there are no surroundings to know the tone by.
    """
    rate = track.rate_hz
    around = round(AROUND_S * rate)
    a, b = max(0, int(hole[0]) - around), min(samples.size, int(hole[1]) + around)
    at = np.arange(a, b)
    sos = signal.butter(2, track.freq_hz / 2, "highpass", fs=rate, output="sos")
    heard: F64 = signal.sosfiltfilt(sos, samples[a:b]).astype(np.float64)
    waves = _waves(track, at)
    apart = 0.001 * rate
    middle = (hole[0] + hole[1]) / 2
    model = np.zeros(at.size)
    for side, near in ((at < hole[0] - apart, at < middle), (at > hole[1] + apart, at >= middle)):
        if np.count_nonzero(side) < 3 * waves.shape[1]:
            return 0.0
        model[near] = waves[near] @ fitted(waves[side], heard[side])
    gone = signal.sosfiltfilt(sos, np.where((at >= hole[0]) & (at < hole[1]), -model, 0.0))
    close = np.abs(at - middle) < (hole[1] - hole[0]) / 2 + around / 4
    rest = (heard - model)[close]
    energy = float(np.square(rest).sum())
    return 1 - float(np.square(rest - gone[close]).sum()) / energy if energy > 0 else 1.0


def fitted(basis: F64, values: F64) -> F64:
    """Least squares by the normal equations: the columns are few and far from parallel."""
    gram = basis.T @ basis
    gram.flat[:: gram.shape[0] + 1] *= 1 + 1e-12
    found: F64 = np.asarray(np.linalg.solve(gram, basis.T @ values), np.float64)
    return found


def _waves(track: Track, at: npt.NDArray[np.int64]) -> F64:
    """Cosines and sines of the tone and its harmonics at frames ``at``, shape (frames, columns)."""
    slow = np.interp(at / track.hop, np.arange(track.phase.size), track.phase)
    phase = 2 * math.pi * np.remainder(at * (track.freq_hz / track.rate_hz), 1.0) + slow
    orders = [k for k in range(1, HARMONICS + 1) if k * track.freq_hz < 0.45 * track.rate_hz]
    return np.stack([f(k * phase) for k in orders for f in (np.cos, np.sin)], axis=1)
