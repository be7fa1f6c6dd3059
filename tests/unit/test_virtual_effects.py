"""Noise, voice processing and edits of the virtual phones do what their names say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_probes.virtual.effects import (
    Edit,
    add_noise,
    apply_edits,
    automatic_gain,
    draw_edits,
    spare_frames,
    suppress_noise,
)
from device_probes.virtual.spec import Glitches, Noise

RATE = 16_000


def rms_db(x):
    return 10 * math.log10(np.mean(np.square(x, dtype=float)) + 1e-30)


@pytest.mark.parametrize("kind", ["white_dbfs", "pink_dbfs", "hum_dbfs"])
def test_noise_has_the_level_asked_for(kind):
    heard = np.zeros(8 * RATE, np.float32)
    noise = Noise(**{"white_dbfs": None, kind: -40.0})
    add_noise(heard, RATE, noise, np.random.default_rng(1))
    assert rms_db(heard) == pytest.approx(-40, abs=0.3)


def test_agc_lifts_the_quiet_and_leaves_the_loud():
    rng = np.random.default_rng(2)
    quiet = rng.standard_normal(4 * RATE).astype(np.float32) * np.float32(0.005)
    lifted = automatic_gain(quiet, RATE, 20.0)
    assert rms_db(lifted) - rms_db(quiet) == pytest.approx(20, abs=0.1)
    loud = automatic_gain(quiet * 100, RATE, 20.0)
    assert rms_db(loud[RATE:]) == pytest.approx(rms_db(quiet[RATE:] * 100), abs=1.0)


def test_noise_suppression_takes_noise_and_keeps_the_loud_part():
    rng = np.random.default_rng(3)
    noise = rng.standard_normal(4 * RATE).astype(np.float32) * np.float32(0.001)
    heard = noise.copy()
    t = np.arange(RATE) / RATE
    heard[RATE : 2 * RATE] += (0.3 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
    out = suppress_noise(heard, RATE, 15.0)
    assert out.shape == heard.shape
    assert rms_db(out[3 * RATE :]) < rms_db(noise) - 8
    np.testing.assert_allclose(
        out[RATE + 2000 : 2 * RATE - 2000], heard[RATE + 2000 : 2 * RATE - 2000], atol=0.01
    )


def naive(heard, edits, frames):
    """The edits once more, frame by frame."""
    source = list(heard)
    out = []
    used = 0
    edits = list(edits)
    while len(out) < frames:
        if edits and len(out) == edits[0].frame:
            edit = edits.pop(0)
            if edit.kind == "skip":
                used += edit.frames
            elif edit.kind == "repeat":
                out += source[used - edit.frames : used]
            else:
                out += [0.0] * edit.frames
                used += edit.frames if edit.kind == "hole" else 0
            continue
        out.append(source[used])
        used += 1
    return out


kinds = st.lists(st.sampled_from(["hole", "skip", "insert", "repeat"]), min_size=1, max_size=4)


@settings(deadline=None)
@given(kinds, st.integers(0, 2**31), st.floats(0, 600))
def test_edits_keep_the_length_and_say_what_they_did(names, seed, per_minute):
    frames = 3000
    glitches = Glitches(per_minute=per_minute, kinds=tuple(names), min_ms=1, max_ms=9)
    edits = draw_edits(glitches, frames, 1000, np.random.default_rng(seed))
    heard = np.arange(1, frames + spare_frames(edits) + 1, dtype=np.float32)
    out = apply_edits(heard, edits, frames)
    assert out.shape == (frames,)
    np.testing.assert_array_equal(out, naive(heard, edits, frames))
    # After the last edit the shift is the sum of what the edits claim.
    assert out[-1] == frames - sum(e.shift for e in edits)


def test_the_rate_of_glitches_is_the_one_asked_for():
    rng = np.random.default_rng(4)
    glitches = Glitches(per_minute=30, min_ms=1, max_ms=2)
    counts = [len(draw_edits(glitches, 60_000, 1000, rng)) for _ in range(60)]
    assert np.mean(counts) == pytest.approx(30, rel=0.1)


def test_a_hole_is_silence_where_it_says():
    heard = np.ones(100, np.float32)
    out = apply_edits(heard, (Edit(40, 10, "hole"),), 100)
    assert np.flatnonzero(out == 0).tolist() == list(range(40, 50))
