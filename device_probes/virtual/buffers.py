"""When the output buffer is too small: how many bursts it takes, and what happens with fewer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from device_probes.virtual.effects import Edit, draw_edits
from device_probes.virtual.spec import Glitches, PhoneSpec
from device_probes.virtual.spec_streams import Buffers
from profiler.model import TrialRequest

SCREEN_OFF, SCREEN_ON, TOUCH = "screen_off", "screen_on", "touch"
_EDIT_GAP_S = 0.05
"""As :func:`~device_probes.virtual.effects.draw_edits` keeps them apart."""
_MIN_MS, _MAX_MS = 0.5, 200.0
"""Bounds of an edit."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the buffer has to bear in a stretch of the recording."""

    begin_s: float
    end_s: float
    loaded: bool = False
    idle: bool = False
    hot: bool = False


def needed_bursts(
    buffers: Buffers, *, loaded: bool = False, idle: bool = False, hot: bool = False
) -> int:
    """The smallest buffer that does not glitch in a condition; 0: it does not matter."""
    more = buffers.load_bursts * loaded + buffers.idle_bursts * idle + buffers.heat_bursts * hot
    return buffers.safe_bursts + more if buffers.safe_bursts else 0


def is_loaded(buffers: Buffers, request: TrialRequest) -> bool:
    """Whether the synthetic load is more than the phone bears easily."""
    return request.cpu_load * request.cpu_threads > buffers.load_from


def conditions(
    buffers: Buffers,
    request: TrialRequest,
    *,
    hot_s: float = 0.0,
    screen_off: bool = False,
    actions: Sequence[tuple[float, str, str]] = (),
) -> tuple[Condition, ...]:
    """The trial in stretches of one condition.

    ``hot_s`` is the load that the phone had before; ``screen_off`` its state at the beginning.
    """
    end_s = request.duration_s
    loaded = is_loaded(buffers, request)
    hot_from_s = buffers.heat_after_min * 60 - hot_s if loaded else math.inf
    spans = _idle_spans(buffers.idle_after_s, end_s, screen_off, actions)
    edges = {0.0, end_s, hot_from_s, *(edge for span in spans for edge in span)}
    times = sorted(edge for edge in edges if 0 <= edge <= end_s)
    return tuple(
        Condition(
            begin,
            end,
            loaded,
            any(a <= begin and end <= b for a, b in spans),
            begin >= hot_from_s,
        )
        for begin, end in pairwise(times)
    )


def _idle_spans(
    after_s: float, end_s: float, screen_off: bool, actions: Sequence[tuple[float, str, str]]
) -> list[tuple[float, float]]:
    """When the screen is off, or was not touched for long enough."""
    spans = []
    since = 0.0 if screen_off else after_s
    for at_s, action, _ in sorted(actions):
        if action == SCREEN_OFF:
            since = min(since, at_s)
        elif action in (SCREEN_ON, TOUCH):
            spans.append((since, at_s))
            since = at_s + after_s
    spans.append((since, end_s))
    return [(max(a, 0.0), min(b, end_s)) for a, b in spans if a < min(b, end_s)]


def buffer_edits(
    spec: PhoneSpec,
    trial: Sequence[Condition],
    bursts: int,
    rate_hz: int,
    rng: np.random.Generator,
) -> tuple[Edit, ...]:
    """The glitches of a buffer of ``bursts``, in order of time; holes of one to two bursts."""
    buffers = spec.buffers
    burst_ms = min(max(1000 * spec.frames_per_burst / spec.native_rate_hz, _MIN_MS), _MAX_MS)
    edits: list[Edit] = []
    for part in trial:
        needed = needed_bursts(buffers, loaded=part.loaded, idle=part.idle, hot=part.hot)
        missing = needed - bursts
        frames = round((part.end_s - part.begin_s) * rate_hz)
        if missing <= 0 or frames < 2:
            continue
        glitches = Glitches(
            per_minute=min(buffers.glitches_per_minute * 2 ** (missing - 1), 600.0),
            kinds=buffers.kinds,
            min_ms=burst_ms,
            max_ms=min(2 * burst_ms, _MAX_MS),
        )
        first = round(part.begin_s * rate_hz)
        drawn = draw_edits(glitches, frames, rate_hz, rng)
        edits += [Edit(first + e.frame, e.frames, e.kind) for e in drawn]
    return tuple(edits)


def step_edits(steps_ms: Sequence[tuple[float, float]], rate_hz: int) -> tuple[Edit, ...]:
    """Steps of the latency, (second, ms) each, as edits."""
    return tuple(
        Edit(round(at_s * rate_hz), frames, "insert" if ms > 0 else "skip")
        for at_s, ms in steps_ms
        if (frames := round(abs(ms) / 1000 * rate_hz))
    )


def merged(
    own: Sequence[Edit], others: Sequence[Sequence[Edit]], frames: int, rate_hz: int
) -> tuple[Edit, ...]:
    """All edits in order of time; of ``others`` none that is too close to one before it."""
    gap = round(_EDIT_GAP_S * rate_hz)
    kept = list(own)
    for group in others:
        for edit in group:
            low, high = edit.frame - gap, edit.frame + edit.frames + gap
            free = all(high < k.frame or low > k.frame + k.frames for k in kept)
            if free and edit.frame + edit.frames < frames and edit.frame >= edit.frames:
                kept.append(edit)
    return tuple(sorted(kept, key=lambda e: e.frame))
