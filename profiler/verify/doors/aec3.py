"""WebRTC's echo canceller as an app runs it: verification's door to ``pywebrtc_audio``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
LONGEST_HINT_MS = 500
"""audio_processing_impl.cc clamps the stream delay to it."""

F64 = npt.NDArray[np.float64]


def cancel(near: F64, far: F64, hint_ms: int) -> F64:
    """``near`` (16 kHz, full scale 1) without the echo of ``far``, frame for frame.

    ``hint_ms`` is the stream delay an app tells. The filter bank is AEC3's default: the binding
    has no way to change it.
    """
    from pywebrtc_audio import AudioProcessor  # noqa: PLC0415 - slow to load, rarely needed

    size = near.size // (RATE_HZ // 100) * (RATE_HZ // 100)
    processor = AudioProcessor(
        sample_rate=RATE_HZ,
        echo_cancellation=True,
        noise_suppression=False,
        auto_gain_control=False,
        stream_delay_ms=max(0, min(hint_ms, LONGEST_HINT_MS)),
    )
    out = processor.process(near[:size].astype(np.float32), far[:size].astype(np.float32))
    made: F64 = np.asarray(out, np.float64)
    return made
