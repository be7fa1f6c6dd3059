"""What a jitter buffer makes of a network: NetEq played through with the network's own dice."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from profiler.model import NetworkScenario
from profiler.networks.channel import PacketChannel
from profiler.networks.neteq import TICK_MS, Arrivals, Limits, TargetDelay

SECONDS = 12.0
"""Length of a session, as ``chirpbench verify`` has it."""
WARM_UP_S = 2.0
"""What comes before is start-up and does not count."""
SEEDS = tuple(range(500, 510))
HEADERS_BYTES = 58
"""IPv4, UDP, RTP with libwebrtc's extensions for sound, and the SRTP tag (measured)."""
DEFAULT_BITRATE_BPS = 32_000
SIZE_SD, SIZE_RHO = 0.16, 0.66
"""Variable bit rate: spread of a payload's size, and its correlation with the one before
(measured, 24 and 32 kbps, 20 and 60 ms)."""
FEC_FROM_S = 4.6
"""The encoder copies packets from the receiver's first reports of loss on (measured)."""
_STRETCH_MS = (4.0, 16.0)
"""One time stretch takes out or adds a pitch period of 2.5 to 15 ms (neteq/time_stretch.h); the
range was tuned (docs/verify.md)."""
_HIGH_MS = 10.0
"""Over target and spread, from which time is taken out: 20 in decision_logic.cc; tuned, as the
stack stops lower (docs/verify.md)."""
_STRETCH_TICKS = 6
"""Ticks from one time stretch to the next (decision_logic.h, kMinTimescaleInterval 5)."""
_STRETCH_NEEDS_MS = 30.0
_MUTED_TICKS = 6
"""So long a concealment is below half its level, and waits for the buffer to fill."""
_LEAP_WINDOW_MS = 50.0
"""More than this over the target, and a gap is skipped at once (kTargetLevelWindowMs / 2)."""


@dataclass(slots=True)
class _Player:
    """NetEq's playout: a timestamp that advances, stands still, or is stretched."""

    frame_ms: int
    limits: Limits
    arrivals: Arrivals
    dice: random.Random
    target: TargetDelay = field(default_factory=TargetDelay)
    buffer: dict[int, int] = field(default_factory=dict)  # index -> tick of arrival
    play_ms: float = 0.0
    decoded: int = 0  # packets up to here are decoded
    started: bool = False
    noise_ms: float = 0.0
    countdown: int = 0
    concealing: int = 0
    late: int = 0

    def insert(self, index: int, now_ms: int) -> None:
        """A packet, or a copy of one in another packet."""
        learnt = self.arrivals.insert(index * self.frame_ms, now_ms)
        if learnt is not None:
            self.target.update(*learnt, now_ms)
        if not self.started:
            self.started, self.decoded, self.play_ms = True, index, float(index * self.frame_ms)
        if index < self.decoded:
            self.late += learnt is not None
        else:
            self.buffer.setdefault(index, now_ms)

    @property
    def left_ms(self) -> float:
        """Decoded and not yet played."""
        return self.decoded * self.frame_ms - self.play_ms

    def tick(self, now_ms: int) -> bool:
        """10 ms of output; whether they are of a packet rather than concealment."""
        self.countdown = max(0, self.countdown - 1)
        following = min(self.buffer, default=None)
        if self.left_ms >= TICK_MS and following != self.decoded:
            return self._play()
        if following is None or self._waits(following, now_ms):
            return self._conceal()
        if following == self.decoded:
            if not self.concealing:
                self._stretch(now_ms)
        elif not self._leaps(following, now_ms):
            return self._conceal()
        else:
            self.decoded, self.play_ms = following, float(following * self.frame_ms)
        while self.left_ms < TICK_MS and self.decoded in self.buffer:
            del self.buffer[self.decoded]
            self.decoded += 1
        return self._play()

    def _play(self) -> bool:
        self.play_ms += TICK_MS
        self.noise_ms, self.concealing = 0.0, 0
        return True

    def _conceal(self) -> bool:
        self.noise_ms += TICK_MS
        self.concealing += 1
        return False

    def _span_ms(self, following: int, now_ms: int) -> float:
        newest = max(self.buffer)
        return (newest - following + 1) * self.frame_ms + now_ms - self.buffer[newest]

    def _waits(self, following: int, now_ms: int) -> bool:
        """After a long concealment the buffer first fills to half its target."""
        goal_ms = 0.5 * self.limits.clamp(self.target.ms)
        return self.concealing > _MUTED_TICKS and self._span_ms(following, now_ms) < goal_ms

    def _leaps(self, following: int, now_ms: int) -> bool:
        """Whether a gap is over: its time has passed, or too much is waiting behind it."""
        gap_ms = (following - self.decoded) * self.frame_ms
        high_ms = self.limits.clamp(self.target.ms) + _LEAP_WINDOW_MS
        return gap_ms <= self.noise_ms or self._span_ms(following, now_ms) > high_ms

    def _stretch(self, now_ms: int) -> None:
        delay_ms = self.arrivals.delay_ms(self.play_ms, now_ms)
        low_ms = self.limits.clamp(self.target.ms)
        high_ms = low_ms + self.arrivals.spread_ms + _HIGH_MS
        if self.countdown and delay_ms < 4 * high_ms:
            return
        held_ms = self.left_ms + len(self.buffer) * self.frame_ms
        step_ms = self.dice.uniform(*_STRETCH_MS)
        if delay_ms >= high_ms and held_ms >= _STRETCH_NEEDS_MS:
            self._advance(step_ms)
        elif delay_ms < low_ms:
            self.play_ms -= step_ms
            self.countdown = _STRETCH_TICKS

    def _advance(self, by_ms: float) -> None:
        while self.left_ms < by_ms and self.decoded in self.buffer:
            del self.buffer[self.decoded]
            self.decoded += 1
        self.play_ms += min(by_ms, max(0.0, self.left_ms))
        self.countdown = _STRETCH_TICKS


