"""Sentences of the packaged speech material, placed on a timeline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from profiler.errors import StimulusError
from profiler.model import SpeechSpec


def render_speech(spec: SpeechSpec, rate_hz: int) -> npt.NDArray[np.float32]:
    """Samples at ``rate_hz``, float32, shape (frames,)."""
    raise StimulusError(f"no speech material at {rate_hz} Hz for {spec.stimulus_id}")
