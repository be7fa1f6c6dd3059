"""The probe app on one iPhone: launched through WebDriverAgent, or found open, and given back."""

from __future__ import annotations

import os
import re
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import replace

from device_probes.client import ProbeClient
from device_probes.fields import shown
from device_probes.ios import alerts
from device_probes.ios.agent import Agent
from device_probes.ios.answers import AgentStatus, AppState
from device_probes.ios.contact import PROBE_PORT, Contact
from device_probes.ios.errors import LOG, SLEEPS, not_ready
from device_probes.ios.foreign import AgentRefused
from device_probes.ios.note import Before
from device_probes.ios.settings import Settings
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotReady,
    DeviceTimeout,
    ProbeCrashed,
    ProbeVersionMismatch,
)
from profiler.model import DeviceHealth, DeviceState

RUNS = (AppState.SUSPENDED, AppState.BACKGROUND, AppState.FOREGROUND)
_AWAY = (DeviceState.WDA_MISSING, DeviceState.WDA_HUNG)
_TOKEN_BYTES = 16
_KEPT_PICTURES = 20
RESTORE_S = 0.7
"""For the app to notice that its host has gone, and to put back volume and route."""
_LOOK_S = 2.0
"""How long the port is waited for before somebody looks whether an alert keeps it closed."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class ProbeRun:
    """One probe that a driver uses, and how the phone was before. Used from one thread."""

    def __init__(
        self, name: str, contact: Contact, bench: Settings, found: AppState | None = None
    ) -> None:
        """``found``: what a run before it could not give back, as :meth:`leave` said."""
        self.token = ""
        """What it was started with; an app that a person opened has none."""
        self.problem: DeviceNotReady | None = None
        """Why WebDriverAgent is of no use; nothing more is asked of it then."""
        self.status: AgentStatus | None = None
        self._name = name
        self._contact = contact
        self._bench = bench
        self._limits = bench.deadlines
        self._bundle = bench.bundles.probe
        self._agent = Agent(bench.mux, contact.udid, deadlines=self._limits.agent)
        self._found = found
        """The app before it was touched; ``None``: it was not."""

    @property
    def how(self) -> str:
        """How the probe came to run, for people."""
        if self.token:
            version = self.status.version if self.status else ""
            return f"launched by WebDriverAgent {version}".strip()
        why = f" ({self.problem.state})" if self.problem else ""
        return f"open on the phone; nothing was launched{why}"

    # --- begin ------------------------------------------------------------------------------------

    def begin(self) -> socket.socket:
        """Have the probe run, and reach its port.

        Without WebDriverAgent the app has to be open, and nothing is launched. Raises
        :class:`~profiler.errors.DeviceNotReady` (its WebDriverAgent's state, ``locked``,
        ``probe_missing``, ``probe_expired``, ``port_closed``),
        :class:`~profiler.errors.ProbeCrashed`, :class:`~profiler.errors.ProbePermission`,
        :class:`~profiler.errors.ProbeBackground`, :class:`~profiler.errors.DeviceTimeout`,
        :class:`~profiler.errors.DeviceLost`.
        """
        try:
            self.status = self._agent.status()
            return self._launched()
        except DeviceNotReady as exc:
            if exc.state not in _AWAY:
                raise
            self.problem = exc
        except DeviceTimeout as exc:
            self._see_whether_hung(exc)
            raise
        return self._joined(self.problem)

    def fresh(self) -> socket.socket:
        """End the app and launch it anew; raises as :meth:`begin` does."""
        if self.problem is not None:
            raise self.problem
        try:
            return self._launched()
        except DeviceNotReady as exc:
            if exc.state in _AWAY:
                self.problem = exc
            raise

    def _joined(self, problem: DeviceNotReady) -> socket.socket:
        """The app that a person opened."""
        try:
            return self._contact.reach(PROBE_PORT, 0.0)
        except DeviceNotReady as exc:
            if exc.state != DeviceState.PORT_CLOSED:
                raise
            raise problem from exc

    def _launched(self) -> socket.socket:
        agent = self._agent
        try:
            before = agent.app_state(self._bundle)
            if self._found is None:
                self._found = self._found_as(before)
            self._note(self._found)
            if before in RUNS:  # one that runs would only come to the front, with its old token
                agent.terminate(self._bundle)
            self.token = secrets.token_hex(_TOKEN_BYTES)
            self._launch("-token", self.token, "-port", str(PROBE_PORT))
            self.answer_alerts()
            return self._opened()
        except (DeviceLost, DeviceTimeout):
            raise  # there is nobody to ask for a picture
        except DeviceError as exc:
            why = self._locked_instead(exc)
            picture = self._picture()
            if picture:
                why.hint = f"{why.hint} (its screen then: {picture})".strip()
            raise why from (exc if why is not exc else exc.__cause__)

    def _note(self, found: AppState) -> None:
        """Write down how it was found, before it is touched: this program may be killed."""
        if self._bench.notes is not None:
            self._bench.notes.keep(self._name, Before(self._bundle, found))

    def _found_as(self, before: AppState) -> AppState:
        """How the app is to be left: as it is now, or, where a program before this one left it and
        was killed, as that one noted it."""
        if before is AppState.FOREGROUND and answers_anybody(
            self._contact, self._bench, self._name
        ):
            return AppState.FOREGROUND
        notes = self._bench.notes
        noted = notes.read(self._name) if notes is not None and before in RUNS else None
        ours = noted is not None and noted.bundle == self._bundle
        return noted.found if noted is not None and ours else AppState.NOT_RUNNING

    def _launch(self, *arguments: str) -> None:
        try:
            self._agent.launch(self._bundle, arguments, {})
        except DeviceNotReady as exc:
            if exc.state != DeviceState.PROBE_MISSING:
                raise
            raise not_ready(self._name, DeviceState.PROBE_MISSING, self._bundle) from exc
        except AgentRefused as exc:
            why = self._locked_instead(exc)
            if why is exc:
                raise
            raise why from exc

    def _locked_instead(self, error: DeviceError) -> DeviceError:
        """A refusal may only mean that the screen could not be unlocked."""
        if isinstance(error, AgentRefused):
            with suppress(DeviceError):
                if self._agent.locked():
                    return not_ready(self._name, DeviceState.LOCKED, shown(error.text, 120))
        return error

    def _opened(self) -> socket.socket:
        """Its port, once it listens; the question for the microphone may come late, and is
        answered meanwhile."""
        end_s, late = time.monotonic() + self._limits.open_s, False
        while True:
            left_s = max(end_s - time.monotonic(), 0.0)
            try:
                return self._contact.reach(PROBE_PORT, min(_LOOK_S, left_s))
            except DeviceNotReady as exc:
                if exc.state != DeviceState.PORT_CLOSED:
                    raise
                closed = exc
            pressed = self.answer_alerts()
            if time.monotonic() < end_s:
                continue
            if late or not pressed:
                raise self._not_opened() from closed
            end_s, late = time.monotonic() + _LOOK_S, True  # it was answered at the last moment

    def _not_opened(self) -> DeviceError:
        """Why its port stayed closed."""
        if self._where() is not AppState.NOT_RUNNING:
            return not_ready(self._name, DeviceState.PORT_CLOSED, "nothing listens on its port")
        return ProbeCrashed(
            "the probe ended right after it was started", device=self._name,
            hint="open it by hand and see what it says; then see the phone's crash logs",
        )  # fmt: skip

    def _see_whether_hung(self, error: DeviceTimeout) -> None:
        """A call that was not answered: was it the phone, or WebDriverAgent?"""
        try:
            self._agent.status()
        except DeviceNotReady as exc:
            if exc.state == DeviceState.WDA_HUNG:
                self.problem = exc
                raise exc from error
        except DeviceError:
            return

    # --- while it runs ----------------------------------------------------------------------------

    def _where(self) -> AppState | None:
        """Where WebDriverAgent sees the app; ``None``: there is nobody who could say."""
        if not self._usable():
            return None
        with suppress(DeviceError):
            found = self._agent.app_state(self._bundle)
            return None if found is AppState.UNKNOWN else found
        return None

    def silent(self, error: DeviceTimeout) -> DeviceError:
        """What an answer means that did not come: ``error``, which is a frozen phone's or a hung
        app's; or that the app sleeps, for it is not on the screen."""
        try:
            said = self._contact.facts()
        except DeviceError:
            return error
        where = self._where()
        if said is None or where in (AppState.FOREGROUND, AppState.NOT_RUNNING):
            return error
        if said.password_protected:
            return not_ready(self._name, DeviceState.LOCKED, SLEEPS)
        return not_ready(self._name, DeviceState.PORT_CLOSED, SLEEPS)

    def ended(self, crashed: ProbeCrashed, *, covered: bool) -> DeviceError:
        """What it means that link and port are gone: it ``crashed``, or iOS took them while the
        app was not on the screen, as it was in a trial before this that was ``covered``."""
        where = self._where()
        if where is AppState.NOT_RUNNING:
            return crashed
        if where is not None or covered:
            what = "its port was closed while it was not in front"
            return not_ready(self._name, DeviceState.PORT_CLOSED, what)
        what = "it has ended, or its port was closed while it was not in front"
        either = not_ready(self._name, DeviceState.PORT_CLOSED, what)
        either.hint += f"; if it ended by itself, see the crash log on the phone ({LOG})"
        return either

    def answer_alerts(self) -> int:
        """Allow the microphone if that is asked; how many buttons were pressed.

        0 without WebDriverAgent. Raises as :func:`.alerts.clear` does.
        """
        if not self._usable():
            return 0
        return alerts.clear(self._agent.alert, self._agent.press, self._name, app=alerts.PROBE_NAME)

    def to_front(self) -> bool:
        """Bring it back to the front; whether that can be done. Raises as :meth:`begin` does."""
        if not self._usable():
            return False
        self._launch()
        self.answer_alerts()
        return True

    @property
    def can_lock(self) -> bool:
        """Whether there is somebody who can lock the screen, and open it again."""
        return self._usable() and self.status is not None

    def lock(self) -> str:
        """Lock the screen; returns what was seen. From any thread."""
        self._agent.lock()
        return "locked" if self._agent.locked() else "the screen does not say that it is locked"

    def unlock(self) -> None:
        """Open it again, with the app in front; raises as :meth:`begin` does."""
        self._agent.unlock()
        if self._agent.locked():
            raise not_ready(self._name, DeviceState.LOCKED, "it was locked by a test")
        self.to_front()

    def health(self) -> DeviceHealth | None:
        """Battery and heat; ``None`` without WebDriverAgent."""
        if not self._usable():
            return None
        try:
            return self._agent.battery()
        except (DeviceNotReady, DeviceTimeout) as exc:
            if isinstance(exc, DeviceNotReady):
                self.problem = exc
            else:  # not asked again: each answer that does not come costs a deadline
                self.problem = not_ready(self._name, DeviceState.WDA_HUNG, exc.message)
            return None

    def _usable(self) -> bool:
        return self.problem is None

    def _picture(self) -> str:
        """Keep the screen as it is, for whoever looks at a failed start; the file's name."""
        folder = self._bench.pictures
        if folder is None or not self._usable():
            return ""
        with suppress(DeviceError, OSError):
            data = self._agent.screenshot()
            folder.mkdir(parents=True, exist_ok=True)
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            file = folder / f"{_UNSAFE.sub('_', self._name)[:40]}-{stamp}.png"
            file.write_bytes(data)
            os.chmod(file, 0o600)  # noqa: PTH101 - whatever is on a screen is private
            for old in sorted(folder.glob("*.png"))[:-_KEPT_PICTURES]:
                old.unlink()
            return str(file)
        return ""

    # --- the end ----------------------------------------------------------------------------------

    def leave(self, *, unclean: bool = False) -> AppState | None:
        """Give the phone back: an app that was not open is ended, one that was is open again.

        ``unclean``: a trial was cut short, and the app is given a moment to put back the volume.
        Returns how the app was found when the phone is not there to be given back, else ``None``.
        Never raises; bounded.
        """
        found, self._found = self._found, None
        self._agent.close()
        if found is None:
            return None
        if not self._contact.listed():
            return found
        if unclean:
            time.sleep(RESTORE_S)
        limit_s = self._limits.close_s
        short = replace(self._limits.agent, terminate_s=limit_s, launch_s=limit_s, ask_s=limit_s)
        agent = Agent(self._bench.mux, self._contact.udid, deadlines=short)
        try:
            agent.terminate(self._bundle)
            if found is AppState.FOREGROUND:
                agent.launch(self._bundle, (), {})
        except (DeviceLost, DeviceTimeout):
            return found
        except DeviceError:
            return None  # what is noted stays noted: the next run, or a release, gives it back
        finally:
            agent.close()
        if self._bench.notes is not None:
            self._bench.notes.forget(self._name)
        return None


def answers_anybody(contact: Contact, bench: Settings, name: str) -> bool:
    """Whether the app that runs was opened by a person: what a program before this one has left
    behind, because it was killed or the phone was pulled, asks for that program's token."""
    client: ProbeClient | None = None
    try:
        stream = contact.reach(PROBE_PORT, 0.0)
        client = ProbeClient(stream, name, deadlines=bench.deadlines.probe)
        client.handshake()
    except ProbeVersionMismatch:
        return True
    except DeviceError:
        return False
    finally:
        if client is not None:
            client.close()
    return True
