"""One direction of a network, packet by packet: the same dice for a proxy and for a prediction."""

from __future__ import annotations

import bisect
import math
from collections import deque
from statistics import NormalDist

import numpy as np

from profiler.model import NetworkPhase, NetworkScenario

_UNIT = NormalDist()
_PARETO_SHAPE = 3.0
"""Of netem's table of that name (iproute2)."""
_PARETO_CUT = 4.5
"""Its largest value, the last entry of that table: one packet in 91 has it."""
_DRAWS = 6
"""Random numbers per packet, always as many: a packet's fate depends on its index and the seed,
not on what became of the packets before (the burst state and the queue do)."""
_CHUNK = 512


class PacketChannel:
    """Arrival times of packets that are sent into one direction of a scenario.

    Equal scenario, seed and calls give equal results. Time starts with the first packet's phase
    at ``t_s`` = 0; calls come in order of time.
    """

    def __init__(self, scenario: NetworkScenario, seed: int) -> None:
        self._phases = scenario.phases
        self._begins = [phase.begin_s for phase in scenario.phases]
        self._dice = np.random.Generator(np.random.PCG64([abs(seed), 0x6E6574]))
        self._drawn = self._dice.random((0, _DRAWS))
        self._next = 0
        self._bad = False
        self._last_normal: float | None = None
        self._free_s = 0.0
        self._waiting: deque[float] = deque()  # when each queued packet starts on the wire

    def send(self, t_s: float, size_bytes: int) -> tuple[float, ...]:
        """Arrival times in seconds of a packet of ``size_bytes`` on the wire that is sent at
        ``t_s``: none when it is lost, two when it is duplicated."""
        phase = self._phase(t_s)
        burst, loss, twice, overtake, late, late_copy = self._draw()
        delay_s = self._delay_s(phase, late)
        if self._in_burst(phase, burst) or loss < phase.loss_percent / 100.0:
            return ()
        begin_s = self._through_queue(phase, t_s, size_bytes)
        if begin_s is None:
            return ()
        if overtake < phase.reorder_percent / 100.0:
            delay_s = 0.0
        arrivals = [begin_s + delay_s]
        if twice < phase.duplicate_percent / 100.0:
            copy_s = phase.delay_ms + phase.jitter_ms * deviation(phase.distribution, late_copy)
            arrivals.append(begin_s + max(0.0, copy_s) / 1000.0)
        return tuple(sorted(arrivals))

    def skip(self, packets: int, t_s: float) -> None:
        """Let packets pass that are not sent, as in a pause: those after it keep their fates."""
        phase = self._phase(t_s)
        for _ in range(packets):
            burst, *_, late, _ = self._draw()
            self._delay_s(phase, late)
            self._in_burst(phase, burst)

    def _phase(self, t_s: float) -> NetworkPhase:
        return self._phases[max(0, bisect.bisect_right(self._begins, t_s) - 1)]

    def _draw(self) -> tuple[float, ...]:
        if self._next == len(self._drawn):
            self._drawn, self._next = self._dice.random((_CHUNK, _DRAWS)), 0
        self._next += 1
        return tuple(self._drawn[self._next - 1].tolist())

    def _in_burst(self, phase: NetworkPhase, die: float) -> bool:
        """Gilbert's two states: the transition comes before the packet."""
        if self._bad:
            self._bad = die >= phase.burst_leave_percent / 100.0
        else:
            self._bad = die < phase.burst_enter_percent / 100.0
        return self._bad

    def _delay_s(self, phase: NetworkPhase, die: float) -> float:
        if phase.jitter_ms == 0.0:
            return phase.delay_ms / 1000.0
        if phase.correlation_percent:
            # Correlated normal numbers keep the distribution; netem's mean of two does not.
            rho = phase.correlation_percent / 100.0
            normal = _UNIT.inv_cdf(_inside(die))
            if self._last_normal is not None:
                normal = rho * self._last_normal + math.sqrt(1.0 - rho * rho) * normal
            self._last_normal = normal
            die = _UNIT.cdf(normal)
        late_ms = phase.delay_ms + phase.jitter_ms * deviation(phase.distribution, die)
        return max(0.0, late_ms) / 1000.0

    def _through_queue(self, phase: NetworkPhase, t_s: float, size_bytes: int) -> float | None:
        """When the packet has left the bottleneck; ``None`` = its queue was full."""
        if phase.rate_kbps is None:
            return t_s
        while self._waiting and self._waiting[0] <= t_s:
            self._waiting.popleft()
        if len(self._waiting) >= phase.queue_packets:
            return None
        begin_s = max(t_s, self._free_s)
        self._waiting.append(begin_s)
        self._free_s = begin_s + size_bytes * 8.0 / (phase.rate_kbps * 1000.0)
        return self._free_s


def deviation(distribution: str, die: float) -> float:
    """Value of a jitter distribution at the quantile ``die``; its standard deviation is 1.

    Means are 0 except for ``half_normal``, which is only ever late.
    """
    die = _inside(die)
    if distribution == "normal":
        return _UNIT.inv_cdf(die)
    if distribution == "half_normal":
        return _UNIT.inv_cdf(0.5 + 0.5 * die) / math.sqrt(1.0 - 2.0 / math.pi)
    if distribution == "uniform":
        return (die - 0.5) * math.sqrt(12.0)
    value: float = min((1.0 - die) ** (-1.0 / _PARETO_SHAPE), _PARETO_CUT)
    return (value - _PARETO_MEAN) / _PARETO_SD


def _pareto_moments() -> tuple[float, float]:
    """Mean and standard deviation of the cut Pareto variable."""
    a, cut = _PARETO_SHAPE, _PARETO_CUT
    tail = cut**-a
    mean = a / (a - 1) * (1 - cut ** (1 - a)) + cut * tail
    square = a / (a - 2) * (1 - cut ** (2 - a)) + cut * cut * tail
    return mean, math.sqrt(square - mean * mean)


_PARETO_MEAN, _PARETO_SD = _pareto_moments()


def _inside(die: float) -> float:
    return min(max(die, 1e-9), 1.0 - 1e-9)
