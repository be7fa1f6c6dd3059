"""The iOS probe's C against hosts that break the contract, ask too much, or are in a hurry."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from ios_native import ios_rig as rig
from ios_native.ios_rig import Program

from device_probes.client import ProbeClient
from device_probes.codec import request_to_json
from device_probes.protocol import PROTOCOL_VERSION
from device_probes.wire import Connection, Deadline, encode_frame
from profiler.errors import DeviceLost, ProbeRefused
from profiler.model import TrialRequest

RATE = 48_000
PLAIN = TrialRequest(api="coreaudio_remote_io", warmup_s=0.05, duration_s=0.5)
pytestmark = [pytest.mark.needs_apt(*package) for package in rig.GCC]


@pytest.fixture(scope="module", params=["core", "app"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> object:
    return rig.build(request.param, tmp_path_factory.mktemp(request.param))


@contextmanager
def raw(port: int, token: str = "") -> Iterator[tuple[Connection, socket.socket]]:
    with socket.create_connection(("127.0.0.1", port), 5.0) as link:
        wire = Connection(link, "ios")
        hello = {"type": "hello", "protocol": PROTOCOL_VERSION, "version": "t", "token": token}
        wire.write(hello, Deadline(5.0, "hello"))
        yield wire, link


def answer(wire: Connection) -> dict:
    return wire.read(Deadline(5.0, "answer")).header


def assert_hung_up(wire: Connection) -> None:
    with pytest.raises(DeviceLost):
        answer(wire)


def test_token_and_version_are_checked_first(program: Program) -> None:
    with rig.probe(program, "token=5eed") as running:
        for token in ("", "5eee", "5eed0", "5ee", "5eed5eed"):
            with raw(running.port, token) as (wire, _):
                assert answer(wire)["code"] == "unauthorized"
                assert_hung_up(wire)
        with raw(running.port, "5eed") as (wire, _):
            assert answer(wire)["protocol"] == PROTOCOL_VERSION
    with rig.probe(program) as running, socket.create_connection(("127.0.0.1", running.port)) as s:
        wire = Connection(s, "ios")
        hello = {"type": "hello", "protocol": 99, "version": "t", "surplus": {"of": "another"}}
        wire.write(hello, Deadline(5.0, "hello"))
        assert answer(wire)["protocol"] == PROTOCOL_VERSION
        assert_hung_up(wire)


LOAD = {"type": "load", "stimulus_id": "s", "rate_hz": RATE, "frames": 2, "crc32": 1}
BROKEN = {
    "no magic": b"GET / HTTP/1.1\r\n\r\n",
    "header too long": b"CHRP" + (65_537).to_bytes(4, "little") + bytes(4),
    "payload too long": b"CHRP" + (2).to_bytes(4, "little") + (262_145).to_bytes(4, "little"),
    "no json": b"CHRP" + (2).to_bytes(4, "little") + bytes(4) + b"[]",
    "unknown type": encode_frame({"type": "shutdown"}),
    "payload on facts": encode_frame({"type": "facts"}, b"1234"),
    "hello again": encode_frame({"type": "hello", "protocol": 4, "version": ""}),
    "pcm out of turn": encode_frame({"type": "pcm", "offset": 0}, b"1234"),
    "wrong checksum": encode_frame(LOAD) + encode_frame({"type": "pcm", "offset": 0}, bytes(8)),
    "too much pcm": encode_frame(LOAD) + encode_frame({"type": "pcm", "offset": 0}, bytes(12)),
    "empty pcm": encode_frame(LOAD) + encode_frame({"type": "pcm", "offset": 0}),
    "gap in pcm": encode_frame(LOAD) + encode_frame({"type": "pcm", "offset": 4}, bytes(4)),
    "no pcm": encode_frame(LOAD) + encode_frame({"type": "facts"}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_host_that_breaks_the_contract_is_told_and_hung_up_on(
    program: Program, name: str
) -> None:
    with rig.probe(program) as running:
        with raw(running.port) as (wire, link):
            assert answer(wire)["type"] == "hello"
            link.sendall(BROKEN[name])
            assert answer(wire)["code"] == "malformed"
            assert_hung_up(wire)
        client = ProbeClient(socket.create_connection(("127.0.0.1", running.port), 5.0), "ios")
        client.handshake()  # the next host is served all the same
        client.close()


def test_busy_while_a_trial_runs_and_acts_are_heard(program: Program) -> None:
    asked = request_to_json(replace(PLAIN, duration_s=400.0))
    request = {"type": "run", "request": asked, "rate_hz": RATE, "plays": []}
    with rig.probe(program) as running, raw(running.port) as (wire, link):
        assert answer(wire)["type"] == "hello"
        wire.write(request, Deadline(5.0, "run"))
        assert answer(wire)["type"] == "progress"
        act = {"type": "act", "action": "route", "value": "earpiece"}
        for message in (act, {"type": "facts"}, {"type": "cancel"}):
            link.sendall(encode_frame(message))
        said = [answer(wire)]
        while said[-1].get("code") != "cancelled":
            said.append(answer(wire))
        codes = [one["code"] for one in said if one["type"] == "refused"]
        assert codes == ["busy", "cancelled"]
        wire.write({"type": "facts"}, Deadline(5.0, "facts"))
        assert answer(wire)["type"] == "facts"


def test_stimuli_are_kept_while_they_fit_and_the_oldest_is_forgotten(program: Program) -> None:
    frames = 7 * 2**20  # two of 28 MB fit into 64 MB, three do not
    data = bytes(4 * frames)
    load = {**LOAD, "frames": frames, "crc32": zlib.crc32(data)}
    loaded = {"type": "loaded", "rate_hz": RATE, "crc32": load["crc32"]}
    with rig.probe(program) as running, raw(running.port) as (wire, _):
        assert answer(wire)["type"] == "hello"
        for name in ("a", "b", "a", "c"):  # a is the newest again before c comes
            wire.write({**load, "stimulus_id": name}, Deadline(20.0, "load"))
            for at in range(0, len(data), 262_144):
                piece = data[at : at + 262_144]
                wire.write({"type": "pcm", "offset": at}, Deadline(20.0, "pcm"), piece)
            assert answer(wire) == {**loaded, "stimulus_id": name}
        run = {"type": "run", "request": request_to_json(PLAIN), "rate_hz": RATE}
        for name, first in (("b", "refused"), ("a", "progress")):
            plays = [{"stimulus_id": name, "at_frame": 0}]
            wire.write({**run, "plays": plays}, Deadline(5.0, "run"))
            assert answer(wire)["type"] == first


def test_what_the_granted_rate_makes_too_long_is_refused(program: Program) -> None:
    """115 MB as int16 at the rate asked for, and six times that at the one that was granted."""
    request = replace(PLAIN, rate_hz=8000, input_channels=8, duration_s=900.0)
    with rig.probe(program) as running:
        client = ProbeClient(socket.create_connection(("127.0.0.1", running.port), 5.0), "ios")
        client.handshake()
        with pytest.raises(ProbeRefused) as caught:
            client.run(request, (), lambda p: client.cancel() if p.stage == "playing" else None)
        client.close()
    assert caught.value.code == "too_large"
