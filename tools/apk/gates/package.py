"""Gates by Android's own tools: aapt, apksigner, zipalign and dexdump."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tools.apk import info, layout, programs
from tools.apk.programs import BuildFailed

DEX_VERSION = "035"
"""Every Android reads it; later ones bring instructions that Android 8 lacks."""


def complaints(apk: Path) -> list[str]:
    """What aapt, apksigner, zipalign and dexdump find wrong with the package."""
    found = []
    for check in (badging, manifest, signature, alignment, dex):
        try:
            found += [f"{check.__name__}: {wrong}" for wrong in check(apk)]
        except BuildFailed as error:
            found.append(f"{check.__name__}: {error}")
    return found


def _differences(what: str, have: object, wanted: object) -> Iterator[str]:
    if have != wanted:
        yield f"{what} is {have!r}, must be {wanted!r}"


def badging(apk: Path) -> Iterator[str]:
    """Name, version, levels, permissions, activity and processors, as the installer sees them."""
    said = programs.run(["aapt", "dump", "badging", apk])

    def all_of(pattern: str) -> list[str]:
        return re.findall(pattern, said, re.MULTILINE)

    code = str(layout.version_code(layout.VERSION_NAME))
    name = (layout.PACKAGE, code, layout.VERSION_NAME)
    row = r"^package: name='([^']*)' versionCode='([^']*)' versionName='([^']*)'"
    yield from _differences("package", all_of(row), [name])
    yield from _differences("minimum API", all_of(r"^sdkVersion:'(\d+)'"), [str(layout.MIN_SDK)])
    target = all_of(r"^targetSdkVersion:'(\d+)'")
    yield from _differences("target API", target, [str(layout.TARGET_SDK)])
    asked = sorted(all_of(r"^uses-permission(?:-\S+)?: name='([^']*)'"))
    yield from _differences("list of permissions", asked, sorted(layout.PERMISSIONS))
    activity = all_of(r"^launchable-activity: name='([^']*)'")
    yield from _differences("launchable activity", activity, [layout.ACTIVITY])
    processors = re.findall(r"'([^']*)'", "".join(all_of(r"^native-code:(.*)$")))
    yield from _differences("list of ABIs", processors, [abi.name for abi in layout.ABIS])
    if "application-debuggable" in said:
        yield "is debuggable: Android runs such an app slower"


def manifest(apk: Path) -> Iterator[str]:
    """What badging does not say: components, and whether libraries stay in the APK."""
    tree = programs.run(["aapt", "dump", "xmltree", apk, "AndroidManifest.xml"])
    kinds = re.findall(r"^ *E: (activity|activity-alias|service|receiver|provider)\b", tree, re.M)
    yield from _differences("list of components", kinds, ["activity"])
    extract = re.findall(r"android:extractNativeLibs\(0x010104ea\)=\(type 0x12\)(0x\w+)", tree)
    yield from _differences("extractNativeLibs", extract, ["0x0"])


def signature(apk: Path) -> Iterator[str]:
    """Schemes 2 and 3, one signer: the public test key."""
    command: list[str | Path] = ["apksigner", "verify", "--verbose", "--print-certs"]
    said = programs.run([*command, "--min-sdk-version", str(layout.MIN_SDK), apk])
    schemes = dict(re.findall(r"^Verified using v(\d) scheme [^:]*: (\w+)", said, re.M))
    wanted = {"1": "false", "2": "true", "3": "true", "4": "false"}
    yield from _differences("set of signature schemes", schemes, wanted)
    yield from _differences("number of signers", re.findall(r"of signers: (\d+)", said), ["1"])
    certificate = re.findall(r"certificate SHA-256 digest: (\w+)", said)
    yield from _differences("certificate", certificate, [info.certificate_digest()])
    size = re.findall(r"key algorithm: (\w+)\n.*key size \(bits\): (\d+)", said)
    yield from _differences("key", size, [("RSA", "2048")])


def alignment(apk: Path) -> Iterator[str]:
    """zipalign's own check; it knows 4 KiB only, gates.container checks 16 KiB."""
    programs.run(["zipalign", "-c", "-p", "4", apk])
    yield from ()


def dex(apk: Path) -> Iterator[str]:
    """dexdump opens the code with the verifier of Android's runtime."""
    said = programs.run(["dexdump", "-f", apk])
    versions = re.findall(r"DEX version '(\d+)'", said)
    yield from _differences("list of dex versions", versions, [DEX_VERSION])
