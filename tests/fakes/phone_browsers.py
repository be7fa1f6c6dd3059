"""A plain browser for virtual phones: it fetches what it is told to show, and answers DevTools with
an echo. No page is rendered."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from adb_servers import until
from android_benches import Rig, has_note, rig, stay_on

from device_probes.android import PrivateServer
from device_probes.android.chrome import PhoneChrome
from device_probes.virtual.adbd import VirtualAndroid
from device_probes.virtual.adbd.browser import CHROME
from device_probes.virtual.adbd.core import PhoneCore

TOKEN = "Rkd995sObWDrc5PI4sovNvJSByBz1-_U"


class PlainBrowser:
    """A :class:`~device_probes.virtual.adbd.browser.RunningBrowser` inside the test."""

    def __init__(self, phone: PhoneCore) -> None:
        self._phone = phone
        self.alive = True
        self.got: list[tuple[str, int, bytes]] = []
        """Address, status and body of every page it was told to show."""
        self._echo = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def devtools_port(self) -> int | None:
        return int(self._echo.getsockname()[1])

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._echo.accept()
                with peer:
                    peer.sendall(peer.recv(65_536))

    def view(self, url: str) -> None:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(self._phone.loopback, parts.port, timeout=20)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}", b"x" * 300_000)
            answer = connection.getresponse()
            self.got.append((url, answer.status, answer.read()))
        except (OSError, http.client.HTTPException) as exc:
            self.got.append((url, 0, repr(exc).encode()))
        finally:
            connection.close()

    def shown(self, visible: bool) -> None:
        """Nothing is rendered."""

    def stop(self) -> None:
        self.alive = False
        self._echo.close()


class Host(ThreadingHTTPServer):
    """The page's server of a test: answers with :attr:`body`, keeps what came."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler)
        self.body = bytes(range(256)) * 12_000
        self.asked: list[tuple[str, str, int]] = []
        """Path, ``Host`` and size of the request."""


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length", "0"))
        sent = len(self.rfile.read(size))
        self.server.asked.append((self.path, self.headers.get("Host", ""), sent))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@contextlib.contextmanager
def host(address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[Host]:
    server = Host(address)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextlib.contextmanager
def with_chrome(server: PrivateServer, *, microphone: bool = False, **more) -> Iterator[Rig]:
    with rig("A1", on=server, **more) as made:
        made.phone.have_browser(PlainBrowser, microphone=microphone)
        yield made


def chrome_of(made: Rig, **more) -> PhoneChrome:
    (chrome,) = made.bench(**more).browsers()
    return chrome


def link(port: int) -> str:
    return f"http://localhost:{port}/?t={TOKEN}"


def pages(phone: VirtualAndroid) -> list[tuple[str, int, bytes]]:
    """What its browser was told to show, once it has."""
    browser = phone.browser
    assert browser is not None
    until(lambda: isinstance(browser.running, PlainBrowser) and browser.running.got, 20, "a page")
    assert isinstance(browser.running, PlainBrowser)
    return browser.running.got


def assert_as_found(made: Rig, *, microphone: bool = False) -> None:
    phone = made.phone
    assert phone.reversed.listed() == {}
    assert phone.packages.allowed(CHROME) is microphone
    assert stay_on(phone) == "0"
    assert not has_note(phone)
