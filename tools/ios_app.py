"""Builds the iOS probe with Xcode (``make ios-app``); where there is none, says what it needs.

``python -m tools.ios_app [TEAM [BUNDLE]]``: with a team the app is signed for a phone, without one
it is only compiled, which shows that it does. ``BUNDLE`` is a bundle id of one's own, which
chirpbench has to be told as well (docs/ios.md).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

from device_probes.ios.bundles import ALLOWED, PROBE_VARIABLE, is_bundle
from tools.ios_project import APP, NAME, differing

NEEDS = (
    "the iOS probe is built by Xcode, which there is for macOS alone. On a Mac with Xcode 15:\n"
    "  make ios-app TEAM=ABCDE12345 BUNDLE=com.example.probe\n"
    "or open {project} (docs/ios.md has the steps)\n"
)
TEAM = re.compile(r"[A-Z0-9]{10}\Z")


def command(team: str, bundle: str = "") -> list[str]:
    """What is run in the app's folder; without a ``bundle`` the app has the project's."""
    words = ["xcodebuild", "-project", f"{NAME}.xcodeproj", "-scheme", NAME]
    words += ["-configuration", "Release", "-destination", "generic/platform=iOS"]
    words += ["-derivedDataPath", "build"]
    words += [f"PRODUCT_BUNDLE_IDENTIFIER={bundle}"] if bundle else []
    if team:
        return [*words, "-allowProvisioningUpdates", f"DEVELOPMENT_TEAM={team}", "build"]
    return [*words, "CODE_SIGNING_ALLOWED=NO", "build"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: built; 1: not built; 2: not here, or not with that team or bundle id."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    team, bundle, *_ = (*given, "", "")
    if team and not TEAM.match(team):
        sys.stderr.write(f"{team!r} is no team id: ten capital letters and digits (docs/ios.md)\n")
        return 2
    if bundle and not is_bundle(bundle):
        sys.stderr.write(f"{bundle!r} is no bundle id: {ALLOWED} (docs/ios.md)\n")
        return 2
    if sys.platform != "darwin" or shutil.which("xcodebuild") is None:
        project = (APP / f"{NAME}.xcodeproj").relative_to(APP.parents[2])
        sys.stderr.write(NEEDS.format(project=project))
        return 2
    if differing():
        sys.stderr.write("the project is out of step: python -m tools.ios_project\n")
        return 1
    done = subprocess.run(command(team, bundle), cwd=APP, check=False)  # noqa: S603 - fixed words
    if done.returncode == 0:
        built = APP / "build" / "Build" / "Products" / "Release-iphoneos" / f"{NAME}.app"
        sys.stdout.write(f"{built}\n")
        if bundle:
            sys.stdout.write(f"tell chirpbench its name: export {PROBE_VARIABLE}={bundle}\n")
    return int(done.returncode != 0)  # negative when a signal ended it


if __name__ == "__main__":
    sys.exit(main())
