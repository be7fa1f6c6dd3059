"""What is wrong with an iPhone, and the next step for the person at the bench.

Sources of the words that a phone or a program uses: lockdown's error names and numbers are those
of libimobiledevice (``src/lockdown.c``, ``lockdown.h``); why an app does not start is in the text
of ``FBSOpenApplicationErrorDomain`` that WebDriverAgent passes on (appium/WebDriverAgent #706,
appium #14339). No iPhone was at hand when this was written.
"""

from __future__ import annotations

import re

from device_probes.fields import shown
from profiler.errors import DeviceError, DeviceLost, DeviceNotReady, DeviceTimeout
from profiler.model import DeviceState

PROBE_BUNDLE = "org.chirpbench.probe"
WDA_BUNDLE = "com.facebook.WebDriverAgentRunner.xctrunner"
"""As WebDriverAgent's own project names it; :mod:`.bundles` has what a bench is told instead."""
_MANAGEMENT = "Settings → General → VPN & Device Management"

REMEDIES = {
    DeviceState.ABSENT: "plug it in by a cable that carries data",
    DeviceState.OFFLINE: (
        "unplug it and plug it in again; then another cable, another port, "
        "or power-cycle the USB hub; at last restart the phone"
    ),
    DeviceState.NO_USBMUXD: (
        "install usbmuxd (apt install usbmuxd; macOS has it), start it (systemctl start usbmuxd), "
        "and plug the phone in again"
    ),
    DeviceState.NO_PERMISSION: (
        "let this user open usbmuxd's socket, /var/run/usbmuxd or USBMUXD_SOCKET_ADDRESS"
    ),
    DeviceState.UNTRUSTED: (
        "unlock the phone and tap Trust in “Trust This Computer?”; if no dialog comes, unplug it "
        "and plug it in again; if it was refused once, Settings → General → Transfer or Reset "
        "iPhone → Reset → Reset Location & Privacy brings the question back"
    ),
    DeviceState.NO_DEVELOPER_MODE: (
        "switch on Settings → Privacy & Security → Developer Mode and restart the phone; the "
        "switch is there once Xcode or 'pymobiledevice3 amfi reveal-developer-mode' has seen it"
    ),
    DeviceState.LOCKED: "unlock the screen by hand; a bench phone has no passcode",
    DeviceState.WDA_MISSING: (
        "start WebDriverAgent (Xcode: Product → Test of WebDriverAgentRunner), or open the probe "
        "app by hand and leave it on the screen: then WebDriverAgent is not needed"
    ),
    DeviceState.WDA_EXPIRED: (
        "sign WebDriverAgent and install it again (a free team's signature lasts 7 days, "
        "a paid team's a year)"
    ),
    DeviceState.WDA_HUNG: (
        "end WebDriverAgent on the phone and start it again; if it hangs again, restart the phone"
    ),
    DeviceState.PROBE_MISSING: (
        "build the probe app and install it; with a bundle id of your own name it in bench.toml's "
        "[ios] or CHIRPBENCH_IOS_PROBE_BUNDLE (docs/ios.md)"
    ),
    DeviceState.PROBE_EXPIRED: (
        f"trust its developer on the phone ({_MANAGEMENT}, which needs the internet once); if it "
        "is trusted, its signature is over: build and install it again (docs/ios.md; a free "
        "team's lasts 7 days, a paid team's a year)"
    ),
    DeviceState.PORT_CLOSED: (
        "open the probe app on the phone and leave it on the screen, then run again"
    ),
    DeviceState.BUSY: "wait until the other chirpbench has ended",
    DeviceState.QUARANTINED: "look at the phone, then release it with chirpbench devices --release",
    DeviceState.READY: "",
}
"""What to do about each state an iPhone can be in."""

_SAID = {
    DeviceState.NO_USBMUXD: "no usbmuxd answers on this computer, so no iPhone can be seen",
    DeviceState.NO_PERMISSION: "this user may not use usbmuxd, so no iPhone can be seen",
    DeviceState.UNTRUSTED: "the phone does not trust this computer",
    DeviceState.NO_DEVELOPER_MODE: "Developer Mode is off",
    DeviceState.LOCKED: "the screen of the phone is locked",
    DeviceState.WDA_MISSING: "no WebDriverAgent answers on the phone",
    DeviceState.WDA_EXPIRED: "the signature of WebDriverAgent is over",
    DeviceState.WDA_HUNG: "WebDriverAgent takes connections and does not answer",
    DeviceState.PROBE_MISSING: "the probe app is not on the phone",
    DeviceState.PROBE_EXPIRED: "the phone does not start the probe app: its signature is over, "
    "or its developer is not trusted",
    DeviceState.PORT_CLOSED: "the probe app is not open on the phone's screen",
}
SLEEPS = "it takes connections and does not answer, as an app does that iOS has put to sleep"
"""The kernel takes connections for an app that sleeps; whether it crashed is not the question."""
LOG = "Settings → Privacy & Security → Analytics & Improvements → Analytics Data"
HOST = "usbmuxd"
"""Named as the device when no phone is meant."""

