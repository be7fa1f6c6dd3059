"""Recordings of a tone with glitches of known truth, and recordings without a tone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy import signal

from profiler.model import ToneSpec
from profiler.stimulus import tone
from profiler.wav import Audio, mono_audio

KINDS = ("hole", "skip", "insert", "repeat")
PLAIN, HOSTILE, OUTPUT = "plain", "hostile", "output"


@dataclass(frozen=True)
class True_:
    """One edit: where in the recording, how long, and how many frames later all is after it."""

    time_s: float
    duration_ms: float
    kind: str
    shift: int


@dataclass(frozen=True)
class Case:
    """A recording and its truth."""

    audio: Audio
    spec: ToneSpec
    truth: tuple[True_, ...]
    analysable_s: tuple[float, float]
    """Where a glitch must be found: from 0.2 s after the tone's onset to 50 ms before its end."""
    about: dict[str, float] = field(default_factory=dict)


def make_case(seed: int, flavour: str = PLAIN, *, glitches: int | None = None) -> Case:
    """A recording of 8 to 12 s.

    ``hostile``: room, hum, distortion, level wander, resampler wander, clicks, voices in the room.
    ``output``: the edits are made before the loudspeaker, so the room smears them.
    """
    rng = np.random.default_rng((seed, 41))
    rate = int(rng.choice([48_000, 48_000, 44_100, 16_000]))
    hostile = flavour == HOSTILE
    duration = float(rng.uniform(8, 12))
    spec = tone(rate, duration - 1.0)
    start, end = float(rng.uniform(0.02, 0.6)), duration - float(rng.uniform(0.05, 0.3))
    frames = round(duration * rate)
    spare = round(0.5 * rate)
    wave, fade = _tone(frames + spare, rate, start, spec, rng, wander=hostile or seed % 3 == 0)
    wave = wave * fade
    wave[round((end + 0.5) * rate) :] = 0
    many = int(rng.integers(1, 15)) if glitches is None else glitches
    plan = _plan(many, rate, (start + 0.25, end - 0.2), rng)
    if flavour == OUTPUT:
        wave, edits = _edit(wave, plan, frames)
        wave = np.concatenate([wave, np.zeros(spare)])
    sound = _speaker(wave, rate, rng, room=hostile or flavour == OUTPUT)
    cut = round(end * rate)
    if flavour == OUTPUT:
        sound[cut:] *= 0
    if hostile:
        sound *= _level(sound.size, rate, rng)
    level = math.sqrt(float(np.mean(np.square(sound[round((start + 0.3) * rate) : cut]))))
    snr_db = float(rng.uniform(20, 60))
    noise = _noise(sound.size, rate, rng) * level * 10 ** (-snr_db / 20)
    raw = sound + noise
    if hostile:
        raw = raw + level * _disturbances(sound.size, rate, rng)
    if flavour != OUTPUT:
        raw, edits = _edit(raw, plan, frames)
        tail = raw[cut:]
        tail[:] = noise[: tail.size]
    raw = raw[:frames] * 10 ** (float(rng.uniform(-40, -3)) / 20) / (level * math.sqrt(2))
    raw = raw + float(rng.choice([0.0, 0.0, 0.02]))
    samples = np.clip(raw, -1, 1).astype(np.float32)
    if rng.random() < 0.7:
        samples = (np.rint(samples * 32767) / 32768).astype(np.float32)
    truth = tuple(True_(at / rate, 1000 * n / rate, kind, shift) for at, n, kind, shift in edits)
    about = {"snr_db": snr_db, "rate": rate, "seed": seed}
    return Case(mono_audio(samples, rate), spec, truth, (start + 0.2, end - 0.05), about)


def _tone(frames, rate, start, spec, rng, *, wander):
    t = np.arange(frames) / rate
    played = (t - start) * (1 + float(rng.uniform(-200, 200)) * 1e-6)
    if wander:
        half = float(rng.uniform(10, 100)) * 1e-6
        played = played + half * np.sin(2 * np.pi * t / float(rng.uniform(1, 20)))
    wave = np.sin(2 * np.pi * spec.freq_hz * played)
    fade = 0.5 - 0.5 * np.cos(np.pi * np.clip(played / 0.01, 0, 1))
    return wave, fade


def _plan(count, rate, span, rng):
    """Edits (at, frames, kind) in recording frames, more than 50 ms between two."""
    plan, at = [], span[0]
    close = rng.random() < 0.3
    for _ in range(count):
        gap = rng.uniform(0.052, 0.09) if close else rng.uniform(0.06, 2 * (span[1] - span[0]) / 15)
        at += float(gap)
        kind = str(rng.choice(KINDS))
        n = round(rng.uniform(1, 40) * rate / 1000)
        if kind != "hole":
            n = int(rng.integers(32, 2049) * rate / 48_000) or 1
        length = n / rate if kind != "skip" else 0.0
        if at + length > span[1]:
            break
        plan.append((round(at * rate), max(n, 8), kind))
        at += length
    return plan


def _edit(x, plan, frames):
    pieces, truth, used, made = [], [], 0, 0
    for at, n, kind in plan:
        pieces.append(x[used : used + at - made])
        used += at - made
        made = at
        shift = {"skip": -n, "insert": n, "repeat": n}.get(kind, 0)
        truth.append((at, n if kind != "skip" else 0, kind, shift))
        if kind == "skip":
            used += n
            continue
        pieces.append(x[used - n : used] if kind == "repeat" else np.zeros(n))
        used += n if kind == "hole" else 0
        made += n
    pieces.append(x[used : used + frames - made])
    out = np.concatenate(pieces)
    if out.size < frames:
        out = np.concatenate([out, np.zeros(frames - out.size)])
    return out, truth


