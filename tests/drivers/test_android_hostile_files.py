"""Sync, installs and lists of files that lie, and bytes changed on their way."""

from __future__ import annotations

import random
import struct
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hostile_android import (
    QUICK,
    TEXTS,
    HostileAndroid,
    Peak,
    Trick,
    driving,
    elsewhere,
    harmless,
    hostile_phones,
    life,
    much,
    not_allowed,
    plugged,
    private_server,
    tree,
)

from device_probes.android import PrivateServer, files
from device_probes.android.shell import Shell
from device_probes.virtual.adbd.stream import Stream
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceTimeout,
    InstallFailed,
    ProbeProtocolError,
)

STAY_ON = "stay_on_while_plugged_in"
REMOTE = "/data/local/tmp/chirpbench-0123456789abcdef.apk"
CONTENT = bytes(range(256)) * 300
MAX_GROWTH_MIB = 48.0
"""What all of these phones together may cost, however much they announce."""


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with private_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with elsewhere(tmp_path_factory.mktemp("elsewhere")):
        yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    (tmp_path / "precious").write_text("untouched")
    return tmp_path


def answer(name: bytes, *fields: int) -> bytes:
    return name + struct.pack(f"<{len(fields)}I", *fields)


def syncing(reply: Callable[[Stream, bytes], Awaitable[None]], *, after_push: bool = True) -> Trick:
    """A sync service that reads requests as adbd does, and answers by ``reply``.

    Pushed data is read to its end before the answer, or not at all (``after_push``).
    """

    async def trick(stream: Stream) -> None:
        while True:
            name, size = struct.unpack("<4sI", await stream.exactly(8))
            await stream.exactly(size)
            while after_push and name == b"SEND":
                kind, size = struct.unpack("<4sI", await stream.exactly(8))
                if kind == b"DONE":
                    break
                await stream.exactly(size)
            await reply(stream, name)

    return trick


def telling(**replies: bytes) -> Trick:
    """Fixed bytes for each request; ``b""`` hangs up."""

    async def reply(stream: Stream, name: bytes) -> None:
        data = replies.get(name.decode(), b"")
        if not data:
            raise ConnectionAbortedError("as told")
        await stream.write(data)

    return syncing(reply)


def flooding(piece: bytes, *requests: bytes, before: bytes = b"") -> Trick:
    """``piece`` for ever in answer to ``requests``; the others get ``before``."""

    async def reply(stream: Stream, name: bytes) -> None:
        await stream.write(before)
        while name in requests:
            await stream.write(piece)

    return syncing(reply)


OKAY = answer(b"OKAY", 0)
DATA = answer(b"DATA", 65_536) + bytes(65_536)
PUSHES: dict[str, tuple[Trick, type[DeviceError]]] = {
    "closes": (telling(), DeviceLost),
    "half an answer": (telling(SEND=b"OKA"), DeviceTimeout),
    "fails without a word": (telling(SEND=answer(b"FAIL", 0)), InstallFailed),
    "fails with 4 GiB": (telling(SEND=answer(b"FAIL", 0xFFFFFFFF) + b"x" * 4096), InstallFailed),
    "fails with escapes": (
        telling(SEND=answer(b"FAIL", 90) + TEXTS["escapes"].encode().ljust(90)), InstallFailed),
    "fails with half a word": (telling(SEND=answer(b"FAIL", 99) + b"x"), DeviceTimeout),
    "no answer known": (telling(SEND=b"\x1b[2J\x9b2JJ"), ProbeProtocolError),
    "endless": (flooding(b"\xff" * 65_536, b"SEND"), ProbeProtocolError),
    "endless okays": (flooding(OKAY * 8192, b"SEND"), ProbeProtocolError),
    "no stat": (telling(SEND=OKAY, STAT=answer(b"FAIL", 1, 2, 3)), ProbeProtocolError),
    "a stat of nothing": (telling(SEND=OKAY, STAT=answer(b"STAT", 0, 0, 0)), InstallFailed),
    "a stat of 4 GiB": (
        telling(SEND=OKAY, STAT=answer(b"STAT", 0o100644, 0xFFFFFFFF, 0)), InstallFailed),
    "a stat of a folder": (telling(SEND=OKAY, STAT=answer(b"STAT", 0o40755, 54, 0)), InstallFailed),
    "a stat of a link": (telling(SEND=OKAY, STAT=answer(b"STAT", 0o120777, 54, 0)), InstallFailed),
}  # fmt: skip


