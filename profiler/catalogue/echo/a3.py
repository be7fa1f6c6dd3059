"""A3: double talk. What becomes of a voice in the room while the device itself speaks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiler.catalogue import limits
from profiler.catalogue.echo import far_end
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import (
    CatalogueTest,
    Page,
    PlannedTrial,
    Skip,
    TrialOptions,
)
from profiler.catalogue.paths import call_path
from profiler.model import (
    DeviceFacts,
    EffectState,
    Measurement,
    NearEndFindings,
    PartnerPart,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
    worst,
)
from profiler.stimulus import speech

TEST_ID = "A3"
WARMUP_S = 1.0
SETTLE_S = 6.0
"""The far end speaks this long before the voice: most cancellers have converged (A4)."""
VOICE_S = 12.0
TAIL_S = 2.0
"""Room for a partner that started later than the device, and for the latency."""
PARTNER_RATE_HZ = 48_000
VOICE_LANGUAGES = ("en",)
FAR_LANGUAGES = ("cmn", "de", "es", "fr")
"""No sentence of the voice is in the far end, whose echo would be taken for it."""
ALONE = "voice alone"
DOUBLE = "double talk"
ORDER = (DOUBLE, ALONE, DOUBLE, ALONE, DOUBLE)
BRIEF_ORDER = (ALONE, DOUBLE)
MIN_TAKES = 2
"""Takes of each kind from which a voice that is never found counts as lost."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """The partner speaks while the device is silent, and while it speaks, in turn."""
    refused = far_end.unfit(facts)
    if refused:
        return refused
    if options.partner is None:
        return Skip(
            Reason.NEEDS_PARTNER,
            "needs a partner in its zone: the bench's sound interface or another phone",
        )
    request = replace(
        call_path(facts, options.plain(facts, WARMUP_S)),
        aec=EffectState.ON,
        duration_s=SETTLE_S + VOICE_S + TAIL_S,
    )
    notes = BRIEF_ORDER if options.brief else ORDER
    return tuple(_trial(i, request, note, options.seed) for i, note in enumerate(notes))


def _trial(index: int, request: TrialRequest, note: str, seed: int) -> PlannedTrial:
    voice = speech(PARTNER_RATE_HZ, seed, VOICE_S, languages=VOICE_LANGUAGES)
    part = TrialRequest(
        rate_hz=PARTNER_RATE_HZ,
        volume=request.volume,
        warmup_s=WARMUP_S,
        duration_s=SETTLE_S + VOICE_S + TAIL_S / 2,
    )
    far = speech(
        request.rate_hz, seed, SETTLE_S + VOICE_S + TAIL_S,
        languages=FAR_LANGUAGES, gap_s=(0.02, 0.05),
    )  # fmt: skip
    setup = TrialSetup(
        analysis="near_end",
        at_s=(0.0,) if note == DOUBLE else (),
        partner=PartnerPart(part, voice, (SETTLE_S,)),
        note=note,
    )
    return PlannedTrial(TEST_ID, index, request, far if note == DOUBLE else None, setup)


@dataclass(frozen=True, slots=True)
class Takes:
    """The takes of one kind in which the voice was found."""

    gains_db: tuple[float, ...]
    noise_db: float
    findings: tuple[NearEndFindings, ...]
    made: int
    unheard: int
    """Takes in which nothing but the voice was missing."""

    @property
    def median_db(self) -> float:
        """Typical level of the voice against what was played."""
        return statistics.median(self.gains_db)

    @property
    def sigma_db(self) -> float:
        """Of the median: the spread between takes and the method's own error."""
        return limits.median_sigma(self.gains_db, self.noise_db)


