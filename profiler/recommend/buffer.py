"""Rules for the output buffer in bursts (F1, F2)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from profiler.model import Quantity, SupportLevel, Verdict
from profiler.recommend.case import Case, Choice, Evidence, numbered, only, upper, whole
from profiler.recommend.limits import (
    BLOCK_MS,
    CAUTIOUS_BUFFER_MS,
    CAUTIOUS_BURSTS,
    GLITCHES_PER_MIN,
    MAX_BURSTS,
    MIN_BURSTS,
    SPARE_BURSTS,
)
from profiler.recommend.rule import Rule

RULE_OF_THREE = 3.0
"""Without an event in T minutes the rate is below 3 / T with 95 % (F1)."""


def _bursts(case: Case) -> int | None:
    bursts = case.value("buffer_bursts")
    return bursts if isinstance(bursts, int) else None


def _burst_ms(case: Case) -> float | None:
    frames, rate_hz = case.value("frames_per_burst"), case.value("output_rate_hz")
    if not isinstance(frames, int) or not isinstance(rate_hz, int):
        return None
    return 1000.0 * frames / rate_hz


def _frames_per_burst(case: Case) -> Iterator[Choice]:
    frames = case.defaults["frames_per_burst"]
    known = frames is not None
    yield Choice(
        "frames_per_burst", frames,
        "as the device reports it" if known else "the device does not report it",
    )  # fmt: skip


def _cautious(case: Case) -> Iterator[Choice]:
    burst_ms = _burst_ms(case)
    if case.family == "web":
        why = "a page asks for seconds (latencyHint), not for bursts"
        yield Choice("buffer_bursts", None, why)
        return
    if case.value("api") == "java":
        why = "not measured on this API: AudioTrack's own least size"
        yield Choice("buffer_bursts", None, why)
        return
    # G1 opens the probe's own API: no suite sizes the buffer of another.
    told_by = () if case.off_path else ("G1",)
    if burst_ms is None:
        yield Choice(
            "buffer_bursts", None, "the burst is not known, so the system sizes the buffer",
            would_tell=told_by, telling="would find the size",
        )  # fmt: skip
        return
    bursts = max(CAUTIOUS_BURSTS, math.ceil(CAUTIOUS_BUFFER_MS / burst_ms - 1e-9))
    where = f" on {case.value('api')}, whose buffer no test sizes" if case.off_path else ""
    why = f"not measured{where}: {CAUTIOUS_BURSTS} bursts and {CAUTIOUS_BUFFER_MS:.0f} ms or more"
    yield Choice(
        "buffer_bursts", whole("buffer_bursts", bursts), why,
        would_tell=told_by, telling="would find the smallest",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Size:
    bursts: int
    ub95: float
    """Upper bound of glitches a minute at this size."""
    evidence: tuple[Evidence, ...]


def bound(case: Case, bursts: int) -> _Size | None:
    """The best upper bound for a size.

    Its own bound, or, as a larger buffer glitches no more often, what all clean sizes up to it
    prove together: 3 / (minutes watched without an event).
    """
    own = case.quantity("G1", f"glitches_per_min_ub95[bursts={bursts}]")
    rates = numbered(case.variants("G1", "glitches_per_min"), "bursts")
    if own is None or (rate := rates.get(bursts)) is None:
        return None
    idle = case.quantity("G3", f"glitches_per_min[bursts={bursts},state=idle]")
    evidence = only((own, idle))
    if idle is not None and idle.worst > 0:
        bad = case.quantity("G3", f"glitches_per_min_ub95[bursts={bursts},state=idle]")
        return _Size(bursts, upper(bad or idle), evidence)
    minutes = 0.0
    for size in sorted((n for n in rates if n <= bursts), reverse=True):
        if rates[size].worst > 0:
            break
        minutes += sum(_minutes(q) for q in _watched(case, int(size)))
    pooled = RULE_OF_THREE / minutes if minutes > 0 and rate.worst <= 0 else math.inf
    return _Size(bursts, min(upper(own), pooled), evidence)


def _minutes(q: Quantity) -> float:
    """Of all results of this build; other phones' minutes prove nothing together."""
    return q.least * (q.results if q.level is SupportLevel.SAME_BUILD else 1)


def _watched(case: Case, bursts: int) -> tuple[Quantity, ...]:
    idle = case.quantity("G3", f"glitches_per_min[bursts={bursts},state=idle]")
    spoilt = idle is not None and idle.worst > 0
    found = [case.quantity("G1", f"watched_min[bursts={bursts}]")]
    if not spoilt:
        found.append(case.quantity("G3", f"watched_min[bursts={bursts},state=idle]"))
    return tuple(q for q in found if q is not None)


