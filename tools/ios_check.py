"""What can be checked of the iOS probe without a Mac; ``make ios-check``.

Every check gives complaints, one line each. None of them compiles Swift: ``make ios-swift`` does,
on Debian, and docs/ios.md lists what only a Mac and a phone can show.
"""

from __future__ import annotations

import plistlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from device_probes import codec, fields, protocol, wire
from device_probes.ios.alerts import PROBE_NAME
from profiler import __version__, wav
from tools import ios_project
from tools.ios_project import APP

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_COLUMNS = 400, 40, 100
TREE_SITTER = "tree-sitter and tree-sitter-swift are not installed: Swift was not parsed"
PLIST_TEXTS = (
    "CFBundleExecutable", "CFBundleIdentifier", "CFBundleName", "CFBundlePackageType",
    "CFBundleShortVersionString", "CFBundleVersion", "NSMicrophoneUsageDescription",
)  # fmt: skip
_TOKEN = re.compile(
    r'\s+|//[^\n]*|/\*.*?\*/|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[\w./$]+)|(?P<sign>[{}()=;,])',
    re.DOTALL,
)
_DARWIN = ("sin_", "s_addr")
"""Fields of the system's C."""
_FUNCTION = re.compile(r"^( *)(?:\w+ )*(?:func \w+|init[?(]|deinit)", re.MULTILINE)


class NotReadable(Exception):
    """A project file that is no OpenStep property list."""


def bounds() -> dict[str, int]:
    """Name in Core/bounds.h without its prefix -> what the host's own code says."""
    owners: tuple[Any, ...] = (wire, fields, protocol, codec, wav)
    found = {
        name: int(value)
        for owner in owners
        for name, value in vars(owner).items()
        if name.startswith(("MAX_", "MIN_")) and isinstance(value, int | float)
    }
    return {**found, "PROTOCOL": protocol.PROTOCOL_VERSION, "PREFIX_BYTES": wire.PREFIX.size}


def enumerators(header: str) -> dict[str, int]:
    """``CP_NAME = value`` of a C header, the prefix left out; values are whole or a shift."""
    found = {}
    for name, value, shift in re.findall(r"\bCP_(\w+) = (\d+)(?: << (\d+))?", header):
        found[name] = int(value) << int(shift or 0)
    return found


def constants(app: Path = APP) -> list[str]:
    """Bounds, words and version of C and Swift against the host's."""
    said = enumerators((app / "Core" / "bounds.h").read_text("utf-8"))
    known = bounds()
    complaints = [
        f"Core/bounds.h: CP_{name} is {value}, the host's is {known[name]}"
        for name, value in said.items()
        if name in known and known[name] != value
    ]
    needed = ("PROTOCOL", "MAX_HEADER_BYTES", "MAX_PCM_BYTES", "MAX_PLAYS", "MAX_ACTS", "MAX_NOTES")
    complaints += [f"Core/bounds.h: CP_{name} is missing" for name in needed if name not in said]
    words = dict(re.findall(r'#define CP_(\w+) "(\w+)"', (app / "Core/words.h").read_text("utf-8")))
    for code in protocol.RefusedCode:
        if words.get(code.name) != code.value:
            complaints.append(f"Core/words.h: CP_{code.name} is not {code.value!r}")
    stages = {value for name, value in words.items() if name.startswith("STAGE_")}
    if stages != set(protocol.STAGES) - {"fetching"}:
        complaints.append(f"Core/words.h: stages are {sorted(stages)}")
    if words.get("ACT_ROUTE") != protocol.ACT_ROUTE:
        complaints.append("Core/words.h: CP_ACT_ROUTE is not the host's")
    build = (app / "App" / "BuildInfo.swift").read_text("utf-8")
    if f'static let version = "{__version__}"' not in build:
        complaints.append(f"App/BuildInfo.swift: version is not {__version__}")
    return complaints


def info_plist(app: Path = APP) -> list[str]:
    """Keys that iOS or the driver needs."""
    try:
        plist = plistlib.loads((app / ios_project.PLIST).read_bytes())
    except Exception as exc:  # noqa: BLE001 - plistlib raises what its parser raises
        return [f"{ios_project.PLIST}: cannot be read: {exc}"]
    complaints = [
        f"{ios_project.PLIST}: {key} is missing or empty"
        for key in PLIST_TEXTS
        if not isinstance(plist.get(key), str) or not plist[key].strip()
    ]
    if plist.get("CFBundleDisplayName") != PROBE_NAME:
        complaints.append(f"{ios_project.PLIST}: the driver answers alerts of {PROBE_NAME!r} only")
    if plist.get("CFBundleIdentifier") != "$(PRODUCT_BUNDLE_IDENTIFIER)":
        complaints.append(f"{ios_project.PLIST}: CFBundleIdentifier is not the project's")
    if "audio" not in plist.get("UIBackgroundModes", []):
        complaints.append(f"{ios_project.PLIST}: UIBackgroundModes lacks audio (continue)")
    if "UILaunchScreen" not in plist:
        complaints.append(f"{ios_project.PLIST}: no UILaunchScreen: iOS letterboxes the app")
    return complaints


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotReadable(f"unexpected {text[at : at + 20]!r}")
        at = match.end()
        if match["text"]:
            yield match["text"]
        elif match["word"] or match["sign"]:
            yield match[0]
    yield ""


