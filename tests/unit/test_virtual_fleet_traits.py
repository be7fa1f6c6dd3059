"""The packaged fleet shows what the field complains of, each on a phone that is known."""

import math

import numpy as np
import pytest
from sounding_phones import rms_db, trial, voice

from device_probes.virtual import Clock, load_fleet
from device_probes.virtual.buffers import needed_bursts
from profiler.model import EffectState

NONE = np.zeros(0, np.float32)
CALL = {"audio_mode": "communication", "input_preset": "voice_communication"}


def phone(serial):
    return next(p for p in load_fleet().phones(Clock(math.inf)) if p.serial == serial)


def call(serial, volume=0.5, duration_s=6.0, **asked):
    found = phone(serial) if isinstance(serial, str) else serial
    rate_hz = 44_100 if found.serial == "VP07" else 48_000
    report, _, truth = trial(
        found, duration_s, voice(duration_s, rate_hz), volume=volume, **{**CALL, **asked}
    )
    return report.effects["aec"].state, truth


@pytest.mark.parametrize("serial", ["VP01", "VP02"])
def test_the_good_ones_are_good_at_full_volume(serial):
    state, truth = call(serial, volume=1.0)
    assert state is EffectState.ON
    assert truth.echo.erle_db > 30
    assert truth.echo.convergence_s < 1


def test_one_claims_and_does_nothing():
    state, truth = call("VP04")
    assert state is EffectState.ON
    assert truth.echo.erle_db == pytest.approx(0, abs=0.01)


def test_one_has_no_canceller_and_says_so():
    state, truth = call("VP07", duration_s=4.0)
    assert state is EffectState.OFF
    assert truth.echo.erle_db == pytest.approx(0, abs=0.01)


def test_one_fails_above_seventy_percent():
    assert call("VP05", 0.7)[1].echo.erle_db > 30
    state, truth = call("VP05", 0.75)
    assert state is EffectState.ON
    assert truth.echo.erle_db == pytest.approx(5, abs=0.5)


def test_one_needs_its_time():
    _, truth = call("VP06", duration_s=16.0)
    assert 4.5 < truth.echo.convergence_s < 8
    assert truth.echo.erle_db > 25


def test_one_is_worse_in_its_second_session():
    found = phone("VP08")
    first, second = (call(found, duration_s=6.0)[1].echo.erle_db for _ in range(2))
    assert first - second == pytest.approx(24, abs=1)
    found.new_process()
    assert call(found, duration_s=6.0)[1].echo.erle_db == pytest.approx(first, abs=1)


def test_one_has_an_echo_too_late_for_its_canceller():
    _, truth = call("VP09", duration_s=9.0)
    assert truth.latency_ms - truth.processing_delay_ms > 500
    assert truth.echo.erle_db < 12


def test_one_is_silent_at_a_rate_and_with_a_preset():
    found = phone("VP03")
    assert trial(found, 0.5, NONE, input_preset="camcorder")[2].silent
    assert not trial(found, 0.5, NONE)[2].silent
    assert 24_000 in found.spec.streams.silent_rates_hz
    assert not call(found, audio_session="none", duration_s=1.0)[1].aec


def test_one_needs_twice_the_buffer_under_load():
    buffers = phone("VP04").spec.buffers
    assert needed_bursts(buffers) == 2
    assert needed_bursts(buffers, loaded=True) == 4
    assert needed_bursts(buffers, idle=True) == 3


def test_one_adds_200_ms_at_16_khz():
    added_ms = dict(phone("VP04").spec.latency.rate_extra_ms)
    assert added_ms == {16_000: 200}


def test_no_phone_loses_anything_of_a_warm_trial():
    for found in load_fleet().phones(Clock(math.inf)):
        for _ in range(2):
            truth = trial(found, 0.5, NONE, aec=EffectState.OFF)[2]
            lost_ms = found.spec.glitches.mute_start_ms
            assert truth.start.input_lost_ms == lost_ms
            assert truth.start.output_lost_ms == 0
            assert truth.buffer_glitches == 0


def test_what_a_gain_control_adds_is_no_merit_of_the_canceller():
    found = phone("VP05")
    _, truth = call(found)
    assert truth.agc
    quiet = [i for i, there in enumerate(truth.echo.far_active) if there][-8:]
    residual = np.mean([truth.echo.residual_dbfs[i] for i in quiet])
    at_microphone = np.mean([truth.echo.echo_dbfs[i] for i in quiet])
    assert at_microphone - residual < truth.echo.erle_db - 6


def test_a_silent_recording_has_no_echo_return_loss():
    truth = trial(phone("VP10"), 2.0, **CALL)[2]
    assert truth.silent
    assert truth.echo.erle_db is None
    assert truth.echo.convergence_s is None
    assert rms_db(truth.echo.clean_residual) < -200
