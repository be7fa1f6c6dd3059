"""Files to and from a phone: checked, whole or not at all, and why not."""

from __future__ import annotations

import hashlib
import socket
import struct
from pathlib import Path

import pytest
from adb_door import packet, shell_on

from device_probes.android import files
from profiler.errors import DeviceError, DeviceLost, InstallFailed


class SyncPhone:
    """The phone's side of sync and of the two commands around it, with a fault to choose."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.files: dict[str, bytes] = {}
        self.commands: list[str] = []

    def serve(self, connection: socket.socket, request: str) -> None:
        connection.sendall(b"OKAY")
        if request == "sync:":
            self._sync(connection)
            return
        command = request.removeprefix("shell,v2,raw:")
        self.commands.append(command)
        out, code = self._answer(command)
        connection.sendall(packet(1, out.encode()) + packet(3, bytes([code])))

    def _answer(self, command: str) -> tuple[str, int]:
        if command.startswith("df"):
            free = 5 if self.fault == "small" else 10**6
            return f"Filesystem 1K-blocks Used Available Use% Mounted on\n/x 9 9 {free} 9% /data", 0
        name, _, path = command.partition(" ")
        data = self.files.get(path)
        if (self.fault == "old" and name == "sha256sum") or data is None:
            return "", 127
        return f"{hashlib.new(name.removesuffix('sum'), data).hexdigest()}  {path}\n", 0

    def _sync(self, c: socket.socket) -> None:
        while head := c.recv(8, socket.MSG_WAITALL):
            name = c.recv(struct.unpack("<I", head[4:])[0], socket.MSG_WAITALL).decode()
            getattr(self, f"_{head[:4].decode().lower()}")(c, name)

    def _send(self, c: socket.socket, name: str) -> None:
        data = bytearray()
        while True:
            head = c.recv(8, socket.MSG_WAITALL)
            if head[:4] == b"DONE":
                break
            data += c.recv(struct.unpack("<I", head[4:])[0], socket.MSG_WAITALL)
            if self.fault == "full":
                text = b"No space left on device"
                c.sendall(b"FAIL" + struct.pack("<I", len(text)) + text)
                return
            if self.fault == "unplug":
                c.shutdown(socket.SHUT_RDWR)
                return
        if self.fault == "short":
            data = data[:-1]
        if self.fault == "damaged":
            data[0] ^= 1
        self.files[name.rpartition(",")[0]] = bytes(data)
        c.sendall(b"OKAY" + bytes(4))

    def _stat(self, c: socket.socket, name: str) -> None:
        data = self.files.get(name)
        mode = 0 if data is None else 0o100644
        size = len(data or b"") + (10**6 if self.fault == "growing" else 0)
        c.sendall(b"STAT" + struct.pack("<III", mode, size, 0))

    def _recv(self, c: socket.socket, name: str) -> None:
        data = self.files[name]
        if self.fault == "cut":
            c.sendall(b"DATA" + struct.pack("<I", 1000) + data[:500])
            c.shutdown(socket.SHUT_RDWR)
            return
        if self.fault == "swapped":
            data = bytes(len(data))
        for at in range(0, len(data), 65_536):
            part = data[at : at + 65_536]
            c.sendall(b"DATA" + struct.pack("<I", len(part)) + part)
        c.sendall(b"DONE" + bytes(4))


DATA = bytes(range(256)) * 1000
REMOTE = "/data/local/tmp/chirpbench-0123456789abcdef.apk"


@pytest.mark.parametrize("fault", ["", "old"])
def test_a_push_arrives_and_is_checked(fault: str) -> None:
    phone = SyncPhone(fault)
    with shell_on(phone.serve) as (shell, _):
        files.push(shell, DATA, REMOTE)
    assert phone.files == {REMOTE: DATA}
    assert phone.commands[:2] == ["df -k /data/local/tmp", f"sha256sum {REMOTE}"]


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [("small", InstallFailed, "disk_full"), ("full", InstallFailed, "disk_full"),
     ("short", InstallFailed, "push_damaged"), ("damaged", InstallFailed, "push_damaged"),
     ("unplug", DeviceLost, "")],
)  # fmt: skip
def test_a_push_that_fails_says_why(fault: str, kind: type[DeviceError], reason: str) -> None:
    with shell_on(SyncPhone(fault).serve) as (shell, _), pytest.raises(kind) as caught:
        files.push(shell, DATA, REMOTE)
    assert getattr(caught.value, "reason", "") == reason
    assert caught.value.hint


def test_a_pull_arrives_whole_or_not_at_all(tmp_path: Path) -> None:
    phone, local = SyncPhone(), tmp_path / "log.txt"
    phone.files[REMOTE] = DATA
    with shell_on(phone.serve) as (shell, _):
        files.pull(shell, REMOTE, local, max_bytes=10**6)
        assert local.read_bytes() == DATA
        local.unlink()
        for fault in ("cut", "swapped", "growing"):
            phone.fault = fault
            with pytest.raises(DeviceError):
                files.pull(shell, REMOTE, local, max_bytes=10**7)
        with pytest.raises(DeviceError, match="bytes, 1 to 10 are allowed"):
            files.pull(shell, REMOTE, local, max_bytes=10)
        with pytest.raises(DeviceError, match="has 0 bytes"):
            files.pull(shell, "/data/local/tmp/missing", local, max_bytes=10)
    assert list(tmp_path.iterdir()) == []
