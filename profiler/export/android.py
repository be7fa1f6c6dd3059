"""Builder data of WebRTC's JavaAudioDeviceModule and of Oboe, as JSON and as a Kotlin table."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.export.android_kotlin import kotlin
from profiler.export.choice import android, one_per
from profiler.export.missing import left_out, route_limited, unsupported
from profiler.export.origin import origin
from profiler.export.render import JsonValue, json_rows
from profiler.export.target import Item
from profiler.model import Advice, Exported, ExportFile, ModelFacts, SettingValue

NAME = "android"
TITLE = "JavaAudioDeviceModule and Oboe builder data (JSON and Kotlin)"
OPT_IN = False
LOADED_BY = (
    "val profile = ChirpbenchProfiles.find(Build.MANUFACTURER, Build.MODEL, Build.SOC_MODEL)"
)
JSON_FILE = "android/audio_profiles.json"
KOTLIN_FILE = "android/ChirpbenchProfiles.kt"
EXPRESSED = (
    "api", "sharing", "performance_mode", "audio_mode", "usage", "input_preset", "output_rate_hz",
    "capture_rate_hz", "input_channels", "buffer_bursts", "buffer_frames", "src_quality", "aec",
    "ns", "agc",
)  # fmt: skip

_CODES: dict[str, dict[SettingValue, int]] = {
    "api": {"opensles": 1, "aaudio": 2},
    "sharing": {"exclusive": 0, "shared": 1},
    "performance_mode": {"none": 10, "power_saving": 11, "low_latency": 12},
    "audio_mode": {"media": 0, "communication": 3},
    "usage": {"media": 1, "voice_communication": 2, "game": 14, "assistant": 16},
    "input_preset": {
        "generic": 1, "camcorder": 5, "voice_recognition": 6, "voice_communication": 7,
        "unprocessed": 9, "voice_performance": 10,
    },
    "src_quality": {"none": 0, "fastest": 1, "low": 2, "medium": 3, "high": 4, "best": 5},
}  # fmt: skip
"""Values of Oboe's enums; usage, preset and mode have the same numbers in android.media."""

_LEFT_OUT: dict[tuple[str, SettingValue], str] = {
    **{
        ("api", other): "no audio API of Android"
        for other in ("coreaudio_remote_io", "coreaudio_voice_processing", "web_audio", "portaudio")
    },
    ("aec", "both"): "libwebrtc switches its own off when the hardware's is on",
    ("ns", "both"): "libwebrtc switches its own off when the hardware's is on",
    ("agc", "hardware"): "JavaAudioDeviceModule has no switch for it",
    ("agc", "both"): "JavaAudioDeviceModule has no switch for the hardware's",
}
_UNSUPPORTED = unsupported(
    EXPRESSED,
    {
        "frames_per_burst": "the open stream says it itself",
        "aec_delay_hint_ms": "JavaAudioDeviceModule tells its own estimate, 50 or 150 ms",
        "aec_filters": "part of EchoCanceller3Config: see the webrtc target",
        **dict.fromkeys(
            ("opus_application", "opus_frame_ms", "opus_bitrate_bps", "opus_complexity",
             "opus_channels", "opus_max_playback_hz", "opus_fec", "opus_packet_loss_percent",
             "opus_dtx", "opus_cbr", "red", "dred_ms", "jitter_buffer_min_ms",
             "jitter_buffer_max_ms", "jitter_buffer_target_ms"),
            "part of the session: see the webrtc target",
        ),
    },
    otherwise="no builder takes it: an app has to do it",
)  # fmt: skip


def export(items: Sequence[Item]) -> Exported:
    """One row for each manufacturer, model and SoC. Pure."""
    kept, notes = one_per(android(items), _who)
    rows = [row_of(item) for item in kept]
    head: dict[str, JsonValue] = {"format": "chirpbench-android", "version": 1}
    return Exported(
        target=NAME,
        files=(
            ExportFile(JSON_FILE, json_rows(head, "models", rows)),
            ExportFile(KOTLIN_FILE, kotlin(kept, rows)),
        ),
        unsupported=(
            *_UNSUPPORTED, *left_out(kept, _LEFT_OUT), *route_limited(kept, EXPRESSED),
        ),
        notes=tuple(notes),
    )  # fmt: skip


def row_of(item: Item) -> dict[str, JsonValue]:
    """One model's builder data; ``None`` = do not call the setter."""
    advice = item.advice
    key = advice.facts.key
    return {
        "target": {"manufacturer": key.manufacturer, "model": key.model, "soc": key.soc},
        "useOboe": {"aaudio": True, "opensles": True, "java": False}.get(str(advice.value("api"))),
        "audioManagerMode": _code(advice, "audio_mode"),
        "javaAudioDeviceModule": {
            "audioSource": _code(advice, "input_preset"),
            "usage": _code(advice, "usage"),
            "inputSampleRate": advice.value("capture_rate_hz"),
            "outputSampleRate": advice.value("output_rate_hz"),
            "useHardwareAcousticEchoCanceler": _is_hardware(advice.value("aec")),
            "useHardwareNoiseSuppressor": _is_hardware(advice.value("ns")),
            "useStereoInput": _is_stereo(advice.value("input_channels")),
            "useLowLatency": _is(advice.value("performance_mode"), "low_latency"),
        },
        "mediaConstraints": {
            "googEchoCancellation": _is_wanted(advice.value("aec")),
            "googNoiseSuppression": _is_wanted(advice.value("ns")),
            "googAutoGainControl": _is_software(advice.value("agc")),
        },
        "oboe": {
            "audioApi": _code(advice, "api"),
            "sharingMode": _code(advice, "sharing"),
            "performanceMode": _code(advice, "performance_mode"),
            "usage": _code(advice, "usage"),
            "inputPreset": _code(advice, "input_preset"),
            "inputSampleRate": advice.value("capture_rate_hz"),
            "outputSampleRate": advice.value("output_rate_hz"),
            "inputChannelCount": advice.value("input_channels"),
            "bufferSizeInBursts": advice.value("buffer_bursts"),
            "bufferSizeInFrames": advice.value("buffer_frames"),
            "sampleRateConversionQuality": _code(advice, "src_quality"),
        },
        "origin": origin(item),
    }


def _who(facts: ModelFacts) -> tuple[str, str, str]:
    return facts.key.manufacturer, facts.key.model, facts.key.soc


def _code(advice: Advice, name: str) -> int | None:
    return _CODES[name].get(advice.value(name))


def _is(value: SettingValue, word: str) -> bool | None:
    return None if value is None else value == word


def _is_hardware(who: SettingValue) -> bool | None:
    return None if who is None else who in ("hardware", "both")


def _is_software(who: SettingValue) -> bool | None:
    return None if who is None else who in ("software", "both")


def _is_wanted(who: SettingValue) -> bool | None:
    return None if who is None else who != "off"


def _is_stereo(channels: SettingValue) -> bool | None:
    return None if channels is None else channels == 2
