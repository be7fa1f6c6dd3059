"""Writes the iOS probe's Xcode project, its scheme and XcodeGen's project.yml from one list.

The list is the files that lie in ``App``, ``Core`` and ``Unit``; the settings are the tables below.
``python -m tools.ios_project`` writes, ``--check`` says what is not in step and ends with 1. The
same sources give the same bytes: identifiers are digests of what they stand for.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from profiler import __version__
from tools.apk.layout import version_code

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "device_probes" / "ios" / "ProbeApp"
NAME = "ChirpbenchProbe"
BUNDLE = "org.chirpbench.probe"
DEPLOYMENT_TARGET = "15.0"
FOLDERS = ("App", "Core", "Unit")
BRIDGE, PLIST = "ProbeApp-Bridging-Header.h", "Info.plist"
FRAMEWORKS = ("AVFoundation", "AudioToolbox", "MediaPlayer")
PROJECT = f"{NAME}.xcodeproj/project.pbxproj"
SCHEME = f"{NAME}.xcodeproj/xcshareddata/xcschemes/{NAME}.xcscheme"
KINDS = {".swift": "sourcecode.swift", ".c": "sourcecode.c.c", ".h": "sourcecode.c.h"}

Settings = Mapping[str, str]
SETTINGS: Settings = {
    "ALWAYS_SEARCH_USER_PATHS": "NO",
    "CLANG_ENABLE_MODULES": "YES",
    "CODE_SIGN_STYLE": "Automatic",
    "CURRENT_PROJECT_VERSION": str(version_code(__version__)),
    "DEVELOPMENT_TEAM": "",  # the user's own; nobody else's would work
    "GCC_C_LANGUAGE_STANDARD": "gnu11",
    "GENERATE_INFOPLIST_FILE": "NO",
    "INFOPLIST_FILE": PLIST,
    "IPHONEOS_DEPLOYMENT_TARGET": DEPLOYMENT_TARGET,
    "MARKETING_VERSION": __version__,
    "OTHER_LDFLAGS": " ".join(f"-framework {name}" for name in FRAMEWORKS),
    "PRODUCT_BUNDLE_IDENTIFIER": BUNDLE,
    "PRODUCT_NAME": NAME,
    "SDKROOT": "iphoneos",
    "SUPPORTS_MACCATALYST": "NO",
    "SWIFT_OBJC_BRIDGING_HEADER": BRIDGE,
    "SWIFT_VERSION": "5.0",
    "TARGETED_DEVICE_FAMILY": "1,2",
    "USE_HEADERMAP": "NO",  # or a header of ours could stand in for one of the system
}
CONFIGURATIONS: Mapping[str, Settings] = {
    "Debug": {
        "DEBUG_INFORMATION_FORMAT": "dwarf",
        "GCC_OPTIMIZATION_LEVEL": "0",
        "ONLY_ACTIVE_ARCH": "YES",
        "SWIFT_OPTIMIZATION_LEVEL": "-Onone",
    },
    "Release": {
        "DEBUG_INFORMATION_FORMAT": "dwarf-with-dsym",
        "GCC_OPTIMIZATION_LEVEL": "2",
        "SWIFT_COMPILATION_MODE": "wholemodule",
        "SWIFT_OPTIMIZATION_LEVEL": "-O",
    },
}


def sources(app: Path = APP) -> dict[str, list[str]]:
    """Folder -> names of its source files, sorted."""
    return {
        folder: sorted(p.name for p in (app / folder).iterdir() if p.suffix in KINDS)
        for folder in FOLDERS
    }


def identifier(*parts: str) -> str:
    """24 hexadecimal digits, as Xcode's own."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:24].upper()


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[A-Za-z0-9_./]+", value) else f'"{value}"'


def _object(key: str, comment: str, values: Mapping[str, str | Sequence[str]]) -> str:
    lines = [f"\t\t{key} /* {comment} */ = {{"]
    for name, value in values.items():
        if isinstance(value, str):
            lines.append(f"\t\t\t{name} = {value};")
        else:
            lines += [f"\t\t\t{name} = (", *(f"\t\t\t\t{one}," for one in value), "\t\t\t);"]
    return "\n".join([*lines, "\t\t};"])


def _settings(values: Settings) -> str:
    rows = [f"\t\t\t\t{name} = {_quoted(values[name])};" for name in sorted(values)]
    return "\n".join(["{", *rows, "\t\t\t}"])


