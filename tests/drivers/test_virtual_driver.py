"""Virtual phones through the real client, server and byte stream, against their truth."""

import math
import threading

import numpy as np
import pytest
from scipy import fft

from device_probes.client import Deadlines
from device_probes.driver import Play, Progress
from device_probes.virtual import Clock, load_fleet
from device_probes.virtual.driver import fleet_from_toml
from profiler.errors import DeviceLost, DeviceNotFound, DeviceTimeout, ProbeRefused
from profiler.model import EffectState, TrialRequest
from profiler.stimulus import make_train, render

SPEC = make_train(11, chirps=4)
SECONDS = 4.2
FAST = Clock(math.inf)
ONE_PLAY = (Play(SPEC),)
HEAD = """
version = 1
seed = 7
[[phone]]
serial = "T1"
manufacturer = "M"
model = "X"
marketing_name = "M X"
soc = "S"
os_name = "Android"
os_version = "14"
os_build = "b"
"""
LATENCY = "[phone.latency]\napi_ms = { aaudio = 61.2345, java = 140.0 }\nspread = 'none'\n"


@pytest.fixture
def phone():
    """Connect to the one phone of a fleet made of ``HEAD`` and more TOML; closed afterwards."""
    opened = []

    def make(more="", head="", clock=FAST, latency=LATENCY, deadlines=None):
        fleet = fleet_from_toml(HEAD + head + latency + more, "test.toml")
        (driver,) = fleet.drivers(clock, deadlines=deadlines)
        driver.connect()
        opened.append(driver)
        return driver

    yield make
    for driver in opened:
        driver.close()


def ignore(_):
    pass


def run(driver, plays=ONE_PLAY, **changes):
    request = TrialRequest(**{"warmup_s": 0.1, "duration_s": SECONDS, **changes})
    return driver.run(request, plays, ignore)


def lag_ms(capture, spec=SPEC):
    """Latency by plain cross-correlation with the stimulus, refined between samples."""
    rate = capture.audio.rate_hz
    x = render(spec, rate).astype(float)
    y = capture.audio.samples[:, 0].astype(float)
    n = fft.next_fast_len(x.size + y.size, real=True)
    cross = fft.rfft(y, n) * np.conj(fft.rfft(x, n))
    correlation = fft.irfft(cross, n)
    lag = float(np.argmax(np.abs(correlation)))
    omega = 2 * np.pi * fft.rfftfreq(n)
    sign = np.sign(correlation[int(lag)])
    for _ in range(20):  # Newton on the correlation's derivative
        turned = sign * cross * np.exp(1j * omega * lag)
        lag -= np.sum(omega * turned.imag) / np.sum(omega**2 * turned.real)
    return lag / rate * 1000, int(sign)


def test_every_packaged_phone_runs_and_keeps_its_truth():
    for driver in load_fleet().drivers(FAST):
        facts = driver.connect()
        assert facts.is_virtual
        assert facts.model == driver.phone.spec.model
        capture = run(driver)
        truth = driver.phone.truths[-1]
        assert capture.report.input.rate_hz == truth.input_rate_hz == capture.audio.rate_hz
        assert capture.audio.frames == round(SECONDS * truth.input_rate_hz)
        assert np.all(np.isfinite(capture.audio.samples))
        if truth.silent:
            assert not capture.audio.samples.any()
        else:
            lag, _ = lag_ms(capture)
            # Rooms, resonances and edits move a plain correlation, not beyond this.
            moved = sum(abs(e.delta_ms) for e in truth.events)
            assert abs(lag - truth.latency_ms) < 15 + moved
        driver.close()


@pytest.mark.parametrize("rate_hz", [48_000, 44_100, 16_000])
def test_the_truth_is_what_a_clean_phone_gives(phone, rate_hz):
    driver = phone("[phone.noise]\nwhite_dbfs = -90\n")
    capture = run(driver, rate_hz=rate_hz)
    lag, sign = lag_ms(capture)
    truth = driver.phone.truths[0]
    assert truth.latency_ms == pytest.approx(61.2345 + 0.12 / 343 * 1000, abs=1e-9)
    assert lag == pytest.approx(truth.latency_ms, abs=5e-5)
    assert (sign, truth.polarity) == (1, 1)


def test_inverted_polarity_is_in_the_samples_and_in_the_truth(phone):
    driver = phone("[phone.acoustics]\ninverted = true\n")
    _, sign = lag_ms(run(driver))
    assert (sign, driver.phone.truths[0].polarity) == (-1, -1)


def test_apis_modes_and_buffers_have_their_own_delay(phone):
    driver = phone(latency=LATENCY + "communication_extra_ms = 30\n")
    for changes, ms in (
        ({}, 0),
        ({"api": "aaudio"}, 0),
        ({"api": "java"}, 140 - 61.2345),
        ({"audio_mode": "communication"}, 30),
        ({"buffer_bursts": 6}, 4 * 192 / 48),
    ):
        lag, _ = lag_ms(run(driver, **changes))
        assert lag == pytest.approx(61.2345 + 0.12 / 343 * 1000 + ms, abs=1e-3)


