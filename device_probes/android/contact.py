"""One phone as it is met: found on whichever connection it has, and asked everything at once."""

from __future__ import annotations

from collections.abc import Mapping

from device_probes.android import commands, facts, parsers
from device_probes.android.commands import Command
from device_probes.android.errors import REMEDIES, not_ready
from device_probes.android.identity import Sighting
from device_probes.android.settings import Settings
from device_probes.android.shell import Shell
from profiler.errors import DeviceLost, DeviceNotFound, DeviceNotReady
from profiler.model import DeviceRef, DeviceState

_SETTLE_S = 1.0
"""The server itself may list a phone that goes for a moment longer."""


class Contact:
    """How a driver reaches its phone. Used from one thread."""

    def __init__(self, ref: DeviceRef, phone: Sighting | str, bench: Settings) -> None:
        """``phone``: the phone as it was seen, or its identity when it is still to come."""
        self.met = False
        """It was reached once: from now on its absence is a loss."""
        self._name = ref.serial
        self._phone = phone
        self._tracker = bench.tracker
        self._limits = bench.deadlines
        self._static: tuple[str, dict[str, str]] | None = None
        """Boot id, and the sections that cannot change before the next boot."""

    def resolve(self) -> Shell:
        """A connection to the phone that its server still knows.

        Raises :class:`~profiler.errors.DeviceNotFound` (``DeviceLost`` for one that was met),
        :class:`~profiler.errors.DeviceNotReady`, :class:`~profiler.errors.DeviceTimeout`.
        """
        shell = self._shell_of(self._find())
        try:
            shell.features()
        except (DeviceLost, DeviceNotFound, DeviceNotReady):
            self._let_pass(shell)
            shell = self._shell_of(self._find())
            shell.features()
        return shell

    def read(self, shell: Shell, live: Mapping[str, Command]) -> dict[str, str]:
        """The sections ``live``, and those that :mod:`.facts` reads, in one shell."""
        wanted = {"boot": commands.BOOT_ID, **live}
        if self._static is None:
            wanted |= facts.STATIC
        limits = self._limits
        text = shell.run(commands.sections(wanted), limits.contact_s, limits.shell_s).out
        parts = parsers.sections(text, wanted)
        boot = parsers.boot_id(parts.get("boot", ""))
        if self._static is not None and self._static[0] != boot:
            self._static = None  # it was started again, perhaps with another system
            return self.read(shell, live)
        if self._static is None and boot:
            self._static = boot, {name: parts.get(name, "") for name in facts.STATIC}
        return parts | (self._static[1] if self._static else {})

    def listed_as(self, shell: Shell) -> bool:
        """Whether the phone is still listed under the connection of ``shell``."""
        return any(
            one.listed.transport_id == shell.transport_id and one.listed.state is DeviceState.READY
            for one in self._tracker.snapshot()
        )

    def _let_pass(self, shell: Shell) -> None:
        """The connection of ``shell`` went, or came back, a moment ago: learn what there is now."""
        self._tracker.look()
        if not self._tracker.wait_until(lambda _: not self.listed_as(shell), _SETTLE_S):
            self._tracker.look()

    def _shell_of(self, found: Sighting) -> Shell:
        self._phone = found
        number = found.listed.transport_id
        return Shell(self._tracker.adb, number, self._name, self._limits.shell_s)

    def _find(self) -> Sighting:
        """The phone as it is listed; waits for one that is being plugged in again."""
        tracker, name = self._tracker, self._name
        found = tracker.find(self._phone)
        if found is None or found.listed.state is DeviceState.OFFLINE:
            tracker.revive(self._phone)
            known = (DeviceState.READY, DeviceState.UNAUTHORIZED, DeviceState.NO_PERMISSION)
            found = tracker.wait_for(self._phone, known, self._limits.replug_s)
        if found is None:
            kind = DeviceLost if self.met else DeviceNotFound
            problem = tracker.problem
            raise kind("the phone is not connected" + (f" ({problem})" if problem else ""),
                       device=name, hint=REMEDIES[DeviceState.ABSENT])  # fmt: skip
        if found.listed.state is not DeviceState.READY:
            raise not_ready(name, found.listed.state)
        return found
