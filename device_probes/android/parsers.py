"""What commands on a phone print, read: packages, properties, settings, starts.

Every function is total: whatever text a phone sends, it gives a value that means "not known"
rather than an exception, in time linear in the text. ``dumps.py`` reads the ``dumpsys`` ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from device_probes.android.commands import MARK, PACKAGE, TEMP_DIR, is_safe_path
from device_probes.fields import clean

MAX_PROPERTIES = 8192
MAX_VALUE_CHARS = 1024
MAX_SECTION_CHARS = 2 * 2**20
"""No dump is as long; a hostile one must not keep the other phones' threads waiting."""
_MAX_ANSWER_CHARS = 65_536
_MAX_CRASH_CHARS = 200
_MARK = re.compile(rf"^{MARK}([a-z][a-z0-9_]{{0,31}})[ \t\r]{{0,9}}$", re.M)
_PROPERTY = re.compile(r"\[([^\]\n]{1,256})\]: \[")
_PATH = re.compile(r"^package:(/\S{1,240}\.apk)[ \t\r]{0,9}$", re.M)
_TEMP_APK = re.compile(r"^chirpbench-[0-9a-f]{16}\.apk(?=\r?$)", re.M)
_MAX_TEMP_APKS = 16
_VERSION_CODE = re.compile(r"^[ \t]{0,60}versionCode=(\d{1,9})\b", re.M)
_VERSION_NAME = re.compile(r"^[ \t]{0,60}versionName=(\S{1,64})", re.M)
_USER = re.compile(r"^[ \t]{0,60}User (\d{1,6}):", re.M)
_USABLE = re.compile(r"\binstalled=(true|false)\b[^\n]{0,400}?\benabled=([0-9])\b")
_GRANTED = re.compile(r"^[ \t]{0,60}([A-Za-z0-9_.]{1,128}): granted=(true|false)", re.M)
_FEATURE = re.compile(r"^feature:([A-Za-z0-9_.-]{1,128})", re.M)
_FAILURE = re.compile(r"Failure(?: \[([A-Z0-9_]{3,64})(?::? ?([^\]\n]{0,300}))?)?")
_SECURITY = re.compile(r"SecurityException[^\n]{0,300}|GRANT_RUNTIME_PERMISSIONS")
_NO_ROOM = re.compile(r"not enough space|no space left", re.I)
"""A session that finds no room is an exception without one of the system's words."""
_MISSING = re.compile(r"Error type 3\b|does not exist|unable to resolve Intent", re.I)
_CRASH = re.compile(r"^[EFW]/(AndroidRuntime|DEBUG|libc)\s*\(\s*(\d{1,7})\): (.*)$", re.M)
_NOISE = re.compile(r"^(at |\*\*\* |#\d|Process: |PID: |Shutting down VM|-----|\s*$)")


def sections(text: str, names: Iterable[str]) -> dict[str, str]:
    """Split the output of :func:`~device_probes.android.commands.sections`.

    Only the marks of ``names`` count, in their order, so that a text cannot forge an earlier one.
    """
    found: dict[str, str] = {}
    left = list(names)
    current, start = "", 0
    for mark in _MARK.finditer(text):
        if mark[1] in left:
            if current:
                end = min(mark.start() - 1, start + MAX_SECTION_CHARS)
                found[current] = text[start:end]
            left = left[left.index(mark[1]) + 1 :]
            current, start = mark[1], min(mark.end() + 1, len(text))
    if current:
        found[current] = text[start : start + MAX_SECTION_CHARS]
    return found


def properties(text: str) -> dict[str, str]:
    """``getprop``'s table; values may run over several lines and are cut when too long."""
    found: dict[str, str] = {}
    key: str | None = None
    parts: list[str] = []
    for whole in text.split("\n"):
        line, match = whole, _PROPERTY.match(whole)
        if match is not None and (key is None or len(parts) > 64):
            key, parts = match[1], []
            line = whole[match.end() :]
        if key is None:
            continue
        if line.endswith("]"):
            found[key] = "\n".join([*parts, line[:-1]])[:MAX_VALUE_CHARS]
            key = None
            if len(found) >= MAX_PROPERTIES:
                break
        else:
            parts.append(line[:MAX_VALUE_CHARS])
    return found


def first_line(text: str, pattern: str, max_chars: int = 128) -> str:
    """The first line that is wholly ``pattern``; ``""`` when there is none."""
    wanted = re.compile(rf"(?:{pattern})\Z")
    for line in text[:_MAX_ANSWER_CHARS].split("\n")[:64]:
        if len(line) <= max_chars and wanted.match(line.strip()):
            return line.strip()
    return ""


