"""NetEq's target delay, from packet arrivals: the parts of libwebrtc that decide how long to wait.

Read in libwebrtc (neteq/delay_manager.cc, underrun_optimizer.cc, reorder_optimizer.cc,
packet_arrival_history.cc, delay_constraints.cc); its clock ticks once per 10 ms of output.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

TICK_MS = 10
BUCKET_MS = 20
BUCKETS = 100
START_DELAY_MS = 80
QUANTILE = 0.95
FORGET = 0.983
REORDER_FORGET = 0.9993
START_FORGET_WEIGHT = 2
RESAMPLE_MS = 500
MS_PER_LOSS_PERCENT = 20
HISTORY_MS = 2000
MAX_PACKETS = 200
"""Packet buffer; the target stays below 75 % of it."""


class Histogram:
    """Probabilities of delay buckets that forget what is old, quickly at first."""

    def __init__(self, forget: float) -> None:
        self.buckets: list[float] = [0.0]  # as long as the largest delay so far needs
        self._base, self._forget, self._adds = forget, 0.0, 0

    def add(self, index: int) -> None:
        """Count a delay; one beyond the last bucket is not counted."""
        if index >= BUCKETS:
            return
        self.buckets += [0.0] * (index + 1 - len(self.buckets))
        keep = self._forget
        self.buckets = [keep * p for p in self.buckets]
        self.buckets[index] += 1.0 - keep
        self._adds += 1
        self._forget = min(self._base, max(0.0, 1.0 - START_FORGET_WEIGHT / (self._adds + 1)))

    def quantile(self, share: float) -> int:
        """First bucket with at least ``share`` at or below it."""
        above = 1.0
        for index, p in enumerate(self.buckets):
            above -= p
            if above <= 1.0 - share + 1e-9:
                return index
        return len(self.buckets) - 1


class Arrivals:
    """Delays of packets against the fastest of the last two seconds."""

    def __init__(self, frame_ms: int) -> None:
        self._frame_ms = frame_ms
        self._seen: set[int] = set()
        self._newest_ms: int | None = None
        self._fastest: deque[tuple[int, int]] = deque()  # (timestamp, arrival - timestamp), rising
        self._slowest: deque[tuple[int, int]] = deque()  # the same, falling

    def insert(self, timestamp_ms: int, now_ms: int) -> tuple[int, bool] | None:
        """(delay, whether it was reordered) of a packet; ``None`` = nothing to learn from it."""
        newest = self._newest_ms
        if timestamp_ms in self._seen or (
            newest is not None and timestamp_ms + HISTORY_MS < newest
        ):
            return None
        self._seen.add(timestamp_ms)
        reordered = newest is not None and timestamp_ms < newest
        late = now_ms - timestamp_ms
        if not reordered:
            self._newest_ms = timestamp_ms
            self._extend(timestamp_ms, late)
        if newest is None:
            return None
        return max(0, late - self._fastest[0][1]), reordered

    def _extend(self, timestamp_ms: int, late: int) -> None:
        for queue in (self._fastest, self._slowest):
            while queue and queue[0][0] + HISTORY_MS < timestamp_ms:
                queue.popleft()
        while self._fastest and late <= self._fastest[-1][1]:
            self._fastest.pop()
        while self._slowest and late >= self._slowest[-1][1]:
            self._slowest.pop()
        self._fastest.append((timestamp_ms, late))
        self._slowest.append((timestamp_ms, late))

    def delay_ms(self, timestamp_ms: float, now_ms: int) -> float:
        """How much later than the fastest packet something with this timestamp is now."""
        if not self._fastest:
            return 0.0
        return max(0.0, now_ms - timestamp_ms - self._fastest[0][1])

    @property
    def spread_ms(self) -> int:
        """Slowest against fastest packet that came in order."""
        return self._slowest[0][1] - self._fastest[0][1] if self._fastest else 0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the target, in ms; ``high`` 0 = none."""

    low: float
    high: float
    frame_ms: int

    def clamp(self, delay_ms: float) -> float:
        """A delay within them."""
        delay_ms = max(delay_ms, self.low)
        if self.high > 0:
            delay_ms = min(delay_ms, self.high)
        return min(delay_ms, 0.75 * MAX_PACKETS * self.frame_ms)


class TargetDelay:
    """The delay that few packets exceed: of those in order, and of those that were overtaken."""

    def __init__(self) -> None:
        self._late, self._reordered = Histogram(FORGET), Histogram(REORDER_FORGET)
        self._window_from_ms: int | None = None
        self._window_max_ms = 0
        self._underrun_ms: int | None = None
        self.ms: int = START_DELAY_MS

    def update(self, delay_ms: int, reordered: bool, now_ms: int) -> None:
        """Learn from one packet."""
        if not reordered:
            self._learn(delay_ms, now_ms)
        target = START_DELAY_MS if self._underrun_ms is None else self._underrun_ms
        self._reordered.add(delay_ms // BUCKET_MS if reordered else 0)
        self.ms = max(target, self._reorder_ms(target))

    def _learn(self, delay_ms: int, now_ms: int) -> None:
        if self._window_from_ms is None:
            self._window_from_ms = now_ms
        full = now_ms - self._window_from_ms > RESAMPLE_MS
        if full:
            self._late.add(self._window_max_ms // BUCKET_MS)
            self._underrun_ms = (1 + self._late.quantile(QUANTILE)) * BUCKET_MS
            self._window_from_ms, self._window_max_ms = now_ms, 0
        self._window_max_ms = max(self._window_max_ms, delay_ms)

    def _reorder_ms(self, base_ms: int) -> int:
        """Where waiting longer costs more than the packets that come later."""
        best, lowest, later = 0, float("inf"), 1.0
        for index, p in enumerate(self._reordered.buckets):
            later -= p
            cost = max(0, index * BUCKET_MS - base_ms) + 100 * MS_PER_LOSS_PERCENT * later
            if cost < lowest - 1e-9:
                best, lowest = index, cost
            if later <= 1e-9:
                break
        return (1 + best) * BUCKET_MS
