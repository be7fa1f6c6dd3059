"""The ``sync:`` service: stat, list, pull and push, protocol versions 1 and 2.

Requests are an id of four letters, a little-endian length and a path (AOSP
``packages/modules/adb/file_sync_protocol.h`` and ``SYNC.TXT``).
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from device_probes.virtual.adbd.files import MAX_PATH_CHARS, FileSystem, Node
from device_probes.virtual.adbd.stream import Stream
from device_probes.virtual.adbd.transport import Mangle
from device_probes.virtual.link.moments import Moments

DATA_BYTES = 64 * 1024
"""Largest DATA packet of a pull, and what adbd takes in a push."""
_V2 = struct.Struct("<IQQIIIIQqqq")
"""error, dev, ino, mode, nlink, uid, gid, size, atime, mtime, ctime"""
_DEVICE = 0xFD05


class SyncPhone(Protocol):
    """What the service needs of its phone."""

    files: FileSystem
    mangle_sync: Mangle | None
    """Changes every answer on its way out (hostile phones)."""

    moments: Moments


class SyncSession:
    """One ``sync:`` stream."""

    def __init__(self, stream: Stream, phone: SyncPhone) -> None:
        self._stream = stream
        self._phone = phone
        self._serve: dict[bytes, Callable[[bytes, str], Awaitable[None]]] = {
            b"STAT": self._stat1,
            b"STA2": self._stat2,
            b"LST2": self._stat2,
            b"LIST": self._list,
            b"LIS2": self._list,
            b"RECV": self._receive,
            b"RCV2": self._receive,
            b"SEND": self._send1,
            b"SND2": self._send2,
        }

    async def run(self) -> None:
        """Answer requests until QUIT or the end of the stream."""
        while True:
            name, size = struct.unpack("<4sI", await self._stream.exactly(8))
            if name == b"QUIT":
                return
            serve = self._serve.get(name)
            if serve is None or size > MAX_PATH_CHARS:
                await self._fail(f"unknown command {name!r} or path of {size} bytes")
                return
            path = (await self._stream.exactly(size)).decode("utf-8", "surrogateescape")
            await serve(name, path)

    # --- answers ----------------------------------------------------------------------------------

    async def _reply(self, data: bytes) -> None:
        if self._phone.mangle_sync:
            data = self._phone.mangle_sync(data)
        await self._stream.write(data)

    async def _fail(self, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape")
        await self._reply(struct.pack("<4sI", b"FAIL", len(data)) + data)

    # --- stat and list ----------------------------------------------------------------------------

    async def _stat1(self, _: bytes, path: str) -> None:
        await self._phone.moments.event(f"sync:stat:{path}")
        node = self._look(path)
        fields = (node.mode, node.size & 0xFFFFFFFF, int(node.mtime_s)) if node else (0, 0, 0)
        await self._reply(struct.pack("<4s3I", b"STAT", *fields))

    async def _stat2(self, name: bytes, path: str) -> None:
        await self._phone.moments.event(f"sync:stat:{path}")
        await self._reply(name + _stat_v2(self._look(path)))

    async def _list(self, request: bytes, path: str) -> None:
        await self._phone.moments.event(f"sync:list:{path}")
        files = self._phone.files
        try:
            names = [".", "..", *files.names(path)]
        except OSError:
            names = []  # adbd: a folder that cannot be opened is an empty one
        answer = bytearray()
        for name in names:
            node = self._look(posixpath.join(path, name)) or Node(stat.S_IFREG | 0o644)
            text = name.encode("utf-8", "surrogateescape")
            if request == b"LIS2":
                answer += b"DNT2" + _stat_v2(node)
            else:
                size = node.size & 0xFFFFFFFF
                answer += struct.pack("<4s3I", b"DENT", node.mode, size, int(node.mtime_s))
            answer += struct.pack("<I", len(text)) + text
        answer += b"DONE" + bytes(72 if request == b"LIS2" else 16)
        await self._reply(bytes(answer))

    def _look(self, path: str) -> Node | None:
        try:
            return self._phone.files.get(path)
        except OSError:
            return None

    # --- pull -------------------------------------------------------------------------------------

    async def _receive(self, name: bytes, path: str) -> None:
        if name == b"RCV2":
            await self._stream.exactly(8)  # id and flags: no compression was announced
        await self._phone.moments.event(f"sync:recv:{path}")
        try:
            content = self._phone.files.read(path)
        except OSError as exc:
            await self._fail(f"open failed: {exc.strerror}")
            return
        async for piece in self._phone.moments.pieces("sync:recv-data", content):
            for at in range(0, len(piece), DATA_BYTES):
                part = bytes(piece[at : at + DATA_BYTES])
                await self._reply(struct.pack("<4sI", b"DATA", len(part)) + part)
        await self._reply(b"DONE" + bytes(4))

    # --- push -------------------------------------------------------------------------------------

    async def _send1(self, _: bytes, spec: str) -> None:
        path, comma, mode = spec.rpartition(",")
        if not (path and comma) or not mode.isdecimal():
            await self._fail("missing , in ID_SEND_V1")
            return
        await self._send(path, int(mode))

    async def _send2(self, _: bytes, path: str) -> None:
        name, mode, flags = struct.unpack("<4sII", await self._stream.exactly(12))
        if name != b"SND2" or flags & ~0x80000000:
            await self._fail(f"unsupported flags {flags:#x}")
            return
        await self._send(path, mode)

    async def _send(self, path: str, mode: int) -> None:
        await self._phone.moments.event(f"sync:send:{path}")
        problem, node = "", None
        if stat.S_ISLNK(mode):
            problem = "symlink failed: Operation not permitted"
        else:
            try:
                node = self._phone.files.create(path, mode)
            except OSError as exc:
                problem = f"couldn't create file: {exc.strerror}"
        if problem:
            await self._fail(problem)
        mtime_s = None
        try:
            mtime_s = await self._take_all(node, problem)
        finally:
            if mtime_s is None:
                self._discard(path, node)
        if node is None or mtime_s is None:
            raise ConnectionAbortedError("adbd ends the session after a failed push")
        node.mtime_s = float(mtime_s) if mtime_s else time.time()
        await self._phone.moments.event(f"sync:done:{path}")
        await self._reply(b"OKAY" + bytes(4))

    async def _take_all(self, node: Node | None, problem: str) -> int | None:
        """Store DATA packets up to DONE; its time, or ``None`` after a failure."""
        while True:
            kind, size = struct.unpack("<4sI", await self._stream.exactly(8))
            if kind == b"DONE":
                return None if problem else int(size)
            if kind != b"DATA" or size > DATA_BYTES:
                await self._fail("invalid data message")
                raise ConnectionAbortedError("not a DATA packet")
            problem = await self._take(size, node, problem)

    def _discard(self, path: str, node: Node | None) -> None:
        """adbd deletes what it could not write whole."""
        if node is not None and self._look(path) is node:
            self._phone.files.remove(path)

    async def _take(self, size: int, node: Node | None, problem: str) -> str:
        """Store one DATA packet; after a failure the rest is read and thrown away, as adbd does."""
        data = await self._stream.exactly(size)
        async for piece in self._phone.moments.pieces("sync:data", data):
            if node is None or problem:
                continue
            try:
                self._phone.files.append(node, piece)
            except OSError as exc:
                problem = f"write failed: {os.strerror(exc.errno or errno.EIO)}"
                await self._fail(problem)
        return problem


def _stat_v2(node: Node | None) -> bytes:
    if node is None:
        return _V2.pack(errno.ENOENT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    when = int(node.mtime_s)
    inode = id(node) & 0xFFFFFFFF
    return _V2.pack(
        0, _DEVICE, inode, node.mode, 1, node.uid, node.gid, node.size, when, when, when
    )
