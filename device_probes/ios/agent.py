"""One phone's WebDriverAgent, through facebook-wda: a deadline and a bound on every call.

Every call gets a :class:`~device_probes.ios.forward.Forward` and a ``wda.Client`` of its own and
runs in a thread of its own. When its deadline passes the connections are closed from outside, the
thread is left behind, and whatever it still tries reaches nobody.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from device_probes.fields import Malformed, boolean, shown
from device_probes.ios.answers import (
    AgentStatus,
    Alert,
    AppState,
    read_alert,
    read_app_state,
    read_health,
    read_image,
    read_status,
)
from device_probes.ios.door import MuxDoor
from device_probes.ios.errors import launch_refused, lost, not_ready, timed_out
from device_probes.ios.foreign import AgentRefused, Garbled, library, translate
from device_probes.ios.forward import Forward
from profiler.errors import ChirpbenchError, DeviceError, DeviceNotReady, DeviceTimeout
from profiler.model import DeviceHealth, DeviceState

T = TypeVar("T")
V = TypeVar("V")

WDA_PORT = 8100
MAX_ANSWER_BYTES = 1 << 20
MAX_SCREENSHOT_BYTES = 16 << 20
"""A PNG of the largest iPhone's screen, in base64, is below 12 MB."""
_TRIES = 3
_PAUSE_S = 0.25
_LISTED_S = 1.0
"""For usbmuxd to say whether a phone is still there; within what is left of a call's deadline."""
_NO_ALERT = ("no such alert", "no alert open")


@dataclass(frozen=True, slots=True)
class AgentDeadlines:
    """Seconds WebDriverAgent may take. Tests shorten them."""

    status_s: float = 4.0
    """It answers from memory; facebook-wda itself waits 3 s."""
    launch_s: float = 30.0
    """Beside the app's start: two calls for the screen lock, one for a session."""
    terminate_s: float = 12.0
    ask_s: float = 10.0
    """Everything small: state of an app, lock, battery, alert, button."""
    screenshot_s: float = 20.0


