"""Echo levels against the truth of a small simulation, and recordings that hold none."""

from __future__ import annotations

import numpy as np
import pytest
from echo_sim import Phone, record
from scipy import signal

from profiler.analysis import Take as AnalysedTake
from profiler.analysis import read_take
from profiler.analysis.echo import measure_echo
from profiler.errors import InputError
from profiler.model import EchoFindings, Reason, TrialSetup, Verdict
from profiler.stimulus import noise, render, speech
from profiler.wav import Audio, mono_audio

RATE_HZ = 16_000


def _measured(phone: Phone, seed: int = 1) -> tuple[EchoFindings, float]:
    take = record(phone, seed, 12.0)
    found = measure_echo(take.audio, take.far)
    return found, take.left_dbfs(found.settled_s)


@pytest.mark.parametrize("depth_db", [0.0, 4.0, 20.0, 30.0, 38.0])
def test_the_level_is_that_of_the_echo_down_to_the_noise(depth_db: float) -> None:
    found, truth = _measured(Phone(canceller="ideal", depth_db=depth_db))
    assert found.verdict is Verdict.PASS
    assert found.delay_ms == pytest.approx(80, abs=3)
    assert found.echo_level_dbfs == pytest.approx(truth, abs=0.7)
    assert found.echo_level_low_dbfs - 0.7 <= truth <= found.echo_level_bound_dbfs + 0.7  # type: ignore[operator]
    assert found.noise_dbfs == pytest.approx(-65 + 10 * np.log10(3600 / 8000), abs=0.5)


@pytest.mark.parametrize("delay_ms", [3.0, 400.0, 1400.0])
def test_the_delay_is_found_anywhere(delay_ms: float) -> None:
    found, truth = _measured(Phone(delay_ms=delay_ms), seed=3)
    assert found.delay_ms == pytest.approx(delay_ms, abs=4)
    assert found.echo_level_dbfs == pytest.approx(truth, abs=0.7)


def test_drift_moves_nothing() -> None:
    found, truth = _measured(Phone(drift_ppm=180, canceller="ideal", depth_db=35), seed=4)
    assert found.echo_level_dbfs == pytest.approx(truth, abs=1.0)


def test_an_echo_far_below_the_noise_is_only_a_bound() -> None:
    found, truth = _measured(Phone(canceller="ideal", depth_db=70))
    assert found.echo_level_dbfs is None
    assert found.echo_level_low_dbfs is None
    assert str(Reason.BELOW_NOISE) in found.reasons
    assert found.verdict is Verdict.MARGINAL
    assert truth < found.coherent_bound_dbfs < found.echo_level_bound_dbfs < found.noise_dbfs  # type: ignore[operator]


def test_a_real_canceller_leaves_nothing_to_hear() -> None:
    found, truth = _measured(Phone(canceller="aec3"))
    assert found.echo_level_dbfs is None
    assert truth < found.echo_level_bound_dbfs  # type: ignore[operator]
    assert all(span.end_s <= found.settled_s for span in found.voice)
    assert found.voice_margin_db > 5  # type: ignore[operator]


def test_what_an_overdriven_loudspeaker_leaves_is_seen_although_it_is_not_coherent() -> None:
    found, truth = _measured(Phone(canceller="aec3", drive=4.0, level_dbfs=-22), seed=0)
    assert found.echo_level_dbfs == pytest.approx(truth, abs=1.0)
    assert found.voice_margin_db < 0  # type: ignore[operator]


def test_a_canceller_beyond_its_reach_is_seen_through_suppressor_and_gain_control() -> None:
    found, truth = _measured(Phone(canceller="aec3", delay_ms=650, ns=True, agc=True))
    assert found.echo_level_dbfs == pytest.approx(truth, abs=1.0)
    assert found.voice


def test_rates_may_differ() -> None:
    take = record(Phone(), 2, 12.0)
    at_44 = signal.resample_poly(take.audio.samples[:, 0], 441, 160)
    found = measure_echo(mono_audio(at_44, 44_100), take.far)
    assert found.echo_level_dbfs == pytest.approx(take.left_dbfs(found.settled_s), abs=0.7)
    odd = measure_echo(Audio(take.audio.samples, 16_001), take.far)
    assert odd.echo_level_dbfs == pytest.approx(take.left_dbfs(found.settled_s), abs=1.0)


def test_somebody_else_who_speaks_is_no_echo() -> None:
    take = record(Phone(canceller="ideal", depth_db=60), 5)
    other = render(speech(RATE_HZ, 77, 19.0, languages=("ar",)), RATE_HZ) * np.float32(0.01)
    heard = take.audio.samples[:, 0].copy()
    heard[: other.size] += np.roll(other, 9000)
    found = measure_echo(mono_audio(heard, RATE_HZ), take.far)
    assert found.echo_level_dbfs is None or found.echo_level_dbfs < -62


