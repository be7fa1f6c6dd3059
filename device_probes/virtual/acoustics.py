"""Sound from the app's output to the app's input, with delay and clock error exact.

The linear part (loudspeaker, air, room, microphone, band limits) is one transfer function,
applied by overlap-save. The same inverse transform oversamples, so that clock drift, wander and
another capture rate become a six-point interpolation on a fine grid; without any of them no
interpolation is made, because the fraction of the delay is a phase in the transfer function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from device_probes.virtual.spec import Acoustics
from profiler.stimulus import F_HI_HZ, F_LO_HZ, USABLE_BAND

SPEED_OF_SOUND_M_S = 343.0
_BLOCK_S = 2.2
_MARGIN_S = 0.02
"""Room for the two-sided ringing of the band limits at both ends of a block."""
_OVERSAMPLING = 3
"""With six points the interpolation error is -65 dB at 16 kHz / 48 kHz, less below."""

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complexfloating[Any, Any]]


@dataclass(frozen=True, slots=True)
class Timing:
    """Playback time p is heard at ``latency_s + p·(1 + drift_ppm·1e-6)``, plus the wander."""

    latency_s: float
    drift_ppm: float = 0.0
    wander_s: float = 0.0
    """Amplitude of a sine about the line above."""
    wander_period_s: float = 7.0
    wander_phase: float = 0.0

    def played_at_s(self, heard_s: Float64) -> Float64:
        """The playback time heard at each capture time."""
        shifted = heard_s - self.latency_s
        if self.wander_s:
            angle = 2 * math.pi / self.wander_period_s * heard_s + self.wander_phase
            shifted = shifted - self.wander_s * np.sin(angle)
        return shifted / (1 + self.drift_ppm * 1e-6)

    def later(self, delay_s: float) -> Timing:
        """The same clocks, with so much more on the way."""
        return replace(self, latency_s=self.latency_s + delay_s)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Block sizes of the overlap-save, in frames of the playback rate."""

    block: int
    tail: int
    margin: int

    @property
    def step(self) -> int:
        """Good frames per block."""
        return self.block - self.tail - self.margin


def capture(
    played: Float32,
    rate_out: int,
    frames: int,
    rate_in: int,
    *,
    acoustics: Acoustics,
    timing: Timing,
    room_seed: int,
) -> Float32:
    """What the microphone's converter gives, noiseless, shape (frames,) at ``rate_in``.

    ``played`` is the whole output timeline at ``rate_out``, shape (n,).
    """
    if acoustics.drive > 0:
        drive = np.float32(acoustics.drive)
        played = np.tanh(played * drive) / drive
    same_grid = rate_in == rate_out and not timing.drift_ppm and not timing.wander_s
    over = 1 if same_grid else _OVERSAMPLING
    rate = rate_out * over
    heard = np.zeros(frames, np.float32)
    at = timing.played_at_s(np.arange(frames) / rate_in) * rate
    # The fraction at frame 0 goes into the phase: on a common grid nothing is left to interpolate.
    fraction = float(at[0] - math.floor(at[0]))
    at -= fraction
    geometry, response = _response(acoustics, rate_out, min(rate_in, rate_out), room_seed)
    spectrum_phase = np.exp(
        2j * np.pi * fraction / over / geometry.block * np.arange(response.size)
    ).astype(np.complex64)
    response = response * spectrum_phase
    first = 0
    for start in range(-geometry.margin, played.size + geometry.tail, geometry.step):
        last = int(np.searchsorted(at, (start + geometry.step) * over))
        first = max(first, int(np.searchsorted(at, start * over)))
        if last > first:
            fine = _block(played, start - geometry.tail, geometry, response, over)
            local = at[first:last] - (start - geometry.tail) * over
            heard[first:last] = _pick(fine, local, exact=same_grid)
        first = last
    return heard


def _block(
    played: Float32, start: int, geometry: Geometry, response: Complex, over: int
) -> Float32:
    """One filtered block from playback frame ``start`` on, oversampled."""
    piece = np.zeros(geometry.block, np.float32)
    low, high = max(start, 0), min(start + geometry.block, played.size)
    if high > low:
        piece[low - start : high - start] = played[low:high]
    spectrum = fft.rfft(piece)
    spectrum *= response
    fine: Float32 = fft.irfft(spectrum, geometry.block * over)
    if over > 1:
        fine *= np.float32(over)
    return fine


def _pick(fine: Float32, at: Float64, *, exact: bool) -> Float32:
    """Values of ``fine`` at fractional indices (Lagrange, six points, degree 5)."""
    if exact:
        first = round(float(at[0]))
        return fine[first : first + at.size]
    whole = np.floor(at + 1e-7)
    t = (at - whole).astype(np.float32)
    index = whole.astype(np.intp)
    result = np.zeros(at.size, np.float32)
    for node, weight in zip(range(-2, 4), _lagrange6(t), strict=True):
        result += fine[index + node] * weight
    return result


