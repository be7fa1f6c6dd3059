"""The door to usbmuxd: which iPhones are there, and a byte stream to a port of one.

facebook-wda's usbmux client speaks; it has no deadline and no bound of its own, so it is given a
stream that has both (IOS.md sections 2 and 3).
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from device_probes.fields import Fields, Malformed, integer, shown, text
from device_probes.ios.errors import HOST, lost
from device_probes.ios.foreign import Oversized, library, translated
from profiler.errors import InputError

SYSTEM_SOCKET = "/var/run/usbmuxd"
MAX_MESSAGE_BYTES = 1 << 20
"""Of usbmuxd; 64 phones are some 40 kB."""
MAX_PHONES = 64
_CONNECT_PAUSE_S = 0.02
_NOTICE_S = 3.0
"""For the rest of a notice whose first byte is there."""
_MUX_ID = integer(0, 2**32 - 1)
_UDID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Seen:
    """A phone as usbmuxd lists it."""

    udid: str
    mux_id: int
    """usbmuxd's number for this connection; a phone that is plugged in again gets another."""
    connection: str
    """``usb`` or ``network``."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A connection to a phone came (``seen``) or went (``None``)."""

    mux_id: int
    seen: Seen | None


def read_seen(record: object) -> Seen:
    """A phone from one ``Attached`` record; raises :class:`Malformed`. Shape: IOS.md section 3."""
    f = Fields(record, "record")
    mux_id = f.get("DeviceID", _MUX_ID)
    f = f.get("Properties", lambda value: Fields(value, "Properties"))
    udid = f.get("SerialNumber", text(64))
    if not _UDID.match(udid):
        raise Malformed(f"SerialNumber is no phone's ({shown(udid)})")
    connection = f.get("ConnectionType", text(16)).lower()
    if connection not in ("usb", "network"):
        raise Malformed(f"ConnectionType is {shown(connection)}")
    return Seen(udid, mux_id, connection)


def best(seen: Iterable[Seen]) -> tuple[Seen, ...]:
    """One sighting a phone; a cable wins over the network (LAB section 5)."""
    phones: dict[str, Seen] = {}
    for one in seen:
        known = phones.get(one.udid)
        if known is None or (known.connection != "usb" and one.connection == "usb"):
            phones[one.udid] = one
    return tuple(phones.values())


def read_devices(answer: object) -> tuple[Seen, ...]:
    """The phones of an answer to ``ListDevices``; one that makes no sense hides no other.

    Raises :class:`Malformed` when there is no list.
    """
    records = answer.get("DeviceList") if isinstance(answer, dict) else None
    if not isinstance(records, list):
        raise Malformed("holds no DeviceList")
    seen = []
    for record in records[:MAX_PHONES]:
        with suppress(Malformed):
            seen.append(read_seen(record))
    return best(seen)


def read_notice(message: object) -> Notice | None:
    """What a message to a listener says; ``None``: nothing that matters, or nothing clear."""
    kind = message.get("MessageType") if isinstance(message, dict) else None
    with suppress(Malformed):
        if kind == "Attached":
            seen = read_seen(message)
            return Notice(seen.mux_id, seen)
        if kind == "Detached":
            return Notice(Fields(message, "record").get("DeviceID", _MUX_ID), None)
    return None


def socket_address(spelled: str) -> tuple[socket.AddressFamily, Any]:
    """Family and address of ``UNIX:path``, a path, or ``host:port``, as libusbmuxd reads
    ``USBMUXD_SOCKET_ADDRESS``. Raises :class:`~profiler.errors.InputError`."""
    path = spelled.removeprefix("UNIX:")
    if path != spelled or path.startswith(("/", ".")):
        if not path or len(os.fsencode(path)) > 107 or "\0" in path:
            raise InputError(f"usbmuxd's socket cannot be at {shown(path)!r}",
                             hint="a path of 1 to 107 bytes")  # fmt: skip
        return socket.AF_UNIX, path
    host, _, port = spelled.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise InputError(f"usbmuxd's address {shown(spelled)!r} cannot be read",
                         hint="allowed: UNIX:/path or host:port")  # fmt: skip
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    return family, (host.strip("[]"), int(port))


class Stream:
    """What facebook-wda's usbmux client reads and writes: a deadline over all, bounded reads."""

    def __init__(self, sock: socket.socket, end_s: float) -> None:
        self.sock = sock
        self.end_s = end_s
        self.read_bytes = 0

    def recv(self, size: int) -> bytes:
        """Exactly so many bytes. Raises ``OSError`` and :class:`.foreign.Oversized`."""
        if size > MAX_MESSAGE_BYTES:
            raise Oversized(f"a message of {size} bytes, at most {MAX_MESSAGE_BYTES} are allowed")
        data = bytearray()
        while len(data) < size:
            self._arm()
            part = self.sock.recv(size - len(data))
            if not part:
                raise ConnectionResetError("usbmuxd closed the connection")
            data += part
        self.read_bytes += size
        return bytes(data)

    def send(self, data: bytes) -> int:
        """All of it. Raises ``OSError``."""
        self._arm()
        self.sock.sendall(data)
        return len(data)

    read, write = recv, send

    def tell(self) -> int:
        """Where in the stream: the library asks, for its messages alone."""
        return self.read_bytes

    def close(self) -> None:
        """Never raises."""
        self.sock.close()

    def _arm(self) -> None:
        left_s = self.end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self.sock.settimeout(left_s)