def openstep(text: str) -> dict[str, Any]:
    """An OpenStep property list (tables, lists, texts). Raises :class:`NotReadable`."""
    tokens = _tokens(text)
    value, following = _value(next(tokens, ""), tokens)
    if following or not isinstance(value, dict):
        raise NotReadable(f"text after the table: {following!r}")
    return value


def _value(token: str, tokens: Iterator[str]) -> tuple[Any, str]:
    """The value that begins with ``token``, and the token after it."""
    if token == "{":
        return _table(tokens), next(tokens, "")
    if token == "(":
        return _list(tokens), next(tokens, "")
    if token in ("", "}", ")", "=", ";", ","):
        raise NotReadable(f"no value but {token!r}")
    text = token[1:-1].replace('\\"', '"') if token.startswith('"') else token
    return text, next(tokens, "")


def _table(tokens: Iterator[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while (token := next(tokens, "")) != "}":
        key, sign = _value(token, tokens)
        if not isinstance(key, str) or sign != "=" or key in found:
            raise NotReadable(f"at the key {key!r}")
        found[key], sign = _value(next(tokens, ""), tokens)
        if sign != ";":
            raise NotReadable(f"no ; after {key}")
    return found


def _list(tokens: Iterator[str]) -> list[Any]:
    found = []
    token = next(tokens, "")
    while token != ")":
        one, token = _value(token, tokens)
        found.append(one)
        if token == ",":
            token = next(tokens, "")
        elif token != ")":
            raise NotReadable(f"no , after {one!r}")
    return found


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)
    elif isinstance(value, str) and re.fullmatch(r"[0-9A-F]{24}", value):
        yield value


def project(app: Path = APP) -> list[str]:
    """The project file, read by other code than the one that wrote it."""
    try:
        root = openstep((app / ios_project.PROJECT).read_text("utf-8"))
        objects: Mapping[str, Mapping[str, Any]] = root["objects"]
        complaints = [
            f"project: {key} is named and not there" for key in {*_references(root)} - set(objects)
        ]
        complaints += _files_of(app, root, objects)
        complaints += _settings_of(app, objects)
    except (NotReadable, KeyError, TypeError, AttributeError) as exc:
        return [f"project: cannot be read: {type(exc).__name__}: {exc}"]
    return complaints


def _paths(
    objects: Mapping[str, Mapping[str, Any]], key: str, above: str
) -> Iterator[tuple[str, str]]:
    """Identifier and path of every file below a group."""
    one = objects[key]
    path = above + one.get("path", "")
    if one["isa"] == "PBXGroup":
        for child in one["children"]:
            yield from _paths(objects, child, f"{path}/" if one.get("path") else above)
    else:
        yield key, path


def _files_of(
    app: Path, root: Mapping[str, Any], objects: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    group = objects[root["rootObject"]]["mainGroup"]
    known = {key: path for key, path in _paths(objects, group, "") if not path.endswith(".app")}
    complaints = [f"project: {p} is not there" for p in known.values() if not (app / p).is_file()]
    there = {
        f"{folder}/{name}" for folder, names in ios_project.sources(app).items() for name in names
    }
    complaints += [f"project: {path} is not in it" for path in sorted(there - set(known.values()))]
    phases = [one for one in objects.values() if one["isa"] == "PBXSourcesBuildPhase"]
    built = {known.get(objects[b]["fileRef"], "?") for phase in phases for b in phase["files"]}
    compiled = {path for path in there if not path.endswith(".h")}
    return complaints + [f"project: {p} is not compiled" for p in sorted(compiled - built)]


def _settings_of(app: Path, objects: Mapping[str, Mapping[str, Any]]) -> list[str]:
    (target,) = [one for one in objects.values() if one["isa"] == "PBXNativeTarget"]
    complaints = []
    for key in objects[target["buildConfigurationList"]]["buildConfigurations"]:
        settings = objects[key]["buildSettings"]
        for name in ("INFOPLIST_FILE", "SWIFT_OBJC_BRIDGING_HEADER"):
            if not (app / settings.get(name, "?")).is_file():
                complaints.append(f"project: {name} names no file")
        wanted = {"PRODUCT_BUNDLE_IDENTIFIER": ios_project.BUNDLE, "MARKETING_VERSION": __version__}
        for name, value in wanted.items():
            if settings.get(name) != value:
                complaints.append(f"project: {name} is not {value}")
        if not re.fullmatch(r"\d+\.\d+", settings.get("IPHONEOS_DEPLOYMENT_TARGET", "")):
            complaints.append("project: no IPHONEOS_DEPLOYMENT_TARGET")
    return complaints


def in_step(app: Path = APP) -> list[str]:
    """Whether the project files are what the sources and settings give."""
    return [
        f"{name} is out of step: python -m tools.ios_project" for name in ios_project.differing(app)
    ]


def swift_files(app: Path = APP) -> list[Path]:
    """Every Swift file of the app."""
    return sorted((app / "App").glob("*.swift"))


def parser() -> Any | None:
    """Tree-sitter's parser of Swift; ``None`` when it is not installed."""
    try:
        import tree_sitter  # noqa: PLC0415 - optional
        import tree_sitter_swift  # noqa: PLC0415
    except ImportError:
        return None
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_swift.language()))


