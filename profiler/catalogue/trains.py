"""Trains of the catalogue's tests. The ``smoke`` budget is one minute a phone in real time."""

from __future__ import annotations

from profiler.model import StimulusSpec
from profiler.stimulus import make_train, stability_train

STABILITY_S = 60.0


def latency_train(seed: int, rate_hz: int, *, short: bool) -> StimulusSpec:
    """Train of L1: the default one, or 6 sweeps of 0.35 s when ``short``."""
    if not short:
        return make_train(seed, rate_hz=rate_hz)
    return make_train(
        seed, rate_hz=rate_hz, chirps=6, chirp_s=0.35, gap_s=(0.12, 0.28),
        lead_in_s=0.1, tail_s=0.05,
    )  # fmt: skip


def class_train(seed: int, rate_hz: int) -> StimulusSpec:
    """Train of L3: enough chirps for one latency per granted class (method.md 3.8: at least 4)."""
    return make_train(
        seed, rate_hz=rate_hz, chirps=5, chirp_s=0.25, gap_s=(0.1, 0.22),
        lead_in_s=0.1, tail_s=0.05,
    )  # fmt: skip


def sweep_train(seed: int, rate_hz: int) -> StimulusSpec:
    """Train of D1: about one second, nearly without pauses, quiet.

    It keeps noise gates open, so that zeros mean a dead microphone path and not a quiet room.
    """
    return make_train(
        seed, rate_hz=rate_hz, chirps=5, chirp_s=0.12, gap_s=(0.03, 0.12),
        lead_in_s=0.05, tail_s=0.05, amplitude=0.3,
    )  # fmt: skip


def long_train(seed: int, rate_hz: int) -> StimulusSpec:
    """Train of L4 and L5."""
    return stability_train(seed, rate_hz=rate_hz, duration_s=STABILITY_S)
