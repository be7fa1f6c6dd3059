"""``python -m tools.apk.build``: the probe APK and its ``build-info.json``, from sources to signed.

The same sources and tools give the same bytes, in any folder, time zone and language.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.apk import archive, fetch, info, java, layout, manifest, native, programs, sign

FAILURES = (programs.BuildFailed, fetch.FetchFailed, ValueError)
"""What stops a build."""


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Say how long one step took, on standard error."""
    started = time.monotonic()
    yield
    print(f"apk: {name}: {time.monotonic() - started:.1f} s", file=sys.stderr)  # noqa: T201


def build(into: Path, app: Path = layout.APP) -> dict[str, Any]:
    """Write ``probe.apk`` and ``build-info.json`` to ``into``; what the latter says.

    Raises:
        BuildFailed: a tool is missing or said no.
        FetchFailed: see ``tools/apk/fetch.py``.
        ValueError: the app's Java holds what dx cannot translate.
    """
    if fetch.fetch("build"):
        print("apk: fetched .toolchain/build", file=sys.stderr)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="chirpbench-apk-") as folder:
        work = Path(folder)
        _assemble(app, work)
        with _step("sign"):
            sign.sign(work / "unsigned.apk", work / layout.APK_NAME, work)
        described = info.describe(work / layout.APK_NAME, app)
        into.mkdir(parents=True, exist_ok=True)
        (into / layout.APK_NAME).write_bytes((work / layout.APK_NAME).read_bytes())
        info.write(described, into / layout.INFO_NAME)
    return described


def _assemble(app: Path, work: Path) -> None:
    """Every part, and ``work/unsigned.apk`` of them."""
    with _step("javac"):
        java.compile_classes(app, work / "classes")
    with _step("dx"):
        java.dex(work / "classes", work / "classes.dex")
    with _step("native code"):
        libraries = native.build_native(app / "src" / "main" / "c", work / "native")
    with _step("manifest"):
        binary_manifest = manifest.compile_manifest(app, work)
    entries = [
        archive.Entry("AndroidManifest.xml", binary_manifest),
        archive.Entry("classes.dex", (work / "classes.dex").read_bytes()),
    ]
    entries += [
        archive.native_entry(abi.name, libraries[abi.name].read_bytes()) for abi in layout.ABIS
    ]
    archive.write(entries, work / "unsigned.apk")


def update_build_info(app: Path = layout.APP) -> None:
    """Write ``BuildInfo.java`` again when a version or the protocol changed."""
    path, text = java.build_info_path(app), java.build_info_text()
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 when the APK was built and is small enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=layout.ASSETS, help="default: %(default)s")
    parser.add_argument("--app", type=Path, default=layout.APP, help="default: %(default)s")
    asked = parser.parse_args(arguments)
    try:
        update_build_info(asked.app)
        described = build(asked.out, asked.app)
    except FAILURES as error:
        print(f"apk: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{asked.out / layout.APK_NAME}: {described['size']} bytes, {described['sha256']}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
