"""The page's side of the contract against the real client, without a browser: node, two pipes."""

from __future__ import annotations

import os
import select
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest

from device_probes.client import ProbeClient
from device_probes.codec import request_to_json
from device_probes.driver import Play, Progress
from device_probes.protocol import MAX_STIMULUS_BYTES, PROTOCOL_VERSION
from device_probes.wire import MAX_PAYLOAD_BYTES, Connection, Deadline, Frame, encode_frame
from profiler.errors import DeviceLost, ProbeRefused
from profiler.model import CodecRequest, TrialRequest
from profiler.stimulus import make_train, render

pytestmark = pytest.mark.needs_apt("nodejs", "node")

PROBE = Path(__file__).parents[1] / "fakes" / "web_probe.mjs"
TRAIN = make_train(3, chirps=2, chirp_s=0.1, gap_s=(0.05, 0.1), tail_s=0.1)
REQUEST = TrialRequest(duration_s=TRAIN.duration_s)


class Pipes:
    """A byte stream to a node process that runs the page's probe."""

    def __init__(self) -> None:
        self._node = subprocess.Popen(
            ["node", str(PROBE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._in, self._out = self._node.stdout, self._node.stdin
        self._timeout_s = 1.0

    def recv(self, size: int, /) -> bytes:
        if not select.select([self._in], [], [], self._timeout_s)[0]:
            raise TimeoutError
        return os.read(self._in.fileno(), size)

    def send(self, data: memoryview, /) -> int:
        if not select.select([], [self._out], [], self._timeout_s)[1]:
            raise TimeoutError
        return os.write(self._out.fileno(), data[:4096])

    def settimeout(self, timeout_s: float, /) -> None:
        self._timeout_s = timeout_s

    def close(self) -> None:
        """Hang up and reap; may be called twice."""
        for pipe in (self._out, self._in):
            if not pipe.closed:
                pipe.close()
        self._node.wait(10)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    opened = Pipes()
    yield opened
    opened.close()


@pytest.fixture
def client(pipes: Pipes) -> Iterator[ProbeClient]:
    talking = ProbeClient(pipes, "page")
    assert talking.handshake().startswith("web ")
    yield talking
    talking.close()


class Host:
    """A host that sends what it likes."""

    def __init__(self, pipes: Pipes, protocol: int = PROTOCOL_VERSION) -> None:
        self.wire = Connection(pipes, "page")
        self.send({"type": "hello", "protocol": protocol, "version": "test"})
        self.hello = self.read().header

    def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        self.wire.write(header, Deadline(20.0, "test"), payload)

    def read(self) -> Frame:
        return self.wire.read(Deadline(20.0, "test"))

    def load(self, name: str, samples: int, fill: int = 0) -> Frame:
        data = bytes([fill]) * 4 * samples
        load = {"type": "load", "stimulus_id": name, "rate_hz": 48_000, "frames": samples}
        self.send({**load, "crc32": zlib.crc32(data)})
        for at in range(0, len(data), MAX_PAYLOAD_BYTES):
            self.send({"type": "pcm", "offset": at}, data[at : at + MAX_PAYLOAD_BYTES])
        return self.read()

    def play(self, name: str) -> str:
        """Run a trial that plays ``name``: the code it is refused with, or ``result``."""
        plays = [{"stimulus_id": name, "at_frame": 0}]
        request = request_to_json(replace(REQUEST, duration_s=0.1))
        self.send({"type": "run", "request": request, "rate_hz": 48_000, "plays": plays})
        answer = ""
        while (frame := self.read()).type not in ("refused", "done"):
            answer = frame.type if frame.type == "result" else answer
        return answer or str(frame.header["code"])

    def gone(self) -> bool:
        try:
            self.read()
        except DeviceLost:
            return True
        return False


def test_what_is_played_comes_back_sample_for_sample(client: ProbeClient) -> None:
    assert client.facts().model == "Tape (node)"
    told: list[Progress] = []
    capture = client.run(REQUEST, [Play(TRAIN), Play(TRAIN, at_s=0.1)], told.append)
    train = render(TRAIN, 48_000)
    expected = train.copy()
    expected[4800:] += train[:-4800]
    np.testing.assert_array_equal(capture.audio.samples[:, 0], expected)
    assert len([p for p in told if p.stage == "playing"]) < 10


def test_cancel_acts_and_codec(client: ProbeClient) -> None:
    timer = Timer(0.3, client.cancel)
    timer.start()
    with pytest.raises(ProbeRefused) as caught:
        client.run(replace(REQUEST, duration_s=60.0), [Play(TRAIN)], lambda _: None)
    assert caught.value.code == "cancelled"
    with pytest.raises(ProbeRefused) as caught:
        client.codec_cost(CodecRequest())
    assert caught.value.code == "unsupported"
    assert client.run(REQUEST, [Play(TRAIN)], lambda _: None).audio.frames > 0


def test_acts_are_done_in_order_and_counted(pipes: Pipes) -> None:
    host = Host(pipes)
    request = request_to_json(replace(REQUEST, duration_s=0.1))
    host.send({"type": "act", "action": "route", "value": "early"})  # none runs: ignored
    host.send({"type": "run", "request": request, "rate_hz": 48_000, "plays": []})
    host.send({"type": "act", "action": "dance", "value": "x"})
    for number in range(10):
        host.send({"type": "act", "action": "route", "value": f"way{number}"})
    while (frame := host.read()).type != "result":
        assert frame.type == "progress"
    observed = frame.header["report"]["observed"]
    assert [observed[f"route_{n}"] for n in range(1, 9)] == [f"way{n}" for n in range(8)]
    assert observed["route_1_ms"] == "1.0"
    assert (observed["acts_unknown"], observed["acts_ignored"]) == ("1", "2")


def test_the_oldest_stimuli_are_forgotten_first(pipes: Pipes) -> None:
    host = Host(pipes)
    third = MAX_STIMULUS_BYTES // 4 // 3
    for name in ("a", "b", "c"):
        assert host.load(name, third).type == "loaded"
    assert host.play("a") == "result"
    assert host.load("a", third).type == "loaded"  # again: now the newest
    assert host.load("d", third).type == "loaded"
    assert [host.play(name) for name in "abcd"] == ["result", "not_loaded", "result", "result"]
    assert host.play("never") == "not_loaded"


def test_a_host_of_another_version_is_answered_and_left(pipes: Pipes) -> None:
    host = Host(pipes, protocol=PROTOCOL_VERSION + 1)
    assert host.hello["protocol"] == PROTOCOL_VERSION
    assert host.gone()


LOAD = {"type": "load", "stimulus_id": "s", "rate_hz": 48_000, "frames": 2, "crc32": 0}


@pytest.mark.parametrize(
    "frames",
    [
        [encode_frame({"type": "nonsense"})],
        [encode_frame({"type": "facts", "x": 1})],
        [b"GET / HTTP/1.1\r\n\r\n"],
        [b"CHRP\xff\xff\xff\xff\0\0\0\0"],
        [encode_frame(LOAD), encode_frame({"type": "pcm", "offset": 4}, b"\0" * 4)],
        [encode_frame(LOAD), encode_frame({"type": "pcm", "offset": 0})],
        [encode_frame(LOAD), encode_frame({"type": "pcm", "offset": 0}, b"\0" * 12)],
        [encode_frame(LOAD), encode_frame({"type": "facts"})],
        [encode_frame({**LOAD, "crc32": 1}), encode_frame({"type": "pcm", "offset": 0}, b"\0" * 8)],
    ],
)
def test_nonsense_is_refused_and_hung_up_on(pipes: Pipes, frames: list[bytes]) -> None:
    host = Host(pipes)
    for frame in frames:
        pipes.send(memoryview(frame))
    refused = host.read().header
    assert (refused["type"], refused["code"]) == ("refused", "malformed")
    assert host.gone()


@pytest.mark.parametrize("kind", ["bye", "hello", "pcm"])
def test_what_ends_a_session_ends_it_without_a_word(pipes: Pipes, kind: str) -> None:
    host = Host(pipes)
    more = {"hello": {"protocol": 4, "version": ""}, "pcm": {"offset": 0}}.get(kind, {})
    host.send({"type": kind, **more})
    assert host.gone()


def test_hello_comes_first(pipes: Pipes) -> None:
    wire = Connection(pipes, "page")
    wire.write({"type": "facts"}, Deadline(5.0, "test"))
    assert wire.read(Deadline(10.0, "test")).header["code"] == "malformed"
