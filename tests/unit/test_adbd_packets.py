"""The daemon's packets, streams, keys and transport, against bytes made by hand."""

from __future__ import annotations

import asyncio
import base64
import struct
from contextlib import suppress

import pytest
from adbd_phones import one_phone
from hypothesis import given, settings
from hypothesis import strategies as st

from device_probes.virtual.adbd.auth import PublicKey, new_token, read_public_key
from device_probes.virtual.adbd.packet import (
    CLSE,
    CNXN,
    HEADER_BYTES,
    OKAY,
    OPEN,
    WRTE,
    Packet,
    PacketError,
    read_header,
)
from device_probes.virtual.adbd.stream import MAX_WAITING_BYTES, Stream, StreamClosed

HELLO = Packet(CNXN, 0x01000001, 2**20, b"host::features=shell_v2")


@given(
    st.sampled_from([b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"CLSE", b"WRTE"]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=300),
    st.booleans(),
)
def test_a_packet_travels_as_the_protocol_says(name, arg0, arg1, payload, checksum):
    command = int.from_bytes(name, "little")
    data = Packet(command, arg0, arg1, payload).encode(checksum=checksum)
    total = sum(payload) if checksum else 0
    assert data[:24] == struct.pack(
        "<4sIIIII", name, arg0, arg1, len(payload), total, command ^ 0xFFFFFFFF
    )
    assert data[24:] == payload
    header = read_header(data[:24], 300)
    assert (header.command, header.arg0, header.arg1) == (command, arg0, arg1)
    assert (header.length, header.checksum) == (len(payload), total)


@given(st.binary(max_size=40))
def test_any_other_bytes_are_no_header(data):
    with pytest.raises(PacketError):
        read_header(data, 2**20)


def test_a_payload_larger_than_agreed_is_refused():
    data = Packet(WRTE, 1, 1, bytes(5000)).encode(checksum=False)
    with pytest.raises(PacketError, match="5000 bytes, 4096 are allowed"):
        read_header(data[:HEADER_BYTES], 4096)


# --- streams -------------------------------------------------------------------------------------


def stream_pair(max_payload=10):
    sent = []

    async def send(packet):
        sent.append(packet)

    return Stream(send, 1, 7, max_payload), sent


def test_a_stream_sends_one_payload_at_a_time():
    async def work():
        stream, sent = stream_pair()
        writing = asyncio.create_task(stream.write(b"0123456789abcde"))
        await asyncio.sleep(0)
        assert [p.payload for p in sent] == [b"0123456789"]
        await asyncio.sleep(0.01)
        assert len(sent) == 1
        stream.on_okay(7)
        await asyncio.sleep(0)
        assert [p.payload for p in sent] == [b"0123456789", b"abcde"]
        assert not writing.done()
        stream.on_okay(7)
        await writing

    asyncio.run(work())


def test_a_stream_acknowledges_what_was_read_and_bounds_what_was_not():
    async def work():
        stream, sent = stream_pair()
        stream.on_write(b"hello")
        stream.on_write(b"again")  # an adb server's way when its client was reset
        with pytest.raises(PacketError, match="that nobody acknowledged"):
            stream.on_write(bytes(MAX_WAITING_BYTES - 9))
        assert await stream.exactly(2) == b"he"
        assert [(p.command, p.arg0, p.arg1) for p in sent] == [(OKAY, 1, 7)]
        stream.put_back(b"__")
        assert await stream.read() == b"__llo"
        assert await stream.read() == b"again"
        assert [(p.command, p.arg0, p.arg1) for p in sent] == [(OKAY, 1, 7)] * 2
        stream.on_write(b"last")
        stream.on_close()
        assert await stream.read() == b"last"
        assert await stream.read() == b""
        with pytest.raises(StreamClosed):
            await stream.exactly(1)
        with pytest.raises(StreamClosed):
            await stream.write(b"x")

    asyncio.run(work())


def test_a_writer_that_waits_ends_when_the_host_leaves():
    async def work():
        stream, _ = stream_pair()
        writing = asyncio.create_task(stream.write(b"x"))
        await asyncio.sleep(0)
        stream.on_close()
        with pytest.raises(StreamClosed):
            await writing

    asyncio.run(work())


# --- keys ----------------------------------------------------------------------------------------


def test_a_signature_is_checked_as_rsa_does():
    token = bytes(range(20))
    digest = bytes.fromhex("3021300906052b0e03021a05000414") + token
    pad = b"\xff" * (256 - len(digest) - 3)
    block = int.from_bytes(b"\x00\x01" + pad + b"\x00" + digest, "big")
    # A key whose exponent is 1 signs a block with the block itself.
    key = PublicKey(2**2048 - 1, 1)
    good = block.to_bytes(256, "big")
    assert key.signed(token, good)
    assert not key.signed(token, good[:-1] + bytes([good[-1] ^ 1]))
    assert not key.signed(bytes(20), good)
    assert not key.signed(token, b"short")
    assert not key.signed(b"short", good)
    assert not PublicKey(2**2047 + 1, 1).signed(token, b"\xff" * 256)
    assert len(new_token()) == 20


