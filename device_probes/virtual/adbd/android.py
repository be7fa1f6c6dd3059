"""A virtual Android phone behind adb, with a handle on everything that can go wrong with it.

Events for :meth:`VirtualAndroid.on`:

| event | when |
|---|---|
| ``connect`` | an adb server says hello |
| ``auth:dialog`` | the key dialog appears |
| ``open:SERVICE`` | a stream is opened, e.g. ``open:localabstract:…``, ``open:sync:`` |
| ``shell:COMMAND`` | before a command runs; ``shell-done:COMMAND`` after it, before it answers |
| ``install:verify``, ``install:commit`` | in an install: before the APK is read, before it counts |
| ``sync:send:PATH``, ``sync:recv:PATH``, ``sync:stat:PATH``, ``sync:list:PATH`` | requests |
| ``sync:data``, ``sync:recv-data`` | bytes of a push, of a pull |
| ``stream:data``, ``stream:data:in``, ``stream:data:out`` | bytes of the probe; to it; from it |
| ``reverse:accept`` | an app of the phone dials a port that leads to the host |
| ``reverse:data:in``, ``reverse:data:out`` | bytes from the host; to it |
| ``browser:view`` | the browser is told to show a page, or to come to the front |
| ``devtools:data:in``, ``devtools:data:out`` | bytes to its DevTools; from them |
| ``probe:start``, ``probe:accept`` | its process starts; it takes a host |
| ``probe:facts``, ``probe:run``, ``probe:stage:STAGE``, ``probe:recorded`` | inside the probe |
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from device_probes.virtual.adbd.apk import Apk, read_apk
from device_probes.virtual.adbd.browser import CHROME, BrowserApp, RunningBrowser, browser_apk
from device_probes.virtual.adbd.core import PhoneCore
from device_probes.virtual.adbd.packages import RECORD_AUDIO, InstallFlags
from device_probes.virtual.adbd.services import find_service
from device_probes.virtual.adbd.system import (
    PERMISSION_DIALOG,
    PROBE_ACTIVITY,
    PROBE_PACKAGE,
)
from device_probes.virtual.adbd.transport import Handler, Transport
from device_probes.virtual.link.triggers import Action

BrowserLauncher: TypeAlias = "Callable[[VirtualAndroid], RunningBrowser]"
"""Starts a browser of the phone; called from a worker thread."""
_FOREIGN = "com.example.caller/.IncomingCallActivity"
_JAVA_CRASH = (
    "java.lang.IllegalStateException: the audio server died",
    "	at org.chirpbench.probe.Session.run(Session.java:211)",
    "	at java.lang.Thread.run(Thread.java:1012)",
)
_DIALOG_S = 10.0


class VirtualAndroid(PhoneCore):
    """One phone, and what may happen to it. Every method may be called from any thread, and by
    name from :meth:`on`."""

    def on(self, pattern: str, action: Action[VirtualAndroid], *, after: int = 0) -> None:
        """Do ``action`` at an exact moment; the module's text has the events, and
        :mod:`device_probes.virtual.link.triggers` what ``after`` counts."""
        self.triggers.on(pattern, action, after=after)

    async def service(self, name: str, transport: Transport) -> Handler | None:
        """What serves a stream to ``name``; ``None`` refuses it."""
        return await find_service(name, self, transport)

    # --- the cable --------------------------------------------------------------------------------

    def unplug(self) -> None:
        """Pull the cable. With a known adb server the phone leaves its list, as by USB; without
        one the server keeps it as ``offline`` and dials in vain."""
        self.home.call(self.plug.pull)
        self.home.in_background(self._tell_server(plugged=False))

    def replug(self) -> None:
        """Put the cable back, on the same port. The probe lived on meanwhile."""
        self.home.wait_for(self._replug())

    async def _replug(self) -> None:
        await self.plug.insert()
        self.home.in_background(self._tell_server(plugged=True))

    def freeze(self) -> None:
        """Answer nothing from now on, with every connection open."""
        self.moments.freeze()

    def thaw(self) -> None:
        """Go on where it froze."""
        self.moments.thaw()

    def offline(self) -> None:
        """Be there and never shake hands: adb lists it as ``offline``."""
        self.mute = True
        self.jerk()

    def online(self) -> None:
        """Shake hands again."""
        self.mute = False
        self.jerk()

    def forget_keys(self) -> None:
        """Revoke USB debugging authorisations: the key dialog comes again."""
        self.keyring.required = True
        self.keyring.trusted.clear()
        self.jerk()

    def accept_key(self, wait_s: float = _DIALOG_S) -> bool:
        """Tap "Allow" in the key dialog; ``False`` when none came within ``wait_s``."""
        if self.home.is_here:
            wait_s = 0.0
        end = time.monotonic() + wait_s
        while not self.keyring.accept():
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        self.home.wait_for(self._welcome())
        return True

    async def _welcome(self) -> None:
        for transport in self.plug.transports:
            if not transport.online:
                await transport.go_online()

    def dial(self, name: str) -> socket.socket:
        """Connect from the phone to its socket ``name``, which ``adb reverse`` leads to the host.

        Raises ``ConnectionRefusedError`` when nothing is behind it.
        """
        ours, theirs = socket.socketpair()
        try:
            self.home.wait_for(self.reversed.dial(name, theirs))
        except ConnectionError as exc:
            ours.close()
            theirs.close()
            raise ConnectionRefusedError(str(exc)) from exc
        return ours

    # --- storage ----------------------------------------------------------------------------------

    def fill_disk(self, free_bytes: int = 0) -> None:
        """Let other files take all space but ``free_bytes``."""
        self.files.set_free(free_bytes)

    def clear_disk(self, free_bytes: int = 20 * 10**9) -> None:
        """Have space again."""
        self.files.set_free(free_bytes)

    # --- screen -----------------------------------------------------------------------------------

    def lock(self, kind: str = "pin") -> None:
        """Lock it (``swipe`` or ``pin``) and switch the screen off."""
        self.state.keyguard = "pin" if kind == "pin" else "swipe"
        self.state.sleep()

    def unlock(self) -> None:
        """Enter the PIN."""
        self.state.wake()
        self.state.keyguard_showing = False

    def sleep(self) -> None:
        """Press the power button of a phone that is on."""
        self.state.sleep()

    def go_background(self, component: str = _FOREIGN) -> None:
        """Let another app's activity come in front of the probe."""
        self.state.show(component)

    def come_back(self) -> None:
        """Bring the probe to the front again, as a person would."""
        self.state.show(PROBE_ACTIVITY)

    # --- the probe --------------------------------------------------------------------------------

    def crash_probe(self) -> None:
        """Let the probe die of an exception."""
        pid = self.kill_package(PROBE_PACKAGE, 4, "APP CRASH(EXCEPTION)", "crash")
        if pid is None:
            return
        head = ("FATAL EXCEPTION: chirpbench-trial", f"Process: {PROBE_PACKAGE}, PID: {pid}")
        self.state.write_log(pid, "E", "AndroidRuntime", *head, *_JAVA_CRASH, buffer="crash")

    def crash_native(self) -> None:
        """Let the probe die of a signal in its library."""
        pid = self.kill_package(PROBE_PACKAGE, 5, "APP CRASH(NATIVE)", "crash", status=11)
        if pid is None:
            return
        fault = "11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0"
        who = f"in tid {pid + 9} (AAudio_1), pid {pid} (chirpbench.probe)"
        write = self.state.write_log
        write(pid, "F", "libc", f"Fatal signal {fault} {who}", buffer="crash")
        stars = "*** *** *** *** *** *** *** *** *** *** *** *** *** *** *** ***"
        name = f"pid: {pid}, tid: {pid + 9}, name: AAudio_1  >>> {PROBE_PACKAGE} <<<"
        write(pid + 21, "F", "DEBUG", stars, name, f"signal {fault}", buffer="crash")

    def kill_probe(self) -> None:
        """Let the system take the probe's memory."""
        self.kill_package(PROBE_PACKAGE, 3, "LOW MEMORY", "lmkd", status=9)

    def silence_mic(self, silent: bool = True) -> None:
        """Feed the probe zeros for no reason that shows anywhere but in its own report."""
        self.state.mic_forced_silent = silent

    def switch_mic(self, off: bool = True) -> None:
        """The privacy switch of the microphone."""
        self.state.mic_toggle_off = off

    def allow_microphone(self) -> None:
        """Tap "While using the app" in the permission dialog."""
        self.state.hide(PERMISSION_DIALOG)
        found = self.packages.installed.get(PROBE_PACKAGE)
        if found:
            found.granted.add(RECORD_AUDIO)

    # --- a browser --------------------------------------------------------------------------------

    def have_browser(
        self,
        launcher: BrowserLauncher,
        package: str = CHROME,
        *,
        version: str = "150.0.7300.40",
        microphone: bool = False,
    ) -> None:
        """Have a browser installed; ``microphone``: the app may record already."""
        self.browser = BrowserApp(self.state, self.pids, package, lambda: launcher(self))
        apk = browser_apk(package, version, 730_004_001)
        self.packages.put(apk, _NO_CONTENT, protocol=None, granted=microphone)

    def stop_browser(self) -> None:
        """Let the system end the browser, as it does when memory is short."""
        if self.browser is not None:
            self.kill_package(self.browser.package, 3, "LOW MEMORY", "lmkd", status=9)

    def update_browser(self, version: str = "151.0.7400.9") -> None:
        """Let the store update the browser, which ends it."""
        if self.browser is not None:
            apk = browser_apk(self.browser.package, version, 740_000_901)
            self.packages.commit(apk, _NO_CONTENT, InstallFlags())
            self.stop_browser()

    def disable_browser(self) -> None:
        """Switch the browser off in the settings."""
        if self.browser is not None:
            self.stop_browser()
            self.packages.installed[self.browser.package].enabled = False

    # --- installs ---------------------------------------------------------------------------------

    def refuse_installs(self, reason: str | None = "INSTALL_FAILED_USER_RESTRICTED") -> None:
        """Let every install end with ``reason``; ``None``: not any more."""
        self.packages.install_refused = reason

    def refuse_grants(self, refused: bool = True) -> None:
        """Take GRANT_RUNTIME_PERMISSIONS away from the shell, as some vendors do."""
        self.packages.grant_refused = refused

    def preinstall(
        self,
        data: bytes | None = None,
        *,
        version_code: int | None = None,
        version_name: str | None = None,
        signer: str | None = None,
        protocol: int | None = None,
        granted: bool = True,
    ) -> None:
        """Have a probe installed already: ``data`` is an APK, or a made-up one without it.

        ``signer`` is the certificate's SHA-256, ``protocol`` the contract it speaks.
        """
        apk = read_apk(data) if data is not None else _OLD
        apk = replace(
            apk,
            version_code=apk.version_code if version_code is None else version_code,
            version_name=apk.version_name if version_name is None else version_name,
            signer=signer or apk.signer,
        )
        content = data if data is not None else _NO_CONTENT
        self.packages.put(apk, content, protocol=protocol, granted=granted)

    # --- battery and heat -------------------------------------------------------------------------

    def heat(self, temperature_c: float = 47.0, thermal_status: int = 3) -> None:
        """Jump to this battery temperature and thermal status (3 = severe)."""
        self.state.set_battery(temperature_c=temperature_c)
        self.state.thermal_status = thermal_status

    def cool(self, temperature_c: float = 28.0) -> None:
        """Be cool again."""
        self.heat(temperature_c, 0)

    def drain(self, percent: float = 10.0) -> None:
        """Jump to this charge."""
        self.state.set_battery(percent=percent)


_NO_CONTENT = b"PK\x05\x06" + bytes(18)
"""An empty zip."""
_OLD = Apk(
    package=PROBE_PACKAGE,
    version_code=1,
    version_name="0.0.1",
    min_sdk=26,
    target_sdk=34,
    permissions=(RECORD_AUDIO, "android.permission.MODIFY_AUDIO_SETTINGS"),
    activities=(f"{PROBE_PACKAGE}.ProbeActivity",),
    abis=("arm64-v8a",),
    signer="00" * 32,
    scheme="v2",
)
