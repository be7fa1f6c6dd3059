"""Gate: a build from the sources of today gives the committed APK, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.apk import archive, info, layout
from tools.apk.programs import BuildFailed

ELSEWHERE = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "1", "LANG": "C"}
"""A second build sees another time zone, language and hash seed."""
DEADLINE_S = 600.0


def build_elsewhere(folder: Path, extra: dict[str, str]) -> Path:
    """Build a copy of the app's sources in ``folder`` by a process of its own; the APK.

    Raises:
        BuildFailed: the build failed, with what it said.
    """
    app = folder / "sources"
    shutil.copytree(layout.APP, app, ignore=shutil.ignore_patterns("build", ".gradle"))
    command = [sys.executable, "-m", "tools.apk.build", "--app", str(app), "--out", str(folder)]
    done = subprocess.run(  # noqa: S603 - our own module
        command,
        cwd=layout.ROOT,
        env=os.environ | extra,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    if done.returncode != 0:
        raise BuildFailed(f"the rebuild failed:\n{done.stderr}")
    return folder / layout.APK_NAME


def complaints(committed: Path = layout.ASSETS) -> list[str]:
    """Where two fresh builds differ from each other, or from the committed APK."""
    with tempfile.TemporaryDirectory(prefix="chirpbench-rebuild-") as folder:
        builds = []
        for name, extra in (("first", {}), ("a much longer name for the second", ELSEWHERE)):
            place = Path(folder) / name
            place.mkdir()
            builds.append(build_elsewhere(place, extra))
        first, second = builds
        if first.read_bytes() != second.read_bytes():
            return ["two builds in different folders differ: " + ", ".join(differing(*builds))]
        fresh = info.read(first.parent / layout.INFO_NAME)
        return against(
            committed / layout.APK_NAME, info.read(committed / layout.INFO_NAME), first, fresh
        )


def differing(one: Path, other: Path) -> list[str]:
    """Names of the entries that are not the same; "the container" when all are."""
    left, right = archive.contents(one), archive.contents(other)
    names = sorted(n for n in left.keys() | right.keys() if left.get(n) != right.get(n))
    return names or ["the container (order, compression, padding or signature)"]


def tools_that_differ(told: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    """``javac 17.0.15, here 17.0.16`` for each tool that is not the one of ``build-info.json``."""
    then, now = told.get("tools", {}), fresh.get("tools", {})
    return [
        f"{name} {then.get(name, 'unknown')}, here {now.get(name, 'unknown')}"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]


def against(apk: Path, told: dict[str, Any], rebuilt: Path, fresh: dict[str, Any]) -> list[str]:
    """Where ``rebuilt`` is not the committed ``apk``.

    With the tools of ``build-info.json`` every byte must agree. With others only the entries must:
    the compression and the signature may be another's work.
    """
    if apk.read_bytes() == rebuilt.read_bytes():
        return []
    changed = tools_that_differ(told, fresh)
    names = differing(apk, rebuilt)
    if not changed:
        return [f"the committed APK is not what its sources give: {', '.join(names)} (make apk)"]
    if archive.contents(apk) == archive.contents(rebuilt):
        return []
    return [
        f"the rebuild's {', '.join(names)} differ, and so do the tools: {'; '.join(changed)}. "
        "Install those versions, or run make apk and commit what it writes"
    ]
