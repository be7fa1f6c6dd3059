"""G1: the smallest output buffer that does not glitch, counted from the signal."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue.capture import sizes
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions
from profiler.model import DeviceFacts, Measurement, Reason, TestResult, TrialRecord, Verdict

TEST_ID = "G1"
TONE_S = 9.2
"""With warm-up and tail ten seconds of streams a size (CATALOGUE G1)."""
LONG_S = 120.0
"""When the plan names one or two sizes, it wants them proven."""
FEW_SIZES = 2
OPENS = 2
"""Opens of each size in a thorough run."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """A fresh stream for each size: a stream's buffer is chosen when it is opened."""
    every = sizes.sizes(facts, options)
    seconds = LONG_S if len(every) <= FEW_SIZES else TONE_S
    opens = OPENS if options.thorough and seconds != LONG_S else 1
    return sizes.tone_trials(
        TEST_ID,
        options,
        facts,
        [(size, seconds, sizes.PLAIN, {}) for _ in range(opens) for size in every],
    )


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The smallest clean size decides; its upper bound says what that proves."""
    mine = own(records, TEST_ID)
    return _ruling(mine, records).result(run_uuid, TEST_ID, mine)


def safe_of(records: Sequence[TrialRecord]) -> sizes.Safe | None:
    """The size that G1 found among all records of a run; ``None`` without one."""
    return sizes.safest(sizes.tallies(sizes.in_state(records, sizes.PLAIN)))


def _ruling(mine: Sequence[TrialRecord], records: Sequence[TrialRecord]) -> Ruling:
    found = sizes.tallies(sizes.in_state(records, sizes.PLAIN))
    if not found or not any(sizes.findings_of(r) for r in mine):
        return nothing_measured(mine, "no tone to count glitches in")
    numbers = sizes.numbers(found)
    refused = sizes.refused_sizes(mine)
    lost = [r for r in mine if sizes.findings_of(r) is None]
    notes = [Reason.GRANTED_DIFFERS] if refused else []
    more = f"; not granted: {', '.join(refused)}" if refused else ""
    more += f"; {len(lost)} of {len(mine)} opens not counted" if lost else ""
    notes_lost = unique(reason for r in lost for reason in r.reasons)
    numbers.append(Measurement("sizes_refused", len(refused), "1"))
    safe = sizes.safest(found)
    if safe is None:
        text = f"glitches at every size up to {found[-1].size} ({sizes.shown(found)}){more}"
        reasons = (Reason.NO_SAFE_BUFFER, Reason.GLITCHES, *notes, *notes_lost)
        return Ruling(Verdict.FAIL, unique(reasons), text, tuple(numbers))
    verdict, why = sizes.grade_rate(TEST_ID, safe.tally)
    if not safe.sure:
        verdict, why = Verdict.MARGINAL, (*why, Reason.FEW_MINUTES)
    text = (
        f"{safe.tally.size} or more do not glitch (below {safe.tally.rate.high:.2g} a minute); "
        f"glitches: {sizes.shown(found)}{more}"
    )
    if any(r.verdict is Verdict.ERROR for r in mine):
        verdict = Verdict.ERROR
    reasons = (*why, *notes, *notes_lost)
    numbers = [*sizes.safe_numbers(safe), *numbers]
    return Ruling(verdict, unique(reasons), text, tuple(numbers))


PAGE = Page(
    question="How small may the output buffer be before the sound breaks?",
    hardware="H0",
    stimulus="a tone of 857 Hz, 1 to 8 bursts of buffer, 10 s each (twice in a thorough run)",
    measured="glitches a minute per size, xrun counters beside; the smallest safe size",
    method="The tone's phase, level and surroundings show holes, lost, added and repeated frames "
    "(docs/glitches.md). A size counts as safe when it and all larger ones tried are clean, and "
    "when the next smaller one would have glitched at least twice in the clean time; if not, the "
    "next larger one is taken. Sizes the phone did not grant count as what was granted. 10 s "
    "prove no more than fewer than 18 glitches a minute (rule of three): name one or two sizes "
    "in the plan (`buffer_bursts`) to watch them for 2 minutes each.",
    drives=("buffer_bursts",),
    sources=("oboe#2208", "oboe#1544 (glitches without xruns)", "google/oboe GlitchAnalyzer.h"),
)

TEST = CatalogueTest(TEST_ID, "buffer sweep", trials, judge, PAGE, also=("G3",))
