"""What may be done to phones of a fleet's process, as lines of JSON on its standard input.

| key | meaning |
|---|---|
| ``phone`` | serial number of the phone |
| ``do`` | one of :data:`ACTIONS`, a method of :class:`~.iphone.VirtualIphone` |
| ``with`` | its arguments by name |
| ``on``, ``after`` | do it at this event instead of now (:meth:`.iphone.VirtualIphone.on`) |

Each line is answered by one: ``{"ok": …}`` with what the method returned, or ``{"error": text}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from device_probes.fields import Malformed, loads, shown
from device_probes.virtual.usbmuxd.iphone import VirtualIphone

ACTIONS = frozenset({
    "unplug", "replug", "drop", "freeze", "thaw", "untrust", "revoke", "trust",
    "set_developer_mode", "lock", "unlock", "drain", "kill_wda", "start_wda", "hang_wda",
    "heal_wda", "lose_session", "wda_empty", "wda_bad_gateway", "remove_wda", "expire_wda",
    "open_probe", "crash_probe", "close_probe", "remove_probe", "expire_probe", "speak_protocol",
    "go_background", "allow_microphone", "deny_microphone", "speak", "show_alert", "alert_storm",
    "clear_alerts", "report", "set_passcode", "suspend_probe", "ask_late",
})  # fmt: skip
"""Everything that can be asked for."""
MAX_LINE_BYTES = 65_536
_KEYS = frozenset({"phone", "do", "with", "on", "after"})


def obey(phones: Mapping[str, VirtualIphone], line: bytes) -> bytes:
    """Do what a line says; returns the line to answer with. Never raises."""
    try:
        answer: dict[str, Any] = {"ok": _do(phones, loads(line))}
    except (Malformed, ValueError, TypeError, OSError) as exc:
        answer = {"error": str(exc)[:300]}
    return json.dumps(answer).encode() + b"\n"


def _do(phones: Mapping[str, VirtualIphone], wish: Mapping[str, Any]) -> Any:
    if unknown := wish.keys() - _KEYS:
        raise Malformed(f"unknown key {shown(sorted(unknown)[0])}")
    phone, name = phones.get(str(wish.get("phone", ""))), wish.get("do")
    if phone is None:
        raise Malformed(f"no phone {shown(wish.get('phone'))}; there are: {', '.join(phones)}")
    if name not in ACTIONS:
        raise Malformed(f"cannot {shown(name)}; one of: {', '.join(sorted(ACTIONS))}")
    more = wish.get("with") or {}
    if not isinstance(more, dict):
        raise Malformed("with is no table")
    event, after = wish.get("on"), wish.get("after", 0)
    if event is None:
        return getattr(phone, str(name))(**more)
    if not isinstance(event, str) or not isinstance(after, int):
        raise Malformed("on is a text and after a whole number")

    def later(there: VirtualIphone) -> None:
        getattr(there, str(name))(**more)

    phone.on(event, later, after=after)
    return None
