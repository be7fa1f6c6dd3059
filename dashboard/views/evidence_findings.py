"""What the analyses beside the latency stored of one recording, as pictures and sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from dashboard import look, text
from dashboard.views.evidence_signal import Sound
from dashboard.views.marks import Picture, picture
from profiler.model import (
    ActionFindings,
    CodecFindings,
    EchoFindings,
    ExchangeFindings,
    Findings,
    GlitchFindings,
    NearEndFindings,
    PitchFindings,
    SoundFindings,
    ToneSpec,
)

HEIGHT: Final = 290
MAX_BLOCKS: Final = 6_000
MAX_MARKS: Final = 300
TONE_POINTS: Final = 1_200
TICKS_HZ: Final = [100, 200, 500, 1000, 2000, 5000, 10_000]
TIME: Final = "time on the recording, s"
GLITCH_COLORS: Final = {
    "hole": look.LIMIT, "skip": "#c07f14", "insert": "#9566c9", "repeat": "#d04c7f",
    "noise": look.MUTED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A chart with what it shows; a sentence alone where a chart would say no more."""

    title: str
    note: str
    chart: Picture | None = None


def pictures(findings: Findings, stimulus: object, sound: Sound | None) -> list[Shown]:
    """What fits these findings. ``sound`` is ``None`` without a readable recording."""
    if isinstance(findings, GlitchFindings):
        return [_glitches(findings, stimulus, sound)]
    return [_PICTURES[type(findings)](findings)]


# -- glitches -----------------------------------------------------------------------------------


