"""The door to usbmuxd: facebook-wda's real client against a usbmuxd one layer below."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
from collections.abc import Iterator

import pytest
from adb_servers import until
from hypothesis import given, settings
from hypothesis import strategies as st
from ios_mux import HEADER, OTHER, PHONE, PROBE_PORT, FakeMux, echo, message, state_of, threads

from device_probes.ios.door import MAX_MESSAGE_BYTES, MuxDoor, Notice, Seen
from device_probes.ios.foreign import Garbled
from device_probes.ios.tracking import MuxTracker
from profiler.errors import DeviceError, DeviceLost, DeviceTimeout

SAFE_S = 10.0
"""Never waited for when all is well."""


@pytest.fixture
def tracker(door: MuxDoor) -> Iterator[MuxTracker]:
    tracker = MuxTracker(door)
    tracker.start()
    yield tracker
    tracker.close()


# --- usbmuxd: who is there ------------------------------------------------------------------------


def test_every_phone_is_listed(mux: FakeMux, door: MuxDoor) -> None:
    assert door.devices() == ()
    first, second = mux.plug(PHONE), mux.plug(OTHER, "Network")
    assert door.devices() == (Seen(PHONE, first, "usb"), Seen(OTHER, second, "network"))
    mux.unplug(first)
    assert door.devices() == (Seen(OTHER, second, "network"),)


def test_no_usbmuxd_is_a_state_with_a_remedy(mux: FakeMux, door: MuxDoor) -> None:
    assert state_of(MuxDoor(mux.path + ".not").devices) == "no_usbmuxd"
    assert state_of(lambda: MuxDoor("127.0.0.1:1").connect(PHONE, 1, 2)) == "no_usbmuxd"
    mux.stop()  # its socket's file is still there
    assert state_of(door.devices) == "no_usbmuxd"
    assert state_of(door.follow) == "no_usbmuxd"


def test_the_environment_names_usbmuxd(mux: FakeMux, monkeypatch: pytest.MonkeyPatch) -> None:
    number = mux.plug()
    monkeypatch.setenv("USBMUXD_SOCKET_ADDRESS", f"UNIX:{mux.path}")
    assert MuxDoor().devices() == (Seen(PHONE, number, "usb"),)


def test_a_frozen_usbmuxd_does_not_hold_anybody(mux: FakeMux, door: MuxDoor) -> None:
    mux.plug(probe=echo)
    mux.is_frozen = True
    for work in (
        lambda: door.devices(0.2),
        lambda: door.connect(PHONE, PROBE_PORT, 0.2),
        lambda: door.follow(0.2),
    ):
        with pytest.raises(DeviceTimeout):
            work()


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        message({"MessageType": "Result", "Number": 0}),
        message(["DeviceList"]),
        message({"DeviceList": {"a": 1}}),
        message({"DeviceList": []}, tag=99),
        b"\xff" * 16,
        b"\x00" * 16,
        b"\x10\x00\x00\x00" + bytes(12),
        message({})[:20],
        b"",
    ],
    ids=range(10),
)
def test_an_answer_without_sense_is_a_device_error(mux: FakeMux, door: MuxDoor, raw: bytes) -> None:
    mux.answer_raw = lambda request: raw
    for work in (door.devices, lambda: door.connect(PHONE, 1, 3), door.follow):
        with pytest.raises(DeviceLost):
            work()


def test_an_answer_of_usbmuxd_without_end_is_not_read(mux: FakeMux, door: MuxDoor) -> None:
    size = MAX_MESSAGE_BYTES + 5
    mux.answer_raw = lambda request: size.to_bytes(4, "little") + bytes(1000)
    with pytest.raises(Garbled, match=f"a message of {size - 4} bytes"):
        door.devices()


def test_usbmuxd_may_answer_any_bytes(mux: FakeMux, door: MuxDoor) -> None:
    def framed(data: bytes) -> bytes:
        return HEADER.pack(HEADER.size + len(data), 1, 8, 1) + data

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=80) | st.binary(max_size=60).map(framed))
    def answered(raw: bytes) -> None:
        mux.answer_raw = lambda request: raw
        with contextlib.suppress(DeviceError):
            door.devices(2)

    answered()
    mux.answer_raw = lambda request: None
    assert door.devices() == ()


# --- usbmuxd: a port of a phone -------------------------------------------------------------------


def test_a_port_is_a_plain_socket(mux: FakeMux, door: MuxDoor) -> None:
    mux.plug(probe=echo)
    mux.plug(OTHER)
    with door.connect(PHONE, PROBE_PORT, 2) as sock:
        assert sock.gettimeout() is None
        sock.sendall(b"chirp")
        assert sock.recv(5, socket.MSG_WAITALL) == b"chirp"
    with door.connect(PHONE.replace("-", ""), PROBE_PORT, 2):
        pass  # some programs leave the dash out
    assert state_of(lambda: door.connect(OTHER, PROBE_PORT, 2)) == "port_closed"


def test_an_unknown_phone_is_lost(mux: FakeMux, door: MuxDoor) -> None:
    mux.plug(probe=echo)
    with pytest.raises(DeviceLost, match=OTHER):
        door.connect(OTHER, PROBE_PORT, 2)


def test_a_phone_that_goes_between_list_and_connect_is_lost(mux: FakeMux, door: MuxDoor) -> None:
    number = mux.plug(probe=echo)

    def answer(request: dict[str, object]) -> bytes | None:
        if request["MessageType"] == "Connect":
            mux.phones.pop(number, None)
        return None

    mux.answer_raw = answer
    with pytest.raises(DeviceLost, match="unplugged"):
        door.connect(PHONE, PROBE_PORT, 2)


def test_an_unplug_in_mid_stream_ends_the_stream(mux: FakeMux, door: MuxDoor) -> None:
    number = mux.plug(probe=echo)
    with door.connect(PHONE, PROBE_PORT, 2) as sock:
        sock.settimeout(SAFE_S)
        sock.sendall(b"chirp")
        assert sock.recv(5, socket.MSG_WAITALL) == b"chirp"
        mux.unplug(number)
        with contextlib.suppress(ConnectionError):
            assert sock.recv(1) == b""
    assert door.devices() == ()


def test_the_tunnel_carries_megabytes_unchanged(mux: FakeMux, door: MuxDoor) -> None:
    mux.plug(probe=echo)
    block = hashlib.shake_256(b"chirp").digest(1 << 20)
    blocks, back = 8, hashlib.sha256()
    with door.connect(PHONE, PROBE_PORT, 2) as sock:
        sock.settimeout(60)

        def send() -> None:
            for _ in range(blocks):
                sock.sendall(block)

        sender = threading.Thread(target=send)
        sender.start()
        left = blocks * len(block)
        while left:
            part = sock.recv(1 << 18)
            assert part
            back.update(part)
            left -= len(part)
        sender.join()
    assert back.digest() == hashlib.sha256(block * blocks).digest()


def test_two_phones_and_many_streams_at_once_do_not_mix(mux: FakeMux, door: MuxDoor) -> None:
    mux.plug(PHONE, probe=echo)
    mux.plug(OTHER, probe=echo)
    streams = [door.connect(udid, PROBE_PORT, 5) for udid in (PHONE, OTHER) * 8]
    for number, sock in enumerate(streams):
        sock.sendall(bytes([number]) * 1000)
    for number, sock in enumerate(streams):
        with sock:
            sock.settimeout(SAFE_S)
            assert sock.recv(1000, socket.MSG_WAITALL) == bytes([number]) * 1000


# --- usbmuxd: as phones come and go ---------------------------------------------------------------


def test_phones_are_followed_as_they_come_and_go(mux: FakeMux, tracker: MuxTracker) -> None:
    assert tracker.snapshot() == ()
    first = mux.plug()
    assert tracker.wait_for(PHONE, True, SAFE_S)
    assert tracker.snapshot() == (Seen(PHONE, first, "usb"),)
    mux.plug(OTHER)
    assert tracker.wait_for(OTHER, True, SAFE_S)
    mux.unplug(first)
    assert tracker.wait_for(PHONE, False, SAFE_S)
    again = mux.plug()
    assert tracker.wait_for(PHONE, True, SAFE_S)
    assert {seen.mux_id for seen in tracker.snapshot()} == {again, again - 1}
    assert tracker.problem == ""


def test_phones_that_are_there_already_are_known_at_once(mux: FakeMux, door: MuxDoor) -> None:
    numbers = {mux.plug(PHONE), mux.plug(OTHER)}
    tracker = MuxTracker(door)
    tracker.start()
    assert {seen.mux_id for seen in tracker.snapshot()} == numbers
    tracker.close()


def test_a_phone_on_cable_and_network_is_one(mux: FakeMux, tracker: MuxTracker) -> None:
    air = mux.plug(PHONE, "Network")
    cable = mux.plug(PHONE, "USB")
    assert tracker.wait_until(lambda p: p == (Seen(PHONE, cable, "usb"),), SAFE_S)
    mux.unplug(cable)
    assert tracker.wait_until(lambda p: p == (Seen(PHONE, air, "network"),), SAFE_S)
    assert not tracker.wait_for(PHONE, False, 0.05)


def test_waiting_for_what_does_not_come_ends(tracker: MuxTracker) -> None:
    assert not tracker.wait_for(PHONE, True, 0.05)
    assert tracker.wait_for(PHONE, False, 0.05)


def test_usbmuxd_may_end_and_come_back(mux: FakeMux, tracker: MuxTracker) -> None:
    """As Debian's does with the last phone and the first."""
    mux.plug()
    assert tracker.wait_for(PHONE, True, SAFE_S)
    mux.stop()
    assert tracker.wait_for(PHONE, False, SAFE_S)
    until(lambda: "usbmuxd" in tracker.problem, SAFE_S, "the problem")
    mux.start()
    assert tracker.wait_for(PHONE, True, SAFE_S)
    assert tracker.problem == ""


