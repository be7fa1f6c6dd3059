"""A small loudspeaker, room, microphone and canceller whose truth is known.

The processing runs twice, the second time with echo and far end turned around; half of the
difference is what is left of the echo, without noise or comfort noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pywebrtc_audio import AudioProcessor
from scipy import signal

from profiler.model import SpeechSpec
from profiler.stimulus import render_speech, speech
from profiler.wav import Audio, mono_audio

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Phone:
    """One configuration of one phone."""

    delay_ms: float = 80.0
    level_dbfs: float = -28.0
    """RMS of the active echo at the microphone, before any processing."""
    tail_s: float = 0.015
    noise_dbfs: float = -65.0
    pink: bool = False
    drive: float = 0.0
    drift_ppm: float = 0.0
    canceller: str = "off"
    """``off``, ``ideal`` (depth and convergence as below) or ``aec3``."""
    depth_db: float = 35.0
    converge_s: float = 0.0
    ns: bool = False
    agc: bool = False
    rate_hz: int = 16_000


@dataclass(frozen=True)
class Take:
    """A recording and its truth; all float64, shape (frames,)."""

    audio: Audio
    far: Audio
    spec: SpeechSpec
    echo: F64 = field(repr=False)
    """At the microphone."""
    left: F64 = field(repr=False)
    """Of the echo in the recording."""

    def erle_db(self, from_s: float) -> float:
        """Echo in over echo left, over the moments after ``from_s`` in which there is echo."""
        chosen = self._active(from_s)
        return float(10 * np.log10(np.mean(self.echo[chosen] ** 2) / self.left_power(from_s)))

    def left_power(self, from_s: float) -> float:
        return float(np.mean(self.left[self._active(from_s)] ** 2)) + 1e-20

    def left_dbfs(self, from_s: float) -> float:
        return float(10 * np.log10(self.left_power(from_s)))

    def _active(self, from_s: float) -> npt.NDArray[np.bool_]:
        size = self.audio.rate_hz // 10
        power = np.convolve(self.echo**2, np.ones(size) / size, "same")
        active = power > 0.01 * np.mean(power[power > 0.01 * power.max()])
        active[: round(from_s * self.audio.rate_hz)] = False
        return active


def record(phone: Phone, seed: int, duration_s: float = 20.0) -> Take:
    """One recording of ``duration_s``; the same arguments give the same samples."""
    rng = np.random.default_rng(seed)
    rate = phone.rate_hz
    spec = speech(rate, seed, duration_s - 1.0, gap_s=(0.5, 0.9))
    far = np.pad(render_speech(spec, rate).astype(np.float64), (0, rate))
    echo = _echo(phone, far, rng)
    noise = _noise(phone, far.size, rng)
    heard = _processed(phone, echo, noise, far)
    left = (heard - _processed(phone, -echo, noise, -far)) / 2
    pcm = np.clip(np.round(heard * 32768), -32768, 32767) / 32768
    return Take(mono_audio(pcm, rate), mono_audio(far, rate), spec, echo, left)


def _echo(phone: Phone, far: F64, rng: np.random.Generator) -> F64:
    rate = phone.rate_hz
    played = far
    if phone.drive:
        played = np.tanh(phone.drive * far) / phone.drive
    if phone.drift_ppm:
        t = np.arange(far.size) / (1 + phone.drift_ppm * 1e-6)
        played = signal.resample_poly(played, 4, 1)
        played = np.interp(t * 4, np.arange(played.size), played)
    taps = np.arange(round(6 * phone.tail_s * rate)) / rate
    room = rng.standard_normal(taps.size) * np.exp(-taps / phone.tail_s) * 0.3
    room[0] = 2.0
    room = np.concatenate((np.zeros(round(phone.delay_ms / 1000 * rate)), room))
    colour = signal.butter(2, [300, 0.45 * rate], "band", fs=rate, output="sos")
    echo = signal.sosfilt(colour, signal.fftconvolve(played, room)[: far.size])
    power = np.convolve(echo**2, np.ones(rate // 10) / (rate // 10), "same")
    level = np.sqrt(np.mean(power[power > 0.01 * power.max()]))
    return np.asarray(echo / level * 10 ** (phone.level_dbfs / 20))


def _noise(phone: Phone, frames: int, rng: np.random.Generator) -> F64:
    noise = rng.standard_normal(frames)
    if phone.pink:
        b = [0.049922035, -0.095993537, 0.050612699, -0.004408786]
        noise = signal.lfilter(b, [1, -2.494956002, 2.017265875, -0.522189400], noise)
        noise /= noise.std()
    return np.asarray(noise * 10 ** (phone.noise_dbfs / 20))


def _processed(phone: Phone, echo: F64, noise: F64, far: F64) -> F64:
    heard = (echo * _factor(phone, echo) if phone.canceller == "ideal" else echo) + noise
    aec = phone.canceller == "aec3"
    if not (aec or phone.ns or phone.agc):
        return heard
    processor = AudioProcessor(
        phone.rate_hz, 1, echo_cancellation=aec, noise_suppression=phone.ns, ns_level=1,
        auto_gain_control=phone.agc, agc_max_gain_db=20.0,
    )  # fmt: skip
    near, reference = heard.astype(np.float32), far.astype(np.float32)
    out = processor.process(near, reference) if aec else processor.process(near)
    return np.asarray(out, np.float64)


def _factor(phone: Phone, echo: F64) -> F64:
    """Exponential convergence in decibels, counted in time with echo."""
    if not phone.converge_s:
        return np.full(echo.size, 10 ** (-phone.depth_db / 20))
    size = phone.rate_hz // 10
    power = np.convolve(echo**2, np.ones(size) / size, "same")
    heard_s = np.cumsum(power > 3e-5 * power.max()) / phone.rate_hz
    return np.asarray(10 ** (-phone.depth_db * (1 - np.exp(-3 * heard_s / phone.converge_s)) / 20))
