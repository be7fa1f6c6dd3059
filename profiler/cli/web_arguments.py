"""Options that say which browsers are measured. Standard library only, for ``--help``."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

from profiler.cli.parsing import Parser, jobs, positive
from profiler.errors import InputError

CHROMIUM, ANDROID, LINK = "chromium", "android", "link"
BROWSERS = (CHROMIUM, ANDROID, LINK)
LOOPBACK = "127.0.0.1"
JOIN_S = 300.0
"""Trusting a certificate on a phone takes a person some minutes, the first time."""


@dataclass(frozen=True, slots=True)
class WebChoice:
    """Which browsers are looked for, and how others may join."""

    browsers: tuple[str, ...] = (CHROMIUM,)
    listen: str = LOOPBACK
    """Address of this computer that links lead to."""
    count: int = 1
    """Browsers that join by link."""
    join_s: float = JOIN_S


def web(parser: Parser) -> None:
    """Add the options of ``--probe web``."""
    what = parser.add_argument_group("browsers", "with --probe web (docs/web.md)")
    what.add_argument(
        "--browser",
        choices=BROWSERS,
        action="append",
        metavar="WHICH",
        help="which browsers, may be given again: chromium (of this computer, the default), "
        "android (Chrome on each phone on adb), link (any browser that opens a link); implies "
        "--probe web",
    )
    what.add_argument(
        "--listen",
        metavar="ADDRESS",
        help="with --browser link: an address of this computer that the browser reaches; any but "
        f"localhost and 127.x.x.x is served with HTTPS ({LOOPBACK})",
    )
    what.add_argument(
        "--browsers", type=jobs, metavar="N", help="with --browser link: how many will join (1)"
    )
    what.add_argument(
        "--join-timeout",
        type=positive,
        metavar="S",
        help=f"with --browser link: how long to wait until they are ready ({JOIN_S:.0f})",
    )


def web_choice(args: Namespace) -> WebChoice:
    """What the options say. Raises :class:`InputError` for options of links without a link."""
    browsers = tuple(dict.fromkeys(args.browser or (CHROMIUM,)))
    for_links = {
        "--listen": args.listen, "--browsers": args.browsers, "--join-timeout": args.join_timeout,
    }  # fmt: skip
    given = [name for name, value in for_links.items() if value is not None]
    if given and LINK not in browsers:
        raise InputError(f"{given[0]} is for browsers that join", hint="add --browser link")
    return WebChoice(
        browsers,
        args.listen or LOOPBACK,
        args.browsers or 1,
        args.join_timeout or JOIN_S,
    )
