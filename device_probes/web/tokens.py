"""Who may sit where: one-time tokens, and the browsers that own them. Pure, thread-safe.

A seat is a place for one browser. Its token is in the link; the first browser that connects with
it owns the seat, and is known from then on by a key in its cookie. The link alone is then worth
nothing to anybody else.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

MAX_SEATS = 256
"""Open and finished ones together; the oldest finished are forgotten first."""
_KEY = re.compile(r"[A-Za-z0-9_-]{22,64}\Z")


class Entry(StrEnum):
    """What a token and a browser's key are worth together."""

    OPEN = "open"  # nobody owns the seat yet
    OWNER = "owner"
    USED = "used"  # another browser owns it
    FINISHED = "finished"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a look; ``token`` is the seat's, ``""`` when there is none to tell of."""

    entry: Entry
    token: str = ""


@dataclass(slots=True)
class _Place:
    token: str
    owner: str | None = None
    finished: bool = False


def new_key() -> str:
    """A fresh url-safe secret of 192 bits, for a token or a browser."""
    return secrets.token_urlsafe(24)


def token_in(query: str) -> str | None:
    """The ``t`` of a URL's query: ``None`` without one, ``""`` when it can be no token."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=8)
    except ValueError:
        return ""
    tokens = [value for name, value in pairs if name == "t"]
    if not tokens:
        return None
    return tokens[0] if len(tokens) == 1 and _KEY.match(tokens[0]) else ""


def cookie_name(port: int) -> str:
    """The cookie's name; cookies do not know ports, so that several benches need several names."""
    return f"chirpbench_{port}"


def key_in(cookies: str, port: int) -> str | None:
    """The browser's well-formed key in a ``Cookie`` header, or ``None``. Never raises."""
    name = cookie_name(port)
    for pair in cookies.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name and _KEY.match(value):
            return value
    return None


class SeatBook:
    """All seats of one server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: list[_Place] = []

    def issue(self) -> str:
        """The token of a new seat."""
        with self._lock:
            while len(self._places) >= MAX_SEATS:
                old = next((p for p in self._places if p.finished), self._places[0])
                self._places.remove(old)
            place = _Place(new_key())
            self._places.append(place)
            return place.token

    def look(self, token: str | None, key: str | None) -> Found:
        """What a browser with ``key`` may do with ``token``; without one its own seat is found."""
        with self._lock:
            return self._found(self._place(token, key), key)

    def claim(self, token: str | None, key: str | None) -> Found:
        """As :meth:`look`; an open seat becomes the browser's own, unless it has no key."""
        with self._lock:
            place = self._place(token, key)
            if place is not None and place.owner is None and not place.finished and key:
                place.owner = key
            return self._found(place, key)

    def finish(self, token: str) -> None:
        """The token opens nothing any more."""
        with self._lock:
            place = self._place(token, None)
            if place is not None:
                place.finished = True

    def _place(self, token: str | None, key: str | None) -> _Place | None:
        # Every place is compared, and in constant time: an answer's delay tells nothing.
        found = None
        for place in self._places:
            if token is not None:
                fits = _same(place.token, token)
            else:
                fits = key is not None and place.owner is not None and _same(place.owner, key)
            if fits and (found is None or not place.finished):
                found = place
        return found

    @staticmethod
    def _found(place: _Place | None, key: str | None) -> Found:
        if place is None:
            return Found(Entry.UNKNOWN)
        if place.finished:
            return Found(Entry.FINISHED, place.token)
        if place.owner is None:
            return Found(Entry.OPEN, place.token)
        if key is not None and _same(place.owner, key):
            return Found(Entry.OWNER, place.token)
        return Found(Entry.USED)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))
