"""Triggers at exact moments, and a file system no path leads out of."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from adbd_phones import one_phone, shell
from hypothesis import given, settings
from hypothesis import strategies as st

from device_probes.virtual.adbd.files import MAX_NODES, FileSystem
from device_probes.virtual.adbd.packet import PacketError
from device_probes.virtual.adbd.stream import Stream
from device_probes.virtual.adbd.sync import SyncSession
from device_probes.virtual.link.triggers import Triggers


def test_a_trigger_fires_once_after_what_may_pass():
    triggers = Triggers()
    triggers.on("shell:pm install", "first")
    triggers.on("shell:", "third", after=2)
    triggers.on("*install*", "pattern", after=1)
    assert triggers.due("shell:pm path x") == []
    assert triggers.due("shell:pm install -r x") == ["first"]
    assert triggers.due("shell:pm install -r x") == ["third", "pattern"]
    assert triggers.due("shell:pm install -r x") == []
    triggers.on("shell:", "never")
    triggers.clear()
    assert triggers.due("shell:x") == []
    with pytest.raises(ValueError, match="negative"):
        triggers.on("x", "y", after=-1)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(0, 120))
def test_data_is_cut_exactly_where_a_trigger_fires(parts, after):
    async def passed() -> int:
        phone = one_phone()
        seen = bytearray()
        counts = []
        phone.on("stream:data", lambda _: counts.append(len(seen)), after=after)
        for part in parts:
            async for piece in phone.moments.pieces("stream:data:in", part):
                seen += piece
        assert bytes(seen) == b"".join(parts)
        return counts[0] if counts else -1

    total = sum(map(len, parts))
    assert asyncio.run(passed()) == (after if total > after else -1)


def test_a_command_that_pulls_the_cable_does_not_happen():
    phone = one_phone()
    phone.on("shell:settings put", "jerk")
    with pytest.raises(ConnectionResetError, match="unplugged at shell:settings put"):
        shell(phone, "settings put system x 1")
    assert shell(phone, "settings get system x").out == "null\n"
    phone.on("shell-done:settings put", "jerk")
    with pytest.raises(ConnectionResetError):
        shell(phone, "settings put system x 1")
    assert shell(phone, "settings get system x").out == "1\n"


def test_a_frozen_phone_waits_and_goes_on():
    async def work():
        phone = one_phone()
        await phone.attach(None)
        phone.on("shell:echo", "freeze")
        waiting = asyncio.create_task(phone.moments.event("shell:echo hi"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        phone.thaw()
        await asyncio.wait_for(waiting, 5)
        await phone.detach()

    asyncio.run(work())


# --- files ---------------------------------------------------------------------------------------


@given(st.text(alphabet="./ab\\~$*", max_size=40))
def test_no_path_leads_out_of_the_phone(path):
    files = FileSystem(10**9, 10**8)
    whole = files.resolve(path)
    assert whole.startswith("/")
    assert ".." not in whole.split("/")
    before = len(files._nodes)
    try:
        files.append(files.create(path), b"x")
    except OSError:
        assert len(files._nodes) == before
    else:
        assert files.resolve(path).startswith(("/data/local/tmp/", "/storage/emulated/0/"))
        assert files.read(path) == b"x"


def test_links_space_and_bounds():
    files = FileSystem(10_000, 1_000)
    files.put("/storage/emulated/0/a", b"abc")
    assert files.read("/sdcard/a") == b"abc"
    assert files.free_bytes == 997
    node = files.create("/data/local/tmp/big")
    with pytest.raises(OSError, match="No space left"):
        files.append(node, bytes(2000))
    assert (len(node.data), files.free_bytes) == (997, 0)
    files.remove("/data/local/tmp/big")
    assert files.free_bytes == 997
    files.create("/data/local/tmp/new/deep/f")
    assert files.names("/data/local/tmp") == ["new"]
    with pytest.raises(NotADirectoryError):
        files.names("/sdcard/a")
    with pytest.raises(IsADirectoryError):
        files.remove("/data/local/tmp/new")
    files.remove("/data/local/tmp/new", recursive=True)
    assert files.names("/data/local/tmp") == []
    with pytest.raises(OSError, match="too long"):
        files.create("/data/local/tmp/" + "x" * 300)
    with pytest.raises(OSError, match="too long"):
        files.find("/" + "x/" * 600)
    for i in range(MAX_NODES - len(files._nodes)):
        files.create(f"/data/local/tmp/{i}")
    with pytest.raises(OSError, match="No space left"):
        files.create("/data/local/tmp/more")
    files.hostile_names["/data/local/tmp"] = ["../../etc/passwd"]
    assert "../../etc/passwd" in files.names("/data/local/tmp")


# --- sync ----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.builds(
                lambda name, size, data: name + size.to_bytes(4, "little") + data,
                st.sampled_from([b"STAT", b"STA2", b"LST2", b"LIST", b"LIS2", b"RECV", b"RCV2",
                                 b"SEND", b"SND2", b"DATA", b"DONE", b"QUIT", b"XXXX"]),
                st.one_of(st.integers(0, 40), st.integers(0, 2**32 - 1)),
                st.one_of(st.binary(max_size=40), st.just(b"/data/local/tmp/x,33188")),
            ),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_any_bytes_of_a_host_end_a_sync_session_and_nothing_else(pieces):
    async def work():
        phone = one_phone()

        async def send(packet):
            stream.on_okay(1)

        stream = Stream(send, 1, 1, 2**20)
        session = asyncio.create_task(SyncSession(stream, phone).run())
        for piece in pieces:
            await asyncio.sleep(0)
            with suppress(PacketError):  # too much at once is the transport's to refuse
                stream.on_write(piece)
        stream.on_close()
        with suppress(ConnectionError):
            await asyncio.wait_for(session, 5)
        assert all(p.startswith("/") for p in phone.files._nodes)

    asyncio.run(work())
