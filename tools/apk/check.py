"""``python -m tools.apk.check``: every gate on an APK; exit code 1 when one complains."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tools.apk import archive, fetch, info, layout
from tools.apk.build import FAILURES
from tools.apk.gates import api, container, dexfile, native, package, rebuild
from tools.apk.gates.platform import Platform

Gate = Callable[[], list[str]]


def api_complaints(apk: Path) -> list[str]:
    """See :mod:`tools.apk.gates.api`; fetches what the lint reads."""
    fetch.fetch("api")
    platform = Platform()
    try:
        return api.complaints(dexfile.parse(archive.contents(apk)["classes.dex"]), platform)
    finally:
        platform.close()


def gates(folder: Path, *, with_rebuild: bool) -> dict[str, Gate]:
    """Name -> gate for the APK and ``build-info.json`` in ``folder``."""
    apk = folder / layout.APK_NAME
    found: dict[str, Gate] = {
        "container": lambda: container.complaints(apk),
        "build-info.json": lambda: container.differs_from_info(
            apk, info.read(folder / layout.INFO_NAME)
        ),
        "package": lambda: package.complaints(apk),
        "API": lambda: api_complaints(apk),
        "native code": lambda: native.complaints(archive.contents(apk)),
    }
    if with_rebuild:
        found["rebuild"] = lambda: rebuild.complaints(folder)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 when no gate complains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, default=layout.ASSETS, help="default: %(default)s")
    parser.add_argument("--no-rebuild", action="store_true", help="leave out the two builds")
    asked = parser.parse_args(arguments)
    failed = False
    for name, gate in gates(asked.assets, with_rebuild=not asked.no_rebuild).items():
        try:
            wrong = gate()
        except (*FAILURES, OSError) as error:
            wrong = [str(error)]
        failed = failed or bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {name}")  # noqa: T201
        for line in wrong:
            print(f"       {line}")  # noqa: T201
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
