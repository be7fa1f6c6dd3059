"""Known near-end speech in a recording: gain, lost blocks, onsets, beside other sound."""

from __future__ import annotations

import numpy as np
import pytest
import sound as bench

from device_probes.virtual.acoustics import Timing, capture
from device_probes.virtual.effects import automatic_gain
from device_probes.virtual.spec import Acoustics
from profiler.analysis import Take, read_take
from profiler.analysis.sound import measure_near_end
from profiler.analysis.sound.voice_search import stretches
from profiler.errors import InputError
from profiler.model import NearEndFindings, PartnerPart, TrialRequest, TrialSetup, Verdict
from profiler.stimulus import noise, render
from profiler.wav import Audio

RATE = 48_000
SPANS = ((0.5, 2.9), (3.4, 5.6), (6.2, 8.4))
VOICE = noise(4, RATE, 9.0, colour="voice", spans_s=SPANS)
KNOWN = render(VOICE, RATE)
ROOM = Acoustics(level_dbfs=-30, rt60_s=0.35, reverb_db=-6, highpass_hz=250)


def heard(*, delay_s: float = 0.8, drift: float = 90.0, seconds: float = 11.0) -> np.ndarray:
    frames = round(seconds * RATE)
    sound = capture(
        KNOWN, RATE, frames, RATE, acoustics=ROOM, timing=Timing(delay_s, drift), room_seed=6
    )
    return sound + (10 ** (-70 / 20) * np.random.default_rng(8).standard_normal(frames)).astype(
        np.float32
    )


def found_in(sound: np.ndarray, *, partner: bool = True) -> NearEndFindings:
    return measure_near_end(Audio(sound[:, None], RATE), KNOWN, RATE, from_partner=partner)


@pytest.mark.parametrize("kind", bench.NEAR_KINDS)
def test_each_disturbance_leaves_the_gain_right(kind: str) -> None:
    score = bench.score_near(21, kind)
    assert score.found.verdict is Verdict.PASS, score.found.reasons
    assert score.delay_error_ms == pytest.approx(0.0, abs=1.5)
    if score.gain_error_db is not None:
        assert score.gain_error_db == pytest.approx(0.0, abs=1.0)
    if score.lost_error is not None:
        assert score.lost_error <= 0.05


def test_halving_the_level_is_six_decibels() -> None:
    sound = heard()
    whole, half = found_in(sound), found_in(0.5 * sound)
    assert whole.speech_gain_db is not None
    assert half.speech_gain_db is not None
    assert whole.speech_gain_db - half.speech_gain_db == pytest.approx(6.02, abs=0.02)
    assert whole.speech_dbfs is not None
    assert half.speech_dbfs is not None
    assert whole.speech_dbfs - half.speech_dbfs == pytest.approx(6.02, abs=0.05)


def test_a_partner_may_have_begun_earlier() -> None:
    found = found_in(heard(delay_s=-0.4, drift=-140))
    assert found.delay_ms == pytest.approx(-400, abs=1.0)
    assert found.verdict is Verdict.PASS


def test_gated_stretches_are_counted_as_lost() -> None:
    sound = heard()
    gated = sound.copy()
    truth = 0.0
    active = 0.0
    for begin, end in SPANS:
        lost = (begin + 0.8, begin + 1.5)  # 0.7 s of each
        gated[round((lost[0] + 0.8) * RATE) : round((lost[1] + 0.8) * RATE)] *= 0.02
        truth += lost[1] - lost[0]
        active += end - begin
    found = found_in(gated)
    assert found.lost_fraction == pytest.approx(truth / active, abs=0.06)
    assert found_in(sound).lost_fraction == 0.0


def test_clipped_onsets_are_timed() -> None:
    sound = heard()
    for begin, _ in stretches(KNOWN.astype(float), RATE):
        first = round((begin + 0.8) * RATE)
        sound[first : first + round(0.16 * RATE)] *= 0.02
    found = found_in(sound)
    assert found.onset_lost_ms == pytest.approx(160, abs=45)
    assert found_in(heard()).onset_lost_ms == 0.0


def test_gain_control_shows_in_the_gain_over_time() -> None:
    sound = heard()
    loud = automatic_gain(sound.copy(), RATE, 18.0)
    before = [g for g in found_in(sound).gain_db if g is not None]
    after = [g for g in found_in(loud).gain_db if g is not None]
    assert np.ptp(before) < 8
    assert np.median(after) - np.median(before) > 6


def test_the_noise_is_that_of_the_pauses() -> None:
    found = found_in(heard())
    # -70 dBFS over 24 kHz leaves a third of its power in the 8 kHz that are looked at.
    assert found.noise_dbfs == pytest.approx(-74.8, abs=1.5)


def refusal(sound: np.ndarray, *, partner: bool = False) -> str:
    found = found_in(sound.astype(np.float32), partner=partner)
    assert found.verdict is Verdict.NOT_MEASURABLE
    assert (found.speech_gain_db, found.gain_db, found.lost_fraction) == (None, (), None)
    (reason,) = found.reasons
    return reason


def test_what_holds_no_voice_is_refused() -> None:
    rng = np.random.default_rng(3)
    frames = 9 * RATE
    assert refusal(np.zeros(frames)) == "silent_capture"
    assert refusal(np.full(frames, np.inf)) == "non_finite"
    assert refusal(np.full(frames, 1e20)) == "non_finite"
    assert refusal(0.02 * rng.standard_normal(frames)) == "no_stimulus"
    assert refusal(0.02 * rng.standard_normal(frames), partner=True) == "partner_unheard"
    other = render(noise(77, RATE, 9.0, colour="voice", spans_s=SPANS), RATE)
    assert refusal(other + 1e-4 * rng.standard_normal(frames), partner=True) == "partner_unheard"
    assert refusal(np.full(frames, 0.3)) == "no_stimulus"
    assert refusal(0.02 * rng.standard_normal(400)) == "no_stimulus"


def test_a_silent_or_absurd_voice_is_refused() -> None:
    sound = heard()
    audio = Audio(sound[:, None], RATE)
    nothing = measure_near_end(audio, np.zeros(RATE, np.float32), RATE, from_partner=False)
    assert nothing.reasons == ("no_stimulus",)
    short = measure_near_end(audio, KNOWN[:10], RATE, from_partner=False)
    assert short.verdict is Verdict.NOT_MEASURABLE


def test_the_take_says_who_speaks() -> None:
    sound = heard(delay_s=0.8)
    part = PartnerPart(TrialRequest(), VOICE, (0.5,))
    setup = TrialSetup(analysis="near_end", partner=part, at_s=())
    reading = read_take(Take(Audio(sound[:, None], RATE), None, setup))
    assert isinstance(reading.findings, NearEndFindings)
    assert reading.findings.delay_ms == pytest.approx(300, abs=1.0)
    own = heard(delay_s=0.05, drift=0.0)
    alone = TrialSetup(analysis="near_end")
    reading = read_take(Take(Audio(own[:, None], RATE), VOICE, alone))
    assert isinstance(reading.findings, NearEndFindings)
    assert reading.findings.delay_ms == pytest.approx(50, abs=0.5)
    with pytest.raises(InputError, match="known voice"):
        read_take(Take(Audio(own[:, None], RATE), None, alone))
