"""A fleet's phones as a program: what every ``__main__`` that has some does the same way.

Its words: ``--fleet F.toml|-``, ``--serial S`` (again and again), ``--speed X|inf``, ``--apart``.
With ``--fleet -`` the input begins with a line that holds the number of bytes of the fleet TOML,
then the TOML; without ``--fleet`` it is the packaged fleet. Output is JSON, an object a line. The
program ends when its input closes, because its parent closed it or died: nothing stays behind.
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
from typing import Any, Protocol, TypeVar

from device_probes.virtual.driver import MAX_FILE_BYTES, Fleet, fleet_from_toml, load_fleet
from device_probes.virtual.phone import VirtualPhone

_PR_SET_PDEATHSIG = 1
"""``linux/prctl.h``."""
_READ_BYTES = 65_536
_MAX_DIGITS = 20


class HasSound(Protocol):
    """A phone behind a link."""

    phone: VirtualPhone
    serial: str


P = TypeVar("P", bound=HasSound)


def fleet_arguments(program: str, description: str | None) -> argparse.ArgumentParser:
    """A parser that knows the words about the fleet."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--fleet", help="fleet TOML, or - for standard input")
    parser.add_argument("--serial", action="append", help="only these phones")
    parser.add_argument("--speed", type=float, default=1.0, help="clock of the phones, or inf")
    parser.add_argument("--apart", action="store_true", help="no phone hears another")
    return parser


def belong_to_parent() -> None:
    """Live as long as the parent does, whatever happens to either.

    Ctrl-C reaches the whole process group, but the bench that owns the phones decides when they
    end; SIGTERM takes the way out past every ``finally``. When the parent dies the kernel sends
    SIGCONT, so that a process that is stopped sees the end of its input, too (Linux only;
    elsewhere a frozen fleet needs a ``kill -CONT``).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)


def asked_fleet(where: str | None) -> Fleet:
    """The fleet that ``--fleet`` names; raises ``ChirpbenchError`` or ``ValueError``."""
    if where != "-":
        return load_fleet(Path(where) if where else None)
    head = bytearray()
    while (c := os.read(0, 1)) not in (b"\n", b"") and len(head) < _MAX_DIGITS:
        head += c
    size = int(head) if head.isdigit() else -1
    if not 0 <= size <= MAX_FILE_BYTES:
        raise ValueError("standard input does not begin with the size of the fleet")
    text = bytearray()
    while len(text) < size and (part := os.read(0, size - len(text))):
        text += part
    return fleet_from_toml(text.decode("utf-8", "replace"), "standard input")


def asked_phones(phones: Sequence[P], serials: Sequence[str] | None, link: str) -> list[P]:
    """Those of ``phones`` that ``--serial`` names, or all; raises ``ValueError``.

    Nobody in this process asks for their truth: their sounds are not kept.
    """
    found = list(phones)
    if serials:
        there = {phone.serial: phone for phone in phones}
        missing = [serial for serial in serials if serial not in there]
        if missing:
            raise ValueError(f"no phone behind {link} has the serial {', '.join(missing)}")
        found = [there[serial] for serial in serials]
    for phone in found:
        phone.phone.keeps_sounds = False
    return found


def say(message: dict[str, Any]) -> None:
    """Tell the parent."""
    say_line(json.dumps(message).encode() + b"\n")


def say_line(line: bytes) -> None:
    """Tell the parent what is a line of JSON already."""
    sys.stdout.buffer.write(line)
    sys.stdout.flush()


def wait_for_end() -> None:
    """Return when standard input ends; what comes on it means nothing."""
    while os.read(0, _READ_BYTES):
        pass
