"""Puts the probe onto a phone, only when the one there is another, and gets it the microphone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from device_probes.android import commands, files, parsers
from device_probes.android.assets import ProbePackage
from device_probes.android.shell import Answer, Shell
from profiler.errors import ChirpbenchError, InstallFailed, ProbePermission

INSTALL_S = 65.0
"""As STF waits: slow phones compile the package."""
_DUMP = commands.sections({"package": commands.DUMP_PACKAGE})
_ONCE_MORE = "remove the probe by hand (adb uninstall org.chirpbench.probe), then run again"
REMEDIES = {
    "INSTALL_FAILED_USER_RESTRICTED": (
        "Developer options → “Install via USB” on (Xiaomi wants a Mi account and a SIM for it), "
        "“MIUI optimisation” off; unlock the screen and accept the dialog"
    ),
    "INSTALL_FAILED_VERIFICATION_FAILURE": (
        "accept the dialog on the screen, or Developer options → “Verify apps over USB” off"
    ),
    "INSTALL_FAILED_VERIFICATION_TIMEOUT": "accept the dialog on the screen, then run again",
    "INSTALL_FAILED_ABORTED": "accept the dialog on the screen, then run again",
    "INSTALL_FAILED_INSUFFICIENT_STORAGE": "free some space on the phone, then run again",
    "INSTALL_FAILED_UPDATE_INCOMPATIBLE": _ONCE_MORE,
    "INSTALL_FAILED_VERSION_DOWNGRADE": _ONCE_MORE,
    "INSTALL_FAILED_OLDER_SDK": "the probe needs Android 8 or newer; leave this phone out",
    "INSTALL_FAILED_NO_MATCHING_ABIS": "no probe for this processor; leave this phone out",
    "INSTALL_FAILED_DEPRECATED_SDK_VERSION": "update chirpbench: this Android wants a newer probe",
}
"""The system's word → what to do (ANDROID.md section 7)."""
GRANT_REMEDY = (
    "Xiaomi: Developer options → “USB debugging (Security settings)” on; OPPO, realme, OnePlus: "
    "“Disable permission monitoring” on; or allow the microphone for the probe in Settings → Apps"
)
_OTHER_BUILD = frozenset({"INSTALL_FAILED_UPDATE_INCOMPATIBLE", "INSTALL_FAILED_VERSION_DOWNGRADE"})
"""Another build is there, which only goes by removing it first."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What the contact script found of the probe."""

    path: str
    """Of its package file; ``""``: not installed."""
    info: parsers.PackageInfo | None
    pushed: tuple[str, ...] = ()
    """Packages that a session left in the shell's folder: the phone went before they were used."""

    @classmethod
    def read(cls, parts: dict[str, str]) -> Installed:
        """From the sections of :data:`SECTIONS`."""
        return cls(parsers.apk_path(parts.get("path", "")),
                   parsers.package(parts.get("package", "")),
                   parsers.temp_apks(parts.get("temp", "")))  # fmt: skip


SECTIONS = {
    "path": commands.PM_PATH, "package": commands.DUMP_PACKAGE, "temp": commands.LIST_TEMP
}  # fmt: skip
"""Sections of the contact script that this module reads."""


class Installer:
    """The probe on one phone, on one connection."""

    def __init__(self, shell: Shell, probe: ProbePackage, install_s: float = INSTALL_S) -> None:
        self._shell = shell
        self._probe = probe
        self._install_s = install_s

    def ensure(self, found: Installed, *, anew: bool = False) -> bool:
        """Have exactly our probe there with the microphone; returns whether it was installed now.

        Raises :class:`~profiler.errors.InstallFailed`, :class:`~profiler.errors.ProbePermission`
        and what the shell raises.
        """
        if found.pushed:
            self._shell.run(commands.script(*map(commands.remove, found.pushed)))
        installed = anew or not self._is_current(found)
        info = found.info
        if installed:
            self._install()
            info = self._dump()
        self._grant(info)
        return installed

    def _is_current(self, found: Installed) -> bool:
        info, probe = found.info, self._probe
        if not found.path or info is None:
            return False
        if (info.version_code, info.version_name) != (probe.version_code, probe.version_name):
            return False
        shell = self._shell
        for command, chars, wanted in (
            (commands.sha256sum(found.path), 64, probe.sha256),
            (commands.md5sum(found.path), 32, probe.md5),
        ):
            digest = parsers.digest(shell.run(command).out, chars)
            if digest:
                return digest == wanted
        return False  # it cannot be told: the safe answer

    def _install(self) -> None:
        path = commands.temp_apk()
        try:
            files.push(self._shell, self._probe.data, path)
            result = self._pm_install(path)
            if result.reason in _OTHER_BUILD:
                self._shell.run(commands.UNINSTALL, self._install_s)
                result = self._pm_install(path)
        finally:
            with suppress(ChirpbenchError):  # gone phones keep it; the next push has another name
                self._shell.run(commands.remove(path))
        if not result.ok:
            raise InstallFailed(
                f"install refused: {result.reason}" + (f" ({result.text})" if result.text else ""),
                device=self._shell.device, reason=result.reason,
                hint=REMEDIES.get(result.reason, "look at the phone's screen, then run again"),
            )  # fmt: skip

    def _pm_install(self, path: str) -> parsers.InstallResult:
        """Install and grant; where granting is refused, install alone (the grant is next)."""
        result = _result(self._shell.run(commands.install(path), self._install_s))
        if result.reason == "GRANT_REFUSED":
            bare = commands.install(path, grant=False)
            result = _result(self._shell.run(bare, self._install_s))
        return result

    def _grant(self, info: parsers.PackageInfo | None) -> None:
        """Grant the microphone and look whether it was; a refusal often has exit code 0."""
        if info is not None and info.granted.get(commands.BLUETOOTH_CONNECT) is False:
            self._shell.run(commands.GRANT_BLUETOOTH)  # for its routes; none other needs it
        if info is not None and info.granted.get(commands.RECORD_AUDIO):
            return
        answer = self._shell.run(commands.GRANT_MICROPHONE)
        info = self._dump()
        if info is not None and info.granted.get(commands.RECORD_AUDIO):
            return
        words = parsers.install_result(answer.text).text
        raise ProbePermission(
            "the phone did not give the probe the microphone" + (f" ({words})" if words else ""),
            device=self._shell.device, hint=GRANT_REMEDY,
        )  # fmt: skip

    def _dump(self) -> parsers.PackageInfo | None:
        text = self._shell.run(_DUMP).out
        return parsers.package(parsers.sections(text, ("package",)).get("package", ""))


def _result(answer: Answer) -> parsers.InstallResult:
    return parsers.install_result(answer.text)
