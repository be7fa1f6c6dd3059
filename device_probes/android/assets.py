"""The probe that belongs to this chirpbench: a signed package and its description."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from device_probes.android.commands import ACTIVITY, PACKAGE
from device_probes.fields import Malformed, loads, shown
from profiler.errors import InputError

APK, BUILD_INFO = "probe.apk", "build-info.json"
_MAX_APK_BYTES = 4 * 2**20
_HINT = "install chirpbench again, or build the probe with make apk"


@dataclass(frozen=True, slots=True)
class ProbePackage:
    """One build of the probe."""

    data: bytes
    sha256: str
    version_code: int
    version_name: str
    protocol: int

    @property
    def md5(self) -> str:
        """For phones whose system has no ``sha256sum``."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()


def probe_package(folder: Path | None = None) -> ProbePackage:
    """The package shipped with chirpbench, or the one in ``folder``.

    Raises :class:`~profiler.errors.InputError` when it is not there or not what its description
    says: a damaged package must not get onto phones.
    """
    place: Traversable = folder or resources.files("device_probes.android").joinpath("assets")
    try:
        data = place.joinpath(APK).read_bytes()
        text = place.joinpath(BUILD_INFO).read_bytes()
    except OSError as exc:
        raise InputError(f"the Android probe is not here ({exc.strerror})",
                         file=str(place), hint=_HINT) from exc  # fmt: skip
    try:
        return _checked(data, loads(text))
    except (Malformed, json.JSONDecodeError) as exc:
        raise InputError(f"{BUILD_INFO} {exc}", file=str(place), hint=_HINT) from exc


def _checked(data: bytes, info: dict[str, object]) -> ProbePackage:
    if len(data) > _MAX_APK_BYTES:
        raise Malformed(f"belongs to a package of {len(data)} bytes")
    sha256 = hashlib.sha256(data).hexdigest()
    expected = {"package": PACKAGE, "sha256": sha256, "size": len(data)}
    for key, value in expected.items():
        if info.get(key) != value:
            raise Malformed(f"says {key} {shown(info.get(key))}, the package has {shown(value)}")
    activity = str(info.get("activity", "")).replace(f"{PACKAGE}/{PACKAGE}.", f"{PACKAGE}/.")
    if activity not in (ACTIVITY, ".ProbeActivity", f"{PACKAGE}.ProbeActivity"):
        raise Malformed(f"says activity {shown(activity)}, the driver starts {ACTIVITY}")
    code, protocol = info.get("version_code"), info.get("protocol")
    name = info.get("version_name")
    if not isinstance(code, int) or not isinstance(protocol, int) or not isinstance(name, str):
        raise Malformed("lacks version_code, version_name or protocol")
    return ProbePackage(data, sha256, code, name, protocol)
