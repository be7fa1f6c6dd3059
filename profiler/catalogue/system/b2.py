"""B2: how long is a Bluetooth microphone silent after it was opened?"""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.system import headset
from profiler.catalogue.trains import start_train
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
)

TEST_ID = "B2"


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Cold opens on the headset."""
    there = headset.connected(facts)
    skip = headset.skip_without(facts, there[:1] or ("bluetooth_sco",))
    if skip is not None:
        return skip
    train = start_train(options.seed, options.rate_hz(facts))
    return headset.opens(TEST_ID, facts, options, there[:1], cold=train)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The longest silence of any open decides."""
    mine = own(records, TEST_ID)
    known = [(r, s) for r in mine if (s := silence_s(r)) is not None]
    if not known:
        return nothing_measured(mine, "no open of the headset").result(run_uuid, TEST_ID, mine)
    dead = [r for r, _ in known if r.estimate and r.estimate.quality.zero_fraction >= 1.0]
    longest = max(s for _, s in known)
    verdict, why = limits.grade(TEST_ID, "silence_s", limits.exact(longest))
    reasons = unique([*why, *((Reason.SILENT_CAPTURE,) if dead else ())])
    numbers = (
        Measurement("silence_s", longest, "s"),
        Measurement("opens", len(known), "1"),
        Measurement("bt_warm_ms", 1000 * longest, "ms"),
    )
    text = f"{mine[0].request.route}: digital silence for up to {longest:.2f} s after an open"
    if dead:
        verdict, text = Verdict.FAIL, f"{text}; {len(dead)} of {len(known)} opens stayed silent"
    return Ruling(verdict, reasons, text, numbers).result(run_uuid, TEST_ID, mine)


def silence_s(record: TrialRecord) -> float | None:
    """From the opening of the streams to the first sample that is not zero.

    Without the probe's word for it: the zeros that the recording begins with.
    """
    if record.estimate is None:
        return None
    quality = record.estimate.quality
    startup = record.report.startup_ms if record.report is not None else {}
    if quality.zero_fraction >= 1.0:
        return quality.duration_s
    return max(startup.get("first_nonzero", 0.0), quality.leading_zero_ms) / 1000


PAGE = Page(
    question="How long is a Bluetooth microphone silent after it was opened?",
    hardware="H3",
    stimulus="short sweeps at once, three cold opens on the headset",
    measured="time from the opening of the streams to the first sample that is not exactly zero",
    method="The headset is connected, its earpiece lying on its microphone. It is switched to "
    "calls before the streams open, as an app does it. What is said in this time is "
    "lost, so an app waits for the first sample, or says that it does.",
    drives=("bt_warm_ms",),
    sources=("EnviousWispr#1434 (0.6 to 0.7 s)",),
)

TEST = CatalogueTest(TEST_ID, "cold Bluetooth microphone", trials, judge, PAGE)
