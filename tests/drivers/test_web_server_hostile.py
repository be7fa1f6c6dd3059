"""Hostile peers of the page server: each gets a clear refusal, and a good browser never notices.

All traffic goes to loopback, and every loop is bounded.
"""

import json
import resource
import socket
import ssl
import struct
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_clients import READY, Browser, frame, query_of, serving, status
from websockets.exceptions import ConnectionClosed, InvalidStatus

from device_probes.web.certificates import server_identity
from device_probes.web.sockets import MAX_UNSENT_BYTES, MAX_WAITING, Timings
from device_probes.web.stream import MAX_INCOMING_BYTES
from device_probes.web.tokens import new_key


@pytest.fixture
def server():
    with serving() as running:
        yield running


@contextmanager
def unharmed(server):
    """A good browser is connected meanwhile, and another can connect afterwards."""
    seat, browser = server.seat("good"), Browser(server.port)
    with browser.joined(seat) as page:
        yield
        assert seat.connected
        stream = seat.stream()
        stream.settimeout(10)
        stream.send(memoryview(b"there?"))
        assert page.recv(10) == b"there?"
        page.send(b"here")
        assert stream.recv(10) == b"here"
    later = server.seat("later")
    with Browser(server.port).joined(later):
        assert later.connected


def closed(page):
    """The close code a page got."""
    try:
        while True:
            page.recv(10)
    except ConnectionClosed as exc:
        return exc.rcvd.code if exc.rcvd else None


def answer_to(port, data, *, timeout_s=10):
    """Everything the server says to raw bytes until it hangs up."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as raw:
        try:
            raw.sendall(data)
            while part := raw.recv(65_536):
                got += part
        except ConnectionError:
            pass  # hung up on, which is an answer
    return got


def close_code(raw):
    """The code in the first close frame the server sends, or None when it just hangs up."""
    try:
        data = b""
        while part := raw.recv(65_536):
            data += part
    except ConnectionError:
        pass
    at = data.find(b"\x88")
    return struct.unpack("!H", data[at + 2 : at + 4])[0] if at >= 0 else None


@contextmanager
def raw_page(server, **options):
    """A page's WebSocket without a client library behind it."""
    seat, browser = server.seat("raw"), Browser(server.port)
    browser.open(seat)
    with browser.raw(query_of(seat), **options) as raw:
        raw.sendall(frame(1, status("ready").encode()))
        seat.wait_for(READY, 5)
        yield seat, raw


# --- who may connect ------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?t=", "?t=wrong", "?t=" + "A" * 32, "?t=%00", "?x=1"])
def test_a_wrong_token_is_not_allowed(server, query):
    with (
        unharmed(server),
        Browser(server.port, cookie=f"chirpbench_{server.port}={new_key()}").socket(query) as page,
    ):
        assert closed(page) == 4003


def test_a_used_token_is_not_allowed(server):
    seat, owner, thief = server.seat("phone"), Browser(server.port), Browser(server.port)
    assert thief.open(seat).status == 200  # saw the link before it was used
    with unharmed(server), owner.joined(seat):
        with thief.socket(query_of(seat)) as page:
            assert closed(page) == 4003
        assert seat.connected


def test_the_token_of_another_seat_is_not_allowed(server):
    mine, other = server.seat("mine"), server.seat("other")
    browser, owner = Browser(server.port), Browser(server.port)
    with unharmed(server), browser.joined(mine), owner.joined(other):
        with browser.socket(query_of(other)) as page:
            assert closed(page) == 4003
        assert other.stream()


def test_a_browser_without_a_cookie_is_told_to_allow_it(server):
    seat = server.seat("phone")
    with (
        unharmed(server),
        Browser(server.port).socket(query_of(seat)) as page,
        pytest.raises(ConnectionClosed) as caught,
    ):
        page.recv(5)
    assert (caught.value.rcvd.code, "cookies" in caught.value.rcvd.reason) == (4003, True)
    with Browser(server.port).joined(seat):  # and took nothing
        assert seat.connected


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://evil.example",
        "https://localhost:{port}",
        "http://localhost:1",
        "http://127.0.0.1:{port}",
    ],
)
def test_another_origin_gets_no_websocket(server, origin):
    seat, browser = server.seat("phone"), Browser(server.port)
    browser.open(seat)
    with unharmed(server), pytest.raises(InvalidStatus) as caught:
        browser.socket(query_of(seat), origin=origin.format(port=server.port))
    assert caught.value.response.status_code == 403


