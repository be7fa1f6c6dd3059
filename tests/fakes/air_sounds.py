"""When one device's train arrives in another's recording, and what an exchange makes of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from profiler.model import StimulusSpec
from profiler.stimulus import chirp_at

C_M_S = 343.0
Float64 = npt.NDArray[np.float64]


def reference(heard_s: Float64, arrives_s: float, ratio: float, train: StimulusSpec) -> Float64:
    """A train whose frame 0 arrives at ``arrives_s`` and lasts ``ratio`` times as long."""
    played_s = (heard_s - arrives_s) / ratio
    return np.sum([chirp_at(train, played_s - start) for start in train.starts_s], axis=0)


def arrival_s(
    heard: Float64, rate_hz: int, about_s: float, train: StimulusSpec, ratio: float = 1.0
) -> float:
    """When the train that plays ``ratio`` times as long arrives, within 20 ms of ``about_s``."""
    x = reference(np.arange(heard.size) / rate_hz, about_s, ratio, train)
    n = fft.next_fast_len(2 * x.size, real=True)
    cross = fft.rfft(heard, n) * np.conj(fft.rfft(x, n))
    correlation = fft.irfft(cross, n)
    near = np.r_[-int(0.02 * rate_hz) : int(0.02 * rate_hz)]
    lag = float(near[np.argmax(np.abs(correlation[near]))])
    omega = 2 * np.pi * fft.rfftfreq(n)
    sign = np.sign(correlation[int(lag)])
    for _ in range(20):  # Newton on the correlation's derivative
        turned = sign * cross * np.exp(1j * omega * lag)
        lag -= np.sum(omega * turned.imag) / np.sum(omega**2 * turned.real)
    return about_s + lag / rate_hz


def two_way_s(
    arrivals: tuple[float, float, float],
    plays_at_s: float,
    *,
    own_loop: float,
    skew: float,
    partner_m: float,
    distance_m: float,
) -> float:
    """Output plus input latency of A, on A's capture clock; no clock of A and B is compared.

    ``arrivals`` are B's train at A, A's train at B, B's train at B, each in seconds of the
    recording; A's train begins at ``plays_at_s`` of A's timeline. ``own_loop`` is A's capture
    clock against its playback clock, ``skew`` A's capture clock against B's. The formula is
    that of BeepBeep (Peng et al., SenSys 2007), solved for the latency:
    (n2 - n1) - (b2 - b1) + d_B/c - 2·D/c.
    """
    n2, b1, b2 = arrivals
    interval_s = n2 - plays_at_s * own_loop - (b2 - b1) * skew
    return interval_s + (partner_m - 2 * distance_m) / C_M_S