def takes(records: Sequence[TrialRecord], note: str) -> Takes:
    """The takes of one kind."""
    mine = [r for r in records if r.setup.note == note]
    good = [
        f
        for f in (r.findings for r in mine)
        if isinstance(f, NearEndFindings) and f.speech_gain_db is not None
        and f.verdict in (Verdict.PASS, Verdict.MARGINAL)
    ]  # fmt: skip
    unheard = sum(r.reasons == (str(Reason.PARTNER_UNHEARD),) for r in mine)
    return Takes(
        tuple(f.speech_gain_db for f in good if f.speech_gain_db is not None),
        statistics.median(f.speech_gain_sigma_db or 0.0 for f in good) if good else 0.0,
        tuple(good),
        len(mine),
        unheard,
    )


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """How much quieter the voice is during double talk, and how much of it is lost."""
    records = own(records, TEST_ID)
    alone, double = takes(records, ALONE), takes(records, DOUBLE)
    return _rule(records, alone, double).result(run_uuid, TEST_ID, records)


def _rule(records: Sequence[TrialRecord], alone: Takes, double: Takes) -> Ruling:
    if not alone.gains_db:
        return nothing_measured(records, "the voice was not measured with the device silent")
    notes = unique(reason for r in records for reason in r.reasons)
    if not double.gains_db:
        if double.made and double.unheard == double.made:
            return _lost(alone, double, notes)
        return nothing_measured(records, "the voice was not measured during double talk")
    value_db = alone.median_db - double.median_db
    sigma_db = math.hypot(alone.sigma_db, double.sigma_db)
    verdict, why = limits.grade(TEST_ID, "attenuation_db", limits.normal(value_db, sigma_db))
    if double.unheard:  # the takes without a number are the bad ones
        verdict, why = worst((verdict, Verdict.MARGINAL)), (*why, Reason.NEAR_END_DAMAGED)
    numbers = [
        Measurement("attenuation_db", value_db, "dB", sigma_db),
        *_medians(double),
        Measurement("takes_alone", len(alone.gains_db), "1"),
        Measurement("takes_double_talk", len(double.gains_db), "1"),
    ]
    text = f"beside the device's own speech a voice is {value_db:.1f} ± {sigma_db:.1f} dB quieter"
    lost = [m for m in numbers if m.name == "lost_fraction"]
    if lost:
        text += f", and {100 * lost[0].value:.0f} % of it is lost"
    if double.unheard:
        text += f"; in {double.unheard} of {double.made} takes it was not found at all"
    return Ruling(verdict, unique((*why, *notes)), text, tuple(numbers))


def _lost(alone: Takes, double: Takes, notes: tuple[str, ...]) -> Ruling:
    """Heard with the device silent and never while it speaks: no number, but no doubt either."""
    enough = min(len(alone.gains_db), double.made) >= MIN_TAKES
    return Ruling(
        Verdict.FAIL if enough else Verdict.MARGINAL,
        unique((Reason.NEAR_END_DAMAGED, *notes)),
        "beside the device's own speech a voice is not found at all; with the device silent it is",
        (
            Measurement("takes_alone", len(alone.gains_db), "1"),
            Measurement("takes_double_talk", 0, "1"),
        ),
    )


def _medians(double: Takes) -> list[Measurement]:
    found = []
    for name, unit in (("lost_fraction", "1"), ("onset_lost_ms", "ms")):
        values = [v for v in (getattr(f, name) for f in double.findings) if v is not None]
        if values:
            found.append(Measurement(name, statistics.median(values), unit))
    return found


PAGE = Page(
    question="Does a person who speaks while the device speaks get through?",
    hardware="H1",
    stimulus="the partner says sentences while the device is silent, and in turn while it speaks "
    "other sentences, which it has done for 6 s before",
    measured="level of the sentences during double talk against the level without, share of their "
    "blocks that is lost, how long after its start a sentence is through",
    method="The sentences that the partner said are known: the part of the recording that is "
    "coherent with them is measured, whatever the device's own echo leaves beside it. The "
    "canceller is on in both, noise suppression and gain control are off. The two devices start "
    "at unrelated times; the sentences themselves say when they come.",
    drives=("barge_in_min_ms", "nlp_level"),
    sources=("3GPP TS 26.132", "livekit/agents#3758"),
)

TEST = CatalogueTest(TEST_ID, "double talk", trials, judge, PAGE, partner=True)
