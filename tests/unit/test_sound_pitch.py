"""A train heard at another rate than it was played at."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from device_probes.virtual.acoustics import Timing, capture
from device_probes.virtual.spec import Acoustics
from profiler.analysis import Take, read_take
from profiler.analysis.sound import measure_pitch
from profiler.catalogue.trains import class_train
from profiler.errors import InputError
from profiler.model import PitchFindings, TrialSetup, Verdict
from profiler.stimulus import render, tone
from profiler.wav import Audio


def heard(rate: int, ratio: float, seed: int = 3) -> Audio:
    """A train at ``rate`` whose every frequency is heard ``ratio`` times as high."""
    spec = class_train(seed, rate)
    frames = round(4.2 * rate * max(1.0, ratio))
    sound = capture(
        render(spec, rate), rate, frames, rate, acoustics=Acoustics(level_dbfs=-20),
        timing=Timing(0.08), room_seed=1,
    )  # fmt: skip
    at = np.arange(int(frames / ratio)) * ratio
    stretched = ndimage.map_coordinates(sound, at[None, :], order=3, mode="nearest")
    noise = 1e-4 * np.random.default_rng(seed).standard_normal(stretched.size)
    return Audio((stretched + noise).astype(np.float32)[:, None], rate)


@pytest.mark.parametrize(
    ("rate", "ratio"),
    [
        (48_000, 44_100 / 48_000),
        (44_100, 48_000 / 44_100),
        (24_000, 2 / 3),
        (16_000, 0.5),
        (48_000, 1.001),
        (48_000, 0.9951),
    ],
)
def test_the_ratio_is_found_and_the_latency_is_not_guessed(rate: int, ratio: float) -> None:
    estimate, found = measure_pitch(heard(rate, ratio), class_train(3, rate))
    assert found.pitch_ratio == pytest.approx(ratio, rel=2e-5)
    assert (found.verdict, found.reasons) == (Verdict.MARGINAL, ("pitch_error",))
    assert not estimate.valid
    assert estimate.round_trip_latency_ms is None


def test_a_right_rate_gives_the_clock_error() -> None:
    estimate, found = measure_pitch(heard(48_000, 1 - 80e-6), class_train(3, 48_000))
    assert estimate.valid
    assert found.verdict is estimate.verdict
    assert found.pitch_ratio == pytest.approx(1 - 80e-6, abs=1e-6)
    assert found.pitch_sigma is not None


@pytest.mark.parametrize("seed", [1, 2])
def test_noise_has_no_pitch(seed: int) -> None:
    noise = 0.01 * np.random.default_rng(seed).standard_normal((48_000 * 4, 1))
    _, found = measure_pitch(Audio(noise.astype(np.float32), 48_000), class_train(3, 48_000))
    assert found.pitch_ratio is None
    assert found.verdict is Verdict.NOT_MEASURABLE
    silent = Audio(np.zeros((48_000 * 4, 1), np.float32), 48_000)
    _, found = measure_pitch(silent, class_train(3, 48_000))
    assert found.reasons == ("silent_capture",)


def test_the_take_needs_a_train() -> None:
    take = Take(heard(48_000, 1.0), class_train(3, 48_000), TrialSetup(analysis="pitch"))
    reading = read_take(take)
    assert isinstance(reading.findings, PitchFindings)
    assert reading.estimate is not None
    assert reading.estimate.round_trip_latency_ms == pytest.approx(80.0, abs=0.01)
    wrong = Take(heard(48_000, 1.0), tone(48_000, 1.0), TrialSetup(analysis="pitch"))
    with pytest.raises(InputError, match="chirp train"):
        read_take(wrong)
