"""G5: what coding speech costs on the device, at the pace of a call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.table import CODER_SHARE
from profiler.model import (
    CodecCost,
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
PARTS = ("encode", "decode")
QUANTILES = ("p50", "p95", "p99")
RATIO_QUANTILES = ("p50", "p99")
Costs = Mapping[CodecRequest, CodecCost]


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
    costs = {
        r.setup.codec: r.findings.cost
        for r in mine
        if r.setup.codec is not None and isinstance(r.findings, CodecFindings)
    }
    paced = [(a, c.encode_ms, c) for a, c in costs.items() if a.paced and c.encode_ms is not None]
    paced = [row for row in paced if usable(row[1])]
    paced.sort(key=lambda row: row[0].complexity or 0)
    if not paced:
        return nothing_measured(mine, "no coding time measured")
    fitting = [row for row in paced if row[1].p95 <= CODER_SHARE * row[0].frame_ms]
    asked, encode, cost = fitting[-1] if fitting else paced[0]
    verdict, why, said = _grade(asked, encode, cost)
    reasons: list[str] = [*why, *(x for r in mine for x in r.reasons)]
    numbers, ratio = [*_times(costs), *_ratios(costs)], _ratio(costs, "encode", "p50")
    if fitting:
        numbers.insert(0, Measurement("opus_complexity", asked.complexity or 0, "1"))
        text = f"complexity {asked.complexity or 0} fits: "
    else:
        text = f"no complexity codes 95 % of the frames in {CODER_SHARE:.0%} of their time: "
        reasons.append(Reason.CODEC_SLOW)
        verdict = worst((verdict, Verdict.MARGINAL))
    text += f"{encode.p95:.2g} ms p95 to code, {said} of a {asked.frame_ms:g} ms frame"
    if ratio is not None:
        text += f"; at the pace of a call coding takes {ratio:.2g} times as long as in a tight loop"
    errors = [Verdict.ERROR for r in mine if r.verdict is Verdict.ERROR]
    return Ruling(worst((verdict, *errors)), unique(reasons), text, tuple(numbers))


def usable(stats: CostStats | None) -> bool:
    """Whether a device's own figures make sense at all."""
    if stats is None:
        return False
    values = (stats.p50, stats.p95, stats.p99, stats.max)
    ascending = all(a <= b for a, b in pairwise(values))
    return ascending and all(math.isfinite(v) and v > 0 for v in values)


def both_p99(encode: CostStats, decode: CostStats) -> limits.Bounded:
    """p99 of coding and decoding a frame, from the quantiles of each.

    A probe codes all frames and then decodes them, so that which slow frames coincide is not
    known: the value is that of slow frames that do. It is not less than if the two were
    independent (p95 of one with the median of the other comes in 2.5 % of the frames), and with
    the largest of 250 frames for one of the two not more, whatever coincides.
    """
    return limits.Bounded(
        encode.p99 + decode.p99,
        max(encode.p95 + decode.p50, encode.p50 + decode.p95),
        max(encode.max + decode.p99, encode.p99 + decode.max),
    )


def _grade(
    asked: CodecRequest, encode: CostStats, cost: CodecCost
) -> tuple[Verdict, tuple[str, ...], str]:
    """Verdict, reasons and text of coding and decoding a frame; the limit is for 20 ms frames."""
    decode, scale = cost.decode_ms, 20.0 / asked.frame_ms
    if decode is not None and usable(decode):
        both = both_p99(encode, decode)
        said = f"{both.value:.2g} ms p99 with decoding ({both.low:.2g} to {both.high:.2g} ms)"
        scaled = limits.Bounded(both.value * scale, both.low * scale, both.high * scale)
        return *limits.grade(TEST_ID, "p99_ms", scaled), said
    # Too slow without the decoder is too slow; fast enough without it proves nothing.
    said = f"{encode.p99:.2g} ms p99 without decoding, which was not measured,"
    open_end = limits.Bounded(encode.p99 * scale, encode.p95 * scale, math.inf)
    verdict, why = limits.grade(TEST_ID, "p99_ms", open_end)
    missing = Reason.NEEDS_CODER if decode is None else Reason.PROBE_PROTOCOL
    return verdict, (missing, *(why if verdict is Verdict.FAIL else ())), said


def _times(costs: Costs) -> list[Measurement]:
    found = []
    for asked, cost in costs.items():
        for part in PARTS:
            stats = _part(cost, part)
            if stats is not None:
                found += [
                    Measurement(f"{part}_{name}_ms[{label(asked)}]", getattr(stats, name), "ms")
                    for name in QUANTILES
                ]
        encode, decode = (_part(cost, part) for part in PARTS)
        if encode is not None and decode is not None:
            both = both_p99(encode, decode)
            found.append(Measurement(f"both_p99_ms[{label(asked)}]", both.value, "ms"))
    return found


def _ratios(costs: Costs) -> list[Measurement]:
    """How much longer a frame takes at the pace of a call than in a tight loop."""
    found = []
    for part in PARTS:
        for name in RATIO_QUANTILES:
            ratio = _ratio(costs, part, name)
            if ratio is not None:
                at = f"complexity={TIGHT_COMPLEXITY},part={part},quantile={name}"
                found.append(Measurement(f"paced_over_tight[{at}]", ratio, "1"))
    return found


def _ratio(costs: Costs, part: str, name: str) -> float | None:
    pair = [
        _part(cost, part)
        for paced in (True, False)
        for asked, cost in costs.items()
        if asked.complexity == TIGHT_COMPLEXITY and asked.paced is paced
    ]
    if len(pair) != 2 or pair[0] is None or pair[1] is None:
        return None
    return float(getattr(pair[0], name) / getattr(pair[1], name))


def _part(cost: CodecCost, part: str) -> CostStats | None:
    """What a part cost, when the figures make sense."""
    stats: CostStats | None = getattr(cost, f"{part}_ms")
    return stats if usable(stats) else None


PAGE = Page(
    question="Can the phone code speech in time, at the clock it has during a call?",
    hardware="H0",
    stimulus="none: 250 frames of 20 ms coded on the device, complexity 0, 5 and 10, one frame "
    "each 20 ms, and once as fast as it goes",
    measured="p50, p95 and p99 of coding and of decoding one frame, p99 of both together; how much "
    "longer each takes paced than in a tight loop (complexity 10); the largest complexity that "
    "codes 95 % of the frames in a tenth of their time",
    method="Paced, because the processor's clock falls between frames: a tight loop hides a coder "
    "that is too slow in a call. The limit is for coding and decoding a frame. The probe codes all "
    "frames and then decodes them, and tells the quantiles of each: the p99 of the sum is that of "
    "slow frames that coincide, its bounds are independent ones and the largest of the 250. Not "
    "measured: the sum frame by frame, the concealment of lost packets (the probe's coder is not "
    "asked for it), frames of another length than 20 ms.",
    drives=("opus_complexity",),
    sources=("xiph/opus#332 (Pixel 7 Pro: slower than real time only when paced)",),
)

TEST = CatalogueTest(TEST_ID, "codec cost, paced", trials, judge, PAGE)
