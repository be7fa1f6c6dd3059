"""A fleet of virtual phones in a process of its own, until its standard input closes.

::

    python -P -m device_probes.virtual.adbd --fleet F.toml|- [--serial S]… [--speed X|inf]
        [--adb-server-port P] [--connect] [--apart]

With ``--fleet -`` the input begins with a line that holds the number of bytes of the fleet TOML,
then the TOML; without ``--fleet`` it is the packaged fleet. The first line of output is JSON:
``{"phones": [{"serial", "port", "name"}…]}``, or ``{"error": text}`` with exit code 2.

When the input closes, because its parent closed it or died, the phones end, and with
``--adb-server-port`` the private adb server on that port is asked to quit: nothing stays behind.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from device_probes.virtual.adbd import host
from device_probes.virtual.adbd.daemon import AdbDaemon, make_phones
from device_probes.virtual.clock import Clock
from device_probes.virtual.driver import MAX_FILE_BYTES, Fleet, fleet_from_toml, load_fleet
from profiler.errors import ChirpbenchError

_PR_SET_PDEATHSIG = 1
"""``linux/prctl.h``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run until standard input ends."""
    args = _arguments(argv)
    # Ctrl-C reaches the whole process group; the bench that owns the phones decides when they end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the way out below is taken
    _wake_with_parent()
    try:
        daemon = _daemon(args)
        daemon.start()
        if args.connect:
            daemon.connect_all()
    except (ChirpbenchError, OSError, ValueError) as exc:
        _say({"error": str(exc)})
        return 2
    try:
        phones = [
            {"serial": p.serial, "port": p.plug.port, "name": p.spec.marketing_name}
            for p in daemon.phones
        ]
        _say({"phones": phones})
        while os.read(0, 65_536):
            pass
    finally:
        daemon.stop()
        if args.adb_server_port:
            host.kill_server(args.adb_server_port)
    return 0


def _wake_with_parent() -> None:
    """Have the kernel send SIGCONT when the parent dies: a process that is stopped then sees the
    end of its input, too. Linux only; elsewhere a frozen fleet needs a ``kill -CONT``."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="device_probes.virtual.adbd", description=__doc__)
    parser.add_argument("--fleet", help="fleet TOML, or - for standard input")
    parser.add_argument("--serial", action="append", help="only these phones")
    parser.add_argument("--speed", type=float, default=1.0, help="clock of the phones, or inf")
    parser.add_argument("--adb-server-port", type=int, help="the private adb server they belong to")
    parser.add_argument("--connect", action="store_true", help="let that server connect to them")
    parser.add_argument("--apart", action="store_true", help="no phone hears another")
    return parser.parse_args(argv)


def _daemon(args: argparse.Namespace) -> AdbDaemon:
    """Everything but the listening; raises ``ChirpbenchError`` or ``ValueError``."""
    phones = make_phones(_fleet(args.fleet), Clock(args.speed), apart=args.apart)
    if args.serial:
        there = {phone.serial: phone for phone in phones}
        missing = [serial for serial in args.serial if serial not in there]
        if missing:
            raise ValueError(f"no phone behind adb has the serial {', '.join(missing)}")
        phones = [there[serial] for serial in args.serial]
    for phone in phones:
        phone.phone.keeps_sounds = False  # nobody in this process asks for their truth
    if args.connect and not args.adb_server_port:
        raise ValueError("--connect needs --adb-server-port")
    return AdbDaemon(phones, adb_server_port=args.adb_server_port)


def _fleet(where: str | None) -> Fleet:
    if where != "-":
        return load_fleet(Path(where) if where else None)
    head = bytearray()
    while (c := os.read(0, 1)) not in (b"\n", b"") and len(head) < 20:
        head += c
    size = int(head) if head.isdigit() else -1
    if not 0 <= size <= MAX_FILE_BYTES:
        raise ValueError("standard input does not begin with the size of the fleet")
    text = bytearray()
    while len(text) < size and (part := os.read(0, size - len(text))):
        text += part
    return fleet_from_toml(text.decode("utf-8", "replace"), "standard input")


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