def predict_playout(
    scenario: NetworkScenario,
    *,
    frame_ms: int,
    min_ms: float = 0.0,
    max_ms: float = 0.0,
    target_ms: float | None = None,
    fec: bool = False,
    red: bool = False,
    bitrate_bps: int = DEFAULT_BITRATE_BPS,
    seeds: Sequence[int] = SEEDS,
) -> tuple[float, float, float, float]:
    """(mean, low, high, late share) of the delay that NetEq adds on this network.

    The delay in ms is from a packet's nominal arrival (``scenario.rtt_ms / 2`` after it was sent)
    to its first sample's playout, averaged over what was played after the warm-up; low to high
    hold 95 % of the seeds' sessions. The share is that of arriving packets that came too late.
    ``min_ms`` and ``target_ms`` are both floors, as libwebrtc has it; ``max_ms`` 0 = no ceiling.
    """
    limits = Limits(_grid(max(min_ms, target_ms or 0.0)), _grid(max_ms), frame_ms)
    copies_from_s = 0.0 if red else FEC_FROM_S if fec else math.inf
    payload_bytes = bitrate_bps * frame_ms / 8000.0 * (2 if red else 1)
    stream, dice = _Stream(limits, copies_from_s, payload_bytes), tuple(seeds)
    if limits.high > 0:
        free = _predict(scenario, replace(stream, limits=replace(limits, high=0.0)), dice)
        if free.peak_ms <= limits.high:
            return free.answer  # the ceiling is never met: many ceilings, one play
    return _predict(scenario, stream, dice).answer


def _grid(limit_ms: float) -> float:
    """Limits in steps of NetEq's clock, so that models with similar ones share a prediction."""
    return float(TICK_MS * math.ceil(limit_ms / TICK_MS - 1e-9))


@dataclass(frozen=True, slots=True)
class _Stream:
    """What is sent, and the receiver's limits."""

    limits: Limits
    copies_from_s: float
    """From here on a packet holds a copy of the one before."""
    payload_bytes: float


@dataclass(frozen=True, slots=True)
class _Prediction:
    answer: tuple[float, float, float, float]
    peak_ms: float
    """Largest target of any session."""


@lru_cache(maxsize=4096)
def _predict(scenario: NetworkScenario, stream: _Stream, seeds: tuple[int, ...]) -> _Prediction:
    runs = [_session(scenario, stream, seed) for seed in seeds]
    peak_ms = max(peak for _, _, peak in runs)
    delays = [delay for delay, _, _ in runs if math.isfinite(delay)]
    if not delays:
        return _Prediction((math.nan, math.nan, math.nan, 1.0), peak_ms)
    low, high = np.quantile(delays, (0.025, 0.975))
    late = float(np.mean([share for _, share, _ in runs]))
    return _Prediction((float(np.mean(delays)), float(low), float(high), late), peak_ms)


def _session(scenario: NetworkScenario, stream: _Stream, seed: int) -> tuple[float, float, float]:
    """Mean delay in ms, late share, and largest target of one session."""
    frame_ms = stream.limits.frame_ms
    dice = random.Random(seed)
    arriving = _arrivals_ms(scenario, stream, seed)
    player = _Player(frame_ms, stream.limits, Arrivals(frame_ms), dice)
    phase_ms = dice.uniform(0.0, TICK_MS)  # the receiver's clock is not the sender's
    first_copy = stream.copies_from_s * 1000.0 / frame_ms
    total_ms, ticks, at, peak_ms = 0.0, 0, 0, float(player.target.ms)
    for now_ms in range(0, round(SECONDS * 1000), TICK_MS):
        while at < len(arriving) and arriving[at][0] <= now_ms + phase_ms:
            index = arriving[at][1]
            # NetEq's clock stands still between two ticks.
            if index > first_copy:
                player.insert(index - 1, now_ms)
            player.insert(index, now_ms)
            at += 1
            peak_ms = max(peak_ms, player.target.ms)
        if not player.started:
            continue
        if player.tick(now_ms) and now_ms >= WARM_UP_S * 1000:
            total_ms += now_ms + phase_ms - (player.play_ms - TICK_MS)
            ticks += 1
    if not ticks:
        return math.nan, 1.0, peak_ms
    return total_ms / ticks - scenario.rtt_ms / 2, player.late / max(1, at), peak_ms


def _arrivals_ms(scenario: NetworkScenario, stream: _Stream, seed: int) -> list[tuple[float, int]]:
    """(arrival in ms, index) of a session's packets in order of arrival."""
    channel, dice = PacketChannel(scenario, seed), random.Random(seed)
    frame_ms, wander, found = stream.limits.frame_ms, 0.0, []
    for index in range(round(SECONDS * 1000 / frame_ms)):
        wander = SIZE_RHO * wander + math.sqrt(1.0 - SIZE_RHO**2) * dice.gauss(0.0, 1.0)
        size = HEADERS_BYTES + stream.payload_bytes * max(0.1, 1.0 + SIZE_SD * wander)
        for arrival_s in channel.send(index * frame_ms / 1000.0, round(size)):
            found.append((arrival_s * 1000.0, index))
    return sorted(found)
