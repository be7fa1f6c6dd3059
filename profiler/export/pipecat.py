"""``pipecat``: parameters of Pipecat's voice detector and transport, as keyword arguments.

Names and defaults: pipecat @acead0507, ``VADParams`` and ``TransportParams``.
"""

from __future__ import annotations

from collections.abc import Sequence

from profiler.export.missing import route_limited, unsupported
from profiler.export.profiles import Words, group, index, index_bytes, without_none
from profiler.export.render import JsonValue
from profiler.export.target import Item
from profiler.model import Exported, ExportFile, Unsupported

NAME = "pipecat"
TITLE = "Pipecat voice detector and transport"
OPT_IN = False
LOADED_BY = "VADParams(**profile['VADParams']), TransportParams(**profile['TransportParams'])"

OWN_CONFIDENCE = 0.7
"""Of ``VADParams``. A detector that is less sure than this interrupts itself on any device."""
EXPRESSED = frozenset({
    "vad_threshold", "vad_stop_ms", "capture_rate_hz", "output_rate_hz", "input_channels",
    "opus_bitrate_bps",
})  # fmt: skip
WHY = {
    "full_duplex": "a strategy of the pipeline (user turn start, mute), not a value",
    "prefix_padding_ms": "the aggregator keeps its own",
    "noise_reduction": "a filter object (audio_in_filter), not a value",
    "vad_threshold_offset_db": "min_volume is a share of full scale after smoothing",
    "opus_frame_ms": "audio_out_10ms_chunks is the pipeline's own pace, not the packet's",
}


def export(items: Sequence[Item]) -> Exported:
    """One JSON: keyword arguments, and which model has which."""
    profiles, gaps = group(items, express)
    return Exported(
        NAME,
        (ExportFile(f"{NAME}/params.json", index_bytes(index(NAME, items, profiles))),),
        (
            *unsupported(EXPRESSED, WHY, otherwise="Pipecat runs on a server, not on the device"),
            *route_limited(items, EXPRESSED),
            *gaps,
        ),
        (f"confidence is the threshold, but never below Pipecat's own {OWN_CONFIDENCE}",)
        if any(item.advice.value("vad_threshold") is not None for item in items)
        else (),
    )


def express(item: Item) -> tuple[dict[str, JsonValue], tuple[Unsupported, ...]]:
    """One model's keyword arguments."""
    words = Words(item.advice)
    threshold, stop = words.number("vad_threshold"), words.integer("vad_stop_ms")
    detector = {
        "confidence": None if threshold is None else max(threshold, OWN_CONFIDENCE),
        "stop_secs": None if stop is None else stop / 1000,
    }
    transport = {
        "audio_in_sample_rate": words.integer("capture_rate_hz"),
        "audio_out_sample_rate": words.integer("output_rate_hz"),
        "audio_in_channels": words.integer("input_channels"),
        "audio_out_bitrate": words.integer("opus_bitrate_bps"),
    }
    return {
        "VADParams": without_none(detector),
        "TransportParams": without_none(transport),
    }, ()
