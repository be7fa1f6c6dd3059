"""Which devices are there: phones on adb and usbmux, and on request virtual phones, sound
interfaces of this computer and browsers.

A probe's libraries are imported when it is asked for, so that a wrong word is answered at once.
"""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from device_probes.driver import Driver
from profiler.cli.parsing import UDID
from profiler.cli.text import clean
from profiler.cli.web_arguments import ANDROID, WebChoice, web_choice
from profiler.errors import InputError
from profiler.model import Platform

if TYPE_CHECKING:
    from device_probes.virtual import Clock
    from profiler.plan import IosPlan, PartnerPlan

PHONES = (Platform.ANDROID, Platform.IOS)
"""What is looked for when the command line names nothing."""


def kinds(args: Namespace) -> tuple[Platform, ...]:
    """The kinds of probe the command line asks for; empty when it names none.

    Raises :class:`InputError` for options of browsers that do not fit together.
    """
    asked = [Platform(kind) for kind in args.probe or ()]
    browsers = web_choice(args).browsers
    for kind, named in ((Platform.VIRTUAL, args.virtual is not None), (Platform.WEB, args.browser)):
        if named and kind not in asked:
            asked.append(kind)
    if Platform.ANDROID in asked and Platform.WEB in asked and ANDROID in browsers:
        raise InputError(
            "a phone's app and its browser cannot be measured at the same time",
            hint="make two runs: --probe android, then --browser android",
        )
    return tuple(asked)


@contextmanager
def connected(
    args: Namespace,
    *,
    apart: bool = False,
    partner: PartnerPlan | None = None,
    ios: IosPlan | None = None,
) -> Iterator[list[Driver]]:
    """A driver for each device that is there, none opened yet; the way to them ends with it.

    ``partner`` is looked for, too, whatever kinds of probe are asked for. Virtual phones that are
    ``apart`` do not hear each other, whatever their zones are. ``ios`` names the iPhones' apps.
    Raises :class:`InputError` when there is none, :class:`PlanError` for a wrong fleet file and
    :class:`DeviceError` when adb or the sound system does not answer.
    """
    asked = kinds(args) or PHONES
    looked = asked if partner is None else (*asked, Platform(partner.probe))
    clock, browsers = clock_of(args, asked), web_choice(args)
    with listed(looked, args.virtual, clock, apart=apart, browsers=browsers, ios=ios) as there:
        found = [
            d for d in there
            if d.ref.platform in asked or (partner is not None and partner.is_(d.ref))
        ]  # fmt: skip
        if not found:
            hint = virtual_hint(args.serials) or "try 'chirpbench run --virtual'"
            raise InputError(_not_there(args.serials, asked), hint=hint)
        yield found


@contextmanager
def listed(
    asked: Sequence[Platform],
    fleet: str | None,
    clock: Clock | None = None,
    *,
    apart: bool = False,
    browsers: WebChoice | None = None,
    ios: IosPlan | None = None,
) -> Iterator[list[Driver]]:
    """The devices of these kinds; ``fleet`` is a fleet file, the packaged fleet without one."""
    with ExitStack() as stack:
        found: list[Driver] = []
        if Platform.VIRTUAL in asked:
            from profiler.cli.phones import virtual_phones

            found += stack.enter_context(virtual_phones(fleet, clock, apart=apart))
        if Platform.ANDROID in asked:
            from profiler.cli.phones import android_phones

            found += stack.enter_context(android_phones())
        if Platform.IOS in asked:
            from profiler.cli.phones import ios_phones

            found += stack.enter_context(ios_phones(ios))
        if Platform.HOST in asked:
            from device_probes.host.driver import HostDriver, discover

            found += [HostDriver(ref) for ref in discover()]
        if Platform.WEB in asked:
            from profiler.cli.browsers import web_browsers

            # Last: people who open a link wait for nothing else then.
            found += stack.enter_context(web_browsers(browsers or WebChoice()))
        yield found


def _not_there(serials: Sequence[str], asked: Sequence[Platform]) -> str:
    """Why none of the devices is there that the command line names, or none at all."""
    if not serials:
        return nothing_connected(asked)
    if Platform.IOS in asked and all(UDID.fullmatch(serial) for serial in serials):
        asked = (Platform.IOS,)
    named = ", ".join(repr(clean(serial, 60)) for serial in serials[:3])
    return f"no device {named}: {nothing_connected(asked)}"


def nothing_connected(asked: Sequence[Platform]) -> str:
    """Why there is nothing to measure."""
    if Platform.ANDROID in asked:
        return (
            "no phone is connected by USB, or an Android phone's USB debugging is off "
            "(docs/android.md, docs/ios.md)"
        )
    if Platform.IOS in asked:
        return "no iPhone is connected by USB, or no usbmuxd runs (docs/ios.md says how)"
    if Platform.WEB in asked:
        return (
            "no phone is on adb whose browser could be measured: connect one by USB and allow USB "
            "debugging (docs/android.md)"
        )
    if Platform.HOST in asked:
        return "this computer has no sound interface that records and plays"
    return "the fleet has no phones"


def virtual_hint(serials: Sequence[str]) -> str:
    """What is forgotten when a phone of the packaged fleet is named and no fleet is there."""
    from device_probes.virtual import load_fleet

    fleet = load_fleet().serials if serials else ()
    found = [s for s in serials if s.removeprefix(f"{Platform.VIRTUAL.value}:") in fleet]
    return f"{found[0]} is a virtual phone: add --virtual" if found else ""


def clock_of(args: Namespace, asked: Sequence[Platform]) -> Clock | None:
    """The virtual clock; ``None`` is real time. Raises :class:`InputError` without phones."""
    if not args.fast and args.speed is None:
        return None
    if Platform.VIRTUAL not in asked:
        raise InputError(
            "--fast and --speed turn the virtual clock", hint="add --virtual, or leave them out"
        )
    from device_probes.virtual import Clock

    return Clock(math.inf if args.fast else args.speed)
