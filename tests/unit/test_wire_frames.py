"""Frames: the documented bytes, any way of cutting the stream, any bytes at all."""

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_probes.server import ProbeServer
from device_probes.wire import (
    MAX_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    Connection,
    Deadline,
    encode_frame,
)
from profiler.errors import DeviceLost, DeviceTimeout, ProbeProtocolError


class Memory:
    """A byte stream that gives ``data`` in pieces of ``sizes`` and takes as little."""

    def __init__(self, data=b"", sizes=(65_536,)):
        self.data, self.sizes, self.sent, self.turn = data, sizes, b"", 0
        self.closed = False

    def _size(self):
        self.turn += 1
        return self.sizes[self.turn % len(self.sizes)]

    def recv(self, size):
        part = self.data[: min(size, self._size())]
        self.data = self.data[len(part) :]
        return part

    def send(self, data):
        part = bytes(data[: self._size()])
        self.sent += part
        return len(part)

    def settimeout(self, timeout_s):
        assert timeout_s > 0

    def close(self):
        self.closed = True


def soon():
    return Deadline(5.0, "test")


def all_frames(source):
    while True:
        source.read(soon())


headers = st.dictionaries(
    st.text(max_size=8),
    st.integers(-(2**53), 2**53) | st.text(max_size=20) | st.booleans(),
    max_size=4,
).map(lambda d: {**{k: v for k, v in d.items() if k != "type"}, "type": "pcm"})
cuts = st.lists(st.integers(1, 50), min_size=1, max_size=5)


@settings(deadline=None)
@given(st.lists(st.tuples(headers, st.binary(max_size=200)), max_size=4), cuts)
def test_frames_survive_any_cutting(frames, sizes):
    sink = Memory(sizes=sizes)
    out = Connection(sink, "peer")
    for header, payload in frames:
        out.write(header, soon(), payload)
    source = Connection(Memory(sink.sent, sizes), "peer")
    for header, payload in frames:
        frame = source.read(soon())
        assert (frame.header, frame.payload, frame.type) == (header, payload, "pcm")
    with pytest.raises(DeviceLost):
        source.read(soon())


@settings(max_examples=400, deadline=None)
@given(
    st.binary(max_size=200)
    | st.builds(
        lambda h, p, body: b"CHRP" + h.to_bytes(4, "little") + p.to_bytes(4, "little") + body,
        st.integers(0, 2**32 - 1) | st.integers(0, 40),
        st.integers(0, 2**32 - 1) | st.integers(0, 40),
        st.binary(max_size=80),
    )
)
def test_any_bytes_end_in_a_named_error(data):
    source = Connection(Memory(data), "peer")
    with pytest.raises((ProbeProtocolError, DeviceLost)):
        all_frames(source)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=40), st.integers(1, 60))
def test_a_cut_frame_is_a_lost_device(payload, cut):
    whole = encode_frame({"type": "pcm", "offset": 0}, payload)
    source = Connection(Memory(whole[: max(len(whole) - cut, 0)]), "peer")
    with pytest.raises(DeviceLost):
        source.read(soon())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=120) | st.sampled_from([b"facts", b"run", b"load", b"bye", b"pcm"]))
def test_a_probe_survives_any_host(data):
    """The device's side: a host that speaks nonsense ends the session, not the probe."""
    if data.isalpha():
        hello = encode_frame({"type": "hello", "protocol": 1, "version": "0"})
        data = hello + encode_frame({"type": data.decode()})
    stream = Memory(data)
    ProbeServer(NoDevice(), stream, version="1").serve()
    assert stream.closed


class NoDevice:
    """A device that cannot even say what it is."""

    def facts(self):
        raise ConnectionResetError("no facts")

    def run(self, request, plays, emit_progress, cancelled):
        raise AssertionError("nobody can get here without a valid run message")


def test_a_frame_beyond_its_bounds_is_not_built():
    with pytest.raises(ValueError, match="too large"):
        encode_frame({"type": "x" * MAX_HEADER_BYTES})
    with pytest.raises(ValueError, match="too large"):
        encode_frame({"type": "pcm"}, bytes(MAX_PAYLOAD_BYTES + 1))


def test_a_silent_socket_ends_at_the_deadline():
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(DeviceTimeout, match=r"within 0\.2 s \(hello\)"):
        Connection(ours, "peer").read(Deadline(0.2, "hello"))
