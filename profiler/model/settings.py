"""Every setting a recommendation can hold: its type, its range and what it means.

The rule table chooses values, export targets translate them, the JSON Schema is made from this.
"""

from __future__ import annotations

from dataclasses import dataclass

from profiler.model.advice import SettingValue


@dataclass(frozen=True, slots=True)
class SettingKind:
    """One setting. The unit is in its name."""

    name: str
    type: str
    """``bool``, ``int``, ``float`` or ``str``; every setting may also be ``None`` = the system's
    own choice."""
    text: str
    allowed: tuple[str, ...] = ()
    """Of a ``str``."""
    low: float | None = None
    high: float | None = None

    def fits(self, value: SettingValue) -> bool:
        """Whether the value is of this type and in its range."""
        if value is None:
            return True
        if self.type == "bool":
            return isinstance(value, bool)
        if self.type == "str":
            return isinstance(value, str) and value in self.allowed
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.type == "int" and not isinstance(value, int):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


_STREAMS = (
    SettingKind(
        "api", "str", "which audio API opens the streams",
        ("aaudio", "java", "opensles", "coreaudio_remote_io", "coreaudio_voice_processing",
         "web_audio", "portaudio"),
    ),
    SettingKind("sharing", "str", "of the stream", ("exclusive", "shared")),
    SettingKind("performance_mode", "str", "of the stream",
                ("none", "low_latency", "power_saving")),
    SettingKind("audio_mode", "str", "of the system", ("media", "communication")),
    SettingKind("usage", "str", "of the output",
                ("media", "voice_communication", "assistant", "game")),
    SettingKind(
        "input_preset", "str", "of the input",
        ("generic", "camcorder", "voice_recognition", "voice_communication", "unprocessed",
         "voice_performance"),
    ),
    SettingKind("output_rate_hz", "int", "rate to open the output with", low=8_000, high=192_000),
    SettingKind("capture_rate_hz", "int", "rate to open the input with", low=8_000, high=192_000),
    SettingKind("input_channels", "int", "to open the input with", low=1, high=8),
    SettingKind("buffer_bursts", "int", "output buffer", low=1, high=64),
    SettingKind("buffer_frames", "int", "the same in frames", low=16, high=65_536),
    SettingKind("frames_per_burst", "int", "of the device", low=1, high=16_384),
    SettingKind("src_quality", "str", "sample-rate conversion in the app instead of the system",
                ("none", "fastest", "low", "medium", "high", "best")),
)  # fmt: skip

_ECHO = (
    SettingKind("aec", "str", "who cancels the echo", ("hardware", "software", "both", "off")),
    SettingKind("ns", "str", "who suppresses noise", ("hardware", "software", "both", "off")),
    SettingKind("agc", "str", "who controls the level", ("hardware", "software", "both", "off")),
    SettingKind("aec_delay_hint_ms", "int", "stream delay told to a software canceller",
                low=0, high=5_000),
    SettingKind("aec_tail_ms", "int", "echo path a software canceller must span",
                low=16, high=2_000),
    SettingKind("aec_filters", "int", "AEC3's delay.num_filters", low=1, high=64),
    SettingKind("full_duplex", "bool", "barge-in: the microphone stays open while the app speaks"),
    SettingKind("max_safe_volume", "float", "loudest share of the volume with safe barge-in",
                low=0.0, high=1.0),
    SettingKind("mic_holdoff_ms", "int", "ignore the microphone so long after playback starts",
                low=0, high=10_000),
    SettingKind("vad_threshold_offset_db", "float", "make the turn detector so much less sensitive",
                low=0.0, high=60.0),
    SettingKind("restart_between_modes", "bool", "open streams anew when the audio mode changes"),
)  # fmt: skip

_CODEC = (
    SettingKind("opus_application", "str", "of the encoder", ("voip", "audio", "lowdelay")),
    SettingKind("opus_frame_ms", "int", "packet length", low=10, high=120),
    SettingKind("opus_bitrate_bps", "int", "of all channels", low=6_000, high=510_000),
    SettingKind("opus_complexity", "int", "of the encoder", low=0, high=10),
    SettingKind("opus_channels", "int", "to encode", low=1, high=2),
    SettingKind("opus_max_playback_hz", "int", "audio bandwidth asked for, as a rate",
                low=8_000, high=48_000),
    SettingKind("opus_fec", "bool", "in-band forward error correction"),
    SettingKind("opus_packet_loss_percent", "int", "loss told to the encoder", low=0, high=100),
    SettingKind("opus_dtx", "bool", "discontinuous transmission"),
    SettingKind("opus_cbr", "bool", "constant bit rate"),
    SettingKind("red", "bool", "redundant audio data (RFC 2198)"),
    SettingKind("dred_ms", "int", "deep redundancy (Opus 1.5 on)", low=0, high=1_000),
)  # fmt: skip

_PLAYOUT = (
    SettingKind("jitter_buffer_min_ms", "int", "floor of the delay", low=0, high=4_000),
    SettingKind("jitter_buffer_max_ms", "int", "ceiling of the delay", low=0, high=10_000),
    SettingKind("jitter_buffer_target_ms", "int", "fixed target; None = adaptive",
                low=0, high=4_000),
)  # fmt: skip

_SESSION = (
    SettingKind("keep_warm_s", "int", "keep the streams open so long after the last sound",
                low=0, high=3_600),
    SettingKind("preroll_ms", "int", "silence before the first sound, input before the first word",
                low=0, high=5_000),
    SettingKind("restart_engine_on_route_change", "bool", "open streams anew on a route change"),
    SettingKind("trust_timestamps", "bool", "use the system's timestamps and latency"),
    SettingKind("drift_compensation", "bool", "resample input against output"),
)  # fmt: skip

_AGENT = (
    SettingKind("noise_reduction", "str", "of a speech service",
                ("near_field", "far_field", "off")),
    SettingKind("vad_threshold", "float", "of a speech service's turn detector",
                low=0.0, high=1.0),
    SettingKind("vad_stop_ms", "int", "silence that ends a turn", low=100, high=5_000),
    SettingKind("prefix_padding_ms", "int", "sound kept from before a turn", low=0, high=5_000),
)  # fmt: skip

SETTINGS: dict[str, SettingKind] = {
    kind.name: kind
    for group in (_STREAMS, _ECHO, _CODEC, _PLAYOUT, _SESSION, _AGENT)
    for kind in group
}
"""Every setting by name, in the order in which they are shown."""

ROUTES = ("speaker", "earpiece", "wired", "usb", "bluetooth_sco", "bluetooth_a2dp", "bluetooth_le")
"""Routes a setting may be limited to."""
