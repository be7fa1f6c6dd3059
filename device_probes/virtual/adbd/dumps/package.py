"""``dumpsys package PACKAGE``."""

from __future__ import annotations

import posixpath
import time

from device_probes.virtual.adbd.core import PhoneCore
from device_probes.virtual.adbd.dumps.energy import flag
from device_probes.virtual.adbd.dumps.windows import handle
from device_probes.virtual.adbd.packages import Installed


def package(phone: PhoneCore, args: list[str]) -> str:
    """PackageManagerService.dump of one package."""
    name = next((a for a in args if a[:1] != "-"), "")
    found = phone.packages.installed.get(name)
    if found is None:
        return (
            "Dexopt state:\n  Unable to find package: " + name + "\n\n"
            "Compiler stats:\n  Unable to find package: " + name + "\n"
        )
    head = (
        "Activity Resolver Table:\n  Non-Data Actions:\n      android.intent.action.MAIN:\n"
        f"        {handle(name)} {name}/.ProbeActivity filter {handle(name + 'f')}\n\n"
        "Key Set Manager:\n"
        f"  [{name}]\n      Signing KeySets: 21\n\n"
        "Packages:\n"
    )
    return head + "\n".join(_rows(phone, name, found)) + "\n"


def _rows(phone: PhoneCore, name: str, found: Installed) -> list[str]:
    apk, api = found.apk, phone.state.api_level
    folder = posixpath.dirname(found.path)
    abi = next((a for a in phone.spec.android.abis if a in apk.abis), "null")
    return [
        f"  Package [{name}] ({handle(name + phone.serial)}):",
        f"    {'appId' if api >= 34 else 'userId'}={found.uid}",
        f"    pkg=Package{{{handle(name + 'p')} {name}}}",
        f"    codePath={folder}",
        f"    resourcePath={folder}",
        f"    legacyNativeLibraryDir={folder}/lib",
        f"    primaryCpuAbi={abi}",
        "    secondaryCpuAbi=null",
        f"    versionCode={apk.version_code} minSdk={apk.min_sdk} targetSdk={apk.target_sdk}",
        f"    versionName={apk.version_name}",
        "    splits=[base]",
        f"    apkSigningVersion={apk.scheme.removeprefix('v')}",
        "    flags=[ HAS_CODE ALLOW_CLEAR_USER_DATA ]",
        f"    dataDir=/data/user/0/{name}",
        f"    timeStamp={_stamp(found.updated_s)}",
        f"    firstInstallTime={_stamp(found.installed_s)}",
        f"    lastUpdateTime={_stamp(found.updated_s)}",
        "    installerPackageName=null",
        f"    signatures=PackageSignatures{{{handle(apk.signer)} version:"
        f"{apk.scheme.removeprefix('v')}, signatures:[{apk.signer[:8]}], past signatures:[]}}",
        *_permissions(phone, found),
    ]


def _permissions(phone: PhoneCore, found: Installed) -> list[str]:
    runtime = phone.packages.runtime_permissions(found.apk)
    flags = "USER_SENSITIVE_WHEN_GRANTED|USER_SENSITIVE_WHEN_DENIED"
    return [
        "    requested permissions:",
        *(f"      {p}" for p in found.apk.permissions),
        "    install permissions:",
        *(f"      {p}: granted=true" for p in found.apk.permissions if p not in runtime),
        f"    User 0: ceDataInode=131583 installed=true hidden=false suspended=false "
        f"stopped={flag(found.stopped)} notLaunched=false "
        f"enabled={0 if found.enabled else 3} instant=false virtual=false",
        "      gids=[3003]",
        "      runtime permissions:",
        *(f"        {p}: granted={flag(p in found.granted)}, flags=[ {flags}]" for p in runtime),
    ]


def _stamp(when_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(when_s))
