"""What happened to the timeline: holes, skips, inserts, repeats, jumps.

Each chirp is compared with the chirp the other chirps predict, as a local complex gain
(short-time projection on the analytic prediction). Because all chirps are aligned, the median
over the chirps at the same phase is the reference: loudspeakers, rooms and gain control that
treat all chirps alike leave no trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import fft

from profiler.analysis.measure import Measured
from profiler.analysis.responses import BEFORE_S
from profiler.analysis.view import (
    C64,
    F32,
    F64,
    HOP_S,
    Bools,
    View,
    local_energy,
    local_gains,
    make_view,
    power_of,
)
from profiler.model import Dropout, Jump, StimulusSpec

HOLE_ENERGY, HOLE_GAIN = 0.3, 0.55
DEEP = 0.12
"""Somewhere inside a hole there is next to nothing; interference only weakens."""
MIN_HOLE_S = 0.0020
MATCH = 0.5
KNOWN_EVIDENCE_S, NEW_EVIDENCE_S = 0.010, 0.040
"""So much of a chirp must fit a latency for it to count: one seen in other chirps, a new one."""
REACH_S = 0.11


@dataclass(frozen=True, slots=True)
class Events:
    """Everything that happened, in time order."""

    dropouts: tuple[Dropout, ...]
    jumps: tuple[Jump, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Edit:
    """A change of latency inside one chirp."""

    dropout: Dropout
    jump: Jump
    leads_to: int
    """Group of the later latency; -1 when no whole chirp has it."""
    own_part: Bools
    """Hops that lie on the side of the chirp's own group."""


def find_events(samples: F32, spec: StimulusSpec, m: Measured, live_from_s: float = 0.0) -> Events:
    """Compare every chirp that the recording can hold with the prediction.

    Before ``live_from_s`` the capture was muted; that is a late start, not a dropout.
    """
    view = make_view(samples, spec, m)
    if view is None:
        return Events((), ())
    gains = local_gains(view.signal, view.predicted, view)
    energy = local_energy(view)
    dropouts: list[Dropout] = []
    jumps: list[Jump] = []
    done: set[int] = set()
    for row in range(view.played_s.size):
        muted = view.start_s[row] + BEFORE_S < live_from_s
        edit = None if muted else _edit(view, m, row, gains[row], energy[row])
        where = view.visible
        if edit is not None:
            dropouts.append(edit.dropout)
            jumps.append(edit.jump)
            done.add(edit.leads_to)
            where = where & edit.own_part
        for hole in _holes(view, row, gains[row], energy[row], where):
            if hole.time_s + hole.duration_ms / 1000 > live_from_s + 0.005:
                dropouts.append(hole)
    jumps.extend(_gap_jumps(view, m, spec, done))
    dropouts.sort(key=lambda d: d.time_s)
    jumps.sort(key=lambda j: j.time_s)
    return Events(tuple(dropouts), tuple(jumps))


# --- holes ----------------------------------------------------------------------------------------


def _holes(view: View, row: int, gain: C64, energy: F64, where: Bools) -> Iterator[Dropout]:
    """Stretches in which the sound is gone, among the hops ``where`` it should be."""
    gone = (energy < HOLE_ENERGY) & (np.abs(gain) < HOLE_GAIN) & where
    for a, b in _runs(gone, bridge=4):
        # A window that is half quiet counts as quiet about where the hole begins and ends.
        length_s = (b - a) * HOP_S
        if length_s < MIN_HOLE_S or energy[a:b].min() > DEEP or np.abs(gain[a:b]).min() > 2 * DEEP:
            continue
        yield Dropout(round(view.time(row, a), 5), round(1000 * length_s, 2), "hole")


