"""``linphone``: device rows (C and JSON), linphonerc files and remote provisioning XML.

Rows: mediastreamer2 ``src/audiofilters/devices.c`` @62d456a1; keys: liblinphone @9896e6c9b.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from profiler.export.linphone_rows import own_delay_ms, rows_c, rows_json, rows_of
from profiler.export.missing import route_limited, unsupported
from profiler.export.origin import head_lines
from profiler.export.profiles import Profile, Words, group, index, index_bytes, without_none
from profiler.export.render import JsonValue
from profiler.export.target import Item
from profiler.model import Exported, ExportFile, Unsupported

NAME = "linphone"
TITLE = "Linphone device rows, linphonerc and provisioning"
OPT_IN = False
LOADED_BY = 'core = linphone_factory_create_core_3(factory, NULL, "PROFILE.linphonerc", NULL)'

NAMESPACE = "http://www.linphone.org/xsds/lpconfig.xsd"
EXPRESSED = frozenset({
    "api", "performance_mode", "input_preset", "capture_rate_hz", "aec", "agc",
    "aec_delay_hint_ms", "aec_tail_ms", "opus_frame_ms", "opus_bitrate_bps", "opus_fec",
    "opus_dtx", "opus_cbr", "opus_channels", "opus_max_playback_hz", "jitter_buffer_min_ms",
    "jitter_buffer_target_ms",
})  # fmt: skip
WHY = {
    "ns": "comes with the device's voice input, no value of its own",
    "jitter_buffer_max_ms": "the ceiling is fixed in oRTP",
    "opus_complexity": "fixed in mediastreamer2",
    "opus_packet_loss_percent": "taken from the far end's reports",
    "opus_application": "fixed in mediastreamer2",
    "buffer_bursts": "the sound filters choose their buffers",
    "buffer_frames": "the sound filters choose their buffers",
    "full_duplex": "the echo limiter follows the level, not a profile",
    "output_rate_hz": "a row has one rate, for both directions",
}
_SOFTWARE = ("software", "both")


def export(items: Sequence[Item]) -> Exported:
    """Rows of the Android models; a linphonerc and an XML a profile; an index."""
    profiles, gaps = group(items, express)
    rows, row_gaps, notes = rows_of(items)
    files = [
        ExportFile(f"{NAME}/devices.json", rows_json(items, rows)),
        ExportFile(f"{NAME}/devices.c", rows_c(items, rows)),
        ExportFile(f"{NAME}/index.json", index_bytes(index(
            NAME, items, profiles,
            files={"linphonerc": file_name("PROFILE", "linphonerc"),
                   "provisioning": file_name("PROFILE", "xml")},
        ))),
    ]  # fmt: skip
    for profile in profiles:
        files.append(ExportFile(file_name(profile.name, "linphonerc"), _ini(profile)))
        files.append(ExportFile(file_name(profile.name, "xml"), _xml(profile)))
    return Exported(
        NAME,
        tuple(files),
        (
            *unsupported(EXPRESSED, WHY, otherwise="no such value in Linphone"),
            *route_limited(items, EXPRESSED),
            *row_gaps,
            *gaps,
        ),
        tuple(notes),
    )


def file_name(profile: str, kind: str) -> str:
    """Below the export folder; ``kind`` is the file's ending."""
    return f"{NAME}/{profile}.{kind}"


def express(item: Item) -> tuple[dict[str, JsonValue], tuple[Unsupported, ...]]:
    """One model's linphonerc: section to key to value."""
    words = Words(item.advice)
    aec, agc = words.text("aec"), words.text("agc")
    target, least = words.integer("jitter_buffer_target_ms"), words.integer("jitter_buffer_min_ms")
    software = aec in _SOFTWARE
    sound = {
        "echocancellation": None if aec is None else int(aec != "off"),
        # More than 0 forces Linphone's own canceller, also beside the device's.
        "ec_delay": None if aec is None else (own_delay_ms(words) if software else 0),
        "ec_tail_len": words.integer("aec_tail_ms") if software else None,
        "agc": None if agc is None else int(agc in _SOFTWARE),
    }
    rtp = {
        "audio_jitt_comp": target if target is not None else (least or None),
        "audio_adaptive_jitt_comp_enabled": (
            None if target is None and least is None else int(target is None)
        ),
        "upload_ptime": words.integer("opus_frame_ms"),
        "download_ptime": words.integer("opus_frame_ms"),
    }
    fmtp = _fmtp(words)
    opus: dict[str, JsonValue] = {"mime": "opus", "rate": 48_000, "channels": 2, "enabled": 1}
    sections: dict[str, dict[str, JsonValue]] = {
        "sound": without_none(sound),
        "rtp": without_none(rtp),
        "audio_codec_0": {**opus, "recv_fmtp": fmtp} if fmtp else {},
    }
    gaps = []
    if least == 0 and target is None:
        why = "0 would switch the jitter buffer off: Linphone's own 60 ms stay"
        gaps.append(Unsupported("jitter_buffer_min_ms=0", why))
    if aec == "both":
        gaps.append(Unsupported("aec=both", "Linphone's own canceller alone, the device's is off"))
    return {name: keys for name, keys in sections.items() if keys}, tuple(gaps)


def _fmtp(words: Words) -> str:
    channels = words.integer("opus_channels")
    parameters: dict[str, bool | int | None] = {
        "useinbandfec": words.flag("opus_fec"),
        "usedtx": words.flag("opus_dtx"),
        "cbr": words.flag("opus_cbr"),
        "stereo": None if channels is None else channels == 2,
        "maxaveragebitrate": words.integer("opus_bitrate_bps"),
        "maxplaybackrate": words.integer("opus_max_playback_hz"),
    }
    return ";".join(f"{k}={int(v)}" for k, v in parameters.items() if v is not None)


def _sections(profile: Profile) -> list[tuple[str, Mapping[str, JsonValue]]]:
    return [(name, keys) for name, keys in profile.values.items() if isinstance(keys, Mapping)]


def _ini(profile: Profile) -> bytes:
    lines = [f"# {line}" for line in head_lines(profile.items, "Linphone configuration")]
    lines.append(f"# profile {profile.name}: index.json says which models have it")
    for name, keys in _sections(profile):
        lines += ["", f"[{name}]", *(f"{key}={value}" for key, value in keys.items())]
    return ("\n".join(lines) + "\n").encode("ascii")


def _xml(profile: Profile) -> bytes:
    root = ET.Element("config", {"xmlns": NAMESPACE})
    for line in head_lines(profile.items, "Linphone provisioning"):
        root.append(ET.Comment(f" {line} "))
    for name, keys in _sections(profile):
        section = ET.SubElement(root, "section", {"name": name})
        for key, value in keys.items():
            entry = ET.SubElement(section, "entry", {"name": key, "overwrite": "true"})
            entry.text = str(value)
    ET.indent(root)
    body: bytes = ET.tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"