def _least(case: Case) -> int:
    """F1's Nmin: Oboe's start, or one burst where a block of 10 ms fits in."""
    burst_ms = _burst_ms(case)
    return 1 if burst_ms is not None and burst_ms >= BLOCK_MS else MIN_BURSTS


def _smallest_safe(case: Case) -> Iterator[Choice]:
    """F1: the smallest size whose bound keeps the target."""
    if case.off_path:
        return
    target = GLITCHES_PER_MIN[case.use]
    sizes = numbered(case.variants("G1", "glitches_per_min_ub95"), "bursts")
    found = [size for n in sizes if (size := bound(case, int(n))) is not None]
    safe = [s for s in found if s.bursts >= _least(case) and s.ub95 <= target]
    if safe:
        best = min(safe, key=lambda s: s.bursts)
        why = f"no more than {best.ub95:.2g} glitches a minute (95 %), target {target:g}"
        yield _with_soak(case, best.bursts, why, best.evidence)


def _smallest_clean(case: Case) -> Iterator[Choice]:
    """Clean, but watched for too short a time to prove the target.

    G1 has its own reserve: where a smaller size might have been clean by chance it names the next
    larger one.
    """
    if case.off_path:
        return
    safe, test = case.quantity("G1", "safe_bursts"), case.test("G1")
    target = GLITCHES_PER_MIN[case.use]
    if safe is None or test is None or test.verdict is Verdict.FAIL:
        return
    least = max(math.ceil(upper(safe) - 1e-9), _least(case))
    size = bound(case, least)
    known = "" if size is None or math.isinf(size.ub95) else f": below {size.ub95:.2g} a minute"
    watched = case.quantity("G1", f"watched_min[bursts={least}]")
    how_long = "" if watched is None else f" in {60.0 * _minutes(watched):.0f} s"
    why = (
        f"no glitch{how_long} at {least} bursts{known}; {target:g} a minute is not proven, that "
        f"takes {RULE_OF_THREE / target:.0f} min of G1: let the stream grow by a burst at each "
        "underrun"
    )
    yield _with_soak(case, least, why, (safe, test))


def _with_soak(case: Case, bursts: int, why: str, evidence: tuple[Evidence, ...]) -> Choice:
    """With what G3's minutes without a touch add: that they failed, or that nobody waited."""
    test = case.knowledge.test("G3")
    if test is not None and test.verdict is not Verdict.FAIL:
        return _choice(bursts, why, evidence)
    why += f"; G3 (left untouched for minutes) {'was not made' if test is None else 'failed'}"
    return replace(_choice(bursts, why, evidence), would_tell=("G3",), telling="")


def _choice(bursts: int, why: str, evidence: tuple[Evidence, ...]) -> Choice:
    return Choice("buffer_bursts", whole("buffer_bursts", bursts), why, evidence)


def _under_load(case: Case) -> Iterator[Choice]:
    """What G2's load takes, then what G3 saw glitch on an idle phone."""
    if case.off_path:
        return
    bursts, need = _bursts(case), case.quantity("G2", "safe_bursts[state=loaded]")
    if bursts is not None and need is not None and upper(need) > bursts:
        bursts = whole("buffer_bursts", math.ceil(upper(need) - 1e-9))
        yield _choice(bursts, f"under load it takes {bursts} bursts", (need,))
    yield from _idle_glitches(case, bursts)


def _idle_glitches(case: Case, bursts: int | None) -> Iterator[Choice]:
    if bursts is None:
        return
    bad = [
        (n, q)
        for label, q in case.variants("G3", "glitches_per_min").items()
        if q.worst > 0
        for n in (_state_size(label),)
        if n is not None and n >= bursts
    ]
    if bad:
        size, proof = max(bad, key=lambda pair: pair[0])
        why = f"{size} bursts glitch when nobody touches the phone or its screen is off"
        yield _choice(size + SPARE_BURSTS, why, (proof,))


def _state_size(label: str) -> int | None:
    parts = dict(part.split("=", 1) for part in label.split(",") if "=" in part)
    size = parts.get("bursts", "")
    return int(size) if size.isdecimal() and "state" in parts else None


def _no_safe(case: Case) -> Iterator[Choice]:
    if case.off_path or case.family == "web":
        return
    test = case.test("G1")
    if test is not None and test.verdict is Verdict.FAIL:
        why = "it glitches at every size that was tried: the largest one"
        case.caution(
            "no_safe_buffer",
            f"the sound breaks at every buffer size on this model: {test.text}; keep other work "
            "off the audio thread and measure again with G2",
        )
        bursts = max(MAX_BURSTS, _bursts(case) or 0)
        yield _choice(bursts, why, (test,))


