"""What a WebRTC session can be told: SDP, getUserMedia, sender, receiver and native options."""

from __future__ import annotations

import math
from collections.abc import Sequence

from profiler.export.missing import left_out, route_limited, unsupported
from profiler.export.origin import origin
from profiler.export.render import JsonValue, json_rows
from profiler.export.target import Item
from profiler.model import Advice, Exported, ExportFile, SettingValue, Unsupported

NAME = "webrtc"
TITLE = "WebRTC session settings: fmtp line, constraints, sender, receiver, native options"
OPT_IN = False
LOADED_BY = (
    "sdp = sdp.replace(/a=fmtp:111 .*/, `a=fmtp:111 ${row.sdp.fmtp}`); "
    "receiver.jitterBufferTarget = row.receiver.jitterBufferTarget"
)
FILE = "webrtc/sessions.json"
EXPRESSED = (
    "capture_rate_hz", "input_channels", "aec", "ns", "agc", "aec_filters", "opus_frame_ms",
    "opus_bitrate_bps", "opus_channels", "opus_max_playback_hz", "opus_fec", "opus_dtx",
    "opus_cbr", "red", "jitter_buffer_min_ms", "jitter_buffer_max_ms", "jitter_buffer_target_ms",
)  # fmt: skip
MIN_PACKETS = 20
"""libwebrtc raises a smaller audioJitterBufferMaxPackets to this (WebRtcVoiceEngine)."""
USABLE = 0.75
"""Share of the packet buffer that NetEq's delay may fill (DelayManager)."""

_UNSUPPORTED = unsupported(
    EXPRESSED,
    {
        "opus_application": "libwebrtc takes voip for mono and audio for stereo",
        "opus_complexity": "libwebrtc fixes it: 5 on phones, 9 elsewhere",
        "opus_packet_loss_percent": "libwebrtc tells the encoder the loss RTCP reports",
        "dred_ms": "libwebrtc has no option for it",
        "aec_delay_hint_ms": "the audio device module tells the delay",
        "aec_tail_ms": "AEC3 has one length of filter; more filters span more delay",
    },
    otherwise="not part of a WebRTC session: an app has to do it",
)


def export(items: Sequence[Item]) -> Exported:
    """One row a model. Pure."""
    rows = (_row(item) for item in items)
    head: dict[str, JsonValue] = {"format": "chirpbench-webrtc", "version": 1}
    return Exported(
        target=NAME,
        files=(ExportFile(FILE, json_rows(head, "models", rows)),),
        unsupported=(*_UNSUPPORTED, *_values_left_out(items), *route_limited(items, EXPRESSED)),
        notes=(
            "fmtp parameters tell the other side how to send: put them into the description that "
            "side receives",
        ),
    )


def _row(item: Item) -> JsonValue:
    advice = item.advice
    key = advice.facts.key
    return {
        "target": {
            "manufacturer": key.manufacturer,
            "model": key.model,
            "soc": key.soc,
            "os_build": key.os_build,
        },
        "sdp": {"fmtp": fmtp(advice), "ptime": _number(advice.value("opus_frame_ms"))},
        "codecPreferences": _codecs(advice.value("red")),
        "getUserMedia": {"audio": _constraints(advice)},
        "sender": {"encodings": [_encoding(advice)]},
        "receiver": {"jitterBufferTarget": _floor_ms(advice)},
        "configuration": _configuration(advice),
        "fieldTrials": _trials(advice.value("red")),
        "aec3Config": _aec3(advice.value("aec_filters")),
        "origin": origin(item),
    }


def fmtp(advice: Advice) -> str:
    """The format parameters of Opus (RFC 7587). What is left to the stack is not named."""
    value = advice.value
    flags = {"useinbandfec": value("opus_fec"), "usedtx": value("opus_dtx"),
             "cbr": value("opus_cbr")}  # fmt: skip
    stereo = None if value("opus_channels") is None else value("opus_channels") == 2
    parts: list[tuple[str, SettingValue]] = [
        ("minptime", 10),
        ("ptime", value("opus_frame_ms")),
        ("maxaveragebitrate", value("opus_bitrate_bps")),
        ("maxplaybackrate", value("opus_max_playback_hz")),
        ("stereo", stereo),
        ("sprop-stereo", stereo),
        *flags.items(),
    ]
    return ";".join(f"{name}={int(v)}" for name, v in parts if v is not None)


def max_packets(max_ms: int, frame_ms: int) -> int:
    """The packet buffer whose usable part holds ``max_ms``."""
    return max(MIN_PACKETS, math.ceil(max_ms / (USABLE * frame_ms)))


def _number(value: SettingValue) -> int | None:
    return None if value is None else int(value)


def _codecs(red: SettingValue) -> list[JsonValue] | None:
    if red is None:
        return None
    return ["audio/red", "audio/opus"] if red else ["audio/opus"]


def _trials(red: SettingValue) -> dict[str, JsonValue]:
    # One earlier packet in each; set before the first peer connection.
    return {"WebRTC-Audio-Red-For-Opus": "Enabled-1"} if red else {}


def _constraints(advice: Advice) -> dict[str, JsonValue]:
    # "ideal" never makes getUserMedia fail.
    ideal = {
        "sampleRate": advice.value("capture_rate_hz"),
        "channelCount": advice.value("input_channels"),
    }
    effects = {
        "echoCancellation": advice.value("aec"),
        "noiseSuppression": advice.value("ns"),
        "autoGainControl": advice.value("agc"),
    }
    return {
        **{name: who != "off" for name, who in effects.items() if who is not None},
        **{name: {"ideal": v} for name, v in ideal.items() if v is not None},
    }


def _encoding(advice: Advice) -> dict[str, JsonValue]:
    bitrate = _number(advice.value("opus_bitrate_bps"))
    return {} if bitrate is None else {"maxBitrate": bitrate}


def _floor_ms(advice: Advice) -> int | None:
    # NetEq takes jitterBufferTarget as the least delay.
    found = [advice.value("jitter_buffer_min_ms"), advice.value("jitter_buffer_target_ms")]
    return max((int(v) for v in found if v is not None), default=None)


def _configuration(advice: Advice) -> dict[str, JsonValue]:
    limit = advice.value("jitter_buffer_max_ms")
    if limit is None:
        return {}
    frame_ms = _number(advice.value("opus_frame_ms")) or 20
    return {"audioJitterBufferMaxPackets": max_packets(int(limit), frame_ms)}


def _aec3(filters: SettingValue) -> JsonValue:
    # As Aec3ConfigFromJsonString reads it.
    return None if filters is None else {"aec3": {"delay": {"num_filters": int(filters)}}}


def _values_left_out(items: Sequence[Item]) -> tuple[Unsupported, ...]:
    who = "getUserMedia only switches it on or off; the audio device module chooses who does it"
    found = [
        *left_out(items, {(n, v): who for n in ("aec", "ns", "agc") for v in ("software", "both")})
    ]
    raised = sorted(
        {
            int(limit)
            for item in items
            if (limit := item.advice.value("jitter_buffer_max_ms")) is not None
            and int(limit)
            < MIN_PACKETS * USABLE * (_number(item.advice.value("opus_frame_ms")) or 20)
        }
    )
    why = f"exported as {MIN_PACKETS} packets, the least libwebrtc takes"
    return (*found, *(Unsupported(f"jitter_buffer_max_ms={ms}", why) for ms in raised))
