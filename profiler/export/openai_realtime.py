"""``openai_realtime``: the device's part of an OpenAI Realtime session (``session.update``).

Names and ranges: openai-openapi @f85dbe2.
"""

from __future__ import annotations

from collections.abc import Sequence

from profiler.export.missing import unsupported
from profiler.export.profiles import Profile, Words, group, index, index_bytes, without_none
from profiler.export.render import JsonValue
from profiler.export.target import Item
from profiler.model import Exported, ExportFile, Unsupported

NAME = "openai_realtime"
TITLE = "OpenAI Realtime session fragment"
OPT_IN = False
LOADED_BY = (
    'session = profile["routes"].get(route, profile["session"]); '
    'connection.send({"type": "session.update", "session": session})'
)

_EMPTY: dict[str, JsonValue] = {"type": "realtime"}
EXPRESSED = frozenset({
    "noise_reduction", "vad_threshold", "vad_stop_ms", "prefix_padding_ms", "full_duplex",
})  # fmt: skip
WHY = {
    "vad_threshold_offset_db": "the threshold has no unit: vad_threshold is it",
    "opus_frame_ms": "the transport decides: see the target webrtc",
}


def export(items: Sequence[Item]) -> Exported:
    """One JSON: session fragments, and which model has which."""
    profiles, gaps = group(items, express)
    return Exported(
        NAME,
        (ExportFile(f"{NAME}/sessions.json", index_bytes(index(NAME, items, profiles))),),
        (
            *unsupported(EXPRESSED, WHY, otherwise="the service never sees the device"),
            *gaps,
        ),
        _notes(profiles),
    )


def _notes(profiles: Sequence[Profile]) -> tuple[str, ...]:
    if profiles and all(p.values == {"session": _EMPTY, "routes": {}} for p in profiles):
        return ("no setting for a speech service: they come with the use voice-agent",)
    return ()


def express(item: Item) -> tuple[dict[str, JsonValue], tuple[Unsupported, ...]]:
    """One model's session fragment, and the whole fragment again for each route that differs."""
    advice = item.advice
    routes = sorted({s.route for s in advice.settings if s.route and s.name in EXPRESSED})
    values: dict[str, JsonValue] = {
        "session": _fragment(Words(advice)),
        "routes": {route: _fragment(Words(advice, route)) for route in routes},
    }
    return values, ()


def _fragment(words: Words) -> dict[str, JsonValue]:
    reduction = words.text("noise_reduction")
    detection = without_none(
        {
            "threshold": words.number("vad_threshold"),
            "prefix_padding_ms": words.integer("prefix_padding_ms"),
            "silence_duration_ms": words.integer("vad_stop_ms"),
            "interrupt_response": words.flag("full_duplex"),
        }
    )
    voice: dict[str, JsonValue] = {}
    if reduction is not None:
        # null is the service's word for off.
        voice["noise_reduction"] = None if reduction == "off" else {"type": reduction}
    if detection:
        voice["turn_detection"] = {"type": "server_vad", **detection}
    values: dict[str, JsonValue] = dict(_EMPTY)
    if voice:
        values["audio"] = {"input": voice}
    return values
