"""Captures of the virtual phones that are not what they seem, volumes and cold starts."""

import numpy as np
import pytest
from sounding_phones import make_phone, rms_db, trial

from profiler.model import EffectState

NONE = np.zeros(0, np.float32)
OFF = {"aec": EffectState.OFF}


def tone(rate_hz, hz=1000.0, duration_s=3.0, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(duration_s * rate_hz) / rate_hz)).astype(
        np.float32
    )


def pitch_hz(samples, rate_hz):
    piece = samples[-rate_hz:, 0] * np.hanning(rate_hz)
    return np.abs(np.fft.rfft(piece)).argmax() * rate_hz / rate_hz


@pytest.mark.parametrize(
    ("where", "silent", "live"),
    [
        ('presets = ["camcorder"]', {"input_preset": "camcorder"}, {"input_preset": "generic"}),
        (
            'rates_hz = [16000]\nperformance_modes = ["low_latency"]',
            {"rate_hz": 16_000, "performance_mode": "low_latency"},
            {"rate_hz": 16_000, "performance_mode": "none"},
        ),
        ('sharing = ["exclusive"]\napis = ["aaudio"]', {"sharing": "exclusive"},
         {"sharing": "exclusive", "api": "java"}),
        ('modes = ["communication"]', {"audio_mode": "communication"}, {}),
        ('sessions = ["none"]', {"audio_session": "none"}, {"audio_session": "shared"}),
    ],
)  # fmt: skip
def test_chosen_combinations_are_silent(where, silent, live):
    phone = make_phone(streams=f"[[phone.streams.silent]]\n{where}")
    report, samples, truth = trial(phone, 1.0, NONE, **silent)
    assert truth.silent
    assert not samples.any()
    assert report.longest_zero_run_frames == samples.shape[0]
    _, samples, truth = trial(phone, 1.0, NONE, **live)
    assert not truth.silent
    assert samples.any(axis=1).mean() > 0.99


def test_a_microphone_that_goes_silent_later():
    phone = make_phone(glitches="mute_after_s = 1.5")
    _, samples, _ = trial(phone, 2.0, NONE, rate_hz=8000)
    assert samples[:12_000].any(axis=1).all()
    assert not samples[12_000:].any()


def test_a_mono_input_that_is_stereo_has_half_the_pitch():
    where = '[[phone.streams.mono_is_stereo]]\nsharing = ["exclusive"]'
    phone = make_phone(streams=where)
    asked = {"rate_hz": 16_000, **OFF}
    _, samples, truth = trial(phone, 3.0, tone(16_000), sharing="exclusive", **asked)
    assert truth.pitch_ratio == 0.5
    assert pitch_hz(samples, 16_000) == 500
    np.testing.assert_array_equal(samples[0::2], samples[1::2])
    assert pitch_hz(trial(phone, 3.0, tone(16_000), **asked)[1], 16_000) == 1000
    two = trial(phone, 3.0, tone(16_000), sharing="exclusive", input_channels=2, **asked)
    assert two[2].pitch_ratio == 1
    assert pitch_hz(two[1], 16_000) == 1000


def test_a_wrong_rate_has_the_wrong_pitch():
    phone = make_phone(streams="wrong_rates_hz = [[48000, 44100]]")
    _, samples, truth = trial(phone, 3.0, tone(48_000), **OFF)
    assert truth.pitch_ratio == pytest.approx(48 / 44.1)
    assert pitch_hz(samples, 48_000) == pytest.approx(1000 * 48 / 44.1, abs=1)
    assert samples.shape == (3 * 48_000, 1)
    assert pitch_hz(trial(phone, 3.0, tone(16_000), rate_hz=16_000, **OFF)[1], 16_000) == 1000


@pytest.mark.parametrize("kind", ["duplicated", "separate", "swapped", "first_only"])
def test_two_channels_hold_what_the_fleet_file_says(kind):
    phone = make_phone(streams=f'channels = "{kind}"')
    _, samples, _ = trial(phone, 3.0, tone(48_000), input_channels=2, **OFF)
    left, right = rms_db(samples[48_000:, 0]), rms_db(samples[48_000:, 1])
    same = np.array_equal(samples[:, 0], samples[:, 1])
    assert same is (kind == "duplicated")
    wanted = {"duplicated": 0, "separate": 3, "swapped": -3}
    if kind in wanted:
        assert left - right == pytest.approx(wanted[kind], abs=0.05)
    else:
        assert not samples[:, 1].any()


