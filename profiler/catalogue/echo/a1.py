"""A1: how much of its own voice the canceller takes out, at several volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiler.catalogue import limits
from profiler.catalogue.echo import far_end
from profiler.catalogue.echo.erle import Erle, erle
from profiler.catalogue.judging import Ruling, listed, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import has_modes
from profiler.catalogue.table import BASELINE_DROP_DB
from profiler.model import (
    DeviceFacts,
    EchoFindings,
    EffectState,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
    Verdict,
    worst,
)

TEST_ID = "A1"
SPEECH_S, SHORT_SPEECH_S, BASELINE_S = 27.0, 8.4, 9.0
"""Three volumes, canceller on and off, and the baseline: 180 s of open streams; short: 20 s."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Canceller on and off at each volume, and once the raw path at the loudest, where a device
    has another than the one with the canceller off."""
    refused = far_end.unfit(facts)
    if refused:
        return refused
    request = far_end.voice_request(facts, options)
    speech_s = SHORT_SPEECH_S if options.short else SPEECH_S
    found: list[PlannedTrial] = []
    for volume in far_end.volumes(facts, options):
        on = replace(request, volume=volume)
        for role, one in (
            (far_end.AEC_ON, on),
            (far_end.AEC_OFF, replace(on, aec=EffectState.OFF)),
        ):
            found.append(_trial(len(found), one, options.seed, speech_s, role))
    if not options.short and has_modes(facts):
        raw = replace(found[-1].request, audio_mode="media", input_preset="unprocessed")
        found.append(_trial(len(found), raw, options.seed, BASELINE_S, far_end.BASELINE))
    return tuple(found)


def _trial(
    index: int, request: TrialRequest, seed: int, speech_s: float, role: str
) -> PlannedTrial:
    return far_end.echo_trial(
        TEST_ID, index, request, seed=seed, speech_s=speech_s, note=far_end.noted(role, request)
    )


@dataclass(frozen=True, slots=True)
class AtVolume:
    """What A1 recorded at one volume; a record is ``None`` when it was not made."""

    volume: float | None
    on: TrialRecord | None
    off: TrialRecord | None
    baseline_not_off: bool
    """What is called off is not: :attr:`erle` then compares with the raw path, if at all."""
    reference: EchoFindings | None
    """Echo without canceller."""

    @property
    def heard(self) -> EchoFindings | None:
        """Findings with the canceller on."""
        return None if self.on is None else far_end.echo_of(self.on)

    @property
    def nothing_without(self) -> str:
        """Why nothing is known of the session without canceller; empty when something is.

        A session that was refused or rejected proves no silence.
        """
        if self.reference is not None or self.baseline_not_off:
            return ""
        if self.off is None:
            return "no trial was made"
        return listed(self.off.reasons)

    @property
    def erle(self) -> Erle | None:
        """What the canceller removes."""
        heard = self.heard
        return None if heard is None or self.reference is None else erle(self.reference, heard)

    @property
    def played(self) -> bool:
        """Whether it is proven that the loudspeaker was heard at all."""
        known = (self.reference, self.heard)
        return any(f is not None and f.echo_level_dbfs is not None for f in known)


def by_volume(records: Sequence[TrialRecord]) -> list[AtVolume]:
    """A1's records, volume by volume, quiet to loud."""
    records = own(records, TEST_ID)
    ons = far_end.with_role(records, far_end.AEC_ON)
    offs = far_end.with_role(records, far_end.AEC_OFF)
    raw = next(iter(far_end.with_role(records, far_end.BASELINE)), None)
    lost = _not_off(offs, raw)
    found = []
    for volume in dict.fromkeys(r.request.volume for r in (*ons, *offs)):
        on = next((r for r in ons if r.request.volume == volume), None)
        off = next((r for r in offs if r.request.volume == volume), None)
        reference = None if off is None else far_end.echo_of(off)
        if lost:
            same = raw is not None and raw.request.volume == volume
            reference = far_end.echo_of(raw) if raw is not None and same else None
        found.append(AtVolume(volume, on, off, lost, reference))
    return sorted(found, key=lambda v: -1.0 if v.volume is None else v.volume)


