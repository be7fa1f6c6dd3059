"""Edits of a recording's timeline and what is heard of them, with their truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Event:
    """One fault on the timeline of the finished recording."""

    time_s: float
    duration_ms: float
    kind: str
    """``hole skip insert repeat jump``."""
    delta_ms: float = 0.0
    """Change of latency from here on."""


def hole(
    x: Array, rate: int, at_s: float, ms: float, *, faded: bool = False
) -> tuple[Array, Event]:
    """Samples replaced by silence, or faded out and in as concealment does; nothing moves."""
    a, m = round(at_s * rate), max(1, round(ms * rate / 1000))
    y = x.copy()
    gain = np.zeros(m)
    if faded:
        ramp = min(m // 4, round(0.002 * rate))
        gain[:ramp] = np.linspace(1, 0, ramp)
        gain[m - ramp :] = np.linspace(0, 1, ramp)
    y[a : a + m] *= gain[: y[a : a + m].size]
    return y, Event(a / rate, 1000 * m / rate, "hole")


def skip(x: Array, rate: int, at_s: float, ms: float) -> tuple[Array, Event]:
    """Frames lost: everything after arrives earlier."""
    a, m = round(at_s * rate), max(1, round(ms * rate / 1000))
    delta = 1000 * m / rate
    return np.concatenate([x[:a], x[a + m :]]), Event(a / rate, delta, "skip", -delta)


def insert(x: Array, rate: int, at_s: float, ms: float) -> tuple[Array, Event]:
    """Silence inserted: everything after arrives later."""
    a, m = round(at_s * rate), max(1, round(ms * rate / 1000))
    delta = 1000 * m / rate
    return np.concatenate([x[:a], np.zeros(m), x[a:]]), Event(a / rate, delta, "insert", delta)


def repeat(x: Array, rate: int, at_s: float, frames: int, times: int) -> tuple[Array, Event]:
    """The burst before ``at_s`` is delivered again ``times`` times: everything after is later."""
    a = round(at_s * rate)
    burst = np.tile(x[a - frames : a], times)
    delta = 1000 * burst.size / rate
    return np.concatenate([x[:a], burst, x[a:]]), Event(a / rate, delta, "repeat", delta)


def jump(x: Array, rate: int, at_s: float, delta_ms: float) -> tuple[Array, Event]:
    """The latency changes in a pause between sounds: nothing audible is lost."""
    y, e = (skip if delta_ms < 0 else insert)(x, rate, at_s, abs(delta_ms))
    return y, Event(e.time_s, e.duration_ms, "jump", e.delta_ms)
