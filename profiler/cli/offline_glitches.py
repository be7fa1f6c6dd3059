"""``chirpbench analyze --glitches``: glitches of recordings of a tone, one object a file."""

from __future__ import annotations

import os
import sys
import traceback
from argparse import Namespace
from pathlib import Path

from profiler import __version__
from profiler.analysis.glitches import find_glitches
from profiler.catalogue.limits import rate_bounds
from profiler.cli.jsonlines import dumps, open_output
from profiler.cli.tables import show, table
from profiler.cli.text import clean, number
from profiler.errors import InputError
from profiler.model import Glitch, GlitchFindings, Reason, ToneSpec, Verdict
from profiler.stimulus import tone
from profiler.wav import Audio, read_audio

SHOWN = 6
"""Glitches listed in a row of the table; ``--json`` has them all."""

_Outcome = tuple[str, GlitchFindings | None, str, bool]
"""File, findings, why there are none, whether the file is at fault."""


def analyze_glitches(args: Namespace) -> int:
    """Count, print or write; 0 whatever the verdict, 2 when a file cannot be read.

    Raises :class:`~profiler.errors.InputError` for words that do not belong together.
    """
    others = (args.recordings, args.stimulus, args.echo, args.exchange, args.plan)
    if any(others) or args.glitches is None or args.tone_hz is None:
        raise InputError(
            "--glitches takes recordings and the tone's frequency",
            hint="give --glitches REC.wav --tone-hz F",
        )
    outcomes = [_outcome(file, args.tone_hz, args.channel) for file in args.glitches]
    for _, _, problem, _ in outcomes:
        if problem:
            print(f"chirpbench analyze: {clean(problem)}", file=sys.stderr)
    if args.json:
        with open_output(args.json) as out:
            for outcome in outcomes:
                out.write(dumps(glitch_fields(*outcome)) + "\n")
    elif any(found for _, found, _, _ in outcomes):
        _show(outcomes)
    if any(unreadable for _, _, _, unreadable in outcomes):
        return 2
    return 1 if any(problem for _, _, problem, _ in outcomes) else 0


def glitch_fields(
    file: str, f: GlitchFindings | None, problem: str = "", unreadable: bool = True
) -> dict[str, object]:
    """The documented JSON object (docs/glitches.md); what was not measured is null."""
    valid = f is not None and f.verdict is not Verdict.NOT_MEASURABLE
    counted = [g for g in f.glitches if g.glitch != "noise"] if f and valid else []
    noises = [g for g in f.glitches if g.glitch == "noise"] if f and valid else []
    rate = rate_bounds(len(counted), f.analysed_s / 60) if f and valid else None
    reason = Reason.UNREADABLE if unreadable else Reason.INTERNAL_ERROR
    return {
        "file": file,
        "valid": valid,
        "verdict": f.verdict if f else Verdict.ERROR,
        "reasons": f.reasons if f else (reason,),
        "glitches": [_fields(g) for g in counted],
        "glitch_count": len(counted) if valid else None,
        "glitches_per_min": rate.value if rate else None,
        "glitches_per_min_lb95": rate.low if rate else None,
        "glitches_per_min_ub95": rate.high if rate else None,
        "noises": [_fields(g) for g in noises],
        "analysed_s": f.analysed_s if f else None,
        "pitch_ratio": f.pitch_ratio if f else None,
        "tone_dbfs": f.tone_dbfs if f else None,
        "tone_snr_db": f.tone_snr_db if f else None,
        "phase_jitter_rad": f.phase_jitter_rad if f else None,
        "clipped_fraction": f.quality.clipped_fraction if f else None,
        "duration_s": f.quality.duration_s if f else None,
        "analysis_version": f.analysis_version if f else None,
        "tool_version": __version__,
        "error": problem or None,
    }


def _fields(glitch: Glitch) -> dict[str, object]:
    return {
        "time_s": glitch.time_s,
        "duration_ms": glitch.duration_ms,
        "kind": glitch.glitch,
        "shift_frames": glitch.shift_frames,
    }


def _outcome(file: str, tone_hz: float, channel: int | None) -> _Outcome:
    """Never raises, so that one file cannot end a batch."""
    try:
        audio = read_audio(Path(file))
        return file, _measured(audio, tone_hz, channel, file), "", False
    except InputError as exc:
        return file, None, str(exc), True
    except Exception as exc:  # noqa: BLE001 - one odd recording must not lose the whole batch
        if os.environ.get("CHIRPBENCH_DEBUG") == "1":
            traceback.print_exc()
        return file, None, f"{file}: {type(exc).__name__}: {exc}", False


def _measured(audio: Audio, tone_hz: float, channel: int | None, file: str) -> GlitchFindings:
    if channel is not None and not 1 <= channel <= audio.channels:
        raise InputError(
            f"no channel {channel}", file=file, hint=f"use --channel 1 to {audio.channels}"
        )
    return find_glitches(audio, _spec(tone_hz), channel=(channel or 1) - 1, whole=False)


def _spec(tone_hz: float) -> ToneSpec:
    """Only the frequency counts: how long it was played, the file does not say."""
    return tone(192_000, 1.0, freq_hz=tone_hz)


def _show(outcomes: list[_Outcome]) -> None:
    columns = (
        "file", ">glitches", ">a minute", ">analysed s", ">pitch", ">SNR dB", "verdict", "reasons",
        "where",
    )  # fmt: skip
    show(table("", columns, [_row(file, f) for file, f, _, _ in outcomes if f]))


def _row(file: str, f: GlitchFindings) -> tuple[object, ...]:
    fields = glitch_fields(file, f)
    counted = [g for g in f.glitches if g.glitch != "noise"]
    low, high = fields["glitches_per_min_lb95"], fields["glitches_per_min_ub95"]
    where = "; ".join(
        f"{g.glitch} {g.duration_ms:.1f} ms at {g.time_s:.3f} s" for g in counted[:SHOWN]
    )
    return (
        file,
        "–" if fields["glitch_count"] is None else fields["glitch_count"],
        "–" if low is None else f"{low:.1f} … {high:.1f}",
        number(f.analysed_s, 1),
        number(f.pitch_ratio, 5),
        number(f.tone_snr_db, 1),
        f.verdict,
        ", ".join(f.reasons),
        where + (" …" if len(counted) > SHOWN else ""),
    )
