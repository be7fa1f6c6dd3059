"""A trial in words and small tables: verdict, requested / granted / reported / measured, past
analyses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from dashboard import look, text
from dashboard.views.names import MARK, Which
from dashboard.views.paths import path_short
from db.codec import dump_json, encode
from db.points import TrialLine
from profiler.model import (
    EffectReport,
    EffectState,
    Estimate,
    GrantedStream,
    ProbeReport,
    TestResult,
    TrialRecord,
    TrialRequest,
    Verdict,
)
from profiler.summary.reason_words import in_words

ANALYSIS_WORDS: Final = {
    "latency": "round trip by chirps",
    "burst": "round trip by short bursts",
    "glitches": "glitches in a steady tone",
    "echo": "echo of a far end",
    "near_end": "known speech at the microphone",
    "sound": "response by a long sweep",
    "pitch": "pitch of a chirp train",
    "exchange": "exchange with a partner",
    "actions": "sound between actions on the device",
    "codec": "cost of the speech coder",
}
TRIAL_COLUMNS: Final = (
    "recording", "test", "model", "round trip, ms", "reasons", "path", "rate", "started", "attempt",
    "file",
)  # fmt: skip


def trials_frame(lines: Iterable[TrialLine], names: Mapping[Which, str]) -> pd.DataFrame:
    """A row a trial, in the order given; ``names`` by model key, from
    :func:`dashboard.views.names.names_of`."""
    return pd.DataFrame([_trial_row(line, names) for line in lines], columns=[*TRIAL_COLUMNS])


def _trial_row(line: TrialLine, names: Mapping[Which, str]) -> dict[str, Any]:
    key = line.key
    plain = line.marketing_name or (f"{key.manufacturer} {key.model}" if key else line.device_uid)
    named = names.get((key, line.is_virtual)) if key else None
    return {
        "recording": look.trial_words(line.verdict),
        "test": text.plain(f"{line.test_id} #{line.position + 1}", 20),
        "model": named or text.plain(plain, 40) + MARK * line.is_virtual,
        "round trip, ms": line.latency_ms,
        "reasons": ", ".join(text.plain(r, 30) for r in line.reasons[:6]),
        "path": path_short(line.path),
        "rate": look.rate(line.rate_hz),
        "started": line.started_at,
        "attempt": line.attempt,
        "file": "kept" if line.has_recording else "–",
    }


# -- the verdict --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Why:
    """One reason of the verdict."""

    code: str
    words: str
    """Empty for a reason that this version does not know."""


def reasons(trial: TrialRecord) -> list[Why]:
    """Every reason in plain words, in the order in which the analysis gave them."""
    return [
        Why(text.plain(r, 40), text.no_paths(in_words(r))) for r in dict.fromkeys(trial.reasons)
    ]


_WORTH: Final = {
    Verdict.PASS: "Valid {}",
    Verdict.MARGINAL: "Valid {}, with a warning",
    Verdict.FAIL: "Rejected {}",
}


def worth(trial: TrialRecord) -> str:
    """What the trial's verdict says, which is never of the phone: ``✓ Valid recording``."""
    what = "measurement" if trial.recording is None else "recording"
    words = _WORTH.get(trial.verdict, look.TRIAL_WORDS[trial.verdict].capitalize()).format(what)
    return f"{look.TRIAL_SIGNS[trial.verdict]} {words}"


def of_the_phone(trial: TrialRecord, results: Sequence[TestResult]) -> str:
    """What the trial's test says of the phone, as HTML. ``results`` are those of its run."""
    test = text.html(trial.test_id, 12)
    found = [r for r in results if r.test_id == trial.test_id]
    if not found:
        return f"Test {test} of this run has not said yet what that means for the phone."
    result = found[-1]
    mark = (
        f'<b style="color:{look.VERDICT_COLORS[result.verdict]}">'
        f"{look.verdict_words(result.verdict)}</b>"
    )
    said = f" – {text.html(result.text, 300)}" if result.text else ""
    trials = text.plural(len(result.trial_uuids), "trial")
    return f"The phone, by test {test} of this run ({trials}): {mark}{said}"


def headline(trial: TrialRecord) -> str:
    """What was measured, in one line."""
    estimate, findings = trial.estimate, trial.findings
    if estimate is not None and estimate.valid:
        shown = look.with_uncertainty(estimate.round_trip_latency_ms, estimate.uncertainty_us)
        return f"round trip {shown} (1 σ), confidence {estimate.confidence:.2f}"
    latency = getattr(findings, "round_trip_latency_ms", None)
    if latency is not None:
        sigma_us = getattr(findings, "uncertainty_us", None)
        return f"round trip {look.with_uncertainty(latency, sigma_us)} (1 σ) by the exchange"
    if findings is None:
        return "no number"
    what = ANALYSIS_WORDS.get(trial.setup.analysis, "findings of an analysis")
    measured = trial.verdict in (Verdict.PASS, Verdict.MARGINAL)
    return what if measured else f"no number ({what})"


