"""Trains of the catalogue's tests. The ``smoke`` budget is one minute a phone in real time."""

from __future__ import annotations

from dataclasses import replace

from profiler.model import StimulusSpec
from profiler.stimulus import USABLE_BAND, check_spec, make_train, stability_train

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


def start_train(seed: int, rate_hz: int) -> StimulusSpec:
    """Train of L6: short chirps at once, for longer than a microphone takes to wake up.

    They are so close that the first one heard is known within a tenth of a second.
    """
    return make_train(
        seed, rate_hz=rate_hz, chirps=36, chirp_s=0.06, gap_s=(0.02, 0.04),
        lead_in_s=0.02, tail_s=0.05,
    )  # fmt: skip


def preset_train(seed: int, rate_hz: int) -> StimulusSpec:
    """Train of L8: latency and response from one recording, silence before and behind for noise."""
    return make_train(
        seed, rate_hz=rate_hz, chirps=4, chirp_s=0.6, gap_s=(0.25, 0.45),
        lead_in_s=0.5, tail_s=1.0, amplitude=0.5,
    )  # fmt: skip


def response_sweep(seed: int, rate_hz: int) -> StimulusSpec:
    """V5: one sweep of 3 s, 1 s of silence before it and 4 s behind.

    It is so long that the image of each harmonic up to the fifth lies apart from the others, and
    reaches down to where phones begin. Half of full scale: a loudspeaker's usual load.
    """
    plain = make_train(
        seed, rate_hz=rate_hz, chirps=1, chirp_s=3.0, lead_in_s=1.0, tail_s=4.0, amplitude=0.5
    )
    top_hz = min(20_000.0, round(USABLE_BAND * rate_hz, 3))
    return check_spec(replace(plain, f_lo_hz=80.0, f_hi_hz=top_hz))


def burst_train(seed: int, rate_hz: int) -> StimulusSpec:
    """L2 without a partner: single short sweeps, each after 1.6 s of silence or more.

    Each is over before its echo can come back, so that a canceller has not yet begun to work on
    it; the silence lets it forget the one before (AEC_ON: 1.5 s was enough, measured).
    """
    return make_train(
        seed, rate_hz=rate_hz, chirps=5, chirp_s=0.03, gap_s=(1.6, 2.0),
        lead_in_s=1.5, tail_s=0.05,
    )  # fmt: skip


def call_train(seed: int, rate_hz: int, *, short: bool) -> StimulusSpec:
    """Train of W1: a latency about every 0.75 s, for long enough to see a jitter buffer settle."""
    return make_train(
        seed, rate_hz=rate_hz, chirps=12 if short else 22, chirp_s=0.4, gap_s=(0.25, 0.45),
        amplitude=0.5,
    )  # fmt: skip


def pausing_train(seed: int, rate_hz: int, *, short: bool) -> StimulusSpec:
    """W1 with DTX: pauses so long that a coder that may stop sending does."""
    return make_train(
        seed, rate_hz=rate_hz, chirps=6 if short else 8, chirp_s=0.4, gap_s=(1.2, 1.8),
        amplitude=0.5,
    )  # fmt: skip