def key_payload(bits=2048, exponent=65537, words=64, comment=b"me@here"):
    modulus = (1 << (bits - 1)) | 1
    raw = struct.pack("<II", words, 0) + modulus.to_bytes(256, "little") + bytes(256)
    return base64.b64encode(raw + struct.pack("<I", exponent)) + b" " + comment + b"\0"


def test_a_public_key_is_read_in_adbs_own_form():
    key = read_public_key(key_payload())
    assert key is not None
    assert (key.modulus.bit_length(), key.exponent, key.comment) == (2048, 65537, "me@here")
    for bad in (
        key_payload(bits=1024),
        key_payload(exponent=5),
        key_payload(words=32),
        b"AAAA me\0",
        b"\xff\xfe",
        b"",
    ):
        assert read_public_key(bad) is None


@given(st.binary(max_size=800))
def test_any_bytes_are_a_key_or_none(data):
    key = read_public_key(data)
    assert key is None or key.modulus.bit_length() == 2048


# --- transport -----------------------------------------------------------------------------------


async def talk(phone, *pieces: bytes, idle_s: float = 0.2, enough: int = 2**30) -> bytes:
    """What the phone answers to these bytes on a fresh connection, until it is silent, or until
    it has said ``enough``."""
    await phone.attach(None)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", phone.plug.port)
        answer = b""
        with suppress(asyncio.TimeoutError, ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            while len(answer) < enough:
                part = await asyncio.wait_for(reader.read(65_536), idle_s)
                answer += part
                enough = enough if part else 0
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return answer
    finally:
        await phone.detach()


def packets(data: bytes) -> list[Packet]:
    found = []
    while data:
        header = read_header(data[:24], 2**21)
        found.append(
            Packet(header.command, header.arg0, header.arg1, data[24 : 24 + header.length])
        )
        data = data[24 + header.length :]
    return found


def test_the_handshake_agrees_on_the_lesser_of_both_sides():
    for phone, offer, version, largest in (
        (one_phone(), (0x01000001, 2**20), 0x01000001, 2**20),
        (one_phone(), (0x01000000, 4096), 0x01000000, 4096),
        (one_phone(), (0x01000002, 2**24), 0x01000001, 2**20),
        (one_phone(android="[phone.android.at_start]\nlegacy_adbd = true"),
         (0x01000001, 2**20), 0x01000000, 4096),
    ):  # fmt: skip
        hello = Packet(CNXN, *offer, b"host::").encode(checksum=False)
        (answer,) = packets(asyncio.run(talk(phone, hello, idle_s=9, enough=24)))
        assert (answer.command, answer.arg0, answer.arg1) == (CNXN, version, largest)
        banner = answer.payload.decode()
        assert banner.startswith("device::ro.product.name=a1;ro.product.model=A 1;")
        assert ("shell_v2" in banner) is not phone.legacy_adbd
        assert "abb_exec" not in banner


def test_nothing_is_served_before_the_handshake_and_unknown_services_are_refused():
    opening = Packet(OPEN, 5, 0, b"shell:echo hi\0").encode(checksum=False)
    assert asyncio.run(talk(one_phone(), opening)) == b""
    unknown = Packet(OPEN, 6, 0, b"jdwp:1\0").encode(checksum=False)
    answer = packets(asyncio.run(talk(one_phone(), HELLO.encode(checksum=False) + unknown)))
    assert [(p.command, p.arg0, p.arg1) for p in answer[1:]] == [(CLSE, 0, 6)]


def test_a_legacy_peer_must_send_checksums():
    phone = one_phone(android="[phone.android.at_start]\nlegacy_adbd = true")
    hello = HELLO.encode(checksum=False)  # a server's first packet has none
    for checksum, served in ((True, True), (False, False)):
        opening = Packet(OPEN, 5, 0, b"shell:echo hi\0").encode(checksum=checksum)
        okay = Packet(OKAY, 5, 1).encode(checksum=checksum)
        answer = packets(asyncio.run(talk(phone, hello, opening, okay)))
        assert (b"hi\n" in [p.payload for p in answer]) is served


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.builds(
                lambda command, a, b, data: Packet(command, a, b, data).encode(checksum=False),
                st.sampled_from([CNXN, OPEN, OKAY, CLSE, WRTE]),
                st.integers(0, 3),
                st.integers(0, 3),
                st.one_of(
                    st.binary(max_size=40),
                    st.sampled_from([b"sync:\0", b"shell:cat\0", b"shell,v2,raw:cat\0"]),
                ),
            ),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_no_bytes_of_a_server_harm_the_phone(pieces, greeted):
    phone = one_phone()
    first = [HELLO.encode(checksum=False)] if greeted else []
    asyncio.run(talk(phone, *first, *pieces, idle_s=0.01))
    (answer,) = packets(asyncio.run(talk(phone, HELLO.encode(checksum=False), idle_s=9, enough=24)))
    assert answer.command == CNXN


def test_a_peer_that_opens_streams_without_end_is_bounded():
    phone = one_phone()
    flood = b"".join(
        Packet(OPEN, i + 1, 0, b"shell:cat\0").encode(checksum=False) for i in range(400)
    )
    answer = packets(asyncio.run(talk(phone, HELLO.encode(checksum=False), flood)))
    kinds = [p.command for p in answer]
    assert kinds.count(OKAY) == 256
    assert kinds.count(CLSE) == 144
