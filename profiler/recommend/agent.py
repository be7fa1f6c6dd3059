"""Rules for the fields of a speech service that depend on the device."""

from __future__ import annotations

from collections.abc import Iterator

from profiler.budget import mean_burst_packets
from profiler.model import UseCase
from profiler.recommend.case import Case, Choice, Evidence, only, up_to, upper, whole
from profiler.recommend.duplex import margin
from profiler.recommend.limits import (
    PREROLL_MS,
    VAD_STOP_MS,
    VAD_THRESHOLD,
    VAD_THRESHOLD_ECHO,
    WANTED_MARGIN_DB,
)
from profiler.recommend.rule import Rule

_STEP_MS = 10.0
HEADSETS = ("wired", "usb", "bluetooth_sco", "bluetooth_le")
"""Routes without a loudspeaker in front of the microphone."""


def _agent(case: Case) -> bool:
    return case.use is UseCase.VOICE_AGENT


def _noise_reduction(case: Case) -> Iterator[Choice]:
    if _agent(case):
        yield Choice("noise_reduction", "far_field", "a phone on its loudspeaker is held away")
        for route in HEADSETS:
            why = "a headset's microphone is near the mouth"
            yield Choice("noise_reduction", "near_field", why, route=route)


def _threshold(case: Case) -> Iterator[Choice]:
    if not _agent(case):
        return
    spare = margin(case)
    if spare is None:
        yield Choice("vad_threshold", VAD_THRESHOLD, "the service's own", would_tell=("A9",))
        return
    offset = case.value("vad_threshold_offset_db")
    echo = isinstance(offset, float) and offset > 0
    evidence: tuple[Evidence, ...] = (spare,)
    if echo:
        why = f"the echo that is left has less than {WANTED_MARGIN_DB:.0f} dB to spare"
        yield Choice("vad_threshold", VAD_THRESHOLD_ECHO, why, evidence)
    elif case.value("full_duplex") is True:
        why = f"the echo that is left has {spare.value:.0f} dB to spare"
        yield Choice("vad_threshold", VAD_THRESHOLD, why, evidence)
    else:
        yield Choice("vad_threshold", VAD_THRESHOLD, "half duplex: it hears no echo", evidence)


def _stop(case: Case) -> Iterator[Choice]:
    """A burst of lost packets must not end a turn."""
    if not _agent(case):
        return
    frame_ms = case.value("opus_frame_ms")
    burst = mean_burst_packets(case.network)
    gap_ms = burst * frame_ms if isinstance(frame_ms, int) and burst > 1 else 0.0
    value = whole("vad_stop_ms", VAD_STOP_MS + up_to(_STEP_MS, gap_ms))
    why = "Pipecat's default: every ms of it is a ms of the answer"
    if gap_ms:
        why += f"; a usual burst of lost packets, {gap_ms:.0f} ms, must not end a turn"
    yield Choice("vad_stop_ms", value, why)


def _prefix(case: Case) -> Iterator[Choice]:
    if not _agent(case):
        return
    found = case.variants("L6", "input_lost_ms").values()
    lost = max(found, key=upper, default=None)
    if lost is None or upper(lost) <= PREROLL_MS:
        told_by = ("L6",) if lost is None else ()
        why = "the service's own"
        yield Choice("prefix_padding_ms", PREROLL_MS, why, only([lost]), would_tell=told_by)
        return
    value = whole("prefix_padding_ms", up_to(_STEP_MS, upper(lost)))
    why = f"the microphone takes {lost.value:.0f} ms to deliver after a start"
    yield Choice("prefix_padding_ms", value, why, (lost,))


RULES = (
    Rule(
        "agent.noise_reduction", ("noise_reduction",),
        "voice agent", "far field on the loudspeaker, near field on a headset",
        (), ("proposal", "OpenAI Realtime"), _noise_reduction,
    ),
    Rule(
        "agent.threshold", ("vad_threshold",),
        "voice agent", "0.5; 0.7 where the echo has less than 6 dB to spare",
        ("A8", "A9"), ("proposal",), _threshold,
    ),
    Rule(
        "agent.stop", ("vad_stop_ms",),
        "voice agent", "200 ms and a mean burst of lost packets",
        (), ("Pipecat", "F8"), _stop,
    ),
    Rule(
        "agent.prefix", ("prefix_padding_ms",),
        "voice agent", "300 ms, or what L6 lost at a start",
        ("L6",), ("proposal", "OpenAI Realtime"), _prefix,
    ),
)  # fmt: skip
"""In order."""
