"""W1: what a call adds to the plain path, and whether its options do what they say."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, listed, measured, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import on_web
from profiler.catalogue.trains import call_train, pausing_train
from profiler.catalogue.web import calls
from profiler.catalogue.web.calls import DEFAULTS, DTX, LONG_PACKETS, NO_FEC, TARGET, Variant
from profiler.catalogue.web.settled import Settled, settled
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    TrialSetup,
    Verdict,
    worst,
)
from profiler.stimulus import noise

TEST_ID = "W1"
WARMUP_S = 1.0
TAIL_S = 0.8
"""Room for a latency of the target and of what the call has beside it."""
NOISE_AMPLITUDE = 0.02
"""Peak of the noise beneath the train: a quiet room (-46 dBFS)."""
VARIANT_REPEATS = 3
"""Sessions with longer packets, and of the target."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Fresh calls with the stack's defaults, and between them such with one option changed."""
    if not on_web(facts):
        return Skip(Reason.NOT_ON_THIS_PROBE, "calls inside the device: only a browser makes them")
    return tuple(
        _planned(index, variant, facts, options) for index, variant in enumerate(_order(options))
    )


def _order(options: TrialOptions) -> list[Variant]:
    """Variants in turn, so that a slow change of the device falls on all of them."""
    if options.short:
        return [DEFAULTS, TARGET]
    if options.brief:
        return [DEFAULTS, LONG_PACKETS, DEFAULTS, TARGET, DEFAULTS]
    repeats = max(options.repeats if options.thorough else 0, limits.MIN_REPEATS)
    others = repeats if options.thorough else VARIANT_REPEATS
    rounds = [[DEFAULTS, *((LONG_PACKETS, TARGET) if n < others else ())] for n in range(repeats)]
    return [*(variant for turn in rounds for variant in turn), NO_FEC, DTX]


def _planned(
    index: int, variant: Variant, facts: DeviceFacts, options: TrialOptions
) -> PlannedTrial:
    plain = options.plain(facts, WARMUP_S)
    make = pausing_train if variant.silent else call_train
    train = make(options.seed, plain.rate_hz, short=options.short)
    duration_s = round(train.duration_s + TAIL_S, 3)
    beneath = noise(options.seed, plain.rate_hz, duration_s, amplitude=NOISE_AMPLITUDE)
    # Without a loudspeaker a volume has no meaning: it would only change the coder's task.
    request = replace(plain, call=variant.call, volume=None, duration_s=duration_s)
    setup = TrialSetup(note=variant.note, beneath=None if variant.silent else beneath)
    return PlannedTrial(TEST_ID, index, request, train, setup)


@dataclass(frozen=True, slots=True)
class _Sessions:
    """The trials of one variant."""

    variant: Variant
    records: list[TrialRecord]
    rests: list[Settled]
    """Of those that were measured and settled."""

    @property
    def latency_ms(self) -> float:
        """Median over the sessions."""
        return statistics.median(s.latency_ms for s in self.rests)

    @property
    def sigma_ms(self) -> float:
        """1σ of that median."""
        return limits.median_sigma([s.latency_ms for s in self.rests], 0.0)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why trials gave no number. Steps are what a jitter buffer does, and no reason."""
        lost = [r for r in self.records if not (r.estimate and r.estimate.valid)]
        unrested = len(self.records) - len(lost) - len(self.rests)
        return unique((*(w for r in lost for w in r.reasons), *[Reason.NOT_SETTLED][:unrested]))


def _sessions(records: Sequence[TrialRecord], variant: Variant) -> _Sessions:
    mine = calls.of(records, variant)
    rests = [rest for _, estimate in measured(mine) if (rest := settled(estimate)) is not None]
    return _Sessions(variant, mine, rests)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The calls with the stack's defaults decide, and that the options asked for are in force."""
    records = own(records, TEST_ID)
    plain = _sessions(records, DEFAULTS)
    if not plain.rests:
        ruling = nothing_measured(plain.records, "no call measured")
        if ruling.verdict is Verdict.NOT_MEASURABLE:
            text = f"no call measured: {listed(plain.reasons)}"
            ruling = Ruling(ruling.verdict, plain.reasons, text)
        return ruling.result(run_uuid, TEST_ID, records)
    parts = [_defaults(plain), _fec(plain)]
    others = (_sessions(records, variant) for variant in calls.VARIANTS[1:])
    parts += [_option(option, plain) for option in others if option.records]
    return Ruling(
        worst(p.verdict for p in parts),
        unique(reason for p in parts for reason in p.reasons),
        "; ".join(p.text for p in parts),
        tuple(number for p in parts for number in p.measurements),
    ).result(run_uuid, TEST_ID, records)


