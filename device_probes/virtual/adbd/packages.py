"""The package manager: what is installed, by whom signed, and which permissions it has."""

from __future__ import annotations

import base64
import posixpath
import random
import time
from dataclasses import dataclass, field

from device_probes.virtual.adbd.apk import Apk, ApkRefused, read_apk
from device_probes.virtual.adbd.files import FileSystem
from device_probes.virtual.android_spec import Android

RECORD_AUDIO = "android.permission.RECORD_AUDIO"
_RUNTIME = {RECORD_AUDIO: 1, "android.permission.BLUETOOTH_CONNECT": 31}
"""Permissions the user must grant, and the API level from which on."""
_ROOM_FACTOR = 2
"""An install needs this many times the APK's size (AOSP keeps a copy until it is committed)."""
NO_GRANT = (
    "java.lang.SecurityException: grantRuntimePermission: Neither user 2000 nor current process "
    "has android.permission.GRANT_RUNTIME_PERMISSIONS."
)
NO_GRANT_FLAG = (
    "java.lang.SecurityException: You need the "
    "android.permission.INSTALL_GRANT_RUNTIME_PERMISSIONS permission to use the "
    "PackageManager.INSTALL_GRANT_RUNTIME_PERMISSIONS flag"
)
NO_SPACE = (
    "android.os.ParcelableException: java.io.IOException: "
    "Requested internal only, but not enough space"
)


class ShellException(Exception):
    """A Java exception inside ``pm`` or ``am``; the text is its first line."""


@dataclass(frozen=True, slots=True)
class InstallFlags:
    """Options of ``pm install``."""

    replace: bool = True
    test: bool = False
    grant: bool = False
    downgrade: bool = False


@dataclass(slots=True)
class Installed:
    """An installed package."""

    apk: Apk
    path: str
    uid: int
    granted: set[str] = field(default_factory=set)
    installed_s: float = field(default_factory=time.time)
    updated_s: float = field(default_factory=time.time)
    protocol: int | None = None
    """Contract version its probe speaks; ``None`` is the current one."""
    stopped: bool = True
    enabled: bool = True
    """Switched off in the settings when not."""


