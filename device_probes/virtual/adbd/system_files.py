"""Files that every phone has and a driver may read."""

from __future__ import annotations

from device_probes.virtual.adbd.files import FileSystem
from device_probes.virtual.spec import PhoneSpec

BOOT_ID = "/proc/sys/kernel/random/boot_id"
EFFECTS_XML = "/vendor/etc/audio_effects.xml"
_CONFIG_VERSION = "http://schemas.android.com/audio/audio_effects_conf/v2_0"
_SOFTWARE = (
    ("volume", "bundle", "119341a0-8469-11df-81f9-0002a5d5c51b"),
    ("equalizer", "bundle", "ce772f20-847d-11df-bb17-0002a5d5c51b"),
    ("reverb_env_aux", "reverb", "4a387fc0-8ab3-11df-8bad-0002a5d5c51b"),
)
"""Effects of AOSP that are no voice processing (frameworks/av/media/libeffects)."""


def furnish(files: FileSystem, spec: PhoneSpec, boot_id: str) -> None:
    """Write them; again after each boot."""
    files.put(BOOT_ID, f"{boot_id}\n".encode())
    files.put("/proc/version", b"Linux version 5.15.123-android13-8 (build@host) #1 SMP PREEMPT\n")
    files.put(EFFECTS_XML, _effects_xml(spec).encode())


def _effects_xml(spec: PhoneSpec) -> str:
    effects = spec.android.effects
    libraries = {"bundle": "libbundlewrapper.so", "reverb": "libreverbwrapper.so"}
    libraries |= {_short(e.library): e.library for e in effects}
    rows = [*_SOFTWARE, *((e.kind, _short(e.library), e.uuid) for e in effects)]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<audio_effects_conf version="2.0" xmlns="{_CONFIG_VERSION}">',
        "    <libraries>",
        *(f'        <library name="{name}" path="{path}"/>' for name, path in libraries.items()),
        "    </libraries>",
        "    <effects>",
        *(f'        <effect name="{n}" library="{lib}" uuid="{uuid}"/>' for n, lib, uuid in rows),
        "    </effects>",
    ]
    if effects:
        lines += [
            "    <preprocess>",
            '        <stream type="voice_communication">',
            *(f'            <apply effect="{effect.kind}"/>' for effect in effects),
            "        </stream>",
            "    </preprocess>",
        ]
    return "\n".join([*lines, "</audio_effects_conf>", ""])


def _short(library: str) -> str:
    return library.removeprefix("lib").removesuffix(".so")
