"""``pjsua2``: PJSUA2's MediaConfig and CodecOpusConfig, as JSON and as a Python and a C++ snippet.

Names, defaults and ranges: pjproject @b7317ffca, ``pjsua.h``, ``pjsua2/endpoint.hpp``,
``pjmedia/echo.h``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from profiler.export.missing import route_limited, unsupported
from profiler.export.origin import head_lines
from profiler.export.profiles import Words, group, index, index_bytes, without_none
from profiler.export.render import JsonValue
from profiler.export.target import Item
from profiler.model import Exported, ExportFile, Unsupported

NAME = "pjsua2"
TITLE = "PJSUA2 MediaConfig"
OPT_IN = False
LOADED_BY = "apply(config.medConfig, profile(Build.MANUFACTURER, Build.MODEL))  # chirpbench_pjsua2"

USE_SW_ECHO = 64
"""``PJMEDIA_ECHO_USE_SW_ECHO``: PJMEDIA's canceller, not the sound device's."""
USE_NOISE_SUPPRESSOR = 128
USE_GAIN_CONTROLLER = 256
QUALITY = {"fastest": 1, "low": 3, "medium": 5, "high": 8, "best": 10}
"""Of the resampler, 0…10; pjsua's own is 8."""
BRIDGE_FRAME_MS = 20
EXPRESSED = frozenset({
    "aec", "ns", "agc", "aec_tail_ms", "output_rate_hz", "buffer_frames", "src_quality",
    "opus_max_playback_hz", "opus_frame_ms", "opus_bitrate_bps", "opus_complexity",
    "opus_channels", "opus_fec", "opus_packet_loss_percent", "opus_dtx", "opus_cbr",
    "jitter_buffer_min_ms", "jitter_buffer_max_ms", "jitter_buffer_target_ms", "keep_warm_s",
})  # fmt: skip
WHY = {
    "aec_delay_hint_ms": "PJMEDIA works it out of sndRecLatency and sndPlayLatency",
    "capture_rate_hz": "the sound device has one rate, sndClockRate",
    "buffer_bursts": "sndPlayLatency is in milliseconds: see buffer_frames",
    "opus_application": "fixed in PJMEDIA",
}


def export(items: Sequence[Item]) -> Exported:
    """One JSON with every model, and code that applies it."""
    profiles, gaps = group(items, express)
    head = head_lines(list(items), "PJSUA2 settings")
    return Exported(
        NAME,
        (
            ExportFile(f"{NAME}/media.json", index_bytes(index(NAME, items, profiles))),
            ExportFile(f"{NAME}/chirpbench_pjsua2.py", _with_head("#", head, _PYTHON)),
            ExportFile(f"{NAME}/chirpbench_pjsua2.hpp", _with_head("//", head, _CPP)),
        ),
        (
            *unsupported(EXPRESSED, WHY, otherwise="no such value in PJSUA2"),
            *route_limited(items, EXPRESSED),
            *gaps,
        ),
        (),
    )


def express(item: Item) -> tuple[dict[str, JsonValue], tuple[Unsupported, ...]]:
    """One model's MediaConfig, CodecOpusConfig and the Opus parameters of the SDP."""
    words = Words(item.advice)
    media, gaps = _media(words)
    channels = words.integer("opus_channels")
    codec = {
        "sample_rate": words.integer("opus_max_playback_hz"),
        "channel_cnt": channels,
        "frm_ptime": words.integer("opus_frame_ms"),
        "bit_rate": words.integer("opus_bitrate_bps"),
        "packet_loss": words.integer("opus_packet_loss_percent"),
        "complexity": words.integer("opus_complexity"),
        "cbr": words.flag("opus_cbr"),
    }
    fec, dtx = words.flag("opus_fec"), words.flag("opus_dtx")
    fmtp = {
        "useinbandfec": None if fec is None else str(int(fec)),
        "usedtx": None if dtx is None else str(int(dtx)),
    }
    values: dict[str, JsonValue] = {
        "MediaConfig": without_none(media),
        "CodecOpusConfig": without_none(codec),
        "fmtp": without_none(fmtp),
    }
    return values, gaps


