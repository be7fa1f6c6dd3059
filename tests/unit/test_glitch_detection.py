"""Glitches of a tone: made one by one, and a fixed part of the bench's corpus."""

from __future__ import annotations

import numpy as np
import pytest
import tones
from glitches import Score, score

from profiler.analysis.glitches import find_glitches
from profiler.model import Glitch, GlitchFindings
from profiler.stimulus import tone
from profiler.wav import mono_audio

RATE = 48_000
HZ = 857.0
PERIOD = RATE / HZ
AT = 2 * RATE


def sine(seconds: float = 4.0, *, rate: int = RATE, hz: float = HZ, snr_db: float = 40.0):
    """A tone of peak 0.3 in white noise, float64."""
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(5).standard_normal(t.size)
    return 0.3 * (np.sin(2 * np.pi * hz * t) + np.sqrt(0.5) * 10 ** (-snr_db / 20) * noise)


def edited(x: np.ndarray, kind: str, frames: int, at: int = AT) -> np.ndarray:
    gap = np.zeros(frames)
    match kind:
        case "hole":
            return np.concatenate([x[:at], gap, x[at + frames :]])
        case "insert":
            return np.concatenate([x[:at], gap, x[at:]])
        case "skip":
            return np.concatenate([x[:at], x[at + frames :]])
        case _:
            return np.concatenate([x[:at], x[at - frames : at], x[at:]])


def read(x: np.ndarray, *, rate: int = RATE, hz: float = HZ) -> GlitchFindings:
    audio = mono_audio(x.astype(np.float32), rate)
    return find_glitches(audio, tone(rate, audio.duration_s, freq_hz=hz))


def counted(found: GlitchFindings) -> list[Glitch]:
    return [g for g in found.glitches if g.glitch != "noise"]


def test_a_clean_tone_has_none() -> None:
    found = read(sine())
    assert (found.verdict, found.reasons, found.glitches) == ("pass", (), ())
    assert found.analysed_s == pytest.approx(3.88, abs=0.05)
    assert found.pitch_ratio == pytest.approx(1.0, abs=1e-6)
    assert found.tone_snr_db == pytest.approx(40.0, abs=0.5)
    assert found.tone_dbfs == pytest.approx(20 * np.log10(0.3) - 3.01, abs=0.05)
    assert found.phase_jitter_rad is not None
    assert found.phase_jitter_rad < 0.01


@pytest.mark.parametrize("kind", ["hole", "insert", "skip", "repeat"])
@pytest.mark.parametrize("frames", [32, 97, 480, 1920])
def test_one_glitch_is_found_named_and_measured(kind: str, frames: int) -> None:
    (only,) = counted(read(edited(sine(), kind, frames)))
    assert only.glitch == kind
    assert only.time_s == pytest.approx(2.0, abs=0.002)
    wanted_ms = 0.0 if kind == "skip" else frames / RATE * 1000
    assert only.duration_ms == pytest.approx(wanted_ms, abs=0.1)
    shift = {"hole": 0, "skip": -(frames % PERIOD)}.get(kind, frames)
    assert only.shift_frames == pytest.approx(shift, abs=0.6)


@pytest.mark.parametrize("snr_db", [20.0, 60.0])
@pytest.mark.parametrize("frames", [48, 1920])
def test_holes_of_one_and_forty_milliseconds_in_noise(snr_db: float, frames: int) -> None:
    (only,) = counted(read(edited(sine(snr_db=snr_db), "hole", frames)))
    assert only.glitch == "hole"
    assert only.duration_ms == pytest.approx(frames / 48, abs=0.3)


@pytest.mark.parametrize("frames", [56, 112, 1008])
def test_a_repeat_of_whole_periods_shows_as_a_copy(frames: int) -> None:
    (only,) = counted(read(edited(sine(), "repeat", frames)))
    assert (only.glitch, only.shift_frames) == ("repeat", frames)


@pytest.mark.parametrize("frames", [53, 59, 109, 1011])
def test_a_skip_of_nearly_whole_periods(frames: int) -> None:
    (only,) = counted(read(edited(sine(snr_db=30.0), "skip", frames)))
    assert only.glitch == "skip"


def test_glitches_apart_count_each_and_nearer_ones_once() -> None:
    x = sine()
    for at_ms in (1000, 1070, 1150, 2000, 2030, 3000):
        at = at_ms * 48
        x[at : at + 480] = 0
    found = counted(read(x))
    assert [round(g.time_s, 2) for g in found] == [1.0, 1.07, 1.15, 2.0, 3.0]
    assert found[3].duration_ms == pytest.approx(40.0, abs=1.0)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 96_000])
