"""One recording, drawn: what is shown is what is in the samples and in the record."""

from __future__ import annotations

import base64
import io
import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import store_records as records
from dashboard_charts import checked

from dashboard.pages.evidence import TESTS
from dashboard.views import evidence_charts as charts
from dashboard.views import evidence_correlation as matching
from dashboard.views import evidence_signal as signal
from dashboard.views import evidence_words as words
from profiler.catalogue import TESTS as CATALOGUE
from profiler.model import (
    Dropout,
    EffectReport,
    EffectState,
    GrantedStream,
    Jump,
    TrialRequest,
    Verdict,
)
from profiler.stimulus import make_train, render_train
from profiler.summary.reason_words import REASON_WORDS
from profiler.wav import Audio, mono_audio

RATE = 48_000
REASONS = Path(__file__).parents[2] / "docs" / "reasons.md"


def sound(x: np.ndarray, rate: int = RATE) -> signal.Sound:
    return signal.channel_of(mono_audio(x, rate), 0)


def delayed(latency_s: float, drift_ppm: float = 0.0, noise: float = 0.001) -> np.ndarray:
    """A train of chirps as it comes back, with a weaker reflection 4 ms later."""
    spec = make_train(3)
    played = render_train(spec, RATE).astype(float)
    at = np.arange(played.size + RATE) / RATE
    source = (at - latency_s) / (1.0 + drift_ppm * 1e-6)
    x = np.interp(source, np.arange(played.size) / RATE, played, left=0, right=0)
    x += 0.4 * np.interp(source - 0.004, np.arange(played.size) / RATE, played, left=0, right=0)
    return 0.3 * x + noise * np.random.default_rng(1).normal(size=x.size)


# -- the samples --------------------------------------------------------------------------------


def test_no_peak_is_lost_in_the_envelope_of_a_minute() -> None:
    x = np.zeros(60 * RATE)
    x[1_234_567], x[2_000_001] = 0.9, -0.8
    made = signal.envelope(sound(x))
    assert made.time_s.size <= signal.COLUMNS
    assert made.high.max() == pytest.approx(0.9)
    assert made.low.min() == pytest.approx(-0.8)
    at = made.time_s[int(made.high.argmax())]
    assert abs(at - 1_234_567 / RATE) <= 60 / signal.COLUMNS


@pytest.mark.parametrize("frames", [0, 1, 2, 5])
def test_tiny_recordings_have_an_envelope(frames: int) -> None:
    made = signal.envelope(sound(np.full(frames, 0.5)))
    assert made.high.size == frames
    assert signal.spectrogram(sound(np.full(frames, 0.5))) is None


def test_clipped_places_and_zeros_are_found_where_they_are() -> None:
    x = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    x[10_000:10_050] = 1.0
    x[20_000:20_480] = 0.0
    audio = mono_audio(x, RATE)
    found = signal.runs(audio, signal.channel_of(audio, 0))
    (clipped,) = [r for r in found if r.kind == "clipped"]
    (zeros,) = [r for r in found if r.kind == "zeros"]
    assert clipped.begin_s == pytest.approx(10_000 / RATE)
    assert clipped.end_s == pytest.approx(10_050 / RATE)
    assert zeros.begin_s == pytest.approx(20_000 / RATE, abs=2 / RATE)
    assert zeros.end_s == pytest.approx(20_480 / RATE, abs=2 / RATE)


def test_zeros_of_one_channel_alone_are_no_run() -> None:
    both = np.zeros((RATE, 2), np.float32)
    both[:, 1] = 0.1
    audio = Audio(both, RATE)
    assert not signal.runs(audio, signal.channel_of(audio, 0))


def test_nan_inf_and_eight_channels_are_drawn() -> None:
    many = np.random.default_rng(2).normal(scale=0.1, size=(RATE, 8)).astype(np.float32)
    many[100, 7], many[200, 7], many[300, 0] = np.nan, np.inf, np.nan
    picked = signal.channel_of(Audio(many, RATE), 7)
    assert picked.non_finite == 2
    assert np.isfinite(picked.samples).all()
    assert picked.samples[100] == 0
    assert signal.channel_of(Audio(many, RATE), 99).samples.size == RATE
    made = signal.playable(picked, normalised=True)
    assert made is not None
    heard, _ = soundfile.read(io.BytesIO(made.wav))
    assert np.isfinite(heard).all()


def test_silence_has_no_spectrogram() -> None:
    assert signal.spectrogram(sound(np.zeros(2 * RATE))) is None