def _broken(node: Any) -> Iterator[Any]:
    if node.type == "ERROR" or node.is_missing:
        yield node
    elif node.has_error:
        for child in node.children:
            yield from _broken(child)


def syntax(reader: Any, files: Iterable[Path]) -> list[str]:
    """Places of Swift files that do not parse."""
    return [
        f"{path.name}:{node.start_point[0] + 1}: does not parse"
        for path in files
        for node in _broken(reader.parse(path.read_bytes()).root_node)
    ]


def _declared(app: Path) -> tuple[dict[str, int], set[str]]:
    """Functions of the C headers with the number of their parameters, and every word in them."""
    headers = "".join(path.read_text("utf-8") for path in sorted(app.rglob("*.h")))
    headers = re.sub(r"/\*.*?\*/", "", headers, flags=re.DOTALL)
    found = {
        name: 0 if given.strip() == "void" else given.count(",") + 1
        for name, given in re.findall(r"\b(cp_\w+)\(([^()]*)\);", headers)
    }
    return found, set(re.findall(r"\w+", headers))


def _nodes(node: Any, kind: str) -> Iterator[Any]:
    if node.type == kind:
        yield node
    for child in node.children:
        yield from _nodes(child, kind)


def core_calls(reader: Any, app: Path = APP) -> list[str]:
    """Calls of the core from Swift with another number of arguments than the header has, and fields
    of C that no header has (Swift's own names have no underscores)."""
    parameters, words = _declared(app)
    complaints = []
    for path in swift_files(app):
        root = reader.parse(path.read_bytes()).root_node
        for call in _nodes(root, "call_expression"):
            name = call.children[0].text.decode()
            given = [one for one in call.children[-1].children if one.type == "value_arguments"]
            count = sum(one.type == "value_argument" for part in given for one in part.children)
            if name in parameters and count != parameters[name]:
                place = f"{path.name}:{call.start_point[0] + 1}"
                complaints.append(f"{place}: {name} takes {parameters[name]}, not {count}")
        for suffix in _nodes(root, "navigation_suffix"):
            field = suffix.text.decode().lstrip(".")
            if "_" in field and field not in words and not field.startswith(_DARWIN):
                complaints.append(f"{path.name}:{suffix.start_point[0] + 1}: no field {field}")
    return complaints


def sizes(app: Path = APP) -> list[str]:
    """The limits that the Python sources keep to, in Swift and C."""
    complaints = []
    for path in sorted(p for p in app.rglob("*") if p.suffix in ios_project.KINDS):
        text = path.read_text("utf-8")
        lines = text.splitlines()
        if len(lines) > MAX_FILE_LINES:
            complaints.append(f"{path.name}: {len(lines)} lines")
        complaints += [
            f"{path.name}:{number}: {len(line)} columns"
            for number, line in enumerate(lines, 1)
            if len(line) > MAX_COLUMNS
        ]
        begins = _FUNCTION if path.suffix == ".swift" else re.compile(r"^()\w[^;{}=]*\)\n\{", re.M)
        for match in begins.finditer(text):
            end = text.find(f"\n{match[1]}}}", match.start())
            count = text.count("\n", match.start(), end) + 2
            if count > MAX_FUNCTION_LINES:
                head = match[0].strip().partition("\n")[0]
                complaints.append(f"{path.name}: {head} has {count} lines")
    return complaints


def main() -> int:
    """Print every complaint; 1 when there is one."""
    complaints = [*in_step(), *project(), *info_plist(), *constants(), *sizes()]
    reader = parser()
    if reader is None:
        sys.stderr.write(f"{TREE_SITTER}\n")
    else:
        complaints += [*syntax(reader, swift_files()), *core_calls(reader)]
    sys.stderr.write("".join(f"{line}\n" for line in complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
