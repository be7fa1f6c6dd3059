"""The page server over real sockets: the page, its cookie, the WebSocket, TLS, the trust page."""

import json
import logging
import socket
import ssl
import sys
import threading
import time

import pytest
from page_clients import READY, Browser, frame, query_of, serving, status
from websockets.exceptions import ConnectionClosed

from device_probes.client import ProbeClient
from device_probes.server import ProbeServer
from device_probes.web.certificates import server_identity
from device_probes.web.server import PageServer
from device_probes.web.sockets import Timings
from profiler.errors import DeviceLost, DeviceTimeout, InputError
from profiler.model import DeviceFacts, Platform

FACTS = DeviceFacts(Platform.WEB, "ACME", "Tape", "ACME Tape", "", "Linux", "6.1", "1")


@pytest.fixture
def page_server():
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return server_identity(tmp_path_factory.mktemp("ca"), ["localhost", "127.0.0.1"])


def trusting(identity):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(identity.ca_der))
    return context


def closed(page):
    """The close code and reason a page got."""
    try:
        while True:
            page.recv(5)
    except ConnectionClosed as exc:
        return exc.rcvd.code, exc.rcvd.reason


def eventually(true):
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.01)


# --- the page -------------------------------------------------------------------------------------


def test_the_link_gives_the_page_and_its_files(page_server):
    seat, browser = page_server.seat("phone"), Browser(page_server.port)
    assert seat.url.startswith(f"http://localhost:{page_server.port}/?t=")
    page = browser.open(seat)
    assert page.status == 200
    assert "<html" in page.text
    assert page.headers["Content-Length"] == str(len(page.body))
    assert browser.get("/page/app.js").status == 200
    assert browser.get("/favicon.ico").status == 204


def test_the_first_browser_owns_the_link_and_may_reload(page_server):
    seat = page_server.seat("phone")
    first, second = Browser(page_server.port), Browser(page_server.port)
    with first.joined(seat):
        used = second.open(seat)
        assert (used.status, second.cookie) == (403, "")
        assert "used already" in used.text
        assert first.open(seat).status == 200
        assert first.get("/").status == 200  # the cookie knows the seat
    with first.joined(seat):
        assert seat.connected


def test_looking_at_the_link_takes_nothing(page_server):
    seat = page_server.seat("phone")
    assert Browser(page_server.port).open(seat).status == 200  # the preview of a messenger
    with Browser(page_server.port).joined(seat):
        assert seat.connected


def test_one_browser_may_have_several_seats(page_server):
    browser = Browser(page_server.port)
    one, two = page_server.seat("one"), page_server.seat("two")
    with browser.joined(one), browser.joined(two):
        assert one.connected
        assert two.connected
        assert one.stream() is not two.stream()


def test_a_page_without_a_token_finds_its_seat_by_the_cookie(page_server):
    seat, browser = page_server.seat("phone"), Browser(page_server.port)
    with browser.joined(seat):
        pass
    eventually(lambda: not seat.connected)
    with browser.socket("") as page:
        page.send(status("ready"))
        assert seat.wait_for(READY, 10)


def test_without_a_link_the_page_says_what_to_do(page_server):
    for path in ("/", "/?t=" + "A" * 32, "/?t=", "/?t=%00"):
        answer = Browser(page_server.port).get(path)
        assert answer.status == 403
        assert "terminal" in answer.text


# --- the WebSocket --------------------------------------------------------------------------------


def test_the_probe_contract_runs_over_the_websocket(page_server):
    """The host's real client against the repository's real device side, behind a WebSocket."""
    seat, browser = page_server.seat("phone"), Browser(page_server.port)

    class Tape:
        def facts(self):
            return FACTS

    with browser.joined(seat) as page:
        here, there = socket.socketpair()
        probe = ProbeServer(Tape(), there, version="1.0")

        def to_page():
            while data := here.recv(65_536):
                page.send(data)

        def to_probe():
            try:
                for message in page:
                    here.sendall(message)
            except (ConnectionClosed, OSError):
                pass

        threads = [threading.Thread(target=run) for run in (probe.serve, to_page, to_probe)]
        for thread in threads:
            thread.start()
        client = ProbeClient(seat.stream(), "phone")
        client.handshake()
        assert client.facts().model == "Tape"
        client.close()
        threads[2].join(10)
        assert page.close_code == 1012
        there.close()
        for thread in threads:
            thread.join(10)
        here.close()