class Packages:
    """What one phone has installed."""

    def __init__(
        self, android: Android, api_level: int, files: FileSystem, rng: random.Random
    ) -> None:
        self.installed: dict[str, Installed] = {}
        self.install_refused = android.at_start.install_refused
        self.grant_refused = android.at_start.grant_refused
        self._abis = android.abis
        self._api_level = api_level
        self._files = files
        self._rng = rng
        self._next_uid = 10_234

    def check(self, data: bytes, flags: InstallFlags) -> Apk:
        """Everything that may speak against an install, in PackageManager's order.

        Raises :class:`~.apk.ApkRefused` and :class:`ShellException`.
        """
        if flags.grant and self.grant_refused:
            raise ShellException(NO_GRANT_FLAG)
        if _ROOM_FACTOR * len(data) > self._files.free_bytes:
            raise ShellException(NO_SPACE)
        apk = read_apk(data)
        if self.install_refused:
            raise ApkRefused(self.install_refused, _REFUSED_TEXT.get(self.install_refused, ""))
        if apk.test_only and not flags.test:
            raise ApkRefused("INSTALL_FAILED_TEST_ONLY", "installPackageLI")
        if apk.min_sdk > self._api_level:
            text = (
                f"Failed parse during installPackageLI: base.apk: Requires newer sdk version "
                f"#{apk.min_sdk} (current version is #{self._api_level})"
            )
            raise ApkRefused("INSTALL_FAILED_OLDER_SDK", text)
        if apk.abis and not set(apk.abis) & set(self._abis):
            text = "Failed to extract native libraries, res=-113"
            raise ApkRefused("INSTALL_FAILED_NO_MATCHING_ABIS", text)
        self._check_update(apk, flags)
        return apk

    def _check_update(self, apk: Apk, flags: InstallFlags) -> None:
        old = self.installed.get(apk.package)
        if old is None:
            return
        if not flags.replace:
            text = f"Attempt to re-install {apk.package} without first uninstalling."
            raise ApkRefused("INSTALL_FAILED_ALREADY_EXISTS", text)
        if old.apk.signer != apk.signer:
            text = (
                f"Existing package {apk.package} signatures do not match newer version; ignoring!"
                if self._api_level >= 33
                else f"Package {apk.package} signatures do not match previously installed version; "
                "ignoring!"
            )
            raise ApkRefused("INSTALL_FAILED_UPDATE_INCOMPATIBLE", text)
        # On a user build -d counts for debuggable packages only.
        allowed = flags.downgrade and old.apk.debuggable
        if apk.version_code < old.apk.version_code and not allowed:
            text = (
                f"Downgrade detected: Update version code {apk.version_code} is older than "
                f"current {old.apk.version_code}"
            )
            raise ApkRefused("INSTALL_FAILED_VERSION_DOWNGRADE", text)

    def commit(self, apk: Apk, data: bytes, flags: InstallFlags) -> Installed:
        """Put a checked package in place."""
        old = self.installed.get(apk.package)
        path = self._new_path(apk.package)
        self._files.put(path, data)
        if old is not None:
            self._files.remove(_folder(old.path), recursive=True, system=True)
        new = Installed(apk, path, old.uid if old else self._next_uid)
        self._next_uid += old is None
        asked = self.runtime_permissions(apk)
        new.granted = {p for p in asked if flags.grant or (old and p in old.granted)}
        if old:
            new.installed_s = old.installed_s
        self.installed[apk.package] = new
        return new

    def put(self, apk: Apk, data: bytes, *, protocol: int | None, granted: bool) -> None:
        """Have a package installed without asking: what a test finds on the phone."""
        self.commit(apk, data, InstallFlags(grant=granted)).protocol = protocol

    def uninstall(self, package: str) -> bool:
        """Remove a package; ``False`` when it is not there."""
        old = self.installed.pop(package, None)
        if old is not None:
            self._files.remove(_folder(old.path), recursive=True, system=True)
        return old is not None

    def runtime_permissions(self, apk: Apk) -> list[str]:
        """The permissions of ``apk`` that somebody has to grant."""
        return [p for p in apk.permissions if self._api_level >= _RUNTIME.get(p, 10_000)]

    def grant(self, package: str, permission: str) -> None:
        """``pm grant``; raises :class:`ShellException`."""
        self._changeable(package, permission).granted.add(permission)

    def revoke(self, package: str, permission: str) -> None:
        """``pm revoke``; raises :class:`ShellException`."""
        self._changeable(package, permission).granted.discard(permission)

    def allowed(self, package: str, permission: str = RECORD_AUDIO) -> bool:
        """Whether ``package`` has ``permission`` now."""
        found = self.installed.get(package)
        return found is not None and permission in found.granted

    def _changeable(self, package: str, permission: str) -> Installed:
        if self.grant_refused:
            raise ShellException(NO_GRANT)
        found = self.installed.get(package)
        if found is None:
            raise ShellException(f"java.lang.IllegalArgumentException: Unknown package: {package}")
        if permission not in found.apk.permissions:
            raise ShellException(
                f"java.lang.SecurityException: Package {package} has not requested permission "
                f"{permission}"
            )
        if permission not in self.runtime_permissions(found.apk):
            raise ShellException(
                f"java.lang.SecurityException: Permission {permission} requested by {package} is "
                "not a changeable permission type"
            )
        return found

    def _new_path(self, package: str) -> str:
        def noise() -> str:
            return base64.urlsafe_b64encode(self._rng.randbytes(16)).decode()

        folder = f"/data/app/~~{noise()}" if self._api_level >= 30 else "/data/app"
        return f"{folder}/{package}-{noise()}/base.apk"


def _folder(path: str) -> str:
    """What an uninstall deletes: the package's own folder, with the random one around it."""
    folder = posixpath.dirname(path)
    outer = posixpath.dirname(folder)
    return outer if posixpath.basename(outer).startswith("~~") else folder


_REFUSED_TEXT = {
    "INSTALL_FAILED_USER_RESTRICTED": "Install canceled by user",
    "INSTALL_FAILED_VERIFICATION_FAILURE": "Package Verification Result",
    "INSTALL_FAILED_INSUFFICIENT_STORAGE": "Failed to override installation location",
    "INSTALL_FAILED_ABORTED": "User rejected permissions",
}
"""What Android or the vendor writes behind the reason."""
