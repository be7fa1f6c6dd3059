"""The chirp trains: what is drawn, what is rendered, and that the template is the rendering."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft

from profiler.errors import StimulusError
from profiler.stimulus import (
    F_HI_HZ,
    MAX_CHIRPS,
    USABLE_BAND,
    chirp_at,
    chirp_spectrum,
    make_train,
    render,
    stability_train,
)

RATES_HZ = (8_000, 11_025, 16_000, 24_000, 44_100, 48_000, 96_000, 192_000)


def test_ids_do_not_change_between_versions() -> None:
    # Stored evidence names its stimulus by this id: another RNG, rounding or JSON layout would
    # orphan it. Change these only together with ``StimulusSpec.version``.
    assert make_train(1).stimulus_id == "chirp_train-110ea04af2930e9a"
    assert make_train(1, rate_hz=16_000).stimulus_id == "chirp_train-0bd9f3f2fb84cc33"
    assert stability_train(1).stimulus_id == "chirp_train-1123739a7bfb858e"


def test_default_train_is_the_documented_one() -> None:
    spec = make_train(1)
    starts = np.asarray(spec.starts_s)
    gaps = np.diff(starts) - spec.chirp_s
    assert (spec.chirp_s, spec.f_lo_hz, spec.f_hi_hz, spec.amplitude) == (0.5, 150, 16_000, 0.9)
    assert starts.size == 8
    assert starts[0] == 0.2
    assert gaps.min() >= 0.19 - 1e-4
    assert gaps.max() <= 0.41 + 1e-4
    assert 5.6 < spec.duration_s < 7.4


def test_each_seed_has_its_own_pattern() -> None:
    specs = [make_train(seed) for seed in range(200)]
    assert len({s.starts_s for s in specs}) == 200
    assert len({s.stimulus_id for s in specs}) == 200
    for a, b in itertools.combinations(specs[:30], 2):
        # After the best shift at most half of the chirps may meet (within a chirp's 0.1 ms peak).
        shifts = np.subtract.outer(a.starts_s, b.starts_s).ravel()
        meeting = max(int(np.sum(np.abs(shifts - s) < 1e-4)) for s in shifts)
        assert meeting <= 4, (a.seed, b.seed)


def test_train_matches_itself_at_one_shift_only() -> None:
    for seed in range(50):
        starts = np.asarray(make_train(seed).starts_s)
        shifts = np.subtract.outer(starts, starts)[~np.eye(starts.size, dtype=bool)]
        assert max(int(np.sum(np.abs(shifts - s) < 1e-3)) for s in shifts) <= 3


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_band_stays_below_nyquist(rate_hz: int) -> None:
    spec = make_train(3, rate_hz=rate_hz)
    assert spec.f_hi_hz <= min(F_HI_HZ, USABLE_BAND * rate_hz + 1e-3)
    samples = render(spec, rate_hz)
    assert samples.dtype == np.float32
    assert samples.shape == (round(spec.duration_s * rate_hz),)
    power = np.square(np.abs(fft.rfft(samples.astype(np.float64))))
    freqs = fft.rfftfreq(samples.size, 1 / rate_hz)
    outside = power[freqs > min(spec.f_hi_hz * 1.06, 0.49 * rate_hz)].sum()
    assert outside < 1e-3 * power.sum()
    assert 0.85 < float(np.abs(samples).max()) <= 1.0


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_template_is_the_spectrum_of_the_rendered_samples(rate_hz: int) -> None:
    # A template half a sample or one sample off would show here as a phase ramp.
    spec = make_train(1, chirps=1)
    samples = render(spec, rate_hz).astype(np.float64)
    n_fft = fft.next_fast_len(samples.size, real=True)
    freqs = np.arange(n_fft // 2 + 1) * rate_hz / n_fft
    rendered = fft.rfft(samples, n_fft) * np.exp(2j * np.pi * freqs * spec.starts_s[0])
    template = chirp_spectrum(spec, rate_hz, n_fft)
    inside = (freqs > 200) & (freqs < min(0.44 * rate_hz, 15_500))
    error = np.abs(rendered - template)[inside] / np.abs(template[inside])
    assert error.max() < 5e-6  # float32; one sample late would be 2.8 at 0.44 of the rate


def test_dilated_template_is_the_dilated_chirp() -> None:
    spec = make_train(1, chirps=1)
    n_fft, rate_hz, ppm = 32_768, 48_000, 300.0
    plain, dilated = (chirp_spectrum(spec, rate_hz, n_fft, p) for p in (0.0, ppm))
    t = np.arange(n_fft) / rate_hz / (1 + ppm * 1e-6)
    wanted = fft.rfft(chirp_at(spec, t))
    inside = slice(300, 10_000)
    assert np.abs(dilated - wanted)[inside].max() < 1e-4 * np.abs(wanted).max()
    # The check above must be able to fail.
    assert np.abs(plain - wanted)[inside].max() > 0.1 * np.abs(wanted).max()


def test_template_is_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        chirp_spectrum(make_train(1), 48_000, 32_768)[0] = 1


def test_every_rate_says_the_same_sound() -> None:
    spec = make_train(2, chirps=4)
    fine, coarse = render(spec, 96_000), render(spec, 48_000)
    assert np.abs(fine[::2] - coarse).max() < 1e-6


def test_chirp_is_silent_outside_and_fades_in() -> None:
    spec = make_train(1)
    t = np.array([-1.0, -1e-6, 0.0, 1e-4, spec.chirp_s / 2, spec.chirp_s, 9.0])
    value = chirp_at(spec, t)
    assert np.all(value[[0, 1, 5, 6]] == 0)
    assert abs(value[2]) < 1e-9
    assert abs(value[3]) < 0.01


def test_chirp_runs_from_high_to_low() -> None:
    spec = make_train(1)
    for at_s, f_hz in ((0.05, None), (0.25, None), (0.45, None)):
        growth = math.log(spec.f_hi_hz / spec.f_lo_hz) / spec.chirp_s
        wanted = f_hz or spec.f_lo_hz * math.exp(growth * (spec.chirp_s - at_s))
        t = at_s + np.arange(-4000, 4000) / 1_920_000
        crossings = np.flatnonzero(np.diff(np.signbit(chirp_at(spec, t))))
        found = (crossings.size - 1) / 2 / (t[crossings[-1]] - t[crossings[0]])
        assert found == pytest.approx(wanted, rel=0.03)


def test_stability_train_ticks_for_a_minute() -> None:
    spec = stability_train(4)
    assert 59 < spec.duration_s < 62
    assert len(spec.starts_s) == 120
    assert np.diff(spec.starts_s).max() < 0.61


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_hz": 7999}, {"rate_hz": 192_001}, {"chirps": 0}, {"chirps": MAX_CHIRPS + 1},
        {"chirps": 10**12}, {"chirp_s": 0.001}, {"chirp_s": math.nan}, {"chirp_s": math.inf},
        {"gap_s": (0.0, 0.1)}, {"gap_s": (0.2, 0.1)}, {"gap_s": (math.nan, 1.0)},
        {"gap_s": (0.1, math.inf)}, {"lead_in_s": -0.1}, {"lead_in_s": math.nan},
        {"tail_s": -0.1}, {"tail_s": math.nan}, {"amplitude": 0.0}, {"amplitude": 1.1},
        {"amplitude": math.nan}, {"gap_s": (100.0, 100.0)},
    ],
    ids=str,
)  # fmt: skip
def test_unusable_trains_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(StimulusError) as caught:
        make_train(1, **wrong)  # type: ignore[arg-type]
    assert caught.value.hint


@given(st.integers(), st.sampled_from(RATES_HZ), st.integers(1, 40), st.floats(0.02, 1.0))
@settings(max_examples=40, deadline=None)
def test_drawn_trains_are_well_formed(seed: int, rate_hz: int, chirps: int, chirp_s: float) -> None:
    spec = make_train(seed, rate_hz=rate_hz, chirps=chirps, chirp_s=chirp_s)
    assert spec == make_train(seed, rate_hz=rate_hz, chirps=chirps, chirp_s=chirp_s)
    assert spec.end_s <= spec.duration_s
    assert all(b - a > chirp_s for a, b in itertools.pairwise(spec.starts_s))
    assert dataclasses.replace(spec, seed=seed + 1).stimulus_id != spec.stimulus_id