class Agent:
    """One phone's WebDriverAgent. Safe from several threads; its calls run one after the other.

    Every method ends within its deadline, raises only :class:`~profiler.errors.DeviceError` or its
    children, and raises :class:`~profiler.errors.DeviceNotReady` (``wda_missing``) when nothing
    listens on the port. That a signature is over is not seen from here: the system then does not
    start WebDriverAgent, and it is missing like any other.
    """

    def __init__(
        self,
        mux: MuxDoor,
        udid: str,
        *,
        port: int = WDA_PORT,
        deadlines: AgentDeadlines = AgentDeadlines(),
    ) -> None:
        self.udid = udid
        self.port = port
        self._mux = mux
        self._deadlines = deadlines
        self._turn = threading.Lock()
        self._closed = threading.Event()
        self._forward: Forward | None = None

    def status(self) -> AgentStatus:
        """Whether it is well. Raises ``DeviceNotReady`` (``wda_missing``, ``wda_hung``)."""
        try:
            return self._ask(
                "status", lambda c: c.http.get("status"), read_status, self._deadlines.status_s
            )
        except Garbled as exc:
            why = shown(exc.message.removeprefix(f"{self.udid}: "), 200)
            raise not_ready(self.udid, DeviceState.WDA_HUNG, why) from exc

    def launch(
        self,
        bundle: str,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start an app and bring it to the front; wakes the screen first.

        One that runs already only comes to the front, without the arguments: terminate it before.

        Raises ``DeviceNotReady`` (``locked``, ``probe_missing``, ``probe_expired``) when the
        system's words are known, else :class:`AgentRefused`.
        """
        given, variables = list(arguments), dict(environment or {})
        end_s = time.monotonic() + self._deadlines.launch_s
        try:
            self._call(
                f"launch of {bundle}",
                self._deadlines.launch_s,
                lambda c: c.app_launch(bundle, given, variables),
            )
        except AgentRefused as exc:
            raise self._why_not(exc, end_s) from exc

    def app_state(self, bundle: str) -> AppState:
        """Whether an app runs, and whether it is in front."""
        return self._ask(f"state of {bundle}", lambda c: c.app_state(bundle), read_app_state)

    def terminate(self, bundle: str) -> None:
        """End an app; one that does not run is fine."""
        self._call(
            f"end of {bundle}", self._deadlines.terminate_s, lambda c: c.app_terminate(bundle)
        )

    def locked(self) -> bool:
        """Whether the screen is locked."""
        return self._locked(self._deadlines.ask_s)

    def _locked(self, timeout_s: float) -> bool:
        return self._ask("lock state", lambda c: c.locked(), boolean, timeout_s)

    def lock(self) -> None:
        """Lock the screen, as the side button does."""
        self._call("lock of the screen", self._deadlines.ask_s, lambda c: c.lock())

    def unlock(self) -> None:
        """Unlock it; one with a passcode is refused (:class:`AgentRefused`)."""
        self._call("unlock of the screen", self._deadlines.ask_s, lambda c: c.unlock())

    def battery(self) -> DeviceHealth:
        """Battery level in percent, and how hot the system thinks it is."""
        return self._ask(
            "battery",
            lambda c: (c.battery_info(), c.device_info()),
            read_health,
        )

    def screenshot(self) -> bytes:
        """The screen as a PNG (or JPEG) file."""
        return self._ask(
            "screenshot",
            lambda c: c.screenshot(format="raw"),
            read_image,
            self._deadlines.screenshot_s,
            limit_bytes=MAX_SCREENSHOT_BYTES,
        )

    def alert(self) -> Alert | None:
        """The alert that is on the screen; ``None``: there is none."""
        try:
            return self._ask(
                "alert",
                lambda c: (c.alert.text, c.alert.buttons()),
                read_alert,
            )
        except AgentRefused as exc:
            if exc.code in _NO_ALERT:
                return None
            raise

    def press(self, button: str) -> None:
        """Press the button of the alert that has exactly this label.

        One whose alert went by itself is fine.
        """
        try:
            self._call(
                f"button {shown(button)!r}", self._deadlines.ask_s, lambda c: c.alert.click(button)
            )
        except AgentRefused as exc:
            if exc.code not in _NO_ALERT:
                raise

    def close(self) -> None:
        """End the call that runs and refuse others; WebDriverAgent goes on. Never raises."""
        self._closed.set()
        forward = self._forward
        if forward is not None:
            forward.close()

    def _why_not(self, refused: AgentRefused, end_s: float) -> DeviceError:
        """Why an app did not start; waking a screen with a passcode fails in words of no use."""
        known = launch_refused(self.udid, refused.text)
        if known is None:
            left_s = max(end_s - time.monotonic(), 0.001)
            with suppress(DeviceError):
                if self._locked(min(left_s, self._deadlines.ask_s)):
                    return not_ready(self.udid, DeviceState.LOCKED, shown(refused.text, 160))
        return known or refused

    # --- one call -------------------------------------------------------------------------------

    def _ask(
        self,
        what: str,
        work: Callable[[Any], V],
        read: Callable[[V], T],
        timeout_s: float | None = None,
        *,
        limit_bytes: int = MAX_ANSWER_BYTES,
    ) -> T:
        """Ask what changes nothing, so once more when the answer makes no sense: one answer that is
        empty, or a 502, happens while WebDriverAgent is busy or begins anew."""
        end_s = time.monotonic() + (timeout_s or self._deadlines.ask_s)
        tries = 0
        while True:
            left_s = max(end_s - time.monotonic(), 0.001)
            tries += 1
            try:
                return self._read(what, read, self._call(what, left_s, work, limit_bytes))
            except Garbled:
                if tries == _TRIES or end_s - time.monotonic() <= _PAUSE_S:
                    raise
            time.sleep(_PAUSE_S)

    def _read(self, what: str, read: Callable[[V], T], value: V) -> T:
        try:
            return read(value)
        except Malformed as exc:
            raise Garbled(
                f"{what}: WebDriverAgent's answer makes no sense ({shown(str(exc), 120)})",
                device=self.udid,
                hint="start WebDriverAgent again, then run again",
            ) from exc

    def _call(
        self,
        what: str,
        timeout_s: float,
        work: Callable[[Any], T],
        limit_bytes: int = MAX_ANSWER_BYTES,
    ) -> T:
        """Let ``work`` use a ``wda.Client``, all within ``timeout_s``. ``work`` is to hold calls
        of facebook-wda and nothing else: whatever is raised in it is taken for an answer."""
        end_s = time.monotonic() + timeout_s
        if not self._turn.acquire(timeout=timeout_s):
            raise timed_out(self.udid, f"{what} (another call is not done)", timeout_s)
        try:
            if self._closed.is_set():
                raise lost(self.udid, f"{what}: this side has closed")
            forward = self._forward = self._forwarded(what, end_s, limit_bytes)
            try:
                if self._closed.is_set():  # close() may have come too early to see it
                    forward.close()
                return self._bounded(what, timeout_s, end_s, forward, work)
            finally:
                forward.close()
        finally:
            self._turn.release()

    def _forwarded(self, what: str, end_s: float, limit_bytes: int) -> Forward:
        try:
            return Forward(lambda: self._reach(end_s), limit_bytes, device=self.udid)
        except (OSError, RuntimeError) as exc:  # no more sockets, no more threads
            raise self._no_room(what, exc) from exc

    def _reach(self, end_s: float) -> socket.socket:
        try:
            return self._mux.connect(self.udid, self.port, max(end_s - time.monotonic(), 0.001))
        except DeviceNotReady as exc:
            if exc.state == DeviceState.PORT_CLOSED:
                missing = f"port {self.port} is closed"
                raise not_ready(self.udid, DeviceState.WDA_MISSING, missing) from exc
            raise

    def _bounded(
        self,
        what: str,
        timeout_s: float,
        end_s: float,
        forward: Forward,
        work: Callable[[Any], T],
    ) -> T:
        box: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                box.put((_healed(library().wda.Client(forward.url), work), None))
            except Exception as exc:  # noqa: BLE001 - whatever it is, the caller has to get it
                box.put((None, exc))

        try:
            threading.Thread(target=run, name=f"wda {what}"[:40], daemon=True).start()
        except RuntimeError as exc:
            raise self._no_room(what, exc) from exc
        try:
            value, error = box.get(timeout=max(end_s - time.monotonic(), 0.001))
        except queue.Empty:
            raise self._silent(what, timeout_s, forward) from None
        if error is not None:
            try:
                raise self._ours(what, timeout_s, end_s, forward, error) from error
            finally:
                del error  # its traceback holds this frame, and megabytes that were read
        return value  # type: ignore[return-value]  # no error: work returned it

    def _ours(
        self, what: str, timeout_s: float, end_s: float, forward: Forward, error: Exception
    ) -> Exception:
        if forward.problem is not None:
            return forward.problem
        ours = translate(error, device=self.udid, what=what, seconds=timeout_s)
        if isinstance(ours, DeviceTimeout):
            return self._silent(what, timeout_s, forward)
        if isinstance(ours, Garbled):
            return self._gone(what, end_s) or ours
        return ours or error

    def _no_room(self, what: str, exc: Exception) -> DeviceError:
        return DeviceError(
            f"{what}: this computer has no socket or thread left for it ({exc})",
            device=self.udid,
            hint="close other programs or raise the limit of open files (ulimit -n), run again",
        )

    def _silent(self, what: str, timeout_s: float, forward: Forward) -> DeviceError:
        """The error for a deadline that passed, by how far the call came."""
        if self._closed.is_set():
            return lost(self.udid, f"{what}: this side has closed")
        if forward.reached and what == "status":
            return not_ready(self.udid, DeviceState.WDA_HUNG, f"nothing within {timeout_s:.3g} s")
        return timed_out(self.udid, what, timeout_s)

    def _gone(self, what: str, end_s: float) -> DeviceError | None:
        """A connection breaks when the phone is unplugged, too: usbmuxd knows."""
        if self._closed.is_set():
            return lost(self.udid, f"{what}: this side has closed")
        left_s = min(_LISTED_S, max(end_s - time.monotonic(), 0.001))
        try:
            here = {seen.udid for seen in self._mux.devices(left_s)}
        except ChirpbenchError as exc:
            cut_short = isinstance(exc, DeviceTimeout) and left_s < _LISTED_S
            return exc if isinstance(exc, DeviceError) and not cut_short else None
        return None if self.udid in here else lost(self.udid, f"unplugged during {what}")


def _healed(client: Any, work: Callable[[Any], T]) -> T:
    """``work``, once more in a new session if the library cannot heal the lost one.

    It asks ``/status`` for the current session, again and again when that one is over, too.
    """
    try:
        return work(client)
    except RuntimeError as exc:
        if type(exc) is not RuntimeError:  # its guard against its own recursion, no other
            raise
        client.session_id = client.session().session_id
        return work(client)
