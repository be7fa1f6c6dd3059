"""What is done to a virtual phone while it records: routes, covers, silences, restarts."""

import threading

import numpy as np
import pytest
from sounding_phones import make_phone, rms_db, sounds_of, trial, voice

from device_probes.server import LoadedPlay, TrialRefused
from device_probes.virtual import Clock, VirtualDriver
from profiler.errors import DeviceError
from profiler.model import EffectState, TimedAction, TrialRequest

ROUTES = {
    "streams": 'routes = ["speaker", "earpiece"]',
    "routes__earpiece": "level_db = -20\ndelay_ms = 30\ngap_s = 0.5",
}
OFF = {"aec": EffectState.OFF, "rate_hz": 16_000}


def test_a_change_of_the_route_is_a_gap_another_level_and_another_delay():
    phone = make_phone(**ROUTES, noise="white_dbfs = -100")
    samples, truth = sounds_of(phone, 8.0, actions=((4.0, "route", "earpiece"),), **OFF)
    there, then = truth.paths
    assert (there.route, there.begin_s) == ("speaker", 0)
    assert (then.route, then.begin_s, then.sound_s, then.cause) == ("earpiece", 4.0, 4.5, "route")
    assert then.latency_ms - there.latency_ms == pytest.approx(30)
    assert not samples[64_000:72_000].any()
    assert samples[72_000:].any(axis=1).mean() > 0.99
    before, after = rms_db(samples[32_000:60_000]), rms_db(samples[76_000:110_000])
    assert after - before == pytest.approx(-20, abs=1.5)
    unmoved, _ = sounds_of(phone, 8.0, **OFF)
    shifted = unmoved[80_000 - 480 : 100_000 - 480] * 0.1
    assert rms_db(samples[80_000:100_000] - shifted) < rms_db(shifted) - 30


def test_a_route_asked_for_from_the_start_has_its_delay_and_no_gap():
    phone = make_phone(**ROUTES)
    near, far = trial(phone, 2.0, **OFF), trial(phone, 2.0, route="earpiece", **OFF)
    assert far[2].latency_ms - near[2].latency_ms == pytest.approx(30)
    assert far[0].output.route == "earpiece"
    assert far[1].any(axis=1).all()
    assert max(far[2].echo.echo_dbfs) - max(near[2].echo.echo_dbfs) == pytest.approx(-20, abs=1)


@pytest.mark.parametrize("action", ["cover", "flip"])
def test_a_cover_is_another_echo_path_until_it_is_taken_away(action):
    phone = make_phone(path_change="level_db = -6\ndelay_ms = 0.5")
    plain, _ = sounds_of(phone, 6.0, **OFF)
    done = ((2.0, action, "on"), (4.0, action, "off"))
    samples, truth = sounds_of(phone, 6.0, actions=done, **OFF)
    assert [p.cause for p in truth.paths] == ["start", action, action]
    np.testing.assert_array_equal(samples[:32_000], plain[:32_000])
    np.testing.assert_array_equal(samples[64_000:], plain[64_000:])
    assert truth.paths[1].latency_ms - truth.paths[0].latency_ms == pytest.approx(0.5)
    # No gain of the old path is the new one: a canceller has to learn it.
    old, new = plain[32_000:64_000, 0], samples[32_000:64_000, 0]
    best = np.dot(old, new) / np.dot(old, old) * old
    assert rms_db(new - best) > rms_db(new) - 15


def test_an_ideal_canceller_converges_anew_after_a_change():
    canceller = 'kind = "ideal"\ndepth_db = 30\nconverge_s = 4'
    phone = make_phone(processing__canceller=canceller)
    far = voice(20.0, 8_000)
    _, truth = sounds_of(phone, 20.0, far, actions=((10.0, "cover", "on"),), rate_hz=8_000)
    assert truth.echo.convergence_after(0.0, 10.0) == pytest.approx(3.2, abs=0.25)
    assert truth.echo.convergence_after(10.0) == pytest.approx(3.2, abs=0.25)
    assert truth.echo.erle_db == pytest.approx(30, abs=0.3)


def test_real_aec3_needs_time_after_a_jump_of_the_delay():
    phone = make_phone(
        80,
        streams='routes = ["speaker", "earpiece"]',
        routes__earpiece="delay_ms = 150\ngap_s = 0",
        processing__canceller='kind = "aec3"',
    )
    jump = ((8.0, "route", "earpiece"),)
    _, truth = sounds_of(phone, 16.0, actions=jump, rate_hz=16_000)
    assert truth.echo.convergence_after(0.0, 8.0) < 1
    assert truth.echo.convergence_after(8.25) > 0.4
    assert truth.echo.erle_db > 20


