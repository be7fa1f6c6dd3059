"""V2: how loud the loudspeaker is in a call, and after a recording, against media."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import has_modes, on_web
from profiler.catalogue.sound.voices import (
    WARMUP_S,
    Config,
    call_request,
    effects_claimed,
    heard,
    spoken_by_itself,
)
from profiler.model import (
    DeviceFacts,
    Measurement,
    NearEndFindings,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
    worst,
)
from profiler.stimulus import noise

TEST_ID = "V2"
NOISE_S = 3.0
VOLUMES = (0.5, 1.0)
AFTER = "media after a call, volume 1"


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Media and call at two volumes, then media again."""
    if not has_modes(facts):
        what = "a browser has one mode, and sets no volume"
        what = what if on_web(facts) else "a sound interface has one mode"
        return Skip(Reason.NOT_ON_THIS_PROBE, what)
    plain = options.plain(facts, WARMUP_S)
    calls = call_request(facts, plain, input_preset=plain.input_preset)
    configs = [
        Config(f"{name}, volume {volume:g}", replace(request, volume=volume))
        for name, request in (("media", plain), ("communication", calls))
        for volume in VOLUMES
    ]
    configs.append(Config(AFTER, replace(plain, volume=1.0)))
    sound = noise(options.seed, plain.rate_hz, NOISE_S, colour="pink", spans_s=((0.2, NOISE_S),))
    return spoken_by_itself(TEST_ID, configs, sound)


@dataclass(frozen=True, slots=True)
class _Drop:
    name: str
    against: NearEndFindings
    after: NearEndFindings
    processed: bool

    @property
    def db(self) -> limits.Bounded:
        sigma = ((self.against.speech_gain_sigma_db or 0.0) ** 2
                 + (self.after.speech_gain_sigma_db or 0.0) ** 2) ** 0.5  # fmt: skip
        before, now = self.against.speech_gain_db or 0.0, self.after.speech_gain_db or 0.0
        return limits.normal(before - now, sigma)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The largest drop decides; where the device says that it processes, nothing fails."""
    records = own(records, TEST_ID)
    found = heard(records)
    drops = _drops(found)
    if not drops:
        return nothing_measured(records, "no level to compare").result(run_uuid, TEST_ID, records)
    graded = [limits.grade(TEST_ID, "level_drop_db", d.db) for d in drops]
    verdict = worst(v for v, _ in graded)
    reasons = [str(w) for _, why in graded for w in why]
    if any(d.processed for d in drops):
        # An echo canceller that takes the own sound away looks like a quiet loudspeaker.
        reasons.append(str(Reason.BASELINE_NOT_OFF))
        verdict = Verdict.MARGINAL if verdict in (Verdict.PASS, Verdict.FAIL) else verdict
    missing = [r for r in records if r.setup.note not in found]
    if missing:
        verdict = worst((verdict, Verdict.MARGINAL))
    largest = max(drops, key=lambda d: d.db.value)
    return Ruling(
        verdict,
        unique([*reasons, *(x for r in missing for x in r.reasons)]),
        f"largest drop {largest.db.value:.1f} dB ({largest.name})",
        (
            *(Measurement(f"level_drop_db[{d.name}]", d.db.value, "dB") for d in drops),
            *(
                Measurement(
                    f"gain_db[config={label}]", f.speech_gain_db or 0.0, "dB",
                    f.speech_gain_sigma_db,
                )
                for label, (_, f) in found.items()
            ),
        ),
    ).result(run_uuid, TEST_ID, records)  # fmt: skip


def _drops(found: dict[str, tuple[TrialRecord, NearEndFindings]]) -> list[_Drop]:
    pairs = [
        (f"call, volume={v:g}", f"media, volume {v:g}", f"communication, volume {v:g}")
        for v in VOLUMES
    ]
    pairs.append(("after a call", "media, volume 1", AFTER))
    return [
        _Drop(name, found[a][1], found[b][1], "aec" in effects_claimed(found[b][0]))
        for name, a, b in pairs
        if a in found and b in found
    ]


PAGE = Page(
    question="Does the loudspeaker get quiet in a call, or stay quiet after a recording?",
    hardware="H0",
    stimulus="3 s of pink noise at half and full volume in media and communication mode, then in "
    "media mode again",
    measured="level at the device's own microphone in media mode less that in a call, and less "
    "that after the calls",
    method="Relative, by the device's own microphone with one preset and the effects off; only "
    "the part coherent with what was played counts. The capture path of a call may have another "
    "gain, and an echo canceller that stays on takes the sound away: when the device says that one "
    "runs, the verdict is marginal at most.",
    drives=("usage", "ios_mode", "playback_gain_db"),
    sources=("expo#19220", "client-sdk-swift#1072", "linphone-android#1637"),
)

TEST = CatalogueTest(TEST_ID, "loudspeaker level per mode", trials, judge, PAGE)