def test_tracking_begins_without_usbmuxd(mux: FakeMux, door: MuxDoor) -> None:
    mux.stop()
    tracker = MuxTracker(door)
    tracker.start()
    assert tracker.snapshot() == ()
    assert "usbmuxd" in tracker.problem
    mux.start()
    mux.plug()
    assert tracker.wait_for(PHONE, True, SAFE_S)
    tracker.close()
    assert threads("ios tracker") == 0


def test_notices_without_sense_do_not_end_the_tracking(
    mux: FakeMux, tracker: MuxTracker, door: MuxDoor
) -> None:
    with contextlib.closing(door.follow()) as following:
        assert following.next(0.02) is None
        mux.say(message({"MessageType": "Paired", "DeviceID": 3}) + message(["x"]))
        mux.say(message({"MessageType": "Attached", "DeviceID": 3, "Properties": {}}))
        assert [following.next(SAFE_S) for _ in range(3)] == [None] * 3
        number = mux.plug()
        assert following.next(SAFE_S) == Notice(number, Seen(PHONE, number, "usb"))
    assert tracker.wait_for(PHONE, True, SAFE_S)
    mux.say(b"\xff" * 16)  # now it has to begin anew
    other = mux.plug(OTHER)
    assert tracker.wait_until(lambda phones: other in {p.mux_id for p in phones}, SAFE_S)
    assert tracker.wait_for(PHONE, True, SAFE_S)
