"""What a virtual iPhone's system is in: screen, trust, signatures, apps, alerts, battery."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

PROBE_BUNDLE = "org.chirpbench.probe"
WDA_BUNDLE = "com.facebook.WebDriverAgentRunner.xctrunner"
HOME_BUNDLE = "com.apple.springboard"
PROBE_PORT, WDA_PORT, LOCKDOWN_PORT = 7878, 8100, 62_078

NOT_RUNNING, SUSPENDED, BACKGROUND, FOREGROUND = 1, 2, 3, 4
"""``XCUIApplicationState``; 0 is unknown."""


class MicrophoneWords(NamedTuple):
    """The microphone's alert in one language, as iOS words it."""

    text: str
    """``{app}`` is the app's name."""
    deny: str
    allow: str


MICROPHONE = {
    "en": MicrophoneWords("“{app}” Would Like to Access the Microphone", "Don’t Allow", "Allow"),
    "en-16": MicrophoneWords("“{app}” Would Like to Access the Microphone", "Don’t Allow", "OK"),
    "de": MicrophoneWords("„{app}“ möchte auf das Mikrofon zugreifen", "Nicht erlauben",
                          "Erlauben"),
    "fr": MicrophoneWords("« {app} » souhaite accéder au micro", "Refuser", "Autoriser"),
    "es": MicrophoneWords("“{app}” quiere acceder al micrófono", "No permitir", "Permitir"),
    "zh-Hans": MicrophoneWords("“{app}”想访问您的麦克风", "不允许", "允许"),
    "ja": MicrophoneWords("“{app}”がマイクへのアクセスを求めています", "許可しない", "許可"),
}  # fmt: skip
_PURPOSE = "It plays test signals and records them, to measure this phone's sound."
_FOREIGN = ("Software Update", "A new version is available.", ("Later", "Install Tonight"))
APP_NAME = "chirpbench"


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert on the screen."""

    text: str
    buttons: tuple[str, ...]
    about: str = "other"
    """``microphone`` or ``other``."""


@dataclass(frozen=True, slots=True)
class Battery:
    """What WebDriverAgent's battery route says."""

    level: float = 0.83
    charging: bool = True


@dataclass(slots=True)
class IphoneState:
    """Changed from any thread; single fields only, so that no lock is needed but for alerts."""

    language: str = "en"
    trusted: bool = True
    """Somebody tapped "Trust"; a pair record exists then."""
    trust_denied: bool = False
    developer_mode: bool = True
    locked: bool = False
    passcode: bool = False
    """It cannot be unlocked from outside."""
    installed: set[str] = field(default_factory=lambda: {PROBE_BUNDLE, WDA_BUNDLE})
    expired: set[str] = field(default_factory=set)
    """Apps whose signature is over; one that runs goes on."""
    microphone: str = "ask"
    """``ask``, ``allowed``, ``denied``."""
    asks_late: bool = False
    """The question comes a moment after the start, and the app listens once it is answered."""
    front: str = HOME_BUNDLE
    volume: float = 0.5
    """Of the volume keys; a trial changes it and puts it back."""
    battery: Battery = Battery()
    storm: int | None = 0
    """How many more alerts come after each that is answered; ``None``: for ever."""
    storm_about: str = "other"
    pressed: list[str] = field(default_factory=list)
    """Buttons of alerts, in the order in which they were pressed."""
    launches: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Bundle and arguments of every app that was started through WebDriverAgent."""
    _alerts: list[ShownAlert] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _watchers: list[Callable[[], None]] = field(default_factory=list)

    # --- alerts -----------------------------------------------------------------------------------

    @property
    def alert(self) -> ShownAlert | None:
        """The one on top."""
        with self._lock:
            return self._alerts[-1] if self._alerts else None

    def ask_microphone(self) -> None:
        """Show the question once, if it was never answered."""
        with self._lock:
            asked = any(a.about == "microphone" for a in self._alerts)
            if self.microphone == "ask" and not asked:
                self._alerts.append(self._microphone_alert())

    def show_alert(self, text: str = "", buttons: tuple[str, ...] = ()) -> None:
        """Let something else pop up; by default the system's word about an update."""
        title, more, choice = _FOREIGN
        shown = ShownAlert(text or f"{title}\n{more}", buttons or choice)
        with self._lock:
            self._alerts.append(shown)

    def press(self, button: str | None, *, accept: bool) -> bool:
        """Press a button of the alert on top (without a name the last one, or the first to
        dismiss it); ``False``: it has no such button."""
        with self._lock:
            if not self._alerts:
                return False
            top = self._alerts[-1]
            name = button if button is not None else top.buttons[-1 if accept else 0]
            if name not in top.buttons:
                return False
            self._alerts.pop()
            self.pressed.append(name)
            if top.about == "microphone" and self.storm_about != "microphone":
                allowed = name == top.buttons[-1]
                self.microphone = "allowed" if allowed else "denied"
            self._go_on_storming()
        return True

    def _go_on_storming(self) -> None:
        if self.storm == 0:
            return
        if self.storm is not None:
            self.storm -= 1
        title, more, choice = _FOREIGN
        number = len(self.pressed)
        self._alerts.append(
            self._microphone_alert()
            if self.storm_about == "microphone"
            else ShownAlert(f"{title} {number}\n{more}", choice)
        )

    def _microphone_alert(self) -> ShownAlert:
        words = MICROPHONE[self.language]
        text = f"{words.text.format(app=APP_NAME)}\n{_PURPOSE}"
        return ShownAlert(text, (words.deny, words.allow), "microphone")

    def clear_alerts(self) -> None:
        """Nothing is asked any more, and nothing more comes."""
        with self._lock:
            self._alerts.clear()
            self.storm = 0

    def forget_alerts_of_app(self) -> None:
        """The app that asked has ended, and its question with it."""
        with self._lock:
            self._alerts = [a for a in self._alerts if a.about != "microphone"]

    # --- the screen -------------------------------------------------------------------------------

    def show(self, bundle: str) -> None:
        """Bring an app to the front."""
        self.front = bundle
        self._tell()

    def lock_screen(self, *, locked: bool) -> None:
        """Lock or unlock it."""
        self.locked = locked
        self._tell()

    @property
    def probe_in_front(self) -> bool:
        """Whether a person would see the probe."""
        return self.front == PROBE_BUNDLE and not self.locked

    def watch(self, look: Callable[[], None]) -> None:
        """Have ``look`` called when something else comes to the front."""
        self._watchers.append(look)

    def unwatch(self, look: Callable[[], None]) -> None:
        """No more."""
        self._watchers = [one for one in self._watchers if one != look]

    def _tell(self) -> None:
        for look in self._watchers:
            look()