def _defaults(plain: _Sessions) -> Ruling:
    values = [s.latency_ms for s in plain.rests]
    settle_s = [s.from_s for s in plain.rests]
    text = (
        f"a call adds {plain.latency_ms:.1f} ms, MAD {limits.mad(values):.1f} ms over "
        f"{len(values)} of {len(plain.records)} sessions; within one sd "
        f"{statistics.median(s.sd_ms for s in plain.rests):.3f} ms, once settled after "
        f"{statistics.median(settle_s):.1f} s"
    )
    numbers = _numbers(plain)
    if len(values) < limits.MIN_REPEATS:
        reasons = unique((Reason.FEW_REPEATS, *plain.reasons))
        return Ruling(Verdict.MARGINAL, reasons, text, numbers)
    grades = [
        limits.grade(TEST_ID, "call_ms", limits.median_bounds(values)),
        limits.grade(TEST_ID, "call_mad_ms", limits.mad_bounds(values)),
        limits.grade(TEST_ID, "settle_s", limits.median_bounds(settle_s)),
    ]
    concealed = calls.middle(plain.records, "concealed_share")
    if concealed is not None:
        grades.append(limits.grade(TEST_ID, "concealed_percent", limits.exact(100 * concealed)))
    if plain.reasons:
        grades.append((Verdict.MARGINAL, ()))
    reasons = unique((*(w for _, why in grades for w in why), *plain.reasons))
    return Ruling(worst(verdict for verdict, _ in grades), reasons, text, numbers)


def _numbers(plain: _Sessions) -> tuple[Measurement, ...]:
    values = [s.latency_ms for s in plain.rests]
    found = [
        Measurement("call_ms", plain.latency_ms, "ms", plain.sigma_ms),
        Measurement("call_mad_ms", limits.mad(values), "ms"),
        Measurement("call_min_ms", min(values), "ms"),
        Measurement("call_max_ms", max(values), "ms"),
        Measurement("settled_sd_ms", statistics.median(s.sd_ms for s in plain.rests), "ms"),
        Measurement("settle_s", statistics.median(s.from_s for s in plain.rests), "s"),
        Measurement("steps", sum(s.steps for s in plain.rests), "1"),
        Measurement("moved_ms", max(s.moved_ms for s in plain.rests), "ms"),
        Measurement("sessions", len(values), "1"),
        Measurement("sessions_rejected", len(plain.records) - len(values), "1"),
    ]
    stack = (
        ("concealed_percent", "concealed_share", 100.0, "%"),
        ("jitter_buffer_ms", "jitter_buffer_ms", 1.0, "ms"),
        ("jitter_buffer_target_ms", "jitter_buffer_target_ms", 1.0, "ms"),
        ("bitrate_bps", "bitrate_bps", 1.0, "bit/s"),
    )
    for name, word, factor, unit in stack:
        value = calls.middle(plain.records, word)
        if value is not None:
            found.append(Measurement(name, factor * value, unit))
    return tuple(found)


def _fec(plain: _Sessions) -> Ruling:
    """What the defaults say of FEC: agreed on is one thing, at work another."""
    packets = sum(calls.said(r, "fec_packets") or 0.0 for r in plain.records)
    text = "FEC: in force"
    if not packets:
        text = "FEC: not shown in force, as nothing is lost inside a page"
    return Ruling(Verdict.PASS, (), text, (Measurement("fec_packets", packets, "1"),))


