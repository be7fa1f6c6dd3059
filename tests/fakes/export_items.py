"""Advice made up for export tests: whole, hostile and in bulk."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from profiler.export.signal_rules import SignalSettings
from profiler.export.target import Item
from profiler.model import (
    SETTINGS,
    Advice,
    Caution,
    Confidence,
    Metric,
    ModelFacts,
    ModelKey,
    Outcome,
    Platform,
    Setting,
    SettingValue,
    Side,
    SupportLevel,
    UseCase,
    Verification,
)

MEASURED_AT = datetime(2026, 9, 14, 10, 30, tzinfo=UTC)
VALUES: dict[str, SettingValue] = {
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
    "aec_delay_hint_ms": 120,
    "aec_tail_ms": 64,
    "aec_filters": 6,
    "full_duplex": True,
    "max_safe_volume": 0.75,
    "mic_holdoff_ms": 200,
    "vad_threshold_offset_db": 6.0,
    "restart_between_modes": False,
    "opus_application": "voip",
    "opus_frame_ms": 20,
    "opus_bitrate_bps": 24_000,
    "opus_complexity": 5,
    "opus_channels": 1,
    "opus_max_playback_hz": 48_000,
    "opus_fec": True,
    "opus_packet_loss_percent": 5,
    "opus_dtx": False,
    "opus_cbr": False,
    "red": False,
    "dred_ms": None,
    "jitter_buffer_min_ms": 40,
    "jitter_buffer_max_ms": 300,
    "jitter_buffer_target_ms": None,
    "keep_warm_s": 10,
    "preroll_ms": 250,
    "restart_engine_on_route_change": True,
    "trust_timestamps": True,
    "drift_compensation": False,
    "noise_reduction": "far_field",
    "vad_threshold": 0.6,
    "vad_stop_ms": 200,
    "prefix_padding_ms": 300,
}
"""Every setting, as a recommendation might hold it; a key may also be ``name@route``."""

DEFAULTS: dict[str, SettingValue] = {
    **VALUES,
    "api": "java",
    "performance_mode": "none",
    "aec": "hardware",
    "ns": "hardware",
}
HOSTILE = (
    'A"B\\C',
    "a,b;c",
    "SM-*",
    "*",
    "**",
    "SM-A125F*",
    "line\nbreak\r\nend\r",
    "tab\there",
    "$price ${x}",
    "\\(x) \\u0041",
    "*/ evil /* -- <!-- -->",
    "=1+1",
    "'; DROP TABLE x;--",
    "<b>&amp;</b>",
    "Redmi 红米 Note",
    "ｆｕｌｌ",
    "Ⅷ İıſß",
    "📱 phone 𐐀𐐨",
    "\u202eright to left\u2066",
    "\u2028separator\u2029",
    "nul\0char",
    "\x7f\x1b[31m",
    "../../etc/passwd",
    "CON",
    " leading and trailing ",
    "#comment",
    "[section]",
    "x" * 500,
)
"""Model names that break what is quoted carelessly."""


def facts(
    model: str = "SM-A125F",
    manufacturer: str = "samsung",
    *,
    soc: str = "mt6765",
    os_build: str = "samsung/a12nnxx/a12:12/SP1A.210812.016/A125FXXU3CVI3:user/release-keys",
    ios: bool = False,
    **more: object,
) -> ModelFacts:
    """Facts of a real phone."""
    values: dict[str, object] = {
        "key": ModelKey(manufacturer, model, soc, os_build),
        "marketing_name": f"{manufacturer} {model}",
        "platform": Platform.IOS if ios else Platform.ANDROID,
        "os_name": "iOS" if ios else "Android",
        "os_version": "17.5" if ios else "12",
        "api_level": None if ios else 31,
        "board": soc,
        "native_rate_hz": 48_000,
        "frames_per_burst": 192,
        "low_latency": True,
        "pro_audio": False,
        "is_virtual": False,
        "is_emulator": False,
        "is_custom_rom": False,
    }
    return ModelFacts(**{**values, **more})  # type: ignore[arg-type]


def setting(key: str, value: SettingValue, **more: object) -> Setting:
    """One setting; ``key`` is ``name`` or ``name@route``."""
    name, _, route = key.partition("@")
    values: dict[str, object] = {
        "name": name,
        "value": value,
        "default": DEFAULTS.get(name),
        "reason": f"because of {name}",
        "rule": f"test.{name}",
        "confidence": Confidence.MEDIUM,
        "level": SupportLevel.SAME_BUILD,
        "route": route,
        "test_ids": ("L1",),
        "trial_uuids": ("0190aaaa-0000-7000-8000-000000000001",),
        "results": 3,
        "ci95": (1.0, 2.5),
    }
    return Setting(**{**values, **more})  # type: ignore[arg-type]


def item(
    of: ModelFacts | None = None,
    values: Mapping[str, SettingValue] | None = None,
    *,
    verifications: Sequence[Outcome] = (),
    **more: object,
) -> Item:
    """An item with ``values`` laid over :data:`VALUES`."""
    model = of or facts()
    wanted = {**VALUES, **(values or {})}
    given: dict[str, object] = {
        "facts": model,
        "use": UseCase.VOICE_AGENT,
        "network": "good",
        "settings": tuple(setting(key, value) for key, value in wanted.items()),
        "budgets": (),
        "cautions": (Caution("too_few_runs", "2 runs; 5 say more"),),
        "level": SupportLevel.SAME_BUILD,
        "confidence": Confidence.MEDIUM,
        "devices": 1,
        "runs": 2,
        "oldest_at": MEASURED_AT - timedelta(days=2),
        "newest_at": MEASURED_AT,
        "os_builds": (model.key.os_build,),
        "tool_versions": ("0.1.0",),
        "probe_versions": ("3",),
    }
    advice = Advice(**{**given, **more})  # type: ignore[arg-type]
    digest = hashlib.sha256(json.dumps([str(model.key), wanted]).encode()).hexdigest()
    return Item(
        advice=advice,
        advice_sha256=digest,
        expires_at=advice.newest_at and advice.newest_at + timedelta(days=180),
        verifications=tuple(
            verification(advice, digest, outcome, n) for n, outcome in enumerate(verifications)
        ),
    )


def verification(advice: Advice, digest: str, outcome: Outcome, n: int = 0) -> Verification:
    """A comparison with this outcome."""
    metric = Metric("mouth_to_ear_ms", "ms", (100.0, 101.0), 100.5, None)
    return Verification(
        verification_uuid=f"0190bbbb-0000-7000-8000-{n:012d}",
        advice_sha256=digest,
        model_key=advice.facts.key,
        use=advice.use,
        network=advice.network,
        sessions=2,
        recommended=Side("recommended", {"opus_frame_ms": 20}, (metric,), ("lost 12 of 600",)),
        default=Side("default", {"opus_frame_ms": 20}, (metric,), ("lost 12 of 600",)),
        differences=(),
        outcome=outcome,
        text=f"recommended is {outcome.value}",
        predicted_mouth_to_ear_ms=101.0,
        stack={"libwebrtc": "M152"},
        verified_at=MEASURED_AT + timedelta(days=1, hours=n),
        tool_version="0.1.0",
        is_virtual=advice.facts.is_virtual,
    )


def ordered(items: Sequence[Item]) -> list[Item]:
    """As a target gets them."""
    return sorted(items, key=lambda i: str(i.advice.facts.key))


def names(max_size: int = 24) -> st.SearchStrategy[str]:
    """Any text a phone may call itself, the known breakers among it."""
    text = st.text(st.characters(exclude_categories=("Cs",)), max_size=max_size)
    tricky = st.text(st.sampled_from("aAbB*\"'\\$,;\n\r\t \0é红İß{}()<>&#-=/."), max_size=12)
    return st.one_of(st.sampled_from(HOSTILE), tricky, text)


def values() -> st.SearchStrategy[dict[str, SettingValue]]:
    """Some settings with any value they may have."""
    kinds = st.lists(st.sampled_from(sorted(SETTINGS)), max_size=12, unique=True)
    return kinds.flatmap(lambda picked: st.fixed_dictionaries({n: _value(n) for n in picked}))


def _value(name: str) -> st.SearchStrategy[SettingValue]:
    kind = SETTINGS[name]
    of: st.SearchStrategy[SettingValue]
    if kind.type == "bool":
        of = st.booleans()
    elif kind.type == "str":
        of = st.sampled_from(kind.allowed)
    elif kind.type == "int":
        of = st.integers(int(kind.low or 0), int(kind.high or 0))
    else:
        of = st.floats(kind.low or 0.0, kind.high or 0.0)
    return st.none() | of


_SERIES = (
    # maker, beginnings of series, numbers of a phone, endings by region
    ("samsung", ("SM-A0", "SM-A1", "SM-A2", "SM-A3", "SM-A5", "SM-G9", "SM-M1", "SM-M3", "SM-T5"),
     (10, 99), ("5F", "5M", "5N", "5U", "5W", "6B", "6E")),
    ("Xiaomi", ("M2003J", "M2004J", "M2101K", "M2102J", "220111", "220333", "230530"),
     (1, 30), ("AG", "AI", "AL", "AY", "BG", "BNY")),
    ("OPPO", ("CPH20", "CPH21", "CPH22", "CPH23", "CPH24"), (1, 99), ("",)),
    ("vivo", ("V20", "V21", "V22", "V23"), (10, 99), ("", "A", "G")),
    ("realme", ("RMX30", "RMX31", "RMX33", "RMX37"), (1, 99), ("",)),
    ("motorola", ("moto g", "moto e", "motorola edge "), (1, 60), ("", " 5G", " plus", "(S)")),
    ("HUAWEI", ("VOG-", "ELE-", "LYA-", "MAR-", "JNY-", "ANE-"), (1, 4), ("L01", "L21", "L29")),
)  # fmt: skip


def series_models(count: int, seed: int) -> list[tuple[str, str, str]]:
    """Distinct (manufacturer, model, series) as makers name them: a phone has a code in its
    series and an ending for each region."""
    dice = random.Random(seed)
    found: dict[tuple[str, str], str] = {}
    while len(found) < count:
        maker, series, (low, high), endings = dice.choice(_SERIES)
        begin = dice.choice(series)
        code = f"{begin}{dice.randint(low, high):02d}"
        for ending in dice.sample(endings, dice.randint(1, len(endings))):
            if len(found) < count:
                found.setdefault((maker, code + ending), begin)
    return [(maker, model, begin) for (maker, model), begin in found.items()]


def signal_fleet(
    count: int, seed: int, *, phone: float, region: float
) -> dict[str, SignalSettings]:
    """Model to what Signal should do: a series has settings, a share of its phones and of their
    regional variants has others."""
    dice = random.Random(seed)
    by_series: dict[str, SignalSettings] = {}
    by_phone: dict[str, SignalSettings] = {}
    wanted = {}
    for _, model, begin in series_models(count, seed):
        usual = by_series.setdefault(begin, dice.choice(SIGNAL_STATES))
        odd = dice.choice(SIGNAL_STATES) if dice.random() < phone else usual
        mine = by_phone.setdefault(model[: len(begin) + 2], odd)
        wanted[model] = dice.choice(SIGNAL_STATES) if dice.random() < region else mine
    return wanted


SIGNAL_STATES = (
    SignalSettings(),
    SignalSettings(oboe=True),
    SignalSettings(oboe=True, software_aec=True, software_ns=True),
    SignalSettings(software_aec=True, software_ns=True),
    SignalSettings(oboe=True, software_aec=True, software_ns=True, in_low_latency=False),
)