def boot_id(text: str) -> str:
    """The kernel's UUID of this boot; ``""`` when the phone does not say."""
    return first_line(text, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def serial_number(text: str) -> str:
    """``getprop ro.serialno``; ``""`` when it is none that may be shown and stored."""
    return first_line(text, r"[A-Za-z0-9._:-]{1,64}")


def apk_path(text: str) -> str:
    """Path of the probe's ``base.apk`` from ``pm path``; ``""`` when it is not installed.

    Also ``""`` for a path that has no business in a command.
    """
    for path in _PATH.findall(text)[:8]:
        if path.endswith("/base.apk") and is_safe_path(path):
            return str(path)
    return ""


def temp_apks(text: str) -> tuple[str, ...]:
    """Paths of our own packages that ``ls`` of the shell's folder shows, some at a time."""
    names = _TEMP_APK.findall(text)[:_MAX_TEMP_APKS]
    return tuple(f"{TEMP_DIR}/{name}" for name in names)


def digest(text: str, chars: int) -> str:
    """The hex digest that ``sha256sum`` (64) or ``md5sum`` (32) printed; ``""`` for none."""
    match = re.match(rf"\s*\\?([0-9a-f]{{{chars}}})\s", text[:512] + "\n")
    return match[1] if match else ""


@dataclass(frozen=True, slots=True)
class PackageInfo:
    """An installed package as the package manager describes it."""

    version_code: int | None = None
    version_name: str = ""
    granted: Mapping[str, bool] = field(default_factory=dict)
    """Runtime permissions of the first user; asked for and not granted = ``False``."""
    usable: bool = True
    """Installed for the first user, and not switched off."""


def package(text: str, name: str = PACKAGE) -> PackageInfo | None:
    """``dumpsys package NAME``; ``None`` when that package is not in it."""
    at = text.find(f"Package [{name}]")
    if at < 0:
        return None
    body = text[at:]
    code, version = _VERSION_CODE.search(body), _VERSION_NAME.search(body)
    users = list(islice(_USER.finditer(body), 2))
    # Other users and hidden (replaced) packages come later; theirs do not count.
    end = users[1].start() if len(users) > 1 else len(body)
    granted: dict[str, bool] = {}
    for permission, value in _GRANTED.findall(body[:end]):
        granted.setdefault(permission, value == "true")
        if len(granted) >= 128:
            break
    state = _USABLE.search(body, users[0].start(), end) if users else None
    return PackageInfo(
        int(code[1]) if code else None,
        clean(version[1]) if version else "",
        granted,
        # 0: as the package says; 1: switched on; 2 and above: switched off.
        state is None or (state[1] == "true" and state[2] in "01"),
    )


def features(text: str) -> frozenset[str]:
    """``pm list features``."""
    return frozenset(_FEATURE.findall(text)[:1024])


def setting(text: str) -> str:
    """A value ``settings get`` printed: digits or ``null``; ``""`` for anything else."""
    return first_line(text, r"\d{1,3}|null")


def free_kib(text: str) -> int | None:
    """Free space from ``df -k``: the column named Avail… of the last line."""
    short = text[:_MAX_ANSWER_CHARS]
    lines = [line.split() for line in short.split("\n")[:16] if line.strip()]
    for i, head in enumerate(lines[:-1]):
        names = [word.lower() for word in head]
        at = next((k for k, word in enumerate(names) if word.startswith(("avail", "free"))), None)
        if at is None:
            continue
        row = lines[i + 1]
        # "Mounted on" is two words in the head and one in the row.
        value = row[at] if at < len(row) else ""
        return int(value) if re.fullmatch(r"\d{1,15}", value) else None
    return None


@dataclass(frozen=True, slots=True)
class InstallResult:
    """What ``pm install`` said."""

    ok: bool
    reason: str = ""
    """The system's own word, ``GRANT_REFUSED`` for a SecurityException, else ``UNKNOWN``."""
    text: str = ""


def install_result(text: str) -> InstallResult:
    """Read the answer of ``pm install`` or ``pm uninstall``; a failure wins over a success."""
    text = text[:_MAX_ANSWER_CHARS]
    failure = _FAILURE.search(text)
    if failure is not None and failure[1]:
        return InstallResult(False, failure[1], clean(failure[2] or "")[:200].strip())
    security = _SECURITY.search(text)
    if security is not None:
        return InstallResult(False, "GRANT_REFUSED", clean(security[0])[:200])
    if failure is None and re.search(r"^Success\b", text, re.M):
        return InstallResult(True)
    reason = "INSTALL_FAILED_INSUFFICIENT_STORAGE" if _NO_ROOM.search(text) else "UNKNOWN"
    return InstallResult(False, reason, clean(" ".join(text.split()))[:200])


def start_failure(text: str) -> str:
    """Why ``am start`` did not start the probe: ``missing``, a line of its own words, or ``""``."""
    text = text[:_MAX_ANSWER_CHARS]
    if _MISSING.search(text):
        return "missing"
    for line in text.split("\n")[:256]:
        if re.match(r"\s*(Error\b|Exception occurred|java\.lang\.|Security exception)", line, re.I):
            return clean(line.strip())[:200]
    return ""


def pid(text: str) -> str:
    """The first process number ``pidof`` printed; ``""`` for none."""
    match = re.match(r"[ \t\n]{0,16}(\d{1,7})\b", text[:64])
    return match[1] if match else ""


def crash_line(text: str, process: str = "") -> str:
    """The line of the log that says why the probe died; ``""`` when there is none.

    The last crash of ``process`` (of any that names the probe when it is not known) counts; of
    it, the exception, or the signal. Native crashes are told by another process, ``DEBUG``.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for tag, number, words in _CRASH.findall(text[-MAX_SECTION_CHARS:]):
        if "FATAL EXCEPTION" in words:
            groups.pop((tag, number), None)  # a second crash under a reused number
        groups.setdefault((tag, number), []).append(words)
    best = ""
    for (_, number), lines in groups.items():
        told_of = number == process or any(f"pid: {process}," in words for words in lines)
        if not (told_of if process else any(PACKAGE in words for words in lines)):
            continue
        told = [w for w in lines if not _NOISE.match(w.strip()) and "FATAL EXCEPTION" not in w]
        named = [w for w in told if re.search(r"Exception|Error|signal \d|Abort message", w)]
        best = next(iter(named or told or lines), best)
    return clean(best.strip())[:_MAX_CRASH_CHARS]
