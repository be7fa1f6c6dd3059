"""Tokens and their owners, statuses, and the seat as the host's threads see it."""

import asyncio
import json
import threading
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_probes.fields import Malformed, clean
from device_probes.web.seats import Seat
from device_probes.web.status import PageState, RateLimit, read_status
from device_probes.web.stream import (
    DONE,
    GOING_AWAY,
    HUNG_UP,
    MAX_INCOMING_BYTES,
    MAX_OUTGOING_BYTES,
    Farewell,
    PageStream,
)
from device_probes.web.tokens import (
    MAX_SEATS,
    Entry,
    SeatBook,
    cookie_name,
    key_in,
    new_key,
    token_in,
)
from profiler.errors import DeviceLost, DeviceTimeout

# --- tokens ---------------------------------------------------------------------------------------


def test_a_token_holds_128_bits_and_more_and_fits_into_a_url():
    book = SeatBook()
    tokens = {book.issue() for _ in range(100)}
    assert len(tokens) == 100
    for token in tokens:
        assert len(token) * 6 >= 128
        assert token_in(urlencode({"t": token})) == token


def test_the_first_browser_that_connects_owns_the_seat():
    book = SeatBook()
    token, first, second = book.issue(), new_key(), new_key()
    assert book.look(token, None).entry is Entry.OPEN
    assert book.look(token, second).entry is Entry.OPEN  # looking at the page takes nothing
    assert book.claim(token, first).entry is Entry.OWNER
    assert book.claim(token, second).entry is Entry.USED
    assert book.look(token, None).entry is Entry.USED
    assert book.claim(token, first).token == token  # reloading is no second use


def test_a_browser_without_a_key_takes_no_seat():
    book = SeatBook()
    token = book.issue()
    assert book.claim(token, None).entry is Entry.OPEN
    assert book.claim(token, new_key()).entry is Entry.OWNER


def test_the_owner_is_known_without_the_token():
    book = SeatBook()
    token, key = book.issue(), new_key()
    book.claim(token, key)
    assert book.look(None, key) == book.look(token, key)
    assert book.look(None, new_key()).entry is Entry.UNKNOWN
    assert book.look(None, None).entry is Entry.UNKNOWN


def test_without_a_token_the_newest_open_seat_of_the_browser_counts():
    book, key = SeatBook(), new_key()
    first, second = book.issue(), book.issue()
    book.claim(first, key)
    book.claim(second, key)
    assert book.look(None, key).token == second
    book.finish(second)
    assert book.look(None, key).token == first


def test_a_finished_token_opens_nothing_and_says_so():
    book, key = SeatBook(), new_key()
    token = book.issue()
    book.claim(token, key)
    book.finish(token)
    assert book.claim(token, key).entry is Entry.FINISHED
    assert book.look(None, key).entry is Entry.FINISHED


def test_the_token_of_another_seat_says_nothing_of_that_seat():
    book = SeatBook()
    mine, other = book.issue(), book.issue()
    book.claim(other, new_key())
    assert book.claim(other, new_key()).token == ""
    assert book.look(mine, None).entry is Entry.OPEN


@pytest.mark.parametrize("token", ["", "x", "nöl" * 10, "A" * 32, "\udce4" * 32])
def test_wrong_tokens_are_unknown(token):
    book = SeatBook()
    book.issue()
    assert book.claim(token, new_key()).entry is Entry.UNKNOWN


def test_old_finished_seats_are_forgotten_before_open_ones():
    book = SeatBook()
    kept, gone = book.issue(), book.issue()
    book.finish(gone)
    for _ in range(MAX_SEATS - 1):
        book.issue()
    assert book.look(kept, None).entry is Entry.OPEN
    assert book.look(gone, None).entry is Entry.UNKNOWN