def _option(option: _Sessions, plain: _Sessions) -> Ruling:
    """What an option does to the latency, and whether it is in force at all."""
    note = option.variant.note
    given = [r for r in option.records if r.report is not None]
    if not given:
        failed = any(r.verdict is Verdict.ERROR for r in option.records)
        verdict = Verdict.ERROR if failed else Verdict.PASS  # refused: an option it does not have
        return Ruling(verdict, option.reasons, f"{note}: {listed(option.reasons)}")
    in_force = calls.is_shown(option.variant, given)
    numbers, words = _stack_says(option.variant, given)
    if option.rests and not option.variant.silent:  # silence changes the latency, too
        added_ms = option.latency_ms - plain.latency_ms
        sigma_ms = math.hypot(option.sigma_ms, plain.sigma_ms)
        numbers.append(Measurement(f"added_ms[{note}]", added_ms, "ms", sigma_ms))
        words.append(f"{added_ms:+.1f} ms")
        if option.variant is TARGET:
            in_force = in_force and added_ms >= calls.RISE_SHARE * _asked_ms(plain)
    numbers.append(Measurement(f"in_force[{note}]", float(in_force), "1"))
    words.append("in force" if in_force else "not in force")
    why = option.reasons if in_force else unique((Reason.NOT_IN_FORCE, *option.reasons))
    verdict = Verdict.MARGINAL if why else Verdict.PASS
    return Ruling(verdict, why, f"{note}: {', '.join(words)}", tuple(numbers))


def _stack_says(
    variant: Variant, records: Sequence[TrialRecord]
) -> tuple[list[Measurement], list[str]]:
    """The number of the stack's statistics that shows the option, for the table and for people."""
    if variant is TARGET:
        value = calls.middle(records, "jitter_buffer_target_end_ms")
        name, unit, words = "stack_target_ms", "ms", "the stack holds {:.0f} ms"
    elif variant is LONG_PACKETS:
        value = calls.middle(records, "ptime_ms")
        name, unit, words = "packet_ms", "ms", "packets of {:.0f} ms"
    elif variant is DTX:
        value = calls.sent_share(records[0])
        name, unit, words = "sent_share", "1", "{:.0%} of the packets sent"
    else:
        return [], []
    if value is None:
        return [], ["the stack says nothing"]
    return [Measurement(f"{name}[{variant.note}]", value, unit)], [words.format(value)]


def _asked_ms(plain: _Sessions) -> float:
    """By how much the target lies above what the jitter buffer holds by itself."""
    return calls.TARGET_MS - (calls.middle(plain.records, "jitter_buffer_target_ms") or 0.0)


PAGE = Page(
    question="What does a call add to the plain path of a browser, and do its options do what "
    "they say: longer packets, DTX, FEC, a target of the jitter buffer?",
    hardware="H0",
    stimulus="a train of sweeps over a quiet noise, through a call inside the page (two "
    "RTCPeerConnections, Opus); a fresh call for each session",
    measured="latency once the jitter buffer has settled, over fresh sessions; scatter within one "
    "session; time to settle and steps on the way; concealed share; what packets of 60 ms and a "
    "jitter buffer target of 200 ms add, in the sound and in the stack's own statistics",
    method="What is played goes into one end of the call and what the other end decodes is "
    "recorded, without loudspeaker and microphone: the latency is what the stack adds to L1's. "
    "Each sweep has a latency of its own. Four or more in a row within 1 ms of each other at "
    "the end are the call once settled; what came before is reported as steps, and is no failure. "
    "The noise keeps the coder from treating the pauses as silence. An option counts as in force "
    "only when the stack's statistics show it: RTP timestamps for the length of packets, packets "
    "sent for DTX, the buffer's own target and the latency for the target. Nothing is lost inside "
    "a page, so FEC is agreed on and not seen at work.",
    sources=("ITU-T G.114", "RFC 7587", "W3C webrtc-stats"),
)

TEST = CatalogueTest(TEST_ID, "what a call adds, and whether its options work", trials, judge, PAGE)
