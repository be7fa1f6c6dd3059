"""The app's manifest in its binary form, by aapt."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree import ElementTree

from tools.apk import layout, programs

ANDROID = "http://schemas.android.com/apk/res/android"


def source(app: Path) -> Path:
    """The manifest that Gradle and this build share."""
    return app / "src" / "main" / "AndroidManifest.xml"


def _with_package(manifest: Path) -> bytes:
    """The manifest with its package name.

    The Gradle plugin takes the name from ``namespace`` and wants none in the file; aapt needs it.
    """
    ElementTree.register_namespace("android", ANDROID)
    root = ElementTree.parse(manifest).getroot()  # noqa: S314 - a file of this repository
    if root.get("package", layout.PACKAGE) != layout.PACKAGE:
        raise programs.BuildFailed(f"{manifest}: package is not {layout.PACKAGE}")
    root.set("package", layout.PACKAGE)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def compile_manifest(app: Path, work: Path) -> bytes:
    """``AndroidManifest.xml`` as phones read it, with versions and SDK levels in it.

    Raises:
        BuildFailed: aapt said no, or the package is another.
    """
    plain, packed = work / "AndroidManifest.xml", work / "base.apk"
    plain.write_bytes(_with_package(source(app)))
    command: list[str | Path] = ["aapt", "package", "-f", "-M", plain, "-I", layout.FRAMEWORK_RES]
    command += ["--min-sdk-version", str(layout.MIN_SDK)]
    command += ["--target-sdk-version", str(layout.TARGET_SDK)]
    command += ["--version-code", str(layout.version_code(layout.VERSION_NAME))]
    command += ["--version-name", layout.VERSION_NAME, "-F", packed]
    programs.run(command)
    with zipfile.ZipFile(packed) as opened:
        if (names := opened.namelist()) != ["AndroidManifest.xml"]:
            raise programs.BuildFailed(f"aapt made {names}: the app is meant to have no resources")
        return opened.read("AndroidManifest.xml")