def numbers_frame(estimate: Estimate) -> pd.DataFrame:
    """The numbers of an estimate with their units and what they mean."""
    e, q = estimate, estimate.quality
    polarity = {1: "as played", -1: "turned over"}.get(e.polarity or 0, "–")
    band = "–" if e.band_hz is None else f"{e.band_hz[0]:,.0f} … {e.band_hz[1]:,.0f} Hz"
    drift = look.number(e.drift_ppm, 3)
    if e.drift_sigma_ppm is not None:
        drift = f"{drift} ± {e.drift_sigma_ppm:.3f} ppm"
    rows = (
        ("round trip at t = 0", look.with_uncertainty(e.round_trip_latency_ms, e.uncertainty_us)),
        ("confidence (right within 1 ms)", f"{e.confidence:.3f}"),
        ("clock drift, input against output", drift),
        ("signal to noise", look.db(e.snr_db)),
        ("chirps found", f"{len(e.per_chirp_ms)}"),
        ("wander about the line, peak to peak", look.number(e.wander_us, 1, "µs")),
        ("dropouts / jumps", f"{len(e.dropouts)} / {len(e.jumps)}"),
        ("band that carried the arrival", band),
        ("polarity", polarity),
        ("peak / RMS", f"{look.number(q.peak_dbfs)} / {look.number(q.rms_dbfs)} dBFS"),
        ("clipped samples", f"{100 * q.clipped_fraction:.3g} %"),
        ("longest run of zeros", look.ms(q.zero_run_ms)),
        ("NaN or Inf", f"{q.non_finite}"),
    )
    return pd.DataFrame(rows, columns=["what", "value"])


# -- requested, granted, reported, measured ------------------------------------------------------


def states_frame(trial: TrialRecord) -> pd.DataFrame:
    """A row a property: what was asked for, what the system gave, what it says of itself, what
    was measured. ``≠`` stands where the system gave something else than was asked for."""
    request, report = trial.request, trial.report
    out = report.output if report else None
    into = report.input if report else None
    observed = report.observed if report else {}
    rows = [_latency_row(trial), *_stream_rows(request, out, into, observed)]
    rows += _effect_rows(request, report)
    if report is not None:
        rows += _said_rows(report)
    frame = pd.DataFrame(rows, columns=["what", "requested", "granted", "reported", "measured"])
    return frame.replace("", "–")


def observed_frame(report: ProbeReport) -> pd.DataFrame:
    """What else the probe saw and said while the trial ran."""
    found = [
        ("probe", _word(report.probe_version)),
        ("heat", _word(report.thermal_status)),
        ("battery", _battery(report)),
        *((text.plain(k, 40), _word(v)) for k, v in list(report.observed.items())[:40]),
        *((f"{text.plain(k, 30)}, ms", f"{v:g}") for k, v in list(report.startup_ms.items())[:12]),
        *(("note", _word(n)) for n in report.notes[:12]),
    ]
    return pd.DataFrame([row for row in found if row[1]], columns=["what", "reported"])


def _battery(p: ProbeReport) -> str:
    percent = look.number(p.battery_percent, 0, "%")
    heat = look.number(p.battery_temperature_c, 1, "°C")
    return " ".join(w for w in (percent, heat) if w != "–")


def _stream_rows(
    r: TrialRequest,
    out: GrantedStream | None,
    into: GrantedStream | None,
    observed: Mapping[str, str],
) -> list[tuple[str, str, str, str, str]]:
    def row(what: str, asked: object, *given: object) -> tuple[str, str, str, str, str]:
        shown = [_word(g) for g in given if g is not None]
        granted = " / ".join(dict.fromkeys(shown))
        wanted = _word(asked)
        differs = bool(granted) and wanted not in ("", "default", granted)
        return what, wanted, f"≠ {granted}" if differs else granted, "", ""

    buffer = r.buffer_frames if r.buffer_frames is not None else r.buffer_bursts
    unit = "frame" if r.buffer_frames is not None else "burst"
    return [
        row("API", r.api, observed.get("api")),
        ("audio mode", _word(r.audio_mode), "", _word(observed.get("audio_mode")), ""),
        row("route, output / input", r.route, out and out.route, into and into.route),
        row("input preset", r.input_preset),
        row("sharing", r.sharing, out and out.sharing, into and into.sharing),
        row("performance mode", r.performance_mode, out and out.performance_mode,
            into and into.performance_mode),
        row("rate, output / input", look.rate(r.rate_hz), out and look.rate(out.rate_hz),
            into and look.rate(into.rate_hz)),
        row("output channels", r.output_channels, out and out.channels),
        row("input channels", r.input_channels, into and into.channels),
        ("output buffer", "system's" if buffer is None else text.plural(buffer, unit), _buffer(out),
         "", ""),
        row("volume", "as found" if r.volume is None else f"{100 * r.volume:.0f} %"),
        row("MMAP", "", out and out.mmap, into and into.mmap),
    ]  # fmt: skip


