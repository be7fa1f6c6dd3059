"""Echo cancellers of the virtual phones: what they remove, when, and what they let through."""

import numpy as np
import pytest
import webrtcvad
from scipy import signal
from sounding_phones import make_phone, rms_db, sounds_of, trial, voice

from device_probes.virtual.webrtc import Stages, added_delay_ms, process
from profiler.model import EffectState

IDEAL = 'kind = "ideal"'
AEC3 = 'kind = "aec3"'
NONE = np.zeros(0, np.float32)


def with_canceller(text, ms=60.0, **sections):
    return make_phone(ms, processing__canceller=text, **sections)


@pytest.mark.parametrize("depth_db", [2.0, 42.0])
@pytest.mark.parametrize(("rate_hz", "streams"), [(16_000, ""), (48_000, "input_rate_hz = 44100")])
def test_the_ideal_one_removes_exactly_its_depth(depth_db, rate_hz, streams):
    phone = with_canceller(f"{IDEAL}\ndepth_db = {depth_db}", streams=streams)
    report, _, truth = trial(phone, 4.0, rate_hz=rate_hz)
    assert truth.aec
    assert truth.echo.erle_db == pytest.approx(depth_db, abs=0.05)
    assert truth.echo.convergence_s == 0
    assert report.effects["aec"].state is EffectState.ON
    assert truth.processing_delay_ms == 0


def test_the_echo_that_is_left_is_in_the_recording():
    phone = with_canceller(f"{IDEAL}\ndepth_db = 12", noise="white_dbfs = -120")
    _, on, truth = trial(phone, 4.0)
    _, off, without = trial(phone, 4.0, aec=EffectState.OFF)
    assert not without.aec
    assert without.echo.erle_db == pytest.approx(0, abs=1e-6)
    assert rms_db(off) - rms_db(on) == pytest.approx(12, abs=0.05)
    assert rms_db(truth.echo.clean_residual - on[:, 0]) < -90
    active = [i for i, there in enumerate(truth.echo.far_active) if there]
    assert 10 <= len(active) <= 14
    for i in active:
        block = on[i * 12_000 : (i + 1) * 12_000]
        assert truth.echo.residual_dbfs[i] == pytest.approx(rms_db(block), abs=0.1)


@pytest.mark.parametrize(
    ("ms", "least_db", "most_db"), [(40, 20, 90), (400, 20, 90), (600, -3, 12)]
)
@pytest.mark.parametrize(("rate_hz", "streams"), [(16_000, ""), (48_000, "input_rate_hz = 44100")])
def test_aec3_follows_the_delay(ms, least_db, most_db, rate_hz, streams):
    phone = with_canceller(AEC3, ms, streams=streams)
    _, _, truth = trial(phone, 8.0 if ms < 500 else 10.0, rate_hz=rate_hz)
    assert least_db < truth.echo.erle_db < most_db


def test_aec3_lives_with_two_clocks():
    phone = with_canceller(AEC3, 120, clock="drift_ppm = 150")
    assert trial(phone, 10.0, rate_hz=16_000)[2].echo.erle_db > 20


@pytest.mark.parametrize("kind", [IDEAL, AEC3])
@pytest.mark.parametrize("curve", ["linear", "exponential"])
def test_convergence_takes_the_time_it_is_given(kind, curve):
    phone = with_canceller(f'{kind}\ndepth_db = 30\nconverge_s = 8\ncurve = "{curve}"')
    _, _, truth = trial(phone, 16.0, rate_hz=8_000)
    wanted_s = 8 * (1 - 6 / 30) if curve == "linear" else 8 / 3 * np.log(30 / 6)
    assert truth.echo.convergence_s == pytest.approx(wanted_s, abs=0.25)
    assert truth.echo.erle_db == pytest.approx(30, abs=1)
    assert truth.echo.erle_after(13.0) == pytest.approx(30, abs=1)


@pytest.mark.parametrize("kind", [IDEAL, AEC3])
def test_it_fails_above_a_volume(kind):
    phone = with_canceller(f"{kind}\nfails_above_volume = 0.7\nfailed_depth_db = 3")
    below = trial(phone, 4.0, rate_hz=16_000, volume=0.7)[2]
    above = trial(phone, 4.0, rate_hz=16_000, volume=0.75)[2]
    assert not below.aec_fails
    assert below.echo.erle_db > 20
    assert above.aec_fails
    assert above.echo.erle_db == pytest.approx(3, abs=0.1)
    assert trial(phone, 4.0, rate_hz=16_000, volume=None)[2].aec_fails  # as loud as it can


def test_it_fails_above_a_delay_that_the_tap_shortens():
    limit = f"{IDEAL}\nfails_above_delay_ms = 100"
    assert not trial(with_canceller(limit, 90), 3.0)[2].aec_fails
    late = trial(with_canceller(limit, 110), 3.0)[2]
    assert late.aec_fails
    assert late.echo.erle_db == pytest.approx(0, abs=0.01)
    assert not trial(with_canceller(f"{limit}\ntap_ms = 20", 110), 3.0)[2].aec_fails


