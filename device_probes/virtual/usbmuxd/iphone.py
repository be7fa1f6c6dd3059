"""A virtual iPhone behind usbmuxd, with a handle on everything that can go wrong with it.

Events for :meth:`VirtualIphone.on`:

| event | when |
|---|---|
| ``mux:connect:PORT`` | a host program connects to a port |
| ``lockdown:REQUEST`` | lockdownd is asked, e.g. ``lockdown:GetValue`` |
| ``wda:METHOD PATH`` | WebDriverAgent is asked, e.g. ``wda:POST /wda/apps/launch`` |
| ``stream:data:in``, ``stream:data:out`` | bytes to the probe; from it |
| ``probe:start``, ``probe:accept`` | its process was started; it takes a host |
| ``probe:facts``, ``probe:run``, ``probe:stage:STAGE``, ``probe:recorded`` | inside the probe |
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from device_probes.virtual.link.triggers import Action
from device_probes.virtual.phone import VirtualPhone
from device_probes.virtual.usbmuxd import lockdown
from device_probes.virtual.usbmuxd.core import IphoneCore
from device_probes.virtual.usbmuxd.pipe import Pipe
from device_probes.virtual.usbmuxd.state import (
    HOME_BUNDLE,
    LOCKDOWN_PORT,
    MICROPHONE,
    PROBE_BUNDLE,
    PROBE_PORT,
    WDA_BUNDLE,
    WDA_PORT,
)
from device_probes.virtual.usbmuxd.wda import Odd, Wda


class VirtualIphone(IphoneCore):
    """One phone, and what may happen to it. Every method may be called from any thread, by name
    from :meth:`on`, and through the control channel of a fleet's process."""

    def __init__(self, phone: VirtualPhone) -> None:
        super().__init__(phone)
        self.wda = Wda(self)

        async def lockdownd(pipe: Pipe) -> None:
            await lockdown.serve(self, pipe)

        async def misagent(pipe: Pipe) -> None:
            await lockdown.serve_profiles(self, pipe)

        self.services[LOCKDOWN_PORT] = lockdownd
        self.services[lockdown.MISAGENT_PORT] = misagent
        self.services[WDA_PORT] = self.wda.serve

    def on(self, pattern: str, action: Action[VirtualIphone], *, after: int = 0) -> None:
        """Do ``action`` at an exact moment; the module's text has the events, and
        :mod:`device_probes.virtual.link.triggers` what ``after`` counts."""
        self.triggers.on(pattern, action, after=after)

    # --- the cable and the system -----------------------------------------------------------------

    def unplug(self) -> None:
        """Pull the cable: every connection ends, usbmuxd lists it no more. Its apps live on."""
        self.home.call(self.pull)

    def replug(self) -> None:
        """Put the cable back; usbmuxd gives it another number."""
        self.home.call(self.plug_in)

    def drop(self) -> None:
        """Break every connection, and be there at once again."""
        self._drop_connections()

    def untrust(self, denied: bool = False) -> None:
        """Forget this computer; ``denied``: somebody tapped "Don't Trust"."""
        self.state.trusted, self.state.trust_denied = False, denied
        self.kept_record = None

    def revoke(self) -> None:
        """Forget this computer, which still keeps its record."""
        record = lockdown.pair_record(self)
        self.untrust()
        self.kept_record = record

    def trust(self) -> None:
        """Tap "Trust"."""
        self.state.trusted, self.state.trust_denied = True, False

    def set_developer_mode(self, on: bool = False) -> None:
        """Switch it, which restarts the phone: nothing that was signed for development runs."""
        self.state.developer_mode = on
        self.crash_probe()
        self.kill_wda()

    def set_passcode(self, on: bool = True) -> None:
        """Have its owner set one, or take it away; lockdown tells nobody."""
        self.state.passcode = on

    def lock(self, passcode: bool = True) -> None:
        """Lock the screen."""
        self.state.passcode = passcode
        self.state.lock_screen(locked=True)

    def unlock(self) -> None:
        """Unlock it, as its owner does."""
        self.state.lock_screen(locked=False)

    def drain(self, level: float = 0.1) -> None:
        """Have this charge (0..1) and no charger."""
        self.state.battery = replace(self.state.battery, level=level, charging=False)

    # --- WebDriverAgent ---------------------------------------------------------------------------

    def kill_wda(self) -> None:
        """End it: its port refuses connections."""

        def end() -> None:
            self.services.pop(WDA_PORT, None)
            self.wda.session = None
            self.hang_up(WDA_PORT)

        self.home.call(end)

    def start_wda(self) -> bool:
        """Start it again, as Xcode does; ``False``: the system does not let it."""
        state = self.state
        if (
            not state.developer_mode
            or WDA_BUNDLE not in state.installed
            or WDA_BUNDLE in state.expired
        ):
            return False
        self.wda.hangs = False
        self.home.call(lambda: self.services.update({WDA_PORT: self.wda.serve}))
        return True

    def hang_wda(self) -> None:
        """Let it take connections and answer nothing."""
        self.wda.hangs = True

    def heal_wda(self) -> None:
        """Let it answer again."""
        self.wda.hangs = False

    def lose_session(self) -> None:
        """Let it forget its session's id."""
        self.wda.session = None

    def wda_empty(self, times: int = 1) -> None:
        """Answer the next requests with nothing."""
        self.wda.odd += [Odd(200, b"")] * times

    def wda_bad_gateway(self, times: int = 1) -> None:
        """Answer the next requests with 502."""
        self.wda.odd += [Odd(502, b"Bad Gateway")] * times

    def remove_wda(self) -> None:
        """Have it uninstalled."""
        self.state.installed.discard(WDA_BUNDLE)
        self.kill_wda()

    def expire_wda(self) -> None:
        """Let its signature end, as it was found after a restart: it does not run."""
        self.state.expired.add(WDA_BUNDLE)
        self.kill_wda()

    # --- the probe --------------------------------------------------------------------------------

    def open_probe(self) -> None:
        """Tap its icon."""
        self.app.launch()

    def crash_probe(self) -> None:
        """Let its process end without a word."""
        self.app.stop()

    def close_probe(self) -> None:
        """Swipe it away."""
        self.app.stop()

    def remove_probe(self) -> None:
        """Have it uninstalled."""
        self.app.stop()
        self.state.installed.discard(PROBE_BUNDLE)

    def expire_probe(self) -> None:
        """Let its signature end: it is not started any more; one that runs goes on."""
        self.state.expired.add(PROBE_BUNDLE)

    def speak_protocol(self, version: int = 3) -> None:
        """Have a probe of another contract installed."""
        self.app.stop()
        self.probe_protocol = version

    def go_background(self, bundle: str = HOME_BUNDLE) -> None:
        """Let something else come to the front."""
        self.state.show(bundle)

    def suspend_probe(self, closed: bool = False) -> None:
        """Go to the home screen, and let iOS stop the app: it is there and does nothing until it is
        opened again. Its port takes connections, or is ``closed``, and the link with it: iOS takes
        the sockets of an app that sleeps, and a well-behaved one closes them before."""
        self.app.suspend(closed=closed)

    # --- alerts -----------------------------------------------------------------------------------

    def ask_late(self) -> None:
        """Let the microphone's question come only once a host has looked for the probe's port,
        which the app opens when it is answered."""
        self.state.asks_late = True
        self.on(f"mux:connect:{PROBE_PORT}", lambda phone: phone.state.ask_microphone())

    def allow_microphone(self) -> None:
        """Have the permission given."""
        self.state.microphone = "allowed"
        self.state.forget_alerts_of_app()

    def deny_microphone(self) -> None:
        """Have it refused."""
        self.state.microphone = "denied"
        self.state.forget_alerts_of_app()

    def speak(self, language: str = "de") -> None:
        """Word the microphone's question in this language; raises ``ValueError``."""
        if language not in MICROPHONE:
            raise ValueError(f"no language {language}; there are {', '.join(MICROPHONE)}")
        self.state.language = language

    def show_alert(self, text: str = "") -> None:
        """Let an alert of the system pop up."""
        self.state.show_alert(text)

    def alert_storm(self, count: int = -1, about: str = "other") -> None:
        """Show an alert now; after each that is answered comes another, ``count`` times or, below
        0, for ever. ``about`` ``microphone``: the question that never takes the answer."""
        self.state.storm = None if count < 0 else count
        self.state.storm_about = about
        if about == "microphone":
            self.state.ask_microphone()
        else:
            self.state.show_alert()

    def clear_alerts(self) -> None:
        """Nothing is asked any more."""
        self.state.clear_alerts()
        self.state.storm_about = "other"

    def report(self) -> dict[str, Any]:
        """What it is in, for those who look from another process."""
        state, alert = self.state, self.state.alert
        return {
            "plugged": self.plugged,
            "probe_runs": self.app.runs,
            "front": state.front,
            "locked": state.locked,
            "microphone": state.microphone,
            "alert": alert.text if alert else "",
            "pressed": list(state.pressed),
            "launches": len(state.launches),
        }