def test_any_rate(rate: int) -> None:
    x = edited(sine(rate=rate, snr_db=35.0), "hole", rate // 200, 2 * rate)
    (only,) = counted(read(x, rate=rate))
    assert only.glitch == "hole"
    assert only.duration_ms == pytest.approx(5.0, abs=0.4)


def test_drift_and_wander_of_the_clock_are_no_glitches() -> None:
    t = np.arange(8 * RATE) / RATE
    late = 100e-6 * np.sin(2 * np.pi * t / 2.0) + 200e-6 * t
    noise = 0.003 * np.random.default_rng(1).standard_normal(t.size)
    found = read(0.3 * np.sin(2 * np.pi * HZ * (t - late)) + noise)
    assert found.glitches == ()
    assert found.pitch_ratio == pytest.approx(1 - 200e-6, abs=40e-6)


def test_level_wander_and_a_gain_control_at_the_start_are_no_glitches() -> None:
    x = sine(8.0)
    t = np.arange(x.size) / RATE
    x *= 10 ** ((6 * np.sin(2 * np.pi * t / 3.0) + 12 * np.exp(-t / 0.08)) / 20)
    assert counted(read(np.clip(x, -1, 1))) == []


def test_silence_around_and_a_late_start() -> None:
    x = np.concatenate([np.zeros(40_000), sine(), np.zeros(30_000)])
    x += 1e-4 * np.random.default_rng(2).standard_normal(x.size)
    audio = mono_audio(x.astype(np.float32), RATE)
    found = find_glitches(audio, tone(RATE, 1.0), whole=False)
    assert (found.verdict, found.glitches) == ("pass", ())
    assert found.analysed_s == pytest.approx(3.88, abs=0.05)


def test_hum_louder_than_the_tone() -> None:
    x = edited(sine(), "skip", 480)
    t = np.arange(x.size) / RATE
    x += sum(0.4 / k * np.sin(2 * np.pi * 50 * k * t) for k in (1, 2, 3))
    assert [g.glitch for g in counted(read(0.5 * x))] == ["skip"]


def test_a_door_is_a_noise_and_no_glitch() -> None:
    x = sine(6.0)
    rng = np.random.default_rng(3)
    for at_s in (1.5, 3.0, 4.5):
        x += 0.5 * tones.click(x.size, RATE, at_s, rng)
    found = read(np.clip(x, -1, 1))
    assert counted(found) == []
    assert len(found.glitches) >= 1
    assert "glitches" not in found.reasons


def test_a_voice_in_the_room_makes_no_glitches() -> None:
    x = sine(8.0)
    x += 0.03 * tones.voice(x.size, RATE, np.random.default_rng(4))
    found = read(x)
    assert counted(found) == []
    assert found.verdict == "pass"


@pytest.mark.parametrize(
    ("ratio", "hz"),
    [(0.5, HZ / 2), (2.0, 2 * HZ), (44_100 / 48_000, HZ * 0.91875), (1.004, 860.43)],
)
def test_a_wrong_pitch_is_told(ratio: float, hz: float) -> None:
    found = read(sine(hz=hz))
    assert found.pitch_ratio == pytest.approx(ratio, rel=1e-4)
    assert found.reasons == ("pitch_error",)


def test_a_tone_that_goes_away_is_lost() -> None:
    x = sine(10.0)
    x[4 * RATE : 6 * RATE] *= 1e-4
    found = read(x)
    assert "tone_lost" in found.reasons
    (hole,) = counted(found)
    assert hole.duration_ms == pytest.approx(2000, abs=200)
    ended = sine(10.0)
    ended[7 * RATE :] *= 1e-4
    assert "tone_lost" in read(ended).reasons
    ended[3 * RATE :] *= 1e-4
    assert (read(ended).verdict, read(ended).reasons) == ("not_measurable", ("tone_lost",))


@pytest.mark.parametrize("seed", range(12))
def test_recordings_without_the_tone_are_refused(seed: int) -> None:
    audio = tones.make_empty(900 + seed)
    found = find_glitches(audio, tone(audio.rate_hz, audio.duration_s - 0.5))
    assert found.verdict == "not_measurable"
    assert set(found.reasons) <= {"tone_lost", "low_snr"}
    assert (found.glitches, found.analysed_s) == ((), 0.0)


def test_a_fixed_part_of_the_corpus() -> None:
    total = Score()
    for flavour in (tones.PLAIN, tones.HOSTILE):
        for seed in range(6_000, 6_004):
            case = tones.make_case(seed, flavour)
            total += score(case, find_glitches(case.audio, case.spec))
    assert total.refused == 0
    assert total.precision >= 0.98
    assert total.recall >= 0.98
    assert total.found > 40
