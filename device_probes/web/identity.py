"""Which model a browser's results belong to: never that of the phone's own apps."""

from __future__ import annotations

import re
from dataclasses import replace

from device_probes.codec import MAX_RAW_ENTRIES
from profiler.model import DeviceFacts, Platform

_BROWSER = re.compile(r"\((?P<name>[^()]{1,40})\)\s*\Z")
_KEPT = ("ro.product.device", "ro.board.platform", "ro.build.fingerprint", "ro.product.name")
"""Of the phone's own facts: what tells it from its twins."""


def browser_name(facts: DeviceFacts) -> str:
    """What the page calls its browser: the words in brackets at the end of the model."""
    found = _BROWSER.search(facts.model)
    return found["name"] if found else "browser"


def identify(page: DeviceFacts, phone: DeviceFacts | None) -> DeviceFacts:
    """The facts a run is stored with.

    A browser says little of the phone below it. Where the phone is on adb its own facts name
    maker, model and SoC; the build stays the browser's, which is what an update changes.
    """
    name = browser_name(page)
    if phone is None:
        return replace(page, platform=Platform.WEB)
    phones_own = {f"phone.{key}": phone.raw[key] for key in _KEPT if key in phone.raw}
    phones_own["phone.os_build"] = phone.os_build
    room = MAX_RAW_ENTRIES - len(phones_own)
    return replace(
        page,
        platform=Platform.WEB,
        manufacturer=phone.manufacturer,
        model=f"{phone.model} ({name})",
        marketing_name=f"{phone.marketing_name or phone.model} ({name})",
        soc=phone.soc,
        os_name=phone.os_name,
        os_version=phone.os_version,
        api_level=phone.api_level,
        is_virtual=phone.is_virtual,
        is_emulator=phone.is_emulator,
        raw={**dict(list(page.raw.items())[:room]), **phones_own},
    )
