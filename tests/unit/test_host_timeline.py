"""The callback's timeline: the same samples however the host cuts them into blocks."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from device_probes.host.timeline import MAX_STAMPS, Timeline, mix
from device_probes.server import LoadedPlay


def play(samples: list[float], at_frame: int) -> LoadedPlay:
    return LoadedPlay("x", np.array(samples, dtype=np.float32), 48_000, at_frame)


def clock(at_s: float) -> SimpleNamespace:
    return SimpleNamespace(
        inputBufferAdcTime=at_s, currentTime=at_s + 0.001, outputBufferDacTime=at_s + 0.01
    )


def test_plays_add_up_and_are_cut_at_the_end() -> None:
    out = mix([play([1, 2, 3], 1), play([10, 20, 30], 3), play([5], 9)], 5)
    assert out.tolist() == [0, 1, 2, 13, 20]


@given(
    blocks=st.lists(st.integers(1, 300), min_size=1, max_size=60),
    warmup=st.integers(0, 500),
    frames=st.integers(1, 3000),
    channels=st.integers(1, 2),
)
def test_recording_frame_n_is_read_while_stimulus_frame_n_is_written(
    blocks: list[int], warmup: int, frames: int, channels: int
) -> None:
    """Straight through (what is written is read): the recording is the stimulus, exactly."""
    output = np.arange(1, frames + 1, dtype=np.float32)
    timeline = Timeline(output, channels, warmup, 48_000)
    at = 0
    for size in blocks * (1 + (warmup + frames) // sum(blocks)):
        # What the callback will write is known: the stimulus at this place, else silence.
        place = np.arange(at, at + size) - warmup
        inside = (place >= 0) & (place < frames)
        expected = np.where(inside, place + 1.0, 0.0).astype(np.float32)
        heard = np.repeat(expected[:, None], channels, axis=1)
        written = np.full((size, 2), np.nan, dtype=np.float32)
        timeline.callback(heard, written, size, clock(at / 48_000), None)
        assert np.array_equal(written, np.repeat(expected[:, None], 2, axis=1))
        at += size
    assert timeline.done.is_set()
    assert np.array_equal(timeline.recording, np.repeat(output[:, None], channels, axis=1))
    assert timeline.callbacks == len(blocks) * (1 + (warmup + frames) // sum(blocks))
    assert sum(timeline.block_sizes.values()) <= timeline.callbacks
    assert len(timeline.stamps_input) <= MAX_STAMPS + 1
    stamped = [s.frame for s in timeline.stamps_input]
    assert stamped == sorted(set(stamped))


def test_warmup_faults_are_counted_apart() -> None:
    bad_input = SimpleNamespace(
        input_overflow=True, input_underflow=True, output_underflow=False, output_overflow=False
    )
    timeline = Timeline(np.zeros(100, dtype=np.float32), 1, 50, 48_000)
    for _ in range(3):
        block = np.zeros((50, 1), dtype=np.float32)
        timeline.callback(block, block.copy(), 50, clock(0.0), bad_input)
    assert (timeline.warmup_xruns, timeline.xruns_input, timeline.xruns_output) == (1, 2, 0)


def test_unknown_times_give_no_stamps() -> None:
    timeline = Timeline(np.zeros(100, dtype=np.float32), 1, 0, 48_000)
    unknown = SimpleNamespace(inputBufferAdcTime=0.0, currentTime=5.0, outputBufferDacTime=0.0)
    block = np.zeros((100, 1), dtype=np.float32)
    timeline.callback(block, block.copy(), 100, unknown, None)
    assert timeline.stamps_input == timeline.stamps_output == []
