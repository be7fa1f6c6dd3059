"""The Kotlin table of the android target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from profiler.export.origin import head_lines, origin_line
from profiler.export.render import JsonValue, kotlin_string
from profiler.export.target import Item

MODELS_PER_PART = 100
"""A method of the JVM holds at most 64 KiB of code; a model takes about 250 bytes."""

FIELDS: tuple[tuple[str, str, str, str], ...] = (
    # name in Kotlin, type, block of the JSON row ("" = the row itself), member there
    ("useOboe", "Boolean?", "", "useOboe"),
    ("audioManagerMode", "Int?", "", "audioManagerMode"),
    ("audioSource", "Int?", "javaAudioDeviceModule", "audioSource"),
    ("usage", "Int?", "javaAudioDeviceModule", "usage"),
    ("inputSampleRate", "Int?", "javaAudioDeviceModule", "inputSampleRate"),
    ("outputSampleRate", "Int?", "javaAudioDeviceModule", "outputSampleRate"),
    ("useHardwareAcousticEchoCanceler", "Boolean?", "javaAudioDeviceModule",
     "useHardwareAcousticEchoCanceler"),
    ("useHardwareNoiseSuppressor", "Boolean?", "javaAudioDeviceModule",
     "useHardwareNoiseSuppressor"),
    ("useStereoInput", "Boolean?", "javaAudioDeviceModule", "useStereoInput"),
    ("useLowLatency", "Boolean?", "javaAudioDeviceModule", "useLowLatency"),
    ("googEchoCancellation", "Boolean?", "mediaConstraints", "googEchoCancellation"),
    ("googNoiseSuppression", "Boolean?", "mediaConstraints", "googNoiseSuppression"),
    ("googAutoGainControl", "Boolean?", "mediaConstraints", "googAutoGainControl"),
    ("oboeAudioApi", "Int?", "oboe", "audioApi"),
    ("oboeSharingMode", "Int?", "oboe", "sharingMode"),
    ("oboePerformanceMode", "Int?", "oboe", "performanceMode"),
    ("oboeInputChannelCount", "Int?", "oboe", "inputChannelCount"),
    ("oboeBufferSizeInBursts", "Int?", "oboe", "bufferSizeInBursts"),
    ("oboeBufferSizeInFrames", "Int?", "oboe", "bufferSizeInFrames"),
    ("oboeSampleRateConversionQuality", "Int?", "oboe", "sampleRateConversionQuality"),
)  # fmt: skip

_LOOK_UP = """\
    /** The profile of this model; of several SoCs the one named, else none unless there is one. */
    fun find(manufacturer: String, model: String, soc: String): Profile? {
        val found = all.filter {
            it.manufacturer.equals(manufacturer, ignoreCase = true) && it.model == model
        }
        return found.firstOrNull { it.soc == soc } ?: found.singleOrNull()
    }
"""


def kotlin(items: Sequence[Item], rows: Sequence[Mapping[str, JsonValue]]) -> bytes:
    """A Kotlin file with one object; every text of a phone is an escaped literal."""
    parts = range(0, len(rows), MODELS_PER_PART)
    names = " + ".join(f"part{n}()" for n in range(len(parts))) or "emptyList()"
    lines = [
        *(f"// {line}" for line in head_lines(list(items), "Audio profiles by device model")),
        "// null = do not call the setter. Numbers are those of android.media and of Oboe's enums.",
        "object ChirpbenchProfiles {",
        "    data class Profile(",
        *(f"        val {name}: String," for name in ("manufacturer", "model", "soc")),
        *(f"        val {name}: {kind}," for name, kind, _, _ in FIELDS),
        "    )",
        "",
        f"    val all: List<Profile> by lazy {{ {names} }}",
        "",
        *_LOOK_UP.splitlines(),
    ]
    for n, begin in enumerate(parts):
        end = begin + MODELS_PER_PART
        lines += ["", f"    private fun part{n}(): List<Profile> = listOf("]
        for item, row in zip(items[begin:end], rows[begin:end], strict=True):
            lines += [f"        // {origin_line(item)}", f"        {_profile(row)},"]
        lines.append("    )")
    return ("\n".join([*lines, "}"]) + "\n").encode("ascii")


def _profile(row: Mapping[str, Any]) -> str:
    target = row["target"]
    texts = [kotlin_string(target[name]) for name in ("manufacturer", "model", "soc")]
    values = [_literal((row[block] if block else row)[member]) for _, _, block, member in FIELDS]
    return f"Profile({', '.join([*texts, *values])})"


def _literal(value: bool | int | None) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
