"""What every command's options are made of. Standard library only: ``--help`` needs no other."""

from __future__ import annotations

import argparse
import math
import re
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from typing import NoReturn

PROBES = ("android", "ios", "web", "host", "virtual")
UDID = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{16}|[0-9a-f]{40}")
"""An iPhone's, since and before the iPhone XS; no Android phone has such a serial number."""


class Parser(ArgumentParser):
    """Complains in one line."""

    missing: Callable[[argparse.Namespace], str] | None = None
    """What is not there although nothing else was chosen, beyond what argparse can say."""

    def parse_known_args(  # type: ignore[override]  # one of its three overloads is used
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse, then :attr:`missing`; a command complains itself of words it has not, so
        that its own help is named."""
        found, rest = super().parse_known_args(args, namespace)
        if rest and self._subparsers is None:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        wanted = self.missing(found) if self.missing else ""
        if wanted:
            self.error(f"the following arguments are required: {wanted}")
        return found, rest

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        # What was typed is echoed by argparse: control characters in it become spaces.
        line = " ".join("".join(c if c.isprintable() else " " for c in message).split())
        self.exit(2, f"{self.prog}: {line}; see '{self.prog} --help'\n")


Commands = argparse._SubParsersAction  # the public name of this type does not exist


def command(commands: Commands[Parser], name: str, text: str, more: str = "") -> Parser:
    """Add a command; ``text`` is its line in the list, ``more`` stands below it in its help."""
    return commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}. {more}".strip(),
        allow_abbrev=False,
    )


def db(parser: Parser) -> None:
    """Add ``--db``."""
    parser.add_argument(
        "--db",
        metavar="URL",
        help="the store: a path or an SQLAlchemy URL (default: $CHIRPBENCH_DB, else chirpbench.db "
        "in the current folder)",
    )


def json_lines(parser: Parser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def seed(text: str) -> int:
    """An integer that fits a database column (64 bits)."""
    value = int(text) if len(text) < 21 else 2**63
    if not -(2**63) <= value < 2**63:
        raise argparse.ArgumentTypeError("give an integer of at most 64 bits")
    return value


def jobs(text: str) -> int:
    """An integer from 1 on."""
    value = int(text) if len(text) < 7 else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number from 1 to 999999")
    return value


def port(text: str) -> int:
    """A TCP port that needs no special rights."""
    value = int(text) if len(text) < 7 else 0
    if not 1024 <= value <= 65_535:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a port from 1024 to 65535")
    return value


def positive(text: str) -> float:
    """A finite number above 0."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number above 0")
    return value


def between(low: float, high: float) -> Callable[[str], float]:
    """A parser of numbers from ``low`` to ``high``."""

    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text[:20]!r} is not from {low:g} to {high:g}")
        return value

    return number


def probe_list(text: str) -> tuple[str, ...]:
    """Comma-separated kinds of probe, each known and kept once."""
    kinds = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [kind for kind in kinds if kind not in PROBES]
    if unknown or not kinds:
        wrong = ", ".join(unknown) or "nothing"
        raise argparse.ArgumentTypeError(f"{wrong} given, allowed: {', '.join(PROBES)}")
    return kinds
