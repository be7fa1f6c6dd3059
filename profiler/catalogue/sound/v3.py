"""V3: how long gain control takes to follow a voice that gets quieter, or louder."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiler.catalogue import limits
from profiler.catalogue.inputs import inputs_of
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import has_effects
from profiler.catalogue.sound.voices import (
    PARTNER_LEAD_S,
    VOICE_RATE_HZ,
    WARMUP_S,
    Config,
    call_request,
    heard,
    spoken,
)
from profiler.catalogue.table import AGC_SETTLED_DB
from profiler.model import (
    DeviceFacts,
    EffectState,
    Measurement,
    NearEndFindings,
    NoiseSpec,
    Reason,
    TestResult,
    TrialRecord,
    worst,
)
from profiler.stimulus import noise

TEST_ID = "V3"
SPANS_S = ((0.3, 4.3), (5.0, 9.0), (9.7, 13.7))
STEP_DB = -12.0
FINAL_S = 1.0
"""The gain of the last second of a stretch is what it settles at."""
MIN_BLOCKS = 5
TOGETHER = (
    "its gain control comes with its echo canceller, which takes away what it plays itself: needs "
    "another device in the zone that speaks"
)


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """A voice that falls by 12 dB and comes back, with gain control asked for."""
    plain = options.plain(facts, WARMUP_S)
    request = plain
    if has_effects(facts):
        request = call_request(facts, plain, agc=EffectState.ON)
    if not inputs_of(facts).effects_alone:
        if options.partner is None:
            return Skip(Reason.NEEDS_PARTNER, TOGETHER)
        request = replace(request, aec=EffectState.ON)
    voice = noise(
        options.seed, VOICE_RATE_HZ, SPANS_S[-1][1] + 0.1, colour="voice", spans_s=SPANS_S,
        levels_db=(0.0, STEP_DB, 0.0),
    )  # fmt: skip
    return spoken(TEST_ID, [Config("agc on", request)], voice, options)


@dataclass(frozen=True, slots=True)
class _Settling:
    name: str
    seconds: float
    block_s: float
    overshoot_db: float
    final_db: float

    @property
    def bounded(self) -> limits.Bounded:
        """Blocks tell the time only so exactly."""
        return limits.Bounded(self.seconds, max(0.0, self.seconds - self.block_s), self.seconds)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The slower of the two steps decides."""
    records = own(records, TEST_ID)
    found = list(heard(records).values())
    settled = _settlings(*found[0]) if found else []
    if not settled:
        return nothing_measured(records, "no step measured").result(run_uuid, TEST_ID, records)
    graded = [limits.grade(TEST_ID, "settle_s", s.bounded) for s in settled]
    numbers = [
        m
        for s in settled
        for m in (
            Measurement(f"settle_s[step={s.name}]", s.seconds, "s"),
            Measurement(f"overshoot_db[step={s.name}]", s.overshoot_db, "dB"),
            Measurement(f"gain_db[step={s.name}]", s.final_db, "dB"),
        )
    ]
    slow = max(settled, key=lambda s: s.seconds)
    spread = max(s.final_db for s in settled) - min(s.final_db for s in settled)
    numbers.append(Measurement("gain_range_db", spread, "dB"))
    what = f"gain follows by {spread:.1f} dB" if spread > AGC_SETTLED_DB else "gain stays"
    return Ruling(
        worst(v for v, _ in graded),
        unique([*(w for _, why in graded for w in why), *(x for r in records for x in r.reasons)]),
        f"{what}, settled after {slow.seconds:.1f} s at worst (step {slow.name})",
        tuple(numbers),
    ).result(run_uuid, TEST_ID, records)


def _settlings(record: TrialRecord, findings: NearEndFindings) -> list[_Settling]:
    """Of the step down and the step up; one that cannot be seen to its end is left out."""
    partner = record.setup.partner
    voice = partner.stimulus if partner else record.stimulus
    if not isinstance(voice, NoiseSpec) or findings.delay_ms is None:
        return []
    shift_s = findings.delay_ms / 1000 + (PARTNER_LEAD_S if partner else 0.0)
    steps = zip(("down", "up"), voice.spans_s[1:], strict=True)
    found = [_settling(name, findings, b + shift_s, e + shift_s) for name, (b, e) in steps]
    return [s for s in found if s is not None]


def _settling(
    name: str, findings: NearEndFindings, begin_s: float, end_s: float
) -> _Settling | None:
    block_s = findings.block_s
    gains = [
        ((i + 1) * block_s - begin_s, gain)
        for i, gain in enumerate(findings.gain_db)
        if gain is not None and begin_s <= i * block_s and (i + 1) * block_s <= end_s
    ]
    final = [g for t, g in gains if t > end_s - begin_s - FINAL_S]
    if len(final) < MIN_BLOCKS or len(gains) < 2 * MIN_BLOCKS:
        return None
    level = statistics.median(final)
    length_s = end_s - begin_s
    before = [g for t, g in gains if length_s - 2 * FINAL_S < t <= length_s - FINAL_S]
    moving = bool(before) and abs(statistics.median(before) - level) > AGC_SETTLED_DB
    away = [t for t, g in gains if moving or abs(g - level) > AGC_SETTLED_DB]
    first = statistics.median(g for _, g in gains[:3])
    # Beyond the final gain, seen from where it began.
    sign = 1.0 if level >= first else -1.0
    beyond = max(sign * (g - level) for _, g in gains)
    return _Settling(name, max(away, default=0.0), block_s, max(0.0, beyond), level)


PAGE = Page(
    question="How long does the level of a voice pump after it got quieter or louder?",
    hardware="H1",
    stimulus="voice-like noise of 4 s, 4 s at -12 dB, 4 s at the first level again, with pauses; "
    "from the partner, without one from the device's own loudspeaker",
    measured="time until the gain stays within 3 dB of its final value, how far it overshoots, how "
    "far it follows the step",
    method="The gain of the voice is measured per tenth of a second from the part of the recording "
    "that is coherent with it. The device's own loudspeaker is a fallback: in the path of a call "
    "an echo canceller may take it away, and then nothing is measured. An iPhone's gain "
    "control comes with its canceller: it is measured with a partner alone.",
    drives=("agc",),
    sources=("react-native-webrtc#1772", "codec2_talkie#19"),
)

TEST = CatalogueTest(TEST_ID, "gain control", trials, judge, PAGE, partner=True)
