"""Ports that nothing else takes between being chosen and being used."""

from __future__ import annotations

import os
import random
import socket

_FIRST, _EACH, _WORKERS = 10_000, 1_000, 10
"""Below the virtual phones' ports (20 000) and the system's own choices (32 768 on Linux)."""


def free_port() -> int:
    """A free TCP port of this test process: those that run beside it choose from others.

    A port of the system's choice would do only for a socket that stays open: as soon as it is
    closed, another process may be given it, before the server that it is for has come up.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    first = _FIRST + worker * _EACH
    for port in random.sample(range(first, first + _EACH), _EACH):
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port from {first} to {first + _EACH - 1} is free")
