"""What a phone is: properties and dumps read over adb, joined with what the probe says.

:data:`FACTS` is the table: which field of :class:`~profiler.model.DeviceFacts`, from which
properties in which order, and who is believed when both sides know it. :data:`NOTED` names what
is kept beside them in ``raw``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum

from device_probes.android import commands, dumps, parsers
from device_probes.codec import MAX_NAME_CHARS, MAX_RAW_ENTRIES, raw_table
from device_probes.fields import clean
from profiler.model import DeviceFacts, Platform
from profiler.wav import MAX_RATE_HZ, MIN_RATE_HZ


class Wins(Enum):
    """Who is believed when adb and the probe both know a fact."""

    ADB = "adb"
    """The system's own table, which is the same for every app."""
    PROBE = "probe"
    """The audio service's answer to an app, which is what an app gets."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the table."""

    field: str
    wins: Wins
    properties: tuple[str, ...] = ()
    """The first that is not empty counts."""


FACTS = (
    Fact("manufacturer", Wins.ADB, ("ro.product.manufacturer", "ro.product.vendor.manufacturer",
                                    "ro.product.brand")),
    Fact("model", Wins.ADB, ("ro.product.model", "ro.product.vendor.model")),
    Fact("marketing_name", Wins.ADB, (
        "ro.product.marketname", "ro.config.marketing_name", "ro.vendor.oplus.market.name",
        "ro.oppo.market.name", "ro.vivo.market.name", "ro.product.vendor.marketname",
        "ro.semc.product.name", "ro.product.nickname",
    )),
    Fact("soc", Wins.ADB, ("ro.soc.model", "ro.hardware.chipname", "ro.chipname",
                           "ro.board.platform", "ro.mediatek.platform")),
    Fact("os_version", Wins.ADB, ("ro.build.version.release",)),
    Fact("os_build", Wins.ADB, ("ro.build.fingerprint", "ro.system.build.fingerprint",
                                "ro.build.display.id", "ro.build.id")),
    Fact("api_level", Wins.ADB, ("ro.build.version.sdk",)),
    Fact("native_rate_hz", Wins.PROBE),
    Fact("frames_per_burst", Wins.PROBE),
    Fact("low_latency", Wins.PROBE),
    Fact("pro_audio", Wins.PROBE),
)  # fmt: skip
NOTED = {
    "soc_manufacturer": ("ro.soc.manufacturer",),
    "board": ("ro.product.board",),
    "board_platform": ("ro.board.platform",),
    "hardware": ("ro.hardware",),
    "device": ("ro.product.device",),
    "product": ("ro.product.name",),
    "abi": ("ro.product.cpu.abi",),
    "abis": ("ro.product.cpu.abilist",),
    "fingerprint": ("ro.build.fingerprint",),
    "display_id": ("ro.build.display.id",),
    "security_patch": ("ro.build.version.security_patch",),
    "first_api_level": ("ro.product.first_api_level",),
    "media_performance_class": ("ro.odm.build.media_performance_class",),
    "mmap_policy": ("aaudio.mmap_policy",),
    "mmap_exclusive_policy": ("aaudio.mmap_exclusive_policy",),
    "hw_burst_min_usec": ("aaudio.hw_burst_min_usec",),
    "build_tags": ("ro.build.tags",),
}
"""Key in ``raw`` → properties."""
_KEPT = re.compile(
    r"(?:ro\.(?:product|build|soc|board|vendor\.build|odm\.build|hardware|audio|af|camera\.sound"
    r"|vendor\.audio|mediatek\.version)|aaudio|af|audio|persist\.(?:vendor\.)?audio"
    r"|vendor\.audio|media)(?:\.|$)"
)
"""Properties kept as they are. No serial number, address, account or telephone is among them."""
_PRIVATE = re.compile(
    r"serial|imei|meid|mac|addr|iccid|msisdn|user|host|password|token|\.date", re.I
)
_CUSTOM_ROM = re.compile(r"lineage|calyxos", re.I)
"""Looked for in product, display id and build host, as Signal does (CATALOGUE.md item 7)."""
_EMULATOR_HARDWARE = frozenset(
    {"goldfish", "ranchu", "cutf_cvm", "cutf", "vbox86", "ttvm_x86", "nox", "intel_hda_emu"}
)
_LOW_LATENCY, _PRO_AUDIO = "android.hardware.audio.low_latency", "android.hardware.audio.pro"

STATIC = {
    "props": commands.GETPROP,
    "features": commands.FEATURES,
    "disk": commands.FREE_SPACE,
    "flinger": commands.FLINGER,
    "codecs": commands.CODECS,
    "effects": commands.EFFECTS,
}
"""Sections of the contact script that this module reads; they change with the phone's build."""


def _short(text: str) -> str:
    return clean(text).strip()[:MAX_NAME_CHARS]


