"""Files to and from a phone over adb's sync service, checked by size and SHA-256."""

from __future__ import annotations

import hashlib
import select
import socket
import stat
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from device_probes.android import commands
from device_probes.android.errors import Oversized
from device_probes.android.parsers import digest, free_kib
from device_probes.android.shell import Shell, exactly
from device_probes.fields import shown
from profiler.errors import DeviceError, DeviceLost, InstallFailed

T = TypeVar("T")

BYTES_PER_S = 1e6
"""Slowest transport worth using; USB 2 gives 20 times as much."""
_CHUNK = 65_536
"""The sync protocol allows no more in one piece."""
_MARGIN_KIB = 1024
_MAX_TEXT = 1024
_LENGTH = struct.Struct("<I")
_STAT = struct.Struct("<III")


def push(shell: Shell, data: bytes, remote: str, *, mode: int = 0o644) -> None:
    """Write ``data`` to ``remote`` on the phone and check what arrived.

    Looks for free space first: a full phone often says no more than "FAIL". Raises
    :class:`~profiler.errors.InstallFailed` (reason ``disk_full``, ``push_refused`` or
    ``push_damaged``), :class:`~profiler.errors.DeviceLost` or
    :class:`~profiler.errors.DeviceTimeout`.
    """
    free = free_kib(shell.run(commands.FREE_SPACE).out)
    need_kib = len(data) // 1024 + _MARGIN_KIB
    if free is not None and free < need_kib:
        raise _full(shell.device, f"{free} KiB free, {need_kib} KiB needed")
    write(shell, data, remote, mode=mode)
    found = _digest(shell, remote)
    if found and not matches(found, data):
        raise InstallFailed(f"what arrived as {remote} is damaged", device=shell.device,
                            reason="push_damaged", hint="try another cable or port")  # fmt: skip


def write(shell: Shell, data: bytes, remote: str, *, mode: int = 0o644) -> None:
    """As :func:`push`, for a few bytes: only the size is checked."""
    name = f"{remote},{stat.S_IFREG | mode}".encode()

    def work(sock: socket.socket) -> int:
        _send(sock, name, data, shell.device)
        return _size(sock, remote)

    try:
        size = _use(shell, f"push of {remote}", len(data), work)
    except _Refused as exc:
        if "space" in exc.words.lower():
            raise _full(shell.device, exc.words) from exc
        raise InstallFailed(
            f"the phone refused {remote}: {exc.words or 'no reason given'}", device=shell.device,
            reason="push_refused", hint="free some space on the phone, restart it, run again",
        ) from exc  # fmt: skip
    if size != len(data):
        raise InstallFailed(
            f"{size} of {len(data)} bytes arrived as {remote}", device=shell.device,
            reason="push_damaged", hint="free some space on the phone, try another cable",
        )  # fmt: skip


def pull(shell: Shell, remote: str, local: Path, *, max_bytes: int) -> None:
    """Copy a file of the phone to ``local``, which appears whole or not at all.

    Raises :class:`~profiler.errors.DeviceError` when there is no such file, when it is larger
    than ``max_bytes``, or when the copy differs from what the phone has.
    """
    size = _use(shell, f"stat of {remote}", 0, lambda sock: _size(sock, remote))
    if not 0 < size <= max_bytes:
        raise DeviceError(f"{remote} has {size} bytes, 1 to {max_bytes} are allowed",
                          device=shell.device, hint="look at the file on the phone")  # fmt: skip
    part = local.with_name(f"{local.name}.part")
    try:
        with part.open("wb") as file:
            _use(
                shell,
                f"pull of {remote}",
                size,
                lambda sock: _receive(sock, remote, file, size, shell.device),
            )
        data = part.read_bytes()
        found = _digest(shell, remote)
        if len(data) != size or (found and not matches(found, data)):
            raise DeviceLost(f"{len(data)} of {size} bytes of {remote} came whole",
                             device=shell.device, hint="run again")  # fmt: skip
        part.replace(local)
    except _Refused as exc:
        raise DeviceError(f"{remote}: {exc.words}", device=shell.device,
                          hint="look at the file on the phone") from exc  # fmt: skip
    finally:
        part.unlink(missing_ok=True)