def _reference(path: str, kind: str) -> str:
    name = path.rsplit("/", maxsplit=1)[-1]
    values = {"isa": "PBXFileReference", "lastKnownFileType": kind, "path": _quoted(name)}
    return _object(identifier("file", path), name, {**values, "sourceTree": '"<group>"'})


def _group(key: str, comment: str, children: Sequence[str], path: str = "") -> str:
    values: dict[str, str | Sequence[str]] = {"isa": "PBXGroup", "children": children}
    if path:
        values["path"] = path
    elif key != identifier("group", ""):
        values["name"] = comment
    return _object(key, comment, {**values, "sourceTree": '"<group>"'})


def _file_sections(found: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    files = [f"{folder}/{name}" for folder in FOLDERS for name in found[folder]]
    compiled = [path for path in files if not path.endswith(".h")]
    product = {
        "isa": "PBXFileReference",
        "explicitFileType": "wrapper.application",
        "includeInIndex": "0",
        "path": f"{NAME}.app",
        "sourceTree": "BUILT_PRODUCTS_DIR",
    }
    builds = [
        _object(
            identifier("build", path),
            f"{path.rsplit('/', maxsplit=1)[-1]} in Sources",
            {"isa": "PBXBuildFile", "fileRef": identifier("file", path)},
        )
        for path in compiled
    ]
    references = [_reference(path, KINDS[Path(path).suffix]) for path in files]
    references += [_reference(BRIDGE, KINDS[".h"]), _reference(PLIST, "text.plist.xml")]
    references.append(_object(identifier("product"), f"{NAME}.app", product))
    phase = _object(
        identifier("sources"),
        "Sources",
        {
            "isa": "PBXSourcesBuildPhase",
            "buildActionMask": "2147483647",
            "files": [identifier("build", path) for path in compiled],
            "runOnlyForDeploymentPostprocessing": "0",
        },
    )
    return {
        "PBXBuildFile": builds,
        "PBXFileReference": references,
        "PBXSourcesBuildPhase": [phase],
    }


def _groups(found: Mapping[str, Sequence[str]]) -> list[str]:
    top = [identifier("group", folder) for folder in FOLDERS]
    top += [identifier("file", BRIDGE), identifier("file", PLIST), identifier("group", "Products")]
    return [
        _group(identifier("group", ""), NAME, top),
        *(
            _group(
                identifier("group", folder),
                folder,
                [identifier("file", f"{folder}/{name}") for name in found[folder]],
                folder,
            )
            for folder in FOLDERS
        ),
        _group(identifier("group", "Products"), "Products", [identifier("product")]),
    ]


def _configurations() -> dict[str, list[str]]:
    def one(owner: str, name: str, values: Settings) -> str:
        body = {"isa": "XCBuildConfiguration", "buildSettings": _settings(values), "name": name}
        return _object(identifier("configuration", owner, name), name, body)

    def both(owner: str) -> str:
        keys = [identifier("configuration", owner, name) for name in CONFIGURATIONS]
        body = {
            "isa": "XCConfigurationList",
            "buildConfigurations": keys,
            "defaultConfigurationIsVisible": "0",
            "defaultConfigurationName": "Release",
        }
        return _object(identifier("configurations", owner), f"configurations of the {owner}", body)

    return {
        "XCBuildConfiguration": [
            *(one("project", name, values) for name, values in CONFIGURATIONS.items()),
            *(one("target", name, SETTINGS) for name in CONFIGURATIONS),
        ],
        "XCConfigurationList": [both("project"), both("target")],
    }


def _target_and_project() -> dict[str, list[str]]:
    target = {
        "isa": "PBXNativeTarget",
        "buildConfigurationList": identifier("configurations", "target"),
        "buildPhases": [identifier("sources")],
        "buildRules": (),
        "dependencies": (),
        "name": NAME,
        "productName": NAME,
        "productReference": identifier("product"),
        "productType": '"com.apple.product-type.application"',
    }
    project = {
        "isa": "PBXProject",
        "buildConfigurationList": identifier("configurations", "project"),
        "compatibilityVersion": '"Xcode 14.0"',
        "developmentRegion": "en",
        "hasScannedForEncodings": "0",
        "knownRegions": ("en", "Base"),
        "mainGroup": identifier("group", ""),
        "productRefGroup": identifier("group", "Products"),
        "projectDirPath": '""',
        "projectRoot": '""',
        "targets": [identifier("target")],
    }
    return {
        "PBXNativeTarget": [_object(identifier("target"), NAME, target)],
        "PBXProject": [_object(identifier("project"), "Project object", project)],
    }


def pbxproj(found: Mapping[str, Sequence[str]]) -> str:
    """``project.pbxproj`` for these sources."""
    sections = {
        **_file_sections(found),
        "PBXGroup": _groups(found),
        **_target_and_project(),
        **_configurations(),
    }
    lines = ["// !$*UTF8*$!", "{", "\tarchiveVersion = 1;", "\tclasses = {", "\t};"]
    lines += ["\tobjectVersion = 56;", "\tobjects = {"]
    for isa in sorted(sections):
        lines += ["", f"/* Begin {isa} section */", *sections[isa], f"/* End {isa} section */"]
    root = f"\trootObject = {identifier('project')} /* Project object */;"
    return "\n".join([*lines, "\t};", root, "}", ""])


def scheme() -> str:
    """The shared scheme: what runs is the Release build, because the other one measures itself."""
    reference = "\n".join(
        f"            {line}"
        for line in (
            "<BuildableReference",
            '   BuildableIdentifier = "primary"',
            f'   BlueprintIdentifier = "{identifier("target")}"',
            f'   BuildableName = "{NAME}.app"',
            f'   BlueprintName = "{NAME}"',
            f'   ReferencedContainer = "container:{NAME}.xcodeproj">',
            "</BuildableReference>",
        )
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Scheme version = "1.7">
   <BuildAction parallelizeBuildables = "YES" buildImplicitDependencies = "YES">
      <BuildActionEntries>
         <BuildActionEntry buildForRunning = "YES" buildForArchiving = "YES">
{reference}
         </BuildActionEntry>
      </BuildActionEntries>
   </BuildAction>
   <LaunchAction buildConfiguration = "Release" launchStyle = "0" useCustomWorkingDirectory = "NO">
      <BuildableProductRunnable runnableDebuggingMode = "0">
{reference}
      </BuildableProductRunnable>
   </LaunchAction>
   <ArchiveAction buildConfiguration = "Release" revealArchiveInOrganizer = "YES">
   </ArchiveAction>
</Scheme>
"""


def project_yml() -> str:
    """XcodeGen's description. It has no ``info:``, which would overwrite Info.plist."""

    def rows(values: Settings, indent: str) -> list[str]:
        return [f'{indent}{name}: "{values[name]}"' for name in sorted(values)]

    lines = [
        "# Written by tools/ios_project.py, as the project beside it is. XcodeGen is not needed.",
        f"name: {NAME}",
        "options:",
        "  deploymentTarget:",
        f'    iOS: "{DEPLOYMENT_TARGET}"',
        "configs:",
        *(f"  {name}: {name.lower()}" for name in CONFIGURATIONS),
        "targets:",
        f"  {NAME}:",
        "    type: application",
        "    platform: iOS",
        "    sources:",
        *(f"      - {folder}" for folder in FOLDERS),
        "    settings:",
        "      base:",
        *rows(SETTINGS, "        "),
        "      configs:",
    ]
    for name, values in CONFIGURATIONS.items():
        lines += [f"        {name}:", *rows(values, "          ")]
    return "\n".join([*lines, ""])


def files(app: Path = APP) -> dict[str, str]:
    """Name below the app's folder -> what must stand in it."""
    return {PROJECT: pbxproj(sources(app)), SCHEME: scheme(), "project.yml": project_yml()}


def differing(app: Path = APP) -> list[str]:
    """Names of the files that are not what the sources and settings give."""
    return [
        name
        for name, text in files(app).items()
        if not (app / name).is_file() or (app / name).read_text("utf-8") != text
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with ``--check`` name those that are out of step."""
    parser = argparse.ArgumentParser(description="the iOS probe's Xcode project")
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    if check:
        names = differing()
        for name in names:
            sys.stderr.write(f"{name} is out of step: python -m tools.ios_project\n")
        return 1 if names else 0
    for name, text in files().items():
        (APP / name).parent.mkdir(parents=True, exist_ok=True)
        (APP / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
