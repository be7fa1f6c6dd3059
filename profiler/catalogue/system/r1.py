"""R1: the route changes in the middle of a call. How long is the sound away, and what is new?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.system.acts import (
    HEADSETS,
    acted,
    call_request,
    found,
    level,
    lost,
    offered_routes,
    skip_without,
    unheard,
)
from profiler.model import (
    ActionFindings,
    ActionGap,
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TimedAction,
    TrialRecord,
    Verdict,
    worst,
)

TEST_ID = "R1"
AWAY_S, BACK_S, END_S = 5.0, 13.0, 21.0
ORDER = ("earpiece", *HEADSETS, "wired", "usb", "speaker")
SOON_S, LATE_S = 0.5, 3.0
"""A change that was made outside of this about its moment cannot be told from the next one."""
MOST, MOST_BRIEF = 3, 2
"""Routes tried: 23 s each, in the quick budget of 60 s."""

Graded = tuple[Verdict, tuple[Reason, ...]]


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """One trial for each other route: there and back."""
    skip = skip_without(options, facts, "route")
    if skip is not None:
        return Skip(Reason.NOT_ON_THIS_PROBE, "this probe cannot change the route while it records")
    offered = offered_routes(facts)
    base = call_request(facts, options)
    if base.route == "default":
        base = replace(base, route="speaker")
    others = [route for route in ORDER if route in offered and route != base.route]
    if base.route not in offered or not others:
        there = ", ".join(offered) or "none that the probe names"
        return Skip(
            Reason.NEEDS_HEADSET,
            f"there is no other route than {base.route} (there are: {there}); connect a headset",
        )
    return tuple(
        acted(
            TEST_ID,
            i,
            base,
            (TimedAction(AWAY_S, "route", route), TimedAction(BACK_S, "route", base.route)),
            seed=options.seed,
            duration_s=END_S,
            note=f"{base.route} to {route} and back",
        )
        for i, route in enumerate(others[: MOST_BRIEF if options.brief else MOST])
    )


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The longest gap of any change decides; the delay on each route is stored."""
    mine = own(records, TEST_ID)
    heard = [(r, f) for r in mine if (f := found(r)) is not None and f.gaps]
    ended = lost(mine)
    if not heard:
        ruling = ended or unheard(mine, "no route change measured")
        return ruling.result(run_uuid, TEST_ID, mine)
    parts = [_judge_record(r, f) for r, f in heard] + ([ended] if ended else [])
    errors = [r for r in mine if found(r) is None and r.verdict is Verdict.ERROR]
    broken = [Verdict.ERROR] if errors and not ended else []
    return Ruling(
        worst([*(p.verdict for p in parts), *broken]),
        unique([*(x for p in parts for x in p.reasons), *(x for r in errors for x in r.reasons)]),
        "; ".join(p.text for p in parts),
        tuple(m for p in parts for m in p.measurements),
    ).result(run_uuid, TEST_ID, mine)


def _judge_record(record: TrialRecord, findings: ActionFindings) -> Ruling:
    graded: list[Graded] = []
    numbers: list[Measurement] = []
    words: list[str] = []
    home = record.request.route
    refused = _refused(record)
    routes = [home, *(gap.value for gap in findings.gaps)]
    if findings.segments[0].latency_ms is None:
        notes = unique((*findings.reasons, *record.reasons))
        return Ruling(Verdict.NOT_MEASURABLE, notes, f"{record.setup.note}: the train is not heard")
    for i, gap in enumerate(findings.gaps):
        if refused.get(i):
            graded.append((Verdict.NOT_MEASURABLE, (Reason.ACTION_FAILED,)))
            words.append(f"to {gap.value}: {refused[i]}")
            continue
        one, text = _grade_gap(findings, i, gap)
        graded.append(one)
        words.append(f"{routes[i]} to {gap.value}: {text}")
        numbers += _numbers(findings, i, routes)
    if _other_afterwards(findings):
        graded.append((Verdict.MARGINAL, (Reason.LATENCY_CHANGED,)))
        words.append("back on the first route the latency is another one than before")
    return Ruling(
        worst(v for v, _ in graded),
        unique([*(w for _, why in graded for w in why)]),
        ", ".join(words),
        tuple(numbers),
    )


