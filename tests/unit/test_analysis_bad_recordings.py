"""Recordings that hold nothing, or nonsense: a verdict with reasons, no number, no warning."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from profiler.analysis import analyze, capture_quality
from profiler.model import Estimate, Reason, Verdict
from profiler.stimulus import make_train, render
from profiler.wav import Audio

SPEC = make_train(7)
RATE_HZ = 48_000
N = round(SPEC.duration_s * RATE_HZ) + RATE_HZ // 2
TRAIN = np.concatenate([np.zeros(4800), render(SPEC, RATE_HZ), np.zeros(N)])[:N]
RNG = np.random.default_rng(5)
NOISE = RNG.standard_normal(N)


def audio(x: npt.ArrayLike) -> Audio:
    samples = np.asarray(x, dtype=np.float32)
    return Audio(samples.reshape(-1, 1) if samples.ndim == 1 else samples, RATE_HZ)


def refused(x: npt.ArrayLike) -> Estimate:
    estimate = analyze(audio(x), SPEC)
    assert not estimate.valid
    assert estimate.verdict is Verdict.NOT_MEASURABLE
    assert estimate.reasons
    for number in (
        estimate.round_trip_latency_ms, estimate.uncertainty_us, estimate.drift_ppm,
        estimate.snr_db, estimate.polarity, estimate.wander_us, estimate.band_hz,
    ):  # fmt: skip
        assert number is None
    assert estimate.per_chirp_ms == ()
    assert estimate.confidence < 0.5
    return estimate


@pytest.mark.parametrize(
    "shape", [(0, 1), (0, 2), (0, 0), (1, 1), (1, 0), (3, 0), (N, 0), (1, 8), (N, 1)]
)
def test_nothing_at_all_is_silence(shape: tuple[int, int]) -> None:
    assert refused(np.zeros(shape)).reasons == (Reason.SILENT_CAPTURE,)


@pytest.mark.parametrize("value", [1.0, -1.0, 0.5, 1e-3, 1e30])
def test_a_constant_is_silence(value: float) -> None:
    assert refused(np.full(N, value)).reasons == (Reason.SILENT_CAPTURE,)


@pytest.mark.parametrize("frames", [1, 2, 31, 1000, RATE_HZ])
def test_too_short(frames: int) -> None:
    assert refused(NOISE[:frames]).reasons == (Reason.TOO_SHORT,)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, 1000])
def test_nan_and_inf(bad: float, count: int) -> None:
    x = TRAIN.copy()
    x[100 : 100 + count] = bad
    estimate = refused(x)
    assert estimate.reasons == (Reason.NON_FINITE,)
    assert estimate.quality.non_finite == count
    assert np.isfinite(estimate.quality.rms_dbfs)
    assert refused(np.full(N, bad)).reasons == (Reason.NON_FINITE,)


def test_one_step_of_16_bit_is_silence_and_two_are_not() -> None:
    unit = TRAIN / 0.9
    assert refused(np.round(unit) / 32768).reasons == (Reason.SILENT_CAPTURE,)
    assert analyze(audio(np.round(2 * unit) / 32768), SPEC).valid


SQUARES = np.repeat(RNG.standard_normal(N // 500 + 1), 500)[:N]
PULSES = np.where(np.arange(N) % 4800 == 0, 1.0, 0.0)


@pytest.mark.parametrize(
    "x",
    [
        NOISE, np.sign(NOISE), SQUARES, PULSES, np.where(np.arange(N) == 1000, 1.0, 0.0),
        np.where(np.arange(N) > N // 2, NOISE, 0.0), np.sin(np.arange(N) * 0.13),
        np.linspace(-1, 1, N), TRAIN[::-1], np.roll(TRAIN, N // 2), np.cumsum(NOISE) / N**0.5,
    ],
    ids=[
        "noise", "signs", "squares", "pulses", "click", "half noise", "sine", "ramp", "reversed",
        "wrapped", "brownian",
    ],
)  # fmt: skip
def test_sounds_that_are_not_the_stimulus(x: npt.NDArray[np.float64]) -> None:
    refused(0.5 * x)


@pytest.mark.parametrize("level", [1e37, 1e30, 1e19, 1e6, 1.0, 1e-3])
def test_any_level_is_measured_alike(level: float) -> None:
    # Squares of float32 overflow above 1e19: the level must not change the number, nor warn.
    estimate = analyze(audio(TRAIN * level), SPEC)
    assert estimate.round_trip_latency_ms == pytest.approx(100, abs=1e-6)
    assert estimate.quality.non_finite == 0
    refused(RNG.uniform(-1, 1, N) * level)


@pytest.mark.parametrize("spike", [1.0, 100.0, 1e4])
def test_a_spike_does_not_hide_the_train(spike: float) -> None:
    x = TRAIN + 1e-3 * NOISE
    x[100_000:100_020] = spike
    assert analyze(audio(x), SPEC).round_trip_latency_ms == pytest.approx(100, abs=1e-3)


@pytest.mark.parametrize("spike", [1e10, 1e19, 1e30, 3e38])
def test_an_absurd_spike_gives_a_verdict(spike: float) -> None:
    x = TRAIN.copy()
    x[100_000] = spike
    estimate = analyze(audio(x), SPEC)
    assert estimate.valid == (estimate.round_trip_latency_ms is not None)


def test_numbers_below_the_normal_range_do_no_harm() -> None:
    tiny = np.where(np.arange(N) % 3 == 0, 1e-42, -1e-45)
    assert refused(tiny).reasons == (Reason.SILENT_CAPTURE,)
    x = np.where(TRAIN == 0, tiny, TRAIN)
    assert analyze(audio(x), SPEC).round_trip_latency_ms == pytest.approx(100, abs=1e-6)


def test_clicks_that_pretend_an_absurd_clock() -> None:
    # Once a division by zero: every chirp was "heard" in one click, a drift of -1,000,000 ppm.
    train = make_train(
        11, rate_hz=8_000, chirps=4, chirp_s=0.02, gap_s=(0.005, 0.02), lead_in_s=0.01, tail_s=0.01
    )
    for at in range(0, 1200, 100):
        x = np.zeros((1200, 1), np.float32)
        x[at] = 0.5
        assert not analyze(Audio(x, 8_000), train).valid


# --- facts that need no stimulus ------------------------------------------------------------------


def test_quality_of_a_known_signal() -> None:
    x = np.zeros(RATE_HZ, np.float32)
    x[4800:] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE_HZ - 4800) / RATE_HZ)
    x[10_000:10_480] = 0
    q = capture_quality(audio(x))
    assert q.duration_s == 1.0
    assert q.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert q.rms_dbfs == pytest.approx(20 * np.log10(np.sqrt(np.mean(x**2))), abs=0.01)
    # The sine's own zero right after the pause belongs to the run.
    assert q.leading_zero_ms == pytest.approx(100, abs=0.05)
    assert q.zero_run_ms == pytest.approx(100, abs=0.05)
    assert q.zero_fraction > 0.11
    assert q.clipped_fraction == 0
    assert q.dc == pytest.approx(float(x.mean()), abs=1e-6)


def test_quality_counts_flat_tops_and_not_crests() -> None:
    sine = np.sin(2 * np.pi * 100 * np.arange(RATE_HZ) / RATE_HZ)
    assert capture_quality(audio(0.9 * sine)).clipped_fraction == 0
    clipped = np.clip(2 * sine, -1, 1)
    share = float(np.mean(np.abs(clipped) == 1))
    assert capture_quality(audio(clipped)).clipped_fraction == pytest.approx(share, abs=0.01)


def test_quality_looks_at_the_chosen_channel() -> None:
    both = audio(np.stack([0 * NOISE[:1000], np.full(1000, 0.25)], axis=1))
    assert capture_quality(both).peak_dbfs == -200
    second = capture_quality(both, 1)
    assert second.peak_dbfs == pytest.approx(-12.04, abs=0.01)
    assert second.dc == 0.25
    assert second.zero_run_ms == 0
