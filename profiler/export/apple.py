"""AVAudioSession and voice-processing data for iOS, as JSON and as a Swift table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from profiler.export.choice import ios, one_per
from profiler.export.missing import left_out, route_limited, unsupported
from profiler.export.origin import head_lines, origin, origin_line
from profiler.export.render import JsonValue, json_rows, swift_string
from profiler.export.target import Item
from profiler.model import Advice, Exported, ExportFile, ModelFacts, SettingValue

NAME = "apple"
TITLE = "AVAudioSession and voice-processing data (JSON and Swift)"
OPT_IN = False
LOADED_BY = "let profile = ChirpbenchProfiles.find(machine: utsnameMachine())"
JSON_FILE = "apple/audio_session.json"
SWIFT_FILE = "apple/ChirpbenchProfiles.swift"
MODELS_PER_PART = 50
"""Swift's type checker is slow on long literals."""
EXPRESSED = (
    "api", "audio_mode", "input_preset", "output_rate_hz", "input_channels", "buffer_bursts",
    "buffer_frames", "frames_per_burst", "aec", "agc",
)  # fmt: skip
_OTHER_PLATFORM = "no audio API of iOS"
_LEFT_OUT: dict[tuple[str, SettingValue], str] = {
    **{("api", other): _OTHER_PLATFORM
       for other in ("aaudio", "java", "opensles", "web_audio", "portaudio")},
    ("agc", "software"): "an app's own; exported as the system's switched off",
    ("agc", "both"): "exported as the system's",
    ("aec", "software"): "an app's own; exported as voice processing switched off",
    ("aec", "both"): "exported as voice processing",
    **{("input_preset", other): "AVAudioSession has no such mode; left to audio_mode"
       for other in ("generic", "camcorder", "voice_recognition", "voice_performance")},
}  # fmt: skip
_UNSUPPORTED = unsupported(
    EXPRESSED,
    {
        "ns": "voice processing cancels echo and suppresses noise together",
        "capture_rate_hz": "the session has one rate",
        "sharing": "iOS has none",
        "performance_mode": "iOS has none: the buffer says it",
        "usage": "iOS has none: the mode says it",
        "src_quality": "the system converts",
    },
    otherwise="not part of AVAudioSession or of voice processing",
)
_SWIFT_FIELDS = (
    ("mode", "String?"),
    ("preferredSampleRate", "Double?"),
    ("preferredIOBufferDuration", "Double?"),
    ("preferredInputNumberOfChannels", "Int?"),
    ("isVoiceProcessingEnabled", "Bool?"),
    ("isVoiceProcessingAGCEnabled", "Bool?"),
)


def export(items: Sequence[Item]) -> Exported:
    """One row for each machine name, e.g. ``iPhone14,7``. Pure."""
    kept, notes = one_per(ios(items), _who)
    rows = [_row(item) for item in kept]
    head: dict[str, JsonValue] = {"format": "chirpbench-apple", "version": 1}
    return Exported(
        target=NAME,
        files=(
            ExportFile(JSON_FILE, json_rows(head, "models", rows)),
            ExportFile(SWIFT_FILE, _swift(kept, rows)),
        ),
        unsupported=(
            *_UNSUPPORTED, *left_out(kept, _LEFT_OUT), *route_limited(kept, EXPRESSED),
        ),
        notes=tuple(notes),
    )  # fmt: skip


def _who(facts: ModelFacts) -> str:
    return facts.key.model


def _row(item: Item) -> dict[str, JsonValue]:
    advice = item.advice
    channels, rate_hz = advice.value("input_channels"), advice.value("output_rate_hz")
    return {
        "machine": advice.facts.key.model,
        "category": "AVAudioSessionCategoryPlayAndRecord",
        "mode": _mode(advice),
        "preferredSampleRate": None if rate_hz is None else float(rate_hz),
        "preferredIOBufferDuration": _buffer_s(advice),
        "preferredInputNumberOfChannels": None if channels is None else int(channels),
        "isVoiceProcessingEnabled": _voice_processing(advice),
        "isVoiceProcessingAGCEnabled": _system_agc(advice.value("agc")),
        "origin": origin(item),
    }


def _mode(advice: Advice) -> str | None:
    if advice.value("input_preset") == "unprocessed":
        return "AVAudioSessionModeMeasurement"
    modes: dict[SettingValue, str] = {
        "communication": "AVAudioSessionModeVoiceChat",
        "media": "AVAudioSessionModeDefault",
    }
    return modes.get(advice.value("audio_mode"))


def _buffer_s(advice: Advice) -> float | None:
    rate_hz, frames = advice.value("output_rate_hz"), advice.value("buffer_frames")
    bursts, burst_frames = advice.value("buffer_bursts"), advice.value("frames_per_burst")
    if frames is None and bursts is not None and burst_frames is not None:
        frames = int(bursts) * int(burst_frames)
    return None if frames is None or rate_hz is None else round(int(frames) / int(rate_hz), 6)


def _voice_processing(advice: Advice) -> bool | None:
    who, api = advice.value("aec"), advice.value("api")
    if who is not None:
        return who in ("hardware", "both")
    if api in ("coreaudio_voice_processing", "coreaudio_remote_io"):
        return api == "coreaudio_voice_processing"
    return None


def _system_agc(who: SettingValue) -> bool | None:
    return None if who is None else who in ("hardware", "both")


def _swift(items: Sequence[Item], rows: Sequence[Mapping[str, JsonValue]]) -> bytes:
    parts = range(0, len(rows), MODELS_PER_PART)
    names = " + ".join(f"part{n}" for n in range(len(parts))) or "[]"
    lines = [
        *(f"// {line}" for line in head_lines(list(items), "Audio profiles by machine name")),
        "// nil = leave it as it is. Texts are raw values of AVAudioSession.Mode.",
        "public struct ChirpbenchProfile {",
        "    public let machine: String",
        *(f"    public let {name}: {kind}" for name, kind in _SWIFT_FIELDS),
        "}",
        "",
        "public enum ChirpbenchProfiles {",
        f"    public static let all: [ChirpbenchProfile] = {names}",
        "",
        "    public static func find(machine: String) -> ChirpbenchProfile? {",
        "        return all.first { $0.machine == machine }",
        "    }",
    ]
    for n, begin in enumerate(parts):
        end = begin + MODELS_PER_PART
        lines += ["", f"    private static let part{n}: [ChirpbenchProfile] = ["]
        for item, row in zip(items[begin:end], rows[begin:end], strict=True):
            lines += [f"        // {origin_line(item)}", f"        {_profile(row)},"]
        lines.append("    ]")
    return ("\n".join([*lines, "}"]) + "\n").encode("ascii")


def _profile(row: Mapping[str, Any]) -> str:
    values = [f"{name}: {_literal(row[name])}" for name in ("machine", *dict(_SWIFT_FIELDS))]
    return f"ChirpbenchProfile({', '.join(values)})"


def _literal(value: bool | int | float | str | None) -> str:
    if value is None:
        return "nil"
    if isinstance(value, str):
        return swift_string(value)
    return str(value).lower() if isinstance(value, bool) else repr(value)
