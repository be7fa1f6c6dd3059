"""The programs of the build: found, run in a clean environment, asked for their version."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.apk import layout

PACKAGES = {
    "aapt": "aapt",
    "apksigner": "apksigner",
    "clang-14": "clang-14",
    "dexdump": "dexdump",
    "java": "openjdk-17-jdk-headless",
    "javac": "openjdk-17-jdk-headless",
    "ld.lld-14": "lld-14",
    "zipalign": "zipalign",
}
"""Program -> the Debian package that brings it."""

DEADLINE_S = 300.0
"""The slowest step, javac, takes 5 s on two slow cores."""


class BuildFailed(Exception):
    """A step of the build could not be done; the message says which and what to do."""


def find(name: str) -> str:
    """Full path of a program.

    Raises:
        BuildFailed: it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        package = PACKAGES.get(name, name)
        raise BuildFailed(f"{name} is not on the PATH (Debian: apt install {package})")
    return path


def environment() -> dict[str, str]:
    """What a program of the build sees of ours: the path and nothing that changes its output.

    JAVA_TOOL_OPTIONS, locale and time zone of the caller stay out.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


def run(command: Sequence[str | Path], *, folder: Path | None = None) -> str:
    """Run one step; its standard output.

    Raises:
        BuildFailed: it ended with an error, with what it said, or not in ``DEADLINE_S``.
    """
    words = [find(str(command[0])), *map(str, command[1:])]
    try:
        done = subprocess.run(  # noqa: S603 - a program of the list above, arguments of ours
            words,
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=DEADLINE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"{command[0]}: no end after {DEADLINE_S:.0f} s") from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise BuildFailed(f"{command[0]} ended with {done.returncode}:\n{said}")
    return done.stdout


def sha256(path: Path) -> str:
    """SHA-256 of one file.

    Raises:
        BuildFailed: it is not there.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise BuildFailed(f"{path} is missing: see docs/apk.md, 'What it needs'") from error


def _version(command: Sequence[str], pattern: str) -> str:
    """The first match of ``pattern`` in what a program says about itself."""
    said = run(command)
    found = re.search(pattern, said)
    if found is None:
        raise BuildFailed(f"{' '.join(command)} said no version: {said[:200]!r}")
    return found.group(1)


def _package(program: str) -> str:
    """Version of the Debian package of ``program``; "" where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return ""
    try:
        return run(["dpkg-query", "-W", "-f", "${Version}", PACKAGES[program]]).strip()
    except BuildFailed:
        return ""


def versions() -> Mapping[str, str]:
    """Everything that may change a byte of the APK, name -> version or digest."""
    return {
        "aapt": _package("aapt") or _version(["aapt", "version"], r"(v\S+)"),
        "android_jar_sha256": sha256(layout.ANDROID_JAR),
        "apksigner": _package("apksigner") or _version(["apksigner", "version"], r"(\S+)"),
        "clang": _version(["clang-14", "--version"], r"version ([^\n]+)"),
        "dx_jar_sha256": sha256(layout.DX_JAR),
        "framework_res_sha256": sha256(layout.FRAMEWORK_RES),
        "javac": _version(["javac", "-version"], r"javac (\S+)"),
        "lld": _version(["ld.lld-14", "--version"], r"LLD ([^\n]+?)(?: \(compatible.*)?\n"),
        "python": platform.python_version(),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
    }
