"""The simulated sound against formulas that share nothing with the simulation."""

import math

import numpy as np
import pytest
from scipy import fft

from device_probes.virtual.acoustics import Timing, capture
from device_probes.virtual.spec import Acoustics
from profiler.stimulus import chirp_at, make_train, render

SPEC = make_train(3, chirps=4)
FLAT = Acoustics()
RATE = 48_000
FRAMES = int(3.9 * RATE)


def heard(timing, acoustics=FLAT, rate_out=RATE, rate_in=RATE, seed=1):
    return capture(
        render(SPEC, rate_out),
        rate_out,
        int(3.9 * rate_in),
        rate_in,
        acoustics=acoustics,
        timing=timing,
        room_seed=seed,
    ).astype(float)


def analytic(timing, rate_in=RATE):
    """The train at the instants that are heard, from the definition alone, unfiltered.

    Playback time p arrives at latency + p·(1 + drift·1e-6), plus the wander at that moment.
    """
    heard_s = np.arange(int(3.9 * rate_in)) / rate_in
    wander_s = timing.wander_s * np.sin(
        2 * np.pi * heard_s / timing.wander_period_s + timing.wander_phase
    )
    played = (heard_s - timing.latency_s - wander_s) / (1 + timing.drift_ppm * 1e-6)
    return sum(chirp_at(SPEC, played - start) for start in SPEC.starts_s)


def delay_us(signal, reference, rate, top_hz):
    """How much later ``signal`` is than ``reference``, from the phase of their cross-spectrum."""
    hz = fft.rfftfreq(signal.size, 1 / rate)
    band = (hz > 300) & (hz < top_hz)
    cross = (fft.rfft(signal) * np.conj(fft.rfft(reference)))[band]
    omega = 2 * np.pi * hz[band]
    weight = np.abs(cross)
    return -1e6 * np.sum(np.angle(cross) * weight * omega) / np.sum(weight * omega**2)


@pytest.mark.parametrize("latency_s", [0.0007, 0.0291234567, 0.2, 0.34217777, 1.5])
def test_a_constant_delay_is_exact(latency_s):
    timing = Timing(latency_s)
    signal, reference = heard(timing), analytic(timing)
    assert abs(delay_us(signal, reference, RATE, 15_500)) < 1e-3


@pytest.mark.parametrize(
    ("drift_ppm", "wander_us"), [(100, 0), (-300, 0), (3.7, 0), (0, 100), (50, 40)]
)
def test_drift_and_wander_are_exact(drift_ppm, wander_us):
    timing = Timing(0.0912345, drift_ppm, wander_us * 1e-6, 2.0, 0.4)
    signal, reference = heard(timing), analytic(timing)
    assert abs(delay_us(signal, reference, RATE, 15_500)) < 1e-3
    gain = np.dot(signal, reference) / np.dot(reference, reference)
    error = signal / gain - reference
    assert np.sum(error**2) < 1e-7 * np.sum(reference**2)


@pytest.mark.parametrize(
    ("rate_out", "rate_in"),
    [(48_000, 44_100), (44_100, 48_000), (48_000, 16_000), (48_000, 96_000), (16_000, 48_000)],
)
def test_other_rates_are_exact(rate_out, rate_in):
    timing = Timing(0.1234567, 20.0)
    signal = heard(timing, rate_out=rate_out, rate_in=rate_in)
    fine = analytic(timing, 192_000)  # free of aliasing at every rate used here
    reference = fft.irfft(fft.rfft(fine)[: signal.size // 2 + 1], signal.size)
    assert abs(delay_us(signal, reference, rate_in, 0.44 * min(rate_out, rate_in, 35_000))) < 0.01


def test_the_onset_is_the_direct_path_whatever_the_transducers_do():
    """Minimum phase, reflections, room: nothing is heard before the latency."""
    rough = Acoustics(
        highpass_hz=600,
        resonances=((1800, 4.0, 9), (3000, 2.0, -6)),
        reflections=((0.8, 6), (3.0, 2)),
        rt60_s=0.4,
        reverb_db=3,
        level_dbfs=-20,
    )
    click = np.zeros(RATE, np.float32)
    click[RATE // 2] = 1.0
    signal = capture(
        click, RATE, RATE, RATE, acoustics=rough, timing=Timing(0.1), room_seed=5
    ).astype(float)
    onset = RATE // 2 + round(0.1 * RATE)
    before, after = signal[: onset - 24], signal[onset - 24 :]
    assert np.sum(before**2) < 1e-4 * np.sum(after**2)
    strongest = int(np.argmax(np.abs(signal))) - onset
    assert strongest == pytest.approx(0.0008 * RATE, abs=3)


def test_level_polarity_and_distortion():
    signal = heard(Timing(0.05), Acoustics(level_dbfs=-30, inverted=True))
    reference = analytic(Timing(0.05))
    active = np.abs(reference) > 0
    assert 10 * math.log10(np.mean(signal[active] ** 2)) == pytest.approx(-30, abs=0.6)
    assert np.dot(signal, reference) < 0
    bent = heard(Timing(0.05), Acoustics(level_dbfs=-30, drive=5))
    gain = np.dot(bent, reference) / np.dot(reference, reference)
    assert np.sum((bent - gain * reference) ** 2) > 0.01 * np.sum(bent**2)
    assert abs(delay_us(bent, reference, RATE, 15_500)) < 1


def test_a_capture_band_takes_the_rest_away():
    spectrum = np.abs(fft.rfft(heard(Timing(0.05), Acoustics(capture_band_hz=(300, 3400)))))
    hz = fft.rfftfreq(FRAMES, 1 / RATE)
    inside = np.sum(spectrum[(hz > 350) & (hz < 3200)] ** 2)
    outside = np.sum(spectrum[(hz < 250) | (hz > 3700)] ** 2)
    assert outside < 1e-5 * inside


def test_a_room_is_the_same_at_each_trial_and_another_for_another_phone():
    room = Acoustics(rt60_s=0.3, reverb_db=0)
    timing = Timing(0.05)
    np.testing.assert_array_equal(heard(timing, room, seed=1), heard(timing, room, seed=1))
    assert np.abs(heard(timing, room, seed=1) - heard(timing, room, seed=2)).max() > 1e-3


def gain_db(acoustics, hz, against_hz=12_000):
    """Level of the response at ``hz`` against one at ``against_hz``, read off a click."""
    click = np.zeros(RATE, np.float32)
    click[RATE // 4] = 1.0
    signal = capture(click, RATE, RATE, RATE, acoustics=acoustics, timing=Timing(0.01), room_seed=1)
    spectrum = np.abs(fft.rfft(signal.astype(float)))  # one bin per hertz
    return 20 * math.log10(spectrum[hz] / spectrum[against_hz])


def test_transducers_have_the_response_asked_for():
    assert gain_db(FLAT, 500) == pytest.approx(0, abs=1e-3)
    assert gain_db(Acoustics(resonances=((1500, 4.0, 9),)), 1500) == pytest.approx(9, abs=0.05)
    high_passed = Acoustics(highpass_hz=600, highpass_order=3)
    assert gain_db(high_passed, 600) == pytest.approx(-3.01, abs=0.05)
    assert gain_db(high_passed, 300) == pytest.approx(-18.1, abs=0.2)
