"""From a recording during which something was done to the device to what that did.

The sound between two actions is read as any train is, in the second half of the time between them,
where it has settled. With the latency before and after known, each piece of each sweep is looked
for at both places: the gap is the longest stretch of play time that is heard at neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import signal

from profiler.analysis.acted.hearing import (
    F32,
    F64,
    HEARD,
    PIECE_S,
    Line,
    Pieces,
    Usual,
    pieces_of,
    usual_of,
)
from profiler.analysis.pipeline import analyze
from profiler.analysis.quality import capture_quality, is_silent
from profiler.model import (
    ActionFindings,
    ActionGap,
    ActionSegment,
    Reason,
    StimulusSpec,
    TimedAction,
    Verdict,
)
from profiler.wav import Audio

Bools = npt.NDArray[np.bool_]

ACTED_VERSION = "1"
SETTLED = 0.5
"""Of the time after an action the last part so large is taken for settled."""
ROOM_S = 0.6
"""A sweep that ends later than this before the next action may arrive after it."""
LEAD_S = 0.05
"""Silence that the search needs before the first sweep of a train."""
MIN_SWEEPS = 5
SOON_S = 0.1
"""A gap may begin this much before the moment at which its action was asked for: clocks differ."""
MIN_ZERO_S = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One segment with what is needed to look for it elsewhere."""

    told: ActionSegment
    line: Line | None = None
    usual: Usual | None = None


def measure_actions(
    audio: Audio, spec: StimulusSpec, actions: Sequence[TimedAction]
) -> ActionFindings:
    """What ``actions`` did to the train ``spec`` in ``audio``; a poor signal is a verdict."""
    quality = capture_quality(audio)
    samples = _samples(audio, spec.rate_hz)
    pieces = pieces_of(spec, spec.rate_hz)
    ordered = sorted(actions, key=lambda a: a.at_s)
    end_s = samples.size / spec.rate_hz
    edges = [0.0, *(min(max(a.at_s, 0.0), end_s) for a in ordered), end_s]
    parts = [
        _part(samples, spec, pieces, begin, end, first=i == 0)
        for i, (begin, end) in enumerate(pairwise(edges))
    ]
    gaps = tuple(
        _gap(samples, pieces, action, (parts[i], parts[i + 1]), (edges[i + 1], edges[i + 2]))
        for i, action in enumerate(ordered)
    )
    reasons: list[str] = []
    if quality.non_finite:
        reasons.append(Reason.NON_FINITE.value)
    if is_silent(quality):
        reasons.append(Reason.SILENT_CAPTURE.value)
    for part in parts:
        reasons += part.told.reasons
    heard = [p.told.latency_ms is not None for p in parts]
    verdict = Verdict.PASS if all(heard) else Verdict.MARGINAL
    if not heard[0]:
        verdict = Verdict.NOT_MEASURABLE
    told = tuple(p.told for p in parts)
    unique = tuple(dict.fromkeys(reasons))
    return ActionFindings(verdict, unique, quality, told, gaps, ACTED_VERSION)


