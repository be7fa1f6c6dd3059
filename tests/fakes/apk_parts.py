"""Parts for the tests of the APK's build and gates: the toolchain, small apps, changed APKs."""

from __future__ import annotations

import os
import shutil
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from tools.apk import archive, fetch, java, layout

AAPT = ("aapt", "aapt")
APKSIGNER = ("apksigner", "apksigner")
CLANG = ("clang-14", "clang-14")
DEXDUMP = ("dexdump", "dexdump")
FRAMEWORK = ("android-framework-res", str(layout.FRAMEWORK_RES))
JDK = ("openjdk-17-jdk-headless", "javac")
LLD = ("lld-14", "ld.lld-14")
MAVEN = ("maven", "mvn")
ZIPALIGN = ("zipalign", "zipalign")
"""Debian package and what it brings, for ``needs``."""

Test = TypeVar("Test", bound=Callable[..., object])


def needs(*parts: tuple[str, str]) -> Callable[[Test], Test]:
    """``needs_apt`` for each of ``parts``."""

    def marked(test: Test) -> Test:
        for part in parts:
            test = pytest.mark.needs_apt(*part)(test)
        return test

    return marked


def toolchain(*names: str) -> None:
    """Fetch sets of ``tools/apk/fetch.py``; without a network the test skips, in CI it fails."""
    for name in names:
        try:
            fetch.fetch(name)
        except fetch.FetchFailed as error:
            if os.environ.get("CHIRPBENCH_NO_SKIP") == "1":
                pytest.fail(str(error), pytrace=False)
            pytest.skip(f"cannot fetch the set {name!r}: {str(error).splitlines()[0]}")


def dex_of(folder: Path, **sources: str) -> bytes:
    """``classes.dex`` of a small app: class name -> body of its file, without the package line."""
    java_folder = folder / "app" / "src" / "main" / "java"
    place = java_folder / Path(*layout.PACKAGE.split("."))
    place.mkdir(parents=True)
    for name, text in sources.items():
        (place / f"{name}.java").write_text(f"package {layout.PACKAGE};\n{text}\n", "utf-8")
    java.compile_classes(folder / "app", folder / "classes")
    java.dex(folder / "classes", folder / "classes.dex")
    return (folder / "classes.dex").read_bytes()


def committed() -> dict[str, bytes]:
    """Entries of the APK in the repository."""
    return archive.contents(layout.APK)


def entries_of(contents: Mapping[str, bytes]) -> list[archive.Entry]:
    """Entries as the build packs them: libraries stored on 16 KiB, the rest deflated."""
    found = []
    for name, data in contents.items():
        is_library = name.endswith(".so")
        alignment = layout.PAGE_BYTES if is_library else 4
        found.append(archive.Entry(name, data, stored=is_library, alignment=alignment))
    return found


def copy_with_byte_changed(apk: Path, into: Path, entry: str) -> Path:
    """A copy of ``apk`` with one byte in the middle of an entry's data changed."""
    start = archive.data_offsets(apk)[entry]
    with zipfile.ZipFile(apk) as opened:
        size = opened.getinfo(entry).compress_size
    shutil.copyfile(apk, into)
    with into.open("r+b") as file:
        file.seek(start + size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x55]))
    return into


def with_header_byte(library: bytes, *, bits: int, kind: int, field: str, value: int) -> bytes:
    """An ELF file with one number of its first program header row of ``kind`` changed."""
    table = struct.unpack_from("<Q" if bits == 64 else "<I", library, 32 if bits == 64 else 28)[0]
    size, count = struct.unpack_from("<2H", library, 54 if bits == 64 else 42)
    forms = {
        64: {"alignment": ("<Q", 48), "flags": ("<I", 4), "kind": ("<I", 0), "memory": ("<Q", 40)},
        32: {"alignment": ("<I", 28), "flags": ("<I", 24), "kind": ("<I", 0), "memory": ("<I", 20)},
    }
    form, offset = forms[bits][field]
    changed = bytearray(library)
    for row in range(count):
        at = table + row * size
        if struct.unpack_from("<I", library, at)[0] == kind:
            struct.pack_into(form, changed, at + offset, value)
            return bytes(changed)
    raise AssertionError(f"no program header of kind {kind:#x}")
