"""What a foreign exception means, and the next step for the person at the bench."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from device_probes.fields import shown
from profiler.errors import (
    ChirpbenchError,
    DeviceError,
    DeviceLost,
    DeviceNotFound,
    DeviceNotReady,
    DeviceTimeout,
    InstallFailed,
    ProbeProtocolError,
)
from profiler.model import DeviceState

REMEDIES = {
    DeviceState.ABSENT: "plug it in and switch on USB debugging",
    DeviceState.OFFLINE: (
        "unplug it and plug it in again; then another cable, another port, "
        "or power-cycle the USB hub; at last restart the phone"
    ),
    DeviceState.UNAUTHORIZED: (
        "accept “Allow USB debugging?” on the phone; if no dialog comes, revoke the USB debugging "
        "authorisations in its developer options and plug it in again"
    ),
    DeviceState.NO_PERMISSION: (
        "let this user open the USB device: install the udev rules "
        "(apt install android-sdk-platform-tools-common), log in again, plug it in again"
    ),
    DeviceState.LOCKED: (
        "unlock the screen by hand; on a bench phone set the screen lock to None or Swipe"
    ),
    DeviceState.BUSY: "wait until the other chirpbench has ended",
    DeviceState.READY: "",
    DeviceState.QUARANTINED: "look at the phone, then release it with chirpbench devices --release",
}
"""What to do about each state."""
FROZEN_HINT = "the phone may be frozen: unplug it, restart it, then run again"
SERVER = "adb server"
"""Named as the device when no phone is meant."""
_SERVER_HINT = "check which program listens on that port, or restart the adb server"


class Oversized(Exception):
    """A phone sent more than is ever needed."""


class ServiceRefused(DeviceLost):
    """The phone is there and refuses one service, e.g. a socket nobody listens on."""


class Foreign(NamedTuple):
    """The names of a library's exceptions, which this module need not import."""

    error: type[Exception]
    timeout: type[Exception]
    connection: type[Exception]
    install: type[Exception]


class _Word(NamedTuple):
    """A pattern of the adb server's English and what it means."""

    pattern: re.Pattern[str]
    state: DeviceState | None
    kind: type[DeviceError]


_WORDS = (
    _Word(re.compile(r"unauthori[sz]ed|authenticat"), DeviceState.UNAUTHORIZED, DeviceNotReady),
    _Word(re.compile(r"no permissions|insufficient permissions"),
          DeviceState.NO_PERMISSION, DeviceNotReady),
    # "offline" here is what a phone is called for a moment after its cable was pulled.
    _Word(re.compile(r"offline|still connecting|still authorizing|not found|no device|"
                     r"unknown transport|no emulators|more than one"), None, DeviceLost),
    _Word(re.compile(r"^closed$|connection refused|cannot connect"), None, ServiceRefused),
)  # fmt: skip


def not_ready(device: str, state: DeviceState, what: str = "") -> DeviceNotReady:
    """The error for a phone in a state that waits for a person."""
    text = f"the phone is {state.value.replace('_', ' ')}"
    return DeviceNotReady(
        f"{text} ({what})" if what else text, device=device, state=state.value, hint=REMEDIES[state]
    )


def lost(device: str, why: str) -> DeviceLost:
    """The error for a phone that went away in the middle of something."""
    return DeviceLost(why, device=device, hint="check the cable and the USB hub, then run again")


def timed_out(device: str, what: str, seconds: float) -> DeviceTimeout:
    """The error for a call whose deadline passed."""
    return DeviceTimeout(f"no answer to {what} within {seconds:.3g} s", device=device,
                         hint=FROZEN_HINT)  # fmt: skip


class _Case(NamedTuple):
    """What is known of a failed call."""

    text: str
    device: str
    what: str
    seconds: float
    reason: str = ""


_Rule = tuple[type[Exception] | tuple[type[Exception], ...], Callable[[_Case], DeviceError]]


def translate(
    exc: Exception, foreign: Foreign, *, device: str, what: str, seconds: float
) -> ChirpbenchError | None:
    """The error of ours for whatever came out of the library; ``None``: a mistake of our own.

    The library lets through its own tree *and* ``EOFError``, ``ValueError`` and ``OSError``
    with all their children.
    """
    if isinstance(exc, ChirpbenchError):
        return exc
    rules: tuple[_Rule, ...] = (
        ((foreign.timeout, TimeoutError), lambda c: timed_out(c.device, c.what, c.seconds)),
        (foreign.install, _install),
        (Oversized, _oversized),
        ((foreign.connection, ConnectionRefusedError), _no_server),
        (foreign.error, _by_words),
        ((EOFError, ConnectionError), lambda c: lost(c.device, f"gone during {c.what}")),
        (FileNotFoundError, _no_file),
        (OSError, lambda c: lost(c.device, f"{c.what}: {c.text}")),
        (ValueError, _no_sense),
    )
    case = _Case(shown(str(exc), 120), device, what, seconds, str(getattr(exc, "reason", "")))
    return next((make(case) for kinds, make in rules if isinstance(exc, kinds)), None)


def _install(case: _Case) -> DeviceError:
    return InstallFailed(f"install refused: {case.text}", device=case.device,
                         reason=shown(case.reason, 80))  # fmt: skip


def _oversized(case: _Case) -> DeviceError:
    return ProbeProtocolError(f"{case.what}: {case.text}", device=case.device,
                              hint="this is no ordinary phone; leave it out")  # fmt: skip


def _no_server(case: _Case) -> DeviceError:
    return DeviceNotFound(f"{case.what}: no adb server answers ({case.text})", device=case.device,
                          hint="start one (adb start-server), or run again")  # fmt: skip


def _no_file(case: _Case) -> DeviceError:
    return DeviceNotFound(f"{case.what}: {case.text}", device=case.device,
                          hint="check that file")  # fmt: skip


def _no_sense(case: _Case) -> DeviceError:
    """Letters where a length belongs: whatever listens there is no adb server."""
    return DeviceLost(f"{case.what}: the adb server's answer makes no sense ({case.text})",
                      device=case.device, hint=_SERVER_HINT)  # fmt: skip


def _by_words(case: _Case) -> DeviceError:
    """adbutils has one class for most of what the adb server says; only its words differ."""
    text, device, what = case.text, case.device, case.what
    low = text.lower()
    for word in _WORDS:
        if not word.pattern.search(low):
            continue
        if word.state is not None:
            return not_ready(device, word.state, f"during {what}")
        if word.kind is ServiceRefused:
            return ServiceRefused(f"{what} refused", device=device, hint="start the probe again")
        return lost(device, f"{what}: {text}")
    return lost(device, f"gone during {what}" + (f" ({text})" if text else ""))