def _runs(mask: Bools, bridge: int) -> list[tuple[int, int]]:
    """Runs of True as (first, last + 1), joined over up to ``bridge`` False."""
    where = np.flatnonzero(mask)
    if where.size == 0:
        return []
    cuts = np.flatnonzero(np.diff(where) > bridge + 1)
    firsts = np.concatenate([[where[0]], where[cuts + 1]])
    lasts = np.concatenate([where[cuts], [where[-1]]])
    return [(int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]


# --- edits inside a chirp -------------------------------------------------------------------------


def _edit(view: View, m: Measured, row: int, gain: C64, energy: F64) -> _Edit | None:
    """Look for the cut that explains best why part of chirp ``row`` does not fit its latency."""
    wrong = (gain.real < MATCH) & (energy >= HOLE_ENERGY) & view.visible
    if wrong.sum() * HOP_S < KNOWN_EVIDENCE_S:
        return None
    best: tuple[float, _Cut] | None = None
    here = np.where(view.visible, np.clip(gain.real, -0.2, 1.0), 0.0)
    for shift_s, group, need_s in _candidates(view, m, row, wrong):
        signal = view.moved(row, shift_s)
        other = local_gains(signal[None, :], view.predicted, view)[0]
        moved = np.where(view.visible, np.clip(other.real, -0.2, 1.0), 0.0)
        for tail in (True, False):
            first, second = (here, moved) if tail else (moved, here)
            total = np.concatenate([[0.0], np.cumsum(first - second)]) + second.sum()
            cut = int(np.argmax(total))
            part = slice(cut, None) if tail else slice(0, cut)
            seen = float((view.visible[part] & (moved[part] > MATCH)).sum())
            if seen * HOP_S < need_s:
                continue
            win = float(total[cut] - here.sum())
            if best is None or win > best[0]:
                best = (win, _Cut(shift_s, cut, tail, group, signal))
    if best is None or best[0] * HOP_S < 0.5 * KNOWN_EVIDENCE_S:
        return None
    return _describe(view, row, best[1])


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    shift_s: float
    """The other latency less the chirp's own."""
    hop: int
    tail: bool
    """Whether the other latency holds after the cut."""
    group: int
    signal: C64
    """The chirp as seen at the other latency."""


def _candidates(
    view: View, m: Measured, row: int, wrong: Bools
) -> Iterator[tuple[float, int, float]]:
    """(shift in s, group or -1, evidence needed in s): the neighbours' latencies, else a search."""
    own = int(view.group[row])
    known = False
    for group in (own - 1, own + 1):
        if 0 <= group < m.line.intercepts_s.size and _adjacent(view, row, group):
            known = True
            yield (
                float(m.line.intercepts_s[group] - m.line.intercepts_s[own]),
                group,
                KNOWN_EVIDENCE_S,
            )
    if known or wrong.sum() * HOP_S < NEW_EVIDENCE_S:
        return
    mask = np.repeat(wrong, view.hop)
    n = view.predicted.size
    size = fft.next_fast_len(2 * n)
    stretch = np.where(mask, view.signal[row], 0)
    cross = fft.ifft(fft.fft(stretch, size) * np.conj(fft.fft(view.predicted, size)))
    reach = round(REACH_S * view.rate_hz)
    near = np.concatenate([cross[-reach:], cross[: reach + 1]])
    quiet = round(0.0004 * view.rate_hz)
    near[reach - quiet : reach + quiet + 1] = 0
    yield (int(np.argmax(np.abs(near))) - reach) / view.rate_hz, -1, NEW_EVIDENCE_S


def _adjacent(view: View, row: int, group: int) -> bool:
    """Whether a chirp right before or after ``row`` belongs to ``group``."""
    return any(0 <= r < view.group.size and view.group[r] == group for r in (row - 1, row + 1))


def _describe(view: View, row: int, cut: _Cut) -> _Edit:
    delta_s = cut.shift_s if cut.tail else -cut.shift_s
    old = view.signal[row] if cut.tail else cut.signal
    # Recording time of the cut, on the latency that ends there.
    time_s = view.time(row, cut.hop) + (0.0 if cut.tail else cut.shift_s)
    kind = "skip"
    if delta_s > 0:
        a = cut.hop * view.hop
        power = power_of(old)
        before = power[max(0, a - round(0.02 * view.rate_hz)) : max(1, a)].mean()
        inside = power[a : a + max(1, round(delta_s * view.rate_hz))]
        quiet = inside.size == 0 or float(np.median(inside)) < 0.1 * float(before)
        kind = "insert" if quiet else "repeat"
    hops = np.arange(view.visible.size)
    lost = max(0.0, -delta_s) / HOP_S + view.width
    own = hops < cut.hop - view.width if cut.tail else hops > cut.hop + lost
    return _Edit(
        Dropout(round(time_s, 5), round(1000 * abs(delta_s), 3), kind),
        Jump(round(time_s, 5), round(1000 * delta_s, 4)),
        cut.group if cut.tail else int(view.group[row]),
        own,
    )


# --- jumps in the pauses --------------------------------------------------------------------------


def _gap_jumps(view: View, m: Measured, spec: StimulusSpec, done: set[int]) -> Iterator[Jump]:
    """Changes of group that no edit inside a chirp explains happened in a pause."""
    for row in range(1, view.played_s.size):
        before, after = int(view.group[row - 1]), int(view.group[row])
        if before == after or after in done:
            continue
        delta_s = float(m.line.intercepts_s[after] - m.line.intercepts_s[before])
        pause_from = view.start_s[row - 1] + BEFORE_S + spec.chirp_s
        pause_to = view.start_s[row] + BEFORE_S
        time_s = 0.5 * float(pause_from + pause_to)
        yield Jump(round(time_s, 5), round(1000 * delta_s, 4))
