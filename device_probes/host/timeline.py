"""The callback of a trial: one timeline for both directions, and the facts it collects.

Recording frame n is what the callback reads while it writes stimulus frame n. Everything is
allocated beforehand; the callback copies, counts and leaves.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from device_probes.server import LoadedPlay
from profiler.model import TimestampPair

Float32 = npt.NDArray[np.float32]

EDGES_MS = (
    0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0,
    50.0, 75.0, 100.0, 150.0, 200.0, 500.0, 1000.0, 10_000.0,
)  # fmt: skip
"""Upper edges of the histogram of times between callbacks."""
MAX_STAMPS = 200


def mix(plays: Sequence[LoadedPlay], frames: int) -> Float32:
    """The whole output, shape (frames,): every play from its frame on, cut at the end."""
    output = np.zeros(frames, dtype=np.float32)
    for play in plays:
        end = min(frames, play.at_frame + play.samples.size)
        if play.at_frame < end:
            output[play.at_frame : end] += play.samples[: end - play.at_frame]
    return output


class Timeline:
    """State of one trial; :meth:`callback` is what PortAudio calls.

    ``output`` has shape (frames,) and goes to every output channel; ``warmup_frames`` run before
    frame 0. ``rate_hz`` is the rate all of this is at.
    """

    def __init__(
        self, output: Float32, input_channels: int, warmup_frames: int, rate_hz: int
    ) -> None:
        self.rate_hz = rate_hz
        self.recording: Float32 = np.zeros((output.size, input_channels), dtype=np.float32)
        self.done = threading.Event()
        self.callbacks = 0
        self.frame = -warmup_frames
        self.xruns_input = 0
        self.xruns_output = 0
        self.warmup_xruns = 0
        self.block_sizes: Counter[int] = Counter()
        self.stamps_input: list[TimestampPair] = []
        self.stamps_output: list[TimestampPair] = []
        self._output = output.reshape(-1, 1)
        self._bins = [0] * len(EDGES_MS)
        self._last_ns = 0
        self._origin_s: float | None = None
        self._next_stamp = 0
        self._stamp_every = max(1, output.size // MAX_STAMPS + 1)

    def callback(self, indata: Any, outdata: Any, frames: int, clock: Any, status: Any) -> None:
        """Copy the block in both directions; ``clock`` and ``status`` are PortAudio's."""
        first, end = self.frame, self.frame + frames
        outdata[:] = 0.0
        size = self._output.shape[0]
        a, b = max(first, 0), min(end, size)
        if a < b:
            outdata[a - first : b - first] = self._output[a:b]
            self.recording[a:b] = indata[a - first : b - first]
        self._count(first, frames, clock, status)
        self.frame = end
        if end >= size:
            self.done.set()

    def _count(self, first: int, frames: int, clock: Any, status: Any) -> None:
        now_ns = time.perf_counter_ns()
        self.callbacks += 1
        inside = 0 <= first < self._output.shape[0]
        if status:
            self._count_xruns(status, inside)
        if inside:
            self.block_sizes[frames] += 1
            if self._last_ns:
                late_ms = (now_ns - self._last_ns) * 1e-6
                self._bins[min(bisect_left(EDGES_MS, late_ms), len(EDGES_MS) - 1)] += 1
            if first >= self._next_stamp:
                self._stamp(first, clock)
        self._last_ns = now_ns

    def _count_xruns(self, status: Any, inside: bool) -> None:
        # Over- and underflow of one direction are one fault: samples lost or made up.
        bad_input = status.input_overflow or status.input_underflow
        bad_output = status.output_underflow or status.output_overflow
        if inside:
            self.xruns_input += bool(bad_input)
            self.xruns_output += bool(bad_output)
        else:
            self.warmup_xruns += bool(bad_input or bad_output)

    def _stamp(self, first: int, clock: Any) -> None:
        """Note when this block's first frame passes the converters; 0 means "not known".

        Times count from the first stamp: some host APIs give the time of day, of which a
        nanosecond count is more than a float (and the contract) holds.
        """
        self._next_stamp = first + self._stamp_every
        if self._origin_s is None:
            self._origin_s = clock.currentTime
        for time_s, stamps in (
            (clock.inputBufferAdcTime, self.stamps_input),
            (clock.outputBufferDacTime, self.stamps_output),
        ):
            if time_s > 0:
                stamps.append(TimestampPair(first, round((time_s - self._origin_s) * 1e9)))

    @property
    def histogram(self) -> tuple[tuple[float, int], ...]:
        """(upper edge in ms, count), empty bins left out."""
        return tuple((edge, n) for edge, n in zip(EDGES_MS, self._bins, strict=True) if n)

    @property
    def usual_block(self) -> int | None:
        """The commonest size of a callback's block."""
        return self.block_sizes.most_common(1)[0][0] if self.block_sizes else None
