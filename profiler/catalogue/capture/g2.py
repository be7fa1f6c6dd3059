"""G2: does the sound break when the processor is busy?"""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue.capture import g1, sizes
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions
from profiler.model import DeviceFacts, Reason, TestResult, TrialRecord, Verdict

TEST_ID = "G2"
LOADS = ((0.1, 1), (0.5, 1), (0.9, 1))
BURST_LOAD = 0.9
"""Of every core at once."""
CORES = 8
"""When the phone does not say how many it has."""
MAX_CORES = 64
LOAD_SIZES = (2, 4)
SWEEP = (1, 2, 3, 4, 6, 8)
LOAD_S, LONG_LOAD_S = 9.2, 20.0
SWEEP_S = 9.2
ALL_CORES = "all cores"


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """Loads of one core at two sizes, and the load of all cores at every size."""
    seconds = LONG_LOAD_S if options.thorough else LOAD_S
    variants: list[sizes.Variant] = [
        (size, seconds, f"load {load:g}", {"cpu_load": load, "cpu_threads": threads})
        for size in sizes.some_sizes(facts, options, *LOAD_SIZES)
        for load, threads in LOADS
    ]
    everything: dict[str, float | int | str] = {"cpu_load": BURST_LOAD, "cpu_threads": cores(facts)}
    variants += [
        (size, SWEEP_S, ALL_CORES, everything) for size in sizes.some_sizes(facts, options, *SWEEP)
    ]
    return sizes.tone_trials(TEST_ID, options, facts, variants)


def cores(facts: DeviceFacts) -> int:
    """Cores as the probe says, within reason."""
    text = facts.raw.get("cpu_cores", "")
    known = int(text) if text.isdecimal() and len(text) < 4 else 0
    return known if 1 <= known <= MAX_CORES else CORES


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """What the busiest state needs decides, and whether that is more than G1 found."""
    mine = own(records, TEST_ID)
    ruling = _ruling(mine, g1.safe_of([r for r in records if r.test_id != TEST_ID]))
    return ruling.result(run_uuid, TEST_ID, mine)


def _ruling(mine: Sequence[TrialRecord], calm: sizes.Safe | None) -> Ruling:
    states = list(dict.fromkeys(sizes.state_of(r) for r in mine))
    found = {s: sizes.tallies(sizes.in_state(mine, s)) for s in states}
    found = {s: t for s, t in found.items() if t}
    if not found:
        return nothing_measured(mine, "no tone to count glitches in")
    numbers = [m for s, t in found.items() for m in sizes.numbers(t, state=s)]
    together = sizes.tallies(mine)
    safe = sizes.safest(together)
    lost = unique(x for r in mine if sizes.findings_of(r) is None for x in r.reasons)
    said = "; ".join(f"{s}: {sizes.shown(t)}" for s, t in found.items())
    if safe is None:
        reasons = (Reason.NO_SAFE_BUFFER, Reason.GLITCHES, *lost)
        text = f"under load glitches at every size ({said})"
        return Ruling(Verdict.FAIL, unique(reasons), text, tuple(numbers))
    verdict, why = sizes.grade_rate(TEST_ID, safe.tally)
    if not safe.sure:
        verdict, why = Verdict.MARGINAL, (*why, Reason.FEW_MINUTES)
    text = f"under load {safe.tally.size} do not glitch ({said})"
    if calm is not None and safe.tally.size > calm.tally.size:
        verdict, why = Verdict.MARGINAL, (Reason.GLITCHES, *why)
        text = f"under load {calm.tally.size} are too few, {safe.tally.size} do ({said})"
    if any(r.verdict is Verdict.ERROR for r in mine):
        verdict = Verdict.ERROR
    numbers = [*sizes.safe_numbers(safe, state="loaded"), *numbers]
    return Ruling(verdict, unique((*why, *lost)), text, tuple(numbers))


PAGE = Page(
    question="Does the sound break when the processor is busy?",
    hardware="H0",
    stimulus="G1's tone with a synthetic load of 10, 50 and 90 % of one core at 2 and 4 bursts, "
    "and of 90 % of all cores at every size",
    measured="glitches a minute per load and size; the smallest size that bears every load",
    method="As G1; minutes of all loads at one size are put together, so that one bound holds for "
    "a phone that is sometimes busy.",
    drives=("buffer_bursts", "adpf"),
    sources=("oboe#2208 (an ad reload: 10 underruns)",),
)

TEST = CatalogueTest(TEST_ID, "CPU load", trials, judge, PAGE, also=("G1",))
