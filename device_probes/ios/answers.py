"""What WebDriverAgent answers, as typed values; pure. Everything a phone says is untrusted.

Shapes: WebDriverAgent 16.7, ``FBSessionCommands.m`` and ``FBCustomCommands.m``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from device_probes.fields import (
    Fields,
    Malformed,
    Reader,
    array,
    boolean,
    integer,
    number,
    shown,
    text,
)
from profiler.model import DeviceHealth

MAX_BUTTONS = 16
MAX_ALERT_CHARS = 4096
_MAX_BUTTON_CHARS = 200
_THERMAL = ("none", "light", "severe", "critical")
"""NSProcessInfo's nominal, fair, serious, critical, in the words that gates know."""
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


class AppState(Enum):
    """XCUIApplication's states; WebDriverAgent calls an app that is not installed not running."""

    UNKNOWN = 0
    NOT_RUNNING = 1
    SUSPENDED = 2
    BACKGROUND = 3
    FOREGROUND = 4


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """What WebDriverAgent says of itself; its texts are cleaned, and empty where it says none."""

    ready: bool
    version: str
    ios: str


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert on the phone's screen. Untrusted text as it came, for it is compared and handed
    back; bounded in number and length. ``fields.shown`` before anybody sees it."""

    text: str
    """Title, and the message under it in lines of its own."""
    buttons: tuple[str, ...]


def read_status(answer: object) -> AgentStatus:
    """The answer to ``/status``; every part may be absent. Raises :class:`Malformed`."""
    f = Fields(answer, "answer").get("value", lambda value: Fields(value, "value"))
    ready = f.opt("ready", boolean)
    state = f.opt("state", text(40))
    os = f.opt("os", lambda v: Fields(v, "os")) or Fields({}, "os")
    build = f.opt("build", lambda v: Fields(v, "build")) or Fields({}, "build")
    return AgentStatus(
        ready=(state in (None, "success")) if ready is None else ready,
        version=build.opt("version", text(40)) or "",
        ios=os.opt("version", text(40)) or "",
    )


def read_app_state(answer: object) -> AppState:
    """The answer to ``/wda/apps/state``; raises :class:`Malformed`."""
    return AppState(Fields(answer, "answer").get("value", integer(0, 4)))


def read_health(both: tuple[object, object]) -> DeviceHealth:
    """``/wda/batteryInfo`` (level 0 to 1, −1: unknown) and ``/wda/device/info``.

    An older WebDriverAgent says nothing of heat. Raises :class:`Malformed`.
    """
    battery, device = both
    level = Fields(battery, "battery").get("level", number(-1, 1))
    heat = Fields(device, "device").opt("thermalState", integer(0, len(_THERMAL) - 1))
    return DeviceHealth(
        battery_percent=round(level * 100, 1) if level >= 0 else None,
        thermal_status=None if heat is None else _THERMAL[heat],
    )


def read_alert(both: tuple[object, object]) -> Alert:
    """``/alert/text`` and ``/wda/alert/buttons``; raises :class:`Malformed`."""
    said, buttons = both
    return Alert(
        _raw(MAX_ALERT_CHARS)("" if said is None else said),
        array(_raw(_MAX_BUTTON_CHARS), MAX_BUTTONS)([] if buttons is None else buttons),
    )


def read_image(data: object) -> bytes:
    """A screenshot; raises :class:`Malformed` when it is neither PNG nor JPEG."""
    if not isinstance(data, bytes) or not data.startswith(_IMAGES):
        raise Malformed(f"screenshot is no PNG and no JPEG ({shown(data)})")
    return data


def _raw(max_chars: int) -> Reader[str]:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Malformed(f"is no text ({shown(value)})")
        if len(value) > max_chars:
            raise Malformed(f"has {len(value)} characters, at most {max_chars} are allowed")
        return value

    return read
