"""What lockdown tells a stranger, and what it may not do to the one who asks."""

from __future__ import annotations

import plistlib
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockdown_peers import PHONE, UDID, Answer, framed, lockdown, phone

from device_probes.fields import Malformed
from device_probes.ios.lockdown import HostIds, LockdownFacts, Trust, read_facts, trust_of
from device_probes.ios.plists import MAX_PLIST_BYTES, read_plist
from profiler.errors import DeviceLost, DeviceNotReady, DeviceTimeout, ProbeProtocolError
from profiler.model import DeviceState

HOST = HostIds("1C0C3D5A-HOST", "30142955-BUID")
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "ha">'
    + b"".join(
        b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10)  # b = ten a, c = ten b …
        for i in range(9)
    )
    + b"]><plist><dict><key>Request</key><string>&j;</string></dict></plist>"
)


def asked(answer: Answer, timeout_s: float = 5.0, host: HostIds | None = None) -> LockdownFacts:
    with phone(answer) as connect:
        return read_facts(connect, timeout_s, device="X", host=host)


def wire(body: bytes, size: int | None = None) -> Answer:
    return lambda _: struct.pack(">I", len(body) if size is None else size) + body


@pytest.mark.parametrize("binary", [False, True])
def test_facts_of_an_ordinary_iphone(binary: bool) -> None:
    facts = asked(lockdown(binary=binary))
    assert (facts.product_type, facts.ios_version, facts.ios_build) == (
        "iPhone14,5", "18.3.1", "22D72",
    )  # fmt: skip
    assert (facts.name, facts.hardware, facts.chip_id) == ("Bench phone", "D17AP", 0x8110)
    assert facts.udid == UDID
    assert facts.password_protected is False
    assert facts.trust is Trust.UNKNOWN, "nobody asked"


def test_what_is_kept_beside_the_facts_tells_no_owner() -> None:
    raw = asked(lockdown()).raw()
    assert raw == {"product_type": "iPhone14,5", "hardware": "D17AP", "device_class": "iPhone",
                   "architecture": "arm64e", "chip_id": "0x8110"}  # fmt: skip


def test_a_phone_that_says_little_has_few_facts() -> None:
    facts = asked(lockdown({"ProductVersion": "12.0"}))
    assert facts == LockdownFacts(ios_version="12.0")


@pytest.mark.parametrize(
    ("session", "trust"),
    [
        ("", Trust.TRUSTED),
        ("InvalidHostID", Trust.UNTRUSTED),
        ("PairingDialogResponsePending", Trust.ASKING),
        ("UserDeniedPairing", Trust.DENIED),
        ("PasswordProtected", Trust.LOCKED),
        ("SomethingOfTomorrow", Trust.UNKNOWN),
    ],
)
def test_trust_is_what_a_session_is_answered(session: str, trust: Trust) -> None:
    facts = asked(lockdown(session=session), host=HOST)
    assert facts.trust is trust
    assert facts.product_type == "iPhone14,5"


@pytest.mark.parametrize(
    "said",
    [
        None,
        b"\x00\x00\x00\x02no",
        b"\xff\xff\xff\xff",
        framed({"Request": "StartSession", "SessionID": 3}),
        framed({"Request": "GetValue", "SessionID": "S"}),
    ],
    ids=["hangs_up", "no_list", "too_long", "no_text", "another"],
)
def test_a_phone_without_sense_at_the_session_has_its_facts_all_the_same(
    said: bytes | None,
) -> None:
    ordinary = lockdown()

    def answer(request: dict[str, Any]) -> bytes | None:
        return said if request["Request"] == "StartSession" else ordinary(request)

    facts = asked(answer, host=HOST)
    assert (facts.product_type, facts.trust) == ("iPhone14,5", Trust.UNKNOWN)


def test_the_session_names_this_computer_and_nothing_secret() -> None:
    seen: list[dict[str, Any]] = []
    ordinary = lockdown()

    def answer(request: dict[str, Any]) -> bytes | None:
        seen.append(request)
        return ordinary(request)

    record = {"HostID": "H", "SystemBUID": "B", "HostPrivateKey": b"secret", "EscrowBag": b"bag"}
    host = HostIds.from_record(plistlib.dumps(record))
    assert host == HostIds("H", "B")
    asked(answer, host=host)
    assert [r["Request"] for r in seen] == ["QueryType", "GetValue", "StartSession"]
    assert seen[-1] == {
        "Label": "chirpbench", "Request": "StartSession", "HostID": "H", "SystemBUID": "B",
    }  # fmt: skip


@pytest.mark.parametrize(
    "record", [b"", b"junk", plistlib.dumps({}), plistlib.dumps({"HostID": 3}), plistlib.dumps([])]
)
def test_a_record_without_identities_is_none(record: bytes) -> None:
    assert HostIds.from_record(record) is None


