"""A2: does the canceller do what the system says of it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.echo import a1, far_end
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions
from profiler.catalogue.table import AOSP_EFFECTS
from profiler.model import (
    DeviceFacts,
    EffectReport,
    EffectState,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
    worst,
)

TEST_ID = "A2"


def trials(_facts: DeviceFacts, _options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """None of its own: it is judged on A1's recordings."""
    return ()


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Reported state against what is removed, at each volume; the worst decides."""
    records = own(records, a1.TEST_ID)
    judged = ((v.volume, _judge_volume(v)) for v in a1.by_volume(records))
    by_volume = [(volume, p) for volume, p in judged if p is not None]
    parts = [p for _, p in by_volume]
    if not parts:
        return nothing_measured(records, "no effect of the canceller measured").result(
            run_uuid, TEST_ID, records
        )
    said = _implementor(records)
    reasons = unique(reason for p in parts for reason in p.reasons)
    text = "; ".join(p.text for p in parts)
    text += far_end.decides([(volume, p.verdict) for volume, p in by_volume])
    numbers = tuple(m for p in parts for m in p.measurements)
    software = said is not None and said.uuid.lower() in AOSP_EFFECTS
    if said is not None:
        numbers += (Measurement("aosp_software_effect", float(software), "1"),)
        text += f"; it is {_who(said)}" if said.uuid or said.implementor else ""
    if software:
        reasons = unique((*reasons, Reason.SOFTWARE_EFFECT))
    return Ruling(worst(p.verdict for p in parts), reasons, text, numbers).result(
        run_uuid, TEST_ID, records
    )


def _judge_volume(at: a1.AtVolume) -> Ruling | None:
    found = at.erle
    if found is None or at.on is None:
        return None
    said = far_end.reported_aec(at.on)
    # A gain control raises everything, the echo left too: that is not the canceller's fault.
    raised_db = max(0.0, found.raised_db)
    bounded = found.bounded
    bounded = replace(bounded, value=bounded.value + raised_db, high=bounded.high + raised_db)
    verdict, why = limits.grade(TEST_ID, "erle_db", bounded)
    label = f"[volume={far_end.volume_label(at.volume)}]"
    claims = said is EffectState.ON
    numbers = (
        Measurement(f"reported_on{label}", float(claims), "1"),
        Measurement(f"effective_low_db{label}", found.low_db, "dB"),
        *(
            (Measurement(f"effective_db{label}", bounded.value, "dB"),)
            if found.value_db is not None
            else ()
        ),
    )
    word = {EffectState.ON: "on", EffectState.OFF: "off"}.get(said, "nothing about it")
    text = f"{far_end.in_words(at.volume)}: the system says {word}, {found.text} removed"
    if at.baseline_not_off:
        return Ruling(Verdict.MARGINAL, (Reason.BASELINE_NOT_OFF,), text, numbers)
    if said is EffectState.OFF:
        return _says_off(verdict, text, numbers)
    if verdict is Verdict.FAIL and claims:
        return Ruling(Verdict.FAIL, unique(why), text, numbers)
    if verdict is Verdict.PASS:
        return Ruling(Verdict.PASS, (), text, numbers)
    return Ruling(Verdict.MARGINAL, unique((Reason.ECHO_LEFT, *found.reasons)), text, numbers)


def _says_off(verdict: Verdict, text: str, numbers: tuple[Measurement, ...]) -> Ruling:
    """Honest when nothing is removed; the request was not granted in any case."""
    reasons = (Reason.GRANTED_DIFFERS,)
    honest = verdict is not Verdict.PASS
    return Ruling(Verdict.PASS if honest else Verdict.MARGINAL, unique(reasons), text, numbers)


def _implementor(records: Sequence[TrialRecord]) -> EffectReport | None:
    for record in far_end.with_role(records, far_end.AEC_ON):
        if record.report and "aec" in record.report.effects:
            return record.report.effects["aec"]
    return None


def _who(said: EffectReport) -> str:
    known = AOSP_EFFECTS.get(said.uuid.lower())
    return known or " ".join(part for part in (said.implementor, said.uuid) if part)


PAGE = Page(
    question="When the system says that the echo canceller is on, is it?",
    hardware="H0",
    stimulus="none of its own: A1's recordings",
    measured="reported state, UUID and implementor of the effect; what is really removed",
    method="A canceller that is reported on and removes less than 6 dB does nothing; the worst "
    "of the volumes decides. Where a gain "
    "control raises the pauses with the canceller on, that much is granted to it. AOSP's software "
    "effects are named, because WebRTC does not take them for a canceller.",
    drives=("aec",),
    sources=("WebRtcAudioEffects.java", "webrtc-aec-matrix article", "oboe#1405"),
)

TEST = CatalogueTest(TEST_ID, "canceller reported and real", trials, judge, PAGE, needs=("A1",))