def test_the_spectrogram_is_a_small_picture_with_the_tone_in_its_row() -> None:
    t = np.arange(3 * RATE) / RATE
    made = signal.spectrogram(sound(0.25 * np.sin(2 * np.pi * 1000 * t)))
    assert made is not None
    png = base64.b64decode(made.png.partition(",")[2])
    assert png.startswith(b"\x89PNG")
    assert len(png) < 400_000
    assert made.top_dbfs == pytest.approx(-12.0, abs=1.5)  # amplitude 0.25; Hann's scallops
    begin = png.index(b"IDAT")
    size = int.from_bytes(png[begin - 4 : begin], "big")
    rows = np.frombuffer(zlib.decompress(png[begin + 4 : begin + 4 + size]), np.uint8)
    pixels = rows.reshape(signal.SPECTRUM_ROWS, -1)[::-1, 1:]  # lowest frequency first
    brightest = int(pixels.mean(axis=1).argmax())
    edges = np.geomspace(made.low_hz, made.high_hz, signal.SPECTRUM_ROWS + 1)
    assert edges[brightest - 1] <= 1000 <= edges[brightest + 2]
    assert pixels[0].max() == 0
    assert (made.low_hz, made.high_hz) == (signal.F_LOW_HZ, RATE / 2)


def test_the_louder_copy_is_louder_and_never_clips() -> None:
    quiet = 0.01 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    loud, original = (signal.playable(sound(quiet), normalised=n) for n in (True, False))
    assert loud is not None
    assert original is not None
    x, rate = soundfile.read(io.BytesIO(loud.wav))
    assert rate == RATE
    rms_db = 20 * np.log10(np.sqrt(np.mean(x**2)))
    assert rms_db == pytest.approx(signal.PLAY_RMS_DBFS, abs=0.1)
    assert loud.gain_db == pytest.approx(rms_db - 20 * np.log10(0.01 / np.sqrt(2)), abs=0.1)
    assert original.gain_db == 0
    spike = quiet.copy()
    spike[5] = 0.9
    peaky = signal.playable(sound(spike), normalised=True)
    assert peaky is not None
    assert np.abs(soundfile.read(io.BytesIO(peaky.wav))[0]).max() <= signal.PLAY_PEAK + 1e-3
    assert signal.playable(sound(np.zeros(100)), normalised=True) is None


def test_only_the_first_part_of_a_long_recording_is_played() -> None:
    made = signal.playable(sound(np.full(200 * 8000, 0.1), 8000), normalised=False)
    assert made is not None
    assert made.cut
    assert soundfile.info(io.BytesIO(made.wav)).duration == signal.MAX_PLAY_S


# -- correlation --------------------------------------------------------------------------------


@pytest.mark.parametrize(("latency_ms", "drift_ppm"), [(43.21, 0.0), (180.0, 200.0)])
def test_the_correlation_peaks_at_the_latency(latency_ms: float, drift_ppm: float) -> None:
    spec = make_train(3)
    x = sound(delayed(latency_ms / 1000, drift_ppm))
    near = matching.correlation(
        x, spec, (0.0,), drift_ppm=drift_ppm, around_ms=latency_ms
    )  # fmt: skip
    assert near is not None
    assert near.chirps == 8
    assert near.lag_ms[int(near.level_db.argmax())] == pytest.approx(latency_ms, abs=0.06)
    wide = matching.correlation(x, spec, (0.0,), drift_ppm=drift_ppm)
    assert wide is not None
    assert wide.lag_ms.size <= matching.MAX_POINTS
    assert wide.lag_ms[-1] > 2000
    assert wide.lag_ms[int(wide.level_db.argmax())] == pytest.approx(latency_ms, abs=0.06)
    assert wide.floor_db < -25


def test_without_the_stimulus_nothing_stands_out() -> None:
    noise = np.random.default_rng(4).normal(scale=0.05, size=8 * RATE)
    found = matching.correlation(sound(noise), make_train(3), (0.0,))
    assert found is not None
    assert found.floor_db > -12
    assert matching.correlation(sound(np.zeros(8 * RATE)), make_train(3), (0.0,)) is None
    assert matching.correlation(sound(np.ones(100)), make_train(3), (0.0,)) is None


def test_every_chirp_is_heard_along_the_recording() -> None:
    spec = make_train(3)
    found = matching.heard(sound(delayed(0.05)), spec)
    assert found is not None
    assert found.time_s.size <= matching.MAX_POINTS
    for start in spec.starts_s:
        near = np.abs(found.time_s - start - 0.05) < 0.02
        assert found.level_db[near].max() > -3


# -- charts -------------------------------------------------------------------------------------