def tone_level(sound: Sound, freq_hz: float, points: int = TONE_POINTS) -> pd.DataFrame:
    """Level of a tone over time in dBFS: each block's part at ``freq_hz``; columns t, level."""
    size = max(round(0.005 * sound.rate_hz), sound.samples.size // points, 8)
    blocks = sound.samples.size // size
    if not blocks or not 0 < freq_hz < sound.rate_hz / 2:
        return pd.DataFrame({"t": [], "level": []})
    x = sound.samples[: blocks * size].reshape(blocks, size).astype(np.float64)
    turn = np.exp(-2j * np.pi * freq_hz / sound.rate_hz * np.arange(size))
    amplitude = 2.0 * np.abs(x @ turn) / size
    level = 20.0 * np.log10(np.maximum(amplitude, 1e-6))
    return pd.DataFrame({"t": (np.arange(blocks) + 0.5) * size / sound.rate_hz, "level": level})


def _glitches(f: GlitchFindings, stimulus: object, sound: Sound | None) -> Shown:
    real = [g for g in f.glitches if g.glitch != "noise"]
    counted = "no stretch of the tone was long enough to count glitches in"
    if f.analysed_s > 0:
        counted = (
            f"{text.plural(len(real), 'glitch', 'glitches')} in {look.number(f.analysed_s)} s of "
            f"tone ({look.number(60.0 * len(real) / f.analysed_s)} a minute)"
        )
    note = (
        f"{counted}; tone at {_db(f.tone_dbfs, 'dBFS')}, {_db(f.tone_snr_db, 'dB')} above "
        "everything else"
    )
    title = "Level of the tone, glitches marked"
    layers: list[Any] = []
    freq_hz = stimulus.freq_hz * (f.pitch_ratio or 1.0) if isinstance(stimulus, ToneSpec) else 0.0
    level = tone_level(sound, freq_hz) if sound is not None else pd.DataFrame({"t": []})
    if len(level):
        layers.append(
            alt.Chart(level).mark_line(color=look.MAIN, strokeWidth=1).encode(
                alt.X("t:Q", title=TIME), alt.Y("level:Q", title="tone, dBFS")
            )
        )  # fmt: skip
    if f.glitches:
        layers.insert(0, _glitch_marks(f))
    return Shown(title, note, picture(layers, height=HEIGHT) if layers else None)


def _glitch_marks(f: GlitchFindings) -> Any:
    rows = [
        {"t": g.time_s, "what": g.glitch if g.glitch in GLITCH_COLORS else "other",
         "ms": g.duration_ms, "shift": g.shift_frames}
        for g in f.glitches[:MAX_MARKS]
    ]  # fmt: skip
    names = [*GLITCH_COLORS, "other"]
    scale = alt.Scale(domain=names, range=[*GLITCH_COLORS.values(), "#8a7a2e"])
    return (
        alt.Chart(pd.DataFrame(rows))
        .mark_rule(strokeWidth=1.5, opacity=0.8)
        .encode(
            alt.X("t:Q", title=TIME),
            alt.Color("what:N", scale=scale, title=None),
            tooltip=[alt.Tooltip("what:N"), alt.Tooltip("t:Q", title="at, s", format=".3f"),
                     alt.Tooltip("ms:Q", title="long, ms", format=".1f"),
                     alt.Tooltip("shift:Q", title="shift, frames", format=".1f")],
        )
    )  # fmt: skip


# -- echo and near end --------------------------------------------------------------------------

_ECHO_LINES: Final = {
    "everything": ("total_dbfs", look.MUTED), "echo at most (95 %)": ("echo_bound_dbfs", "#c07f14"),
    "echo": ("echo_dbfs", "#cf6a2c"),
}  # fmt: skip
"""The last one lies on top."""


def _echo(f: EchoFindings) -> Shown:
    blocks = min(len(f.total_dbfs), MAX_BLOCKS)
    time_s = [i * f.block_s for i in range(blocks)]
    rows = [
        {"t": t, "level": value, "what": name}
        for name, (field, _) in _ECHO_LINES.items()
        for t, value in zip(time_s, getattr(f, field), strict=False)
    ]
    # Digital silence lies at -200 dBFS: the axis ends a little below the noise instead.
    floor = max(-110.0, (f.noise_dbfs if f.noise_dbfs is not None else -80.0) - 20.0)
    y = alt.Scale(domainMin=floor, clamp=True)
    scale = alt.Scale(domain=[*_ECHO_LINES], range=[c for _, c in _ECHO_LINES.values()])
    lines = alt.Chart(pd.DataFrame(rows, columns=["t", "level", "what"])).mark_line(
        strokeWidth=1.4, interpolate="step-after", invalid="break-paths-show-path-domains"
    )  # fmt: skip
    layers: list[Any] = [
        *_spans([(i * f.block_s, (i + 1) * f.block_s) for i, on in enumerate(f.far_active) if on],
                "far end speaks", look.MAIN, 0.13),
        *_spans([(v.begin_s, v.end_s) for v in f.voice[:MAX_MARKS]], "taken for speech",
                look.LIMIT, 0.25),
        lines.encode(
            alt.X("t:Q", title=TIME), alt.Y("level:Q", title="dBFS, 200 Hz to 3.8 kHz", scale=y),
            alt.Color("what:N", scale=scale, title=None),
        ),
    ]  # fmt: skip
    if f.settled_s > 0:
        layers.append(_upright(f.settled_s))
    heard = f"echo at {_db(f.echo_level_dbfs, 'dBFS')}"
    if f.echo_level_dbfs is None:
        heard = f"no echo heard, at most {_db(f.echo_level_bound_dbfs, 'dBFS')}"
    note = (
        f"After {look.number(f.settled_s)} s: {heard} (95 % {_db(f.echo_level_low_dbfs, 'dBFS')} "
        f"to {_db(f.echo_level_bound_dbfs, 'dBFS')}), noise {_db(f.noise_dbfs, 'dBFS')}; "
        f"{text.plural(len(f.voice), 'stretch', 'stretches')} taken for speech, margin "
        f"{_db(f.voice_margin_db, 'dB')}; shaded blue = the far end speaks, red = the voice "
        "detector answers, dashed = from here it counts"
    )
    return Shown("Echo block by block", note, picture(layers, height=HEIGHT))


def _near_end(f: NearEndFindings) -> Shown:
    rows = [{"t": i * f.block_s, "gain": gain} for i, gain in enumerate(f.gain_db[:MAX_BLOCKS])]
    chart = (
        alt.Chart(pd.DataFrame(rows, columns=["t", "gain"]))
        .mark_line(color=look.MAIN, strokeWidth=1.4, interpolate="step-after")
        .encode(alt.X("t:Q", title=TIME), alt.Y("gain:Q", title="speech kept, dB re played"))
    )
    lost = "–" if f.lost_fraction is None else f"{100 * f.lost_fraction:.0f} %"
    note = (
        f"Speech at {_pm(f.speech_gain_db, f.speech_gain_sigma_db, 'dB')} of what was played "
        f"(1 σ), {_db(f.speech_dbfs, 'dBFS')} over noise of {_db(f.noise_dbfs, 'dBFS')}; {lost} of "
        f"the active blocks lost more than 15 dB, a sentence's start lost "
        f"{look.ms(f.onset_lost_ms)}"
    )
    drawn = picture([chart], height=HEIGHT) if rows else None
    return Shown("What became of the near-end voice", note, drawn)


# -- response, pitch, exchange, actions, codec ---------------------------------------------------


def _response(f: SoundFindings) -> Shown:
    count = min(len(f.bands_hz), len(f.response_db))
    # The gain's own uncertainty: noise at s dB below the tone moves it by about 8.7 / 10^(s/20) dB.
    rows = [
        {"hz": f.bands_hz[i], "db": f.response_db[i], "half": _half(f.response_snr_db, i)}
        for i in range(count)
    ]
    frame = pd.DataFrame(rows, columns=["hz", "db", "half"])
    frame["low"], frame["high"] = frame["db"] - frame["half"], frame["db"] + frame["half"]
    x = alt.X("hz:Q", title="frequency, Hz", scale=alt.Scale(type="log", nice=False),
              axis=alt.Axis(values=TICKS_HZ, format="~s"))  # fmt: skip
    y = alt.Scale(zero=False)
    base = alt.Chart(frame)
    layers = [
        base.mark_area(color=look.MAIN, opacity=0.2).encode(
            x, alt.Y("low:Q", scale=y, title="gain, dB"), alt.Y2("high:Q")
        ),
        base.mark_line(color=look.MAIN, point=True).encode(
            x, alt.Y("db:Q", scale=y, title="gain, digital out to digital in, dB")
        ),
    ]
    thd = f"{look.number(f.thd_percent)} %"
    if f.thd_percent is None:
        bound = f.thd_bound_percent
        thd = "not told apart" if bound is None else f"at most {look.number(bound)} %"
    note = (
        f"{_hz(f.edge_lo_hz)} to {_hz(f.edge_hi_hz)} within 10 dB; harmonic distortion {thd}; "
        f"noise {_db(f.noise_dbfs, 'dBFS')}; shaded = ±1 σ that the noise makes"
    )
    return Shown("Frequency response", note, picture(layers, height=HEIGHT) if count else None)


def _half(snr_db: Sequence[float], i: int) -> float:
    return min(8.7 / 10 ** (snr_db[i] / 20), 12.0) if i < len(snr_db) else 0.0


def _pitch(f: PitchFindings) -> Shown:
    if f.pitch_ratio is None:
        return Shown("Pitch", "The train was not found at any rate.")
    cents = 1200 * math.log2(f.pitch_ratio) if f.pitch_ratio > 0 else 0.0
    sigma = "" if f.pitch_sigma is None else f" ± {f.pitch_sigma:.2g}"
    return Shown(
        "Pitch",
        f"Heard at {f.pitch_ratio:.6f}{sigma} of the frequency that was played "
        f"({cents:+.2f} cent): a ratio far from 1 is a wrong sample rate in the path.",
    )


def _exchange(f: ExchangeFindings) -> Shown:
    frame = pd.DataFrame({"n": range(1, len(f.per_exchange_ms) + 1), "ms": f.per_exchange_ms})
    layers: list[Any] = []
    at = f.round_trip_latency_ms
    if at is not None:
        half = 1.96 * (f.uncertainty_us or 0.0) / 1000.0
        band = pd.DataFrame([{"low": at - half, "high": at + half, "ms": at}])
        layers += [
            alt.Chart(band).mark_rect(color="#cf6a2c", opacity=0.2).encode(
                alt.Y("low:Q", title="round trip, ms", scale=alt.Scale(zero=False)),
                alt.Y2("high:Q"),
            ),
            alt.Chart(band).mark_rule(color="#cf6a2c", strokeDash=[5, 4]).encode(y="ms:Q"),
        ]  # fmt: skip
    if len(frame):
        layers.append(
            alt.Chart(frame).mark_circle(size=60, color=look.MAIN, opacity=1).encode(
                alt.X("n:O", title="exchange", axis=alt.Axis(labelAngle=0)),
                alt.Y("ms:Q", title="round trip, ms", scale=alt.Scale(zero=False)),
            )
        )  # fmt: skip
    note = (
        f"{f.trains_a} own trains heard by the partner, {f.trains_b} of the partner's heard here, "
        f"{f.trains_clashing} left out because they met; clocks differ by "
        f"{look.number(f.skew_ppm)} ppm; own train {_db(f.self_echo_db, 'dB')} against the "
        f"partner's (at most {_db(f.self_echo_bound_db, 'dB')}); confidence {f.confidence:.2f}"
    )
    title = f"Round trip by exchange: {look.with_uncertainty(at, f.uncertainty_us)}"
    return Shown(title, note, picture(layers, height=HEIGHT) if layers else None)


def _actions(f: ActionFindings) -> Shown:
    rows = [
        {"from": s.begin_s, "to": s.end_s, "ms": s.latency_ms,
         "low": _minus(s.latency_ms, s.uncertainty_us),
         "high": _minus(s.latency_ms, s.uncertainty_us, -1)}
        for s in f.segments[:MAX_MARKS]
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["from", "to", "ms", "low", "high"])
    known = frame.dropna(subset=["ms"])
    base = alt.Chart(known)
    y = alt.Scale(zero=False)
    layers: list[Any] = []
    if len(known):
        layers += [
            base.mark_rect(color=look.MAIN, opacity=0.25).encode(
                alt.X("from:Q", title=TIME), alt.X2("to:Q"),
                alt.Y("low:Q", title="round trip, ms", scale=y), alt.Y2("high:Q"),
            ),
            base.mark_rule(color=look.MAIN, strokeWidth=3).encode(
                alt.X("from:Q", title=TIME), alt.X2("to:Q"),
                alt.Y("ms:Q", title="round trip, ms", scale=y),
            ),
        ]  # fmt: skip
    gaps = [
        f"{text.plain(g.action, 24)} {text.plain(g.value, 24)}".strip()
        + f" at {look.number(g.at_s)} s: {_gap(g.gap_low_s, g.gap_high_s)}"
        for g in f.gaps[:8]
    ]
    return Shown("Sound between the actions", "; ".join(gaps) or "no action",
                   picture(layers, height=HEIGHT) if layers else None)  # fmt: skip


def _gap(low_s: float | None, high_s: float | None) -> str:
    if high_s is None:
        return "the sound was not heard again"
    return f"away for {look.number(low_s, 2)} to {look.number(high_s, 2)} s"


def _codec(f: CodecFindings) -> Shown:
    parts = []
    for name, cost in (("encoding", f.cost.encode_ms), ("decoding", f.cost.decode_ms)):
        if cost is not None:
            parts.append(
                f"{name} a frame: {cost.p50:.2f} ms in the middle, {cost.p95:.2f} ms (95 %), "
                f"{cost.max:.2f} ms at most"
            )
    return Shown("Cost of the speech coder (no recording)", "; ".join(parts) or "no coder")


_PICTURES: Final[Mapping[type, Callable[[Any], Shown]]] = {
    EchoFindings: _echo,
    NearEndFindings: _near_end,
    SoundFindings: _response,
    PitchFindings: _pitch,
    ExchangeFindings: _exchange,
    ActionFindings: _actions,
    CodecFindings: _codec,
}

# -- parts --------------------------------------------------------------------------------------


def _spans(
    spans: Sequence[tuple[float, float]], what: str, color: str, opacity: float
) -> list[Any]:
    merged: list[list[float]] = []
    for begin, end in spans:
        if merged and begin <= merged[-1][1] + 1e-6:
            merged[-1][1] = end
        else:
            merged.append([begin, end])
    if not merged:
        return []
    frame = pd.DataFrame([{"from": b, "to": e, "what": what} for b, e in merged[:MAX_MARKS]])
    return [
        alt.Chart(frame).mark_rect(color=color, opacity=opacity).encode(
            alt.X("from:Q", title=TIME), alt.X2("to:Q"), tooltip="what:N"
        )
    ]  # fmt: skip


def _upright(at_s: float) -> Any:
    rule = alt.Chart(pd.DataFrame([{"t": at_s}])).mark_rule(strokeDash=[4, 4], color=look.MUTED)
    return rule.encode(alt.X("t:Q", title=TIME))


def _db(value: float | None, unit: str) -> str:
    return look.number(value, 1, unit)


def _hz(value: float | None) -> str:
    return "hidden by noise" if value is None else look.number(value, 0, "Hz")


def _pm(value: float | None, sigma: float | None, unit: str) -> str:
    if value is None:
        return "an unknown level"
    return f"{look.number(value)} ± {look.number(sigma, 1, unit)}"


def _minus(value: float | None, sigma_us: float | None, sign: int = 1) -> float | None:
    return None if value is None else value - sign * 1.96 * (sigma_us or 0.0) / 1000.0