def test_a_program_without_an_origin_gets_no_websocket(server):
    seat, browser = server.seat("phone"), Browser(server.port)
    browser.open(seat)
    with unharmed(server), pytest.raises(InvalidStatus):
        browser.socket(query_of(seat), origin=None)


def test_dns_rebinding_gets_nothing(server):
    """A page of evil.example that made its name point here has the right path, the wrong Host."""
    seat = server.seat("phone")
    evil = Browser(server.port, host=f"evil.example:{server.port}")
    with unharmed(server):
        assert evil.open(seat).status == 403
        assert evil.get("/page/app.js").status == 403
        with pytest.raises(InvalidStatus):
            evil.socket(query_of(seat))
    assert not evil.cookie


def test_a_page_without_the_subprotocol_is_refused_and_takes_nothing(server):
    seat, browser, other = server.seat("phone"), Browser(server.port), Browser(server.port)
    browser.open(seat)
    with unharmed(server):
        for offered in (None, ["chat"]):
            with pytest.raises(InvalidStatus) as caught:
                browser.socket(query_of(seat), subprotocols=offered)
            refused = caught.value.response
            assert refused.status_code == 400
            assert refused.headers["X-Content-Type-Options"] == "nosniff"
        with other.joined(seat):
            assert seat.connected


# --- what a page sends ----------------------------------------------------------------------------


def test_a_message_over_400_kb_is_too_big(server):
    with unharmed(server), raw_page(server) as (_, raw):
        raw.sendall(b"\x82\xff" + struct.pack("!Q", 400_001) + bytes(4))  # the header is enough
        assert close_code(raw) == 1009


def test_an_announced_terabyte_takes_no_memory(server):
    with unharmed(server), raw_page(server) as (_, raw):
        raw.sendall(b"\x82\xff" + struct.pack("!Q", 1 << 40) + bytes(4))
        assert close_code(raw) == 1009


def test_fragments_add_up_to_too_big(server):
    with unharmed(server), raw_page(server) as (_, raw):
        raw.sendall(frame(2, b"x" * 300_000, first=0))
        raw.sendall(frame(0, b"x" * 300_000, first=0))
        assert close_code(raw) == 1009


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"ready",
        b"\xff\xfe",
        b"[" * 5_000,
        json.dumps({"state": "ready"}).encode(),
        status("ready", detail="x" * 5_000).encode(),
        status("rm -rf /").encode(),
        b'{"state":{"a":' * 10 + b"1" + b"}" * 20,
        b"x" * 300_000,
    ],
    ids=lambda text: text[:12].hex(),
)
def test_a_status_that_breaks_the_rules_ends_the_page(server, text):
    with unharmed(server), raw_page(server) as (seat, raw):
        raw.sendall(frame(1, text))
        assert close_code(raw) in (1007, 1008)
        assert not seat.connected or seat.wait_for(READY, 0.1)


def test_a_flood_of_statuses_ends_the_page(server):
    with unharmed(server), raw_page(server) as (_, raw):
        raw.sendall(frame(1, status("ready").encode()) * 500)
        assert close_code(raw) == 1008


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(2, b"x" * 50, first=0xC0), 1002),  # "compressed": nobody agreed to that
        (frame(3, b""), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(0, b"x"), 1002),
        (b"\x82\x05hello", 1002),  # not masked
        (frame(1, b"x", first=0) + frame(1, b"x"), 1002),
        (frame(8, b"\x03"), 1002),
    ],
    ids=["compressed", "unknown", "long ping", "no start", "unmasked", "interleaved", "bad close"],
)
def test_frames_that_break_the_websocket_end_it(server, data, code):
    with unharmed(server), raw_page(server) as (_, raw):
        raw.sendall(data)
        assert close_code(raw) == code


def test_compression_is_never_agreed_to(server):
    """So there is no compression bomb."""
    seat, browser = server.seat("phone"), Browser(server.port)
    browser.open(seat)
    with unharmed(server), browser.socket(query_of(seat), compression="deflate") as page:
        assert "Sec-WebSocket-Extensions" not in page.response.headers