def test_one_seat_one_owner_however_many_threads_ask():
    book = SeatBook()
    token, keys = book.issue(), [new_key() for _ in range(16)]
    go, found = threading.Barrier(16), []

    def ask(key):
        go.wait()
        found.append(book.claim(token, key).entry)

    threads = [threading.Thread(target=ask, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [Entry.OWNER, *[Entry.USED] * 15]


@given(st.text(max_size=300))
def test_any_query_gives_a_token_or_none(query):
    token = token_in(query)
    assert token is None or token == "" or (22 <= len(token) <= 64 and token.isascii())


@pytest.mark.parametrize(
    ("query", "token"),
    [
        ("", None),
        ("u=1", None),
        ("t=", ""),
        ("t=short", ""),
        ("t=" + "a" * 65, ""),
        ("t=" + "a" * 32 + "&t=" + "b" * 32, ""),
        ("&".join(["a=1"] * 50), ""),
        ("t=" + "a" * 30 + "%00%0a", ""),
        ("x=1&t=" + "a" * 32, "a" * 32),
    ],
)
def test_only_one_well_formed_token_counts(query, token):
    assert token_in(query) == token


@given(st.text(max_size=300))
def test_any_cookie_header_gives_a_key_or_none(cookies):
    key = key_in(cookies, 8000)
    assert key is None or 22 <= len(key) <= 64


@given(st.sampled_from([new_key() for _ in range(5)]), st.integers(1, 65535))
def test_the_key_is_found_as_browsers_send_it(key, port):
    jar = SimpleCookie({"other": "1", cookie_name(port): key, "last": "x"})
    header = jar.output(attrs=[], header="", sep=";").strip()
    assert key_in(header, port) == key
    assert key_in(header, port + 1) is None


# --- statuses -------------------------------------------------------------------------------------


def said(**more):
    fields = {"state": "ready", "detail": "", "browser_id": "0123456789abcdef", **more}
    return json.dumps({name: value for name, value in fields.items() if value is not ...})


def test_a_status_is_read_and_cleaned():
    status = read_status(said(state="denied", detail="no\x1b[31m\u202emic\n"))
    assert status.state is PageState.DENIED
    assert status.state == "denied"
    assert status.detail == "no\ufffd[31m\ufffdmic\ufffd"
    assert status.browser_id == "0123456789abcdef"
    assert read_status(said(detail=...)).detail == ""


@pytest.mark.parametrize(
    "message",
    [
        "",
        "ready",
        "[]",
        "null",
        "{}",
        said(state="dancing"),
        said(state=1),
        said(state=["ready"]),
        said(detail="x" * 201),
        said(detail=5),
        said(browser_id=...),
        said(browser_id="0123456789ABCDEF"),
        said(browser_id="0" * 15),
        said(browser_id=0),
        said(more=1),
        said()[:-1],
        said() * 2,
        said(detail=float("nan")),
        '{"state":"ready","state":"denied","browser_id":"0123456789abcdef"}',
        '{"state":' + "[" * 2000 + "]" * 2000 + "}",
        said(detail=" " * 100) + " " * 4096,
        "\ud800",
    ],
)
def test_statuses_that_break_the_rules_are_malformed(message):
    with pytest.raises(Malformed):
        read_status(message)


@given(st.text(max_size=400) | st.dictionaries(st.text(max_size=12), st.text()).map(json.dumps))
def test_any_text_is_a_status_or_malformed(message):
    try:
        shown = read_status(message).detail
    except Malformed as exc:
        shown = str(exc)
    assert clean(shown) == shown


def test_a_page_may_burst_but_not_flood():
    rate = RateLimit(20)
    assert all(rate.allows(100.0) for _ in range(40))
    assert not rate.allows(100.0)
    assert [rate.allows(100.5) for _ in range(11)] == [*[True] * 10, False]
    assert not rate.allows(50.0)  # a clock that jumps back earns nothing
    steady = RateLimit(20)
    assert all(steady.allows(second / 20) for second in range(1000))


# --- the seat and its stream ----------------------------------------------------------------------


class Loop:
    """An event loop in a thread, for the page's side of a stream."""

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def stream(self):
        async def make():
            return PageStream()

        stream = self.run(make()).result(5)
        stream.settimeout(5)
        return stream

    def call(self, function, *args):
        async def do():
            return function(*args)

        return self.run(do()).result(5)


@pytest.fixture
def loop():
    with Loop() as running:
        yield running


def seat_of(stream=None):
    seat = Seat("phone", "http://localhost:1/?t=x", lambda: None)
    if stream is not None:
        seat.attach(stream)
    return seat


def test_bytes_come_through_in_any_cut(loop):
    stream = loop.stream()
    for part in (b"abc", b"", b"defg"):
        loop.run(stream.feed(part)).result(5)
    assert stream.recv(2) + stream.recv(3) + stream.recv(100) == b"abcdefg"
    assert stream.send(memoryview(b"x" * 100_000)) == 65_536
    assert loop.run(stream.next()).result(5) == b"x" * 65_536


def test_a_silent_page_ends_recv_with_a_timeout(loop):
    stream = loop.stream()
    stream.settimeout(0.05)
    with pytest.raises(TimeoutError):
        stream.recv(1)


def test_a_page_that_takes_nothing_ends_send_with_a_timeout_and_bounded_memory(loop):
    stream = loop.stream()
    stream.settimeout(0.05)
    block = memoryview(b"x" * 65_536)
    for _ in range(MAX_OUTGOING_BYTES // len(block)):
        assert stream.send(block) == len(block)
    with pytest.raises(TimeoutError):
        stream.send(block)


def test_a_host_that_does_not_read_stops_the_page(loop):
    stream = loop.stream()
    block = b"x" * 400_000

    async def flood():
        for _ in range(100):
            await stream.feed(block)

    flooding = loop.run(flood())
    received = 0
    with pytest.raises(TimeoutError):
        flooding.result(0.2)
    assert len(stream._incoming) <= MAX_INCOMING_BYTES + len(block)
    while received < 100 * len(block):
        received += len(stream.recv(1_000_000))
    flooding.result(5)


def test_what_came_before_the_end_can_still_be_read(loop):
    stream = loop.stream()
    loop.run(stream.feed(b"last words")).result(5)
    loop.call(stream.end)
    assert stream.recv(100) == b"last words"
    assert stream.recv(100) == b""
    with pytest.raises(OSError, match="gone"):
        stream.send(memoryview(b"x"))


@pytest.mark.parametrize("how", ["close", "end"])
def test_a_recv_that_waits_in_another_thread_ends(loop, how):
    stream, got = loop.stream(), []
    reader = threading.Thread(target=lambda: got.append(stream.recv(1)))
    reader.start()
    if how == "close":
        stream.close()
        stream.close()
    else:
        loop.call(stream.end)
    reader.join(5)
    assert got == [b""]


def test_hanging_up_delivers_what_was_sent_then_says_so(loop):
    stream = loop.stream()
    stream.send(memoryview(b"bye"))
    stream.close()
    assert loop.run(stream.next()).result(5) == b"bye"
    assert loop.run(stream.next()).result(5) == HUNG_UP


def test_done_wins_over_hanging_up_a_moment_before(loop):
    stream = loop.stream()
    stream.close()
    stream.finish(DONE)
    assert loop.run(stream.next()).result(5) == DONE


def test_streams_of_a_server_that_is_gone_do_no_harm():
    with Loop() as running:
        stream = running.stream()
    stream.tell("x")
    stream.finish(DONE)
    stream.close()
    assert stream.recv(1) == b""


def test_waiting_ends_with_the_state_that_is_waited_for(loop):
    stream = loop.stream()
    seat = seat_of(stream)
    teller = threading.Timer(0.05, lambda: seat.report(stream, read_status(said())))
    teller.start()
    assert seat.wait_for(frozenset({"ready", "denied"}), 5).state == "ready"
    teller.join()


def test_waiting_too_long_says_what_the_page_said(loop):
    stream = loop.stream()
    seat = seat_of()
    with pytest.raises(DeviceTimeout, match="phone: no page is connected"):
        seat.wait_for(frozenset({"ready"}), 0.01)
    seat.attach(stream)
    seat.report(stream, read_status(said(state="asking", detail="Allow the microphone")))
    with pytest.raises(DeviceTimeout, match="'asking' \\(Allow the microphone\\)"):
        seat.wait_for(frozenset({"ready"}), 0.01)
    seat.detach(stream, "the page broke the rules: x")
    with pytest.raises(DeviceTimeout, match="broke the rules"):
        seat.wait_for(frozenset({"ready"}), 0.01)


def test_a_page_that_left_has_no_status_and_no_stream(loop):
    stream = loop.stream()
    seat = seat_of(stream)
    seat.report(stream, read_status(said()))
    assert seat.connected
    assert seat.stream() is stream
    seat.detach(stream)
    assert not seat.connected
    assert seat.status is None
    with pytest.raises(DeviceLost, match="not open"):
        seat.stream()


def test_a_page_that_the_host_hung_up_on_counts_as_gone(loop):
    stream = loop.stream()
    seat = seat_of(stream)
    seat.report(stream, read_status(said()))
    stream.close()
    assert not seat.connected
    assert seat.status is None
    with pytest.raises(DeviceLost):
        seat.stream()


def test_an_old_connection_that_ends_late_does_not_end_the_new_one(loop):
    old, new = loop.stream(), loop.stream()
    seat = seat_of(old)
    seat.attach(new)
    seat.report(new, read_status(said()))
    seat.report(old, read_status(said(state="hidden")))
    seat.detach(old)
    assert seat.stream() is new
    assert seat.status.state == "ready"


@pytest.mark.parametrize(
    ("end", "farewell", "why"),
    [("finish", DONE, "finished"), ("shut", GOING_AWAY, "closed")],
)
def test_finishing_and_closing_wake_who_waits(loop, end, farewell, why):
    stream = loop.stream()
    forgotten = []
    seat = Seat("phone", "", lambda: forgotten.append(1))
    seat.attach(stream)
    ender = threading.Timer(0.05, getattr(seat, end))
    ender.start()
    with pytest.raises(DeviceLost, match=why):
        seat.wait_for(frozenset({"ready"}), 5)
    ender.join()
    assert loop.run(stream.next()).result(5) == farewell
    assert bool(forgotten) == (end == "finish")


def test_a_line_for_the_page_is_one_bounded_clean_text(loop):
    stream = loop.stream()
    seat = seat_of(stream)
    seat.say("never shown")
    seat.say("L1\x07 trial " + "x" * 300)
    line = json.loads(loop.run(stream.next()).result(5))["say"]
    assert line.startswith("L1\ufffd trial x")
    assert len(line) == 200


def test_farewells_fit_into_a_close_frame():
    for farewell in (DONE, HUNG_UP, GOING_AWAY):
        assert isinstance(farewell, Farewell)
        assert len(farewell.reason.encode()) <= 123
