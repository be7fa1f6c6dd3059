"""Response, edges, noise and distortion from one sweep, against paths whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import sound as bench

from device_probes.virtual.acoustics import Timing, capture
from device_probes.virtual.spec import Acoustics
from profiler.analysis import Take, read_take
from profiler.analysis.sound import measure_sound
from profiler.catalogue.trains import preset_train, response_sweep
from profiler.errors import InputError
from profiler.model import Reason, SoundFindings, TrialSetup, Verdict
from profiler.stimulus import noise, render
from profiler.wav import Audio

RATE = 48_000
SPEC = response_sweep(5, RATE)
PLAYED = render(SPEC, RATE)


def heard(
    acoustics: Acoustics,
    *,
    noise_dbfs: float = -80.0,
    rate: int = RATE,
    latency_s: float = 0.06,
    drift: float = 0.0,
) -> Audio:
    frames = round(SPEC.duration_s * rate)
    sound = capture(
        PLAYED, RATE, frames, rate, acoustics=acoustics, timing=Timing(latency_s, drift),
        room_seed=3,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    sound = sound + (10 ** (noise_dbfs / 20) * rng.standard_normal(frames)).astype(np.float32)
    return Audio(np.clip(sound, -1, 1)[:, None], rate)


def at(found: SoundFindings, hz: float) -> float:
    return found.response_db[int(np.argmin(np.abs(np.array(found.bands_hz) - hz)))]


def test_a_flat_path_is_flat_and_quiet() -> None:
    found = measure_sound(heard(Acoustics()), SPEC)
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    assert np.ptp(found.response_db) < 0.15
    # -26 dBFS of a sweep whose RMS is 0.9 / sqrt(2).
    assert at(found, 1000) == pytest.approx(-22.07, abs=0.05)
    assert found.noise_dbfs == pytest.approx(-80.0, abs=0.2)
    assert found.delay_ms == pytest.approx(60.0, abs=0.05)
    assert found.edge_lo_hz is not None
    assert found.edge_lo_hz < 90
    assert found.edge_hi_hz is not None
    assert found.edge_hi_hz > 18_000
    assert found.thd_percent is None
    assert found.thd_bound_percent is not None
    assert found.thd_bound_percent < 0.2
    assert len(found.noise_bands_dbfs) == len(found.bands_hz)
    # White noise: 12.6 kHz has 10 dB more in its band than 1.26 kHz.
    tenfold = found.noise_bands_dbfs[-2] - found.noise_bands_dbfs[-12]
    assert tenfold == pytest.approx(10.0, abs=0.7)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_drawn_paths_meet_their_truth(seed: int) -> None:
    score = bench.score_path(seed)
    assert float(np.quantile(score.band_db, 0.95)) < 0.5
    assert all(e < 12 for e in score.edge_percent)  # a shallow slope crosses anywhere near
    assert score.noise_db < 0.5
    assert score.thd_ratio is None or score.thd_ratio == pytest.approx(1.0, abs=0.15)
    assert score.thd_bound_holds


def test_telephone_and_wideband_edges() -> None:
    narrow = measure_sound(heard(Acoustics(capture_band_hz=(300, 3400))), SPEC)
    assert narrow.edge_lo_hz == pytest.approx(295, rel=0.04)
    assert narrow.edge_hi_hz == pytest.approx(3420, rel=0.03)
    wide = measure_sound(heard(Acoustics(), rate=16_000, drift=120), SPEC)
    assert wide.edge_hi_hz == pytest.approx(7000, rel=0.05)


def test_a_notch_is_no_edge() -> None:
    notched = Acoustics(resonances=((2800.0, 12.0, -30.0),))
    found = measure_sound(heard(notched), SPEC)
    assert found.edge_hi_hz is not None
    assert found.edge_hi_hz > 15_000


def test_noise_hides_an_edge_and_says_so() -> None:
    found = measure_sound(heard(Acoustics(level_dbfs=-26), noise_dbfs=-27), SPEC)
    assert found.verdict is Verdict.MARGINAL
    assert "low_snr" in found.reasons
    assert found.edge_hi_hz is None


def test_distortion_in_noise_becomes_a_bound() -> None:
    quiet = measure_sound(heard(Acoustics(drive=1.0)), SPEC)
    assert quiet.thd_percent == pytest.approx(1.96, rel=0.05)
    noisy = measure_sound(heard(Acoustics(drive=0.3), noise_dbfs=-50), SPEC)
    assert noisy.thd_percent is None
    assert noisy.thd_bound_percent is not None
    assert noisy.thd_bound_percent > 0.18


def test_clipping_is_said() -> None:
    found = measure_sound(heard(Acoustics(level_dbfs=8)), SPEC)
    assert "clipped" in found.reasons


def refusal(samples: np.ndarray, rate: int = RATE) -> str:
    found = measure_sound(Audio(samples.astype(np.float32), rate), SPEC)
    assert found.verdict is Verdict.NOT_MEASURABLE
    assert (found.response_db, found.edge_hi_hz, found.thd_percent) == ((), None, None)
    (reason,) = found.reasons
    return reason


def test_what_holds_no_sweep_is_refused() -> None:
    rng = np.random.default_rng(2)
    frames = round(SPEC.duration_s * RATE)
    assert refusal(np.zeros((frames, 1))) == "silent_capture"
    assert refusal(np.zeros((0, 1))) == "silent_capture"
    assert refusal(np.full((frames, 1), np.nan)) == "non_finite"
    assert refusal(np.full((frames, 1), 1e30)) == "non_finite"
    assert refusal(0.1 * rng.standard_normal((RATE, 1))) == "too_short"
    assert refusal(0.1 * rng.standard_normal((frames, 1))) == "no_stimulus"
    hum = 0.3 * np.sin(2 * np.pi * 50 * np.arange(frames) / RATE)
    assert refusal(hum[:, None] + 1e-4 * rng.standard_normal((frames, 1))) == "no_stimulus"
    talk = render(noise(4, RATE, 8.0, colour="voice"), RATE)
    assert refusal(talk[:, None]) == "no_stimulus"
    assert refusal(np.ones((frames, 1))) in {"no_stimulus", "low_snr"}


def test_a_sweep_below_the_noise_gives_no_response() -> None:
    found = measure_sound(heard(Acoustics(level_dbfs=-50), noise_dbfs=-30), SPEC)
    assert found.verdict is Verdict.NOT_MEASURABLE
    assert found.response_db == ()


def test_a_train_gives_latency_and_response_from_one_recording() -> None:
    train = preset_train(9, RATE)
    frames = round((train.duration_s + 1.2) * RATE)
    sound = capture(
        render(train, RATE), RATE, frames, RATE, acoustics=Acoustics(level_dbfs=-20),
        timing=Timing(0.123, 40.0), room_seed=2,
    )  # fmt: skip
    sound += 1e-4 * np.random.default_rng(3).standard_normal(frames).astype(np.float32)
    take = Take(Audio(sound[:, None], RATE), train, TrialSetup(analysis="sound"))
    reading = read_take(take)
    assert reading.estimate is not None
    assert reading.estimate.round_trip_latency_ms == pytest.approx(123.0, abs=0.01)
    assert isinstance(reading.findings, SoundFindings)
    assert at(reading.findings, 1000) == pytest.approx(-16.07, abs=0.3)
    assert reading.findings.noise_dbfs == pytest.approx(-80, abs=0.5)


def test_the_analysis_needs_a_sweep() -> None:
    take = Take(heard(Acoustics()), noise(1, RATE, 2.0), TrialSetup(analysis="sound"))
    with pytest.raises(InputError, match="needs a sweep"):
        read_take(take)
    assert Reason.NO_STIMULUS == "no_stimulus"