def test_every_byte_arrives_in_order_both_ways(page_server):
    seat, browser = page_server.seat("phone"), Browser(page_server.port)
    data = bytes(range(256)) * 40_000  # 10 MB: more than all queues together
    with browser.joined(seat) as page:
        stream = seat.stream()
        stream.settimeout(10)
        got = bytearray()

        def host_sends():
            left = memoryview(data)
            while left:
                left = left[stream.send(left) :]

        sender = threading.Thread(target=host_sends)
        sender.start()
        while len(got) < len(data):
            got += page.recv(10)
        sender.join()
        assert got == data

        def page_sends():
            for start in range(0, len(data), 399_999):
                page.send(data[start : start + 399_999])

        sender = threading.Thread(target=page_sends)
        sender.start()
        got = bytearray()
        while len(got) < len(data):
            got += stream.recv(1_000_000)
        sender.join()
        assert got == data


def test_lines_and_bytes_go_side_by_side(page_server):
    seat = page_server.seat("phone")
    with Browser(page_server.port).joined(seat) as page:
        seat.say("L1, trial 2 of 6")
        assert json.loads(page.recv(5)) == {"say": "L1, trial 2 of 6"}
        seat.stream().send(memoryview(b"bytes"))
        assert page.recv(5) == b"bytes"


def test_statuses_reach_the_host(page_server):
    seat = page_server.seat("phone")
    with Browser(page_server.port).joined(seat) as page:
        page.send(status("denied", detail="blocked"))
        assert seat.wait_for(frozenset({"denied"}), 5).detail == "blocked"
        page.send(status("ready"))
        assert seat.wait_for(READY, 5).browser_id == "0123456789abcdef"


def test_finishing_closes_the_page_and_the_link(page_server):
    seat, browser = page_server.seat("phone"), Browser(page_server.port)
    with browser.joined(seat) as page:
        seat.finish()
        seat.finish()
        assert closed(page) == (4000, "finished")
    assert browser.open(seat).status == 410
    assert browser.get("/").status == 410
    with browser.socket(query_of(seat)) as page:  # the page tries to come back
        assert closed(page)[0] == 4000
    with pytest.raises(DeviceLost, match="finished"):
        seat.wait_for(READY, 5)


def test_a_host_that_hangs_up_lets_the_page_come_back(page_server):
    seat, browser = page_server.seat("phone"), Browser(page_server.port)
    with browser.joined(seat) as page:
        stream = seat.stream()
        stream.send(memoryview(b"bye"))
        stream.close()
        assert not seat.connected
        with browser.joined(seat):
            assert seat.stream() is not stream
        assert page.recv(5) == b"bye"
        assert closed(page)[0] == 1012


def test_a_closed_tab_ends_the_stream(page_server):
    seat = page_server.seat("phone")
    with Browser(page_server.port).joined(seat) as page:
        stream = seat.stream()
        stream.settimeout(5)
        page.send(b"half a fra")
    assert stream.recv(100) == b"half a fra"
    assert stream.recv(100) == b""
    eventually(lambda: not seat.connected)
    with pytest.raises(DeviceLost, match="not open"):
        seat.stream()


def test_a_closed_tab_does_not_end_the_waiting(page_server):
    seat, browser = page_server.seat("phone"), Browser(page_server.port)
    with browser.joined(seat):
        pass
    found = []
    waiter = threading.Thread(target=lambda: found.append(seat.wait_for(READY, 10)))
    eventually(lambda: not seat.connected)
    waiter.start()
    with browser.joined(seat):
        waiter.join(10)
    assert found[0].state == "ready"