def test_the_volume_follows_its_curve():
    curve = "volume_curve = [[0.0, -60], [0.5, -20], [1.0, 0]]"
    quiet_mic = "white_dbfs = -110"
    curved = make_phone(acoustics=curve, noise=quiet_mic)
    plain = make_phone(noise=quiet_mic)
    quiet = tone(16_000, amplitude=0.2)

    def level(phone, volume):
        return rms_db(trial(phone, 3.0, quiet, rate_hz=16_000, volume=volume, **OFF)[1][16_000:])

    full = level(curved, 1.0)
    assert level(curved, None) == pytest.approx(full, abs=0.05)
    assert level(curved, 0.5) - full == pytest.approx(-20, abs=0.1)
    assert level(curved, 0.75) - full == pytest.approx(-10, abs=0.1)
    assert level(plain, 0.5) - level(plain, 1.0) == pytest.approx(-6.02, abs=0.1)


def test_distortion_grows_with_the_volume():
    phone = make_phone(acoustics="drive = 3", noise="white_dbfs = -110")

    def thd_db(volume):
        samples = trial(phone, 3.0, tone(48_000, amplitude=0.9), volume=volume, **OFF)[1]
        spectrum = np.abs(np.fft.rfft(samples[-48_000:, 0] * np.hanning(48_000)))
        return 20 * np.log10(spectrum[3000] / spectrum[1000])

    assert thd_db(0.1) < -35
    assert thd_db(1.0) > -15


def test_a_hot_microphone_clips_at_high_volume_only():
    phone = make_phone(acoustics="level_dbfs = 0\nmic_clip_dbfs = -6")

    def clipped(volume):
        samples = trial(phone, 3.0, tone(48_000, amplitude=0.9), volume=volume, **OFF)[1]
        return np.isclose(np.abs(samples), 10 ** (-6 / 20), atol=1e-6).mean()

    assert clipped(1.0) > 0.01
    assert clipped(0.1) == 0


def test_a_converter_in_the_way_adds_its_delay():
    phone = make_phone(latency="rate_extra_ms = [[16000, 200.0]]")
    native = trial(phone, 1.0, NONE)[2].latency_ms
    assert trial(phone, 1.0, NONE, rate_hz=16_000)[2].latency_ms == pytest.approx(native + 200)
    assert trial(phone, 1.0, NONE, rate_hz=44_100)[2].latency_ms == pytest.approx(native)


def test_a_wide_wander_stays_a_delay():
    _, _, truth = trial(make_phone(clock="wander_us = 30000\nwander_period_s = 6"), 3.0, **OFF)
    assert truth.wander_us == 30_000
    assert truth.echo.erle_db == pytest.approx(0, abs=1e-6)


def test_cold_starts_lose_input_and_output_and_get_slower():
    start = (
        "first_input_ms = 150\nfirst_nonzero_ms = 400\nfirst_output_ms = 300\nlater_extra_ms = 200"
    )
    phone = make_phone(start=start)
    far = tone(16_000, duration_s=2.0)
    asked = {"rate_hz": 16_000, "warmup_s": 0.0, **OFF}
    first, samples, truth = trial(phone, 2.0, far, **asked)
    assert truth.start.first_nonzero_ms == 400
    assert truth.start.input_lost_ms == 350  # opening takes 50 of them
    assert not samples[: round(0.35 * 16_000)].any()
    assert samples[round(0.35 * 16_000) :].any(axis=1).all()
    assert (first.startup_ms["first_input"], first.startup_ms["first_output"]) == (150, 300)
    assert first.startup_ms["first_nonzero"] == 400
    second, samples, truth = trial(phone, 2.0, far, **asked)
    assert truth.start.input_lost_ms == 550
    assert truth.start.output_lost_ms == 450
    assert second.startup_ms["first_nonzero"] == 600
    quiet = round((0.45 + truth.latency_ms / 1000) * 16_000)
    assert rms_db(truth.echo.clean_echo[: quiet - 100]) < -80
    assert rms_db(truth.echo.clean_echo[quiet + 100 :]) > -40
    phone.new_process()
    assert trial(phone, 2.0, far, **asked)[2].start.input_lost_ms == 350
    warm = trial(phone, 2.0, far, rate_hz=16_000, warmup_s=1.0, **OFF)
    assert warm[2].start.input_lost_ms == 0
    assert warm[0].startup_ms["first_nonzero"] == 600
    assert warm[1].any(axis=1).all()
