"""Whatever a phone sends as a recording of a tone ends in a verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis import Take, read_take
from profiler.analysis.glitches import find_glitches
from profiler.errors import InputError
from profiler.model import GlitchFindings, StimulusSpec, TrialSetup
from profiler.stimulus import make_train, tone
from profiler.wav import Audio, mono_audio

SPEC = tone(16_000, 1.2)
ODD = (0.0, -0.0, 1.0, -1.0, math.nan, math.inf, -math.inf, 1e30, -1e38, 1e-40, 0.5)


def checked(audio: Audio) -> GlitchFindings:
    found = find_glitches(audio, SPEC)
    assert found.verdict in ("pass", "marginal", "not_measurable")
    assert math.isfinite(found.analysed_s)
    assert 0 <= found.analysed_s <= audio.duration_s + 0.01
    numbers = [found.tone_dbfs, found.tone_snr_db, found.pitch_ratio, found.phase_jitter_rad]
    numbers += [v for g in found.glitches for v in (g.time_s, g.duration_ms, g.shift_frames)]
    numbers += [v for c in found.channels for v in (c.rms_dbfs, c.tone_dbfs, c.zero_fraction)]
    assert all(v is None or math.isfinite(v) for v in numbers)
    if found.verdict == "not_measurable":
        assert found.reasons
        assert (found.glitches, found.analysed_s) == ((), 0.0)
    return found


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 24_000), st.integers(1, 3), st.sampled_from([8000, 16_000, 44_100]),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from(ODD)), max_size=6),
    st.integers(0, 3), st.integers(0, 1000),
)  # fmt: skip
def test_any_recording_ends_in_a_verdict(
    frames: int,
    channels: int,
    rate: int,
    patches: list[tuple[float, float, float]],
    base: int,
    seed: int,
) -> None:
    t = np.arange(frames) / rate
    wave = np.sin(2 * np.pi * 857 * t)
    noise = np.random.default_rng(seed).standard_normal(frames)
    x = (np.zeros(frames), 0.3 * wave, 0.3 * wave + 0.01 * noise, np.sign(wave))[base]
    for begin, length, value in patches:
        a = int(begin * frames)
        x[a : a + int(length * frames / 4) + 1] = value
    with np.errstate(over="ignore"):
        samples = np.repeat(x.astype(np.float32)[:, None], channels, axis=1)
    checked(Audio(samples, rate))


@pytest.mark.parametrize("value", [0.0, 0.25, -1.0, 1e-9])
def test_a_constant_is_no_tone(value: float) -> None:
    found = checked(mono_audio(np.full(16_000, value), 16_000))
    assert found.verdict == "not_measurable"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_one_bad_sample_is_named(bad: float) -> None:
    x = 0.3 * np.sin(np.arange(20_000) * 0.3)
    x[9_000] = bad
    found = checked(mono_audio(x, 16_000))
    assert found.reasons == ("non_finite",)


def test_a_huge_float_recording_does_not_overflow() -> None:
    x = 1e25 * np.sin(2 * np.pi * 857 * np.arange(32_000) / 16_000)
    assert checked(mono_audio(x, 16_000)).verdict in ("pass", "marginal", "not_measurable")


def test_a_square_wave_is_a_loud_tone() -> None:
    x = np.sign(np.sin(2 * np.pi * 857 * np.arange(32_000) / 16_000))
    found = checked(mono_audio(x, 16_000))
    assert found.glitches == ()


def test_holes_everywhere() -> None:
    x = 0.3 * np.sin(2 * np.pi * 857 * np.arange(64_000) / 16_000)
    for at in range(2_000, 62_000, 1_000):
        x[at : at + 80] = 0
    found = checked(mono_audio(x, 16_000))
    assert found.verdict == "not_measurable" or len(found.glitches) >= 50


def test_channels_are_told_apart() -> None:
    x = 0.3 * np.sin(2 * np.pi * 857 * np.arange(24_000) / 16_000)
    dead = np.stack([x, x, np.zeros_like(x), 0.5 * x], axis=1).astype(np.float32)
    found = checked(Audio(dead, 16_000))
    assert [c.same_as for c in found.channels] == [None, 0, None, None]
    assert found.channels[2].zero_fraction == 1.0
    assert found.channels[3].tone_dbfs - found.channels[0].tone_dbfs == pytest.approx(
        -6.02, abs=0.1
    )
    with pytest.raises(InputError, match="channel 4"):
        find_glitches(Audio(dead, 16_000), SPEC, channel=4)


def test_the_door_wants_a_tone() -> None:
    audio = mono_audio(np.zeros(16_000), 16_000)
    take = Take(audio, SPEC, TrialSetup(analysis="glitches"))
    assert read_take(take).reasons == ("silent_capture",)
    train: StimulusSpec = make_train(1)
    with pytest.raises(InputError, match="needs a tone"):
        read_take(Take(audio, train, TrialSetup(analysis="glitches")))
