"""A usbmuxd with a fleet's iPhones in a process of its own, until its standard input closes.

::

    python -P -m device_probes.virtual.usbmuxd --socket PATH --fleet F.toml|- [--serial S]…
        [--speed X|inf] [--apart]

With ``--fleet -`` the input begins with a line that holds the number of bytes of the fleet TOML,
then the TOML; without ``--fleet`` it is the packaged fleet. The first line of output is JSON:
``{"phones": [{"serial", "udid", "name"}…], "socket": PATH}``, or ``{"error": text}`` with exit
code 2. Then the input is the control channel (:mod:`.control`): a line of JSON asks, one answers.

When the input closes, because its parent closed it or died, the phones end and the socket goes.
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

from device_probes.virtual.clock import Clock
from device_probes.virtual.driver import MAX_FILE_BYTES, Fleet, fleet_from_toml, load_fleet
from device_probes.virtual.usbmuxd import control
from device_probes.virtual.usbmuxd.daemon import UsbmuxDaemon, make_iphones
from profiler.errors import ChirpbenchError

_PR_SET_PDEATHSIG = 1
"""``linux/prctl.h``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run until standard input ends."""
    args = _arguments(argv)
    # Ctrl-C reaches the whole process group; the bench that owns the phones decides when they end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the way out below is taken
    if sys.platform == "linux":  # a process that is stopped sees the end of its input, too
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)
    try:
        daemon = _daemon(args)
        daemon.start()
    except (ChirpbenchError, OSError, ValueError) as exc:
        _say(json.dumps({"error": str(exc)}).encode() + b"\n")
        return 2
    try:
        phones = [
            {"serial": p.serial, "udid": p.udid, "name": p.spec.marketing_name}
            for p in daemon.phones
        ]
        _say(json.dumps({"phones": phones, "socket": args.socket}).encode() + b"\n")
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
            _say(control.obey(phones, bytes(line)))
        if len(waiting) > control.MAX_LINE_BYTES:
            return


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="device_probes.virtual.usbmuxd", description=__doc__)
    parser.add_argument("--socket", required=True, help="unix socket to listen on")
    parser.add_argument("--fleet", help="fleet TOML, or - for standard input")
    parser.add_argument("--serial", action="append", help="only these phones")
    parser.add_argument("--speed", type=float, default=1.0, help="clock of the phones, or inf")
    parser.add_argument("--apart", action="store_true", help="no phone hears another")
    return parser.parse_args(argv)


def _daemon(args: argparse.Namespace) -> UsbmuxDaemon:
    """Everything but the listening; raises ``ChirpbenchError`` or ``ValueError``."""
    phones = make_iphones(_fleet(args.fleet), Clock(args.speed), apart=args.apart)
    if args.serial:
        there = {phone.serial: phone for phone in phones}
        missing = [serial for serial in args.serial if serial not in there]
        if missing:
            raise ValueError(f"no phone behind usbmuxd has the serial {', '.join(missing)}")
        phones = [there[serial] for serial in args.serial]
    for phone in phones:
        phone.phone.keeps_sounds = False  # nobody in this process asks for their truth
    return UsbmuxDaemon(phones, Path(args.socket))


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


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
