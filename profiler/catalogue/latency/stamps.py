"""The round trip that a stream's own timestamps claim, and whether they can be timestamps at all.

A stamp says when a frame of a stream passed the converters. What is heard at a common moment t was
played as frame ``F_out(t)`` and is recorded as frame ``F_in(t)``; on one duplex timeline the round
trip is ``F_in(t) / rate_in - F_out(t) / rate_out``.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.catalogue.table import STAMP_JITTER_MS, STAMP_RATE_ERROR
from profiler.model import ProbeReport, TimestampPair

MIN_STAMPS = 4
"""Fewer pairs show no line."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the timestamps of one stream say."""

    round_trip_ms: float | None
    """``None`` = there are none, or what is there is not a line of frames against time."""
    sigma_ms: float
    faults: tuple[str, ...]
    """``output stuck``, ``input jitters`` …; stamps with a fault must not be used."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Frames in seconds of their own rate against time, about the middle of the stamps."""

    middle_s: float
    frames_s: float
    slope: float
    jitter_s: float
    count: int

    def at(self, time_s: float) -> float:
        return self.frames_s + self.slope * (time_s - self.middle_s)


def claimed(report: ProbeReport) -> Claimed:
    """Read the stamps of both directions."""
    if not report.timestamps_output or not report.timestamps_input:
        return Claimed(None, 0.0, ())
    out, why_out = _line(report.timestamps_output, report.output.rate_hz)
    into, why_in = _line(report.timestamps_input, report.input.rate_hz)
    faults = (*(f"output {w}" for w in why_out), *(f"input {w}" for w in why_in))
    if out is None or into is None:
        return Claimed(None, 0.0, faults)
    moment_s = (out.middle_s + into.middle_s) / 2
    sigma_s = sum(line.jitter_s / line.count**0.5 for line in (out, into))
    return Claimed(1000 * (into.at(moment_s) - out.at(moment_s)), 1000 * sigma_s, faults)


def _line(stamps: Sequence[TimestampPair], rate_hz: int) -> tuple[_Line | None, list[str]]:
    """The line of one direction (Theil-Sen over neighbours at half the length), and its faults."""
    usable = [s for s in stamps if s.frame >= 0]  # -1 is how some systems say "not known"
    faults = ["are missing"] if len(usable) < len(stamps) else []
    if len(usable) < MIN_STAMPS:
        return None, faults or ["are few"]
    times = [s.time_ns * 1e-9 for s in usable]
    frames = [s.frame / rate_hz for s in usable]
    if len(set(times)) < MIN_STAMPS or len(set(frames)) < MIN_STAMPS:
        return None, [*faults, "are stuck"]
    half = len(usable) // 2
    slopes = [
        (frames[i + half] - frames[i]) / (times[i + half] - times[i])
        for i in range(len(usable) - half)
        if times[i + half] != times[i]
    ]
    slope = statistics.median(slopes) if slopes else 0.0
    if abs(slope - 1) > STAMP_RATE_ERROR:
        return None, [*faults, "run at another rate"]
    middle_s = statistics.median(times)
    rests = [f - slope * (t - middle_s) for t, f in zip(times, frames, strict=True)]
    centre = statistics.median(rests)
    jitter_s = 1.4826 * statistics.median(abs(r - centre) for r in rests)
    if 1000 * jitter_s > STAMP_JITTER_MS:
        faults.append("jitter")
    return _Line(middle_s, centre, slope, jitter_s, len(usable)), faults
