"""Harmonic distortion: the images behind the linear response, with their background taken out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from profiler.analysis.sound.impulse import BEFORE_S, Impulses

ORDERS = (2, 3, 4, 5)
FUNDAMENTAL_HZ = (300.0, 3000.0)
IMAGE_BEFORE_S = 0.01
IMAGE_SHARE = 0.6
"""An image's gate ends at this share of the way to the next image; the rest is its background."""
MIN_IMAGE_S = 0.015
"""Images closer than this cannot be told apart: the sweep was too short."""
CLEAR = 2.0
"""Images with less than this times the power of their background are not there (proposal)."""

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distortion:
    """Total harmonic distortion against the fundamental, in percent of amplitude."""

    percent: float | None
    """``None`` = nothing rises above the background."""
    bound_percent: float | None
    """What it cannot exceed; ``None`` = the sweep is too short to tell."""


def distortion_of(found: Impulses) -> Distortion:
    """Power of the harmonics of 300 Hz to 3 kHz over that of the fundamental."""
    if _gate_s(found, ORDERS[-1]) < MIN_IMAGE_S:
        return Distortion(None, None)
    size = fft.next_fast_len(2 * round((BEFORE_S + found.gate_s) * found.rate_hz), real=True)
    hz = fft.rfftfreq(size, 1 / found.rate_hz)
    sums = np.zeros(3)
    for arrival_s in found.arrivals_s():
        one = _of_one(found, arrival_s, hz, size)
        if one is not None:
            sums += one
    fundamental, images, background = (float(s) for s in sums)
    if fundamental <= 0:
        return Distortion(None, None)
    bound = 100 * math.sqrt(images / fundamental)
    if images < CLEAR * background:
        return Distortion(None, bound)
    return Distortion(100 * math.sqrt((images - background) / fundamental), bound)


def _of_one(found: Impulses, arrival_s: float, hz: F64, size: int) -> F64 | None:
    """(fundamental, images, their background) of one sweep; ``None`` = not wholly recorded."""
    linear = found.power(arrival_s - BEFORE_S, BEFORE_S + found.gate_s, size)
    if linear is None:
        return None
    images = background = 0.0
    for order in ORDERS:
        begin_s = arrival_s + found.harmonic_s(order) - IMAGE_BEFORE_S
        length_s = _gate_s(found, order)
        gap_s = _gap_s(found, order)
        image = found.power(begin_s, length_s, size)
        before = found.power(begin_s - gap_s, gap_s, size)
        if image is None or before is None:
            return None
        images += _mean_over_octaves(image, hz, order, found.band_hz[1])
        share = length_s / gap_s
        background += share * _mean_over_octaves(before, hz, order, found.band_hz[1])
    return np.array([_mean_over_octaves(linear, hz, 1, found.band_hz[1]), images, background])


def _gate_s(found: Impulses, order: int) -> float:
    return IMAGE_BEFORE_S + IMAGE_SHARE * (found.harmonic_s(order + 1) - found.harmonic_s(order))


def _gap_s(found: Impulses, order: int) -> float:
    """Free time right before an image's gate."""
    if order == ORDERS[0]:
        return found.harmonic_s(2) - found.gate_s - IMAGE_BEFORE_S
    free = (1 - IMAGE_SHARE) * (found.harmonic_s(order) - found.harmonic_s(order - 1))
    return free - IMAGE_BEFORE_S


def _mean_over_octaves(power: F64, hz: F64, order: int, top_hz: float) -> float:
    """Mean of |H|² over the logarithm of the fundamental, its harmonic ``order`` seen below top."""
    lo, hi = (order * f for f in FUNDAMENTAL_HZ)
    inside = (hz >= lo) & (hz < min(hi, top_hz))
    if not inside.any():
        return 0.0
    step = float(hz[1] - hz[0])
    return float(np.sum(power[inside] / hz[inside])) * step / math.log(hi / lo)
