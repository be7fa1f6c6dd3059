"""Two made-up phones with advice: what the samples of docs/exports.md are exported from."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from profiler.export import Item
from profiler.model import (
    Advice,
    Confidence,
    ModelFacts,
    ModelKey,
    Platform,
    Setting,
    SettingValue,
    SupportLevel,
    UseCase,
)

MEASURED_AT = datetime(2026, 9, 14, 10, 30, tzinfo=UTC)

ANDROID: dict[str, SettingValue] = {
    "api": "aaudio",
    "sharing": "exclusive",
    "performance_mode": "low_latency",
    "audio_mode": "communication",
    "usage": "voice_communication",
    "input_preset": "voice_communication",
    "output_rate_hz": 48_000,
    "capture_rate_hz": 48_000,
    "input_channels": 1,
    "buffer_bursts": 2,
    "buffer_frames": 384,
    "frames_per_burst": 192,
    "src_quality": "medium",
    "aec": "software",
    "ns": "software",
    "agc": "software",
    "aec_delay_hint_ms": 180,
    "aec_tail_ms": 64,
    "aec_filters": None,
    "full_duplex": True,
    "max_safe_volume": 0.75,
    "mic_holdoff_ms": 0,
    "opus_application": "voip",
    "opus_frame_ms": 20,
    "opus_bitrate_bps": 24_000,
    "opus_complexity": 5,
    "opus_channels": 1,
    "opus_fec": True,
    "opus_packet_loss_percent": 5,
    "opus_dtx": False,
    "red": False,
    "jitter_buffer_min_ms": 0,
    "jitter_buffer_max_ms": 100,
    "keep_warm_s": 30,
    "preroll_ms": 200,
    "noise_reduction": "far_field",
    "vad_threshold": 0.6,
    "vad_stop_ms": 300,
    "prefix_padding_ms": 300,
}
IOS: dict[str, SettingValue] = {
    **ANDROID,
    "api": "coreaudio_voice_processing",
    "sharing": None,
    "performance_mode": None,
    "usage": None,
    "buffer_bursts": None,
    "buffer_frames": 256,
    "aec": "hardware",
    "ns": "hardware",
    "agc": "hardware",
    "src_quality": None,
}


def sample_items() -> list[Item]:
    """An Android phone whose hardware canceller is bad, and an iPhone. No real measurement."""
    android = ModelFacts(
        key=ModelKey("Example", "EX-120", "ex6765", "example/ex120:14/UP1A.1/7:user/release-keys"),
        marketing_name="Example 12",
        platform=Platform.ANDROID,
        os_name="Android",
        os_version="14",
        api_level=34,
        board="ex6765",
        native_rate_hz=48_000,
        frames_per_burst=192,
        low_latency=True,
        pro_audio=False,
        is_virtual=False,
        is_emulator=False,
        is_custom_rom=False,
    )
    ios = ModelFacts(
        key=ModelKey("Apple", "iPhone99,1", "A99", "99A1"),
        marketing_name="iPhone 99",
        platform=Platform.IOS,
        os_name="iOS",
        os_version="99.0",
        api_level=None,
        board="",
        native_rate_hz=48_000,
        frames_per_burst=256,
        low_latency=True,
        pro_audio=True,
        is_virtual=False,
        is_emulator=False,
        is_custom_rom=False,
    )
    return [_item(ios, IOS), _item(android, ANDROID)]


def _item(facts: ModelFacts, values: dict[str, SettingValue]) -> Item:
    advice = Advice(
        facts=facts,
        use=UseCase.VOICE_AGENT,
        network="4g",
        settings=tuple(_setting(name, value) for name, value in values.items()),
        budgets=(),
        cautions=(),
        level=SupportLevel.SAME_BUILD,
        confidence=Confidence.MEDIUM,
        devices=2,
        runs=5,
        oldest_at=MEASURED_AT - timedelta(days=3),
        newest_at=MEASURED_AT,
        os_builds=(facts.key.os_build,),
        tool_versions=("0.1.0",),
        probe_versions=("3",),
    )
    digest = hashlib.sha256(str(facts.key).encode()).hexdigest()
    return Item(advice, digest, MEASURED_AT + timedelta(days=180), ())


def _setting(name: str, value: SettingValue) -> Setting:
    return Setting(
        name=name,
        value=value,
        default=None,
        reason="made up for this page",
        rule="sample",
        confidence=Confidence.MEDIUM,
        level=SupportLevel.SAME_BUILD,
        test_ids=("L1",),
        results=5,
        ci95=(1.0, 2.0),
    )
