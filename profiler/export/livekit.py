"""``livekit``: options of LiveKit's JS, Android and Swift clients, with the code that applies them.

Names and defaults: livekit client-sdk-js, -android @020819ed and -swift.
"""

from __future__ import annotations

from collections.abc import Sequence

from profiler.export.choice import is_android, is_ios
from profiler.export.livekit_code import ANDROID, JS, SWIFT
from profiler.export.missing import route_limited, unsupported
from profiler.export.origin import head_lines
from profiler.export.profiles import Words, group, index, index_bytes, without_none
from profiler.export.render import JsonValue, compact_json
from profiler.export.target import Item
from profiler.model import Exported, ExportFile, Unsupported

NAME = "livekit"
TITLE = "LiveKit options for JS, Android and Swift"
OPT_IN = False
LOADED_BY = "new Room(roomOptions(profileOf(manufacturer, model)))  // chirpbench-livekit.mjs"

AUDIO_SOURCE = {
    "generic": 1, "camcorder": 5, "voice_recognition": 6, "voice_communication": 7,
    "unprocessed": 9, "voice_performance": 10,
}  # fmt: skip
"""``MediaRecorder.AudioSource``."""
EXPRESSED = frozenset({
    "aec", "ns", "agc", "input_preset", "capture_rate_hz", "output_rate_hz", "input_channels",
    "performance_mode", "audio_mode", "opus_bitrate_bps", "opus_channels", "opus_dtx", "red",
})  # fmt: skip
WHY = {
    "opus_fec": "on always, by the offer of the server",
    "opus_frame_ms": "20 ms, by the offer of the server",
    "api": "libwebrtc's Java audio module; another one needs audioDeviceModule",
    "jitter_buffer_target_ms": "not in the options: receiver.jitterBufferTarget of each track",
}


def export(items: Sequence[Item]) -> Exported:
    """One JSON with every model, a JS module that holds the same, and loaders."""
    profiles, gaps = group(items, express)
    data = index(NAME, items, profiles)
    head = [f"// {line}" for line in head_lines(list(items), "LiveKit options")]
    script = [*head, f"const data = {compact_json(data)};", JS]
    return Exported(
        NAME,
        (
            ExportFile(f"{NAME}/options.json", index_bytes(data)),
            ExportFile(f"{NAME}/chirpbench-livekit.mjs", "\n".join(script).encode("ascii")),
            ExportFile(f"{NAME}/ChirpbenchLiveKit.kt", "\n".join([*head, ANDROID]).encode("ascii")),
            ExportFile(
                f"{NAME}/ChirpbenchLiveKit.swift", "\n".join([*head, SWIFT]).encode("ascii")
            ),
        ),
        (
            *unsupported(EXPRESSED, WHY, otherwise="no such option in LiveKit's clients"),
            *route_limited(items, EXPRESSED),
            *gaps,
        ),
        (),
    )


def express(item: Item) -> tuple[dict[str, JsonValue], tuple[Unsupported, ...]]:
    """One model's options: ``js`` for all, ``android`` or ``swift`` for its platform's apps."""
    words = Words(item.advice)
    capture, publish = _capture(words), _publish(words)
    values: dict[str, JsonValue] = {"js": {"capture": _js_capture(words), "publish": publish}}
    gaps = [
        Unsupported(f"{name}=both", "the device's effect alone; libwebrtc uses one of the two")
        for name in ("aec", "ns")
        if words.text(name) == "both"
    ]
    preset = words.text("input_preset")
    if is_android(item.advice.facts):
        values["android"] = {"capture": capture, "publish": _android_publish(publish),
                             "module": _module(words)}  # fmt: skip
    elif is_ios(item.advice.facts):
        values["swift"] = {"capture": capture, "publish": publish, "session": _session(words)}
        if preset is not None:
            gaps.append(Unsupported(f"input_preset={preset}", "a word of Android's"))
    return values, tuple(gaps)


def _on(who: str | None) -> bool | None:
    return None if who is None else who != "off"


def _capture(words: Words) -> dict[str, JsonValue]:
    return without_none(
        {
            "echoCancellation": _on(words.text("aec")),
            "noiseSuppression": _on(words.text("ns")),
            "autoGainControl": _on(words.text("agc")),
        }
    )


def _js_capture(words: Words) -> dict[str, JsonValue]:
    return {
        **_capture(words),
        **without_none(
            {
                "channelCount": words.integer("input_channels"),
                "sampleRate": words.integer("capture_rate_hz"),
            }
        ),
    }


def _publish(words: Words) -> dict[str, JsonValue]:
    channels = words.integer("opus_channels")
    return without_none(
        {
            "maxBitrate": words.integer("opus_bitrate_bps"),
            "dtx": words.flag("opus_dtx"),
            "red": words.flag("red"),
            "forceStereo": None if channels is None else channels == 2,
        }
    )


def _android_publish(publish: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {
        {"maxBitrate": "audioBitrate"}.get(name, name): value
        for name, value in publish.items()
        if name != "forceStereo"
    }


def _module(words: Words) -> dict[str, JsonValue]:
    aec, ns, mode = words.text("aec"), words.text("ns"), words.text("performance_mode")
    return without_none(
        {
            "useHardwareAcousticEchoCanceler": None if aec is None else aec in ("hardware", "both"),
            "useHardwareNoiseSuppressor": None if ns is None else ns in ("hardware", "both"),
            "useLowLatency": None if mode is None else mode == "low_latency",
            "audioSource": AUDIO_SOURCE.get(words.text("input_preset") or ""),
            "inputSampleRate": words.integer("capture_rate_hz"),
            "outputSampleRate": words.integer("output_rate_hz"),
            "audioOutput": {"media": "media", "communication": "call"}.get(
                words.text("audio_mode") or ""
            ),
        }
    )


def _session(words: Words) -> dict[str, JsonValue]:
    aec, mode = words.text("aec"), words.text("audio_mode")
    return without_none(
        {
            "category": "playAndRecord",
            "mode": {"media": "default", "communication": "voiceChat"}.get(mode or ""),
            "voiceProcessing": None if aec is None else aec in ("hardware", "both"),
        }
    )