def _refused(record: TrialRecord) -> dict[int, str]:
    """What the probe says of a change it did not make, by the number of the action."""
    observed = record.report.observed if record.report is not None else {}
    found_here = {}
    for i, action in enumerate(record.setup.actions):
        said = observed.get(f"route_{i + 1}")
        if said is not None and said.startswith(("refused", "failed")):
            found_here[i] = said[:100]
        elif (late := _elsewhere(observed, i, action)) is not None:
            found_here[i] = late
        elif said is not None and said != action.value:
            found_here[i] = f"the system went to {said[:40]} instead"
    return found_here


def _elsewhere(observed: Mapping[str, str], i: int, action: TimedAction) -> str | None:
    """Said when the probe made the change at a time at which it does not belong."""
    said = observed.get(f"route_{i + 1}_ms", "")
    if not said.lstrip("-").isdecimal() or len(said) > 8:
        return None
    at_s = int(said) / 1000
    if action.at_s - SOON_S <= at_s <= action.at_s + LATE_S:
        return None
    return f"made at {at_s:.1f} s instead of {action.at_s:.1f} s"


def _grade_gap(findings: ActionFindings, i: int, gap: ActionGap) -> tuple[Graded, str]:
    """Verdict and words of one change."""
    after = findings.segments[i + 1]
    if (
        after.latency_ms is None
        and gap.zero_run_ms > 1000 * limits.LIMITS["R1", "gap_s"].fail_limit
    ):
        return (Verdict.FAIL, (Reason.NO_RECOVERY,)), "digital silence to the end"
    if after.latency_ms is None:
        why = (Reason.NO_STIMULUS,)
        return (Verdict.NOT_MEASURABLE, why), "the new route is not heard by the microphone"
    if gap.gap_low_s is None or gap.gap_high_s is None:
        return (Verdict.NOT_MEASURABLE, (Reason.NO_STIMULUS,)), "the gap cannot be told"
    low, high = gap.gap_low_s, gap.gap_high_s
    bounded = limits.Bounded((low + high) / 2, low, high)
    return limits.grade(TEST_ID, "gap_s", bounded), f"away for {low:.2f} to {high:.2f} s"


def _numbers(findings: ActionFindings, i: int, routes: list[str]) -> list[Measurement]:
    gap, before, after = findings.gaps[i], findings.segments[i], findings.segments[i + 1]
    way = f"from={routes[i]},to={routes[i + 1]}"
    numbers: list[Measurement] = []
    if gap.gap_low_s is not None and gap.gap_high_s is not None:
        half = (gap.gap_high_s - gap.gap_low_s) / 2
        numbers.append(Measurement(f"gap_s[{way}]", gap.gap_low_s + half, "s", half / limits.Z95))
    if i == 0:
        numbers += level(f"latency_ms[route={routes[0]}]", before.latency_ms, "ms")
        numbers += level(f"latency_ms[route={routes[1]}]", after.latency_ms, "ms")
    else:
        numbers += level(f"latency_again_ms[route={routes[i + 1]}]", after.latency_ms, "ms")
    if before.gain_db is not None and after.gain_db is not None:
        change = after.gain_db - before.gain_db
        numbers.append(Measurement(f"level_change_db[{way}]", change, "dB"))
    return numbers


def _other_afterwards(findings: ActionFindings) -> bool:
    first, last = findings.segments[0].latency_ms, findings.segments[-1].latency_ms
    there_and_back = len(findings.gaps) > 1
    if first is None or last is None or not there_and_back:
        return False
    return abs(last - first) > limits.STEP_MS


PAGE = Page(
    question="When the route changes in the middle of a call, how long is the sound away, and is "
    "the delay still the same?",
    hardware="H0/H3",
    stimulus="short sweeps one after another for 20 s, to another route after 5 s and back after "
    "13 s, for each route there is",
    measured="time without sound at each change, latency and level on each route, and back again",
    method="The probe asks for the other route as an app does (setCommunicationDevice, before "
    "Android 12 the speakerphone) while its streams run. The sound is looked for at the latency "
    "before and at the one after; the gap is the longest stretch heard at neither, with the bounds "
    "that the pauses between the sweeps leave. AudioTrack and AudioRecord are used, which follow a "
    "route; an AAudio stream ends with its device, and the app has to open it again. On an "
    "iPhone the AVAudioSession is taken to the other port, and the units go on. A route whose "
    "loudspeaker the phone's own microphone does not hear gives no number.",
    drives=("delay_by_route", "restart_engine_on_route"),
    sources=("CTS setCommunicationDevice", "element-x#3845", "element-x#5030"),
)

TEST = CatalogueTest(TEST_ID, "route change in a call", trials, judge, PAGE)
