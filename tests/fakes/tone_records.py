"""Trials of a tone as a judge sees them: what was counted, at which buffer, in which state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import store_records as make

from profiler.model import (
    CaptureQuality,
    ChannelTone,
    Glitch,
    GlitchFindings,
    GrantedStream,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)
from profiler.stimulus import tone

QUALITY = CaptureQuality(10.0, -10.0, -20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
BURST = 192


def found(glitches: int = 0, seconds: float = 9.0, **changes: Any) -> GlitchFindings:
    """So many holes in so many seconds."""
    return replace(
        GlitchFindings(
            verdict=Verdict.MARGINAL if glitches else Verdict.PASS,
            reasons=("glitches",) if glitches else (),
            quality=QUALITY,
            glitches=tuple(
                Glitch(0.2 + seconds * i / max(glitches, 1), 5.0, "hole", 0.0)
                for i in range(glitches)
            ),
            analysed_s=seconds,
            tone_dbfs=-20.0,
            tone_snr_db=40.0,
            pitch_ratio=1.0,
            phase_jitter_rad=0.01,
            channels=(ChannelTone(-20.0, -20.0, 0.0, None),),
            analysis_version="1",
        ),
        **changes,
    )


def lost(reason: str = "low_snr") -> GlitchFindings:
    """Nothing could be counted."""
    return found(
        verdict=Verdict.NOT_MEASURABLE, reasons=(reason,), analysed_s=0.0, tone_snr_db=None,
        pitch_ratio=None, phase_jitter_rad=None,
    )  # fmt: skip


def played(
    test_id: str,
    index: int,
    findings: GlitchFindings | None,
    *,
    bursts: int | None = 2,
    granted: int | None = None,
    state: str = "plain",
    xruns: int | None = 0,
    histogram: tuple[tuple[float, int], ...] = (),
    report: Any = "made",
    **changes: Any,
) -> TrialRecord:
    """One open at ``bursts``; ``granted`` is what the system gave instead."""
    output = GrantedStream(
        rate_hz=48_000, channels=1, frames_per_burst=BURST,
        buffer_frames=None if bursts is None else (granted or bursts) * BURST,
    )  # fmt: skip
    if report == "made":
        report = make.report(output=output, xruns_output=xruns, callback_histogram_ms=histogram)
    values: dict[str, Any] = {
        "test_id": test_id,
        "index": index,
        "request": TrialRequest(buffer_bursts=bursts),
        "stimulus": tone(48_000, 9.2),
        "setup": TrialSetup(analysis="glitches", note=f"{state}, {bursts} bursts"),
        "report": report,
        "estimate": None,
        "findings": findings,
        "verdict": findings.verdict if findings else Verdict.ERROR,
        "reasons": findings.reasons if findings else ("device_lost",),
    }
    return make.trial(f"{test_id}-{index}", **{**values, **changes})
