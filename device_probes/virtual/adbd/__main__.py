"""A fleet of virtual phones in a process of its own, until its standard input closes.

::

    python -P -m device_probes.virtual.adbd --fleet F.toml|- [--serial S]… [--speed X|inf]
        [--apart] [--adb-server-port P] [--connect]

The first line of output is JSON: ``{"phones": [{"serial", "port", "name"}…]}``, or
``{"error": text}`` with exit code 2. When the input closes the phones end, and with
``--adb-server-port`` the private adb server on that port is asked to quit. What else there is to
say of such a program, :mod:`~device_probes.virtual.link.program` says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from device_probes.virtual.adbd import host
from device_probes.virtual.adbd.daemon import AdbDaemon, make_phones
from device_probes.virtual.clock import Clock
from device_probes.virtual.link.program import (
    asked_fleet,
    asked_phones,
    belong_to_parent,
    fleet_arguments,
    say,
    wait_for_end,
)
from profiler.errors import ChirpbenchError


def main(argv: Sequence[str] | None = None) -> int:
    """Run until standard input ends."""
    parser = fleet_arguments("device_probes.virtual.adbd", __doc__)
    parser.add_argument("--adb-server-port", type=int, help="the private adb server they belong to")
    parser.add_argument("--connect", action="store_true", help="let that server connect to them")
    args = parser.parse_args(argv)
    belong_to_parent()
    try:
        daemon = _daemon(args)
        daemon.start()
        if args.connect:
            daemon.connect_all()
    except (ChirpbenchError, OSError, ValueError) as exc:
        say({"error": str(exc)})
        return 2
    try:
        phones = [
            {"serial": p.serial, "port": p.plug.port, "name": p.spec.marketing_name}
            for p in daemon.phones
        ]
        say({"phones": phones})
        wait_for_end()
    finally:
        daemon.stop()
        if args.adb_server_port:
            host.kill_server(args.adb_server_port)
    return 0


def _daemon(args: argparse.Namespace) -> AdbDaemon:
    """Everything but the listening; raises ``ChirpbenchError`` or ``ValueError``."""
    phones = make_phones(asked_fleet(args.fleet), Clock(args.speed), apart=args.apart)
    phones = asked_phones(phones, args.serial, "adb")
    if args.connect and not args.adb_server_port:
        raise ValueError("--connect needs --adb-server-port")
    return AdbDaemon(phones, adb_server_port=args.adb_server_port)


if __name__ == "__main__":
    sys.exit(main())
