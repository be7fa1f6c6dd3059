"""A network as packets meet it: delay, jitter, loss, rate; constant or in phases."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkPhase:
    """One direction of the network from ``begin_s`` on (netem's words)."""

    begin_s: float = 0.0
    delay_ms: float = 0.0
    """One way."""
    jitter_ms: float = 0.0
    """Scale of the distribution: its standard deviation."""
    distribution: str = "normal"
    """``normal``, ``half_normal`` (only later, never earlier), ``pareto`` or ``uniform``."""
    correlation_percent: float = 0.0
    """Of a packet's delay with the one before."""
    loss_percent: float = 0.0
    """Independent loss."""
    burst_enter_percent: float = 0.0
    """Gilbert: good to bad, per packet; every packet in the bad state is lost."""
    burst_leave_percent: float = 100.0
    """Gilbert: bad to good, per packet; 100 / it is the mean burst in packets."""
    duplicate_percent: float = 0.0
    reorder_percent: float = 0.0
    """Packets that overtake: sent at once."""
    rate_kbps: float | None = None
    """Of the wire, headers included."""
    queue_packets: int = 1000
    """What does not fit is lost."""


@dataclass(frozen=True, slots=True)
class NetworkScenario:
    """A named network; both directions are alike."""

    name: str
    title: str
    phases: tuple[NetworkPhase, ...]
    source: str
    """Where the numbers are from, or ``proposal``."""

    @property
    def rtt_ms(self) -> float:
        """Mean round trip without jitter, of the longest-delay phase."""
        return 2.0 * max(phase.delay_ms for phase in self.phases)