def test_a_refused_question_says_what_it_means() -> None:
    def answer(request: dict[str, Any]) -> bytes | None:
        kind = request["Request"]
        if kind == "QueryType":
            return framed({"Request": kind, "Type": "com.apple.mobile.lockdown"})
        return framed({"Request": kind, "Error": "PasswordProtected"})

    assert asked(answer).trust is Trust.LOCKED
    assert trust_of("GetProhibited") is Trust.UNKNOWN


def test_a_phone_in_restore_mode_is_offline() -> None:
    with pytest.raises(DeviceNotReady, match=r"X: .*com\.apple\.mobile\.restored") as caught:
        asked(lambda _: framed({"Type": "com.apple.mobile.restored"}))
    assert caught.value.state == DeviceState.OFFLINE


# --- time and connections ---


def test_a_silent_phone_is_given_up_at_the_deadline() -> None:
    never = socket.socketpair()
    try:
        with pytest.raises(DeviceTimeout, match=r"X: no answer to lockdown QueryType within 0\.2"):
            read_facts(lambda _: never[0], 0.2, device="X")
    finally:
        never[1].close()


def test_a_phone_that_dribbles_gets_no_more_time_than_a_silent_one() -> None:
    near, far = socket.socketpair()
    far.sendall(struct.pack(">I", 1000))
    reads = 0

    class Dribble(socket.socket):
        """Each byte comes late, but before the deadline of one read."""

        def recv(self, size: int, flags: int = 0) -> bytes:
            nonlocal reads
            reads += 1
            time.sleep(0.05)
            far.sendall(b" ")
            return super().recv(size, flags)

    sock = Dribble(fileno=near.detach())
    with far, pytest.raises(DeviceTimeout):
        read_facts(lambda _: sock, 0.3)
    assert reads <= 7, "each read took 0.05 s of the 0.3"


@pytest.mark.parametrize(
    "bytes_", [b"", b"\x00", struct.pack(">I", 10), struct.pack(">I", 10) + b"<plist"]
)
def test_a_connection_that_ends_early_is_a_lost_phone(bytes_: bytes) -> None:
    near, far = socket.socketpair()
    far.sendall(bytes_)
    far.shutdown(socket.SHUT_WR)
    with far, pytest.raises(DeviceLost, match=r"X: lockdown QueryType"):
        read_facts(lambda _: near, 5.0, device="X")


def test_every_connection_is_closed() -> None:
    near, far = socket.socketpair()
    far.close()
    with pytest.raises(DeviceLost):
        read_facts(lambda _: near, 5.0)
    assert near.fileno() == -1


# --- hostile lists ---


