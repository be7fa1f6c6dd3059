"""What is played: one analytic definition serves the samples that are sent and the analysis."""

from profiler.stimulus.files import (
    MAX_JSON_BYTES,
    read_stimulus,
    spec_from_json,
    spec_to_json,
    write_stimulus,
)
from profiler.stimulus.noises import noise, render_noise
from profiler.stimulus.rendering import render
from profiler.stimulus.speech import render_speech
from profiler.stimulus.tones import GLITCH_HZ, render_tone, tone
from profiler.stimulus.trains import (
    F_HI_HZ,
    F_LO_HZ,
    MAX_CHIRPS,
    MAX_TRAIN_S,
    USABLE_BAND,
    check_spec,
    chirp_at,
    chirp_spectrum,
    make_train,
    render_train,
    stability_train,
)

__all__ = [
    "F_HI_HZ",
    "F_LO_HZ",
    "GLITCH_HZ",
    "MAX_CHIRPS",
    "MAX_JSON_BYTES",
    "MAX_TRAIN_S",
    "USABLE_BAND",
    "check_spec",
    "chirp_at",
    "chirp_spectrum",
    "make_train",
    "noise",
    "read_stimulus",
    "render",
    "render_noise",
    "render_speech",
    "render_tone",
    "render_train",
    "spec_from_json",
    "spec_to_json",
    "stability_train",
    "tone",
    "write_stimulus",
]
