"""L8: preset sweep. What each input preset delivers."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from profiler.catalogue.inputs import Change, inputs_of, requested
from profiler.catalogue.judging import Ruling, measured, nothing_measured, own, unique
from profiler.catalogue.kinds import (
    CatalogueTest,
    Page,
    PlannedTrial,
    Skip,
    TrialOptions,
    numbered,
)
from profiler.catalogue.trains import preset_train
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    SoundFindings,
    TestResult,
    TrialRecord,
    TrialSetup,
    Verdict,
)

TEST_ID = "L8"
WARMUP_S = 1.0
TAIL_S = 1.2
MID_HZ = (500.0, 2000.0)
"""The level of a preset is the median response of these frequencies."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """One open per preset, and per API where a preset is used with more than one."""
    presets = inputs_of(facts).presets
    if not presets:
        return Skip(Reason.NOT_ON_THIS_PROBE, "only an app on a phone chooses an input preset")
    plain = options.plain(facts, WARMUP_S)
    train = preset_train(options.seed, plain.rate_hz)
    pairs = [(requested(plain, changes), train) for changes in presets]
    setups = [TrialSetup(analysis="sound", note=_note(changes)) for changes in presets]
    return numbered(TEST_ID, pairs, tail_s=TAIL_S, setup=setups)


def _note(changes: Change) -> str:
    """The preset, with its API where that is not the default one."""
    more = [f"{name}={value}" for name, value in changes.items() if name != "input_preset"]
    return ",".join([str(changes["input_preset"]), *more])


def label(record: TrialRecord) -> str:
    """As its measurements are named; recordings of older versions say nothing but the preset."""
    return record.setup.note or record.request.input_preset


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Passes when every preset that opens delivers; a dead one fails."""
    records = own(records, TEST_ID)
    heard = [r for r in records if r.estimate is not None]
    if not heard:
        return nothing_measured(records, "no preset measured").result(run_uuid, TEST_ID, records)
    dead = [r for r in heard if r.estimate and r.estimate.quality.zero_fraction >= 1.0]
    known = measured(heard)
    unclear = [r for r in heard if r not in dead and not any(r is k for k, _ in known)]
    refused = [r for r in records if r.estimate is None]
    numbers = tuple(m for r in heard for m in _numbers(r))
    return Ruling(
        _verdict(len(known), dead, unclear, refused),
        unique(x for r in (*dead, *unclear, *refused) for x in r.reasons),
        _text(known_ms(heard), dead, unclear, refused),
        numbers,
    ).result(run_uuid, TEST_ID, records)


def _verdict(
    known: int,
    dead: Sequence[TrialRecord],
    unclear: Sequence[TrialRecord],
    refused: Sequence[TrialRecord],
) -> Verdict:
    if any(r.verdict is Verdict.ERROR for r in refused):
        return Verdict.ERROR
    if dead:
        return Verdict.FAIL
    if not known:
        return Verdict.NOT_MEASURABLE
    return Verdict.MARGINAL if unclear else Verdict.PASS


def known_ms(heard: Sequence[TrialRecord]) -> dict[str, float]:
    """Round trip of each preset that has one, by its label."""
    return {
        label(r): e.round_trip_latency_ms
        for r, e in measured(heard)
        if e.round_trip_latency_ms is not None
    }


def _numbers(record: TrialRecord) -> list[Measurement]:
    estimate, sound = record.estimate, record.findings
    preset = f"[preset={label(record)}]"
    found: list[Measurement] = []
    if estimate is not None and estimate.round_trip_latency_ms is not None:
        sigma_ms = (estimate.uncertainty_us or 0.0) / 1000
        found.append(Measurement(f"rtl_ms{preset}", estimate.round_trip_latency_ms, "ms", sigma_ms))
    if isinstance(sound, SoundFindings):
        level_db = _level_db(sound)
        for name, value, unit in (
            ("gain_db", level_db, "dB"),
            ("edge_lo_hz", sound.edge_lo_hz, "Hz"),
            ("edge_hi_hz", sound.edge_hi_hz, "Hz"),
            ("noise_dbfs", sound.noise_dbfs, "dBFS"),
        ):
            if value is not None:
                found.append(Measurement(f"{name}{preset}", value, unit))
    if estimate is not None:
        zeros_ms = estimate.quality.zero_run_ms
        found.append(Measurement(f"zero_run_ms{preset}", zeros_ms, "ms"))
    return found


def _level_db(sound: SoundFindings) -> float | None:
    inside = [
        level
        for centre, level in zip(sound.bands_hz, sound.response_db, strict=True)
        if MID_HZ[0] <= centre <= MID_HZ[1]
    ]
    return statistics.median(inside) if inside else None


def _text(
    latency_ms: dict[str, float],
    dead: Sequence[TrialRecord],
    unclear: Sequence[TrialRecord],
    refused: Sequence[TrialRecord],
) -> str:
    parts = []
    if latency_ms:
        fast, slow = min(latency_ms, key=latency_ms.__getitem__), max(
            latency_ms, key=latency_ms.__getitem__
        )  # fmt: skip
        parts.append(
            f"{len(latency_ms)} presets deliver, {latency_ms[fast]:.1f} ms ({fast}) to "
            f"{latency_ms[slow]:.1f} ms ({slow})"
        )
    for what, records in (
        ("digital silence with", dead),
        ("no round trip with", unclear),
        ("refused:", refused),
    ):
        if records:
            names = (label(r).replace(",", " with ").replace("=", " ") for r in records)
            parts.append(f"{what} {', '.join(names)}")
    return "; ".join(parts)


PAGE = Page(
    question="Which input preset delivers, how fast, how loud and in which band?",
    hardware="H0",
    stimulus="four sweeps of 0.6 s with silence before and behind, per preset",
    measured="round trip, level of the response between 500 Hz and 2 kHz, band edges, noise floor, "
    "per preset",
    method="One open per preset in the plain mode, effects as asked in the plain path. On an "
    "iPhone a preset is the mode of the AVAudioSession: `generic` is *default*, `unprocessed` is "
    "*measurement*, `voice_communication` is *voiceChat*, `video_chat` is *videoChat*; the last "
    "two are opened through voice-processing I/O, too, which is bypassed then. The verdict "
    "says only whether every preset that opens delivers; the numbers are for choosing one.",
    drives=("input_preset",),
    sources=("ndk-samples#154", "oboe#1110", "oboe#2090"),
)

TEST = CatalogueTest(TEST_ID, "input presets", trials, judge, PAGE)