@pytest.mark.parametrize("cut", [1, 3, 8, 40])
def test_a_connection_that_breaks_in_mid_frame_ends_the_stream(server, cut):
    with unharmed(server):
        with raw_page(server) as (seat, raw):
            stream = seat.stream()
            stream.settimeout(5)
            raw.sendall(frame(2, b"whole") + frame(2, b"x" * 100)[:cut])
            assert stream.recv(100) == b"whole"
        assert stream.recv(100) == b""


def test_a_reset_connection_ends_the_stream(server):
    with unharmed(server):
        with raw_page(server) as (seat, raw):
            stream = seat.stream()
            stream.settimeout(5)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert stream.recv(100) == b""


def test_a_page_that_sends_on_and_on_unasked_is_held_back(server):
    """Nobody reads: the queue fills to its bound, then the network pushes back."""
    with unharmed(server), raw_page(server) as (seat, raw):
        stream = seat.stream()
        raw.settimeout(0.5)
        with pytest.raises(TimeoutError):
            raw.sendall(frame(2, b"x" * 100_000) * 1_000)
        assert len(stream._incoming) <= MAX_INCOMING_BYTES + 400_000


def test_a_page_that_never_reads_does_not_block_the_host():
    slow = Timings(open_s=1, ping_s=60, pong_s=0.5, close_s=0.5)
    with serving(timings=slow) as server, unharmed(server), raw_page(server) as (seat, _):
        stream = seat.stream()
        stream.settimeout(0.05)
        block = memoryview(b"x" * 65_536)
        outcome = None
        for _ in range(4_000):
            try:
                stream.send(block)
            except OSError as exc:  # a timeout first, later the page counts as gone
                outcome = exc
                if not isinstance(exc, TimeoutError):
                    break
        assert isinstance(outcome, ConnectionError)
        assert not seat.connected


def test_pings_without_end_to_one_who_never_reads_take_bounded_memory(server):
    with unharmed(server), raw_page(server) as (_, raw):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        raw.settimeout(60)
        pongs = 20 * MAX_UNSENT_BYTES  # what the kernel's buffers hold comes on top
        with pytest.raises(ConnectionError):
            raw.sendall(frame(9, b"x" * 125) * (pongs // 125))


# --- requests -------------------------------------------------------------------------------------


def request(port, first_line, *headers):
    lines = [first_line, f"Host: localhost:{port}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "PRI", "GETX"]
)
def test_only_get_is_answered(server, method):
    with unharmed(server):
        answer = answer_to(server.port, request(server.port, f"{method} / HTTP/1.1"))
        assert answer.startswith(b"HTTP/1.1 405 ")
        assert b"Allow: GET" in answer


def test_a_large_post_gets_its_refusal_all_the_same(server):
    head = request(server.port, "POST / HTTP/1.1", "Content-Length: 3000000")
    with unharmed(server):
        assert answer_to(server.port, head + b"x" * 100_000).startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 1_000 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + (b"X: " + b"a" * 8_000 + b"\r\n") * 100,
    ],
    ids=["long path", "long header", "many headers", "large headers"],
)
def test_large_requests_are_refused(server, data):
    with unharmed(server):
        assert answer_to(server.port, data).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # TLS to the plain port
        b"SSH-2.0-x\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\n\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n\xff: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=lambda data: data[:24].hex(),
)
def test_what_is_no_request_gets_a_refusal_or_is_hung_up_on(server, data):
    with unharmed(server):
        answer = answer_to(server.port, data)
        assert answer == b"" or answer[9:10] == b"4"


@pytest.mark.parametrize(
    "path",
    [
        "/page/../../profiler/errors.py",
        "/page/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/page/..%5c..%5cpyproject.toml",
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/page/\x00app.js",
        "/page/app.js\x00",
        "/page/app.js%00.css",
        "/" + "a/" * 3_000,
        "/probe/../",
        "/trust",
        "/ca.crt",
    ],
)
def test_paths_that_go_astray_are_not_found(server, path):
    with unharmed(server):
        answer = answer_to(server.port, request(server.port, f"GET {path} HTTP/1.1"))
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"import" not in answer.partition(b"\r\n\r\n")[2]
        assert b"root:" not in answer


def test_the_probe_path_without_a_websocket_says_so(server):
    origin = f"Origin: http://localhost:{server.port}"
    answer = answer_to(server.port, request(server.port, "GET /probe HTTP/1.1", origin))
    assert answer.startswith(b"HTTP/1.1 426 ")
    assert b"Content-Security-Policy" in answer


# --- many and slow --------------------------------------------------------------------------------


