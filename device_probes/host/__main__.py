"""The probe's process: ``python -m device_probes.host --list`` or ``--serve FD --serial S``.

Exit code 3 after one JSON line on stderr that begins with :data:`PROBLEM` is an error told in plain
words; anything else that ends the process early is a crash.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import threading
import time

from device_probes.host import portaudio
from device_probes.host.probe import PROBE_VERSION, HostProbe
from device_probes.server import ProbeServer
from profiler.errors import DeviceError

PROBLEM = "chirpbench-host-problem "
EXIT_PROBLEM = 3
GRACE_S = 4.0
"""After the bench has gone, for closing streams in order."""


def main() -> int:
    """Run the command; libraries that print on stdout are sent to stderr."""
    parser = argparse.ArgumentParser(prog="python -m device_probes.host")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="print the interfaces as JSON")
    what.add_argument("--serve", type=int, metavar="FD", help="serve the bench on this socket")
    parser.add_argument("--serial", default="", help="which interface to serve")
    args = parser.parse_args()
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        if args.list:
            found = json.dumps([one.as_dict() for one in portaudio.interfaces()])
            os.write(answers, found.encode() + b"\n")
        else:
            _serve(args.serve, args.serial)
    except DeviceError as exc:
        problem = {"message": exc.message, "hint": exc.hint}
        os.write(sys.stderr.fileno(), f"\n{PROBLEM}{json.dumps(problem)}\n".encode())
        return EXIT_PROBLEM
    return 0


def _serve(fd: int, serial: str) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with socket.socket(fileno=fd) as stream:
        interface = next((one for one in portaudio.interfaces() if one.serial == serial), None)
        if interface is None:
            raise DeviceError(
                "no such sound interface",
                device=serial,
                hint="run 'chirpbench devices' to see what is there",
            )
        ProbeServer(HostProbe(interface), stream, version=PROBE_VERSION).serve()


def _die_with_parent() -> None:
    """Nothing is ever written to stdin; its end means that the bench closed it or is gone."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    time.sleep(GRACE_S)
    os._exit(1)  # a sound library hangs: this process has nothing else to save


if __name__ == "__main__":
    sys.exit(main())
