"""Whether usbmuxd keeps a pairing, asked of one that says it, says nothing, or says too much."""

from __future__ import annotations

import plistlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from lockdown_peers import UDID, Usbmuxd, lockdown

from device_probes.ios.lockdown import HostIds
from device_probes.ios.pairing import NoRecord, host_ids

RECORD = {"HostID": "H", "SystemBUID": "B", "HostPrivateKey": b"secret"}


def said(answer: object) -> bytes:
    body = plistlib.dumps(answer)
    return struct.pack("<4I", 16 + len(body), 1, 8, 1) + body


@contextmanager
def usbmuxd(path: Path, answer: bytes | None) -> Iterator[None]:
    """Says these bytes to one client, whatever it asks; ``None``: nothing."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError), server.accept()[0] as client:
            client.recv(65_536)
            if answer is None:
                over.wait(10)
            else:
                client.sendall(answer)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(10)
            assert not thread.is_alive()


def test_a_record_gives_the_two_identities_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "mux"
    with Usbmuxd(path, lockdown(), record=RECORD):
        assert host_ids(str(path), UDID, 5.0) == HostIds("H", "B")
        assert host_ids(f"UNIX:{path}", UDID, 5.0) == HostIds("H", "B")


def test_no_record_is_no_pairing(tmp_path: Path) -> None:
    path = tmp_path / "mux"
    with Usbmuxd(path, lockdown()), pytest.raises(NoRecord):
        host_ids(str(path), UDID, 5.0)
    empty = said({"PairRecordData": plistlib.dumps({})})
    with usbmuxd(tmp_path / "two", empty), pytest.raises(NoRecord):
        host_ids(str(tmp_path / "two"), UDID, 5.0)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"\x00" * 16,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        struct.pack("<4I", 2**32 - 1, 1, 8, 1) + b"x" * 100,
        said({"MessageType": "Result", "Number": 1}),
        said({"MessageType": "Result", "Number": "2"}),
        said({"PairRecordData": "text"}),
        said(["PairRecordData"]),
        said({"PairRecordData": b""})[:-5],
    ],
)
def test_what_makes_no_sense_says_nothing_of_a_pairing(
    answer: bytes | None, tmp_path: Path
) -> None:
    with usbmuxd(tmp_path / "mux", answer):
        assert host_ids(str(tmp_path / "mux"), UDID, 0.3) is None


def test_no_usbmuxd_says_nothing_either(tmp_path: Path) -> None:
    assert host_ids(str(tmp_path / "none"), UDID, 1.0) is None
    assert host_ids("127.0.0.1:1", UDID, 1.0) is None
