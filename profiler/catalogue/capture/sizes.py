"""Glitches per buffer size: which size a trial really had, how long it was watched, what is safe.

The trials of G1 to G4 play one tone; ``TrialSetup.note`` begins with the state of the phone, so
that minutes of one state may be put together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from profiler.catalogue import limits
from profiler.catalogue.kinds import PlannedTrial, TrialOptions, numbered
from profiler.catalogue.paths import takes_frames
from profiler.catalogue.table import BUFFER_EVIDENCE
from profiler.model import (
    DeviceFacts,
    GlitchFindings,
    Measurement,
    Reason,
    TimedAction,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)
from profiler.stimulus import tone

WARMUP_S = 0.5
TAIL_S = 0.3
BURSTS = (1, 2, 3, 4, 5, 6, 7, 8)
FRAMES = (64, 128, 256, 512, 1024, 2048)
"""Sizes of a sound interface's buffer, and of a browser's as seconds of ``latencyHint``."""
PLAIN = "plain"


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """A buffer size: ``unit`` is ``bursts`` (phones) or ``frames`` (sound interfaces, browsers)."""

    value: int
    unit: str

    def __str__(self) -> str:
        return f"{self.value} {self.unit}"

    @property
    def label(self) -> str:
        """As variants of a measurement are named."""
        return f"{self.unit}={self.value}"


Variant = tuple[Size, float, str, dict[str, float | int | str]]
"""A trial of a tone: size, seconds of tone, the phone's state, changes of the request."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was seen at one size in one state."""

    size: Size
    events: int
    minutes: float
    xruns: int | None
    """As the system counts them; ``None`` = it does not."""

    @property
    def rate(self) -> limits.Bounded:
        """Glitches a minute, 95 % bounds each side."""
        return limits.rate_bounds(self.events, self.minutes)


@dataclass(frozen=True, slots=True)
class Safe:
    """The smallest size that is believed to be clean."""

    tally: Tally
    sure: bool
    """The next smaller size would have shown itself in the time watched."""


# --- plans ---------------------------------------------------------------------------------------


def sizes(facts: DeviceFacts, options: TrialOptions) -> tuple[Size, ...]:
    """The plan's sizes, else all that are worth trying; ascending."""
    if takes_frames(facts):
        frames = options.buffer_frames or FRAMES
        return tuple(Size(n, "frames") for n in sorted(set(frames)))
    bursts = options.buffer_bursts or BURSTS
    return tuple(Size(n, "bursts") for n in sorted(set(bursts)))


def some_sizes(facts: DeviceFacts, options: TrialOptions, *values: int) -> tuple[Size, ...]:
    """At most as many sizes as ``values``: those bursts, or what the plan or the platform has."""
    every = sizes(facts, options)
    if every[0].unit == "bursts" and not options.buffer_bursts:
        return tuple(Size(n, "bursts") for n in values)
    return every[-len(values) :]


def with_size(request: TrialRequest, size: Size) -> TrialRequest:
    """The request with that output buffer."""
    if size.unit == "frames":
        return replace(request, buffer_frames=size.value)
    return replace(request, buffer_bursts=size.value)


def tone_trials(
    test_id: str,
    options: TrialOptions,
    facts: DeviceFacts,
    variants: Sequence[Variant],
    actions: Sequence[tuple[TimedAction, ...]] = (),
) -> tuple[PlannedTrial, ...]:
    """One open for each (size, seconds of tone, note, changes of the request)."""
    plain = options.plain(facts, WARMUP_S)
    pairs, setups = [], []
    for i, (size, seconds, note, changes) in enumerate(variants):
        request = replace(with_size(plain, size), **changes)  # type: ignore[arg-type]
        pairs.append((request, tone(request.rate_hz, seconds)))
        acts = actions[i] if actions else ()
        setups.append(TrialSetup(analysis="glitches", note=f"{note}, {size}", actions=acts))
    return numbered(test_id, pairs, tail_s=TAIL_S, setup=setups)


# --- judgements ----------------------------------------------------------------------------------


def findings_of(record: TrialRecord) -> GlitchFindings | None:
    """What was counted in a trial, or ``None`` when nothing could be."""
    found = record.findings
    if not isinstance(found, GlitchFindings) or found.verdict is Verdict.NOT_MEASURABLE:
        return None
    return found if found.analysed_s > 0 and math.isfinite(found.analysed_s) else None


def state_of(record: TrialRecord) -> str:
    """The phone's state in a trial: the note up to the first comma."""
    return record.setup.note.split(",")[0]


def in_state(records: Iterable[TrialRecord], state: str) -> list[TrialRecord]:
    """The records of one state."""
    return [r for r in records if state_of(r) == state]


