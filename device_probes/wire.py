"""Frames over any byte stream: how the probe contract's messages travel.

One frame, all integers little-endian (``docs/probe-protocol.md`` has a worked example)::

    offset 0   4 bytes  magic 43 48 52 50 ("CHRP")
    offset 4   uint32   H, length of the header in bytes, 2..65536
    offset 8   uint32   P, length of the payload in bytes, 0..262144
    offset 12  H bytes  header: one JSON object in UTF-8 with a text "type"
    12 + H     P bytes  payload (PCM), only after a header of type "pcm"
"""

from __future__ import annotations

import json
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from device_probes.fields import Malformed, loads, shown
from profiler.errors import DeviceLost, DeviceTimeout, ProbeProtocolError

MAGIC = b"CHRP"
PREFIX = struct.Struct("<4sII")
MAX_HEADER_BYTES = 65_536
MAX_PAYLOAD_BYTES = 262_144
SLICE_S = 0.1
"""Longest single wait on the stream; deadlines and cancels are noticed this fast."""


class ByteStream(Protocol):
    """What a transport must offer; a connected ``socket.socket`` is one as it stands."""

    def recv(self, size: int, /) -> bytes:
        """At most ``size`` bytes, ``b""`` at the end; ``TimeoutError`` after the timeout."""
        ...

    def send(self, data: memoryview, /) -> int:
        """Send some of ``data`` and return how much; ``TimeoutError`` after the timeout."""
        ...

    def settimeout(self, timeout_s: float, /) -> None:
        """Set the longest wait of one ``recv`` or ``send``."""
        ...

    def close(self) -> None:
        """Close; a ``recv`` that waits in another thread ends. May be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it travels."""

    header: dict[str, Any]
    payload: bytes = b""

    @property
    def type(self) -> str:
        """The header's ``type``; ``""`` when it has none."""
        value = self.header.get("type")
        return value if isinstance(value, str) else ""


class Deadline:
    """A moment after which waiting is over; :meth:`shorten` may be called by another thread."""

    def __init__(self, seconds: float, what: str) -> None:
        self.what = what
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return time.monotonic() >= self._end

    def shorten(self, seconds: float) -> None:
        """Let it pass in ``seconds`` at the latest."""
        self._end = min(self._end, time.monotonic() + seconds)


def encode_frame(header: dict[str, Any], payload: bytes | memoryview = b"") -> bytes:
    """The bytes of one frame. Raises ``ValueError`` when it would break a bound."""
    text = json.dumps(header, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
    if not 2 <= len(text) <= MAX_HEADER_BYTES or len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"frame too large: header {len(text)} bytes, payload {len(payload)} bytes")
    return PREFIX.pack(MAGIC, len(text), len(payload)) + text + bytes(payload)


def decode_prefix(prefix: bytes) -> tuple[int, int]:
    """Lengths of header and payload; raises :class:`Malformed`."""
    magic, header_bytes, payload_bytes = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise Malformed(f"frame begins with {magic.hex(' ')} instead of {MAGIC.hex(' ')}")
    if not 2 <= header_bytes <= MAX_HEADER_BYTES:
        raise Malformed(f"header of {header_bytes} bytes, at most {MAX_HEADER_BYTES} are allowed")
    if payload_bytes > MAX_PAYLOAD_BYTES:
        raise Malformed(f"payload of {payload_bytes} bytes, at most {MAX_PAYLOAD_BYTES} allowed")
    return header_bytes, payload_bytes


def decode_header(data: bytes, payload_bytes: int) -> dict[str, Any]:
    """The header object; raises :class:`Malformed`. Only ``pcm`` may carry a payload."""
    header = loads(data)
    if payload_bytes and header.get("type") != "pcm":
        raise Malformed(f"a {shown(header.get('type'))} frame carries a payload")
    return header


class Connection:
    """Frames in both directions with a deadline on each; turns every failure into one line.

    Reading belongs to one thread, writing to any. Raises
    :class:`~profiler.errors.DeviceTimeout`, :class:`~profiler.errors.DeviceLost` and
    :class:`~profiler.errors.ProbeProtocolError`, each naming ``peer``.
    """

    def __init__(self, stream: ByteStream, peer: str) -> None:
        self.peer = peer
        self._stream = stream
        self._write_lock = threading.Lock()
        self._closed = False
        # One short timeout for good: changing it per call would race with the writing thread.
        stream.settimeout(SLICE_S)

    def read(self, deadline: Deadline) -> Frame:
        """The next frame; memory is bounded by the frame's own limits."""
        try:
            header_bytes, payload_bytes = decode_prefix(self._exactly(PREFIX.size, deadline))
            header = decode_header(self._exactly(header_bytes, deadline), payload_bytes)
        except Malformed as exc:
            raise self.malformed(exc) from exc
        return Frame(header, self._exactly(payload_bytes, deadline) if payload_bytes else b"")

    def write(
        self, header: dict[str, Any], deadline: Deadline, payload: bytes | memoryview = b""
    ) -> None:
        """Send one frame whole; frames of several threads do not mix."""
        data = memoryview(encode_frame(header, payload))
        with self._write_lock:
            while data:
                try:
                    data = data[self._stream.send(data) :]
                except TimeoutError:
                    self._check(deadline, "does not take any more data")
                except OSError as exc:
                    raise self._lost(exc) from exc

    def close(self) -> None:
        """Close the stream. Never raises."""
        self._closed = True
        with suppress(OSError):  # gone already is what was wanted
            self._stream.close()

    def malformed(self, why: Malformed | str) -> ProbeProtocolError:
        """The error for a peer that breaks the contract."""
        return ProbeProtocolError(
            f"the probe broke the protocol: {why}",
            device=self.peer,
            hint="install the probe that belongs to this chirpbench",
        )

    def _exactly(self, size: int, deadline: Deadline) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._check(deadline, "gave no complete answer")
            try:
                part = self._stream.recv(min(size - len(data), 65_536))
            except TimeoutError:
                continue
            except OSError as exc:
                raise self._lost(exc) from exc
            if not part:
                raise self._lost(None)
            data += part
        return bytes(data)

    def _check(self, deadline: Deadline, what: str) -> None:
        if deadline.over:
            raise DeviceTimeout(
                f"{what} within {deadline.seconds:.3g} s ({deadline.what})",
                device=self.peer,
                hint="reconnect the device, then run again",
            )

    def _lost(self, exc: OSError | None) -> DeviceLost:
        reason = "the connection was closed" if exc is None or self._closed else shown(str(exc), 80)
        return DeviceLost(
            f"lost: {reason}", device=self.peer, hint="check the cable and the probe, run again"
        )