def test_a_late_tap_shortens_the_delay_for_aec3():
    phone = with_canceller(f"{AEC3}\ntap_ms = 400", 600)
    assert trial(phone, 6.0, rate_hz=16_000)[2].echo.erle_db > 20


def test_the_truth_is_what_the_recording_holds_where_the_echo_is_loud():
    bad = with_canceller(f"{AEC3}\ndepth_db = 40\nsecond_session_db = 25")
    late = with_canceller(AEC3, 600)
    for phone, sessions, first_s in ((bad, 1, 1.0), (late, 0, 8.0)):
        samples, truth = sounds_of(phone, 11.0, sessions=sessions, rate_hz=16_000)
        recorded = rms_db(samples[round(first_s * 16_000) : 160_000])
        known = rms_db(truth.echo.clean_residual[round(first_s * 16_000) : 160_000])
        assert known > -60  # ten decibels above the noise
        assert known == pytest.approx(recorded, abs=0.5)


@pytest.mark.parametrize("kind", [IDEAL, AEC3])
def test_a_second_session_is_worse_until_the_process_is_new(kind):
    phone = with_canceller(f"{kind}\ndepth_db = 40\nsecond_session_db = 25")
    first, second, third = (trial(phone, 4.0, rate_hz=16_000)[2] for _ in range(3))
    assert (first.session, second.session, third.session) == (0, 1, 2)
    assert first.echo.erle_db > 30
    assert second.echo.erle_db == pytest.approx(15, abs=0.5)
    assert third.echo.erle_db == pytest.approx(15, abs=0.5)
    phone.new_process()
    assert trial(phone, 4.0, rate_hz=16_000)[2].echo.erle_db == pytest.approx(
        first.echo.erle_db, abs=3
    )


def test_it_works_only_where_it_does():
    where = 'presets = ["voice_communication"]\nrates_hz = [16000]\nsessions = ["shared"]'
    phone = with_canceller(IDEAL, processing__canceller__works_only_in=where)
    asked = {"input_preset": "voice_communication", "rate_hz": 16_000, "audio_session": "shared"}
    assert trial(phone, 2.0, **asked)[2].aec
    for key, other in {
        "input_preset": "generic",
        "rate_hz": 48_000,
        "audio_session": "none",
    }.items():
        report, _, truth = trial(phone, 2.0, **{**asked, key: other})
        assert not truth.aec
        assert truth.echo.erle_db == pytest.approx(0, abs=1e-6)
        assert report.effects["aec"].state is EffectState.OFF


def test_one_that_claims_to_be_on_and_does_nothing():
    phone = with_canceller(
        'claims_aec = true\nuuid = "0f8d0d2a-59e5-45fe-b6e4-248c8a799109"\nimplementor = "Acme"'
    )
    report, _, truth = trial(phone, 3.0)
    said = report.effects["aec"]
    assert (said.state, said.implementor) == (EffectState.ON, "Acme")
    assert said.uuid.startswith("0f8d0d2a")
    assert not truth.aec
    assert truth.echo.erle_db == pytest.approx(0, abs=1e-6)
    assert trial(phone, 3.0, aec=EffectState.OFF)[0].effects["aec"].state is EffectState.OFF


def test_one_that_cannot_be_switched_off():
    phone = with_canceller(IDEAL, processing='aec = "always"')
    report, _, truth = trial(phone, 3.0, aec=EffectState.OFF)
    assert truth.aec
    assert report.effects["aec"].state is EffectState.ON
    in_call = with_canceller(IDEAL, processing='aec = "communication"')
    assert not trial(in_call, 3.0)[2].aec
    asked = {"aec": EffectState.DEFAULT, "audio_mode": "communication"}
    assert trial(in_call, 3.0, **asked)[2].aec


