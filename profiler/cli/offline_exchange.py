"""``chirpbench analyze --exchange``: two hand-made recordings of a plan, one object out."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from profiler import __version__
from profiler.analysis.exchange import EXCHANGE_VERSION, measure_exchange
from profiler.cli.jsonlines import dumps, open_output
from profiler.cli.tables import show, table
from profiler.cli.text import clean, latency, number
from profiler.errors import InputError
from profiler.model import ExchangeFindings, Reason, Verdict
from profiler.stimulus import ExchangePlan, read_plan
from profiler.wav import Audio, mono_audio, read_audio


def analyze_exchange(args: Namespace) -> int:
    """Measure, print or write; 0 whatever the verdict, 2 when a recording cannot be read."""
    if (
        args.recordings
        or args.stimulus is not None
        or args.echo
        or args.glitches
        or None in (args.plan, args.exchange)
    ):
        raise InputError(
            "--exchange takes two recordings and their plan",
            hint="give --exchange A_REC.wav B_REC.wav --plan plan.json",
        )
    plan = read_plan(Path(args.plan))
    findings, problem = None, ""
    try:
        a, b = (_recording(file, args.channel) for file in args.exchange)
        findings = measure_exchange(a, b, plan.schedule, plan.geometry)
    except InputError as exc:
        problem = str(exc)
        print(f"chirpbench analyze: {clean(problem)}", file=sys.stderr)
    fields = exchange_fields(args.exchange, plan, findings, problem)
    if args.json:
        with open_output(args.json) as out:
            out.write(dumps(fields) + "\n")
    elif findings is not None:
        _show(args.exchange, findings)
    return 2 if problem else 0


def exchange_fields(
    files: list[str], plan: ExchangePlan, f: ExchangeFindings | None, problem: str = ""
) -> dict[str, object]:
    """The documented JSON object (docs/exchange.md); what was not measured is null."""
    quality = None if f is None else f.quality
    partner = None if f is None else f.partner_quality
    return {
        "file_a": files[0],
        "file_b": files[1],
        "valid": f is not None and f.round_trip_latency_ms is not None,
        "verdict": f.verdict if f else Verdict.ERROR,
        "reasons": f.reasons if f else (Reason.UNREADABLE,),
        "round_trip_latency_ms": f.round_trip_latency_ms if f else None,
        "uncertainty_us": f.uncertainty_us if f else None,
        "confidence": f.confidence if f else None,
        "skew_ppm": f.skew_ppm if f else None,
        "own_drift_ppm": f.own_drift_ppm if f else None,
        "self_echo_db": f.self_echo_db if f else None,
        "self_echo_bound_db": f.self_echo_bound_db if f else None,
        "own_round_trip_ms": f.own_round_trip_ms if f else None,
        "trains_a": f.trains_a if f else None,
        "trains_b": f.trains_b if f else None,
        "trains_clashing": f.trains_clashing if f else None,
        "per_exchange_ms": f.per_exchange_ms if f else (),
        "distance_m": plan.geometry.distance_m,
        "partner_distance_m": plan.geometry.partner_distance_m,
        "clipped_fraction_a": quality.clipped_fraction if quality else None,
        "clipped_fraction_b": partner.clipped_fraction if partner else None,
        "duration_a_s": quality.duration_s if quality else None,
        "duration_b_s": partner.duration_s if partner else None,
        "seed": plan.seed,
        "stimulus_id_a": plan.schedule.train_a.stimulus_id,
        "stimulus_id_b": plan.schedule.train_b.stimulus_id,
        "tool_version": __version__,
        "plan_version": plan.tool_version,
        "analysis_version": f.analysis_version if f else EXCHANGE_VERSION,
        "error": problem or None,
    }


def _show(files: list[str], f: ExchangeFindings) -> None:
    columns = (
        "A", "B", ">latency ms", ">confidence", ">skew ppm", ">self echo dB", ">trains", "verdict",
        "reasons",
    )  # fmt: skip
    echo = number(f.self_echo_db, 1)
    if f.self_echo_db is None and f.self_echo_bound_db is not None:
        echo = f"< {f.self_echo_bound_db:.1f}"
    show(table("", columns, [(
        files[0], files[1], latency(f.round_trip_latency_ms, f.uncertainty_us),
        number(f.confidence), number(f.skew_ppm, 1), echo, f"{f.trains_a}+{f.trains_b}", f.verdict,
        ", ".join(f.reasons),
    )]))  # fmt: skip


def _recording(file: str, channel: int | None) -> Audio:
    audio = read_audio(Path(file))
    if channel is None:
        return audio
    if not 1 <= channel <= audio.channels:
        raise InputError(
            f"no channel {channel}", file=file, hint=f"use --channel 1 to {audio.channels}"
        )
    return mono_audio(audio.samples[:, channel - 1], audio.rate_hz)
