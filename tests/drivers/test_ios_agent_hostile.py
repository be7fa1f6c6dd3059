"""A WebDriverAgent that is frozen, half dead or hostile; and the forward that leads to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from adb_servers import until
from hypothesis import given, settings
from hypothesis import strategies as st
from ios_mux import (
    PHONE,
    FakeAgent,
    FakeMux,
    Serve,
    http,
    silent,
    state_of,
    threads,
)

from device_probes.ios.agent import (
    Agent,
    AgentDeadlines,
)
from device_probes.ios.door import MuxDoor, Seen
from device_probes.ios.foreign import Garbled
from device_probes.ios.forward import Forward
from profiler.errors import (
    DeviceError,
    DeviceTimeout,
    ProbeProtocolError,
)

PROBE = "org.chirpbench.probe"
SHORT = AgentDeadlines(1.5, 0.3, 0.3, 0.3, 0.3)
ONCE = AgentDeadlines(0.2, 0.2, 0.2, 0.2, 0.2)
"""Too short to ask again."""
SAFE_S = 10.0
"""Never waited for when all is well."""


@pytest.fixture
def hasty(wda: FakeAgent, door: MuxDoor) -> Iterator[Agent]:
    """The same phone, with short deadlines."""
    agent = Agent(door, PHONE, deadlines=SHORT)
    yield agent
    agent.close()


async def tarpit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: no single wait is ever long."""
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    with contextlib.suppress(OSError):
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("how", [silent, tarpit], ids=["silent", "a byte now and then"])
def test_a_frozen_webdriveragent_does_not_hold_anybody(
    wda: FakeAgent, hasty: Agent, how: Callable[..., object]
) -> None:
    wda.replace = {"": how}
    assert state_of(hasty.status) == "wda_hung"
    for work in (
        hasty.locked,
        hasty.battery,
        hasty.screenshot,
        hasty.alert,
        lambda: hasty.press("OK"),
        lambda: hasty.launch(PROBE),
        lambda: hasty.terminate(PROBE),
        lambda: hasty.app_state(PROBE),
    ):
        with pytest.raises(DeviceTimeout):
            work()
    until(lambda: not threads("wda") and not threads("ios forward"), SAFE_S, "no thread left")
    wda.replace = {}
    assert hasty.status().ready


BAD = {
    "502": http(b"<html>", "502 Bad Gateway"),
    "502, no text": http(b"\xff\xfe", "502 Bad Gateway"),
    "empty": http(b""),
    "closed": b"",
    "no HTTP": b"\x00\x01\x02\x03 what?",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
    "no JSON": http(b"<html>hello</html>"),
    "no UTF-8": http(b'{"value": "\xff\xfe"}'),
    "a list": http([1, 2]),
    "a number": http(b"7"),
    "no value": http({}),
    "a value of another kind": http({"value": ["x"]}),
    "too deep": http(b'{"value":' + b"[" * 100_000),
    "too many digits": http(b'{"value":' + b"9" * 10_000 + b"}"),
    "an error without sense": http({"value": {"error": 7, "message": None}}),
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_an_answer_of_webdriveragent_without_sense_is_a_device_error(
    wda: FakeAgent, door: MuxDoor, agent: Agent, raw: bytes
) -> None:
    wda.replace = {"": raw}
    assert state_of(agent.status) == "wda_hung"
    hasty = Agent(door, PHONE, deadlines=ONCE)
    for work in (
        hasty.locked,
        hasty.battery,
        hasty.screenshot,
        hasty.alert,
        lambda: hasty.launch(PROBE),
        lambda: hasty.app_state(PROBE),
    ):
        with pytest.raises(DeviceError) as caught:
            work()
        assert "\n" not in str(caught.value)
    wda.replace = {}
    assert agent.status().ready


def test_an_answer_without_end_is_cut_off(wda: FakeAgent, agent: Agent) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(bytes(1 << 16))
                await writer.drain()

    wda.replace = {"": flood}
    for work, limit in (
        (agent.status, 1 << 20),
        (agent.locked, 1 << 20),
        (agent.screenshot, 16 << 20),
    ):
        with pytest.raises(ProbeProtocolError, match=f"longer than {limit} bytes"):
            work()


@pytest.mark.parametrize("raw", [http(b""), http(b"", "502 Bad Gateway"), b"", http(b"{")])
def test_one_answer_without_sense_is_asked_for_again(
    wda: FakeAgent, agent: Agent, raw: bytes
) -> None:
    for work in (agent.status, agent.locked, agent.screenshot):
        wda.odd = [raw, raw]
        work()
        assert wda.odd == []


def test_what_changes_the_phone_is_not_done_twice(wda: FakeAgent, agent: Agent) -> None:
    wda.replace = {"/launch": http(b"", "502 Bad Gateway")}
    with pytest.raises(Garbled):
        agent.launch(PROBE)
    assert sum("launch" in call for call in wda.calls) == 1


def test_webdriveragent_may_answer_any_json(wda: FakeAgent, door: MuxDoor) -> None:
    json_values = st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["value", "error", "message", "sessionId", "level"]), inner
            )
        ),
        max_leaves=8,
    )
    agent = Agent(door, PHONE, deadlines=ONCE)
    work = (agent.status, agent.locked, agent.screenshot, agent.alert, agent.battery)

    @settings(max_examples=40, deadline=None)
    @given(json_values, st.integers(0, len(work) - 1))
    def answered(value: object, which: int) -> None:
        end = ("/status", "/locked", "/screenshot", "/text", "/batteryInfo")[which]
        for body in (value, {"value": value, "sessionId": "S1"}):
            wda.replace = {end: http(body)}
            with contextlib.suppress(DeviceError):
                work[which]()

    answered()
    wda.replace = {}
    assert Agent(door, PHONE).alert() is None