def test_the_fitted_line_goes_through_the_chirps_whichever_stretch_was_reported() -> None:
    times = tuple(0.5 * i for i in range(40))
    jumps = (Jump(5.0, 12.0), Jump(11.0, -20.0))
    ms = tuple(60.0 + 0.01 * t + 12.0 * (t >= 4.93) - 20.0 * (t >= 10.93) for t in times)
    # The third stretch is the first that is long enough: its latency at t = 0 is the result.
    estimate = records.estimate(
        52.0, drift_ppm=10.0, uncertainty_us=8.0, jumps=jumps, per_chirp_ms=ms,
        per_chirp_time_s=times, dropouts=(Dropout(5.0, 12.0, "insert"),),
    )  # fmt: skip
    made = checked(charts.per_chirp(estimate))
    line = next(rows for rows in made["datasets"].values() if "low" in rows[0])
    for t, want in ((0.0, 60.0), (19.5, 52.195)):
        nearest = min(line, key=lambda row: abs(row["t"] - t))
        assert nearest["ms"] == pytest.approx(want, abs=0.02)
        assert nearest["high"] - nearest["low"] == pytest.approx(2 * 1.96 * 0.008, rel=1e-6)


def test_charts_of_every_kind_of_estimate() -> None:
    assert charts.per_chirp(records.estimate(None)) is None
    x = sound(delayed(0.04))
    wave, marks = signal.envelope(x), [signal.Run("clipped", 0.1, 0.1001)]
    made = checked(charts.waveform(wave, marks, x.duration_s, (Dropout(1.0, 20.0, "hole"),)))
    assert "full scale" in str(made)
    picture = signal.spectrogram(x)
    assert picture is not None
    assert "frequency, Hz" in str(checked(charts.spectrogram_chart(picture)))
    match = matching.correlation(x, make_train(3), (0.0,), around_ms=40.0)
    assert match is not None
    found = str(checked(charts.correlation_chart(match, records.estimate(40.0))))
    assert "stored arrival: 40.000 ms, 95 % 39.990 … 40.010 ms" in found, "as the band is drawn"
    refused = replace(records.estimate(None), candidate_latency_ms=41.0)
    assert "no result" in str(checked(charts.correlation_chart(match, refused)))
    assert "arrival" not in str(checked(charts.correlation_chart(match, None)))


# -- words --------------------------------------------------------------------------------------


def test_reasons_are_those_of_the_page() -> None:
    rows = [
        line for line in REASONS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    told = {}
    for row in rows:
        names, _, said = row.strip("| ").partition(" | ")
        said = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"docs/\1", said).replace("`", "")
        told.update(dict.fromkeys(re.findall(r"`(\w+)`", names), said))
    assert dict(REASON_WORDS) == told


def test_every_test_of_the_catalogue_can_be_chosen() -> None:
    assert set(TESTS) == set(CATALOGUE)


def test_what_was_not_granted_is_marked() -> None:
    given = GrantedStream(44_100, 2, frames_per_burst=192, buffer_frames=384, sharing="shared")
    trial = records.trial(
        request=TrialRequest(sharing="exclusive", rate_hz=48_000, aec=EffectState.OFF),
        report=records.report(
            output=given, input=given,
            effects={"aec": EffectReport(EffectState.ON, "uuid", "vendor")},
        ),
    )  # fmt: skip
    table = words.states_frame(trial).set_index("what")
    assert table.loc["sharing", "granted"] == "≠ shared"
    assert table.loc["rate, output / input", "granted"] == "≠ 44.1 kHz"
    assert table.loc["AEC", "reported"] == "≠ on (by vendor)"
    assert table.loc["round trip", "reported"] == "30.00 ms"
    assert table.loc["round trip", "measured"] == "40.000 ± 0.005 ms"
    assert table.loc["route, output / input", "granted"] == "–"


def test_a_trial_without_anything_has_words_too() -> None:
    trial = records.trial(
        estimate=None, report=None, stimulus=None, verdict=Verdict.ERROR, reasons=("x", "x"),
    )  # fmt: skip
    assert words.headline(trial) == "no number"
    assert [(r.code, r.words) for r in words.reasons(trial)] == [("x", "")]
    assert not words.states_frame(trial).empty
    assert words.trial_json(trial).startswith(b'{"trial_uuid"')


def test_former_analyses_end_with_the_present_one() -> None:
    table = words.superseded_frame([records.estimate(39.0), None], records.trial())
    assert list(table["analysis"]) == ["1", "2", "now"]
    assert table["round trip"][2] == "40.000 ± 0.005 ms"