def emulator(properties: Mapping[str, str]) -> bool:
    """Whether the phone is an emulator, whose microphone delivers zeros (CATALOGUE rule 10)."""
    get = properties.get
    return (
        "1" in (get("ro.kernel.qemu"), get("ro.boot.qemu"))
        or get("ro.hardware", "").lower() in _EMULATOR_HARDWARE
        or "emulator" in get("ro.build.characteristics", "")
        or get("ro.product.model", "").startswith(("sdk_", "Android SDK built for", "Emulator"))
        or get("ro.build.fingerprint", "").startswith(("generic/", "generic_x86", "unknown/"))
        or get("ro.product.device", "").startswith(("generic_x86", "emu64", "vsoc_"))
    )


def custom_rom(properties: Mapping[str, str]) -> str:
    """What says that this is not the maker's own build; ``""`` when nothing does."""
    for key in ("ro.product.name", "ro.build.product", "ro.build.display.id", "ro.build.host"):
        match = _CUSTOM_ROM.search(properties.get(key, ""))
        if match is not None:
            return match[0].lower()
    if properties.get("ro.lineage.version") or properties.get("ro.cm.version"):
        return "lineage"
    return "test-keys" if "test-keys" in properties.get("ro.build.tags", "") else ""


def adb_facts(parts: Mapping[str, str], collected_at: datetime | None = None) -> DeviceFacts:
    """Facts from the sections of :data:`STATIC`; what is not there stays empty or ``None``."""
    properties = parsers.properties(parts.get("props", ""))
    values = {fact.field: _first(properties, fact.properties) for fact in FACTS}
    features = parsers.features(parts.get("features", ""))
    stream = dumps.native_stream(parts.get("flinger", ""))
    rate = stream.rate_hz if stream and MIN_RATE_HZ <= stream.rate_hz <= MAX_RATE_HZ else None
    level = values["api_level"]
    return DeviceFacts(
        platform=Platform.ANDROID,
        manufacturer=values["manufacturer"],
        model=values["model"],
        marketing_name=values["marketing_name"] or values["model"],
        soc=values["soc"],
        os_name="Android",
        os_version=values["os_version"],
        os_build=values["os_build"],
        api_level=int(level) if re.fullmatch(r"[0-9]{1,4}", level) else None,
        native_rate_hz=rate,
        frames_per_burst=stream.frames_per_burst if rate and stream else None,
        low_latency=_LOW_LATENCY in features if features else None,
        pro_audio=_PRO_AUDIO in features if features else None,
        is_emulator=emulator(properties),
        raw=_raw(properties, parts),
        collected_at=collected_at or datetime.now(UTC),
    )


def merged(adb: DeviceFacts, probe: DeviceFacts, platform: Platform) -> DeviceFacts:
    """Both sides in one, by the table. A virtual phone is marked as one, whatever it says."""
    values: dict[str, object] = {}
    for fact in FACTS:
        ours, theirs = getattr(adb, fact.field), getattr(probe, fact.field)
        first, second = (ours, theirs) if fact.wins is Wins.ADB else (theirs, ours)
        values[fact.field] = second if first is None or first == "" else first
    if adb.marketing_name == adb.model and probe.marketing_name:
        values["marketing_name"] = probe.marketing_name  # adb had no name but the model's
    return replace(
        adb,
        platform=platform,
        is_virtual=platform is Platform.VIRTUAL or probe.is_virtual,
        is_emulator=adb.is_emulator or probe.is_emulator,
        raw=_joined(adb.raw, probe.raw),
        collected_at=datetime.now(UTC),
        **values,  # type: ignore[arg-type]  # the names and types are those of the table
    )


def _first(properties: Mapping[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        value = _short(properties.get(name, ""))
        if value and value.lower() not in ("unknown", "null"):
            return value
    return ""


def _raw(properties: Mapping[str, str], parts: Mapping[str, str]) -> dict[str, str]:
    """What was read, most wanted first, so that the bound cuts the rest."""
    table: dict[str, str] = {}
    for key, names in NOTED.items():
        table[key] = _first(properties, names)
    table["custom_rom"] = custom_rom(properties)
    free = parsers.free_kib(parts.get("disk", ""))
    table["free_kib"] = "" if free is None else str(free)
    for kind, coders in dumps.coders(parts.get("codecs", "")).items():
        table[f"opus_{kind.lower()}s"] = " ".join(coders)
    for effect in dumps.effects(parts.get("effects", "")):
        table[f"effect.{effect.name}"] = f"{effect.uuid} {effect.library}".strip()
    for key in sorted(properties):
        if _KEPT.match(key) and not _PRIVATE.search(key):
            table[key] = properties[key]
    return raw_table({key: value for key, value in table.items() if value})


def _joined(adb: Mapping[str, str], probe: Mapping[str, str]) -> dict[str, str]:
    """The probe's table and adb's; a key that both have and that differs keeps both."""
    noted = {k: v for k, v in adb.items() if "." not in k or k.startswith("effect.")}
    rest = {k: v for k, v in adb.items() if k not in noted}
    table: dict[str, str] = dict(noted)
    for key, value in probe.items():
        table[key if table.get(key, value) == value else f"probe.{key}"] = value
    if "aaudio" in probe:  # the app's own word; it opens Java streams on every phone
        table.setdefault("apis", "aaudio,java" if probe["aaudio"] == "available" else "java")
    for key, value in rest.items():
        if len(table) >= MAX_RAW_ENTRIES:
            break
        table.setdefault(key, value)
    return raw_table(table)