def granted_size(record: TrialRecord) -> Size | None:
    """The size that was in force: bursts are rounded up; ``None`` = the buffer was not chosen."""
    request, report = record.request, record.report
    granted = report.output.buffer_frames if report else None
    if request.buffer_frames is not None:
        return Size(granted or request.buffer_frames, "frames")
    if request.buffer_bursts is None:
        return None
    burst = report.output.frames_per_burst if report else None
    if granted is None or not burst:
        return Size(request.buffer_bursts, "bursts")
    return Size(max(1, -(-granted // burst)), "bursts")


def refused_sizes(records: Iterable[TrialRecord]) -> tuple[str, ...]:
    """Sizes that were not granted, as ``asked → granted``."""
    found = []
    for record in records:
        granted = granted_size(record)
        asked = record.request.buffer_frames or record.request.buffer_bursts
        if record.report is not None and granted is not None and asked != granted.value:
            found.append(f"{asked} → {granted}")
    return tuple(dict.fromkeys(found))


def tallies(records: Iterable[TrialRecord]) -> list[Tally]:
    """One tally for each size that was granted and could be watched, ascending.

    A tone that went away for good counts as one glitch more.
    """
    groups: dict[Size, list[tuple[TrialRecord, GlitchFindings]]] = {}
    for record in records:
        found, size = findings_of(record), granted_size(record)
        if found is not None and size is not None:
            groups.setdefault(size, []).append((record, found))
    return [_tally(size, groups[size]) for size in sorted(groups)]


def _tally(size: Size, pairs: Sequence[tuple[TrialRecord, GlitchFindings]]) -> Tally:
    counters = [record.report.xruns_output for record, _ in pairs if record.report is not None]
    known = [n for n in counters if n is not None]
    return Tally(
        size,
        events=sum(count(found) for _, found in pairs),
        minutes=sum(found.analysed_s for _, found in pairs) / 60,
        xruns=sum(known) if known else None,
    )


def count(found: GlitchFindings) -> int:
    """Glitches of one recording."""
    return sum(g.glitch != "noise" for g in found.glitches) + (
        str(Reason.TONE_LOST) in found.reasons
    )


def safest(found: Sequence[Tally]) -> Safe | None:
    """The smallest size without a glitch such that all larger ones tried are without one, too.

    The next smaller size has glitched: so much time without one is asked for that it would have
    glitched :data:`~profiler.catalogue.table.BUFFER_EVIDENCE` times; clean larger sizes count,
    but each makes the answer larger. ``None`` when the largest glitches.
    """
    clean = len(found)
    while clean and found[clean - 1].events == 0:
        clean -= 1
    if clean == len(found):
        return None
    if clean == 0:
        return Safe(found[0], sure=True)
    below = found[clean - 1]
    watched = 0.0
    for tally in found[clean:]:
        watched += tally.minutes
        if below.events / below.minutes * watched >= BUFFER_EVIDENCE:
            return Safe(tally, sure=True)
    return Safe(found[-1], sure=False)


def grade_rate(test_id: str, tally: Tally) -> tuple[Verdict, tuple[Reason, ...]]:
    """Verdict of a rate of glitches.

    No glitch at all passes when the upper bound is inside the pass limit, or inside the fail
    limit where the pass limit is 0; else it was not watched for long enough.
    """
    limit = limits.LIMITS[test_id, "glitches_per_min"]
    rate = tally.rate
    if rate.low > limit.fail_limit:
        return Verdict.FAIL, (Reason.GLITCHES,)
    if tally.events and rate.high > limit.pass_limit:
        return Verdict.MARGINAL, (Reason.GLITCHES,)
    if rate.high <= (limit.pass_limit or limit.fail_limit):
        return Verdict.PASS, ()
    return Verdict.MARGINAL, (Reason.FEW_MINUTES,)


def numbers(found: Sequence[Tally], *, state: str = "") -> list[Measurement]:
    """The measurements of every size, ``state`` among their variants."""
    more = f",state={state}" if state else ""
    rows = []
    for tally in found:
        at = f"[{tally.size.label}{more}]"
        rate = tally.rate
        rows += [
            Measurement(f"glitches_per_min{at}", rate.value, "1/min"),
            Measurement(f"glitches_per_min_ub95{at}", rate.high, "1/min"),
            Measurement(f"watched_min{at}", tally.minutes, "min"),
        ]
        if tally.xruns is not None:
            rows.append(Measurement(f"xruns{at}", tally.xruns, "1"))
    return rows


def safe_numbers(safe: Safe, *, state: str = "") -> list[Measurement]:
    """The measurements of the answer."""
    at = f"[state={state}]" if state else ""
    size = safe.tally.size
    return [
        Measurement(f"safe_{size.unit}{at}", size.value, size.unit),
        Measurement(f"glitches_per_min_ub95{at}", safe.tally.rate.high, "1/min"),
        Measurement(f"clean_min{at}", safe.tally.minutes, "min"),
    ]


def shown(found: Sequence[Tally]) -> str:
    """Sizes with their glitches, for a line of text."""
    return ", ".join(f"{t.events} at {t.size.value}" for t in found)
