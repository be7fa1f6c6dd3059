"""What the default stack does on its own: the other side of every setting.

Android: libwebrtc's JavaAudioDeviceModule in a call, Opus as libwebrtc offers it, NetEq adaptive.
iOS: RTCAudioSession's defaults (libwebrtc's own sources).
"""

from __future__ import annotations

from collections.abc import Callable

from profiler.budget import Known
from profiler.model import Knowledge, SettingValue, UseCase

Values = dict[str, SettingValue]

_CODEC: Values = {
    "opus_application": "voip",
    "opus_frame_ms": 20,
    "opus_bitrate_bps": 32_000,
    "opus_complexity": 5,
    "opus_channels": 1,
    "opus_max_playback_hz": 48_000,
    "opus_fec": True,
    "opus_packet_loss_percent": None,  # follows RTCP
    "opus_dtx": False,
    "opus_cbr": False,
    "red": False,
    "dred_ms": 0,
}
_PLAYOUT: Values = {
    "jitter_buffer_min_ms": 0,
    "jitter_buffer_max_ms": 10_000,
    "jitter_buffer_target_ms": None,
}
_SESSION: Values = {
    "keep_warm_s": 0,
    "preroll_ms": 0,
    "restart_engine_on_route_change": False,
    "trust_timestamps": False,
    "drift_compensation": False,
}
_AGENT: Values = {
    "noise_reduction": "off",
    "vad_threshold": 0.5,
    "vad_stop_ms": 500,
    "prefix_padding_ms": 300,
}
_ECHO: Values = {
    "aec_tail_ms": 52,
    "aec_filters": 5,
    "full_duplex": True,
    "max_safe_volume": 1.0,
    "mic_holdoff_ms": 0,
    "vad_threshold_offset_db": 0.0,
    "restart_between_modes": False,
}
ANDROID_RATE_HZ = 16_000
"""JavaAudioDeviceModule where the system names no rate."""
IOS_RATE_HZ = 48_000
IOS_BUFFER_FRAMES = 960
"""RTCAudioSessionConfiguration: 0.02 s."""


def defaults(knowledge: Knowledge | Known, use: UseCase) -> Values:
    """Every setting with the value the default stack gives it."""
    known = knowledge if isinstance(knowledge, Known) else Known(knowledge)
    kind = known.family
    streams = _STREAMS.get(kind, _plain)(known)
    agent = _AGENT if use is UseCase.VOICE_AGENT else {}
    echo = {**_ECHO, "aec_tail_ms": None, "aec_filters": None} if kind == "web" else _ECHO
    return {**streams, **echo, **_CODEC, **_PLAYOUT, **_SESSION, **agent}


def _android(known: Known) -> Values:
    facts = known.facts
    effects = "hardware" if hardware_offered(known) else "software"
    rate_hz = _rate(facts.native_rate_hz, ANDROID_RATE_HZ)
    return {
        "api": "java",
        "sharing": "shared",
        "performance_mode": "none",
        "audio_mode": "communication",
        "usage": "voice_communication",
        "input_preset": "voice_communication",
        "output_rate_hz": rate_hz,
        "capture_rate_hz": rate_hz,
        "input_channels": 1,
        "buffer_bursts": None,
        "buffer_frames": None,
        "frames_per_burst": frames_per_burst(known),
        "src_quality": None,
        "aec": effects,
        "ns": effects,
        "agc": "software",
        "aec_delay_hint_ms": 150,  # without setUseLowLatency
    }


def _ios(known: Known) -> Values:
    return {
        "api": "coreaudio_voice_processing",
        "sharing": "shared",
        "performance_mode": None,
        "audio_mode": "communication",
        "usage": None,
        "input_preset": None,
        "output_rate_hz": IOS_RATE_HZ,
        "capture_rate_hz": IOS_RATE_HZ,
        "input_channels": 1,
        "buffer_bursts": None,
        "buffer_frames": IOS_BUFFER_FRAMES,
        "frames_per_burst": frames_per_burst(known),
        "src_quality": None,
        "aec": "hardware",
        "ns": "hardware",
        "agc": "hardware",
        "aec_delay_hint_ms": 60,  # 30 + 30
    }


def _plain(known: Known) -> Values:
    """A browser or a sound interface: WebRTC's own processing, the system's own streams."""
    rate_hz = _rate(known.facts.native_rate_hz, 48_000)
    web = known.family == "web"
    return {
        "api": "web_audio" if web else "portaudio",
        "sharing": None if web else "shared",
        "performance_mode": "low_latency" if web else None,
        "audio_mode": None if web else "media",
        "usage": None,
        "input_preset": None,
        "output_rate_hz": rate_hz,
        "capture_rate_hz": rate_hz,
        "input_channels": 1,
        "buffer_bursts": None,
        "buffer_frames": None,
        "frames_per_burst": frames_per_burst(known),
        "src_quality": None,
        "aec": "software",
        "ns": "software",
        "agc": "software",
        "aec_delay_hint_ms": None,
    }


_STREAMS: dict[str, Callable[[Known], Values]] = {"android": _android, "ios": _ios}


def hardware_offered(known: Known) -> bool:
    """Whether libwebrtc would switch the platform's canceller on: it is there and not AOSP's."""
    aosp = known.quantity("A2", "aosp_software_effect")
    if aosp is not None and aosp.worst > 0:
        return False
    said = known.variants("A2", "reported_on").values()
    return not said or any(q.worst > 0 for q in said)


def frames_per_burst(known: Known) -> int | None:
    """As the device reports it, when that can be true."""
    frames = known.facts.frames_per_burst
    return frames if frames is not None and 1 <= frames <= 16_384 else None


def _rate(reported_hz: int | None, otherwise_hz: int) -> int:
    known = reported_hz is not None and 8_000 <= reported_hz <= 192_000
    return reported_hz if known and reported_hz is not None else otherwise_hz