def _lagrange6(t: Float32) -> list[Float32]:
    """Weights of the nodes -2..3 at ``t`` in 0..1."""
    m2, m1, p1, p2, p3 = t + 2, t + 1, t - 1, t - 2, t - 3
    left, right = m2 * m1, p2 * p3
    mid = t * p1
    return [
        m1 * mid * right * np.float32(-1 / 120),
        m2 * mid * right * np.float32(1 / 24),
        left * p1 * right * np.float32(-1 / 12),
        left * t * right * np.float32(1 / 12),
        left * mid * p3 * np.float32(-1 / 24),
        left * mid * p2 * np.float32(1 / 120),
    ]


@lru_cache(maxsize=64)
def _response(
    a: Acoustics, rate_out: int, rate_low: int, room_seed: int
) -> tuple[Geometry, npt.NDArray[np.complex64]]:
    """Transfer function on the bins of one block; cached, treat as read-only."""
    tail_s = 0.06 + max((r[0] for r in a.reflections), default=0.0) / 1000
    tail_s += a.rt60_s or 0.0
    margin = round(_MARGIN_S * rate_out)
    tail = round(tail_s * rate_out) + margin
    block = int(fft.next_fast_len(round(_BLOCK_S * rate_out) + tail, real=True))
    hz = fft.rfftfreq(block, 1 / rate_out)
    response = _air(a, hz, rate_out, block, room_seed)
    response *= _transducers(a, hz)
    response *= _falling_edge(hz, USABLE_BAND * rate_low, 0.5 * rate_low)
    if a.capture_band_hz:
        low, high = a.capture_band_hz
        response *= _falling_edge(hz, 0.96 * high, 1.04 * high)
        response *= 1 - _falling_edge(hz, 0.9 * low, 1.1 * low)
    # A sweep gives each octave the same energy, so its level is the mean over log-frequency.
    top = min(F_HI_HZ, USABLE_BAND * rate_low)
    octaves = np.interp(np.geomspace(F_LO_HZ, top, 400), hz, np.abs(response) ** 2)
    sweep_rms = 0.9 / math.sqrt(2)
    response *= 10 ** (a.level_dbfs / 20) / (sweep_rms * math.sqrt(float(octaves.mean())))
    if a.inverted:
        response *= -1
    result: npt.NDArray[np.complex64] = response.astype(np.complex64)
    result.setflags(write=False)
    return Geometry(block, tail, margin), result


def _air(a: Acoustics, hz: Float64, rate: int, block: int, room_seed: int) -> Complex:
    """Direct path (1 at time 0), discrete reflections and the room's decaying tail."""
    rng = np.random.default_rng([room_seed, 1])
    air: Complex = np.ones(hz.size, np.complex128)
    for delay_ms, gain_db in a.reflections:
        sign = rng.choice((-1.0, 1.0))
        air += sign * 10 ** (gain_db / 20) * np.exp(-2j * np.pi * hz * delay_ms / 1000)
    if a.rt60_s:
        t = np.arange(round(a.rt60_s * rate)) / rate
        # -60 dB after rt60; it starts 1 ms after the direct path, as the first wall's echo does.
        tail = rng.standard_normal(t.size) * 10 ** (-3 * t / a.rt60_s) * (t > 0.001)
        tail *= 10 ** (a.reverb_db / 20) / math.sqrt(float(np.sum(tail**2)))
        air += fft.rfft(tail, block)
    return air


def _transducers(a: Acoustics, hz: Float64) -> Complex:
    """Loudspeaker and microphone as analogue minimum-phase filters: their onset is at time 0."""
    result: Complex = np.ones(hz.size, np.complex128)
    s = 2j * np.pi * hz
    if a.highpass_hz:
        b, c = signal.butter(a.highpass_order, 2 * np.pi * a.highpass_hz, btype="high", analog=True)
        result *= np.polyval(b, s) / np.polyval(c, s)
    for centre_hz, q, gain_db in a.resonances:
        w = 2 * np.pi * centre_hz
        root = 10 ** (gain_db / 40)
        result *= (s * s + s * w * root / q + w * w) / (s * s + s * w / (root * q) + w * w)
    return result


def _falling_edge(hz: Float64, begin_hz: float, end_hz: float) -> Float64:
    """1 below ``begin_hz``, 0 above ``end_hz``, a raised cosine between; zero phase."""
    x = np.clip((hz - begin_hz) / max(end_hz - begin_hz, 1e-9), 0.0, 1.0)
    edge: Float64 = 0.5 + 0.5 * np.cos(np.pi * x)
    return edge
