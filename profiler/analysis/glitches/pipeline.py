"""Glitches of one recording of a tone, end to end."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from profiler.analysis.glitches.carrier import find_carrier
from profiler.analysis.glitches.explain import Event, explain
from profiler.analysis.glitches.suspects import (
    Around,
    Span,
    find_fine_steps,
    find_suspects,
    look_around,
)
from profiler.analysis.glitches.tonelevel import Level, channel_tones, level_of
from profiler.analysis.glitches.traces import Trace, find_copies, zero_runs
from profiler.analysis.glitches.track import IMMUNE_S, Track, follow
from profiler.analysis.quality import capture_quality, is_silent
from profiler.errors import InputError
from profiler.model import CaptureQuality, Glitch, GlitchFindings, Reason, ToneSpec, Verdict
from profiler.wav import Audio

ANALYSIS_VERSION = "1"
"""Changes whenever the same recording may give other glitches."""
MERGE_S = 0.05
"""Glitches nearer than this, end to begin, are one."""
EARLY_END_S = 0.5
"""The stream ended when the tone is over by so much too early."""
MIN_AUDIO_S = 0.5
MIN_SHARE = 0.5
"""Less of the tone than this share heard: the rest is unknown, so nothing is claimed."""
MAX_NOISE = 0.10
"""1σ of one hop against the tone above which a hole of a millisecond may drown (measured)."""
STEADY = 1e-3
"""Typical change of the pitch within a recording that no clock makes (measured: tones in noise,
wander and glitches 2.8e-4 at most, voices, music and hum 2.6e-3 at least)."""
PITCH_ERROR = 1e-3
"""No clock is so wrong (L7's fail limit)."""
MAX_CLIPPED = 1e-3
HUGE = 1e6
"""No converter writes this; a broken float recorder may."""

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """The tone found, with everything that happened to it."""

    track: Track
    around: Around
    events: tuple[Event, ...]
    level: Level
    analysed_s: float


def find_glitches(
    audio: Audio, spec: ToneSpec, *, channel: int = 0, whole: bool = True
) -> GlitchFindings:
    """Find where the tone of ``spec`` breaks in one channel of ``audio``.

    The tone may begin anywhere; the rates of recording and tone may differ. ``whole``: as much of
    it as ``spec`` says should be in the recording; else only its frequency is taken from
    ``spec``. A poor signal is a verdict with reasons. Raises
    :class:`~profiler.errors.InputError` when there is no such channel.
    """
    if audio.channels and not 0 <= channel < audio.channels:
        raise InputError(
            f"channel {channel} of a recording with {audio.channels}",
            hint=f"use 0 to {audio.channels - 1}",
        )
    findings = _judged(audio, spec, channel, whole=whole)
    ratio = findings.pitch_ratio or 1.0
    return replace(findings, channels=channel_tones(audio, spec.freq_hz * ratio))


def _judged(audio: Audio, spec: ToneSpec, channel: int, *, whole: bool) -> GlitchFindings:
    quality = capture_quality(audio, channel)
    if quality.non_finite:
        return _refused(quality, Reason.NON_FINITE)
    if is_silent(quality):
        return _refused(quality, Reason.SILENT_CAPTURE)
    if audio.duration_s < MIN_AUDIO_S:
        return _refused(quality, Reason.TOO_SHORT)
    samples = _scaled(np.ascontiguousarray(audio.samples[:, channel]))
    heard = _listen(samples, audio.rate_hz, spec.freq_hz)
    if heard is None:
        return _refused(quality, Reason.TONE_LOST)
    return _verdict(audio, spec, quality, heard, whole=whole)


def _scaled(samples: F32) -> F32:
    """Samples whose squares do not overflow."""
    peak = float(np.abs(samples).max())
    return np.ldexp(samples, -math.frexp(peak)[1]) if peak > HUGE else samples


def _listen(samples: F32, rate_hz: int, freq_hz: float) -> _Heard | None:
    carrier = find_carrier(samples, rate_hz, freq_hz)
    if carrier is None:
        return None
    track = follow(samples, rate_hz, carrier.freq_hz)
    if not track.stretches or not _steady(track):
        return None
    around = look_around(track)
    unclear = _unclear(track, around)
    events = [e for e in _events(track, samples, around) if not _covered(track, e, unclear)]
    level = level_of(track, samples, around, events)
    inside = sum(b - a for a, b in track.stretches) - int(np.count_nonzero(unclear))
    gaps = [
        Event(a[1] * track.hop, b[0] * track.hop, "hole", 0.0) for a, b in pairwise(track.stretches)
    ]
    events = sorted((*events, *gaps), key=lambda e: e.first)
    return _Heard(track, around, _merged(track, events), level, inside * track.hop_s)


def _steady(track: Track) -> bool:
    """Whether it is a tone at all: a voice's pitch glides."""
    slope = np.concatenate([track.trend_rad_s[a:b] for a, b in track.stretches])
    spread = float(np.median(np.abs(slope - np.median(slope))))
    return spread < STEADY * 2 * math.pi * track.freq_hz


def _events(track: Track, samples: F32, around: Around) -> list[Event]:
    """Every suspect explained, in order."""
    period = track.rate_hz / track.freq_hz
    zeros = _inside(track, zero_runs(samples, period, track.rate_hz))
    spans = find_suspects(track, around)
    spans += [
        Span(z.first // track.hop, z.last // track.hop + 1)
        for z in zeros
        if not any(_meet(track, z, s) for s in spans)
    ]
    spans += find_fine_steps(track, sorted(spans, key=lambda s: s.first))
    spans.sort(key=lambda s: s.first)
    found = []
    for i, span in enumerate(spans):
        room = _room(track, spans, i)
        mine = [z for z in zeros if _meet(track, z, span)]
        zero = Trace(mine[0].first, mine[-1].last) if mine else None
        found.append(explain(track, samples, span, room, zero))
    copies = _inside(track, find_copies(samples, track.rate_hz))
    near = 2 * track.reach * track.hop
    # What lies at a copy is the copy.
    found = [
        e
        for e in found
        if not any(c.first - near < e.last and e.first < c.last + near for c in copies)
    ]
    found += [Event(c.first, c.last, "repeat", c.last - c.first) for c in copies]
    return sorted(found, key=lambda e: e.first)


def _room(track: Track, spans: list[Span], i: int) -> tuple[int, int]:
    """Hops between the neighbours of a suspect, within its stretch."""
    span = spans[i]
    begin, end = next(
        ((a, b) for a, b in track.stretches if a < span.last and b > span.first),
        track.stretches[-1],
    )
    begin -= track.hops(IMMUNE_S / 2)
    before = spans[i - 1].last if i else 0
    after = spans[i + 1].first if i + 1 < len(spans) else track.tone.size
    return max(0, begin, before), min(end, after)


def _inside(track: Track, traces: list[Trace]) -> list[Trace]:
    spans = [(a * track.hop, b * track.hop) for a, b in track.stretches]
    return [t for t in traces if any(a <= t.first and t.last <= b for a, b in spans)]


def _meet(track: Track, trace: Trace, span: Span) -> bool:
    near = 2 * track.reach
    return (
        trace.first // track.hop < span.last + near and trace.last // track.hop > span.first - near
    )


def _unclear(track: Track, around: Around) -> npt.NDArray[np.bool_]:
    """Hops within the stretches where the noise is too much to see a glitch."""
    noisy = around.noise > MAX_NOISE
    inside = np.zeros(noisy.size, np.bool_)
    for first, last in track.stretches:
        inside[first:last] = True
    return noisy & inside


def _covered(track: Track, event: Event, unclear: npt.NDArray[np.bool_]) -> bool:
    hop = min(int((event.first + event.last) / 2 / track.hop), unclear.size - 1)
    return bool(unclear[hop])


def _merged(track: Track, events: list[Event]) -> tuple[Event, ...]:
    """Glitches nearer than 50 ms as one; noises stay beside them."""
    near = (MERGE_S - 2 * track.reach * track.hop_s) * track.rate_hz
    done: list[Event] = []
    for event in (e for e in events if e.counts):
        if done and event.first - done[-1].last < near:
            one = done[-1]
            kind = one.kind if one.last - one.first >= event.last - event.first else event.kind
            done[-1] = Event(one.first, max(one.last, event.last), kind, one.shift + event.shift)
        else:
            done.append(event)
    noises = [e for e in events if not e.counts]
    return tuple(sorted((*done, *noises), key=lambda e: e.first))


def _verdict(
    audio: Audio, spec: ToneSpec, quality: CaptureQuality, heard: _Heard, *, whole: bool
) -> GlitchFindings:
    track, level = heard.track, heard.level
    reasons: list[Reason] = []
    present_s = sum(b - a for a, b in track.stretches) * track.hop_s
    wanted_s = min(spec.duration_s, audio.duration_s) if whole else present_s
    if present_s < MIN_SHARE * wanted_s:
        return _refused(quality, Reason.TONE_LOST, level)
    if level.noise > MAX_NOISE or heard.analysed_s < MIN_SHARE * present_s:
        return _refused(quality, Reason.LOW_SNR, level)
    glitches = tuple(_glitch(track, e) for e in heard.events)
    if any(g.glitch != "noise" for g in glitches):
        reasons.append(Reason.GLITCHES)
    if len(track.stretches) > 1 or (whole and _ended_early(audio, track, wanted_s)):
        reasons.append(Reason.TONE_LOST)
    ratio = level.freq_hz / spec.freq_hz
    if abs(ratio - 1) > PITCH_ERROR:
        reasons.append(Reason.PITCH_ERROR)
    if quality.clipped_fraction > MAX_CLIPPED:
        reasons.append(Reason.CLIPPED)
    return GlitchFindings(
        verdict=Verdict.MARGINAL if reasons else Verdict.PASS,
        reasons=tuple(r.value for r in reasons),
        quality=quality,
        glitches=glitches,
        analysed_s=heard.analysed_s,
        tone_dbfs=level.dbfs,
        tone_snr_db=level.snr_db,
        pitch_ratio=ratio,
        phase_jitter_rad=level.jitter_rad,
        channels=(),
        analysis_version=ANALYSIS_VERSION,
    )


def _ended_early(audio: Audio, track: Track, wanted_s: float) -> bool:
    """The tone is over long before it should be, and before the recording is."""
    first, last = track.time_s(track.stretches[0][0]), track.time_s(track.stretches[-1][1])
    missing_s = wanted_s - (last - first) - IMMUNE_S
    return missing_s > EARLY_END_S and audio.duration_s - last > EARLY_END_S


def _glitch(track: Track, event: Event) -> Glitch:
    rate = track.rate_hz
    length_ms = max(0.0, event.last - event.first) / rate * 1000
    if event.kind == "skip":
        length_ms = 0.0
    return Glitch(event.first / rate, length_ms, event.kind, event.shift)


def _refused(quality: CaptureQuality, reason: Reason, level: Level | None = None) -> GlitchFindings:
    return GlitchFindings(
        verdict=Verdict.NOT_MEASURABLE,
        reasons=(reason.value,),
        quality=quality,
        glitches=(),
        analysed_s=0.0,
        tone_dbfs=level.dbfs if level else None,
        tone_snr_db=level.snr_db if level else None,
        pitch_ratio=None,
        phase_jitter_rad=None,
        channels=(),
        analysis_version=ANALYSIS_VERSION,
    )