def _buffer(out: GrantedStream | None) -> str:
    if out is None:
        return ""
    parts = []
    if out.buffer_frames is not None:
        parts.append(text.plural(out.buffer_frames, "frame"))
    if out.frames_per_burst is not None:
        parts.append(f"bursts of {out.frames_per_burst}")
    if out.capacity_frames is not None:
        parts.append(f"room for {out.capacity_frames}")
    return ", ".join(parts)


def _effect_rows(
    r: TrialRequest, report: ProbeReport | None
) -> list[tuple[str, str, str, str, str]]:
    effects = report.effects if report else {}
    rows = []
    for name, asked in (("aec", r.aec), ("ns", r.ns), ("agc", r.agc)):
        said = effects.get(name)
        reported = "" if said is None else _effect(said)
        differs = said is not None and asked in (EffectState.ON, EffectState.OFF)
        mark = "≠ " if differs and said is not None and said.state is not asked else ""
        rows.append((name.upper(), asked.value, "", f"{mark}{reported}", ""))
    return rows


def _effect(said: EffectReport) -> str:
    """``off (by Kestrel)``: whose effect it is says nothing of its state."""
    by = f" (by {text.plain(said.implementor, 48)})" if said.implementor else ""
    return f"{said.state.value}{by}"


def _said_rows(p: ProbeReport) -> list[tuple[str, str, str, str, str]]:
    found = [
        ("xruns, output / input", _pair(p.xruns_output, p.xruns_input)),
        ("latency, output / input", _pair_ms(p)),
        ("microphone silenced", _word(p.input_silenced)),
    ]
    return [(what, "", "", said, "") for what, said in found if said]


def _latency_row(trial: TrialRecord) -> tuple[str, str, str, str, str]:
    reported = trial.report.reported_latency_ms if trial.report else None
    e = trial.estimate
    latency = (
        e.round_trip_latency_ms if e else getattr(trial.findings, "round_trip_latency_ms", None)
    )
    sigma_us = e.uncertainty_us if e else getattr(trial.findings, "uncertainty_us", None)
    return "round trip", "", "", look.ms(reported, 2), look.with_uncertainty(latency, sigma_us)


def _pair(a: float | None, b: float | None) -> str:
    if a is None and b is None:
        return ""
    return " / ".join("–" if v is None else f"{v:g}" for v in (a, b))


def _pair_ms(p: ProbeReport) -> str:
    both = (p.reported_output_latency_ms, p.reported_input_latency_ms)
    if both == (None, None):
        return ""
    return " / ".join(look.number(v, 1) for v in both) + " ms"


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return text.plain(value, 60)


# -- the rest -----------------------------------------------------------------------------------


def superseded_frame(past: Sequence[Estimate | None], present: TrialRecord) -> pd.DataFrame:
    """Former analyses of the recording, the present one last."""
    rows = [_analysis(f"{i + 1}", e) for i, e in enumerate(past)]
    rows.append(_analysis("now", present.estimate))
    columns = ["analysis", "version", "recording", "round trip", "reasons"]
    return pd.DataFrame(rows, columns=columns)


def _analysis(name: str, e: Estimate | None) -> tuple[str, str, str, str, str]:
    if e is None:
        return name, "–", "no latency analysis", "–", ""
    return (
        name,
        text.plain(e.analysis_version, 20) or "–",
        look.trial_words(e.verdict),
        look.with_uncertainty(e.round_trip_latency_ms, e.uncertainty_us),
        ", ".join(text.plain(r, 30) for r in e.reasons),
    )


def trial_json(trial: TrialRecord) -> bytes:
    """The whole trial as the store holds it; texts stay escaped."""
    return dump_json(encode(trial)).encode("ascii", "backslashreplace")
