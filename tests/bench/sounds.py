"""Sounds that are not our stimulus: noises, voice-like speech, music, hum, clicks."""

from __future__ import annotations

import numpy as np
from scipy import signal

Array = np.ndarray
Rng = np.random.Generator


def white(n: int, rate: int, rng: Rng) -> Array:
    return rng.standard_normal(n)


def pink(n: int, rate: int, rng: Rng) -> Array:
    x = np.fft.rfft(rng.standard_normal(n))
    f = np.fft.rfftfreq(n, 1 / rate)
    x /= np.sqrt(np.maximum(f, 20.0))
    return unit(np.fft.irfft(x, n))


def fan(n: int, rate: int, rng: Rng) -> Array:
    x = pink(n, rate, rng)
    t = np.arange(n) / rate
    blade = rng.uniform(60, 240)
    for k in range(1, 6):
        x = x + 0.4 / k * np.sin(2 * np.pi * blade * k * t + rng.uniform(0, 6.28))
    return unit(x)


def hum(n: int, rate: int, rng: Rng) -> Array:
    t = np.arange(n) / rate
    f0 = rng.choice([50.0, 60.0])
    x = sum(
        rng.uniform(0.1, 1) / k * np.sin(2 * np.pi * f0 * k * t + rng.uniform(0, 6.28))
        for k in range(1, 12)
    )
    return unit(np.asarray(x))


def clicks(n: int, rate: int, rng: Rng) -> Array:
    x = np.zeros(n)
    for _ in range(rng.integers(5, 25)):
        i = int(rng.integers(0, max(1, n - rate // 20)))
        m = int(rng.integers(rate // 2000, rate // 50))
        x[i : i + m] += rng.uniform(0.2, 1) * rng.standard_normal(m) * np.exp(-np.arange(m) / m * 5)
    return x / max(1e-9, np.abs(x).max())


def speech(n: int, rate: int, rng: Rng) -> Array:
    """Voice-like: glottal pulses with gliding pitch through moving formants, syllables, pauses."""
    x = np.zeros(n)
    pos = 0
    while pos < n:
        m = int(rng.uniform(0.08, 0.35) * rate)
        t = np.arange(m) / rate
        if rng.random() < 0.7:
            f0 = rng.uniform(80, 260) * (1 + rng.uniform(-0.3, 0.3) * t / t[-1])
            source = signal.sawtooth(2 * np.pi * np.cumsum(f0) / rate)
        else:
            source = rng.standard_normal(m) * 0.5
        y = source
        for centre, width in ((rng.uniform(250, 900), 90), (rng.uniform(900, 2500), 120),
                              (rng.uniform(2300, 3800), 200)):  # fmt: skip
            if centre < 0.45 * rate:
                b, a = signal.iirpeak(centre, centre / width, fs=rate)
                y = y + 3 * signal.lfilter(b, a, source)
        y *= np.hanning(m) ** 0.5 * rng.uniform(0.3, 1)
        k = min(m, n - pos)
        x[pos : pos + k] += y[:k]
        pos += int(m * rng.uniform(0.8, 1.2)) + int(rng.choice([0, 0, 0, 0.3]) * rate)
    return unit(x)


def babble(n: int, rate: int, rng: Rng) -> Array:
    return unit(sum(speech(n, rate, rng) for _ in range(4)))  # type: ignore[arg-type]


def music(n: int, rate: int, rng: Rng) -> Array:
    """Chords of decaying harmonic notes, a bass and noise percussion, some glides."""
    x = np.zeros(n)
    beat = int(60 / rng.uniform(70, 160) * rate)
    for pos in range(0, n, beat):
        m = min(2 * beat, n - pos)
        t = np.arange(m) / rate
        for _ in range(rng.integers(2, 5)):
            f0 = 440 * 2 ** (rng.integers(-24, 24) / 12)
            glide = rng.choice([1.0, 1.0, 1.0, rng.uniform(0.5, 2)])
            phase = 2 * np.pi * f0 * np.cumsum(glide ** (t / t[-1])) / rate
            for k in range(1, 6):
                if f0 * k * max(1, glide) < 0.45 * rate:
                    x[pos : pos + m] += np.sin(k * phase) / k * np.exp(-t * rng.uniform(1, 6))
        d = min(int(0.05 * rate), n - pos)
        x[pos : pos + d] += rng.standard_normal(d) * np.exp(-np.arange(d) / d * 6) * 2
    return unit(x)


def sweeps(n: int, rate: int, rng: Rng) -> Array:
    """Chirps that are not ours: other lengths, laws, directions, bands."""
    x = np.zeros(n)
    pos = int(rng.uniform(0, 0.3) * rate)
    m = int(rng.uniform(0.05, 1.0) * rate)
    method = str(rng.choice(["linear", "logarithmic"]))
    lo, hi = rng.uniform(80, 600), rng.uniform(0.1, 0.44) * rate
    f0, f1 = (lo, hi) if rng.random() < 0.6 else (hi, lo)
    period = m + int(rng.uniform(0.05, 0.5) * rate)
    jitter = rng.random() < 0.5
    while pos + m < n:
        t = np.arange(m) / rate
        x[pos : pos + m] = signal.chirp(t, f0, t[-1], f1, method=method) * np.hanning(m) ** 0.2
        pos += period + (int(rng.uniform(0, 0.2) * rate) if jitter else 0)
    return unit(x)


def unit(x: Array) -> Array:
    """Scale to RMS 1."""
    rms = float(np.sqrt(np.mean(np.square(x))))
    return x / rms if rms > 0 else x
