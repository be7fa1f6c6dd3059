"""What is played: one analytic definition serves the samples that are sent and the analysis."""

from profiler.stimulus.exchange_files import (
    ExchangePlan,
    plan_from_json,
    read_plan,
    write_plan,
)
from profiler.stimulus.files import (
    MAX_JSON_BYTES,
    read_stimulus,
    spec_from_json,
    spec_to_json,
    write_stimulus,
)
from profiler.stimulus.noises import noise, render_noise
from profiler.stimulus.rendering import render
from profiler.stimulus.schedule import (
    HANG_OVER_S,
    REVERB_S,
    ExchangeSchedule,
    check_schedule,
    clean_trains,
    exchange_schedule,
    whole_train,
)
from profiler.stimulus.speech import render_speech, sentences, speech, spoken_spans_s
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
    "HANG_OVER_S",
    "MAX_CHIRPS",
    "MAX_JSON_BYTES",
    "MAX_TRAIN_S",
    "REVERB_S",
    "USABLE_BAND",
    "ExchangePlan",
    "ExchangeSchedule",
    "check_schedule",
    "check_spec",
    "chirp_at",
    "chirp_spectrum",
    "clean_trains",
    "exchange_schedule",
    "make_train",
    "noise",
    "plan_from_json",
    "read_plan",
    "read_stimulus",
    "render",
    "render_noise",
    "render_speech",
    "render_tone",
    "render_train",
    "sentences",
    "spec_from_json",
    "spec_to_json",
    "speech",
    "spoken_spans_s",
    "stability_train",
    "tone",
    "whole_train",
    "write_plan",
    "write_stimulus",
]