@pytest.mark.parametrize("size", [MAX_PLIST_BYTES + 1, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_an_announced_length_is_not_believed(size: int) -> None:
    with pytest.raises(ProbeProtocolError, match=rf"announces {size} bytes"):
        asked(wire(b"x", size))


def deep_binary(depth: int) -> bytes:
    """Lists in lists, each one object that refers to the next."""
    objects = b"".join(b"\xa1" + struct.pack(">H", i + 1) for i in range(depth)) + b"\x50"
    offsets = b"".join(struct.pack(">I", 8 + 3 * i) for i in range(depth + 1))
    trailer = struct.pack(">6xBBQQQ", 4, 2, depth + 1, 0, 8 + len(objects))
    return b"bplist00" + objects + offsets + trailer


def sharing_binary(depth: int) -> bytes:
    """A dictionary whose value is a list of twice a list of twice …: 2**depth when printed."""
    objects = [b"\xd1\x00\x01\x00\x02", b"\x55Value"]
    objects += [b"\xa2" + struct.pack(">HH", i + 3, i + 3) for i in range(depth)] + [b"\x51x"]
    offsets, at = b"", 8
    for one in objects:
        offsets += struct.pack(">I", at)
        at += len(one)
    return b"bplist00" + b"".join(objects) + offsets + struct.pack(
        ">6xBBQQQ", 4, 2, len(objects), 0, at
    )  # fmt: skip


HOSTILE = {
    "billion laughs": LAUGHS,
    "entity of a file": b'<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><plist><dict>'
    b"<key>Type</key><string>&x;</string></dict></plist>",
    "deep xml": b"<plist>" + b"<array>" * 100_000 + b"</array>" * 100_000 + b"</plist>",
    "deep binary": deep_binary(60_000),
    "huge count": b"bplist00" + b"\x08" + struct.pack(">6xBBQQQ", 8, 8, 2**62, 0, 8),
    "huge string": b"bplist00\x5f\x13" + b"\x7f" * 8 + struct.pack(">6xBBQQQ", 1, 1, 1, 0, 18),
    "self": b"bplist00\xa1\x00" + b"\x08" + struct.pack(">6xBBQQQ", 1, 1, 1, 0, 10),
    "many digits": b"<plist><dict><key>Type</key><integer>" + b"9" * 100_000
    + b"</integer></dict></plist>",
    "unknown encoding": b'<?xml version="1.0" encoding="x-none"?><plist><dict/></plist>',
    "no plist": b"HTTP/1.1 200 OK\r\n\r\n",
    "a list": plistlib.dumps([1, 2]),
    "empty": b"",
    "key without a dictionary": b"<plist><key>a</key></plist>",
    "unhashable key": b"bplist00\xd1\x01\x02\xa0\x51x" + b"\x08\x0b\x0c"
    + struct.pack(">6xBBQQQ", 1, 1, 3, 0, 14),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_list_is_an_answer_against_the_contract(name: str) -> None:
    with pytest.raises(ProbeProtocolError, match="QueryType"):
        asked(wire(HOSTILE[name]))


def test_shared_lists_are_never_unfolded() -> None:
    body = sharing_binary(200)
    assert isinstance(plistlib.loads(body)["Value"], list), "plistlib itself reads it"
    answers = [framed({"Type": "com.apple.mobile.lockdown"}), struct.pack(">I", len(body)) + body]
    with pytest.raises(ProbeProtocolError, match=r"Value is no dictionary but a list"):
        asked(lambda _: answers.pop(0))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ProductType", 14), ("ProductType", b"iPhone14,5"), ("ProductType", ["iPhone14,5"]),
        ("ProductType", "i" * 65), ("DeviceName", "x" * 257), ("ChipID", "0x8110"),
        ("ChipID", -1), ("ChipID", 2**63), ("ChipID", True), ("PasswordProtected", 1),
        ("BuildVersion", {"a": "b"}), ("UniqueDeviceID", 3.5),
    ],
)  # fmt: skip
def test_a_value_of_a_wrong_type_or_size_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(ProbeProtocolError, match=rf"GetValue\.Value\.{key}"):
        asked(lockdown({**PHONE, key: value}))


def test_an_answer_to_another_question_is_refused() -> None:
    with pytest.raises(ProbeProtocolError, match="QueryType is answered as StartSession"):
        asked(lambda _: framed({"Request": "StartSession"}))


def test_text_that_could_break_a_line_is_cleaned() -> None:
    # XML cannot carry control characters; a binary list can.
    name = "A\x1b[31m\nB\u202e"
    facts = asked(lockdown({**PHONE, "DeviceName": name}, binary=True))
    assert facts.name == "A\ufffd[31m\ufffdB\ufffd"


VALUES = st.recursive(
    st.none().map(lambda _: "") | st.booleans() | st.integers(-(2**63), 2**64 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.binary(max_size=8)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("abcdKey", max_size=5), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
READ: tuple[Callable[[Any], object], ...] = (
    lambda v: v.text("Key"),
    lambda v: v.flag("Key"),
    lambda v: v.whole("Key", 0, 9),
    lambda v: v.moment("Key"),
    lambda v: v.first("Key"),
    lambda v: v.inner("Key").text("Key"),
)


def read_all(data: bytes) -> None:
    try:
        values = read_plist(data, "list")
    except Malformed:
        return
    for read in READ:
        with suppress(Malformed):
            kept = read(values)
            assert kept is None or isinstance(kept, str | bool | int | datetime)
            assert not isinstance(kept, str) or len(kept) <= 128


@given(st.dictionaries(st.just("Key"), VALUES), st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_lists_raise_nothing_else(table: dict[str, Any], data: st.DataObject) -> None:
    for form in (plistlib.FMT_BINARY, plistlib.FMT_XML):
        try:
            whole = plistlib.dumps(table, fmt=form)
        except ValueError:  # XML cannot hold it
            continue
        read_all(whole)
        broken = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 6))):
            broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
        read_all(bytes(broken))
        read_all(whole[: data.draw(st.integers(0, len(whole)))])


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_raise_nothing_else(data: bytes) -> None:
    read_all(data)
    read_all(b"bplist00" + data)
    read_all(b"<plist>" + data + b"</plist>")


@given(st.lists(st.binary(max_size=60), max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_conversation_ends_in_an_error_of_ours(parts: list[bytes]) -> None:
    left = list(parts)

    def answer(_: dict[str, Any]) -> bytes | None:
        return left.pop(0) if left else None

    with pytest.raises((DeviceLost, DeviceTimeout, ProbeProtocolError)):
        asked(answer, timeout_s=0.05)
