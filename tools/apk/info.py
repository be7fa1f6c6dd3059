"""``build-info.json``: what the committed APK is, and what it was made from and with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tools.apk import archive, layout, programs, sign


def source_files(app: Path) -> list[Path]:
    """Everything of ours that decides what is in the APK, sorted."""
    found = [path for path in (app / "src" / "main").rglob("*") if path.is_file()]
    found += [layout.KEY, layout.CERTIFICATE]
    return sorted(found)


def source_digest(app: Path) -> str:
    """One SHA-256 over names and contents of the sources, versions and levels.

    Standard library only and no toolchain: a test compares it with the committed
    ``build-info.json`` and so finds an APK that nobody rebuilt.
    """
    total = hashlib.sha256()
    facts = (layout.VERSION_NAME, layout.PROTOCOL, layout.MIN_SDK, layout.TARGET_SDK)
    total.update(repr(facts).encode())
    for path in source_files(app):
        folder = app if path.is_relative_to(app) else layout.TOOLS
        # Line ends as git stores them, whatever a checkout made of them.
        text = path.read_bytes().replace(b"\r\n", b"\n")
        name = path.relative_to(folder).as_posix()
        total.update(f"{name} {hashlib.sha256(text).hexdigest()}\n".encode())
    return total.hexdigest()


def describe(apk: Path, app: Path) -> dict[str, Any]:
    """What ``build-info.json`` says about an APK that was just built here."""
    entries = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in archive.contents(apk).items()
    }
    return {
        "package": layout.PACKAGE,
        "activity": layout.ACTIVITY,
        "version_code": layout.version_code(layout.VERSION_NAME),
        "version_name": layout.VERSION_NAME,
        "protocol": layout.PROTOCOL,
        "sha256": programs.sha256(apk),
        "size": apk.stat().st_size,
        "min_sdk": layout.MIN_SDK,
        "target_sdk": layout.TARGET_SDK,
        "permissions": sorted(layout.PERMISSIONS),
        "abis": [abi.name for abi in layout.ABIS],
        "certificate_sha256": certificate_digest(),
        "entries": entries,
        "source_sha256": source_digest(app),
        "tools": dict(programs.versions()),
    }


def certificate_digest() -> str:
    """SHA-256 of the public test certificate, as apksigner and Android show it."""
    return hashlib.sha256(sign.der(layout.CERTIFICATE, "CERTIFICATE")).hexdigest()


def write(info: dict[str, Any], path: Path) -> None:
    """The JSON file, in the order above."""
    path.write_text(json.dumps(info, indent=1) + "\n", "utf-8")


def read(path: Path = layout.INFO) -> dict[str, Any]:
    """A ``build-info.json``.

    Raises:
        OSError: it is not there.
        ValueError: it is not JSON.
    """
    info: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return info
