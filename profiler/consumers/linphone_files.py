"""Linphone's files as plain keys. A foreign file must not make Linphone open a connection."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from profiler.consumers.checks import Unreadable

KEYS = {
    "sound": frozenset({"echocancellation", "ec_delay", "ec_tail_len", "agc"}),
    "rtp": frozenset({
        "audio_jitt_comp", "audio_adaptive_jitt_comp_enabled", "upload_ptime", "download_ptime",
    }),
    "audio_codec_0": frozenset({"mime", "rate", "channels", "enabled", "recv_fmtp"}),
}  # fmt: skip
"""All that a file may hold."""
NAMESPACE = "{http://www.linphone.org/xsds/lpconfig.xsd}"
MAX_XML_BYTES = 100_000
_VALUE = re.compile(r"[A-Za-z0-9=;._-]+")


def plain_ini(text: str, name: str) -> dict[str, str]:
    """``section/key`` to value of a linphonerc. Raises :class:`Unreadable`."""
    found: dict[str, str] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip().strip("[]")
            continue
        key, _, value = line.partition("=")
        _keep(found, section, key, value, f"{name}, line {number}")
    return found


def plain_xml(text: str, name: str) -> dict[str, str]:
    """The same of a provisioning file, which must have the form of ``lpconfig.xsd``."""
    if "<!DOCTYPE" in text or len(text) > MAX_XML_BYTES:
        raise Unreadable(f"{name} declares a document type or is too long")
    try:
        root = ET.fromstring(text)  # noqa: S314 - no document type, hence no entities; bounded
    except ET.ParseError as exc:
        raise Unreadable(f"{name} is no XML: {exc}") from exc
    if root.tag != f"{NAMESPACE}config":
        raise Unreadable(f"{name}: the root is {root.tag}, not config of lpconfig.xsd")
    found: dict[str, str] = {}
    for section in root:
        where = f"{name}: section {section.get('name')!r}"
        if section.tag != f"{NAMESPACE}section" or set(section.attrib) != {"name"}:
            raise Unreadable(f"{name}: {section.tag} is no section of lpconfig.xsd")
        for entry in section:
            if entry.tag != f"{NAMESPACE}entry" or set(entry.attrib) - {"name", "overwrite"}:
                raise Unreadable(f"{where}: {entry.tag} is no entry of lpconfig.xsd")
            _keep(found, section.get("name", ""), entry.get("name", ""), entry.text or "", where)
    return found


def _keep(found: dict[str, str], section: str, key: str, value: str, where: str) -> None:
    path = f"{section}/{key}"
    if key not in KEYS.get(section, frozenset()) or path in found:
        raise Unreadable(f"{where}: {path!r} does not belong in this file")
    if not _VALUE.fullmatch(value):
        raise Unreadable(f"{where}: {path} is {value!r}")
    found[path] = value
