"""How the probe's page gets into a browser: what every way to one offers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from profiler.model import DeviceFacts


class Opener(Protocol):
    """One browser that can be made to show the page. Used from one thread, except ``close``.

    Every call ends within its timeout and raises only :class:`~profiler.errors.DeviceError` or
    its children. No message holds the URL: it carries the token.
    """

    def open(self, url: str, timeout_s: float, /) -> None:
        """Show the page at ``url``, anew when it is shown already. The port is that of the server
        on this computer; a way that needs another one changes it."""
        ...

    def tap(self, timeout_s: float, /) -> bool:
        """Press the page's button and allow the microphone, as far as that can be done from here;
        ``False``: a person has to (:meth:`tell` says how)."""
        ...

    def tell(self) -> str:
        """What a person should do now, one plain line."""
        ...

    def phone_facts(self) -> DeviceFacts | None:
        """What is known of the device beside what its browser says; ``None`` = nothing."""
        ...

    def close(self) -> None:
        """Close the page and leave the device as it was found. Never raises."""
        ...


@runtime_checkable
class Hides(Protocol):
    """An opener that can take the page out of sight, as a user does who goes to another tab."""

    def hide(self, timeout_s: float) -> None:
        """Bring another tab in front of the page."""
        ...

    def show(self, timeout_s: float) -> None:
        """Bring the page to the front again."""
        ...


@runtime_checkable
class StartsFresh(Protocol):
    """An opener whose browser can be started anew, as one that was just launched."""

    def restart(self) -> None:
        """End the browser; the next ``open`` starts another."""
        ...


class LinkOpener:
    """A browser that a person opens: by the link, or by the QR code that holds it."""

    def open(self, _url: str, _timeout_s: float, /) -> None:
        """Nothing: the link has been shown, and the page comes back by itself after a loss."""

    def tap(self, _timeout_s: float, /) -> bool:
        """A person has to."""
        return False

    def tell(self) -> str:
        """What to do in the browser."""
        return "open the link in that browser, tap Start, then allow the microphone"

    def phone_facts(self) -> DeviceFacts | None:
        """A link knows nothing of who opens it."""
        return None

    def close(self) -> None:
        """Nothing to close."""
