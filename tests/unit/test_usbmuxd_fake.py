"""The virtual usbmuxd's own language: packets, HTTP, what it shows, and what it lets be done."""

from __future__ import annotations

import asyncio
import json
import math
import socket
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ios_fleets import fleet_toml, iphones

from device_probes.ios.alerts import answer, is_about_microphone
from device_probes.ios.programs import is_udid
from device_probes.virtual import Clock, load_fleet
from device_probes.virtual.driver import fleet_from_toml
from device_probes.virtual.usbmuxd import VirtualIphone, make_iphones
from device_probes.virtual.usbmuxd import packet as packets
from device_probes.virtual.usbmuxd.control import ACTIONS, obey
from device_probes.virtual.usbmuxd.http import read_request
from device_probes.virtual.usbmuxd.pipe import Pipe
from device_probes.virtual.usbmuxd.probe_app import _arguments
from device_probes.virtual.usbmuxd.state import MICROPHONE, IphoneState
from device_probes.virtual.usbmuxd.wda import png


def test_a_packet_is_what_libusbmuxd_sends() -> None:
    data = packets.answer({"MessageType": "ListDevices"}, 9)
    assert data[:16] == packets.HEAD.pack(len(data), 1, 8, 9)
    request = packets.read_request(data[:16], data[16:])
    assert (request.kind, request.tag, request.version) == ("ListDevices", 9, 1)
    old = packets.read_request(packets.HEAD.pack(16, 0, 3, 4), b"")
    assert old.version == 0


def test_port_numbers_are_in_network_order() -> None:
    assert packets.swapped(8100) == socket.htons(8100)
    assert packets.swapped(packets.swapped(7878)) == 7878


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_a_bad_packet(data: bytes) -> None:
    for read in (lambda: packets.read_plist(data), lambda: packets.body_bytes(data[:16])):
        if len(data) >= 16:
            try:
                read()
            except packets.BadPacket:
                continue


def test_numbers_that_are_none() -> None:
    request = packets.Request({"DeviceID": True, "PortNumber": "80"}, 1)
    assert (request.number("DeviceID"), request.number("PortNumber")) == (-1, -1)


def _read(*data: bytes) -> object:
    async def there() -> object:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.setblocking(False)
            for part in data:
                ours.sendall(part)
            ours.shutdown(socket.SHUT_WR)
            return await read_request(Pipe(theirs))

    return asyncio.run(there())


def test_http_is_read_in_pieces_and_bounded() -> None:
    found = _read(
        b"POST /session/", b"1/url?x=1 HTTP/1.1\r\nContent-", b'Length: 7\r\n\r\n{"a":1', b"}"
    )
    assert (found.method, found.path, found.body) == ("POST", "/session/1/url", {"a": 1})  # type: ignore[attr-defined]
    assert _read() is None
    for bad in (b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"x" * 70_000,
                b"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n{]}"):  # fmt: skip
        with pytest.raises(ConnectionError):
            _read(bad)


def test_a_picture_is_one() -> None:
    data = png(3, 2, 7)
    at = data.index(b"IDAT") + 4
    size = int.from_bytes(data[at - 8 : at - 4], "big")
    assert zlib.decompress(data[at : at + size]) == b"\0\7\7\7" * 2


@pytest.mark.parametrize("language", sorted(MICROPHONE))
def test_its_question_is_one_that_the_driver_knows(language: str) -> None:
    state = IphoneState(language=language)
    state.ask_microphone()
    state.ask_microphone()
    alert = state.alert
    assert alert is not None
    assert answer(alert) == MICROPHONE[language].allow
    assert is_about_microphone(alert)
    assert state.press(MICROPHONE[language].deny, accept=True)
    assert (state.microphone, state.alert) == ("denied", None)
    assert not state.press(None, accept=True)


def test_arguments_are_read_as_an_app_reads_them() -> None:
    assert _arguments(()) == (7878, "")
    assert _arguments(("-token", "ab", "-port", "9000")) == (9000, "ab")
    assert _arguments(("-port", "99999", "-token")) == (7878, "")


def test_only_its_own_phones_and_each_with_a_udid() -> None:
    packaged = make_iphones(load_fleet(), Clock(math.inf))
    assert [phone.serial for phone in packaged] == ["VP01"]
    assert is_udid(packaged[0].udid)
    both = make_iphones(fleet_from_toml(fleet_toml("I1", "I2"), "f"))
    assert both[0].udid != both[1].udid


def test_every_action_is_one_and_nothing_else_can_be_done() -> None:
    assert all(callable(getattr(VirtualIphone, name)) for name in ACTIONS)
    (phone,) = iphones("I1")
    phones = {"I1": phone}

    def ask(**wish: object) -> dict[str, object]:
        return json.loads(obey(phones, json.dumps(wish).encode()))

    assert ask(phone="I1", do="report")["ok"]["microphone"] == "ask"  # type: ignore[index]
    assert ask(phone="I1", do="lock", **{"with": {"passcode": False}}) == {"ok": None}
    assert phone.state.locked
    for wrong in ({"phone": "I2", "do": "lock"}, {"phone": "I1", "do": "__init__"},
                  {"phone": "I1", "do": "lock", "with": {"pin": 1}},
                  {"phone": "I1", "do": "lock", "with": 3}, {"phone": "I1", "does": "lock"},
                  {"phone": "I1", "do": "lock", "on": 3}, {}):  # fmt: skip
        assert "error" in ask(**wrong)
    assert b"error" in obey(phones, b"nonsense")