def test_two_hundred_connections_at_once(server):
    with unharmed(server), ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        with Browser(server.port).joined(server.seat("amid")):
            pass


def test_more_waiting_connections_than_allowed_push_out_the_oldest():
    patient = Timings(open_s=60, ping_s=60, close_s=0.5)
    with serving(timings=patient) as server, unharmed(server), ExitStack() as stack:
        first = stack.enter_context(
            socket.create_connection(("127.0.0.1", server.port), timeout=10)
        )
        for _ in range(MAX_WAITING + 10):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        assert first.recv(1) == b""


def test_slow_headers_end_in_time(server):
    """Slowloris: a byte now and then keeps no connection beyond its deadline."""
    with unharmed(server), ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            for _ in range(50)
        ]
        for byte in b"GET / HTTP/1.1\r\nX: " + b"a" * 150:
            slow = [raw for raw in slow if takes(raw, bytes([byte]))]
            time.sleep(0.05)
        assert not slow


def takes(raw, data):
    """Whether the server still reads from a connection and has not answered."""
    try:
        raw.setblocking(True)
        raw.sendall(data)
        raw.setblocking(False)
        return raw.recv(1) == b"nothing is expected"
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_tls_handshakes_that_never_end_do_not_keep_others_out(tmp_path):
    identity = server_identity(tmp_path, ["localhost", "127.0.0.1"])
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(identity.ca_der))
    with serving(tls=identity) as server, ExitStack() as stack:
        for n in range(100):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            raw.sendall(b"\x16\x03\x01\x02\x00" if n % 2 else b"GET / HTTP/1.1\r\n\r\n")
        seat = server.seat("phone")
        good = Browser(server.port, tls=trust, host=f"127.0.0.1:{server.port}")
        with good.joined(seat):
            assert seat.connected


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_file_descriptor_and_little_memory_is_left_behind(server):
    def attack():
        for _ in range(20):
            with raw_page(server) as (_, raw):
                raw.sendall(frame(2, b"x" * 300_000))
                raw.sendall(b"\x82\xff" + struct.pack("!Q", 1 << 40) + bytes(4))
                close_code(raw)
            answer_to(server.port, b"\x00" * 5_000)
            answer_to(server.port, request(server.port, "GET /page/../x HTTP/1.1"))

    attack()
    open_files = descriptors()
    memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        attack()
    end = time.monotonic() + 10
    while descriptors() > open_files and time.monotonic() < end:
        time.sleep(0.05)
    assert descriptors() <= open_files
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kb < 30_000


def test_closing_amid_hostile_peers_ends_in_time(tmp_path):
    identity = server_identity(tmp_path, ["localhost"])
    for tls in (None, identity):
        with ExitStack() as stack:
            server = stack.enter_context(serving(tls=tls, timings=Timings(close_s=0.5)))
            for _ in range(20):
                raw = socket.create_connection(("127.0.0.1", server.port))
                stack.enter_context(raw).sendall(b"GET / HT")
            if tls is None:
                seat, raw = stack.enter_context(raw_page(server))
                seat.stream().send(memoryview(b"x" * 65_536))
            closing = threading.Thread(target=server.close)
            closing.start()
            closing.join(20)
            assert not closing.is_alive()


# --- anything at all ------------------------------------------------------------------------------

anything = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def sturdy():
    with serving(timings=Timings(open_s=0.2, ping_s=60, close_s=0.2)) as running:
        yield running


@anything
@given(data=st.binary(max_size=300) | st.binary(max_size=100).map(b"GET /".__add__))
def test_any_bytes_to_the_port(sturdy, data):
    answer = answer_to(sturdy.port, data)
    assert answer == b"" or answer[9:10] == b"4"
    assert Browser(sturdy.port).get("/page/app.js").status == 200


@anything
@given(
    messages=st.lists(
        st.tuples(st.sampled_from([1, 2, 0, 8, 9, 10]), st.binary(max_size=130)), max_size=6
    ),
    rest=st.binary(max_size=40),
)
def test_any_frames_from_a_page(sturdy, messages, rest):
    with raw_page(sturdy) as (seat, raw):
        raw.settimeout(5)
        try:
            raw.sendall(b"".join(frame(*message) for message in messages) + rest)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65_536):
                pass
        except ConnectionError:
            pass
        seat.finish()
    assert Browser(sturdy.port).get("/page/app.js").status == 200
