"""A network on 127.0.0.1: UDP packets between two ends meet a scenario in real time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

from profiler.model import NetworkScenario
from profiler.networks import PacketChannel

IP_UDP_BYTES = 28
_RTP_HEADER = 12
MAX_PAUSE_SAMPLES = 60 * 48_000
"""Longer steps of a timestamp are no pause."""
_SEED_STEP = 1_000_003
"""Between the dice of the media and those of the reports each way."""
Address = tuple[str, int]


@dataclass(slots=True)
class ProxyLog:
    """What the proxy did to the media packets, and how punctual it was."""

    sent: int = 0
    lost: int = 0
    duplicated: int = 0
    sizes_bytes: list[int] = field(default_factory=list)
    """Of each media packet on the wire."""
    steps: dict[int, int] = field(default_factory=dict)
    """Timestamp steps between packets of consecutive numbers, in samples of 48 kHz."""
    types: dict[int, int] = field(default_factory=dict)
    """RTP payload types."""
    late_ms: list[float] = field(default_factory=list)
    """How much later than due each packet left, of every kind."""


class NetworkProxy(asyncio.DatagramProtocol):
    """Stands before a receiver's port. What comes from elsewhere on this machine is the other end.

    Media packets meet the scenario from the first one on, so that equal seeds give each its own
    fate again; reports have dice of their own each way. What sets up the connection passes at
    once.
    """

    def __init__(
        self, scenario: NetworkScenario, seed: int, receiver: Address, frame_samples: int
    ) -> None:
        self.log = ProxyLog()
        self._receiver = receiver
        self._sender: Address | None = None
        self._frame_samples = frame_samples
        self._media = PacketChannel(scenario, seed)
        self._reports = (
            PacketChannel(scenario, seed + _SEED_STEP),
            PacketChannel(scenario, seed + 2 * _SEED_STEP),
        )
        self._begin_s: float | None = None
        self._last: tuple[int, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Called by asyncio with each packet of either end."""
        if addr[0] != self._receiver[0]:
            return  # the sender's other interfaces: one way in keeps the ends apart
        backward = addr[1] == self._receiver[1]
        if not backward:
            self._sender = addr
        target = self._sender if backward else self._receiver
        if target is None or self._transport is None:
            return
        kind = packet_kind(data)
        if kind == "setup" or (kind == "report" and self._begin_s is None):
            self._transport.sendto(data, target)
            return
        now_s = asyncio.get_running_loop().time()
        if self._begin_s is None:
            self._begin_s = now_s
        t_s = now_s - self._begin_s
        if kind == "media":
            self._pause(data, t_s)
        channel = self._media if kind == "media" else self._reports[backward]
        arrivals = channel.send(t_s, len(data) + IP_UDP_BYTES)
        if kind == "media":
            self._count(data, arrivals)
        for arrival_s in arrivals:
            self._send_at(self._begin_s + arrival_s, data, target)

    def _send_at(self, due_s: float, data: bytes, target: Address) -> None:
        loop = asyncio.get_running_loop()

        def send() -> None:
            self.log.late_ms.append((loop.time() - due_s) * 1000.0)
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(data, target)

        loop.call_at(due_s, send)

    def _pause(self, data: bytes, t_s: float) -> None:
        """Keep the fates of packets in step with their time where a pause sent none."""
        number, timestamp = int.from_bytes(data[2:4]), int.from_bytes(data[4:8])
        if self._last is not None and number == (self._last[0] + 1) & 0xFFFF:
            step = (timestamp - self._last[1]) & 0xFFFFFFFF
            self.log.steps[step] = self.log.steps.get(step, 0) + 1
            missing = min(step, MAX_PAUSE_SAMPLES) // self._frame_samples - 1
            self._media.skip(max(0, missing), t_s)
        self._last = (number, timestamp)

    def _count(self, data: bytes, arrivals: tuple[float, ...]) -> None:
        log = self.log
        log.sent += 1
        log.lost += not arrivals
        log.duplicated += len(arrivals) > 1
        log.sizes_bytes.append(len(data) + IP_UDP_BYTES)
        kind = data[1] & 0x7F
        log.types[kind] = log.types.get(kind, 0) + 1


def packet_kind(data: bytes) -> str:
    """``setup`` (STUN, DTLS), ``report`` (RTCP) or ``media`` (RTP), by RFC 7983 and RFC 5761."""
    if len(data) < _RTP_HEADER or data[0] >> 6 != 2:
        return "setup"
    return "report" if 64 <= data[1] & 0x7F < 96 else "media"
