"""``chirpbench analyze --echo``: a canceller from two recordings and the far end, all in files."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from profiler import __version__
from profiler.analysis.echo import measure_echo
from profiler.catalogue.echo.a1 import false_speech
from profiler.catalogue.echo.erle import Convergence, Erle, convergence, erle
from profiler.catalogue.echo.far_end import turns
from profiler.catalogue.limits import grade
from profiler.catalogue.table import LIMITS
from profiler.cli.jsonlines import dumps, open_output
from profiler.errors import InputError
from profiler.model import EchoFindings, Reason, Verdict, worst
from profiler.wav import Audio, read_audio


def analyze_echo(args: Namespace) -> int:
    """Measure, print or write; 0 whatever the verdict. Raises :class:`InputError`."""
    if args.recordings or args.stimulus is None:
        raise InputError(
            "--echo takes two recordings and a far end", hint="give --echo ON.wav OFF.wav "
            "--stimulus S.wav",
        )  # fmt: skip
    on_file, off_file = args.echo
    far = read_audio(Path(args.stimulus))
    channel = (args.channel or 1) - 1
    on = measure_echo(_recording(on_file, channel), far, channel=channel)
    off = measure_echo(_recording(off_file, channel), far, channel=channel)
    fields = echo_fields(on, off)
    fields = {"file_on": on_file, "file_off": off_file, **fields}
    if args.json:
        with open_output(args.json) as out:
            out.write(dumps(fields) + "\n")
    else:
        for line in echo_lines(fields):
            print(line)
    return 0


def echo_fields(on: EchoFindings, off: EchoFindings) -> dict[str, object]:
    """The documented JSON object; what was not measured is null."""
    unusable = [f for f in (on, off) if f.verdict is Verdict.NOT_MEASURABLE]
    found = None if unusable else erle(off, on)
    settled = None if found is None else _convergence(found, on, off)
    verdict, reasons = _verdict(on, off, found)
    return {
        "valid": found is not None,
        "verdict": verdict,
        "reasons": reasons,
        "erle_db": None if found is None else found.value_db,
        "erle_bound_db": None if found is None else found.low_db,
        "convergence_s": None if settled is None else settled.seconds,
        "convergence_hidden": settled is not None and settled.bounded,
        "echo_delay_ms": off.delay_ms if on.delay_ms is None else on.delay_ms,
        "echo_delay_on_ms": on.delay_ms,
        "echo_delay_off_ms": off.delay_ms,
        "residual_dbfs": on.echo_level_dbfs,
        "residual_bound_dbfs": on.echo_level_bound_dbfs,
        "echo_off_dbfs": off.echo_level_dbfs,
        "noise_on_dbfs": on.noise_dbfs,
        "noise_off_dbfs": off.noise_dbfs,
        "settled_s": on.settled_s,
        "voice_triggers": turns(on),
        "voice": [asdict(span) for span in on.voice],
        "voice_margin_db": on.voice_margin_db,
        "clipped_fraction_on": on.quality.clipped_fraction,
        "clipped_fraction_off": off.quality.clipped_fraction,
        "analysis_version": on.analysis_version,
        "tool_version": __version__,
    }


def echo_lines(fields: dict[str, object]) -> Sequence[str]:
    """The same for people."""
    names = ("verdict", "erle_db", "erle_bound_db", "convergence_s", "echo_delay_ms",
             "residual_dbfs", "echo_off_dbfs", "voice_triggers", "voice_margin_db")  # fmt: skip
    lines = [f"{name:16s} {_shown(fields[name])}" for name in names]
    reasons = fields["reasons"]
    if isinstance(reasons, tuple) and reasons:
        lines.append(f"{'reasons':16s} {', '.join(reasons)}")
    return lines


def _recording(file: str, channel: int) -> Audio:
    audio = read_audio(Path(file))
    if not 0 <= channel < audio.channels:
        raise InputError(
            f"no channel {channel + 1}", file=file, hint=f"use --channel 1 to {audio.channels}"
        )
    return audio


def _convergence(found: Erle, on: EchoFindings, off: EchoFindings) -> Convergence | None:
    """None when nothing is removed that could have converged."""
    least_db = LIMITS["A2", "erle_db"].fail_limit
    if found.high_db is not None and found.high_db < least_db:
        return None
    return convergence(off, on)


def _verdict(
    on: EchoFindings, off: EchoFindings, found: Erle | None
) -> tuple[Verdict, tuple[str, ...]]:
    """A1's, on these two recordings."""
    notes = [*on.reasons, *off.reasons]
    if found is None:
        heard = off.verdict is not Verdict.NOT_MEASURABLE
        why = [Reason.LOW_SNR] if heard and off.echo_level_dbfs is None else []
        return Verdict.NOT_MEASURABLE, tuple(dict.fromkeys(str(r) for r in (*why, *notes)))
    level, why_level = grade("A1", "erle_db", found.bounded)
    voice, why_voice = false_speech(on)
    reasons = dict.fromkeys(str(r) for r in (*why_level, *why_voice, *notes))
    return worst((level, voice)), tuple(reasons)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
