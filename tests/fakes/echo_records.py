"""Echo findings and records for tests of the judges: plausible, and every field may be changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import store_records as records

from profiler.model import (
    CaptureQuality,
    EchoFindings,
    EffectReport,
    EffectState,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
    VoiceSpan,
)

BLOCKS, BLOCK_S = 280, 0.1
QUALITY = CaptureQuality(28.0, -20.0, -40.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)


def findings(
    level_dbfs: float | None = -30.0,
    *,
    noise_dbfs: float = -70.0,
    margin_db: float | None = 10.0,
    spans: Sequence[tuple[float, float]] = (),
    converge_s: float = 0.0,
    start_dbfs: float = -30.0,
    delay_ms: float | None = 80.0,
    **changes: Any,
) -> EchoFindings:
    """An echo of ``level_dbfs`` after ``converge_s`` of ``start_dbfs``; ``None`` = not heard."""
    bound = noise_dbfs - 3.0 if level_dbfs is None else level_dbfs + 0.3
    active = tuple(i % 30 < 24 and i >= 3 for i in range(BLOCKS))
    echo = [
        (start_dbfs if (i - 3) * BLOCK_S < converge_s else level_dbfs) if a else None
        for i, a in enumerate(active)
    ]
    values: dict[str, Any] = {
        "verdict": Verdict.PASS if level_dbfs is not None else Verdict.MARGINAL,
        "reasons": () if level_dbfs is not None else ("below_noise",),
        "quality": QUALITY,
        "block_s": BLOCK_S,
        "far_active": active,
        "echo_dbfs": tuple(echo),
        "echo_bound_dbfs": tuple(bound if e is None else e + 0.3 for e in echo),
        "total_dbfs": tuple(noise_dbfs if e is None else _sum(e, noise_dbfs) for e in echo),
        "noise_dbfs": noise_dbfs,
        "delay_ms": delay_ms,
        "settled_s": 5.0,
        "active_s": 18.0,
        "total_level_dbfs": noise_dbfs if level_dbfs is None else _sum(level_dbfs, noise_dbfs),
        "echo_level_dbfs": level_dbfs,
        "echo_level_low_dbfs": None if level_dbfs is None else level_dbfs - 0.3,
        "echo_level_bound_dbfs": bound,
        "coherent_bound_dbfs": bound - 10 if level_dbfs is None else bound,
        "voice": tuple(VoiceSpan(b, e) for b, e in spans),
        "voice_margin_db": margin_db,
        "voice_analysed_s": 23.0,
        "analysis_version": "test",
    }
    return EchoFindings(**{**values, **changes})


def record(
    test_id: str,
    index: int,
    note: str,
    found: EchoFindings | None,
    *,
    aec: EffectState = EffectState.ON,
    said: EffectState | None = None,
    uuid: str = "",
    **request: Any,
) -> TrialRecord:
    """A record of an echo trial; without findings it is one that failed."""
    asked = replace(
        TrialRequest(audio_mode="communication", input_preset="voice_communication", aec=aec),
        **request,
    )
    report = replace(records.report(), effects={"aec": EffectReport(said or aec, uuid, "Test")})
    return records.trial(
        trial_uuid=f"{test_id}-{index}",
        test_id=test_id,
        index=index,
        request=asked,
        report=report,
        estimate=None,
        verdict=found.verdict if found else Verdict.ERROR,
        reasons=found.reasons if found else ("device_timeout",),
        setup=TrialSetup(analysis="echo", note=note),
        findings=found,
    )


def a1_records(
    *levels: tuple[float, EchoFindings | None, EchoFindings | None],
    said: EffectState | None = None,
    uuid: str = "",
    off_said: EffectState | None = None,
    baseline: EchoFindings | None = None,
) -> list[TrialRecord]:
    """A1's records: (volume, with the canceller, without) each, and the raw path."""
    found = []
    for volume, on, off in levels:
        found.append(record("A1", len(found), f"aec on, volume {volume:g}", on, said=said,
                            uuid=uuid, volume=volume))  # fmt: skip
        found.append(record("A1", len(found), f"aec off, volume {volume:g}", off,
                            aec=EffectState.OFF, said=off_said, volume=volume))  # fmt: skip
    if baseline is not None:
        volume = levels[-1][0]
        found.append(record("A1", len(found), f"baseline, volume {volume:g}", baseline,
                            aec=EffectState.OFF, volume=volume, audio_mode="media"))  # fmt: skip
    return found


def refused(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The records, those that failed turned into sessions that the device did not open."""
    return [
        replace(r, verdict=Verdict.NOT_MEASURABLE, reasons=("request_refused",), report=None)
        if r.findings is None
        else r
        for r in records
    ]


def _sum(a_db: float, b_db: float) -> float:
    return 10 * math.log10(10 ** (a_db / 10) + 10 ** (b_db / 10))