def test_clipping_is_said() -> None:
    take = record(Phone(level_dbfs=-8.0), 1, 12.0)
    found = measure_echo(
        mono_audio(np.clip(take.audio.samples[:, 0], -0.2, 0.2), RATE_HZ), take.far
    )
    assert str(Reason.CLIPPED) in found.reasons
    assert found.echo_level_dbfs is not None


def test_lost_frames_cost_little() -> None:
    take = record(Phone(canceller="ideal", depth_db=20), 1)
    heard = take.audio.samples[:, 0].copy()
    for at in range(20_000, heard.size - 1000, 24_000):
        heard[at : at + 160] = 0
    found = measure_echo(mono_audio(heard, RATE_HZ), take.far)
    assert found.echo_level_dbfs == pytest.approx(take.left_dbfs(found.settled_s), abs=1.0)


def test_a_far_end_without_pauses_still_gives_a_level() -> None:
    far = render(noise(3, RATE_HZ, 12.0, colour="pink"), RATE_HZ).astype(np.float64)
    heard = 0.05 * np.roll(far, 1600) + 1e-4 * np.random.default_rng(0).standard_normal(far.size)
    found = measure_echo(mono_audio(heard, RATE_HZ), mono_audio(far, RATE_HZ))
    assert found.noise_dbfs is None
    expected = 10 * np.log10(np.mean(signal.sosfilt(
        signal.butter(6, [200, 3800], "band", fs=RATE_HZ, output="sos"), heard) ** 2))  # fmt: skip
    assert found.echo_level_dbfs == pytest.approx(expected, abs=0.7)


GOOD = record(Phone(), 1, 9.0)


def _bad() -> dict[str, tuple[Audio, Audio, Reason]]:
    samples, far = GOOD.audio.samples, GOOD.far
    nan = samples.copy()
    nan[::7] = np.nan
    empty = Audio(np.zeros((0, 1), np.float32), RATE_HZ)
    return {
        "silence": (Audio(np.zeros_like(samples), RATE_HZ), far, Reason.SILENT_CAPTURE),
        "nan": (Audio(nan, RATE_HZ), far, Reason.NON_FINITE),
        "empty": (empty, far, Reason.TOO_SHORT),
        "empty far end": (GOOD.audio, empty, Reason.TOO_SHORT),
        "short": (Audio(samples[:20_000], RATE_HZ), far, Reason.TOO_SHORT),
        "silent far end": (
            GOOD.audio, Audio(np.zeros_like(far.samples), RATE_HZ), Reason.NO_STIMULUS,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(_bad()))
def test_an_unusable_recording_is_a_verdict(name: str) -> None:
    audio, far, reason = _bad()[name]
    found = measure_echo(audio, far)
    assert found.verdict is Verdict.NOT_MEASURABLE
    assert found.reasons == (str(reason),)
    assert found.echo_level_dbfs is None


@pytest.mark.parametrize("seed", range(6))
def test_odd_samples_never_crash(seed: int) -> None:
    rng = np.random.default_rng(seed)
    heard = GOOD.audio.samples[: rng.integers(1, GOOD.audio.frames)].copy()
    where = rng.integers(0, heard.shape[0], 5)
    heard[where] = rng.choice([np.nan, np.inf, -np.inf, 1e30, -3e38], (5, 1))
    far = GOOD.far.samples.copy()
    far[rng.integers(0, far.shape[0], 3)] = np.inf
    found = measure_echo(Audio(heard, RATE_HZ), Audio(far, RATE_HZ))
    levels = (found.echo_level_dbfs, found.echo_level_bound_dbfs, found.voice_margin_db)
    assert all(x is None or np.isfinite(x) for x in levels)


def test_a_constant_recording_is_no_echo() -> None:
    found = measure_echo(mono_audio(np.full(160_000, 0.3), RATE_HZ), GOOD.far)
    assert found.echo_level_dbfs is None


def test_the_take_places_the_far_end_where_it_was_played() -> None:
    take = record(Phone(), 1, 12.0)
    late = np.pad(take.audio.samples[:, 0], (RATE_HZ, 0))
    setup = TrialSetup(analysis="echo", at_s=(1.0,))
    reading = read_take(AnalysedTake(mono_audio(late, RATE_HZ), take.spec, setup))
    assert isinstance(reading.findings, EchoFindings)
    assert reading.findings.delay_ms == pytest.approx(80, abs=3)
    with pytest.raises(InputError):
        read_take(AnalysedTake(take.audio, None, setup))