def _one_size(case: Case) -> Iterator[Choice]:
    """A phone that grants one size whatever is asked: asking changes nothing."""
    if case.off_path or case.family == "web":
        return
    refused = case.quantity("G1", "sizes_refused")
    if refused is not None and refused.least >= MAX_BURSTS - 1:
        why = "the phone grants the same size whatever is asked for"
        yield Choice("buffer_bursts", None, why, only((refused, case.test("G1"))))


def _whole_blocks(case: Case) -> Iterator[Choice]:
    """F2: a buffer below a block of 10 ms runs dry between two callbacks."""
    bursts, burst_ms = _bursts(case), _burst_ms(case)
    if bursts is None or burst_ms is None or not case.voice or case.value("api") == "java":
        return
    if bursts * burst_ms >= BLOCK_MS - 1e-9:
        return
    earlier = case.settings["buffer_bursts"]
    proofs = only(case.quantity(t, "safe_bursts") for t in earlier.test_ids)
    need = math.ceil(BLOCK_MS / burst_ms - 1e-9)
    why = f"WebRTC takes blocks of 10 ms: {need} bursts hold one; {earlier.reason}"
    yield replace(_choice(need, why, proofs), would_tell=earlier.would_tell, telling="")


def _frames(case: Case) -> Iterator[Choice]:
    bursts, frames = _bursts(case), case.value("frames_per_burst")
    if bursts is None or not isinstance(frames, int):
        yield Choice("buffer_frames", None, "the system's own size")
        return
    value = whole("buffer_frames", bursts * frames)
    source = case.settings["buffer_bursts"]
    proofs = tuple(e for t in source.test_ids if (e := case.knowledge.test(t)) is not None)
    yield Choice("buffer_frames", value, f"{bursts} bursts of {frames} frames", proofs)


_EARLIER = ("buffer.cautious", "buffer.smallest_clean", "buffer.smallest_safe")
RULES = (
    Rule(
        "buffer.frames_per_burst", ("frames_per_burst",),
        "always", "as the device reports it", (), ("PROPERTY_OUTPUT_FRAMES_PER_BUFFER",),
        _frames_per_burst,
    ),
    Rule(
        "buffer.cautious", ("buffer_bursts",),
        "always", f"{CAUTIOUS_BURSTS} bursts and at least {CAUTIOUS_BUFFER_MS:.0f} ms",
        (), ("F1", "Oboe LatencyTuner"), _cautious,
    ),
    Rule(
        "buffer.smallest_clean", ("buffer_bursts",),
        "G1 found a clean size on the chosen API", "that size, at least Nmin",
        ("G1", "G3"), ("F1", "docs/glitches.md"), _smallest_clean, ("buffer.cautious",),
    ),
    Rule(
        "buffer.smallest_safe", ("buffer_bursts",),
        "the bound of a size keeps the target of the use",
        "the smallest such size from Nmin on; clean smaller sizes prove larger ones, too",
        ("G1", "G3"), ("F1", "rule of three"), _smallest_safe,
        ("buffer.cautious", "buffer.smallest_clean"),
    ),
    Rule(
        "buffer.load", ("buffer_bursts",),
        "G2 needs more, or G3 saw this size glitch", "what G2 needs; two above what glitched",
        ("G2", "G3"), ("oboe#1465", "oboe#2208"), _under_load, _EARLIER,
    ),
    Rule(
        "buffer.no_safe", ("buffer_bursts",),
        "G1 fails: every size glitches", f"{MAX_BURSTS} bursts, and a caution",
        ("G1",), ("oboe#1544",), _no_safe, (*_EARLIER, "buffer.load"),
    ),
    Rule(
        "buffer.one_size", ("buffer_bursts",),
        "G1 was refused every size but one", "the system's own",
        ("G1",), ("docs/tests/G1.md",), _one_size,
        (*_EARLIER, "buffer.load", "buffer.no_safe"),
    ),
    Rule(
        "buffer.whole_blocks", ("buffer_bursts",),
        "voice, and the buffer is below 10 ms", "as many bursts as hold 10 ms",
        ("G1",), ("F2", "WebRTC LowLatencyAudioBufferManager"), _whole_blocks,
        (*_EARLIER, "buffer.load", "buffer.no_safe"),
    ),
    Rule(
        "buffer.frames", ("buffer_frames",),
        "always", "bursts times frames per burst", ("G1",), ("F1",), _frames,
    ),
)  # fmt: skip
"""In order."""