def _speaker(wave, rate, rng, *, room):
    drive = float(rng.choice([0.0, 0.5, 1.5]))
    if drive:
        wave = np.tanh(drive * wave + 0.1 * drive) / drive
        wave = wave - wave.mean()
    if not room:
        return wave
    rt60 = float(rng.uniform(0.2, 0.6))
    n = round(rt60 * rate)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail *= 10 ** (-float(rng.uniform(6, 15)) / 20) / math.sqrt(float(np.sum(tail**2)))
    tail[: round(0.002 * rate)] = 0
    tail[0] = 1.0
    return signal.fftconvolve(wave, tail)[: wave.size]


def _level(frames, rate, rng):
    t = np.arange(frames) / rate
    depth_db = float(rng.uniform(0, 4))
    return 10 ** (depth_db * np.sin(2 * np.pi * t / float(rng.uniform(2, 9))) / 20)


def _noise(frames, rate, rng):
    white = rng.standard_normal(frames)
    if rng.random() < 0.5:
        return white
    pink = signal.lfilter(
        [0.049922035, -0.095993537, 0.050612699, -0.004408786],
        [1, -2.494956002, 2.017265875, -0.522189400], white,
    )  # fmt: skip
    return pink / pink.std()


def _disturbances(frames, rate, rng):
    """Hum, door clicks and a voice, against a tone of RMS 1."""
    t = np.arange(frames) / rate
    total = np.zeros(frames)
    if rng.random() < 0.5:
        base, level = float(rng.choice([50, 60])), 10 ** (float(rng.uniform(-40, -6)) / 20)
        for k in range(1, 6):
            total += level * 2.0 ** (1 - k) * np.sin(2 * np.pi * base * k * t + k)
    for _ in range(int(rng.integers(0, 4))):
        total += click(frames, rate, float(rng.uniform(0.5, frames / rate - 0.5)), rng)
    if rng.random() < 0.5:
        total += voice(frames, rate, rng) * 10 ** (float(rng.uniform(-35, -14)) / 20)
    return total


def click(frames, rate, at_s, rng):
    """A door: broadband at first, then the room's low modes for a tenth of a second."""
    out = np.zeros(frames)
    n = round(0.15 * rate)
    at = round(at_s * rate)
    ring = rng.standard_normal(n) * np.exp(-np.arange(n) / (float(rng.uniform(0.002, 0.02)) * rate))
    b, a = signal.butter(2, min(0.9, float(rng.uniform(800, 6000)) / (rate / 2)))
    ring = signal.lfilter(b, a, ring)
    ring *= float(rng.uniform(0.3, 4)) / np.abs(ring).max()
    out[at : at + n] += ring[: max(0, frames - at)]
    return out


def voice(frames, rate, rng):
    """Voiced syllables: a gliding pulse train through two formants, with pauses. RMS about 1."""
    t = np.arange(frames) / rate
    pitch = float(rng.uniform(95, 230)) * (
        1 + 0.15 * np.sin(2 * np.pi * 0.7 * t + rng.uniform(0, 6))
    )
    phase = np.cumsum(2 * np.pi * pitch / rate)
    x = sum(np.sin(k * phase) / k**0.7 for k in range(1, 25))
    envelope = np.clip(np.sin(2 * np.pi * float(rng.uniform(2, 4)) * t), 0, 1)
    envelope *= np.clip(3 * np.sin(2 * np.pi * t / 3.1), 0, 1)
    for f, q in ((600, 3), (1300, 5)):
        b, a = signal.iirpeak(f, q, fs=rate)
        x = x + 4 * signal.lfilter(b, a, x)
    x = x * envelope
    return x / math.sqrt(float(np.mean(np.square(x[envelope > 0.1]))))


def make_empty(seed: int) -> Audio:
    """A recording without the tone: noise, voice, music, hum and clicks, a tone that is buried."""
    rng = np.random.default_rng((seed, 42))
    rate = int(rng.choice([48_000, 44_100, 16_000]))
    frames = round(float(rng.uniform(4, 9)) * rate)
    t = np.arange(frames) / rate
    kind = seed % 6
    x = 0.01 * _noise(frames, rate, rng)
    if kind == 1:
        x = x + 0.2 * voice(frames, rate, rng)
    elif kind == 2:
        notes = rng.choice([440.0, 523.3, 659.3, 784.0, 880.0, 830.6, 1046.5], 60)
        each = frames // 60 + 1
        line = np.concatenate([np.sin(2 * np.pi * f * t[:each]) for f in notes])[:frames]
        x = x + 0.2 * line
    elif kind == 3:
        x = x + 0.3 * sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in range(1, 20))
        x = x + 0.1 * click(frames, rate, 1.0, rng)
    elif kind == 4:
        level = 0.01 * math.sqrt(2) * 10 ** (float(rng.uniform(-30, -5)) / 20)
        x = x + level * np.sin(2 * np.pi * 857 * t)
    elif kind == 5:
        x = x * 0
        x[: frames // 8] = 0.2 * np.sin(2 * np.pi * 857 * t[: frames // 8])
        x = x + 1e-4 * rng.standard_normal(frames)
    return mono_audio(np.clip(x, -1, 1), rate)
