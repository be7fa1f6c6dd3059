"""B3: LE Audio against SCO on one headset."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue.judging import Ruling, listed, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.system import headset
from profiler.model import (
    DeviceFacts,
    Measurement,
    TestResult,
    TrialRecord,
    Verdict,
)

TEST_ID = "B3"
SCO, LE = "bluetooth_sco", "bluetooth_le"


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Opens on both."""
    skip = headset.skip_without(facts, (SCO, LE))
    if skip is not None:
        return skip
    return headset.opens(TEST_ID, facts, options, (SCO, LE))


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Which of them works, and what the other costs; one that does not open is marginal."""
    mine = own(records, TEST_ID)
    sco, le = headset.median_ms(headset.on(mine, SCO)), headset.median_ms(headset.on(mine, LE))
    if sco is None and le is None:
        missing = nothing_measured(mine, "neither LE Audio nor SCO measured")
        return missing.result(run_uuid, TEST_ID, mine)
    numbers: list[Measurement] = []
    words = []
    for route in (SCO, LE):
        found, text = headset.described(mine, route)
        numbers += found
        words.append(text)
    if sco is not None and le is not None:
        numbers.append(Measurement("le_saves_ms", sco - le, "ms"))
        return Ruling(Verdict.PASS, (), "; ".join(words), tuple(numbers)).result(
            run_uuid, TEST_ID, mine
        )
    mute = headset.on(mine, SCO if sco is None else LE)
    reasons = unique(x for r in mute for x in r.reasons)
    words.append(f"({listed(reasons)})")
    return Ruling(Verdict.MARGINAL, reasons, "; ".join(words), tuple(numbers)).result(
        run_uuid, TEST_ID, mine
    )


PAGE = Page(
    question="Does LE Audio work for calls, and is it faster than SCO?",
    hardware="H3",
    stimulus="the train of L1, three opens by each way",
    measured="round-trip latency, rate and band by SCO and by LE Audio",
    method="The headset is connected by both, its earpiece on its microphone. Both are asked "
    "for by setCommunicationDevice; the old SCO calls cannot reach LE Audio. Without a "
    "limit: it passes when both give a number.",
    drives=("route_api",),
    sources=("Telegram PR#2117", "ShizuCallRecorder#105 (LC3 silent both ways)"),
)

TEST = CatalogueTest(TEST_ID, "LE Audio against SCO", trials, judge, PAGE)
