"""From any description to samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from profiler.model import NoiseSpec, SpeechSpec, Stimulus, StimulusSpec, ToneSpec
from profiler.stimulus.noises import render_noise
from profiler.stimulus.speech import render_speech
from profiler.stimulus.tones import render_tone
from profiler.stimulus.trains import render_train


def render(spec: Stimulus, rate_hz: int) -> npt.NDArray[np.float32]:
    """Samples of the whole stimulus at ``rate_hz``, float32, shape (frames,), within ±1.

    Raises :class:`~profiler.errors.StimulusError` for speech that is not in this version's
    material.
    """
    match spec:
        case StimulusSpec():
            return render_train(spec, rate_hz)
        case ToneSpec():
            return render_tone(spec, rate_hz)
        case NoiseSpec():
            return render_noise(spec, rate_hz)
        case SpeechSpec():
            return render_speech(spec, rate_hz)
