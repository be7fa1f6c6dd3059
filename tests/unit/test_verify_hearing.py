"""What came out against what went in: delay to the millisecond, quality, strays, failures."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from profiler.networks import load_networks
from profiler.verify.bench import NOISE, analyse, material
from profiler.verify.doors.mos import dnsmos, plcmos
from profiler.verify.doors.pesq_score import pesq_wide_band
from profiler.verify.doors.stoi_score import intelligibility
from profiler.verify.echo import EchoFacts, erle_db, software_erle_db
from profiler.verify.hearing import LOW_HZ, WARM_UP_S, fitted, follow
from profiler.verify.job import RATE_HZ, Job, SessionRecord
from profiler.verify.sessions import Failed, run_sessions
from profiler.verify.stack import StackSettings

SECONDS = 8.0


def record(heard: np.ndarray, out_s: float = 0.0) -> SessionRecord:
    pcm = np.clip(heard * 32768, -32768, 32767).astype(np.int16)
    stats = {
        "jitter_buffer_delay": 60.0, "jitter_buffer_target_delay": 50.0,
        "jitter_buffer_emitted_count": 1000.0, "packets_received": 400.0, "packets_lost": 0.0,
        "bytes_received": 32_000.0, "concealed_samples": 10.0, "total_samples_received": 1000.0,
    }  # fmt: skip
    proxy = {"lost": 0, "sent": 400, "steps": {"960": 399}, "types": {"111": 400}, "late_ms": []}
    zero = np.zeros(1)
    return SessionRecord(pcm, out_s, zero, zero, {}, stats, proxy)


def late(samples: np.ndarray, delay_s: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    return np.concatenate([np.zeros(round(delay_s * rate_hz)), samples])


def hiss(size: int, seed: int = 0) -> np.ndarray:
    return NOISE * np.random.default_rng(seed).standard_normal(size)


@pytest.fixture(scope="module")
def said():
    return material(3, SECONDS)


@pytest.fixture(scope="module")
def wave(said) -> np.ndarray:
    return said.samples.astype(float) / 32768


@pytest.mark.parametrize("out_s", [-0.04, 0.0, 0.5])
def test_a_delay_is_found_whenever_the_receiver_began(said, wave, out_s: float):
    cut = late(wave, 0.123)[max(0, round(out_s * RATE_HZ)) :]
    begin = np.concatenate([hiss(round(max(0.0, -out_s) * RATE_HZ)), cut])
    track = follow(said.sent, record(begin, out_s))
    assert track.mean_ms() == pytest.approx(123, abs=0.2)
    assert track.delay_ms.size > 0.8 * track.windows


def test_a_change_of_delay_is_followed(said, wave):
    half = round(5.0 * RATE_HZ)
    heard = late(np.concatenate([wave[:half], hiss(round(0.06 * RATE_HZ)), wave[half:]]), 0.1)
    track = follow(said.sent, record(heard))
    assert np.median(track.delay_ms[track.time_s < 4.4]) == pytest.approx(100, abs=0.2)
    assert np.median(track.delay_ms[track.time_s > 5.2]) == pytest.approx(160, abs=0.2)


def test_silence_and_strangers_give_no_delay(said):
    assert follow(said.sent, record(hiss(RATE_HZ * 6))).mean_ms() is None
    other = material(94, SECONDS).samples.astype(float) / 32768
    assert follow(said.sent, record(late(other, 0.1))).mean_ms() is None


def test_fitted_signals_lie_on_each_other(said, wave):
    made = record(late(wave, 0.2), 0.0)
    clean, heard = fitted(said.sent, made, follow(said.sent, made), said.spans_s)
    assert clean.size == heard.size > 3 * LOW_HZ
    assert np.corrcoef(clean, heard)[0, 1] > 0.999
    assert clean.size <= (SECONDS - WARM_UP_S) * LOW_HZ


def test_losses_lower_every_judged_quality(said, wave):
    good = analyse(said, StackSettings(), record(late(wave, 0.1))).values
    holes = wave.copy()
    for k in np.random.default_rng(1).choice(400, 60, replace=False):
        holes[k * 960 : (k + 1) * 960] = hiss(960)
    bad = analyse(said, StackSettings(), record(late(holes, 0.1))).values
    assert good["pesq"] > 4.4
    assert good["stoi"] > 0.99
    assert bad["pesq"] < good["pesq"] - 1
    assert bad["stoi"] < good["stoi"] - 0.03
    assert bad["plcmos"] < good["plcmos"] - 0.3
    assert good["stack_delay_ms"] == pytest.approx(bad["stack_delay_ms"], abs=1)
    assert good["jitter_buffer_ms"] == pytest.approx(60)
    assert good["bitrate_kbps"] == pytest.approx(32)


def test_every_seed_says_something_else_and_repeats_itself():
    one, again, other = material(1, 5.0), material(1, 5.0), material(2, 5.0)
    assert np.array_equal(one.samples, again.samples)
    assert one.spans_s != other.spans_s
    assert all(0 <= begin < end <= 5.0 for begin, end in one.spans_s)


def test_what_holds_no_speech_has_no_quality():
    empty, quiet = np.zeros(0), np.zeros(LOW_HZ)
    assert pesq_wide_band(quiet, quiet) is None
    assert intelligibility(quiet, quiet) is None
    assert (plcmos(empty), dnsmos(empty)) == (None, None)
    assert math.isfinite(plcmos(quiet) or math.nan)


def test_the_models_say_the_same_every_time(said):
    assert plcmos(said.sent) == plcmos(said.sent)
    assert 1 <= (dnsmos(said.sent) or 0) <= 5


def test_the_real_canceller_follows_40_ms_and_not_700():
    assert software_erle_db(40.0, 20.0, 150, seed=1) > 20
    assert software_erle_db(700.0, 0.0, 500, seed=1) < 10


@pytest.mark.parametrize(
    ("values", "facts", "erle", "words"),
    [
        ({"aec": "hardware"}, EchoFacts(hardware_erle_db=23.0), 23.0, "as measured"),
        ({"aec": "both"}, EchoFacts(hardware_erle_db=23.0), 23.0, "not counted"),
        ({"aec": "hardware"}, EchoFacts(), None, "not measured"),
        ({"aec": "software"}, EchoFacts(), None, "echo delay was not measured"),
        ({"aec": "off"}, EchoFacts(delay_ms=80.0), None, "no canceller"),
        ({}, EchoFacts(delay_ms=80.0), None, "nobody says"),
    ],
)
def test_echo_says_what_was_measured_and_what_was_run(values, facts, erle, words: str):
    found, text = erle_db(values, facts, 1)
    assert found == erle
    assert words in text


def test_filters_that_the_binding_cannot_set_are_said():
    values = {"aec": "software", "aec_delay_hint_ms": 80, "aec_filters": 8}
    found, text = erle_db(values, EchoFacts(delay_ms=80.0), 1)
    assert found is not None
    assert found > 20
    assert "its 5 filters instead of 8" in text


def test_a_session_that_crashes_or_hangs_ends_as_a_reason(tmp_path: Path):
    good = load_networks()["good"]
    samples = tmp_path / "speech.npy"
    np.save(samples, np.zeros((RATE_HZ * 20, 1), np.int16))
    jobs = [
        Job(good, 1, StackSettings(), tmp_path / "absent.npy", 1.0),
        Job(good, 1, StackSettings(), samples, -28.5),  # a deadline that is over at once
    ]
    found = dict(run_sessions(jobs, tmp_path, workers=2, attempts=1))
    assert isinstance(found[0], Failed)
    assert "absent.npy" in found[0].why
    assert isinstance(found[1], Failed)
    assert "did not end within" in found[1].why
