"""L2: round-trip latency in communication mode, with the voice processing off and on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.judging import own
from profiler.catalogue.kinds import (
    CatalogueTest,
    Page,
    PlannedTrial,
    Skip,
    TrialOptions,
)
from profiler.catalogue.latency import l2_bursts, l2_exchange
from profiler.catalogue.latency.l2_effects import EFFECTS_OFF, EFFECTS_ON
from profiler.catalogue.paths import call_path, has_effects, with_effects
from profiler.catalogue.trains import burst_train
from profiler.model import (
    DeviceFacts,
    EffectState,
    Geometry,
    PartnerPart,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
    TrialSetup,
)
from profiler.stimulus import exchange_schedule

TEST_ID = "L2"
WARMUP_S = 1.0
TAIL_S = 1.6
"""Room for a Bluetooth latency (up to 1.5 s)."""
BRIEF_REPEATS = 2
"""Sessions with the effects off, and as many on, when time is short."""
PARTNER_RATE_HZ = 48_000
"""What every sound interface and nearly every phone opens at."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Sessions with the effects off and on in turn: exchanges, or bursts without a partner."""
    if not has_effects(facts):
        return Skip(Reason.NOT_ON_THIS_PROBE, "a sound interface has no voice processing")
    base = call_path(facts, options.plain(facts, WARMUP_S))
    most = BRIEF_REPEATS if options.brief else limits.MIN_REPEATS
    repeats = options.repeats if options.thorough else min(options.repeats, most)
    turns = enumerate([EffectState.OFF, EffectState.ON] * repeats)
    make = _burst if options.partner is None else _exchange
    return tuple(make(i, with_effects(base, state), state, options) for i, state in turns)


def _note(state: EffectState) -> str:
    return EFFECTS_ON if state is EffectState.ON else EFFECTS_OFF


def _exchange(
    index: int, request: TrialRequest, state: EffectState, options: TrialOptions
) -> PlannedTrial:
    plan = exchange_schedule(options.seed, request.rate_hz, PARTNER_RATE_HZ, short=True)
    part = TrialRequest(
        rate_hz=PARTNER_RATE_HZ,
        volume=request.volume,
        warmup_s=WARMUP_S,
        duration_s=plan.duration_s,
    )
    setup = TrialSetup(
        analysis="exchange",
        at_s=plan.at_a_s,
        partner=PartnerPart(part, plan.train_b, plan.at_b_s),
        geometry=Geometry(distance_m=options.partner_distance_m),
        note=_note(state),
    )
    return PlannedTrial(
        TEST_ID, index, replace(request, duration_s=plan.duration_s), plan.train_a, setup
    )


def _burst(
    index: int, request: TrialRequest, state: EffectState, options: TrialOptions
) -> PlannedTrial:
    spec = burst_train(options.seed, request.rate_hz)
    setup = TrialSetup(analysis="burst", note=_note(state))
    duration_s = round(spec.duration_s + TAIL_S, 3)
    return PlannedTrial(TEST_ID, index, replace(request, duration_s=duration_s), spec, setup)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """By the exchanges when there are any (a resumed run may have had a partner before)."""
    records = own(records, TEST_ID)
    exchanges = [r for r in records if r.setup.partner is not None]
    if exchanges:
        return l2_exchange.rule(exchanges).result(run_uuid, TEST_ID, exchanges)
    return l2_bursts.rule(records).result(run_uuid, TEST_ID, records)


PAGE = Page(
    question="What is the round trip in a call, with the echo canceller, noise suppressor and "
    "gain control on, and how much of it do they add?",
    hardware="H1; an attempt with H0",
    stimulus="the device and a partner take turns with short trains of sweeps, effects off and on "
    "in turn; without a partner single sweeps of 30 ms after 1.6 s of silence",
    measured="round trip with the effects on and off, the delay they add, each with the spread "
    "between sessions",
    method="A canceller removes what its own device plays, so the device cannot measure itself. "
    "A partner hears the device and itself on one clock, the device hears the partner, and the "
    "intervals give the round trip without comparing clocks (docs/exchange.md). With the effects "
    "off the device also measures itself in the same recording: the difference is what the "
    "distances add, and their median corrects the sessions with the effects on. The delay that "
    "the effects add needs no distance at all. Without a partner a sweep that is over before its "
    "echo comes may survive; it counts only when it is as loud as with the effects off.",
    drives=("audio_mode", "latency_budget_ms"),
    sources=("oboe#2090", "oboe#1291", "BeepBeep (Peng et al., SenSys 2007)"),
)

TEST = CatalogueTest(
    TEST_ID, "round-trip latency with voice processing", trials, judge, PAGE, partner=True
)
