"""Level, noise and exact pitch of the tone, away from its glitches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiler.analysis.glitches.explain import Event, fitted
from profiler.analysis.glitches.suspects import Around
from profiler.analysis.glitches.track import Track
from profiler.model import ChannelTone
from profiler.wav import Audio

BLOCK_S = 0.05
BLOCKS = 64
HARMONICS = 8
FLOOR_DBFS = -200.0
LOUDEST = 1e6
PITCH_LEAST_S = 0.2

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Level:
    """Facts of the tone itself."""

    freq_hz: float
    dbfs: float
    """RMS of the fundamental."""
    snr_db: float | None
    """Against everything that is neither the tone nor a harmonic of it."""
    noise: float
    """1σ per component of a hop against the tone, median."""
    jitter_rad: float


def level_of(track: Track, samples: F32, around: Around, events: Sequence[Event]) -> Level:
    """Measure the tone in its stretches, ``events`` left out."""
    clean = _clean(track, events)
    heard = np.concatenate([track.level[a:b] for a, b in clean] or [track.level])
    rms = math.sqrt(float(np.mean(np.square(heard, dtype=np.float64))) / 2)
    noise = np.concatenate([around.noise[a:b] for a, b in clean] or [around.noise])
    return Level(
        freq_hz=_pitch_hz(track, clean),
        dbfs=dbfs(rms),
        snr_db=_snr_db(track, samples, clean, rms),
        noise=float(np.median(noise)),
        jitter_rad=_jitter_rad(track, clean),
    )


def channel_tones(audio: Audio, freq_hz: float) -> tuple[ChannelTone, ...]:
    """What each channel holds; empty for a recording without a frame."""
    if not audio.frames:
        return ()
    # A broken float recorder may write anything; squares must not overflow.
    x = np.clip(np.nan_to_num(audio.samples, posinf=0.0, neginf=0.0), -LOUDEST, LOUDEST)
    turn = np.remainder(np.arange(audio.frames) * (freq_hz / audio.rate_hz), 1.0)
    carrier = np.exp(-2j * np.pi * turn).astype(np.complex64)
    each = max(1, round(BLOCK_S * audio.rate_hz))
    found = []
    for channel in range(audio.channels):
        mine = x[:, channel]
        mixed = (mine * carrier)[: mine.size // each * each].reshape(-1, each).mean(axis=1)
        tone = float(np.median(np.abs(mixed))) * math.sqrt(2) if mixed.size else 0.0
        twin = next((c for c in range(channel) if np.array_equal(x[:, c], mine)), None)
        found.append(
            ChannelTone(
                rms_dbfs=dbfs(math.sqrt(float(np.mean(np.square(mine, dtype=np.float64))))),
                tone_dbfs=dbfs(tone),
                zero_fraction=float(np.mean(mine == 0)),
                same_as=twin,
            )
        )
    return tuple(found)


def dbfs(rms: float) -> float:
    """RMS in dB against full scale, floored."""
    return 20 * math.log10(rms) if rms > 1e-10 else FLOOR_DBFS


def _clean(track: Track, events: Sequence[Event]) -> list[tuple[int, int]]:
    """Hops between the events, with room for their smear."""
    margin = track.reach + 2
    found = []
    for first, last in track.stretches:
        begin = first
        for event in events:
            a, b = int(event.first // track.hop), int(event.last // track.hop) + 1
            if b <= first or a >= last:
                continue
            found.append((begin, a - margin))
            begin = max(begin, b + margin)
        found.append((begin, last))
    return [(a, b) for a, b in found if b > a]


def _pitch_hz(track: Track, clean: Sequence[tuple[int, int]]) -> float:
    """Mean slope of the phase lines between the events, weighted by what each knows of it."""
    total = weight = 0.0
    for a, b in clean:
        if (b - a) * track.hop_s < PITCH_LEAST_S:
            continue
        phase = np.unwrap(np.angle(track.tone[a:b])) + track.phase[a:b]
        t = (np.arange(b - a) - (b - a - 1) / 2) * track.hop_s
        power = float(np.square(t).sum())
        total += float(np.sum(t * phase))
        weight += power
    if weight:
        return track.freq_hz + total / weight / (2 * math.pi)
    inside = np.concatenate([track.trend_rad_s[a:b] for a, b in track.stretches])
    return track.freq_hz + float(np.median(inside)) / (2 * math.pi)


def _jitter_rad(track: Track, clean: Sequence[tuple[int, int]]) -> float:
    parts = [np.angle(track.tone[a:b]) for a, b in clean if b - a > 8]
    if not parts:
        return 0.0
    each = track.hops(0.1)
    squares, count = 0.0, 0
    for part in parts:
        line = np.unwrap(part)
        slow = np.convolve(line, np.ones(each) / each, "same") if line.size > 2 * each else None
        middle = slice(each // 2, -each // 2) if slow is not None else slice(None)
        rest = (line - (slow if slow is not None else line.mean()))[middle]
        squares += float(np.square(rest).sum())
        count += rest.size
    return math.sqrt(squares / max(count, 1))


def _snr_db(
    track: Track, samples: F32, clean: Sequence[tuple[int, int]], rms: float
) -> float | None:
    """Median over blocks of what a fit of the tone and its harmonics leaves."""
    size = round(BLOCK_S * track.rate_hz)
    starts = [
        s
        for a, b in clean
        for s in range(a * track.hop, min(b * track.hop, samples.size) - size + 1, size)
    ]
    if not starts or rms <= 0:
        return None
    chosen = starts[:: -(-len(starts) // BLOCKS)]
    left = [_rest_power(track, samples, s, size) for s in chosen]
    power = float(np.median(left))
    return 10 * math.log10(rms**2 / power) if power > 0 else 120.0


def _rest_power(track: Track, samples: F32, start: int, size: int) -> float:
    at = np.arange(start, start + size)
    phase = 2 * math.pi * np.remainder(at * (track.freq_hz / track.rate_hz), 1.0)
    phase += np.interp(at / track.hop, np.arange(track.phase.size), track.phase)
    orders = [k for k in range(1, HARMONICS + 1) if k * track.freq_hz < 0.48 * track.rate_hz]
    columns = [f(k * phase) for k in orders for f in (np.cos, np.sin)]
    basis = np.stack([np.ones(size), *columns], axis=1)
    rest = samples[at] - basis @ fitted(basis, samples[at].astype(np.float64))
    return float(np.square(rest).sum() / (size - basis.shape[1]))
