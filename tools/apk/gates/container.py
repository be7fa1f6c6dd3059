"""Gate: the zip file holds what it should, placed so that phones can map it from the file."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.apk import archive, layout, programs

DATE = (1981, 1, 1, 0, 0, 0)
NAMES = (
    "AndroidManifest.xml",
    "classes.dex",
    *(f"lib/{abi.name}/{layout.LIBRARY}" for abi in layout.ABIS),
)
"""Every entry, in order."""


def complaints(apk: Path) -> list[str]:
    """What is wrong with the file as a container."""
    found = []
    if (size := apk.stat().st_size) > layout.MAX_APK_BYTES:
        found.append(f"{size} bytes, more than {layout.MAX_APK_BYTES}")
    try:
        entries = archive.contents(apk)
        offsets = archive.data_offsets(apk)
        with zipfile.ZipFile(apk) as opened:
            infos = opened.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        return [*found, f"not a whole zip file: {error}"]
    if tuple(info.filename for info in infos) != NAMES:
        found.append(f"holds {', '.join(entries)}, not {', '.join(NAMES)}")
    for info in infos:
        found += [f"{info.filename}: {wrong}" for wrong in _entry(info, offsets[info.filename])]
    return found


def _entry(info: zipfile.ZipInfo, offset: int) -> Iterator[str]:
    """What is wrong with one entry."""
    if info.date_time != DATE:
        yield f"dated {info.date_time}, so that no two builds are alike"
    if info.filename.endswith(".so"):
        if info.compress_type != zipfile.ZIP_STORED:
            yield "compressed: Android would have to unpack it (extractNativeLibs is false)"
        if offset % layout.PAGE_BYTES:
            yield f"data at byte {offset}, not on a multiple of 16 KiB"
    elif info.compress_type == zipfile.ZIP_STORED and offset % 4:
        yield f"data at byte {offset}, not on a multiple of 4"


def differs_from_info(apk: Path, info: dict[str, Any]) -> list[str]:
    """Where ``build-info.json`` does not describe this file."""
    found = []
    if (digest := programs.sha256(apk)) != info.get("sha256"):
        found.append(f"SHA-256 {digest}, build-info.json says {info.get('sha256')}")
    if (size := apk.stat().st_size) != info.get("size"):
        found.append(f"{size} bytes, build-info.json says {info.get('size')}")
    told = {name: row["sha256"] for name, row in info.get("entries", {}).items()}
    have = {name: hashlib.sha256(data).hexdigest() for name, data in archive.contents(apk).items()}
    if have != told:
        names = sorted(
            name for name in have.keys() | told.keys() if have.get(name) != told.get(name)
        )
        found.append(f"entries other than build-info.json says: {', '.join(names)}")
    return found