# --- the forward ----------------------------------------------------------------------------------


@pytest.fixture
def forward(mux: FakeMux, wda: FakeAgent, door: MuxDoor) -> Iterator[Forward]:
    forward = Forward(lambda: door.connect(PHONE, 8100, 2), 1 << 20, device=PHONE)
    yield forward
    forward.close()


def _ask(forward: Forward, path: str) -> bytes:
    port = int(forward.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=SAFE_S) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        said = b""
        with contextlib.suppress(ConnectionError):
            while part := sock.recv(65_536):
                said += part
        return said


def test_who_does_not_know_the_secret_does_not_reach_the_phone(
    mux: FakeMux, wda: FakeAgent, forward: Forward
) -> None:
    secret = forward.url.rsplit("/", 1)[1]
    for path in ("/status", "/", f"/{secret[:-1]}/status", f"/x/{secret}/status", "/" * 9000):
        assert _ask(forward, path) == b""
    assert mux.connects == 0
    assert _ask(forward, f"/{secret}/status").startswith(b"HTTP/1.1 200 OK")
    assert wda.calls == ["GET /status"]  # nor does the phone learn it


def test_after_its_call_a_forward_leads_nowhere(mux: FakeMux, forward: Forward) -> None:
    secret = forward.url.rsplit("/", 1)[1]
    forward.close()
    forward.close()
    until(lambda: threads("ios forward") == 0, SAFE_S, "the thread")
    with pytest.raises(ConnectionRefusedError):
        _ask(forward, f"/{secret}/status")
    assert mux.connects == 0


FILES = Path("/proc/self/fd")


@contextlib.contextmanager
def room_for(count: int) -> Iterator[None]:
    """This process can open so many files more, and when it is over as many again."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(path.name) for path in FILES.iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 20, before[1]))
    held = []
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(count):
            os.close(held.pop())
        yield
        held += [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]
    finally:
        for number in held:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.skipif(not FILES.is_dir(), reason="counts the open files where Linux lists them")
@pytest.mark.parametrize("count", range(4))
def test_no_socket_left_is_said_and_none_is_kept(hasty: Agent, count: int) -> None:
    """Of the four that a forward needs."""
    with room_for(count), pytest.raises(DeviceError, match="no socket or thread left") as caught:
        hasty.status()
    assert "ulimit" in caught.value.hint
    assert hasty.status().ready  # and it is as before


class Timed(MuxDoor):
    """The door, with what each question to it was allowed to take."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.allowed_s: list[float] = []

    def devices(self, timeout_s: float = 3.0) -> tuple[Seen, ...]:
        self.allowed_s.append(timeout_s)
        return super().devices(timeout_s)


@pytest.mark.parametrize("ask_s", [0.4, 30.0])
def test_whether_the_phone_is_still_there_is_asked_within_the_calls_deadline(
    mux: FakeMux, wda: FakeAgent, ask_s: float
) -> None:
    """And usbmuxd's silence is told only when it had the time to answer."""
    door = Timed(mux.path)
    agent = Agent(door, PHONE, deadlines=AgentDeadlines(ask_s=ask_s))
    wda.replace["/wda/apps/state"] = freezes(mux)
    with pytest.raises(DeviceError) as caught:
        agent.app_state(PROBE)
    agent.close()
    assert door.allowed_s
    assert max(door.allowed_s) <= min(ask_s, 1.0)
    if ask_s < 1:
        assert "device list" not in str(caught.value)
    else:
        assert "no answer to device list within 1 s" in str(caught.value)


def freezes(mux: FakeMux) -> Serve:
    """Ends the connection without an answer, at the moment at which usbmuxd stops answering."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mux.is_frozen = True
        writer.close()

    return serve
