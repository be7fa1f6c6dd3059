"""Names, levels, limits and places that the build and the gates share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from device_probes.protocol import PROTOCOL_VERSION
from profiler import __version__

PACKAGE = "org.chirpbench.probe"
ACTIVITY = f"{PACKAGE}.ProbeActivity"
LIBRARY = "libchirpbench_probe.so"

MIN_SDK = 26
"""Android 8.0: the first with AAudio."""
TARGET_SDK = 34

PERMISSIONS = frozenset(
    f"android.permission.{name}"
    for name in ("BLUETOOTH_CONNECT", "MODIFY_AUDIO_SETTINGS", "RECORD_AUDIO")
)
"""All that the app may ask for. No INTERNET: it talks over a local socket; no WAKE_LOCK: its
window keeps the screen on."""

MAX_APK_BYTES = 200_000
PAGE_BYTES = 16 * 1024
"""Devices with 16 KiB pages warn, in a dialog over the probe, about anything aligned to less."""

PROTOCOL = PROTOCOL_VERSION
VERSION_NAME = __version__


@dataclass(frozen=True, slots=True)
class Abi:
    """One processor type that the APK carries native code for."""

    name: str
    """Android's name, and the folder below ``lib/``."""
    elf_class: int
    """32 or 64 bits."""
    machine: int
    """``e_machine`` of the ELF header."""


ABIS = (
    Abi("arm64-v8a", 64, 183),
    Abi("armeabi-v7a", 32, 40),
    Abi("x86_64", 64, 62),
)

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools" / "apk"
TOOLCHAIN = ROOT / ".toolchain"
APP = ROOT / "device_probes" / "android" / "app"
ASSETS = ROOT / "device_probes" / "android" / "assets"
APK_NAME = "probe.apk"
INFO_NAME = "build-info.json"
APK = ASSETS / APK_NAME
INFO = ASSETS / INFO_NAME
KEY = TOOLS / "public-test-key.pem"
CERTIFICATE = TOOLS / "public-test-cert.pem"
FRAMEWORK_RES = Path("/usr/share/android-framework-res/framework-res.apk")
DX_JAR = TOOLCHAIN / "build" / "dalvik-dx-16.0.1.jar"
ANDROID_JAR = TOOLCHAIN / "build" / "android-all-14-robolectric-10818077.jar"


def version_code(version_name: str) -> int:
    """Android's integer for a release ``1.2.3``: 10203; what follows the numbers does not count.

    Raises:
        ValueError: not three numbers below 100 (the last two).
    """
    numbers = [int(part) for part in version_name.partition("+")[0].split(".")[:3]]
    if len(numbers) != 3 or max(numbers[1:]) > 99:
        raise ValueError(f"version {version_name!r}: not X.Y.Z with Y and Z below 100")
    return numbers[0] * 10_000 + numbers[1] * 100 + numbers[2]
