"""Builds the iOS probe with Xcode (``make ios-app``); where there is none, says what it needs.

``python -m tools.ios_app [TEAM]``: with a team the app is signed for a phone, without one it is
only compiled, which shows that it does.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

from tools.ios_project import APP, NAME, differing

NEEDS = (
    "the iOS probe is built by Xcode, which there is for macOS alone. On a Mac with Xcode 15:\n"
    "  make ios-app TEAM=ABCDE12345\nor open {project} (docs/ios.md has the steps)\n"
)
TEAM = re.compile(r"[A-Z0-9]{10}\Z")


def command(team: str) -> list[str]:
    """What is run in the app's folder."""
    words = ["xcodebuild", "-project", f"{NAME}.xcodeproj", "-scheme", NAME]
    words += ["-configuration", "Release", "-destination", "generic/platform=iOS"]
    words += ["-derivedDataPath", "build"]
    if team:
        return [*words, "-allowProvisioningUpdates", f"DEVELOPMENT_TEAM={team}", "build"]
    return [*words, "CODE_SIGNING_ALLOWED=NO", "build"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: built; 1: not built; 2: not here, or not with that team."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    team = given[0] if given else ""
    if team and not TEAM.match(team):
        sys.stderr.write(f"{team!r} is no team id: ten capital letters and digits (docs/ios.md)\n")
        return 2
    if sys.platform != "darwin" or shutil.which("xcodebuild") is None:
        project = (APP / f"{NAME}.xcodeproj").relative_to(APP.parents[2])
        sys.stderr.write(NEEDS.format(project=project))
        return 2
    if differing():
        sys.stderr.write("the project is out of step: python -m tools.ios_project\n")
        return 1
    done = subprocess.run(command(team), cwd=APP, check=False)  # noqa: S603 - fixed words
    if done.returncode == 0:
        built = APP / "build" / "Build" / "Products" / "Release-iphoneos" / f"{NAME}.app"
        sys.stdout.write(f"{built}\n")
    return min(done.returncode, 1)


if __name__ == "__main__":
    sys.exit(main())
