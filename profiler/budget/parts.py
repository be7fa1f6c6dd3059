"""The parts of a delay that settings and network decide, and how parts add up."""

from __future__ import annotations

import math
from collections.abc import Iterable

from profiler.budget.device import Values
from profiler.budget.known import Known
from profiler.model import (
    BudgetPart,
    NetworkPhase,
    NetworkScenario,
    PartSource,
    Quantity,
    SupportLevel,
)
from profiler.networks import predict_playout

LOOKAHEAD_MS = 6.5
"""Opus, applications voip and audio: 2.5 + 4 (opus_encoder.c; F3)."""
LOWDELAY_LOOKAHEAD_MS = 2.5
STACK_MS = (7.0, 2.0, 12.0)
"""What libwebrtc takes beyond frame, look-ahead and jitter buffer: blocks of 10 ms, threads,
coding on a fast processor. Medians of 4 to 6 sessions each (wrtc 0.1.0, loaded bench): 6.0 to
10.0 ms with seeds 21 to 24, which it was chosen by; 2.2 to 12.1 ms with 31 to 34 and 41 to 46."""
CODING_MS = (0.0, 0.0, 5.0)
"""More than that for one frame on a phone, where G5 did not measure it (G5's pass limit)."""
FRAME_MS = 20
NO_PACKETS_MS = 10_000.0
"""Stands for the delay of a jitter buffer that nothing arrives at."""
CLEAN = NetworkScenario("clean", "no network", (NetworkPhase(),), "by definition")
MIN_FEC_LOSS_PERCENT = 1.0


def mean_loss_percent(network: NetworkScenario) -> float:
    """Loss of the worst phase: independent and Gilbert's p / (p + r) together."""
    return max(map(_phase_loss_percent, network.phases))


def _phase_loss_percent(phase: NetworkPhase) -> float:
    enter, leave = phase.burst_enter_percent, phase.burst_leave_percent
    bad = enter / (enter + leave) if enter + leave > 0 else 0.0
    return 100.0 * (1.0 - (1.0 - bad) * (1.0 - phase.loss_percent / 100.0))


def mean_burst_packets(network: NetworkScenario) -> float:
    """Mean length of a loss in the worst phase, in packets; 1 = single losses, 0 = none."""
    return max(map(_phase_burst, network.phases))


def _phase_burst(phase: NetworkPhase) -> float:
    if phase.burst_enter_percent > 0:
        return 100.0 / phase.burst_leave_percent
    return 1.0 if phase.loss_percent > 0 else 0.0


def least_rate_kbps(network: NetworkScenario) -> float:
    """The narrowest phase; infinite = no limit."""
    return min(p.rate_kbps if p.rate_kbps is not None else math.inf for p in network.phases)


def wire_kbps(bitrate_bps: float, frame_ms: float) -> float:
    """F4: IPv4, UDP, RTP and the SRTP tag are 50 bytes a packet."""
    return bitrate_bps / 1000.0 + 8.0 * 50.0 / frame_ms


def number(values: Values, name: str, otherwise: float) -> float:
    """A setting as a number; the stack's own value where it is left to the system."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    return float(value)


def codec_part(known: Known, values: Values) -> BudgetPart:
    """F3, what the stack takes around it, and the time the processor takes (G5)."""
    frame_ms = number(values, "opus_frame_ms", FRAME_MS)
    lowdelay = values.get("opus_application") == "lowdelay"
    lookahead_ms = LOWDELAY_LOOKAHEAD_MS if lowdelay else LOOKAHEAD_MS
    stack_ms, stack_low_ms, stack_high_ms = STACK_MS
    coding = _coding(known, values)
    ms, low_ms, high_ms = CODING_MS if coding is None else coding
    word = "coding not measured" + known.telling(["G5"])[1]
    if coding is not None:
        word = f"coding {ms:.1f} ms (G5)"
    fixed_ms = frame_ms + lookahead_ms + stack_ms + ms
    return BudgetPart(
        name="codec",
        ms=fixed_ms,
        low_ms=fixed_ms - math.hypot(stack_ms - stack_low_ms, ms - low_ms),
        high_ms=fixed_ms + math.hypot(stack_high_ms - stack_ms, high_ms - ms),
        source=PartSource.COMPUTED,
        text=f"frame {frame_ms:g} ms, look-ahead {lookahead_ms:g}, stack {stack_ms:g}, {word}",
    )


def _coding(known: Known, values: Values) -> tuple[float, float, float] | None:
    at = f"[complexity={number(values, 'opus_complexity', 5):.0f},pace=call]"
    found = [
        q
        for part in ("encode", "decode")
        if (q := known.quantity("G5", f"{part}_p95_ms{at}")) is not None
    ]
    if not found:
        return None
    ms = sum(max(q.value, 0.0) for q in found)
    return ms, sum(max(q.low, 0.0) for q in found), sum(max(_cautious(q), 0.0) for q in found)


def _cautious(q: Quantity) -> float:
    return q.high if q.level is SupportLevel.SAME_BUILD else max(q.high, q.worst)


def network_part(network: NetworkScenario) -> BudgetPart:
    """One way without jitter: what jitter costs is in the jitter buffer's part."""
    ms = network.rtt_ms / 2.0
    low_ms = min(phase.delay_ms for phase in network.phases)
    text = f"one way of network {network.name}, jitter is in the jitter buffer"
    return BudgetPart("network", ms, min(low_ms, ms), ms, PartSource.NETWORK, text)


def jitter_buffer_part(values: Values, network: NetworkScenario) -> BudgetPart:
    """F6, by playing NetEq through with the network's own dice."""
    mean_ms, low_ms, high_ms, late = playout(values, network)
    if not math.isfinite(mean_ms):
        text = "nothing arrives through this network: there is no delay to name"
        return BudgetPart("jitter_buffer", NO_PACKETS_MS, NO_PACKETS_MS, NO_PACKETS_MS,
                          PartSource.COMPUTED, text)  # fmt: skip
    mean_ms = max(mean_ms, 0.0)
    text = f"NetEq on network {network.name}, {late:.1%} of the packets too late"
    low_ms, high_ms = min(max(low_ms, 0.0), mean_ms), max(high_ms, mean_ms)
    return BudgetPart("jitter_buffer", mean_ms, low_ms, high_ms, PartSource.COMPUTED, text)


def playout(values: Values, network: NetworkScenario) -> tuple[float, float, float, float]:
    """Mean, low and high delay in ms and late share of the packets under these settings."""
    target = values.get("jitter_buffer_target_ms")
    lossy = mean_loss_percent(network) >= MIN_FEC_LOSS_PERCENT
    return predict_playout(
        network,
        frame_ms=round(number(values, "opus_frame_ms", FRAME_MS)),
        min_ms=number(values, "jitter_buffer_min_ms", 0.0),
        max_ms=number(values, "jitter_buffer_max_ms", 0.0),
        target_ms=None if target is None else number(values, "jitter_buffer_target_ms", 0.0),
        fec=lossy and values.get("opus_fec") is True,
        red=values.get("red") is True,
        bitrate_bps=round(number(values, "opus_bitrate_bps", 32_000)),
    )


def total(parts: Iterable[BudgetPart]) -> tuple[float, float, float]:
    """Sum with its 95 % interval: the parts are independent, so the lengths of their intervals
    to each side add in quadrature."""
    parts = tuple(parts)
    ms = sum(p.ms for p in parts)
    below = math.sqrt(sum((p.ms - p.low_ms) ** 2 for p in parts))
    above = math.sqrt(sum((p.high_ms - p.ms) ** 2 for p in parts))
    return ms, max(ms - below, 0.0), ms + above
