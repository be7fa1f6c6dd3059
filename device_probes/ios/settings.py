"""What all drivers of one bench of iPhones share: whom they ask, and how long they wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from device_probes.client import Deadlines
from device_probes.ios.agent import AgentDeadlines
from device_probes.ios.bundles import Bundles
from device_probes.ios.door import MuxDoor
from device_probes.ios.note import Notes
from device_probes.ios.programs import Programs
from device_probes.ios.tracking import MuxTracker
from profiler.model import Platform


class Lease(Protocol):
    """The sole use of one phone among all processes of this computer."""

    def take(self) -> None:
        """Raises :class:`~profiler.errors.DeviceNotReady` (busy) when another has it."""
        ...

    def taken_by_another(self) -> bool:
        """Whether some other holder has it just now."""
        ...

    def release(self) -> None:
        """Give it back. Never raises."""
        ...


class Health(Protocol):
    """How a phone did lately."""

    @property
    def failures(self) -> int:
        """Failed runs in a row."""
        ...

    @property
    def until_s(self) -> float:
        """It rests until then, in seconds since 1970; 0: it does not."""
        ...

    @property
    def reason(self) -> str:
        """The last failure."""
        ...


class Ledger(Protocol):
    """What this computer remembers of phones that failed."""

    def health(self, key: str) -> Health:
        """What is known of one phone."""
        ...

    def refuse_quarantined(self, key: str) -> None:
        """Raise :class:`~profiler.errors.DeviceNotReady` while a phone rests."""
        ...

    def failed(self, key: str, reason: str) -> object:
        """Count one failed run."""
        ...

    def passed(self, key: str) -> None:
        """Forget the failures."""
        ...


@dataclass(frozen=True, slots=True)
class IosDeadlines:
    """Seconds a phone may take. Tests shorten them."""

    probe: Deadlines = field(default_factory=Deadlines)
    agent: AgentDeadlines = field(default_factory=AgentDeadlines)
    mux_s: float = 5.0
    """usbmuxd, and a connection to a port of the phone."""
    facts_s: float = 5.0
    """All of lockdown's answers."""
    open_s: float = 15.0
    """From the launch of the probe until its port takes a connection."""
    asked_s: float = 4.5
    """The probe's hello, where it is only asked whether it is awake; one that serves another host
    says so after 3 s."""
    replug_s: float = 10.0
    """How long a phone that is not there is waited for."""
    close_s: float = 6.0
    """Each of the at most two calls by which a phone is given back."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What all drivers of one bench share."""

    mux: MuxDoor
    tracker: MuxTracker
    programs: Programs
    platform: Platform = Platform.IOS
    deadlines: IosDeadlines = field(default_factory=IosDeadlines)
    pace: float = 1.0
    """Seconds of the phones in one of ours: virtual ones may have a faster clock."""
    pictures: Path | None = None
    """Folder for screenshots of starts that failed; ``None``: none are taken."""
    ledger: Ledger | None = None
    bundles: Bundles = Bundles()  # noqa: RUF009 - frozen
    """The apps on the phones."""
    no_passcode: bool = False
    """Somebody said that no phone has one: they may be locked."""
    notes: Notes | None = None
    """What outlives a bench that is killed; ``None``: nothing does (virtual phones do not either).
    """