@pytest.mark.parametrize("what", ["note", "package"])
def test_a_push_to_a_phone_that_lies_is_a_named_error(
    server: PrivateServer, home: Path, what: str
) -> None:
    """Of the note with the old settings, and of the probe, where there is nothing to note."""
    phones = hostile_phones(*(f"H{i}" for i in range(len(PUSHES))))
    for phone, (trick, _) in zip(phones, PUSHES.values(), strict=True):
        phone.serve("sync:", trick)
        phone.state.settings["global"][STAY_ON] = "0" if what == "note" else "7"
    with (
        driving(server, home / "state", phones, QUICK) as drivers,
        ThreadPoolExecutor(8) as pool,
        Peak() as peak,
    ):
        errors = list(pool.map(lambda phone: life(drivers[phone.serial]), phones))
    for phone, error, (name, (_, kind)) in zip(phones, errors, PUSHES.items(), strict=True):
        assert isinstance(error, kind), f"{name}: {error!r}"
        assert harmless(error), name
        assert not_allowed(phone.asked) == []
        changed = [line for line in phone.asked if "settings put" in line]
        assert changed == [], f"{name}: nothing is changed that could not be put back"
        assert any("pm install" in line for line in phone.asked) is False, name
    assert peak.mib < MAX_GROWTH_MIB
    assert tree(home / "here") == set()


def stat(size: int, mode: int = 0o100644) -> bytes:
    return answer(b"STAT", mode, size, 0)