def test_a_second_tab_is_told_so_and_the_first_goes_on(page_server):
    seat, browser = page_server.seat("phone"), Browser(page_server.port)
    with browser.joined(seat) as first:
        stream = seat.stream()
        with browser.socket(query_of(seat)) as second:
            assert closed(second)[0] == 4001
        assert seat.stream() is stream
        stream.send(memoryview(b"still you"))
        assert first.recv(5) == b"still you"
    with browser.joined(seat):  # the first was closed: now the second may
        assert seat.connected


def test_a_tab_that_is_dead_gives_way_to_a_new_one():
    quick = Timings(open_s=2, ping_s=60, pong_s=60, close_s=0.5, takeover_s=0.2)
    with serving(timings=quick) as server:
        seat, browser = server.seat("phone"), Browser(server.port)
        browser.open(seat)
        with browser.raw(query_of(seat)) as dead:
            dead.sendall(frame(1, status("ready").encode()))
            seat.wait_for(READY, 5)
            stream = seat.stream()
            with browser.joined(seat):
                eventually(lambda: seat.connected and seat.stream() is not stream)
                assert stream.recv(10) == b""


def test_a_phone_that_is_out_of_reach_is_noticed():
    with serving(timings=Timings(ping_s=0.5, pong_s=0.5, close_s=0.2)) as server:
        seat, browser = server.seat("phone"), Browser(server.port)
        browser.open(seat)
        with browser.raw(query_of(seat)):
            eventually(lambda: seat.connected)
            eventually(lambda: not seat.connected)


def test_a_connection_that_idles_stays_good():
    """A hundred ping intervals, as 33 minutes have with the real one."""
    quick = Timings(open_s=1, ping_s=0.02, pong_s=5)
    with serving(timings=quick) as server:
        seat = server.seat("phone")
        with Browser(server.port).joined(seat) as page:
            stream = seat.stream()
            time.sleep(2)
            assert seat.stream() is stream
            stream.send(memoryview(b"still here"))
            assert page.recv(5) == b"still here"


# --- the server -----------------------------------------------------------------------------------


def test_closing_the_server_tells_pages_and_waiting_hosts():
    with serving() as server:
        seat, other = server.seat("phone"), server.seat("other")
        with Browser(server.port).joined(seat) as page:
            failed = []

            def wait():
                try:
                    other.wait_for(READY, 10)
                except DeviceLost as exc:
                    failed.append(str(exc))

            waiter = threading.Thread(target=wait)
            waiter.start()
            server.close()
            server.close()
            assert closed(page)[0] == 1001
            waiter.join(10)
        assert failed
        assert "closed" in failed[0]
        with pytest.raises(DeviceLost):
            seat.stream()
    assert not [thread for thread in threading.enumerate() if thread.name == "page-server"]


def test_finish_right_before_close_still_says_finished():
    with serving() as server:
        seat = server.seat("phone")
        with Browser(server.port).joined(seat) as page:
            seat.finish()
            server.close()
            assert closed(page)[0] == 4000


def test_the_port_is_free_again_after_closing():
    with serving() as server:
        port = server.port
    with serving(port=port) as server:
        assert server.port == port


def test_a_port_in_use_names_the_remedy(page_server):
    with pytest.raises(InputError, match=f"port {page_server.port}.*in use.*choose another port"):
        PageServer(port=page_server.port).start()


@pytest.mark.parametrize(
    ("listen", "why"),
    [("192.0.2.1", "without HTTPS"), ("0.0.0.0", "without HTTPS"), ("bench", "no IP address")],
)
def test_what_cannot_be_listened_on_is_refused(listen, why):
    with pytest.raises(InputError, match=why):
        PageServer(listen)


