"""Drives one iPhone: reach it, have the probe run, run trials, give it back as it was."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from device_probes.client import ProbeClient
from device_probes.driver import Capture, OnProgress, Play, Progress
from device_probes.ios import facts
from device_probes.ios.answers import AppState
from device_probes.ios.checking import checked
from device_probes.ios.contact import PROBE_PORT, Contact
from device_probes.ios.errors import not_ready
from device_probes.ios.errors import said as said_of
from device_probes.ios.foreign import AgentRefused
from device_probes.ios.lockdown import LockdownFacts
from device_probes.ios.running import ProbeRun
from device_probes.ios.settings import Lease, Settings
from device_probes.ios.states import Condition
from device_probes.protocol import ACT_ROUTE, RefusedCode
from device_probes.refusals import by_name
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotReady,
    DeviceTimeout,
    ProbeBackground,
    ProbeCrashed,
    ProbeProtocolError,
    ProbeRefused,
)
from profiler.model import (
    DeviceFacts,
    DeviceHealth,
    DeviceRef,
    DeviceState,
    TimedAction,
    TrialRequest,
)

_COUNTED = (DeviceTimeout, ProbeCrashed, ProbeProtocolError)
"""Failures that are the phone's own; a pulled cable or a question that waits for a person is
none."""
LOCK = "lock"
LOCK_PACE = 8.0
"""A virtual phone whose clock is faster would be locked seconds of its time too late."""
_AGENT_GONE = (DeviceState.WDA_MISSING, DeviceState.WDA_HUNG)


class IosDriver:
    """A :class:`~device_probes.driver.Driver` for one phone behind usbmuxd.

    Used from one thread, except :meth:`cancel` and :meth:`act`.
    """

    def __init__(
        self, ref: DeviceRef, udid: str, bench: Settings, lease: Lease | None = None
    ) -> None:
        self._ref = ref
        self._bench = bench
        self._contact = Contact(ref.serial, udid, bench)
        self._lease = lease
        self._limits = bench.deadlines
        self._run: ProbeRun | None = None
        self._client: ProbeClient | None = None
        self._found: AppState | None = None
        """How the app was before a phone was lost that could not be given back."""
        self._battery_percent: float | None = None
        """As the last trial's report said."""
        self._counted = False
        self._unclean = False
        """A trial was cut short: the probe may not have put back the volume yet."""
        self._covered = False
        """Something was in front of the probe in the last trial."""
        self._heard = False
        """Nothing of the probe is waited for, or it has said something since: it does not sleep."""
        self._may_lock = False
        """Nobody has said, and nothing shows, that it has a passcode: we can open it again."""
        self._stayed_locked = False
        """It was locked by us, and could not be opened: never again."""
        self._locked = threading.Event()
        """We locked it, and it is to be opened again."""
        self._cancelled = threading.Event()
        """In the trial that runs; one that came when none ran is forgotten."""

    @property
    def ref(self) -> DeviceRef:
        """Which phone this is."""
        return self._ref

    # --- the contract ---------------------------------------------------------------------------

    def connect(self) -> DeviceFacts:
        """Find the phone, have our probe run on it, read its facts."""
        self.close()
        try:
            with self._counting():
                return self._connect()
        except BaseException:  # Ctrl-C, too, must not leave the probe behind
            self.close()
            raise

    def _connect(self) -> DeviceFacts:
        self._allowed()
        self._contact.find()
        if self._lease is not None:
            self._lease.take()
        said = self._contact.facts()
        shut = said is None or said.password_protected is True
        self._may_lock = self._bench.no_passcode and not shut
        self._run = run = ProbeRun(self._ref.serial, self._contact, self._bench, self._found)
        try:
            stream = run.begin()
        except DeviceNotReady as exc:
            if exc.state not in _AGENT_GONE:
                raise
            raise self._contact.diagnosed(exc) from exc
        return self._met(run, stream, said)

    def _met(self, run: ProbeRun, stream: socket.socket, said: LockdownFacts | None) -> DeviceFacts:
        self._shake_hands(run, stream)
        assert self._client is not None
        with self._explained():
            told = self._client.facts()
        self._contact.met = True
        return facts.merged(said, told, self._bench.platform, run.how)

    def inspect(self) -> DeviceFacts:
        """What lockdown tells of the phone; nothing is launched on it.

        Raises :class:`~profiler.errors.DeviceNotReady` with the state that a run would meet: of
        lockdown, WebDriverAgent, the probe's port and, where they are installed, paired programs.
        """
        self._allowed()
        if self._lease is not None and self._lease.taken_by_another():
            raise not_ready(self._ref.serial, DeviceState.BUSY)
        self._contact.find()
        said = self._contact.facts()
        if said is None:
            raise ProbeProtocolError(
                "it does not say what it is", device=self._ref.serial,
                hint="restart the phone, plug it in again",
            )  # fmt: skip
        self._refuse_unready()
        return facts.inspected(said, self._bench.platform, self._ref.label)

    def _refuse_unready(self) -> None:
        listed = Condition(bundles=self._bench.bundles).sighted(time.monotonic())
        known = checked(self._contact, self._bench, listed)
        wall_s = time.time()
        state = known.state(wall_s)
        if state is not DeviceState.READY:
            raise DeviceNotReady(
                said_of(state), device=self._ref.serial, state=state.value,
                hint=known.detail(wall_s),
            )  # fmt: skip

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        """Run one trial in a fresh stream."""
        self._cancelled.clear()
        client, run = self._connected()
        self._heard = True
        with self._counting(), self._explained():
            if self._covered and run.to_front():
                self._covered = False
            self._unclean, self._heard = True, False
            try:
                capture = self._tried(client, run, request, plays, self._hearing(on_progress))
                self._covered = False
            finally:
                self._open_again(run)
            self._unclean = False
        self._passed()
        if capture.report.battery_percent is not None:
            self._battery_percent = float(capture.report.battery_percent)
        return capture

    def _tried(
        self,
        client: ProbeClient,
        run: ProbeRun,
        request: TrialRequest,
        plays: Sequence[Play],
        on_progress: OnProgress,
    ) -> Capture:
        """The trial; once more when the system asked for the microphone only now."""
        try:
            return client.run(request, plays, on_progress, self._cancelled)
        except ProbeRefused as exc:
            self._heard = True
            if exc.code != RefusedCode.PERMISSION or not run.answer_alerts():
                raise
            return client.run(request, plays, on_progress, self._cancelled)

    def _hearing(self, on_progress: OnProgress) -> OnProgress:
        def heard(progress: Progress) -> None:
            self._heard = True
            on_progress(progress)

        return heard

    def _open_again(self, run: ProbeRun) -> None:
        """Unlock the screen that a test locked; what cannot be done now the next trial meets."""
        if self._locked.is_set():
            self._locked.clear()
            self._covered = True
            try:
                run.unlock()
                self._covered = False
            except DeviceError as exc:
                shut = isinstance(exc, DeviceNotReady) and exc.state == DeviceState.LOCKED
                self._stayed_locked |= shut or isinstance(exc, AgentRefused)

    def restart(self) -> None:
        """End the probe's process and launch a new one; raises as :meth:`connect` does.

        Without WebDriverAgent only a person can.
        """
        _, run = self._connected()
        with self._counting():
            self._shake_hands(run, run.fresh())

    @property
    def actions(self) -> frozenset[str]:
        """What can be done to the phone while a trial runs; none before it is connected."""
        if self._client is None or self._run is None or math.isinf(self.pace):
            return frozenset()
        opens = self._may_lock and not self._stayed_locked and self._run.can_lock
        locks = opens and self.pace <= LOCK_PACE
        return frozenset({ACT_ROUTE, LOCK} if locks else {ACT_ROUTE})

    def act(self, action: TimedAction) -> str:
        """Do something to the running trial, from another thread than :meth:`run`'s."""
        client, run = self._connected()
        if action.action == LOCK and LOCK in self.actions:
            self._locked.set()
            return run.lock()
        client.act(action.action, action.value)
        return action.value

    @property
    def pace(self) -> float:
        """Seconds of the phone in one of ours."""
        return self._bench.pace

    def cancel(self) -> None:
        """End the trial that runs, from another thread; forgotten when none does."""
        self._cancelled.set()
        client = self._client
        if client is not None:
            client.cancel()

    def health(self) -> DeviceHealth:
        """Battery and heat now; without WebDriverAgent the battery as the last trial said."""
        _, run = self._connected()
        found = run.health()
        return DeviceHealth(battery_percent=self._battery_percent) if found is None else found

    def close(self) -> None:
        """Give the phone back as it was found. Never raises; bounded, also for a frozen phone."""
        client, self._client = self._client, None
        run, self._run = self._run, None
        if client is not None:
            client.close()
        if run is not None:
            self._found = run.leave(unclean=self._unclean)
        self._covered = self._unclean = False
        if self._lease is not None:
            self._lease.release()

    # --- pieces ---------------------------------------------------------------------------------

    def _shake_hands(self, run: ProbeRun, stream: socket.socket) -> None:
        if self._client is not None:
            self._client.close()
        self._client = ProbeClient(
            stream, self._ref.serial, deadlines=self._limits.probe, token=run.token
        )
        self._heard = False
        with self._explained():
            self._client.handshake()

    def _connected(self) -> tuple[ProbeClient, ProbeRun]:
        if self._client is None or self._run is None:
            raise DeviceLost("not connected", device=str(self._ref), hint="connect first")
        return self._client, self._run

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say why a connection ended, and give refusals of the system their own names."""
        try:
            yield
        except ProbeRefused as exc:
            self._unclean = False  # a refusal is an orderly end
            named = by_name(exc, self._ref.serial)
            self._covered = isinstance(named, ProbeBackground)
            if named is exc:
                raise
            raise named from exc
        except DeviceError as exc:
            why = self._why(exc)
            if why is exc:
                raise
            raise why from exc

    def _why(self, error: DeviceError) -> DeviceError:
        """What a connection that ended, or an answer that did not come, means."""
        run = self._run
        if run is None or self._cancelled.is_set():
            return error
        if isinstance(error, DeviceTimeout):
            return error if self._heard else run.silent(error)
        if not isinstance(error, DeviceLost):
            return error
        why = self._contact.why_ended(error, PROBE_PORT)
        return run.ended(why, covered=self._covered) if isinstance(why, ProbeCrashed) else why

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Remember a failure that is the phone's own; one a driver, however often it is tried."""
        try:
            yield
        except DeviceError as exc:
            ledger = self._bench.ledger
            if ledger is not None and isinstance(exc, _COUNTED) and not self._counted:
                self._counted = True
                with suppress(DeviceError):
                    ledger.failed(self._ref.serial, exc.message)
            raise

    def _allowed(self) -> None:
        ledger = self._bench.ledger
        if ledger is not None and not self._counted:
            ledger.refuse_quarantined(self._ref.serial)

    def _passed(self) -> None:
        self._counted = False
        if self._bench.ledger is not None:
            with suppress(DeviceError):
                self._bench.ledger.passed(self._ref.serial)