SIZE = 100_000
HALF = answer(b"DATA", SIZE // 2) + bytes(SIZE // 2)
PULLS: dict[str, tuple[Trick, type[DeviceError]]] = {
    "nothing there": (telling(STAT=stat(0, 0)), DeviceError),
    "4 GiB": (telling(STAT=stat(0xFFFFFFFF)), DeviceError),
    "a folder": (telling(STAT=stat(4096, 0o40755)), DeviceError),
    "closes": (telling(STAT=stat(SIZE)), DeviceLost),
    "endless data": (flooding(DATA, b"RECV", before=stat(SIZE)), ProbeProtocolError),
    "a piece of 4 GiB": (
        telling(STAT=stat(SIZE), RECV=answer(b"DATA", 0xFFFFFFFF)), ProbeProtocolError),
    "one byte more": (
        telling(STAT=stat(SIZE), RECV=HALF + HALF + answer(b"DATA", 1) + b"x"), ProbeProtocolError),
    "half of it": (telling(STAT=stat(SIZE), RECV=HALF + answer(b"DONE", 0)), DeviceLost),
    "nothing of it": (telling(STAT=stat(SIZE), RECV=answer(b"DONE", 0)), DeviceLost),
    "another content": (
        telling(STAT=stat(SIZE), RECV=HALF + HALF + answer(b"DONE", 0)), DeviceLost),
    "refuses with escapes": (
        telling(STAT=stat(SIZE), RECV=answer(b"FAIL", 90) + TEXTS["lines"].encode().ljust(90)),
        DeviceError),
    "a list instead": (
        telling(STAT=stat(SIZE), RECV=answer(b"DENT", 0, 0, 0, 12) + b"../../x.part"),
        ProbeProtocolError),
}  # fmt: skip


def test_a_pull_from_a_phone_that_lies_leaves_no_file(server: PrivateServer, home: Path) -> None:
    phones = hostile_phones(*(f"H{i}" for i in range(len(PULLS))))
    for phone, (trick, _) in zip(phones, PULLS.values(), strict=True):
        phone.files.put(REMOTE, CONTENT)  # whose SHA-256 the shell then tells
        phone.serve("sync:", trick)
    before = tree(home)
    with plugged(server.adb.port, phones), Peak() as peak:
        numbers = {one.serial: one.transport_id for one in server.adb.listed()}
        for phone, (name, (_, kind)) in zip(phones, PULLS.items(), strict=True):
            shell = Shell(server.adb, numbers[phone.address], phone.serial)
            with pytest.raises(DeviceError) as caught:
                files.pull(shell, REMOTE, home / "here" / "file", max_bytes=10**6)
            assert isinstance(caught.value, kind), f"{name}: {caught.value!r}"
            assert harmless(caught.value), name
            assert tree(home) == before, name
    assert peak.mib < MAX_GROWTH_MIB


NAMES = [
    "../../../../etc/passwd", "/etc/passwd", "..", ".", "a\nchirpbench-0123456789abcdef.apk;reboot",
    "chirpbench-0123456789abcdef.apk; reboot", "chirpbench-$(reboot).apk", "-rf", "chirpbench-.apk",
    "chirpbench-0123456789abcdef.apk/../../../x", *(text[:200] for text in TEXTS.values()),
]  # fmt: skip


def test_names_in_a_list_go_nowhere(server: PrivateServer, home: Path) -> None:
    """The driver lists one folder, and of what it sees there it deletes only what it made."""
    (phone,) = hostile_phones("H1")
    phone.files.hostile_names["/data/local/tmp"] = NAMES
    before = tree(home / "here")
    with driving(server, home / "state", [phone]) as drivers:
        assert life(drivers["H1"]) is None
    assert not_allowed(phone.asked) == []
    deleted = {w for line in phone.asked for w in line.split("; ") if w.startswith("rm ")}
    own = {line.split()[-1] for line in phone.asked if "pm install" in line}
    assert {w.removeprefix("rm -f ") for w in deleted} <= {
        *own, "/data/local/tmp/chirpbench.restore",
        "/data/local/tmp/chirpbench-0123456789abcdef.apk",  # a line of its own in the fifth name
    }  # fmt: skip
    assert tree(home / "here") == before


@pytest.mark.parametrize(
    "words",
    [
        "Failure [" + "A" * 5_000_000,
        "Failure [INSTALL_FAILED_" + "X" * 1_000_000 + "]",
        "Failure [INSTALL_FAILED_ABORTED: " + TEXTS["escapes"] * 30_000 + "]",
        "SecurityException: " + TEXTS["html"] * 30_000,
        "\n" * 5_000_000 + "Failure [INSTALL_FAILED_ABORTED]",
        "Success" * 700_000,
    ],
    ids=["a word", "a reason", "escapes", "an exception", "lines", "successes"],
)
def test_an_install_that_answers_megabytes(server: PrivateServer, home: Path, words: str) -> None:
    (phone,) = hostile_phones("H1")
    phone.say("pm install", much(words.encode(), len(words.encode())))
    with driving(server, home, [phone], QUICK) as drivers:
        error = life(drivers["H1"])
    assert isinstance(error, InstallFailed)
    assert harmless(error)
    assert len(error.reason) <= 64
    assert not_allowed(phone.asked) == []


# --- bytes that change on their way ---------------------------------------------------------------


def flipped(seed: int, every: int) -> Callable[[bytes], bytes]:
    """Changes about one message in ``every``: a bit, a length, a piece lost or doubled."""
    rng = random.Random(seed)

    def change(data: bytes) -> bytes:
        if not data or rng.randrange(every):
            return data
        at = rng.randrange(min(len(data), 64))
        kind = rng.randrange(4)
        if kind == 0:
            return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        if kind == 1:
            return data[:at]
        return data[:at] + data[at:] * 2 if kind == 2 else data[:at] + b"\xff\xff\xff\xff"

    return change


def fate(phone: HostileAndroid, drivers: dict[str, object]) -> tuple[bool, str]:
    error = life(drivers[phone.serial])  # type: ignore[arg-type]
    return harmless(error), repr(error)


@pytest.mark.parametrize("where", ["sync", "adb"])
def test_changed_bytes_end_in_a_named_error_or_none(
    server: PrivateServer, home: Path, where: str
) -> None:
    """In the answers of sync, where adb cannot notice, and in adb's own packets."""
    phones = hostile_phones(*(f"H{i}" for i in range(16)))
    with driving(server, home, phones, QUICK) as drivers, ThreadPoolExecutor(12) as pool:
        for i, phone in enumerate(phones):
            if where == "sync":
                phone.mangle_sync = flipped(i, 3)
            else:
                phone.mangle = flipped(i, 40)
        fates = list(pool.map(lambda phone: fate(phone, drivers), phones))
        for phone in phones:
            phone.mangle = phone.mangle_sync = None
    assert all(harmless_one for harmless_one, _ in fates), fates
    assert any(what != "None" for _, what in fates), "no change was met"
    assert all(not_allowed(phone.asked) == [] for phone in phones)
