"""``baresip``: configuration files for baresip 1 (frames) and for the newer keys (milliseconds).

Keys and ranges: baresip ``src/config.c`` and ``modules/opus/opus.c``, 1.0.0 and @044dd4e3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from profiler.export.missing import route_limited, unsupported
from profiler.export.origin import head_lines
from profiler.export.profiles import Profile, Words, group, index, index_bytes, without_none
from profiler.export.render import JsonValue
from profiler.export.target import Item
from profiler.model import Exported, ExportFile, Unsupported

NAME = "baresip"
TITLE = "baresip config"
OPT_IN = False
LOADED_BY = "baresip -f DIR, with the profile's lines appended to DIR/config"

OWN_FRAMES = (5, 10)
"""baresip's own ``jitter_buffer_delay``; its first version has no adaptive buffer."""
OWN_MS = (100, 200)
"""The newer versions' own ``audio_jitter_buffer_ms``."""
DEFAULT_FRAME_MS = 20
APPLICATIONS = ("audio", "voip")

EXPRESSED = frozenset({
    "capture_rate_hz", "output_rate_hz", "input_channels", "opus_application", "opus_bitrate_bps",
    "opus_complexity", "opus_channels", "opus_fec", "opus_packet_loss_percent", "opus_dtx",
    "opus_cbr", "jitter_buffer_min_ms", "jitter_buffer_max_ms", "jitter_buffer_target_ms",
})  # fmt: skip
WHY = {
    "opus_frame_ms": "a parameter of the account: add ;ptime=MS to its line",
    "opus_max_playback_hz": "announced as 48000 always",
    "aec": "a module decides (webrtc_aec.so), not a value",
    "ns": "a module decides (webrtc_aec.so, speex_pp.so), not a value",
    "agc": "a module decides (speex_pp.so), not a value",
    "red": "no redundant audio data",
    "dred_ms": "no deep redundancy",
}
_COMMON = (
    "ausrc_srate", "auplay_srate", "ausrc_channels", "opus_application", "opus_bitrate",
    "opus_complexity", "opus_stereo", "opus_sprop_stereo", "opus_inbandfec", "opus_packet_loss",
    "opus_dtx", "opus_cbr",
)  # fmt: skip
VERSIONS: dict[str, tuple[str, ...]] = {
    "1": (*_COMMON, "jitter_buffer_delay"),
    "4": (*_COMMON, "audio_jitter_buffer_type", "audio_jitter_buffer_ms"),
}
"""First version that knows a file's keys."""


def export(items: Sequence[Item]) -> Exported:
    """A file a profile and version, and an index."""
    profiles, gaps = group(items, express)
    files = [
        ExportFile(file_name(profile.name, version), _config(profile, version))
        for profile in profiles
        for version in VERSIONS
    ]
    made = index(NAME, items, profiles, files={v: file_name("PROFILE", v) for v in VERSIONS})
    return Exported(
        NAME,
        (ExportFile(f"{NAME}/index.json", index_bytes(made)), *files),
        (
            *unsupported(EXPRESSED, WHY, otherwise="no such value in baresip's config"),
            *route_limited(items, EXPRESSED),
            *gaps,
        ),
        ("baresip 1 has no adaptive jitter buffer: its floor stays in force all the time",)
        if profiles
        else (),
    )


def file_name(profile: str, version: str) -> str:
    """Below the export folder."""
    return f"{NAME}/{profile}/config-{version}"


def express(item: Item) -> tuple[dict[str, JsonValue], tuple[Unsupported, ...]]:
    """One model's values, those of every version."""
    words = Words(item.advice)
    application, gaps = words.text("opus_application"), list[Unsupported]()
    if application is not None and application not in APPLICATIONS:
        why = f"baresip knows {' and '.join(APPLICATIONS)}"
        gaps.append(Unsupported(f"opus_application={application}", why))
        application = None
    if words.integer("jitter_buffer_min_ms") == 0 and not words.integer("jitter_buffer_target_ms"):
        why = f"no floor of its own: baresip's {OWN_FRAMES[0]} frames or {OWN_MS[0]} ms stay"
        gaps.append(Unsupported("jitter_buffer_min_ms=0", why))
    channels = words.integer("opus_channels")
    values: dict[str, JsonValue] = {
        "ausrc_srate": words.integer("capture_rate_hz"),
        "auplay_srate": words.integer("output_rate_hz"),
        "ausrc_channels": words.integer("input_channels"),
        "opus_application": application,
        "opus_bitrate": words.integer("opus_bitrate_bps"),
        "opus_complexity": words.integer("opus_complexity"),
        "opus_stereo": None if channels is None else channels == 2,
        "opus_sprop_stereo": None if channels is None else channels == 2,
        "opus_inbandfec": words.flag("opus_fec"),
        "opus_packet_loss": words.integer("opus_packet_loss_percent"),
        "opus_dtx": words.flag("opus_dtx"),
        "opus_cbr": words.flag("opus_cbr"),
        **_jitter_buffer(words),
    }
    return without_none(values), tuple(gaps)


def _jitter_buffer(words: Words) -> dict[str, JsonValue]:
    least, most = words.integer("jitter_buffer_min_ms"), words.integer("jitter_buffer_max_ms")
    target = words.integer("jitter_buffer_target_ms")
    if least is None and most is None and target is None:
        return {}
    frame_ms = words.integer("opus_frame_ms") or DEFAULT_FRAME_MS
    top = OWN_FRAMES[1] if most is None else max(math.ceil(most / frame_ms), 1)
    floor_ms = target if target is not None else least
    # A floor of 0 asks for as little as the network allows; without adaptation that is unknown.
    low = math.ceil(floor_ms / frame_ms) if floor_ms else min(OWN_FRAMES[0], top)
    top_ms = OWN_MS[1] if most is None else max(most, frame_ms)
    low_ms = floor_ms if floor_ms else min(OWN_MS[0], top_ms)
    return {
        "jitter_buffer_delay": f"{low}-{max(top, low)}",
        "audio_jitter_buffer_type": "adaptive" if target is None else "fixed",
        "audio_jitter_buffer_ms": f"{low_ms}-{max(top_ms, low_ms)}",
    }


def _config(profile: Profile, version: str) -> bytes:
    lines = [f"# {line}" for line in head_lines(profile.items, f"baresip {version}")]
    lines += [f"# profile {profile.name}: index.json says which models have it", ""]
    lines.append(f"{'module':<25}opus.so")
    lines += [
        f"{key:<25}{_word(profile.values[key])}"
        for key in VERSIONS[version]
        if key in profile.values
    ]
    return ("\n".join(lines) + "\n").encode("ascii")


def _word(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
