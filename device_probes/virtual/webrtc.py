"""WebRTC's own voice processing (AEC3, NS, AGC2): the one door to ``pywebrtc_audio``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pywebrtc_audio import AudioProcessor
from scipy import fft, signal

Float32 = npt.NDArray[np.float32]
FRAME_S = 0.01
"""Everything happens in frames of 10 ms, which the processor cuts itself."""
_LEVELS_DB = (6.0, 12.0, 18.0, 21.0)
"""Depths of the noise suppressor's levels 0 to 3."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Which parts run, in WebRTC's order: echo canceller, noise suppressor, gain control."""

    aec: bool = False
    ns_db: float | None = None
    agc_db: float | None = None
    """Most of the adaptive gain."""
    hint_ms: int = 0

    @property
    def any(self) -> bool:
        """Whether there is anything to do."""
        return self.aec or self.ns_db is not None or self.agc_db is not None


def process(near: Float32, far: Float32, rate_hz: int, stages: Stages) -> Float32:
    """``near`` after the stages, same shape (frames,), later by :func:`added_delay_ms`.

    ``far`` is what is played, frame for frame of the same session at the same rate: what the
    processor's reverse stream gets beside each frame of the microphone. The processor starts
    fresh. A rate whose 10 ms are no whole frames is treated as WebRTC treats it.
    """
    if not stages.any or near.size == 0:
        return near
    level = 1
    if stages.ns_db is not None:
        wanted = stages.ns_db
        level = next((i for i, db in enumerate(_LEVELS_DB) if db >= wanted), len(_LEVELS_DB) - 1)
    processor = AudioProcessor(
        sample_rate=rate_hz,
        echo_cancellation=stages.aec,
        noise_suppression=stages.ns_db is not None,
        auto_gain_control=stages.agc_db is not None,
        ns_level=level,
        agc_max_gain_db=stages.agc_db or 0.0,
        stream_delay_ms=stages.hint_ms,
    )
    frame = rate_hz // round(1 / FRAME_S)
    spare = -near.size % frame  # the last frame is filled up, then cut off
    heard: Float32 = np.zeros(near.size + spare, np.float32)
    heard[: near.size] = near
    played: Float32 = np.zeros_like(heard)
    played[: far.size] = far[: heard.size]
    return processor.process(heard, played)[: near.size]


@lru_cache(maxsize=64)
def added_delay_ms(rate_hz: int, stages: Stages) -> float:
    """How much later a sound comes out than it went in, nothing being played.

    Measured: the lag at which the output correlates best with a sweep from 300 Hz to 4 kHz that
    went in, which is what an analysis of a chirp sees, to a hundredth of a frame.
    """
    if not stages.any:
        return 0.0
    sweep_s, lead_s = 0.4, 0.6
    t = np.arange(round(sweep_s * rate_hz)) / rate_hz
    top_hz = min(4000.0, 0.4 * rate_hz)
    sweep = 0.2 * signal.chirp(t, 300.0, sweep_s, top_hz, method="logarithmic")
    sweep *= signal.windows.tukey(t.size, 0.1)
    near = np.zeros(round((lead_s + sweep_s + 0.2) * rate_hz), np.float32)
    begin = round(lead_s * rate_hz)
    near[begin : begin + t.size] = sweep
    out = process(near, np.zeros_like(near), rate_hz, stages)
    size, fine = fft.next_fast_len(2 * near.size, real=True), 16
    cross = fft.rfft(out, size) * np.conj(fft.rfft(near, size))
    lags = fft.irfft(cross, size * fine)
    reach = round(0.1 * rate_hz * fine)
    best = int(np.argmax(np.abs(lags[:reach])))
    return best / fine / rate_hz * 1000