def _not_off(offs: Sequence[TrialRecord], raw: TrialRecord | None) -> bool:
    """Whether the canceller stays on when it is asked off."""
    if any(far_end.reported_aec(r) is EffectState.ON for r in offs):
        return True
    base = None if raw is None else far_end.echo_of(raw)
    if raw is None or base is None or base.echo_level_low_dbfs is None:
        return False
    same = [
        f for r in offs if r.request.volume == raw.request.volume for f in (far_end.echo_of(r),)
    ]
    return any(
        f is not None
        and f.echo_level_bound_dbfs is not None
        and base.echo_level_low_dbfs - f.echo_level_bound_dbfs > BASELINE_DROP_DB
        for f in same
    )


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Every volume is judged by what is removed and by false speech; the worst decides."""
    records = own(records, TEST_ID)
    volumes = by_volume(records)
    parts = [_judge_volume(v) for v in volumes]
    if not any(p.measurements for p in parts):
        return nothing_measured(records, "no echo measured").result(run_uuid, TEST_ID, records)
    return Ruling(
        worst(p.verdict for p in parts),
        unique(reason for p in parts for reason in p.reasons),
        "; ".join(p.text for p in parts)
        + far_end.decides([(v.volume, p.verdict) for v, p in zip(volumes, parts, strict=True)]),
        tuple(m for p in parts for m in p.measurements),
    ).result(run_uuid, TEST_ID, records)


def _judge_volume(at: AtVolume) -> Ruling:
    where, heard = far_end.in_words(at.volume), at.heard
    made = [r for r in (at.on, at.off) if r is not None]
    if heard is None:
        return nothing_measured(made, f"{where}: nothing measured")
    notes = [reason for r in made for reason in r.reasons]
    label = f"[volume={far_end.volume_label(at.volume)}]"
    level, texts, numbers = _removed(at, notes)
    voice, why_voice = false_speech(heard)
    numbers += _numbers(heard)
    count = far_end.turns(heard)
    texts.append("no false speech" if not count else f"{count} x taken for speech")
    if at.nothing_without:
        # With nothing to compare it with, what was taken for speech is told and not judged.
        voice, why_voice = level, ()
    return Ruling(
        worst((level, voice)),
        unique((*why_voice, *notes)),
        f"{where}: " + ", ".join(texts),
        tuple(replace(m, name=m.name + label) for m in numbers),
    )


def _removed(at: AtVolume, notes: list[str]) -> tuple[Verdict, list[str], list[Measurement]]:
    """Verdict on the ERLE, its words and numbers; its reasons go in front of ``notes``."""
    if at.baseline_not_off:
        notes.insert(0, Reason.BASELINE_NOT_OFF)
    found = at.erle
    if at.nothing_without:
        failed = at.off is not None and at.off.verdict is Verdict.ERROR
        notes[:0] = at.off.reasons if at.off is not None else ()
        what = f"without canceller nothing measured ({at.nothing_without})"
        return Verdict.ERROR if failed else Verdict.NOT_MEASURABLE, [what], []
    if found is None:
        if not at.baseline_not_off:
            notes.insert(0, Reason.LOW_SNR)
        unheard = "no echo heard even without canceller"
        what = "what is off cannot be told" if at.baseline_not_off else unheard
        return (Verdict.MARGINAL if at.baseline_not_off else Verdict.NOT_MEASURABLE), [what], []
    verdict, why = limits.grade(TEST_ID, "erle_db", found.bounded)
    # What only a bound is known of is not said to be left.
    notes[:0] = [*(why if found.value_db is not None else ()), *found.reasons]
    numbers = [Measurement("erle_low_db", found.low_db, "dB")]
    if found.value_db is not None:
        numbers.append(Measurement("erle_db", found.value_db, "dB"))
    if at.baseline_not_off:
        verdict = Verdict.MARGINAL
    return verdict, [f"{found.text} of the echo removed"], numbers


def false_speech(heard: EchoFindings) -> tuple[Verdict, tuple[Reason, ...]]:
    """Counted, so that none is none; beyond the fail limit only what the count proves."""
    minutes = heard.voice_analysed_s / 60
    if minutes <= 0:
        return Verdict.PASS, ()
    rate = limits.rate_bounds(far_end.turns(heard), minutes)
    return limits.grade(TEST_ID, "voice_per_min", limits.Bounded(rate.value, rate.low, rate.value))


def _numbers(heard: EchoFindings) -> list[Measurement]:
    numbers = []
    if heard.echo_level_dbfs is not None:
        numbers.append(Measurement("residual_dbfs", heard.echo_level_dbfs, "dBFS"))
    if heard.echo_level_bound_dbfs is not None:
        numbers.append(Measurement("residual_bound_dbfs", heard.echo_level_bound_dbfs, "dBFS"))
    if heard.voice_margin_db is not None:
        numbers.append(Measurement("voice_margin_db", heard.voice_margin_db, "dB"))
    if heard.voice_analysed_s > 0:
        rate = 60 * far_end.turns(heard) / heard.voice_analysed_s
        numbers.append(Measurement("voice_per_min", rate, "1/min"))
    if heard.delay_ms is not None:
        numbers.append(Measurement("echo_delay_ms", heard.delay_ms, "ms"))
    return numbers


PAGE = Page(
    question="How much of the phone's own voice is still in what the app records, at which volume?",
    hardware="H0",
    stimulus="27 s of synthesised sentences in eight languages (8 s in a short run), in the "
    "communication mode with the echo canceller on and off, at 50, 75 and 100 % volume; once the "
    "unprocessed path for 9 s",
    measured="ERLE after convergence or what it is at least, level of the echo left, false speech "
    "per minute, margin of the voice detector, echo delay",
    method="Echo is what is coherent with the delayed far end, and what rises above the noise "
    "while it speaks; the noise itself is heard in its pauses and taken off. With less echo than "
    "noise only a bound is claimed. Every volume is judged by what is removed and by false speech, "
    "and the worst of them decides. Noise suppression and gain control are off on both sides. An "
    'echo that is weak although the canceller is "off" is compared with the unprocessed path; '
    "the verdict is then at most marginal (docs/echo.md). A browser has no other path to compare "
    "with and no volume a page could set: it is measured at the volume as found.",
    drives=("aec", "full_duplex.speaker", "max_safe_volume"),
    sources=(
        "CATALOGUE A1", "3GPP TS 26.132 8.7.1", "webrtc-aec-matrix article", "oboe#2090",
        "livekit/agents#315",
    ),
)  # fmt: skip

TEST = CatalogueTest(TEST_ID, "echo-only ERLE and false speech", trials, judge, PAGE)
