"""The system's question whether the probe may use the microphone, in many languages.

A button is pressed only when three things hold: the title of the alert is, word for word, the
system's question for the microphone in one language; it has exactly two buttons; and they are that
language's "allow" and "do not allow". Everything else on the screen is left alone and named, so
that a person can answer it. The words are in ``alerts.toml``.
"""

from __future__ import annotations

import re
import time
import tomllib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Protocol

from device_probes.fields import shown
from profiler.errors import ProbeBackground, ProbePermission

MAX_ALERTS = 6
"""More alerts in a row than this are a storm: a person has to look."""
_MAX_TEXT = 4096
PROBE_NAME = "chirpbench"
"""What the phone calls the probe: its ``CFBundleDisplayName``."""
_APP = "{app}"
_MAX_APP_CHARS = 80
_QUOTES = str.maketrans(dict.fromkeys("‘’‚‛′＇`´׳", "'") | dict.fromkeys("“”„‟«»″＂״「」『』", '"'))
_SETTLE_S = 0.5


class Alert(Protocol):
    """What WebDriverAgent says of an alert; untrusted text."""

    @property
    def text(self) -> str:
        """Title, and the message under it in lines of its own."""
        ...

    @property
    def buttons(self) -> Sequence[str]:
        """The labels as they must be handed back to press one."""
        ...


@dataclass(frozen=True, slots=True)
class Language:
    """How the system of one language asks for the microphone."""

    code: str
    titles: tuple[re.Pattern[str], ...]
    allow: frozenset[str]
    """Normalised, as :func:`plain` makes them."""
    deny: frozenset[str]


def plain(text: str) -> str:
    """Text for comparing: no case, one kind of quote and of blank, no invisible marks."""
    folded = unicodedata.normalize("NFKC", text[:_MAX_TEXT].translate(_QUOTES)).translate(_QUOTES)
    visible = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    return re.sub(r"\s+", " ", visible).strip().casefold()


@cache
def languages() -> tuple[Language, ...]:
    """Every language of ``alerts.toml``."""
    text = resources.files("device_probes.ios").joinpath("alerts.toml").read_text("utf-8")
    return tuple(
        Language(
            code,
            tuple(_title(title) for title in words["titles"]),
            frozenset(plain(label) for label in words["allow"]),
            frozenset(plain(label) for label in words["deny"]),
        )
        for code, words in tomllib.loads(text)["microphone"].items()
    )


@cache
def microphone_words() -> tuple[str, ...]:
    """The word for the microphone in many languages, for naming an alert; never for pressing."""
    text = resources.files("device_probes.ios").joinpath("alerts.toml").read_text("utf-8")
    return tuple(plain(word) for word in tomllib.loads(text)["words"]["microphone"])


def answer(alert: Alert, app: str = "") -> str | None:
    """The button that allows the microphone, as it is labelled; ``None``: leave it alone.

    With ``app`` the title has to name that app.
    """
    if len(alert.buttons) != 2:
        return None
    title = _title_of(alert)
    labels = [plain(label) for label in alert.buttons]
    for language in languages():
        names = [m["app"].strip(" '\"") for t in language.titles if (m := t.fullmatch(title))]
        if not names or (app and plain(app) not in names):
            continue
        for yes, no in ((0, 1), (1, 0)):
            if labels[yes] in language.allow and labels[no] in language.deny:
                return alert.buttons[yes]
    return None


def is_about_microphone(alert: Alert) -> bool:
    """Whether the alert seems to be about the microphone, in words that are not known enough to
    answer it."""
    title = _title_of(alert)
    return any(word in title for word in microphone_words())


def described(alert: Alert) -> str:
    """The alert in one safe line, for a person who has to answer it."""
    buttons = ", ".join(f"“{shown(label, 40)}”" for label in list(alert.buttons)[:6])
    return f"“{shown(_one_line(alert.text), 160)}” with {buttons or 'no button'}"


def clear(
    current: Callable[[], Alert | None],
    press: Callable[[str], None],
    device: str,
    *,
    app: str = "",
    limit: int = MAX_ALERTS,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Allow the microphone until no alert is left; the number of buttons pressed.

    ``current`` and ``press`` are the agent's; what they raise goes through. Raises
    ``ProbePermission`` for a question about the microphone in words that are not known, and
    ``ProbeBackground`` for any other alert and for more than ``limit`` of them: nothing unknown
    is ever pressed.
    """
    for pressed in range(limit):
        alert = current()
        if alert is None:
            return pressed
        button = answer(alert, app)
        if button is None:
            raise _unanswered(alert, device)
        press(button)
        wait(_SETTLE_S)  # it fades out
    alert = current()
    if alert is None:
        return limit
    raise ProbeBackground(
        f"{limit} alerts one after the other, the last: {described(alert)}",
        device=device,
        hint="look at the phone, answer what is on its screen, then run again",
    )


def _unanswered(alert: Alert, device: str) -> ProbePermission | ProbeBackground:
    if is_about_microphone(alert):
        return ProbePermission(
            f"the phone asks for the microphone for another app, or in words that chirpbench does "
            f"not know: {described(alert)}",
            device=device,
            hint="allow it on the phone, which asks only once, then run again",
        )
    return ProbeBackground(
        f"an alert lies over the probe: {described(alert)}",
        device=device,
        hint="answer it on the phone, then run again",
    )


def _title_of(alert: Alert) -> str:
    """The first line; the purpose below it is the app's own text and proves nothing."""
    lines = (line for line in alert.text[:_MAX_TEXT].splitlines() if line.strip())
    return plain(next(lines, "")).rstrip(".。 ")


def _title(pattern: str) -> re.Pattern[str]:
    """``“{app}” Would Like to …``: what stands before and after the app's name has to be there."""
    before, _, after = plain(pattern.replace(_APP, "\ue000")).rstrip(".。 ").partition("\ue000")
    quotes = "[\"']?"
    name = rf"(?P<app>[^\"]{{1,{_MAX_APP_CHARS}}})"
    before, after = re.escape(before.strip(" \"'")), re.escape(after.strip(" \"'"))
    return re.compile(rf"{before}\s*{quotes}\s*{name}\s*{quotes}\s*{after}")


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text[:_MAX_TEXT]).strip()