class _Refused(DeviceError):
    """The phone's own words for why it refused a file."""

    @property
    def words(self) -> str:
        """What the phone said, cleaned; may be empty."""
        return self.message.removeprefix(f"{self.device}: ")


def _use(shell: Shell, what: str, size: int, work: Callable[[socket.socket], T]) -> T:
    return shell.adb.use(
        shell.transport_id,
        "sync:",
        device=shell.device,
        what=what,
        timeout_s=shell.timeout_s + size / BYTES_PER_S,
        work=work,
    )


def _send(sock: socket.socket, name: bytes, data: bytes, device: str) -> None:
    """SEND, DATA …, DONE; a phone that is full answers in the middle of it."""
    sock.sendall(b"SEND" + _LENGTH.pack(len(name)) + name)
    try:
        for at in range(0, len(data), _CHUNK):
            part = data[at : at + _CHUNK]
            sock.sendall(b"DATA" + _LENGTH.pack(len(part)) + part)
            if select.select([sock], [], [], 0)[0]:
                break
        else:
            sock.sendall(b"DONE" + _LENGTH.pack(int(time.time())))
    except ConnectionError:
        pass  # its last words may be there to read
    answer = exactly(sock, 8)
    if answer[:4] != b"OKAY":
        raise _refusal(sock, answer, device)


def _refusal(sock: socket.socket, answer: bytes, device: str) -> Exception:
    if answer[:4] != b"FAIL":
        return Oversized(f"{shown(answer[:4])} where OKAY or FAIL belongs")
    length = min(_LENGTH.unpack(answer[4:])[0], _MAX_TEXT)
    text = shown(exactly(sock, length).decode("utf-8", "replace"), 120)
    return _Refused(text, device=device)


def _size(sock: socket.socket, remote: str) -> int:
    """Size of a file; 0 also when there is none."""
    name = remote.encode()
    sock.sendall(b"STAT" + _LENGTH.pack(len(name)) + name)
    answer = exactly(sock, 4 + _STAT.size)
    if answer[:4] != b"STAT":
        raise Oversized(f"{shown(answer[:4])} where STAT belongs")
    mode, size, _ = _STAT.unpack(answer[4:])
    return int(size) if stat.S_ISREG(mode) else 0


def _receive(sock: socket.socket, remote: str, file: BinaryIO, size: int, device: str) -> None:
    name = remote.encode()
    sock.sendall(b"RECV" + _LENGTH.pack(len(name)) + name)
    left = size
    while True:
        head = exactly(sock, 8)
        if head[:4] == b"DONE":
            return
        if head[:4] != b"DATA":
            raise _refusal(sock, head, device)
        length = _LENGTH.unpack(head[4:])[0]
        if length > min(left, _CHUNK):
            raise Oversized(f"{length} bytes in one piece, {left} are left of {size}")
        file.write(exactly(sock, length))
        left -= length


def _digest(shell: Shell, remote: str) -> str:
    """SHA-256 of a file on the phone, its MD5 on the oldest systems, ``""`` when neither."""
    for command, chars in ((commands.sha256sum(remote), 64), (commands.md5sum(remote), 32)):
        found = digest(shell.run(command).out, chars)
        if found:
            return found
    return ""


def matches(found: str, data: bytes) -> bool:
    """Whether ``found`` (SHA-256 or MD5 in hex, by its length) is the digest of ``data``."""
    made = hashlib.sha256(data) if len(found) == 64 else hashlib.md5(data, usedforsecurity=False)
    return made.hexdigest() == found


def _full(device: str, why: str) -> InstallFailed:
    return InstallFailed(f"the phone's storage is full ({why})", device=device, reason="disk_full",
                         hint="free some space on the phone, then run again")  # fmt: skip