def near_chirp(rate_hz, at_s, duration_s, level=0.1):
    t = np.arange(round(0.5 * rate_hz)) / rate_hz
    chirp = signal.chirp(t, 300, 0.5, 4000, method="logarithmic") * signal.windows.tukey(
        t.size, 0.1
    )
    near = np.zeros(round(duration_s * rate_hz), np.float32)
    near[round(at_s * rate_hz) :][: t.size] = level * chirp
    return near


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_the_near_end_passes_aec3_as_late_as_the_truth_says(rate_hz):
    phone = with_canceller(AEC3)
    far = voice(8.0, rate_hz).copy()
    far[round(4 * rate_hz) :] = 0
    near = near_chirp(rate_hz, 6.0, 8.0)
    samples, truth = sounds_of(phone, 8.0, far, near, rate_hz=rate_hz)
    assert truth.near.attenuation_db == pytest.approx(0.5, abs=1.0)
    heard = samples[round(5.5 * rate_hz) :, 0]
    lag = signal.correlate(heard, near[round(6 * rate_hz) :][: rate_hz // 2], "valid").argmax()
    late_ms = (lag / rate_hz - 0.5) * 1000
    assert late_ms == pytest.approx(truth.processing_delay_ms, abs=1000 / rate_hz)
    assert truth.latency_ms == pytest.approx(
        truth.output_ms + truth.input_ms + truth.processing_delay_ms + 0.12 / 0.343, abs=0.01
    )


@pytest.mark.parametrize("attenuation_db", [0.0, 9.0])
def test_double_talk_damage_is_what_the_fleet_file_says(attenuation_db):
    phone = with_canceller(f"{IDEAL}\nnear_end_attenuation_db = {attenuation_db}")
    near = near_chirp(48_000, 3.0, 6.0)
    _, truth = sounds_of(phone, 6.0, outside=near)
    assert truth.near.attenuation_db == pytest.approx(attenuation_db, abs=0.2)
    assert rms_db(truth.near.clean) == pytest.approx(rms_db(near) - attenuation_db, abs=0.2)
    _, alone = sounds_of(phone, 6.0, NONE, near)
    assert alone.near.attenuation_db == pytest.approx(0, abs=0.01)
    assert alone.echo.erle_db is None
    assert alone.echo.convergence_s is None


def test_the_voice_detector_hears_what_is_left():
    loud = trial(with_canceller('kind = "none"'), 5.0, rate_hz=16_000)[2]
    quiet = trial(with_canceller(AEC3), 5.0, rate_hz=16_000)[2]

    def heard(residual):
        detector = webrtcvad.Vad(2)
        pcm = np.clip(residual * 32768, -32768, 32767).astype("<i2")
        frames = [pcm[i : i + 480].tobytes() for i in range(0, pcm.size - 480, 480)]
        return sum(detector.is_speech(f, 16_000) for f in frames) / len(frames)

    assert heard(loud.echo.clean_residual) > 0.5
    assert heard(quiet.echo.clean_residual) < 0.1


def test_webrtc_suppresses_noise_and_lifts_speech():
    voice_text = 'ns_kind = "webrtc"\nns_depth_db = 18\nagc_kind = "webrtc"\nagc_max_db = 30'
    phone = make_phone(processing=voice_text, noise="pink_dbfs = -45")
    off, _ = sounds_of(phone, 6.0, NONE)
    on, truth = sounds_of(phone, 6.0, NONE, ns=EffectState.ON)
    assert rms_db(off[48_000 * 3 :]) - rms_db(on[48_000 * 3 :]) > 4
    assert truth.processing_delay_ms == pytest.approx(6.97, abs=0.05)
    phone = make_phone(processing=voice_text)
    _, truth = sounds_of(phone, 8.0, agc=EffectState.ON, aec=EffectState.OFF)
    assert truth.agc
    assert truth.echo.residual_dbfs[25] - truth.echo.echo_dbfs[25] > 6


def test_all_of_webrtc_together_has_the_delay_that_was_measured():
    every = Stages(aec=True, ns_db=12, agc_db=20)
    assert added_delay_ms(16_000, Stages(aec=True)) == pytest.approx(8.0, abs=0.05)
    assert added_delay_ms(16_000, every) == pytest.approx(14.0, abs=0.05)
    assert added_delay_ms(48_000, Stages()) == 0


@pytest.mark.parametrize("frames", [0, 1, 440, 4411])
def test_any_length_comes_back(frames):
    sound = np.full(frames, 0.01, np.float32)
    assert process(sound, sound[:100], 44_100, Stages(aec=True)).shape == (frames,)
    assert process(sound, sound, 11_025, Stages(ns_db=6)).shape == (frames,)


def test_the_delay_of_an_ideal_one_moves_the_recording():
    still = trial(with_canceller(f"{IDEAL}\ndepth_db = 0"), 3.0)
    later = trial(with_canceller(f"{IDEAL}\ndepth_db = 0\ndelay_ms = 25"), 3.0)
    assert later[2].processing_delay_ms == 25
    assert later[2].latency_ms - still[2].latency_ms == pytest.approx(25)
    np.testing.assert_array_equal(later[1][1200:], still[1][:-1200])


def test_the_sounds_of_long_past_trials_are_let_go(monkeypatch):
    monkeypatch.setattr("device_probes.virtual.phone._KEPT_BYTES", 200_000)
    phone = with_canceller(IDEAL)
    first, second = (trial(phone, 3.0, voice(3.0, 8000, seed), rate_hz=8000)[2] for seed in (1, 2))
    assert first.echo.erle_db == pytest.approx(40, abs=0.05)
    assert second.echo.erle_db == pytest.approx(40, abs=0.05)
    assert not np.array_equal(first.echo.clean_echo, second.echo.clean_echo)
    trial(phone, 3.0, rate_hz=8000)
    with pytest.raises(LookupError, match="trial 0 are no longer kept"):
        _ = phone.truths[0].echo
    assert phone.truths[2].echo.erle_db == pytest.approx(40, abs=0.05)


def test_a_phone_that_keeps_no_sounds():
    phone = with_canceller(IDEAL)
    phone.keeps_sounds = False
    truth = trial(phone, 2.0)[2]
    with pytest.raises(LookupError, match="no longer kept"):
        _ = truth.echo