def test_sessions_spread_in_whole_bursts(phone):
    driver = phone(latency=LATENCY.replace("'none'", "'bursts'") + "spread_bursts = 3\n")
    for _ in range(8):
        run(driver, duration_s=0.1, plays=())
    steps = [(t.latency_ms - driver.phone.truths[0].latency_ms) / 4 for t in driver.phone.truths]
    assert len(set(np.round(steps, 6))) > 1
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)


def test_silent_rates_give_exact_zeros_and_say_nothing(phone):
    driver = phone(
        "[phone.streams]\nrates_hz = [48000, 24000]\nsilent_rates_hz = [24000]\n"
        "[phone.noise]\nwhite_dbfs = -40\n"
    )
    silent = run(driver, rate_hz=24_000)
    assert not silent.audio.samples.any()
    assert silent.report.input_silenced is None
    assert silent.report.input.rate_hz == 24_000
    assert run(driver).audio.samples.any()
    assert [t.silent for t in driver.phone.truths] == [True, False]


def test_granted_is_not_requested_and_the_report_says_so(phone):
    driver = phone(
        "[phone.streams]\nrates_hz = [44100]\ninput_rate_hz = 16000\nexclusive = false\n"
        "honours_buffer = false\ngranted_route = 'bluetooth_a2dp'\n",
        head="native_rate_hz = 44100\n",
    )
    seen = []
    request = TrialRequest(
        warmup_s=0, duration_s=SECONDS, rate_hz=48_000, sharing="exclusive", buffer_bursts=2
    )
    capture = driver.run(request, [Play(SPEC)], seen.append)
    out, in_ = capture.report.output, capture.report.input
    assert (out.rate_hz, in_.rate_hz, capture.audio.rate_hz) == (44_100, 16_000, 16_000)
    assert (out.sharing, out.route, out.buffer_frames) == ("shared", "bluetooth_a2dp", 4 * 192)
    lag, _ = lag_ms(capture)
    assert lag == pytest.approx(driver.phone.truths[0].latency_ms, abs=0.002)
    assert len(driver.phone.truths) == 1
    assert isinstance(seen[0], Progress)
    fractions = [p.fraction for p in seen if p.stage in ("opening", "warming", "playing")]
    assert fractions == sorted(fractions)


def test_reported_latency_and_timestamps_may_lie(phone):
    driver = phone("[phone.reported]\nlatency_factor = 0.5\ntimestamps = 'early'\n")
    report = run(driver).report
    truth = driver.phone.truths[0]
    assert report.reported_latency_ms == pytest.approx(truth.latency_ms / 2)
    first_out, first_in = report.timestamps_output[0], report.timestamps_input[0]
    from_timestamps = (first_out.time_ns - first_in.time_ns) / 1e6
    assert from_timestamps == pytest.approx(truth.latency_ms / 2, abs=0.01)


def test_effects_do_what_they_want(phone):
    driver = phone(
        "[phone.processing]\nagc = 'always'\nns = 'on_request'\n"
        "[phone.reported]\neffects_as_requested = true\n"
        "[phone.acoustics]\nlevel_dbfs = -40\n"
    )
    capture = run(driver, ns=EffectState.ON, aec=EffectState.DEFAULT)
    truth = driver.phone.truths[0]
    assert (truth.agc, truth.ns) == (True, True)
    assert capture.report.effects["agc"].state is EffectState.OFF
    assert capture.report.effects["ns"].state is EffectState.ON
    assert capture.report.effects["aec"].state is EffectState.OFF
    assert np.abs(capture.audio.samples).max() > 3 * 10 ** (-40 / 20)


def test_edits_are_where_the_truth_says(phone):
    driver = phone(
        "[phone.glitches]\nper_minute = 60\nkinds = ['hole']\nmin_ms = 5\n"
        "[phone.noise]\nwhite_dbfs = -50\n"
    )
    capture = run(driver)
    events = driver.phone.truths[0].events
    assert events
    assert capture.report.xruns_input == len(events)
    for event in events:
        a = round(event.time_s * 48_000)
        b = a + round(event.duration_ms * 48)
        assert not capture.audio.samples[a:b].any()
        assert capture.audio.samples[a - 200 : a].any()


def test_the_same_fleet_gives_the_same_recordings():
    first, second = (load_fleet().drivers(FAST)[8] for _ in range(2))
    for driver in (first, second):
        driver.connect()
    a, b = ([run(d).audio.samples for _ in range(2)] for d in (first, second))
    assert first.phone.truths == second.phone.truths
    np.testing.assert_array_equal(a, b)
    assert np.any(a[0] != a[1])
    first.close()
    second.close()


