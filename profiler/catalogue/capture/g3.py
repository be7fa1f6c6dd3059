"""G3: does the sound break when nobody touches the phone, or its screen is off?"""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue import limits
from profiler.catalogue.capture import g1, sizes
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TimedAction,
    TrialRecord,
    Verdict,
    worst,
)

TEST_ID = "G3"
IDLE_SIZES = (2, 4)
IDLE_S, LONG_IDLE_S = 60.0, 150.0
"""Per size, the long one in a thorough run: clocks fall 3 to 20 s after the last touch."""
OFF_S = 20.0
OFF_AT_S = 2.0
REFERENCE_S = 6.0
SCREEN_OFF, SCREEN_ON = "screen_off", "screen_on"
IDLE, DARK = "idle", "screen off"
CALLBACK_QUANTILE = 0.9


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """A short open for comparison, long ones untouched, one with the screen going off."""
    some = sizes.some_sizes(facts, options, *IDLE_SIZES[0 if options.thorough else -1 :])
    seconds = LONG_IDLE_S if options.thorough else IDLE_S
    variants: list[sizes.Variant] = []
    if g1.TEST_ID not in options.tests:
        variants += [(size, REFERENCE_S, sizes.PLAIN, {}) for size in some]
    variants += [(size, seconds, IDLE, {}) for size in some]
    actions: list[tuple[TimedAction, ...]] = [() for _ in variants]
    if f"action:{SCREEN_OFF}" in options.abilities:
        variants.append((some[-1], OFF_S, DARK, {"background": "continue"}))
        on = (TimedAction(OFF_S - 1.0, SCREEN_ON),)
        back = on if f"action:{SCREEN_ON}" in options.abilities else ()
        actions.append((TimedAction(OFF_AT_S, SCREEN_OFF), *back))
    return sizes.tone_trials(TEST_ID, options, facts, variants, actions)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Glitches at the size that is safe while idle, and how late the callbacks come."""
    mine = own(records, TEST_ID)
    before = [r for r in records if sizes.state_of(r) == sizes.PLAIN]
    return _ruling(mine, before).result(run_uuid, TEST_ID, mine)


def _ruling(mine: Sequence[TrialRecord], before: Sequence[TrialRecord]) -> Ruling:
    idle = sizes.tallies(sizes.in_state(mine, IDLE))
    dark = sizes.tallies(sizes.in_state(mine, DARK))
    if not idle and not dark:
        return nothing_measured(mine, "no tone to count glitches in")
    numbers = [*sizes.numbers(idle, state="idle"), *sizes.numbers(dark, state="screen_off")]
    parts, reasons, text = [], list[str](), []
    safe, calm = sizes.safest(idle or dark), g1.safe_of(before)
    if safe is None:
        parts.append(Verdict.FAIL)
        reasons += [Reason.NO_SAFE_BUFFER, Reason.GLITCHES]
        tried = sizes.shown(idle or dark)
        text.append(f"untouched it glitches at every size that was tried ({tried})")
    else:
        verdict, why = sizes.grade_rate(TEST_ID, safe.tally)
        text.append(f"untouched {safe.tally.size} do not glitch ({sizes.shown(idle or dark)})")
        if calm is not None and idle[0].events and calm.tally.size <= idle[0].size:
            verdict, why = worst((verdict, Verdict.MARGINAL)), (Reason.GLITCHES, *why)
            text.append(f"{idle[0].size} are enough only just after a touch")
        parts.append(verdict)
        reasons += why
        numbers = [*sizes.safe_numbers(safe, state="idle"), *numbers]
    for ruling in (_dark(dark, mine), _callbacks(mine, before)):
        parts.append(ruling.verdict)
        reasons += ruling.reasons
        text.append(ruling.text)
        numbers += ruling.measurements
    lost = [r for r in mine if sizes.findings_of(r) is None and not taken_away(r)]
    reasons += [x for r in lost for x in r.reasons]
    parts += [Verdict.ERROR for r in mine if r.verdict is Verdict.ERROR]
    said = "; ".join(part for part in text if part)
    return Ruling(worst(parts), unique(reasons), said, tuple(numbers))


def taken_away(record: TrialRecord) -> bool:
    """Whether the system fed the probe zeros, as it does to apps that are not in front."""
    return record.report is not None and record.report.input_silenced is True


def _dark(found: Sequence[sizes.Tally], mine: Sequence[TrialRecord]) -> Ruling:
    if not found:
        tried = sizes.in_state(mine, DARK)
        if any(taken_away(r) for r in tried):
            # What the system does to every app without a microphone service (K1), no glitch.
            text = "with the screen off the system takes the microphone away"
            return Ruling(Verdict.SKIPPED, (Reason.MIC_SILENCED,), text)
        text = "no tone with the screen off" if tried else "screen off was not tried"
        return Ruling(Verdict.SKIPPED, (), text)
    tally = found[-1]
    # What the idle time proves is not asked again of half a minute in the dark.
    if not tally.events:
        return Ruling(Verdict.PASS, (), "with the screen off it plays on")
    verdict, why = sizes.grade_rate(TEST_ID, tally)
    text = f"{tally.events} glitches with the screen off at {tally.size}"
    return Ruling(verdict, tuple(why), text)


def _callbacks(mine: Sequence[TrialRecord], before: Sequence[TrialRecord]) -> Ruling:
    """How much longer the callbacks take to come than just after the streams were opened."""
    ratios = []
    for record in sizes.in_state(mine, IDLE):
        size, late = sizes.granted_size(record), late_ms(record)
        same = [late_ms(r) for r in before if sizes.granted_size(r) == size]
        usual = [ms for ms in same if ms]
        if late and usual:
            ratios.append(late / min(usual))
    if not ratios:
        return Ruling(Verdict.SKIPPED, (), "")
    ratio = max(ratios)
    verdict, why = limits.grade(TEST_ID, "callback_ratio", limits.exact(ratio))
    text = f"callbacks come {ratio:.2g} times as late as at first" if ratio > LATER else ""
    return Ruling(verdict, tuple(why), text, (Measurement("callback_ratio", ratio, "1"),))


LATER = 1.05
"""Callbacks that come so much later than at first are worth a word."""


def late_ms(record: TrialRecord) -> float | None:
    """Time between callbacks that one in ten exceeds: upper edge of its bin."""
    bins = sorted(record.report.callback_histogram_ms) if record.report else []
    total = sum(max(n, 0) for _, n in bins)
    seen = 0
    for edge, number in bins:
        seen += max(number, 0)
        if total and seen >= CALLBACK_QUANTILE * total:
            return edge if 0 < edge < 1e6 else None
    return None


PAGE = Page(
    question="Does the sound break when nobody touches the phone, or its screen is off?",
    hardware="H0",
    stimulus="G1's tone at 4 bursts, untouched for 60 s (thorough runs: 2 and 4 bursts, 150 s "
    "each); 20 s with the screen going off where the driver can do that",
    measured="glitches a minute while idle and with the screen off; time between callbacks that "
    "one in ten exceeds, against that of a stream that was just opened",
    method="A bench touches no phone: the processor's clock falls some seconds after the start. "
    "60 s without a glitch prove fewer than 3 a minute; the verdict then says `few_minutes`.",
    drives=("adpf", "wakelock", "buffer_bursts"),
    sources=("oboe#1465 (5 ms idle, 1 ms touching)", "JUCE#494", "pd-for-android#47"),
)

TEST = CatalogueTest(TEST_ID, "idle screen and screen off", trials, judge, PAGE, also=("G1",))
