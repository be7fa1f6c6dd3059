"""V5: frequency response, noise floor and distortion by one long sweep."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions, numbered
from profiler.catalogue.paths import has_modes
from profiler.catalogue.sound.voices import WARMUP_S, call_request
from profiler.catalogue.trains import response_sweep
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    SoundFindings,
    TestResult,
    TrialRecord,
    TrialSetup,
    Verdict,
    worst,
)

TEST_ID = "V5"
TAIL_S = 0.0
"""The sweep brings its own silence."""
EDGE_ERROR = 0.02
"""An edge is known to a forty-eighth of an octave on a curve smoothed over twice as much."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """One sweep in the plain path and one in that of a call."""
    plain = options.plain(facts, WARMUP_S)
    requests = [plain, *([call_request(facts, plain)] if has_modes(facts) else [])]
    sweep = response_sweep(options.seed, plain.rate_hz)
    return numbered(
        TEST_ID,
        [(request, sweep) for request in requests],
        tail_s=TAIL_S,
        setup=TrialSetup(analysis="sound"),
    )


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The upper band edge decides, in the narrower of the two modes."""
    records = own(records, TEST_ID)
    found = [
        (r, r.findings)
        for r in records
        if isinstance(r.findings, SoundFindings) and r.findings.bands_hz
    ]
    if not found:
        return nothing_measured(records, "no response measured").result(run_uuid, TEST_ID, records)
    graded = [_grade(f) for _, f in found]
    missing = [r for r in records if not any(r is k for k, _ in found)]
    if missing:
        graded.append((Verdict.MARGINAL, ()))
    notes = [x for r in records for x in r.reasons]
    return Ruling(
        worst(v for v, _ in graded),
        unique([*(w for _, why in graded for w in why), *notes]),
        "; ".join(_text(r, f) for r, f in found),
        tuple(m for r, f in found for m in _numbers(r, f)),
    ).result(run_uuid, TEST_ID, records)


def _grade(findings: SoundFindings) -> tuple[Verdict, tuple[Reason, ...]]:
    edge = findings.edge_hi_hz
    if edge is None:
        return Verdict.MARGINAL, (Reason.LOW_SNR,)
    bounded = limits.Bounded(edge, edge * (1 - EDGE_ERROR), edge * (1 + EDGE_ERROR))
    return limits.grade(TEST_ID, "edge_hi_hz", bounded)


def _text(record: TrialRecord, findings: SoundFindings) -> str:
    lo, hi = findings.edge_lo_hz, findings.edge_hi_hz
    band = f"{_hz(lo)} to {_hz(hi)}"
    noise = findings.noise_dbfs
    floor = "" if noise is None else f", noise {noise:.0f} dBFS"
    return f"{record.request.audio_mode}: {band}{floor}{_thd(findings)}"


def _hz(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f} Hz"


def _thd(findings: SoundFindings) -> str:
    if findings.thd_percent is not None:
        return f", THD {findings.thd_percent:.2g} %"
    if findings.thd_bound_percent is not None:
        return f", THD below {findings.thd_bound_percent:.2g} %"
    return ""


def _numbers(record: TrialRecord, findings: SoundFindings) -> list[Measurement]:
    mode = record.request.audio_mode
    named = (
        ("edge_lo_hz", findings.edge_lo_hz, "Hz"),
        ("edge_hi_hz", findings.edge_hi_hz, "Hz"),
        ("noise_dbfs", findings.noise_dbfs, "dBFS"),
        ("thd_percent", findings.thd_percent, "%"),
        ("thd_bound_percent", findings.thd_bound_percent, "%"),
    )
    found = [Measurement(f"{n}[mode={mode}]", v, unit) for n, v, unit in named if v is not None]
    bands = zip(findings.bands_hz, findings.response_db, strict=True)
    found += [
        Measurement(f"response_db[mode={mode},hz={hz:g}]", level, "dB") for hz, level in bands
    ]
    return found


PAGE = Page(
    question="Which band does a voice keep, how quiet is the input, how clean is the path?",
    hardware="H0",
    stimulus="1 s of silence, one exponential sweep of 3 s from 20 kHz down to 80 Hz at half of "
    "full scale, 4 s of silence; in media and communication mode",
    measured="third-octave response, the frequencies at which it is 10 dB down, noise floor, total "
    "harmonic distortion of 300 Hz to 3 kHz",
    method="The recording is divided by the sweep. Harmonics fall behind the response, each in a "
    "place of its own (Farina), and are read with the noise and the room's tail taken out; where "
    "nothing rises above those, the number says what distortion cannot exceed. Loudspeaker, air "
    "and microphone are measured together, and gain control that moves during the sweep bends the "
    "response.",
    drives=("codec_bandwidth", "input_preset"),
    sources=("Farina 2000", "ITU-T G.722", "IEC 61260-1"),
)

TEST = CatalogueTest(TEST_ID, "response, noise floor, distortion", trials, judge, PAGE)
