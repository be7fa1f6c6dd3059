"""What the page tells people about itself: one short JSON text (docs/web.md).

A status is untrusted like everything a browser sends: read strictly, cleaned, counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device_probes.fields import Fields, Malformed, choice, loads, shown, text

MAX_STATUS_BYTES = 4096
MAX_STATUSES_PER_S = 20
MAX_LINE_CHARS = 200
_HEX = frozenset("0123456789abcdef")


class PageState(StrEnum):
    """What the page is doing or waiting for."""

    WAITING_FOR_TAP = "waiting_for_tap"
    ASKING = "asking"  # the browser's permission question is open
    READY = "ready"
    MEASURING = "measuring"
    DENIED = "denied"
    NO_MICROPHONE = "no_microphone"
    INSECURE = "insecure"
    NO_WORKLET = "no_worklet"
    HIDDEN = "hidden"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class PageStatus:
    """The newest status of a page; ``browser_id`` names the browser over reloads (16 hex)."""

    state: PageState
    detail: str
    browser_id: str


def read_status(message: str) -> PageStatus:
    """The status in a text message; raises :class:`Malformed` and nothing else."""
    data = message.encode("utf-8", "surrogatepass")
    if len(data) > MAX_STATUS_BYTES:
        raise Malformed(f"status of {len(data)} bytes, at most {MAX_STATUS_BYTES} are allowed")
    fields = Fields(loads(data), "status")
    status = PageStatus(
        state=fields.get("state", choice(PageState)),
        detail=fields.opt("detail", text(MAX_LINE_CHARS)) or "",
        browser_id=fields.get("browser_id", _browser_id),
    )
    fields.end()
    return status


def _browser_id(value: object) -> str:
    if not isinstance(value, str) or len(value) != 16 or not _HEX.issuperset(value):
        raise Malformed(f"is no name of 16 hex digits ({shown(value)})")
    return value


class RateLimit:
    """At most ``per_s`` events a second on average, twice as many at once."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._left = 2 * per_s
        self._at_s: float | None = None

    def allows(self, now_s: float) -> bool:
        """Count one event at ``now_s`` (a monotonic clock); whether it is still within the rate."""
        if self._at_s is not None:
            earned = max(now_s - self._at_s, 0.0) * self._per_s
            self._left = min(self._left + earned, 2 * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
