"""G5: what coding speech costs on the device, at the pace of a call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.table import CODER_SHARE
from profiler.model import (
    CodecFindings,
    CodecRequest,
    CostStats,
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
    worst,
)

TEST_ID = "G5"
COMPLEXITIES = (0, 5, 10)
FRAMES = 250
"""5 s at the pace of 20 ms frames."""
TIGHT_COMPLEXITY = 10


def trials(_: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Three complexities at the pace of a call, and one as fast as it goes."""
    if "codec" not in options.abilities:
        return Skip(Reason.NEEDS_CODER, "needs a probe that codes speech on the device")
    asked = [CodecRequest(complexity=c, frames=FRAMES) for c in COMPLEXITIES]
    asked.append(CodecRequest(complexity=TIGHT_COMPLEXITY, frames=FRAMES, paced=False))
    return tuple(
        PlannedTrial(
            TEST_ID,
            i,
            TrialRequest(),
            None,
            TrialSetup(analysis="codec", at_s=(), codec=one, note=label(one)),
        )
        for i, one in enumerate(asked)
    )


def label(request: CodecRequest) -> str:
    """As its measurements are named."""
    return f"complexity={request.complexity},pace={'call' if request.paced else 'tight'}"


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The largest complexity that fits is graded; without one, the smallest tried."""
    mine = own(records, TEST_ID)
    return _ruling(mine).result(run_uuid, TEST_ID, mine)


def _ruling(mine: Sequence[TrialRecord]) -> Ruling:
    costs = [
        (r.setup.codec, r.findings.cost)
        for r in mine
        if r.setup.codec is not None and isinstance(r.findings, CodecFindings)
    ]
    numbers = [
        Measurement(f"{part}_{name}_ms[{label(asked)}]", getattr(stats, name), "ms")
        for asked, cost in costs
        for part, stats in (("encode", cost.encode_ms), ("decode", cost.decode_ms))
        if usable(stats)
        for name in ("p50", "p95", "p99")
    ]
    paced = [
        (asked.complexity or 0, asked.frame_ms, cost.encode_ms, cost.decode_ms)
        for asked, cost in costs
        if asked.paced and cost.encode_ms is not None and usable(cost.encode_ms)
    ]
    paced.sort(key=lambda row: row[0])
    if not paced:
        return nothing_measured(mine, "no coding time measured")
    fitting = [c for c in paced if c[2].p95 <= CODER_SHARE * c[1]]
    complexity, frame_ms, encode, decode = fitting[-1] if fitting else paced[0]
    parts = [_grade(stats, frame_ms) for stats in (encode, decode) if usable(stats) and stats]
    reasons: list[str] = [reason for _, why in parts for reason in why]
    reasons += [x for r in mine for x in r.reasons]
    if fitting:
        numbers.insert(0, Measurement("opus_complexity", complexity, "1"))
        text = f"complexity {complexity} fits: "
    else:
        text = f"no complexity codes 95 % of the frames in {CODER_SHARE:.0%} of their time: "
        reasons.append(Reason.CODEC_SLOW)
        parts.append((Verdict.MARGINAL, ()))
    text += f"{encode.p95:.2g} ms p95, {encode.p99:.2g} ms p99 of a {frame_ms:g} ms frame"
    errors = [Verdict.ERROR for r in mine if r.verdict is Verdict.ERROR]
    verdict = worst((*(v for v, _ in parts), *errors))
    return Ruling(verdict, unique(reasons), text, tuple(numbers))


def usable(stats: CostStats | None) -> bool:
    """Whether a device's own figures make sense at all."""
    if stats is None:
        return False
    values = (stats.p50, stats.p95, stats.p99, stats.max)
    ascending = all(a <= b for a, b in pairwise(values))
    return ascending and all(math.isfinite(v) and v > 0 for v in values)


def _grade(stats: CostStats, frame_ms: float) -> tuple[Verdict, tuple[Reason, ...]]:
    """The limit is for 20 ms frames; of 250 frames p95 and the largest bound p99."""
    scale = 20.0 / frame_ms
    bounds = limits.Bounded(stats.p99 * scale, stats.p95 * scale, stats.max * scale)
    return limits.grade(TEST_ID, "p99_ms", bounds)


PAGE = Page(
    question="Can the phone code speech in time, at the clock it has during a call?",
    hardware="H0",
    stimulus="none: 250 frames of 20 ms coded on the device, complexity 0, 5 and 10, one frame "
    "each 20 ms, and once as fast as it goes",
    measured="p50, p95 and p99 of coding and decoding one frame; the largest complexity that "
    "codes 95 % of the frames in a tenth of their time",
    method="Paced, because the processor's clock falls between frames: a tight loop hides a coder "
    "that is too slow in a call.",
    drives=("opus_complexity", "frame_ms", "plc"),
    sources=("xiph/opus#332 (Pixel 7 Pro: slower than real time only when paced)",),
)

TEST = CatalogueTest(TEST_ID, "codec cost, paced", trials, judge, PAGE)