def _media(words: Words) -> tuple[dict[str, JsonValue], tuple[Unsupported, ...]]:
    frame, dtx = words.integer("opus_frame_ms"), words.flag("opus_dtx")
    quality = words.text("src_quality")
    rate, frames = words.integer("output_rate_hz"), words.integer("buffer_frames")
    options, tail, gaps = _echo(words)
    if quality == "none":
        gaps.append(Unsupported("src_quality=none", "PJMEDIA converts where rates differ"))
    media: dict[str, JsonValue] = {
        "clockRate": words.integer("opus_max_playback_hz"),
        "sndClockRate": rate,
        "channelCount": words.integer("opus_channels"),
        "audioFramePtime": None if frame is None else min(frame, BRIDGE_FRAME_MS),
        "ptime": frame,
        "quality": QUALITY.get(quality or ""),
        "noVad": None if dtx is None else not dtx,
        "ecOptions": options,
        "ecTailLen": tail,
        "sndPlayLatency": math.ceil(frames * 1000 / rate) if frames and rate else None,
        "sndAutoCloseTime": words.integer("keep_warm_s"),
        **_jitter_buffer(words),
    }
    return media, tuple(gaps)


def _echo(words: Words) -> tuple[int | None, int | None, list[Unsupported]]:
    aec, ns, agc = words.text("aec"), words.text("ns"), words.text("agc")
    if aec is None:
        return None, None, []
    gaps = []
    software = aec in ("software", "both")
    options = USE_SW_ECHO if software else 0
    for name, value, bit in (("ns", ns, USE_NOISE_SUPPRESSOR), ("agc", agc, USE_GAIN_CONTROLLER)):
        if value in ("software", "both"):
            if software:
                options |= bit
            else:
                gaps.append(
                    Unsupported(f"{name}={value}", "a part of PJMEDIA's own echo canceller")
                )
    if aec == "both":
        gaps.append(Unsupported("aec=both", "PJMEDIA's canceller alone"))
    # A tail of 0 is PJSUA's word for no canceller; with the device's own any tail does.
    tail = 0 if aec == "off" else words.integer("aec_tail_ms")
    return options, tail, gaps


def _jitter_buffer(words: Words) -> dict[str, JsonValue]:
    least, most = words.integer("jitter_buffer_min_ms"), words.integer("jitter_buffer_max_ms")
    target = words.integer("jitter_buffer_target_ms")
    if target is not None:
        return {"jbInit": target, "jbMinPre": target, "jbMaxPre": target, "jbMax": most}
    # 80 % is PJSUA's own share of jbMax for the prefetch.
    ceiling = None if most is None else max(most * 4 // 5, least or 0)
    return {"jbMinPre": least or None, "jbMaxPre": ceiling, "jbMax": most}


def _with_head(sign: str, head: Sequence[str], text: str) -> bytes:
    return ("\n".join(f"{sign} {line}" for line in head) + "\n" + text).encode("ascii")


_PYTHON = '''\
"""Applies media.json to PJSUA2's Python binding."""

import json
import pathlib


def profile(manufacturer, model, os_build=None, file="media.json"):
    """The profile of a model: of its OS build if it has one of its own; None = not profiled."""
    data = json.loads(pathlib.Path(file).read_text(encoding="ascii"))
    rows = [
        row
        for row in data["models"]
        if row["manufacturer"].lower() == manufacturer.lower() and row["model"] == model
    ]
    rows.sort(key=lambda row: row["os_build"] != os_build)
    return data["profiles"][rows[0]["profile"]] if rows else None


def apply(media_config, found):
    """Set what the profile names; the rest stays PJSUA2's own."""
    for name, value in (found or {}).get("MediaConfig", {}).items():
        setattr(media_config, name, value)
'''

_CPP = """\
// Applies one profile of media.json to PJSUA2; parse the JSON with the library your app has.
#pragma once
#include <pjsua2.hpp>

// value(name, out) sets out and returns true when the profile's MediaConfig has the name.
template <class Value>
void chirpbench_apply(pj::MediaConfig &media, Value value) {
    value("clockRate", media.clockRate);
    value("sndClockRate", media.sndClockRate);
    value("channelCount", media.channelCount);
    value("audioFramePtime", media.audioFramePtime);
    value("ptime", media.ptime);
    value("quality", media.quality);
    value("noVad", media.noVad);
    value("ecOptions", media.ecOptions);
    value("ecTailLen", media.ecTailLen);
    value("sndPlayLatency", media.sndPlayLatency);
    value("sndAutoCloseTime", media.sndAutoCloseTime);
    value("jbInit", media.jbInit);
    value("jbMinPre", media.jbMinPre);
    value("jbMaxPre", media.jbMaxPre);
    value("jbMax", media.jbMax);
}

// The same for Endpoint::setCodecOpusConfig.
template <class Value>
void chirpbench_apply(pj::CodecOpusConfig &opus, Value value) {
    value("sample_rate", opus.sample_rate);
    value("channel_cnt", opus.channel_cnt);
    value("frm_ptime", opus.frm_ptime);
    value("bit_rate", opus.bit_rate);
    value("packet_loss", opus.packet_loss);
    value("complexity", opus.complexity);
    value("cbr", opus.cbr);
}
"""