class Following:
    """Notices of usbmuxd about its phones, for as long as it lives. To be closed by its reader."""

    def __init__(self, mux: Any, stream: Stream) -> None:
        self._mux = mux
        self._stream = stream

    def next(self, wait_s: float) -> Notice | None:
        """The next notice within ``wait_s``, else ``None``.

        Raises a :class:`~profiler.errors.DeviceError` when usbmuxd ended or :meth:`stop` came.
        """
        sock = self._stream.sock
        with translated("phone notices", HOST, _NOTICE_S):
            sock.settimeout(wait_s)
            try:
                if not sock.recv(1, socket.MSG_PEEK):
                    raise lost(HOST, "usbmuxd ended")
            except TimeoutError:
                return None
            self._stream.end_s = time.monotonic() + _NOTICE_S
            return read_notice(self._mux._receive())

    def stop(self) -> None:
        """From any thread: end it, and a :meth:`next` that waits.

        The socket stays the reader's: were it closed here, its number could be another one's when
        the reader gets to it.
        """
        with suppress(OSError):
            self._stream.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """From the reader's thread."""
        self._stream.close()


class MuxDoor:
    """One usbmuxd. Safe from several threads: a connection a call.

    Every method ends within its ``timeout_s`` and raises only
    :class:`~profiler.errors.DeviceError` or its children.
    """

    def __init__(self, socket_path: str | None = None) -> None:
        """``socket_path``: also ``UNIX:path`` or ``host:port``; ``None``: what
        ``USBMUXD_SOCKET_ADDRESS`` says, else the system's. Raises
        :class:`~profiler.errors.InputError`: not readable, or facebook-wda is not installed."""
        self.name = socket_path or os.environ.get("USBMUXD_SOCKET_ADDRESS") or SYSTEM_SOCKET
        self._family, self._address = socket_address(self.name)
        self._mux = library().mux

    def devices(self, timeout_s: float = 3.0) -> tuple[Seen, ...]:
        """The phones that are there, each once. Raises ``DeviceNotReady`` (``no_usbmuxd``)."""
        return self._devices(HOST, "device list", timeout_s)

    def connect(self, udid: str, port: int, timeout_s: float) -> socket.socket:
        """A blocking stream socket to a TCP port of a phone.

        Raises :class:`~profiler.errors.DeviceLost` when the phone is not there, and
        :class:`~profiler.errors.DeviceNotReady` (``port_closed``) when nobody listens.
        """
        end_s = time.monotonic() + timeout_s
        what = f"port {port}"
        plain = udid.replace("-", "")
        found = [
            s for s in self._devices(udid, what, timeout_s) if s.udid.replace("-", "") == plain
        ]
        if not found:
            raise lost(udid, "usbmuxd lists no such phone")
        phone = self._mux.MuxDevice(found[0].mux_id, found[0].udid, found[0].connection)
        with translated(what, udid, timeout_s):
            mux, stream = self._open(end_s)
            try:
                mux.connect(phone, port)
            except BaseException:  # also Ctrl-C: nothing stays open
                stream.close()
                raise
            stream.sock.settimeout(None)
            return stream.sock

    def follow(self, timeout_s: float = 3.0) -> Following:
        """Begin to listen; the phones that are there come first, as notices."""
        with translated("phone notices", HOST, timeout_s):
            mux, stream = self._open(time.monotonic() + timeout_s)
            try:
                mux.listen()
            except BaseException:  # also Ctrl-C: nothing stays open
                stream.close()
                raise
            return Following(mux, stream)

    def _devices(self, device: str, what: str, timeout_s: float) -> tuple[Seen, ...]:
        with translated(what, device, timeout_s):
            mux, stream = self._open(time.monotonic() + timeout_s)
            try:
                # not get_device_list(): one record without a serial number would hide all phones
                mux._send({"MessageType": "ListDevices"})
                return read_devices(mux._receive(mux._tag - 1))
            finally:
                stream.close()

    def _open(self, end_s: float) -> tuple[Any, Stream]:
        """facebook-wda's client of the plist protocol (every usbmuxd since 2012) on our stream."""
        stream = Stream(self._dial(end_s), end_s)
        return self._mux.PlistMuxConnection(stream), stream

    def _dial(self, end_s: float) -> socket.socket:
        while True:
            sock = socket.socket(self._family, socket.SOCK_STREAM)
            try:
                sock.settimeout(max(end_s - time.monotonic(), 0.001))
                sock.connect(self._address)
                if self._family != socket.AF_UNIX:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except BlockingIOError:  # a Unix socket whose queue is full does not wait
                sock.close()
                if time.monotonic() >= end_s:
                    raise TimeoutError from None
                time.sleep(_CONNECT_PAUSE_S)
            except BaseException:  # also Ctrl-C: nothing stays open
                sock.close()
                raise
            else:
                return sock
