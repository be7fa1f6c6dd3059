"""Commands on a phone: exit code, output and errors apart, both bounded."""

from __future__ import annotations

import re
import socket
import struct
from dataclasses import dataclass

from device_probes.android.adb import Adb
from device_probes.android.commands import Command
from device_probes.android.errors import Oversized

MAX_OUTPUT_BYTES = 8 * 2**20
"""``dumpsys`` on a crowded phone gives less than one megabyte."""
TIMEOUT_S = 5.0
_HEADER = struct.Struct("<BI")
_PACKET_BYTES = 64
"""What each packet counts beside its data: a flood of empty ones takes time, not memory."""
_STDOUT, _STDERR, _EXIT = 1, 2, 3
_V1_MARK = "X4EXIT:"
_V1_END = re.compile(rf"{_V1_MARK}(\d{{1,3}})\s*\Z")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said. Untrusted text with line ends as ``\\n``."""

    code: int
    out: str
    err: str = ""

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.code == 0

    @property
    def text(self) -> str:
        """Both outputs; the old protocol mixes them anyhow."""
        return f"{self.out}\n{self.err}" if self.err else self.out


class Shell:
    """The shell of one phone on one connection. Safe from several threads."""

    def __init__(
        self, adb: Adb, transport_id: int, device: str, timeout_s: float = TIMEOUT_S
    ) -> None:
        """``timeout_s`` is for commands that ask for no time of their own."""
        self.adb = adb
        self.transport_id = transport_id
        self.device = device
        self.timeout_s = timeout_s
        self._features: frozenset[str] | None = None

    def features(self) -> frozenset[str]:
        """What the phone's adb daemon can do; asked once a connection, of the server."""
        if self._features is None:
            text = self.adb.about(self.transport_id, "features", self.device, self.timeout_s)
            self._features = frozenset(text.split(","))
        return self._features

    def run(
        self, command: Command, timeout_s: float | None = None, silence_s: float | None = None
    ) -> Answer:
        """Run ``command``; a failing one is an answer, not an error.

        It may take ``timeout_s``, and be silent for ``silence_s`` of it.

        Raises :class:`~profiler.errors.DeviceTimeout`, :class:`~profiler.errors.DeviceLost` (also
        when the phone goes in mid-command) and :class:`~profiler.errors.ProbeProtocolError` for
        a phone that never stops talking.
        """
        second = "shell_v2" in self.features()
        service = f"shell,v2,raw:{command.text}"
        if not second:
            service = f"shell:{command.text}; echo {_V1_MARK}$?"
        return self.adb.use(
            self.transport_id,
            service,
            device=self.device,
            what=command.what,
            timeout_s=self.timeout_s if timeout_s is None else timeout_s,
            silence_s=silence_s,
            work=_read_v2 if second else _read_v1,
        )


def _read_v2(sock: socket.socket) -> Answer:
    """Packets of one-byte id, four-byte length, data; ends with the exit code."""
    parts: dict[int, bytearray] = {_STDOUT: bytearray(), _STDERR: bytearray()}
    size = 0
    while True:
        kind, length = _HEADER.unpack(exactly(sock, _HEADER.size))
        size += _PACKET_BYTES + length
        if size > MAX_OUTPUT_BYTES:
            raise Oversized(f"more than {MAX_OUTPUT_BYTES} bytes of output")
        data = exactly(sock, length)
        if kind == _EXIT and data:
            return Answer(data[0], _text(parts[_STDOUT]), _text(parts[_STDERR]))
        if kind in parts:
            parts[kind] += data


def _read_v1(sock: socket.socket) -> Answer:
    """Plain bytes until the end, which must carry our mark: an unplug would look like it."""
    data = bytearray()
    while part := sock.recv(65_536):
        data += part
        if len(data) > MAX_OUTPUT_BYTES:
            raise Oversized(f"more than {MAX_OUTPUT_BYTES} bytes of output")
    text = _text(data)
    match = _V1_END.search(text[-64:])
    if match is None:
        raise EOFError("the phone went before the command had ended")
    return Answer(min(int(match[1]), 255), text[: text.rindex(_V1_MARK)])


def exactly(sock: socket.socket, size: int) -> bytes:
    """``size`` bytes; raises ``EOFError`` when the phone goes before."""
    data = bytearray()
    while len(data) < size:
        part = sock.recv(min(size - len(data), 65_536))
        if not part:
            raise EOFError("the phone went before the command had ended")
        data += part
    return bytes(data)


def _text(data: bytearray) -> str:
    return data.decode("utf-8", "replace").replace("\r\n", "\n")