LOCKDOWN_STATES = {
    "PasswordProtected": DeviceState.LOCKED,
    "EscrowLocked": DeviceState.LOCKED,
    "UserDeniedPairing": DeviceState.UNTRUSTED,
    "PairingDialogResponsePending": DeviceState.UNTRUSTED,
    "InvalidHostID": DeviceState.UNTRUSTED,
    "MissingHostID": DeviceState.UNTRUSTED,
    "MissingPairRecord": DeviceState.UNTRUSTED,
    "InvalidPairRecord": DeviceState.UNTRUSTED,
    "PairingProhibitedOverThisConnection": DeviceState.UNTRUSTED,
}
"""What lockdown's errors mean for the phone; the others say nothing of its state."""
LOCKDOWN_NUMBERS = {
    -17: "PasswordProtected",
    -18: "UserDeniedPairing",
    -19: "PairingDialogResponsePending",
    -20: "MissingHostID",
    -21: "InvalidHostID",
    -29: "MissingPairRecord",
    -31: "InvalidPairRecord",
    -35: "EscrowLocked",
    -36: "PairingProhibitedOverThisConnection",
}
"""libimobiledevice's numbers for them, as its programs print them."""

_LAUNCH = (
    (re.compile(r"BSErrorCodeDescription=Locked|\bCode=7 \(?\"?Locked|reason: \"?Locked|"
                r"device was not, or could not be, unlocked", re.I),
     DeviceState.LOCKED),
    (re.compile(r"invalid code signature|inadequate entitlements|explicitly trusted|"
                r"BSErrorCodeDescription=Security|\(Security\)|0xe80080(?:0f|11|14|15|18)", re.I),
     DeviceState.PROBE_EXPIRED),
    (re.compile(r"returned nil for|BSErrorCodeDescription=NotFound|is not installed|"
                r"unknown to FrontBoard|-10814", re.I),
     DeviceState.PROBE_MISSING),
)  # fmt: skip
"""Most particular first. Apple's own words as they are quoted in issues; the error descriptions of
FrontBoard ("Locked", "Security", "NotFound") are its names for the codes 7, 3 and 4."""


def said(state: DeviceState) -> str:
    """The state in a sentence without its remedy."""
    return _SAID.get(state, f"the phone is {state.value.replace('_', ' ')}")


def not_ready(device: str, state: DeviceState, what: str = "") -> DeviceNotReady:
    """The error for a phone in a state that waits for a person."""
    text = said(state)
    return DeviceNotReady(
        f"{text} ({what})" if what else text, device=device, state=state.value, hint=REMEDIES[state]
    )


def unseen(device: str, trouble: DeviceError) -> DeviceNotReady:
    """The error for a phone that cannot be looked for, since ``trouble`` keeps usbmuxd away."""
    if isinstance(trouble, DeviceNotReady):
        return not_ready(device, DeviceState(trouble.state))
    return not_ready(device, DeviceState.NO_USBMUXD, plainly(trouble))


def plainly(trouble: DeviceError) -> str:
    """What is wrong, without the device that it is said of."""
    return trouble.message.removeprefix(f"{trouble.device}: ")


def lost(device: str, why: str) -> DeviceLost:
    """The error for a phone that went away in the middle of something."""
    return DeviceLost(why, device=device, hint="check the cable and the USB hub, then run again")


def timed_out(device: str, what: str, seconds: float) -> DeviceTimeout:
    """The error for a call whose deadline passed."""
    return DeviceTimeout(
        f"no answer to {what} within {seconds:.3g} s",
        device=device,
        hint="the phone may be frozen: unplug it, restart it, then run again",
    )


def launch_refused(device: str, text: str) -> DeviceNotReady | None:
    """Why the system did not start the probe app, from WebDriverAgent's error text.

    ``None`` when the text says nothing that is known: it is then an error like any other.
    """
    for pattern, state in _LAUNCH:
        if pattern.search(text[:4096]):
            return not_ready(device, state, shown(text, 160))
    return None