def test_an_address_of_another_machine_names_the_remedy(identity):
    with pytest.raises(InputError, match="address of this computer"):
        PageServer("192.0.2.1", tls=identity).start()
    with pytest.raises(InputError, match="no TCP port"):
        PageServer(port=70_000).start()


def test_a_trust_port_in_use_leaves_no_socket_open(identity, page_server):
    server = PageServer(tls=identity, trust_port=page_server.port)
    with pytest.raises(InputError, match="in use"):
        server.start()
    with serving(port=server.port):
        pass


def test_it_listens_on_ipv6_loopback():
    with serving(listen="::1", names=("::1",)) as server:
        seat = server.seat("phone")
        assert seat.url.startswith(f"http://[::1]:{server.port}/?t=")
        with socket.create_connection(("::1", server.port)) as raw:
            raw.sendall(f"GET / HTTP/1.1\r\nHost: [::1]:{server.port}\r\n\r\n".encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 403")


def test_without_the_package_it_says_what_to_install(monkeypatch):
    for name in list(sys.modules):
        if name.startswith("websockets") or name == "device_probes.web.sockets":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "websockets.asyncio.server", None)
    with pytest.raises(InputError, match=r"pip install 'chirpbench\[web\]'"):
        PageServer().start()


def test_no_token_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="websockets")
    with serving() as server:
        seat, browser = server.seat("phone"), Browser(server.port)
        with browser.joined(seat) as page:
            page.send("not a status")
            closed(page)
        browser.get("/?t=wrong")
    token, key = query_of(seat).removeprefix("?t="), browser.cookie.partition("=")[2]
    # The client of this test logs, too: only the server's own records count.
    records = [r for r in caplog.records if not r.name.startswith("websockets.client")]
    assert not [r for r in records if token in r.getMessage() or key in r.getMessage()]


def test_a_status_that_breaks_the_rules_names_what_was_wrong(page_server):
    seat = page_server.seat("phone")
    with Browser(page_server.port).joined(seat) as page:
        page.send(status("dancing"))
        assert closed(page)[0] == 1008
    with pytest.raises(DeviceTimeout, match="dancing"):
        seat.wait_for(READY, 0.01)


# --- HTTPS ----------------------------------------------------------------------------------------


def test_a_phone_that_trusts_the_bench_gets_the_page_over_https(identity):
    with serving(tls=identity) as server:
        seat = server.seat("phone")
        assert seat.url.startswith("https://localhost:")
        browser = Browser(server.port, tls=trusting(identity), host=f"127.0.0.1:{server.port}")
        with browser.joined(seat) as page:
            seat.stream().send(memoryview(b"secret"))
            assert page.recv(5) == b"secret"
        assert browser.get("/page/app.js").status == 200
        fresh = Browser(server.port, tls=trusting(identity), host=f"127.0.0.1:{server.port}")
        assert "; Secure" in fresh.open(server.seat("other")).headers["Set-Cookie"]


def test_a_phone_that_does_not_trust_the_bench_gets_nothing(identity):
    with serving(tls=identity) as server:
        stranger = Browser(
            server.port, tls=ssl.create_default_context(), host=f"127.0.0.1:{server.port}"
        )
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.open(server.seat("phone"))
        with pytest.raises(ConnectionError):
            Browser(server.port).get("/")  # plain HTTP to the HTTPS port


def test_the_trust_page_is_plain_and_serves_two_things(identity):
    with serving(tls=identity, trust_port=0) as server:
        port = int(server.trust_url.removesuffix("/trust").rpartition(":")[2])
        phone = Browser(port)
        page = phone.get("/trust")
        assert page.status == 200
        assert identity.fingerprint in page.text
        assert phone.get("/ca.crt").body == identity.ca_der
        for path in ("/", "/page/app.js", "/probe", f"/{query_of(server.seat('phone'))}"):
            assert phone.get(path).status == 404
        assert Browser(port, host="evil.example").get("/ca.crt").status == 403


def test_without_tls_nothing_listens_for_trust():
    with serving(trust_port=0) as server:
        assert server.trust_url == ""