def _samples(audio: Audio, rate_hz: int) -> F32:
    """The first channel at the train's rate, shape (frames,); NaN and Inf count as 0."""
    mono = audio.samples[:, 0] if audio.channels else np.zeros(0, np.float32)
    mono = np.nan_to_num(mono, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
    if audio.rate_hz != rate_hz and mono.size:
        ratio = Fraction(rate_hz, audio.rate_hz)
        mono = signal.resample_poly(mono, ratio.numerator, ratio.denominator).astype(np.float32)
    return np.clip(mono, -8.0, 8.0)


def _part(
    samples: F32, spec: StimulusSpec, pieces: Pieces, begin_s: float, end_s: float, *, first: bool
) -> _Part:
    """Read the settled part of one segment as a recording of its own."""
    settled_s = begin_s if first else begin_s + SETTLED * (end_s - begin_s)
    rows = [
        i
        for i, start in enumerate(spec.starts_s)
        if start >= settled_s + LEAD_S and start + spec.chirp_s <= end_s - ROOM_S
    ]
    empty = ActionSegment(settled_s, end_s, None, None, None, (Reason.TOO_SHORT.value,))
    if len(rows) < MIN_SWEEPS:
        return _Part(empty)
    from_frame = round(settled_s * spec.rate_hz)
    at_s = from_frame / spec.rate_hz
    train = replace(
        spec,
        starts_s=tuple(round(spec.starts_s[i] - at_s, 9) for i in rows),
        duration_s=max(end_s - at_s, spec.starts_s[rows[-1]] + spec.chirp_s - at_s),
    )
    piece = samples[from_frame : round(end_s * spec.rate_hz)]
    estimate = analyze(Audio(piece[:, None], spec.rate_hz), train)
    if not estimate.valid or estimate.round_trip_latency_ms is None:
        return _Part(replace(empty, reasons=estimate.reasons))
    line = Line(at_s, estimate.round_trip_latency_ms / 1000, 1e-6 * (estimate.drift_ppm or 0.0))
    usual = usual_of(pieces.gains(samples, line), rows)
    told = ActionSegment(
        settled_s, end_s, estimate.round_trip_latency_ms, estimate.uncertainty_us,
        usual.gain_db, (),
    )  # fmt: skip
    return _Part(told, line, usual)


def _gap(
    samples: F32,
    pieces: Pieces,
    action: TimedAction,
    parts: tuple[_Part, _Part],
    span_s: tuple[float, float],
) -> ActionGap:
    """What happened between an action and the next one."""
    zero_ms, zero_from_s = _zeros(samples, pieces.rate_hz, *span_s)
    away = _away(samples, pieces, parts, span_s)
    return ActionGap(action.at_s, action.action, action.value, *away, zero_ms, zero_from_s)


class _Away(NamedTuple):
    """For how long the sound was away, in s, and when it was first heard again."""

    low_s: float | None = None
    high_s: float | None = None
    resumed_s: float | None = None


def _away(
    samples: F32, pieces: Pieces, parts: tuple[_Part, _Part], span_s: tuple[float, float]
) -> _Away:
    before, after = parts[0].line, parts[1].line
    begin_s, end_s = span_s
    played, old, new = _found(samples, pieces, parts, begin_s - SOON_S, end_s)
    if after is not None and before is not None:
        known = np.isfinite(old) | np.isfinite(new)
        left, arrives = before.arrival_s(played[known]), after.arrival_s(played[known])
        was, is_ = old[known] == 1.0, new[known] == 1.0
        # On a quiet path a piece can be found that is the loud one's: where it was found counts.
        last_at, first_at = np.where(was, left, arrives), np.where(is_, arrives, left)
        return _between((left, arrives, last_at, first_at), was | is_, begin_s)
    if before is not None:  # not heard again
        last = played[old == 1.0][-1:]
        since_s = float(before.arrival_s(last)[0]) + PIECE_S if last.size else begin_s
        return _Away(max(end_s - since_s, 0.0))
    if after is not None and (first := played[new == 1.0][:1]).size:  # not heard before
        at_s = float(after.arrival_s(first)[0])
        return _Away(0.0, max(at_s - begin_s, 0.0), at_s)
    return _Away()


def _between(times_s: tuple[F64, F64, F64, F64], heard: Bools, begin_s: float) -> _Away:
    """The longest time between two pieces that were heard.

    ``times_s``: where each piece would be on the old path and on the new one, and where it was
    found, on the old one or else the new one, and the other way about.
    """
    left, arrives, last_at, first_at = times_s
    there = np.flatnonzero(_without_lone(heard))
    if not there.size:
        return _Away(max(float(arrives[-1] - begin_s), 0.0) if arrives.size else None)
    # A piece at either end that was heard may be cut, one that was missed may be heard in part.
    part_s = PIECE_S * (1 - 2 * HEARD)
    before_s = np.concatenate(([begin_s], last_at[there[:-1]]))
    longest_s = first_at[there] + PIECE_S - before_s
    at = int(np.argmax(longest_s))
    open_end_s = float(arrives[-1]) - float(last_at[there[-1]])
    if open_end_s > longest_s[at]:
        return _Away(open_end_s)
    first, last = (int(there[at - 1]) + 1 if at else 0), int(there[at]) - 1
    missing_s = float(arrives[last] - left[first]) + part_s if last >= first else 0.0
    high_s = float(longest_s[at])
    return _Away(min(max(missing_s, 0.0), high_s), high_s, float(first_at[there[at]]))


def _found(
    samples: F32, pieces: Pieces, parts: tuple[_Part, _Part], begin_s: float, end_s: float
) -> tuple[F64, F64, F64]:
    """Play time of every piece in the span, and whether it is heard where it was, where it is."""
    played = (pieces.starts_s[:, None] + pieces.offsets_s[None, :]).reshape(-1)
    found = []
    reach = np.ones(played.size, dtype=bool)
    for part in parts:
        if part.line is None or part.usual is None:
            found.append(np.full(played.size, np.nan))
            continue
        found.append(part.usual.heard(pieces.gains(samples, part.line)).reshape(-1))
        arrives = part.line.arrival_s(played)
        reach &= (arrives >= begin_s) & (arrives + PIECE_S <= end_s)
    return played[reach], found[0][reach], found[1][reach]


def _longest(missing: Bools) -> tuple[int, int] | None:
    """First and last index of the longest run of ``True``."""
    padded = np.concatenate(([False], missing, [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    if not edges.size:
        return None
    begins, ends = edges[::2], edges[1::2]
    best = int(np.argmax(ends - begins))
    return int(begins[best]), int(ends[best]) - 1


def _without_lone(heard: Bools) -> Bools:
    """A piece that is heard between two that are not was noise."""
    padded = np.concatenate(([True], heard, [True]))
    lone: Bools = heard & ~padded[:-2] & ~padded[2:]
    return heard & ~lone


def _zeros(samples: F32, rate_hz: int, begin_s: float, end_s: float) -> tuple[float, float | None]:
    """Longest run of exact zeros in ms, and when it began."""
    first = round(begin_s * rate_hz)
    run = _longest(samples[first : round(end_s * rate_hz)] == 0.0)
    if run is None or run[1] - run[0] + 1 < MIN_ZERO_S * rate_hz:
        return 0.0, None
    return 1000 * (run[1] - run[0] + 1) / rate_hz, begin_s + run[0] / rate_hz
