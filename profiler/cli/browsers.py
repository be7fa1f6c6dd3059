"""The way to browsers: one of this computer, those of phones on adb, those that people open."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from device_probes.android.ledger import state_folder
from device_probes.driver import Driver
from device_probes.web.bench import WebBench
from device_probes.web.seats import PageStatus, Seat
from device_probes.web.server import PageServer
from device_probes.web.status import PageState
from profiler.cli.text import clean, plural
from profiler.cli.web_arguments import ANDROID, CHROMIUM, LINK, WebChoice

SAID = {
    PageState.WAITING_FOR_TAP: "the page is open: tap its button",
    PageState.ASKING: "the browser asks for the microphone: allow it",
    PageState.READY: "ready",
    PageState.MEASURING: "measuring",
    PageState.DENIED: "the microphone was refused: allow it in the site's settings, then reload",
    PageState.NO_MICROPHONE: "the browser finds no microphone",
    PageState.INSECURE: "the browser does not trust the page: open the link as it is shown here",
    PageState.NO_WORKLET: "this browser is too old to measure: it has no AudioWorklet",
    PageState.HIDDEN: "the page is behind another tab or app: bring it to the front",
    PageState.SUSPENDED: "the browser holds the sound back: tap the page",
}
"""What to do about each state of a page, for the person at the bench."""


@contextmanager
def web_browsers(choice: WebChoice) -> Iterator[list[Driver]]:
    """A driver for each browser that was chosen.

    Those of links are asked for in the terminal (standard error), and this returns when they are
    ready. Raises :class:`~profiler.errors.DeviceError` where a browser is missing or nobody
    joined, :class:`~profiler.errors.InputError` for an address or a missing package.
    """
    with ExitStack() as stack:
        found: list[Driver] = []
        if {CHROMIUM, ANDROID} & set(choice.browsers):
            bench = WebBench(stack.enter_context(_serving(PageServer())), _tell)
            if CHROMIUM in choice.browsers:
                found.append(bench.local())
            if ANDROID in choice.browsers:
                from profiler.cli.phones import phone_browsers

                found += stack.enter_context(phone_browsers(bench))
        if LINK in choice.browsers:
            found += _joined(choice, stack)
        yield found


@contextmanager
def _serving(server: PageServer) -> Iterator[PageServer]:
    server.start()
    try:
        yield server
    finally:
        server.close()


def link_server(listen: str) -> tuple[PageServer, str]:
    """The server of links, and what phones must trust for it: the SHA-256 of the bench's authority.

    On this computer alone it is plain and needs no trust. Raises
    :class:`~profiler.errors.InputError` for an address that cannot be had.
    """
    if _is_loopback(listen):
        return PageServer(listen), ""
    from device_probes.web.certificates import server_identity

    identity = server_identity(state_folder() / "web", (listen,))
    server = PageServer(listen, tls=identity, names=(listen,), trust_port=0)
    return server, identity.fingerprint


def _is_loopback(address: str) -> bool:
    if address.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False  # the server says what is wrong with it


def _joined(choice: WebChoice, stack: ExitStack) -> Sequence[Driver]:
    """The browsers of links, once people have opened them."""
    server, fingerprint = link_server(choice.listen)
    bench = WebBench(stack.enter_context(_serving(server)))
    seats = bench.invite(choice.count)
    for seat in seats:
        stack.callback(seat.see_off)  # before the server ends: the page says that all is done
    _invite(server, fingerprint, seats)
    _tell(f"waiting for {plural(len(seats), 'browser')}, {choice.join_s:.0f} s at most")
    names = {seat.label: f"browser {n}" for n, seat in enumerate(seats, 1)}

    def changed(seat: Seat, status: PageStatus) -> None:
        detail = f" ({clean(status.detail, 200)})" if status.detail else ""
        _tell(f"{names[seat.label]}: {SAID[status.state]}{detail}")

    drivers = bench.joined(seats, choice.join_s, changed)
    if len(drivers) < len(seats):
        _tell(f"going on with {len(drivers)} of {len(seats)} browsers")
    return drivers


def _invite(server: PageServer, fingerprint: str, seats: Sequence[Seat]) -> None:
    """The links, as QR codes, too, and what a phone must trust first."""
    if server.trust_url:
        _tell(
            "once on each phone, because browsers give the microphone to trusted pages only: open\n"
            f"  {server.trust_url}\n"
            "on it and do what that page says; the certificate's SHA-256 is\n"
            f"  {fingerprint}"
        )
        _code(server.trust_url)
    else:
        _tell(
            "only browsers of this computer reach this link; for a phone\n"
            "name this computer's address in the phone's network with --listen"
        )
    for n, seat in enumerate(seats, 1):
        which = f" {n}" if len(seats) > 1 else ""
        _tell(f"link{which}, for one browser:\n  {seat.url}")
        if server.trust_url:  # no camera of a phone helps to reach a link of this computer
            _code(seat.url)


def _code(url: str) -> None:
    """The QR code, where there is a terminal to show it."""
    if sys.stderr.isatty():
        from device_probes.web.qr import qr_ansi

        print(qr_ansi(url), file=sys.stderr, flush=True)


def _tell(text: str) -> None:
    """On standard error: standard output is for results. The link holds a token and goes nowhere
    else."""
    print(text, file=sys.stderr, flush=True)
