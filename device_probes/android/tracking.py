"""Follows an adb server for ever: which phones are there, in which state, and who they are."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress

from device_probes.android import commands
from device_probes.android.adb import Adb, Following
from device_probes.android.identity import Answers, Sighting, identify
from device_probes.android.listing import Listed
from device_probes.android.parsers import boot_id, sections, serial_number
from device_probes.android.server import Server
from device_probes.android.shell import Shell
from profiler.errors import ChirpbenchError
from profiler.model import DeviceState

DEBOUNCE_S = 0.1
"""A re-plug is three to four notices within a moment (as STF waits)."""
_DEBOUNCE_MOST_S = 0.5
_WAIT_S = 5.0
"""Nothing is missed by it: a notice ends the wait."""
_JOIN_S = 3.0
_RETRY_S = (0.1, 0.3, 1.0)
_ANSWER_S = 5.0
RECONNECT_COOLDOWN_S = 30.0
"""A phone that stays offline is not kicked more often (GADS #295)."""
DIAL_COOLDOWN_S = 3.0
_WHO = commands.sections({"serial": commands.SERIAL_NUMBER, "boot": commands.BOOT_ID})


class Tracker:
    """One thread that follows one server. Everything else here may be called from any thread."""

    def __init__(
        self,
        server: Server,
        names: Mapping[str, str] | None = None,
        on_server_up: Callable[[], None] | None = None,
    ) -> None:
        """``names``: known phones (adb serial → identity), which are not asked who they are.
        ``on_server_up`` is called when the server answers, at first and after it was away."""
        self._server = server
        self._names = dict(names or {})
        self._on_server_up = on_server_up or (lambda: None)
        self._host = socket.gethostname() or "host"
        if server.adb.host not in ("127.0.0.1", "localhost", "::1"):
            self._host = server.adb.host
        self._news = threading.Condition()
        self._looking = threading.Lock()
        """Of who lists the phones, so that an older list never follows a newer one."""
        self._listed: tuple[Listed, ...] = ()
        self._answers: dict[int, Answers | None] = {}
        """By transport id; ``None`` = asked and not yet answered."""
        self._sightings: tuple[Sighting, ...] = ()
        self._lists = 0
        self._problem = ""
        self._revived: dict[str, float] = {}
        self._stop = threading.Event()
        self._following: Following | None = None
        self._thread = threading.Thread(target=self._follow, name="adb tracker", daemon=True)

    @property
    def adb(self) -> Adb:
        """The door to the server that is followed."""
        return self._server.adb

    @property
    def problem(self) -> str:
        """Why the server cannot be followed just now; ``""`` when it is."""
        return self._problem

    def start(self, timeout_s: float = 10.0) -> None:
        """Begin, and wait until all phones are listed and those that answer said who they are."""
        self._thread.start()
        with self._news:
            self._news.wait_for(lambda: self._lists > 0 and not self._pending(), timeout_s)

    def close(self) -> None:
        """End the thread. Never raises."""
        self._stop.set()
        if self._following is not None:
            self._following.close()
        with self._news:
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=_JOIN_S)

    def snapshot(self) -> tuple[Sighting, ...]:
        """Every phone seen now, duplicates marked."""
        with self._news:
            return self._sightings

    def find(self, phone: Sighting | str) -> Sighting | None:
        """The connection to use for a phone (a sighting of it, or its key); ``None``: absent."""
        with self._news:
            return self._find(phone)

    def look(self) -> None:
        """List the phones now: with many of them, or on a busy computer, a notice may come late."""
        with suppress(ChirpbenchError):  # the thread that follows the server says why
            self._list()

    def wait_for(
        self, phone: Sighting | str, states: Iterable[DeviceState], timeout_s: float
    ) -> Sighting | None:
        """The phone once its state is one of ``states``; at the time-out as it is then."""
        wanted = frozenset(states)

        def there() -> bool:
            found = self._find(phone)
            return self._stop.is_set() or (found is not None and found.listed.state in wanted)

        with self._news:
            self._news.wait_for(there, timeout_s)
            return self._find(phone)

    def wait_until(self, done: Callable[[tuple[Sighting, ...]], bool], timeout_s: float) -> bool:
        """Wait until ``done`` holds for the snapshot; whether it came to that."""
        with self._news:
            return self._news.wait_for(
                lambda: self._stop.is_set() or done(self._sightings), timeout_s
            )

    def revive(self, phone: Sighting | str) -> bool:
        """Do what can be done from here for a phone that is offline or gone.

        One on a cable is kicked once in 30 s. One on the network is dialled again: a kick would
        make the server forget it while it is offline. ``False``: nothing, or not again yet.
        """
        found = self.find(phone)
        on_cable = found is not None and found.listed.link == "usb"
        address = "" if on_cable else self._address(found or phone)
        what = found.path if found is not None and on_cable else address
        cooldown_s = RECONNECT_COOLDOWN_S if on_cable else DIAL_COOLDOWN_S
        now = time.monotonic()
        with self._news:
            if not what or now - self._revived.get(what, -1e9) < cooldown_s:
                return False
            self._revived[what] = now
        if found is not None and on_cable:
            with suppress(ChirpbenchError):  # it may have come or gone by itself
                self.adb.about(found.listed.transport_id, "reconnect", found.key, timeout_s=3.0)
        else:  # a server that dials waits for its answer; nobody here does
            threading.Thread(
                target=self._dial, args=(address,), name="adb dial", daemon=True
            ).start()
        return True

    def _address(self, phone: Sighting | str) -> str:
        if isinstance(phone, Sighting):
            return phone.listed.serial if phone.listed.is_address else ""
        return next((address for address, key in self._names.items() if key == phone), "")

    def _dial(self, address: str) -> None:
        with suppress(ChirpbenchError):  # the list tells whether it came
            self.adb.connect(address)

    # --- the thread -----------------------------------------------------------------------------

    def _follow(self) -> None:
        tries = 0
        while not self._stop.is_set():
            try:
                self._server.ensure()
                with closing(self.adb.follow()) as following:
                    self._following = following
                    self._on_server_up()
                    self._list()
                    tries = 0
                    while not self._stop.is_set():
                        if following.changed(_WAIT_S):
                            self._settle(following)
                            self._list()
            except ChirpbenchError as exc:
                self._server_gone(str(exc))
                self._stop.wait(_RETRY_S[min(tries, len(_RETRY_S) - 1)])
                tries += 1

    def _settle(self, following: Following) -> None:
        """Let a burst of notices pass: each re-plug says absent first, then each new state."""
        end = time.monotonic() + _DEBOUNCE_MOST_S
        while time.monotonic() < end and following.changed(DEBOUNCE_S):
            pass

    def _server_gone(self, why: str) -> None:
        with self._news:
            self._problem = why
            self._listed, self._sightings = (), ()
            self._answers.clear()  # a new server numbers its transports afresh
            self._news.notify_all()

    def _list(self) -> None:
        with self._looking:
            self._take(self.adb.listed())

    def _take(self, listed: tuple[Listed, ...]) -> None:
        """Believe a list, and ask who is new in it."""
        ask: list[Listed] = []
        with self._news:
            self._problem = ""
            self._listed = listed
            numbers = {one.transport_id for one in listed}
            for gone in set(self._answers) - numbers:
                del self._answers[gone]
            for one in listed:
                if (
                    one.state is DeviceState.READY
                    and one.serial not in self._names
                    and one.transport_id not in self._answers
                ):
                    self._answers[one.transport_id] = None
                    ask.append(one)
            self._lists += 1
            self._publish()
        for one in ask:
            threading.Thread(target=self._ask, args=(one,), name="adb who", daemon=True).start()

    def _ask(self, one: Listed) -> None:
        """Ask a phone who it is, beside the tracker: a frozen one must not stop the others."""
        answers = Answers()
        with suppress(ChirpbenchError):  # then the list's own word has to do
            text = Shell(self.adb, one.transport_id, one.serial).run(_WHO, _ANSWER_S).out
            parts = sections(text, ("serial", "boot"))
            answers = Answers(
                serial_number(parts.get("serial", "")), boot_id(parts.get("boot", ""))
            )
        with self._news:
            if one.transport_id in self._answers:
                self._answers[one.transport_id] = answers
                self._publish()

    # --- under the lock -------------------------------------------------------------------------

    def _pending(self) -> bool:
        return any(answers is None for answers in self._answers.values())

    def _publish(self) -> None:
        rows = []
        for one in self._listed:
            answers = self._answers.get(one.transport_id, Answers())
            if answers is None:
                if one.link != "usb":
                    continue  # an address is no identity while the phone may still tell its own
                answers = Answers()
            rows.append((one, answers))
        self._sightings = identify(rows, self._host, self._names)
        self._news.notify_all()

    def _find(self, phone: Sighting | str) -> Sighting | None:
        for one in self._sightings:
            same = one.key == phone if isinstance(phone, str) else one.is_same(phone)
            if same and not one.duplicate_of:
                return one
        return None
