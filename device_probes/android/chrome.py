"""A browser on a phone that shows the probe's page, with nothing installed.

The page comes from this computer by :mod:`.reverse`. What is changed on the phone (screen setting,
the browser's microphone, the way back) is in the note on the phone first, see :mod:`.prepare`.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from device_probes.android import commands, dumps, facts, parsers, prepare, reverse
from device_probes.android.contact import Contact
from device_probes.android.errors import ServiceRefused, lost, not_ready
from device_probes.android.identity import Sighting
from device_probes.android.ledger import Lease
from device_probes.android.prepare import Preparation
from device_probes.android.settings import Settings
from device_probes.android.shell import Shell
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotFound,
    ProbeBackground,
    ProbeCrashed,
)
from profiler.model import DeviceFacts, DeviceRef, DeviceState, Platform

_DEVTOOLS = "chrome_devtools_remote"
_OTHER_DEVTOOLS = {"com.sec.android.app.sbrowser": "Terrace_devtools_remote"}
_LOOK_S = 0.2
_OTHER_PORTS = range(42_000, 49_000)
"""Below those that a phone's own connections get."""
_OTHER_TRIES = 3
_DUMPS = {f"browser{i}": name for i, name in enumerate(commands.BROWSERS)}
_LIVE = {
    **prepare.READINESS,
    **{section: commands.dump_browser(name) for section, name in _DUMPS.items()},
    "front": commands.ACTIVITIES,
}
_FRONT = {"front": commands.ACTIVITIES}
_SCREEN_AND_MICROPHONE = {
    "front": commands.ACTIVITIES,
    "trust": commands.TRUST,
    "policy": commands.POLICY,
    "privacy": commands.SENSOR_PRIVACY,
    "audio": commands.AUDIO,
}


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser that a phone has."""

    package: str
    version: str
    """``""``: the phone does not say."""
    microphone: bool
    """The app itself may record; each site has to be allowed as well, inside the browser."""

    @property
    def name(self) -> str:
        """As people call it."""
        return commands.BROWSERS[self.package]


class PhoneChrome:
    """The browser of one phone. Used from one thread.

    :meth:`connect` first, :meth:`close` last. Every call ends within the bench's deadlines and
    raises only :class:`~profiler.errors.DeviceError` or its children; no message holds a token.
    """

    def __init__(self, ref: DeviceRef, phone: Sighting | str, lease: Lease, bench: Settings):
        """``phone``: the phone as it was seen, or its identity when it is still to come."""
        self._ref = ref
        self._lease = lease
        self._bench = bench
        self._limits = bench.deadlines
        self._contact = Contact(ref, phone, bench)
        self._shell: Shell | None = None
        self._preparation: Preparation | None = None
        self._browser: Browser | None = None
        self._was_in_front = False

    @property
    def ref(self) -> DeviceRef:
        """Which phone this is."""
        return self._ref

    @property
    def name(self) -> str:
        """The phone's name in messages."""
        return self._ref.serial

    @property
    def browser(self) -> str:
        """What people call its browser; ``"the browser"`` before it is known."""
        return self._browser.name if self._browser else "the browser"

    @property
    def left_ports(self) -> tuple[int, ...]:
        """Ports from which a session that was killed may have left a page open."""
        return self._preparation.left_ports if self._preparation else ()

    # --- reaching it ------------------------------------------------------------------------------

    def connect(self) -> DeviceFacts:
        """Find the phone, wake it, see which browser it has; returns what adb tells of the phone.

        Raises :class:`~profiler.errors.DeviceNotReady` (locked, busy …),
        :class:`~profiler.errors.DeviceNotFound` (no phone; no browser),
        :class:`~profiler.errors.ProbePermission` (its microphone is switched off).
        """
        self.close()
        try:
            return self._connect()
        except BaseException:  # Ctrl-C, too, must not leave the phone half prepared
            self.close()
            raise

    def _connect(self) -> DeviceFacts:
        self._bench.ledger.refuse_quarantined(self._ref.serial)
        self._shell = shell = self._contact.resolve()
        self._lease.take()
        parts = self._contact.read(shell, _LIVE)
        self._preparation = Preparation(shell)
        self._preparation.apply(parts)
        self._browser = browser = self._pick(parts)
        prepare.refuse_deaf(parts, self._ref.serial, own=browser.package)
        self._was_in_front = dumps.foreground(parts.get("front", "")) == browser.package
        self._contact.met = True
        platform = self._bench.platform
        found = facts.adb_facts(parts)
        raw = {**found.raw, "browser": f"{browser.package} {browser.version}".strip()}
        virtual = platform is Platform.VIRTUAL
        return replace(found, platform=platform, is_virtual=virtual, raw=raw)

    def _pick(self, parts: Mapping[str, str]) -> Browser:
        """The first browser we know that the phone has, switched on."""
        for section, package in _DUMPS.items():
            found = _browser(parts.get(section, ""), package)
            if found is not None:
                return found
        names = ", ".join(commands.BROWSERS.values())
        raise DeviceNotFound(
            f"no browser that can be driven ({names}) is installed and switched on",
            device=self._ref.serial, hint="install Chrome, or switch it on in Settings → Apps",
        )  # fmt: skip

    def reach(self, host_port: int) -> int:
        """Let a port of the phone lead to ``host_port`` of this computer; returns that port.

        It is the same number unless the phone uses it for something else.
        """
        shell, preparation, _ = self._connected()
        others = random.sample(_OTHER_PORTS, _OTHER_TRIES)
        for phone_port in (host_port, *others):
            # Without a note on the phone it ends with the connection, at the latest.
            preparation.note_reverse(phone_port, host_port)
            try:
                reverse.add(shell, phone_port, host_port)
            except reverse.PortTaken:
                if phone_port == others[-1]:
                    raise
            else:
                return phone_port
        raise AssertionError("the last try returns or raises")

    def allow_microphone(self) -> bool:
        """Let the browser, as an app, record; ``False`` when the phone leaves that to a person.

        It is taken away again by :meth:`close` if it was not allowed before.
        """
        shell, preparation, browser = self._connected()
        if browser.microphone:
            return True
        if not preparation.note_microphone(browser.package):
            return False  # it could not be taken back
        shell.run(commands.microphone(browser.package, allow=True))
        now = self._look_at(browser.package)
        if now is not None:
            self._browser = now
        return now is not None and now.microphone

    # --- the page ---------------------------------------------------------------------------------

    def show(self, url: str) -> None:
        """Open the page, a link of ours to ``localhost``, in front of everything else.

        Raises :class:`~profiler.errors.DeviceError` when the browser does not take it,
        :class:`~profiler.errors.ProbeBackground` when something else stays in front.
        """
        shell, _, browser = self._connected()
        answer = shell.run(commands.view(browser.package, url), self._limits.launch_s)
        failure = parsers.start_failure(answer.text)
        if failure == "missing":
            raise DeviceError(
                f"{browser.name} does not open pages", device=self._ref.serial,
                hint=f"look whether {browser.name} is switched on or being updated, then run again",
            )  # fmt: skip
        if failure:
            raise DeviceError(
                f"{browser.name} did not open the page: {_without_token(failure, url)}",
                device=self._ref.serial, hint="restart the phone, then run again",
            )  # fmt: skip
        self._wait_for_front()

    def to_front(self) -> None:
        """Wake the screen and bring the browser to the front, with the tab it showed last."""
        shell, _, browser = self._connected()
        wake = commands.script(commands.WAKE, commands.DISMISS_KEYGUARD)
        front = commands.browser_to_front(browser.package)
        shell.run(commands.script(wake, front), self._limits.launch_s)
        self._wait_for_front()

    def to_back(self) -> None:
        """Press the home button: the page is out of sight then."""
        shell, _, _ = self._connected()
        shell.run(commands.HOME_KEY)

    def _wait_for_front(self) -> None:
        shell, _, browser = self._connected()
        end = time.monotonic() + self._limits.launch_s
        while True:
            text = shell.run(commands.sections(_FRONT)).out
            front = dumps.foreground(parsers.sections(text, _FRONT).get("front", ""))
            if front in (browser.package, None):  # None: not said in a form known
                return
            if time.monotonic() >= end:
                raise self._background(front)
            time.sleep(_LOOK_S)

    def devtools(self, timeout_s: float) -> socket.socket:
        """A socket to the browser's DevTools, straight through adb: no port is opened here.

        Raises :class:`~profiler.errors.DeviceError` when it has none.
        """
        shell, _, browser = self._connected()
        pid = parsers.pid(shell.run(commands.pidof_browser(browser.package)).out)
        name = _OTHER_DEVTOOLS.get(browser.package, _DEVTOOLS)
        # With its number, when another browser had the plain name already.
        for one in (f"{name}_{pid}", name) if pid else (name,):
            with suppress(ServiceRefused):
                return shell.adb.tunnel(
                    shell.transport_id, one, device=self._ref.serial, timeout_s=timeout_s,
                    what=f"{browser.name}'s DevTools",
                )  # fmt: skip
        raise DeviceError(
            f"{browser.name} cannot be steered (it offers no DevTools socket)",
            device=self._ref.serial, hint="tap on the phone instead",
        )  # fmt: skip

    def check(self) -> None:
        """See that a trial on the page would record something.

        Raises :class:`~profiler.errors.DeviceLost` (the phone went),
        :class:`~profiler.errors.ProbeCrashed` (the browser ended),
        :class:`~profiler.errors.DeviceNotReady` (locked; another app records),
        :class:`~profiler.errors.ProbePermission` (the microphone is switched off),
        :class:`~profiler.errors.ProbeBackground` (something else is in front).
        """
        shell, _, browser = self._connected()
        if not self._contact.listed_as(shell):
            raise lost(self._ref.serial, "the phone went away")
        pidof = commands.pidof_browser(browser.package)
        look = commands.sections({**_SCREEN_AND_MICROPHONE, "pid": pidof})
        try:
            answer = shell.run(look)
        except DeviceLost as exc:
            raise lost(self._ref.serial, "the phone went away") from exc
        parts = parsers.sections(answer.out, (*_SCREEN_AND_MICROPHONE, "pid"))
        # Only pidof's own "none found" counts: not every phone has it.
        if answer.code == 1 and not parts.get("pid", "-").strip() and not answer.err.strip():
            raise self._ended(browser)
        screen = dumps.screen(parts.get("policy", ""))
        if dumps.device_locked(parts.get("trust", "")) or screen.keyguard:
            raise not_ready(self._ref.serial, DeviceState.LOCKED)
        prepare.refuse_deaf(parts, self._ref.serial, own=browser.package)
        front = dumps.foreground(parts.get("front", ""))
        if front not in (browser.package, None) or screen.awake is False:
            raise self._background(front if screen.awake is not False else "a dark screen")

    def close(self) -> None:
        """Give the phone back as it was found. Never raises; bounded, also for a frozen phone."""
        shell, self._shell = self._shell, None
        preparation, self._preparation = self._preparation, None
        browser, self._browser = self._browser, None
        if shell is not None and self._contact.listed_as(shell):
            with suppress(DeviceError):  # one that does not answer is restored at its next contact
                self._leave(shell, preparation, browser)
        self._lease.release()

    def _leave(
        self, shell: Shell, preparation: Preparation | None, browser: Browser | None
    ) -> None:
        limit_s = min(self._limits.shell_s, self._limits.close_s)
        if browser is not None and not self._was_in_front:
            text = shell.run(commands.sections(_FRONT), limit_s).out
            front = parsers.sections(text, _FRONT).get("front", "")
            if dumps.foreground(front) == browser.package:
                shell.run(commands.HOME_KEY, limit_s)
        if preparation is not None:
            preparation.put_back(limit_s)

    # --- pieces -----------------------------------------------------------------------------------

    def _connected(self) -> tuple[Shell, Preparation, Browser]:
        if self._shell is None or self._preparation is None or self._browser is None:
            raise DeviceLost("not connected", device=self._ref.serial, hint="connect first")
        return self._shell, self._preparation, self._browser

    def _look_at(self, package: str) -> Browser | None:
        """The browser as it is now; ``None``: it is not there, or switched off."""
        shell, _, _ = self._connected()
        what = {"package": commands.dump_browser(package)}
        text = parsers.sections(shell.run(commands.sections(what)).out, what).get("package", "")
        return _browser(text, package)

    def _ended(self, browser: Browser) -> ProbeCrashed:
        """Why its process is not there any more, as far as the phone tells."""
        now = self._look_at(browser.package)
        if now is None:
            why = f"{browser.name} was removed or switched off"
        elif now.version != browser.version:
            why = f"{browser.name} was updated from {browser.version} to {now.version}"
        else:
            why = f"{browser.name} ended (force-stopped, crashed or out of memory)"
        return ProbeCrashed(
            why, device=self._ref.serial,
            hint="leave the phone alone while it is measured, then run again",
        )  # fmt: skip

    def _background(self, front: str | None) -> ProbeBackground:
        name = self.browser
        return ProbeBackground(
            f"{name} is not in front ({front or 'another app'} is)", device=self._ref.serial,
            hint=f"leave {name} on the screen; keep calls, alarms and pop-ups off this phone",
        )  # fmt: skip


def _browser(dump: str, package: str) -> Browser | None:
    """From ``dumpsys package``; ``None``: not installed, or switched off."""
    info = parsers.package(dump, package)
    if info is None or not info.usable:
        return None
    return Browser(package, info.version_name, info.granted.get(commands.RECORD_AUDIO, False))


def _without_token(text: str, url: str) -> str:
    """What the phone says of a link, without the part that lets anybody in."""
    token = url.partition("?t=")[2]
    return text.replace(token, "…") if token else text
