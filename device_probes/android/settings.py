"""What all drivers of one bench share: whom they ask, and how long they wait."""

from __future__ import annotations

from dataclasses import dataclass, field

from device_probes.android import install
from device_probes.android.assets import ProbePackage
from device_probes.android.ledger import Ledger
from device_probes.android.running import LAUNCH_S
from device_probes.android.tracking import Tracker
from device_probes.client import Deadlines
from profiler.model import Platform


@dataclass(frozen=True, slots=True)
class AndroidDeadlines:
    """Seconds a phone may take. Tests shorten them."""

    probe: Deadlines = field(default_factory=Deadlines)
    shell_s: float = 5.0
    contact_s: float = 20.0
    """The script of first contact runs a dozen ``dumpsys``, none of them silent for ``shell_s``."""
    install_s: float = install.INSTALL_S
    launch_s: float = LAUNCH_S
    replug_s: float = 10.0
    """How long a phone that is not there is waited for."""
    close_s: float = 6.0
    """All of giving a phone back, also a frozen one."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What all drivers of one bench share."""

    tracker: Tracker
    ledger: Ledger
    probe: ProbePackage
    platform: Platform = Platform.ANDROID
    deadlines: AndroidDeadlines = field(default_factory=AndroidDeadlines)
    pace: float = 1.0
    """Seconds of the phones in one of ours: virtual ones may have a faster clock."""
