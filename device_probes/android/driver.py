"""Drives one Android phone: reach it, make it ready, run trials, give it back as it was."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from device_probes.android import commands, dumps, facts, install, parsers, prepare
from device_probes.android.acting import Actor
from device_probes.android.contact import Contact
from device_probes.android.errors import lost, not_ready
from device_probes.android.identity import Sighting
from device_probes.android.install import Installed, Installer
from device_probes.android.ledger import Lease
from device_probes.android.prepare import Preparation
from device_probes.android.running import RunningProbe, ended
from device_probes.android.settings import Settings
from device_probes.android.shell import Shell
from device_probes.client import ProbeClient
from device_probes.driver import Capture, OnProgress, Play
from device_probes.protocol import ACT_ROUTE
from device_probes.refusals import by_name
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotReady,
    DeviceTimeout,
    ProbeCrashed,
    ProbeProtocolError,
    ProbeRefused,
    ProbeVersionMismatch,
)
from profiler.model import (
    CodecCost,
    CodecRequest,
    DeviceFacts,
    DeviceHealth,
    DeviceRef,
    DeviceState,
    Platform,
    TimedAction,
    TrialRequest,
)

_HEALTH = {"battery": commands.BATTERY, "thermal": commands.THERMAL}
_LIVE = {**install.SECTIONS, **prepare.READINESS}
_SILENT_S = 1.0
KEYS_PACE = 8.0
"""A key takes half a second on its way through adb and back (measured); tests allow for 3 s."""
_COUNTED = (DeviceTimeout, ProbeCrashed, ProbeProtocolError)
"""Failures that are the phone's own, as is staying offline; a pulled cable or a question that waits
for a person is none."""


class AndroidDriver:
    """A :class:`~device_probes.driver.Driver` for one phone, by whichever connection it has.

    Used from one thread, except :meth:`cancel` and :meth:`act`.
    """

    def __init__(self, ref: DeviceRef, phone: Sighting | str, lease: Lease, bench: Settings):
        """``phone``: the phone as it was seen, or its identity when it is still to come."""
        self._ref = ref
        self._contact = Contact(ref, phone, bench)
        self._lease = lease
        self._bench = bench
        self._limits = bench.deadlines
        self._shell: Shell | None = None
        self._probe: RunningProbe | None = None
        self._preparation: Preparation | None = None
        self._client: ProbeClient | None = None
        self._actor: Actor | None = None
        self._counted = False
        self._unclean = False
        """A trial was cut short: the probe may have left volume and mode as they were in it."""
        self._silent = False
        """The last thing it did was not to answer."""
        self._cancelled = threading.Event()
        """In the call that runs; one that came when none ran is forgotten."""

    @property
    def ref(self) -> DeviceRef:
        """Which phone this is."""
        return self._ref

    # --- the contract ---------------------------------------------------------------------------

    def connect(self) -> DeviceFacts:
        """Find the phone, make it ready, have our probe run on it, read its facts."""
        self.close()
        try:
            return self._connect()
        except BaseException:  # Ctrl-C, too, must not leave the phone half prepared
            self.close()
            raise

    def _connect(self) -> DeviceFacts:
        with self._counting():
            if not self._counted:  # else this very run began it, and has to say why it ends
                self._bench.ledger.refuse_quarantined(self._ref.serial)
            self._shell = shell = self._contact.resolve()
            self._lease.take()
            parts = self._contact.read(shell, _LIVE)
            self._preparation = Preparation(shell)
            self._preparation.apply(parts)
            secure = dumps.screen(parts.get("policy", "")).secure
            self._actor = Actor(shell, self._preparation, secure=secure)
            self._launch(shell, Installed.read(parts))
            assert self._client is not None
            with self._explained():
                told = self._client.facts()
            self._contact.met = True
            return facts.merged(facts.adb_facts(parts), told, self._bench.platform)

    def inspect(self) -> DeviceFacts:
        """What adb tells of the phone; nothing is installed, woken or started."""
        name, platform = self._ref.serial, self._bench.platform
        self._bench.ledger.refuse_quarantined(name)
        if self._lease.taken_by_another():
            raise not_ready(name, DeviceState.BUSY)
        parts = self._contact.read(self._contact.resolve(), _LIVE)
        if dumps.device_locked(parts.get("trust", "")):
            raise not_ready(name, DeviceState.LOCKED)
        found = facts.adb_facts(parts)
        return replace(found, platform=platform, is_virtual=platform is Platform.VIRTUAL)

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        """Run one trial in a fresh stream, the probe being in front before and after."""
        self._cancelled.clear()
        client, probe = self._connected()
        with self._counting(), self._explained():
            volumes = probe.check_before()
            self._unclean = True
            with self._acting(volumes):
                capture = client.run(request, plays, on_progress, self._cancelled)
            self._unclean = False
            if request.background != "continue":
                probe.check_after()
        self._passed()
        return capture

    @property
    def actions(self) -> frozenset[str]:
        """What can be done to the phone while a trial runs; none before it is connected.

        Keys of a virtual phone with a fast clock would come seconds of its time too late, and to
        one that never waits nothing comes in time.
        """
        if self._actor is None or math.isinf(self.pace):
            return frozenset()
        known = self._actor.actions
        return known if self.pace <= KEYS_PACE else known & {ACT_ROUTE}

    @property
    def pace(self) -> float:
        """Seconds of the phone in one of ours."""
        return self._bench.pace

    def act(self, action: TimedAction) -> str:
        """Do something to the phone, from another thread than :meth:`run`'s."""
        actor = self._actor
        if actor is None:
            raise DeviceLost("not connected", device=str(self._ref), hint="connect first")
        return actor.act(action)

    @contextmanager
    def _acting(self, volumes: Mapping[str, dumps.StreamVolume]) -> Iterator[None]:
        """A trial that may be acted upon; the phone is put back at its end."""
        client, probe = self._connected()
        actor = self._actor
        assert actor is not None
        actor.begin(probe, client, volumes)
        try:
            yield
        finally:
            actor.end()

    def restart(self) -> None:
        """End the probe's process and start a new one; raises as :meth:`connect` does."""
        shell = self._shell
        if shell is None:
            raise DeviceLost("not connected", device=str(self._ref), hint="connect first")
        with self._counting():
            self._start(shell)

    def codec_cost(self, request: CodecRequest) -> CodecCost:
        """Measure what coding speech costs; raises as :meth:`run` does."""
        self._cancelled.clear()
        client, _ = self._connected()
        with self._counting(), self._explained():
            return client.codec_cost(request)

    def cancel(self) -> None:
        """End the trial that runs, from another thread; forgotten when none does."""
        self._cancelled.set()
        client = self._client
        if client is not None:
            client.cancel()

    def health(self) -> DeviceHealth:
        """Battery and heat now."""
        shell = self._shell
        if shell is None:
            raise DeviceLost("not connected", device=str(self._ref), hint="connect first")
        text = shell.run(commands.sections(_HEALTH)).out
        return prepare.health(parsers.sections(text, _HEALTH))

    def close(self) -> None:
        """Give the phone back as it was found. Never raises; bounded, also for a frozen phone."""
        client, self._client = self._client, None
        probe, self._probe = self._probe, None
        preparation, self._preparation = self._preparation, None
        self._actor = None
        shell, self._shell = self._shell, None
        if client is not None:
            client.close()
        if shell is not None and self._contact.listed_as(shell):
            with suppress(DeviceError):  # a frozen phone is restored at its next contact
                self._leave(shell, probe, preparation)
        self._silent = False
        self._unclean = False
        self._lease.release()

    # --- steps of connect -----------------------------------------------------------------------

    def _launch(self, shell: Shell, found: Installed) -> None:
        installer = Installer(shell, self._bench.probe, self._limits.install_s)
        fresh = installer.ensure(found)
        try:
            self._start(shell)
        except ProbeVersionMismatch:
            if fresh:
                raise
            installer.ensure(found, anew=True)
            self._start(shell)

    def _start(self, shell: Shell) -> None:
        self._probe = probe = RunningProbe(shell, self._limits.launch_s)
        probe.start()
        stream = probe.tunnel(self._limits.probe.hello_s)
        if self._client is not None:
            self._client.close()
        self._client = ProbeClient(
            stream, self._ref.serial, deadlines=self._limits.probe, token=probe.token
        )
        with self._explained():
            self._client.handshake()

    # --- what an error means --------------------------------------------------------------------

    def _connected(self) -> tuple[ProbeClient, RunningProbe]:
        if self._client is None or self._probe is None:
            raise DeviceLost("not connected", device=str(self._ref), hint="connect first")
        return self._client, self._probe

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say why a connection ended, and give refusals of the system their own names."""
        try:
            yield
        except ProbeRefused as exc:
            self._unclean = False  # a refusal is an orderly end
            named = by_name(exc, self._ref.serial)
            if named is exc:
                raise
            raise named from exc
        except ProbeCrashed:
            raise
        except DeviceLost as exc:
            probe, shell = self._probe, self._shell
            if probe is None or shell is None or self._cancelled.is_set():
                raise
            if not self._contact.listed_as(shell):
                raise lost(self._ref.serial, "the phone went away") from exc
            why = ended(probe, exc, self._ref.serial)
            if why is exc:
                raise
            raise why from exc

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Remember a failure that is the phone's own; one a driver, however often it is tried."""
        try:
            yield
        except DeviceError as exc:
            self._silent = isinstance(exc, DeviceTimeout)
            offline = isinstance(exc, DeviceNotReady) and exc.state == DeviceState.OFFLINE
            if (offline or isinstance(exc, _COUNTED)) and not self._counted:
                self._counted = True
                with suppress(DeviceError):
                    self._bench.ledger.failed(self._ref.serial, exc.message)
            raise

    def _passed(self) -> None:
        self._counted = False
        with suppress(DeviceError):
            self._bench.ledger.passed(self._ref.serial)

    # --- steps of close -------------------------------------------------------------------------

    def _leave(
        self, shell: Shell, probe: RunningProbe | None, preparation: Preparation | None
    ) -> None:
        end = time.monotonic() + self._limits.close_s

        def left_s() -> float:
            return max(min(end - time.monotonic(), self._limits.shell_s), 0.1)

        if self._silent:  # was it the probe or the phone? The phone is not waited for again
            shell.run(commands.BOOT_ID, min(_SILENT_S, left_s()))
        if probe is not None:
            probe.stop(put_back=self._unclean, timeout_s=left_s())
        if preparation is not None:
            preparation.put_back(left_s())
