"""A usbmuxd with a fleet's iPhones in a process of its own, until its standard input closes.

::

    python -P -m device_probes.virtual.usbmuxd --socket PATH --fleet F.toml|- [--serial S]…
        [--speed X|inf] [--apart]

The first line of output is JSON: ``{"phones": [{"serial", "udid", "name"}…], "socket": PATH}``, or
``{"error": text}`` with exit code 2. Then the input is the control channel (:mod:`.control`): a
line of JSON asks, one answers. When it closes the phones end and the socket goes. What else there
is to say of such a program, :mod:`~device_probes.virtual.link.program` says.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from device_probes.virtual.clock import Clock
from device_probes.virtual.link.program import (
    asked_fleet,
    asked_phones,
    belong_to_parent,
    fleet_arguments,
    say,
    say_line,
)
from device_probes.virtual.usbmuxd import control
from device_probes.virtual.usbmuxd.daemon import UsbmuxDaemon, make_iphones
from profiler.errors import ChirpbenchError


def main(argv: Sequence[str] | None = None) -> int:
    """Run until standard input ends."""
    parser = fleet_arguments("device_probes.virtual.usbmuxd", __doc__)
    parser.add_argument("--socket", required=True, help="unix socket to listen on")
    args = parser.parse_args(argv)
    belong_to_parent()
    try:
        daemon = _daemon(args)
        daemon.start()
    except (ChirpbenchError, OSError, ValueError) as exc:
        say({"error": str(exc)})
        return 2
    try:
        phones = [
            {
                "serial": p.serial,
                "udid": p.udid,
                "name": p.spec.marketing_name,
                "passcode": p.state.passcode,
            }
            for p in daemon.phones
        ]
        say({"phones": phones, "socket": args.socket})
        _obey(daemon)
    finally:
        daemon.stop()
    return 0


def _obey(daemon: UsbmuxDaemon) -> None:
    phones = {phone.serial: phone for phone in daemon.phones}
    waiting = bytearray()
    while part := os.read(0, 65_536):
        waiting += part
        while b"\n" in waiting:
            line, _, rest = waiting.partition(b"\n")
            waiting = rest
            say_line(control.obey(phones, bytes(line)))
        if len(waiting) > control.MAX_LINE_BYTES:
            return


def _daemon(args: argparse.Namespace) -> UsbmuxDaemon:
    """Everything but the listening; raises ``ChirpbenchError`` or ``ValueError``."""
    phones = make_iphones(asked_fleet(args.fleet), Clock(args.speed), apart=args.apart)
    return UsbmuxDaemon(asked_phones(phones, args.serial, "usbmuxd"), Path(args.socket))


if __name__ == "__main__":
    sys.exit(main())
