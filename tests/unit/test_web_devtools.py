"""The DevTools client with a browser that behaves, and with all kinds that do not."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest
from devtools_peers import ORIGIN, TAB, VERSION, answering, browser, peer, raw
from hypothesis import given, settings
from hypothesis import strategies as st

from device_probes.fields import clean
from device_probes.web.devtools import MAX_ANSWER_BYTES, DevTools, Page
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceTimeout,
    ProbeProtocolError,
)

TIME_S = 5.0
SOON_S = 0.3

# --- one that behaves -----------------------------------------------------------------------------


def test_tabs_permission_scripts_and_the_end() -> None:
    with peer(browser) as other:
        tools = DevTools(other.dial, "A1", TIME_S)
        assert tools.product == "Chrome/150.0.7300.40"
        (page,) = tools.pages(TIME_S)
        assert page == Page("AB12", f"{ORIGIN}/?t=x")
        tools.allow_microphone(ORIGIN, TIME_S)
        assert tools.evaluate(page, "'a word'", TIME_S) == "a word"
        assert tools.evaluate(page, "1 + 1", TIME_S) == "2"
        assert tools.evaluate(page, "nothing", TIME_S) == "null"
        tools.bring_to_front(page, TIME_S)
        tools.close_page(page, TIME_S)
        assert tools.alive
        tools.close()
        tools.close()
        assert not tools.alive
        granted = next(c for c in other.heard if c["method"] == "Browser.grantPermissions")
        assert granted["params"] == {"permissions": ["audioCapture"], "origin": ORIGIN}
        ran = next(c for c in other.heard if c["method"] == "Runtime.evaluate")
        assert (ran["sessionId"], ran["params"]["userGesture"]) == ("5E55", True)
        methods = other.methods()
        assert methods.count("Target.attachToTarget") == 3
        assert methods.count("Target.detachFromTarget") == 3, "a tab stayed attached"


def test_a_browser_of_a_desktop_names_its_socket_and_events_are_passed_over() -> None:
    event = json.dumps({"method": "Target.targetCreated", "params": {"id": 1}})

    def talkative(command: dict[str, Any]) -> object:
        answer = browser(command)
        return [event, event, json.dumps({"id": command["id"], "result": answer}), event]

    version = {**VERSION, "webSocketDebuggerUrl": "ws://127.0.0.1:9/devtools/browser/4f-9a"}
    with peer(talkative, version) as other:
        tools = DevTools(other.dial, "A1", TIME_S)
        assert len(tools.pages(TIME_S)) == 1
        assert tools.evaluate(Page("AB12", ""), "'a word'", TIME_S) == "a word"
        tools.close()


def test_a_refusal_leaves_the_connection_as_good_as_before() -> None:
    no = json.dumps({"id": 1, "error": {"code": -32000, "message": "no\nway \x1b[2J" + "x" * 999}})
    with peer(answering("Browser.grantPermissions", no)) as other:
        tools = DevTools(other.dial, "A1", TIME_S)
        with pytest.raises(
            DeviceError, match=r"refused to Browser\.grantPermissions: no"
        ) as caught:
            tools.allow_microphone(ORIGIN, TIME_S)
        assert str(caught.value) == clean(str(caught.value))
        assert len(str(caught.value)) < 300
        assert tools.alive
        assert len(tools.pages(TIME_S)) == 1
        tools.close()


def test_a_tab_that_is_gone_already_is_closed() -> None:
    no = json.dumps({"id": 1, "error": {"message": "No target with given id found"}})
    with peer(answering("Target.closeTarget", no)) as other:
        tools = DevTools(other.dial, "A1", TIME_S)
        tools.close_page(Page("AB12", ""), TIME_S)
        tools.close()


def test_a_script_that_throws_is_an_error_and_the_tab_is_let_go() -> None:
    thrown = {"result": {"type": "object"}, "exceptionDetails": {"text": "Uncaught"}}
    with peer(answering("Runtime.evaluate", thrown)) as other:
        tools = DevTools(other.dial, "A1", TIME_S)
        with pytest.raises(DeviceError, match="it threw an exception"):
            tools.evaluate(Page("AB12", ""), "throw 1", TIME_S)
        assert other.methods()[-1] == "Target.detachFromTarget"
        tools.close()


# --- hostile on the way in ------------------------------------------------------------------------


def http(answer: bytes):
    def script(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)

    return script


def drip(sock: socket.socket) -> None:
    """One byte at a time, for ever: each wait is short, all of them have no end."""
    while True:
        sock.sendall(b"H")
        time.sleep(0.01)


def flood(sock: socket.socket) -> None:
    while True:
        sock.sendall(b"x" * 65_536)


def ok(body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, body)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (http(b""), DeviceLost),
        (http(b"\x00\xff\x1b[2J\r\n\r\n"), ProbeProtocolError),
        (http(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), ProbeProtocolError),
        (http(b"HTTP/1.1 200 OK\r\n\r\n{}"), ProbeProtocolError),
        (http(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"), ProbeProtocolError),
        (http(ok(b"{}", 99)), DeviceLost),
        (http(ok(b"no json")), ProbeProtocolError),
        (http(ok(b"[1]")), ProbeProtocolError),
        (http(ok(b"\xff\xfe")), ProbeProtocolError),
        (http(ok(b'{"a":' * 20 + b"1" + b"}" * 20)), ProbeProtocolError),
        (lambda sock: sock.recv(4096), DeviceTimeout),
        (drip, DeviceTimeout),
        (flood, ProbeProtocolError),
    ],
    ids=["nothing", "garbage", "404", "no length", "minus", "short", "no json", "a list",
         "no text", "deep", "silent", "drip", "flood"],
)  # fmt: skip
def test_whatever_answers_the_first_question_is_named(script, kind) -> None:
    patience_s = SOON_S if kind is DeviceTimeout else TIME_S
    with raw(script) as dial, pytest.raises(kind) as caught:
        DevTools(dial, "A1", patience_s)
    assert str(caught.value).startswith("A1: ")
    assert str(caught.value) == clean(str(caught.value))


@pytest.mark.parametrize(
    "url",
    ["ws://localhost/devtools/page/1", "ws://localhost/../x", "ws://evil/", "http", "",
     "ws://localhost/devtools/browser/" + "x" * 99, "ws://h/devtools/browser/a b\r\nX: y"],
)  # fmt: skip
def test_a_socket_somewhere_else_is_not_opened(url: str) -> None:
    with (
        peer(browser, {**VERSION, "webSocketDebuggerUrl": url}) as other,
        pytest.raises(ProbeProtocolError, match="a WebSocket at"),
    ):
        DevTools(other.dial, "A1", TIME_S)


def test_a_browser_that_refuses_the_websocket_has_hung_up() -> None:
    said = iter([ok(json.dumps(VERSION).encode()), b"HTTP/1.1 403 Forbidden\r\n\r\n"])

    def script(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(next(said))
        sock.shutdown(socket.SHUT_WR)

    with raw(script) as dial, pytest.raises(DeviceLost, match="hung up when it was to connect"):
        DevTools(dial, "A1", TIME_S)


def test_a_phone_that_has_no_devtools_says_so_itself() -> None:
    def dial(_: float) -> socket.socket:
        raise DeviceError("none", device="A1")

    with pytest.raises(DeviceError, match="A1: none"):
        DevTools(dial, "A1", TIME_S)


# --- hostile in mid-talk --------------------------------------------------------------------------


def deep(levels: int) -> str:
    return '{"id":1,"result":' + '{"a":' * levels + "1" + "}" * levels + "}"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("no json", ProbeProtocolError),
        (b"\xff\xfe\x00", ProbeProtocolError),
        ("[]", ProbeProtocolError),
        ("{}{}", ProbeProtocolError),
        (deep(20), ProbeProtocolError),
        (json.dumps({"id": 1}), ProbeProtocolError),
        (json.dumps({"id": 1, "result": [1]}), ProbeProtocolError),
        ({}, ProbeProtocolError),
        ({"targetInfos": "x"}, ProbeProtocolError),
        ({"targetInfos": [1]}, ProbeProtocolError),
        ({"targetInfos": [{"type": "page"}]}, ProbeProtocolError),
        ({"targetInfos": [{**TAB, "targetId": "../x"}]}, ProbeProtocolError),
        ({"targetInfos": [{**TAB, "targetId": "x" * 65}]}, ProbeProtocolError),
        ({"targetInfos": [{**TAB, "url": 5}]}, ProbeProtocolError),
        (json.dumps({"id": 1, "error": "\x1b[2J"}), DeviceError),
        (json.dumps({"id": 1, "error": {}}), DeviceError),
        (json.dumps({"id": 99, "result": {}}), DeviceTimeout),
        (None, DeviceTimeout),
        ("hang up", DeviceLost),
        ('"' + "x" * (MAX_ANSWER_BYTES + 10) + '"', DeviceLost),
    ],
)
def test_whatever_answers_a_command_is_named(answer: object, kind: type[DeviceError]) -> None:
    patience_s = SOON_S if kind is DeviceTimeout else TIME_S
    with peer(answering("Target.getTargets", answer)) as other:
        tools = DevTools(other.dial, "A1", TIME_S)
        with pytest.raises(kind) as caught:
            tools.pages(patience_s)
        assert str(caught.value) == clean(str(caught.value))
        assert tools.alive is (kind is DeviceError), "nobody knows what its next answer belongs to"
        tools.close()


def test_answers_to_somebody_else_without_end_are_not_waited_for() -> None:
    wrong = json.dumps({"id": 7_000_000, "result": {}})
    with peer(answering("Target.getTargets", [wrong] * 100_000)) as other:
        tools = DevTools(other.dial, "A1", TIME_S)
        with pytest.raises(DeviceTimeout):
            tools.pages(SOON_S)
        tools.close()


@pytest.mark.parametrize("session", ["", "a b", "x" * 65, 5, None])
def test_a_session_that_is_none_is_not_used(session: object) -> None:
    with peer(answering("Target.attachToTarget", {"sessionId": session})) as other:
        tools = DevTools(other.dial, "A1", TIME_S)
        with pytest.raises(ProbeProtocolError, match="no session"):
            tools.evaluate(Page("AB12", ""), "1", TIME_S)
        assert "Runtime.evaluate" not in other.methods()


def test_thousands_of_tabs_and_long_addresses_are_cut() -> None:
    tabs = [{**TAB, "url": "http://x/\u202e\x00" + "y" * 300} for _ in range(2000)]
    with peer(answering("Target.getTargets", {"targetInfos": tabs})) as other:
        tools = DevTools(other.dial, "A1", TIME_S)
        pages = tools.pages(TIME_S)
        assert len(pages) == 500
        assert pages[0].url == clean(pages[0].url)
        tools.close()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner,
                                                                max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.sampled_from(["targetInfos", "sessionId", "result", "x"]), values))
def test_any_json_is_a_value_or_an_error_of_ours(answer: dict[str, Any]) -> None:
    with peer(lambda _: answer) as other:
        tools = DevTools(other.dial, "A1", TIME_S)
        for ask in (
            lambda: tools.pages(TIME_S),
            lambda: tools.evaluate(Page("AB12", ""), "1", TIME_S),
        ):
            try:
                ask()
            except DeviceError:
                break
        tools.close()
