"""System properties of a virtual phone, as ``getprop`` prints them."""

from __future__ import annotations

import re

from device_probes.virtual.spec import PhoneSpec

_POLICIES = {"never": "1", "auto": "2", "always": "3"}
"""``AAUDIO_POLICY_NEVER`` …, as aaudio.mmap_policy holds them."""


def make_properties(spec: PhoneSpec, serial: str) -> dict[str, str]:
    """Every property of one unit; tests may change the result."""
    a = spec.android
    platform = a.board_platform or re.sub(r"[^a-z0-9]+", "", spec.soc.lower())
    serialno = a.serialno or serial
    found = {
        "ro.serialno": serialno,
        "ro.boot.serialno": serialno,
        "ro.board.platform": platform,
        "ro.hardware": a.hardware or platform,
        "ro.build.fingerprint": spec.os_build,
        "ro.build.display.id": spec.os_build.rpartition(":")[0] or spec.os_build,
        "ro.build.version.sdk": str(spec.api_level or 34),
        "ro.build.version.release": spec.os_version,
        "ro.build.version.security_patch": a.security_patch,
        "ro.build.version.incremental": "1",
        "ro.build.type": "user",
        "ro.build.tags": a.build_tags,
        "ro.product.cpu.abi": a.abis[0],
        "ro.product.cpu.abilist": ",".join(a.abis),
        "ro.debuggable": "0",
        "ro.secure": "1",
        "sys.boot_completed": "1",
        "persist.sys.timezone": "UTC",
        "ro.chirpbench.virtual": "1",
    }
    return found | _product(spec) | _chip(spec) | _audio(spec)


def _product(spec: PhoneSpec) -> dict[str, str]:
    a = spec.android
    parts = re.match(r"[^/]+/([^/]+)/", spec.os_build + "/")
    word = re.sub(r"[^a-z0-9]+", "", spec.model.lower()) or "phone"
    device = a.device or (parts[1].partition(":")[0] if parts else word)
    found = {f"ro.product.{name}": device for name in ("device", "name", "board")}
    found["ro.product.manufacturer"] = spec.manufacturer
    found["ro.product.brand"] = a.brand or spec.manufacturer.lower()
    found["ro.product.model"] = spec.model
    if a.marketing_property:
        found[a.marketing_property] = spec.marketing_name
    return found


def _chip(spec: PhoneSpec) -> dict[str, str]:
    """Properties of their own since Android 12; before, a vendor's."""
    if (spec.api_level or 34) < 31:
        return {"ro.hardware.chipname": spec.soc}
    return {"ro.soc.manufacturer": spec.android.soc_manufacturer, "ro.soc.model": spec.soc}


def _audio(spec: PhoneSpec) -> dict[str, str]:
    a = spec.android
    found = {}
    if a.mmap_policy:
        found["aaudio.mmap_policy"] = _POLICIES[a.mmap_policy]
    if a.mmap_exclusive_policy:
        found["aaudio.mmap_exclusive_policy"] = _POLICIES[a.mmap_exclusive_policy]
    if a.media_performance_class:
        found["ro.odm.build.media_performance_class"] = str(a.media_performance_class)
    return found


def system_features(spec: PhoneSpec) -> list[str]:
    """What ``pm list features`` prints, sorted."""
    found = {
        "android.hardware.audio.output",
        "android.hardware.microphone",
        "android.hardware.bluetooth",
        "android.hardware.touchscreen",
        "android.hardware.usb.host",
        *spec.android.features,
    }
    if spec.low_latency:
        found.add("android.hardware.audio.low_latency")
    if spec.pro_audio:
        found.add("android.hardware.audio.pro")
    return sorted(found)