def test_a_volume_key_changes_the_level_and_nothing_else():
    phone = make_phone(noise="white_dbfs = -110")
    plain, _ = sounds_of(phone, 4.0, **OFF)
    samples, truth = sounds_of(phone, 4.0, actions=((2.0, "level", "-6"),), **OFF)
    np.testing.assert_array_equal(samples[:32_000], plain[:32_000])
    assert rms_db(samples[32_000:]) - rms_db(plain[32_000:]) == pytest.approx(-6, abs=0.05)
    assert truth.paths[-1].cause == "level"


def test_a_mute_is_exact_zeros():
    done = ((1.0, "mute", "on"), (2.0, "mute", "off"))
    samples, _ = sounds_of(make_phone(), 3.0, actions=done, **OFF)
    assert not samples[16_000:32_000].any()
    assert samples[:16_000].any(axis=1).all()
    assert samples[32_000:].any(axis=1).all()


def run_and(phone, do, **asked):
    """Run a trial; ``do`` is called when it plays, in another thread than the trial's."""
    request = TrialRequest(duration_s=2.0, rate_hz=16_000, **asked)
    playing = threading.Event()

    def emit(stage, _):
        if stage == "playing":
            playing.set()

    found = []

    def work():
        plays = [LoadedPlay("far", voice(2.0, 16_000), 16_000, 0)]
        found.append(phone.run(request, plays, emit, threading.Event()))

    thread = threading.Thread(target=work)
    thread.start()
    assert playing.wait(20)
    do()
    thread.join(20)
    return *found[0], phone.truths[-1]


def test_an_act_is_noted_on_the_trials_own_clock():
    phone = make_phone(**ROUTES, lives_in=Clock(4.0))
    said = []
    report, samples, truth = run_and(phone, lambda: said.append(phone.act("route", "earpiece")))
    assert said == ["earpiece"]
    begin_s = truth.paths[1].begin_s
    assert 0 <= begin_s < 1.9
    assert report.observed["route_1_ms"] == str(round(1000 * begin_s))
    assert report.observed["route_1_took_ms"] == "500"
    first = round(begin_s * 16_000)
    assert not samples[first : first + 1000].any()
    assert truth.echo.echo_dbfs[0] < -100  # the sounds are still there to be asked


def test_acts_that_cannot_be():
    phone = make_phone(**ROUTES)
    with pytest.raises(TrialRefused, match="no action dance"):
        phone.act("dance", "")
    with pytest.raises(TrialRefused, match="no route hdmi"):
        phone.act("route", "hdmi")
    with pytest.raises(TrialRefused, match="nothing is playing"):
        phone.act("route", "earpiece")
    stuck = make_phone(
        streams='routes = ["speaker", "earpiece"]\ngranted_route = "bluetooth_sco"',
        lives_in=Clock(4.0),
    )
    said = []
    truth = run_and(stuck, lambda: said.append(stuck.act("route", "earpiece")))[2]
    assert said == ["bluetooth_sco"]
    assert len(truth.paths) == 1


def test_the_screen_stays_off_from_trial_to_trial():
    phone = make_phone(buffers="safe_bursts = 2\nidle_bursts = 1")
    none = np.zeros(0, np.float32)
    assert trial(phone, 5.0, none, rate_hz=8000)[2].safe_bursts == 2
    assert phone.act("screen_off", "") == "screen_off"
    assert trial(phone, 5.0, none, rate_hz=8000)[2].safe_bursts == 3
    phone.act("screen_on", "")
    assert trial(phone, 5.0, none, rate_hz=8000)[2].safe_bursts == 2


def test_the_driver_restarts_and_acts():
    phone = make_phone(**ROUTES)
    driver = VirtualDriver(phone)
    driver.connect()
    try:
        for session in range(2):
            driver.run(TrialRequest(duration_s=0.5, rate_hz=8000), (), lambda _: None)
            assert phone.truths[-1].session == session
        driver.restart()
        driver.run(TrialRequest(duration_s=0.5, rate_hz=8000), (), lambda _: None)
        assert phone.truths[-1].session == 0
        assert {"route", "cover", "screen_off"} <= driver.actions
        assert driver.act(TimedAction(0.0, "screen_off")) == "screen_off"
        with pytest.raises(DeviceError, match="nothing is playing"):
            driver.act(TimedAction(0.0, "route", "earpiece"))
    finally:
        driver.close()