def test_a_schedule_of_several_plays_and_channels(phone):
    driver = phone("[phone.noise]\nwhite_dbfs = -90\n")
    one = make_train(1, chirps=2)
    two = make_train(2, chirps=2)
    plays = [Play(one, 0.0), Play(two, 2.5)]
    capture = run(driver, plays, duration_s=5.0, input_channels=2)
    assert capture.audio.channels == 2
    np.testing.assert_array_equal(capture.audio.samples[:, 0], capture.audio.samples[:, 1])
    truth = driver.phone.truths[0]
    assert lag_ms(capture, one)[0] == pytest.approx(truth.latency_ms, abs=0.01)
    assert lag_ms(capture, two)[0] == pytest.approx(truth.latency_ms + 2500, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"api": "asio"}, "unsupported"),
        ({"route": "earpiece"}, "unsupported"),
        ({"audio_mode": "communication"}, "open_failed"),
        ({"rate_hz": 11_025}, "unsupported"),
    ],
)
def test_what_the_phone_cannot_do_is_refused_by_code(phone, changes, code):
    driver = phone("[phone.streams]\nother_rates = 'refuse'\nrefused_modes = ['communication']\n")
    with pytest.raises(ProbeRefused) as caught:
        run(driver, **changes)
    assert caught.value.code == code
    assert run(driver).audio.samples.any()  # the session goes on


def test_a_trial_ends_when_cancelled_and_the_session_goes_on(phone):
    driver = phone(clock=Clock())
    playing = threading.Event()
    trial = TrialRequest(warmup_s=0.0, duration_s=60.0)
    outcome = []

    def work():
        try:
            driver.run(trial, [], lambda p: p.stage == "playing" and playing.set())
        except ProbeRefused as exc:
            outcome.append(exc.code)

    worker = threading.Thread(target=work)
    worker.start()
    assert playing.wait(20)
    driver.cancel()
    worker.join(20)
    assert outcome == ["cancelled"]
    driver.cancel()  # nothing runs: no effect
    assert run(driver, plays=(), duration_s=0.05).audio.frames == 2400


def test_cancelling_while_a_stimulus_is_loaded_ends_before_the_run(phone):
    driver = phone(clock=Clock())
    spec = make_train(5, rate_hz=192_000, chirps=60)
    request = TrialRequest(rate_hz=48_000, duration_s=60.0)
    timer = threading.Timer(0.05, driver.cancel)
    timer.start()
    with pytest.raises(ProbeRefused) as caught:
        driver.run(request, [Play(spec)], ignore)
    timer.join()
    assert caught.value.code == "cancelled"
    assert run(driver, plays=(), duration_s=0.05).audio.frames == 2400


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"duration_s": 0.0}, "malformed", "duration_s"),
        ({"duration_s": math.nan}, "malformed", "duration_s"),
        ({"api": "rm -rf /"}, "malformed", "request.api"),
        ({"rate_hz": 4000}, "malformed", "rate_hz"),
        ({"plays": [Play(SPEC, -1.0)]}, "malformed", "at_frame"),
        ({"plays": [Play(make_train(i, chirps=1)) for i in range(9)]}, "malformed", "more than 8"),
        ({"duration_s": 900.0, "rate_hz": 192_000}, "too_large", "900 s at 192000 Hz"),
    ],
)
def test_what_must_not_be_asked_is_refused_before_it_is_sent(phone, changes, code, words):
    driver = phone()
    with pytest.raises(ProbeRefused, match=words) as caught:
        run(driver, **changes)
    assert caught.value.code == code
    assert driver.phone.truths == []
    assert run(driver, plays=(), duration_s=0.05).audio.frames == 2400


def test_an_unplugged_phone_is_lost_and_comes_back(phone):
    driver = phone("[phone.faults]\nunplugged_on_trials = [1]\n")
    run(driver, plays=(), duration_s=0.05)
    with pytest.raises(DeviceLost, match="T1: lost"):
        run(driver, plays=(), duration_s=0.05)
    with pytest.raises(DeviceLost):
        run(driver, plays=(), duration_s=0.05)
    driver.connect()
    assert run(driver, plays=(), duration_s=0.05).audio.frames == 2400
    assert [t.trial for t in driver.phone.truths] == [0, 2]


def test_a_stuck_phone_is_given_up_at_the_deadline(phone):
    short = Deadlines(open_s=1.5)
    driver = phone("[phone.faults]\nstuck_on_trials = [0]\n", deadlines=short)
    with pytest.raises(DeviceTimeout, match="T1"):
        run(driver, plays=(), duration_s=0.05)
    driver.connect()
    assert run(driver, plays=(), duration_s=0.05).audio.frames == 2400


def test_a_driver_that_is_not_connected_says_so():
    driver = load_fleet().drivers(FAST)[0]
    with pytest.raises(DeviceNotFound, match="connect first"):
        run(driver)
    driver.cancel()
    driver.close()
