"""The two-way exchange against exact truth, with the real canceller where it matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exchange import without_exchange
from exchange_sim import Exchange, Scene, processing_delay_s, random_scene, simulate

from profiler.analysis.exchange import measure_exchange
from profiler.analysis.takes import Take, read_take
from profiler.errors import InputError
from profiler.model import (
    ExchangeFindings,
    Geometry,
    PartnerPart,
    TrialRequest,
    TrialSetup,
    Verdict,
)
from profiler.stimulus import exchange_schedule, tone
from profiler.wav import Audio, mono_audio

SHORT = exchange_schedule(11, short=True)
PLAIN = Scene(schedule=SHORT, effects="", rt60_s=0.0)


@pytest.fixture(scope="module")
def plain() -> Exchange:
    return simulate(PLAIN)


def measured(scene: Scene, heard: Exchange) -> ExchangeFindings:
    return measure_exchange(heard.audio_a, heard.audio_b, scene.schedule, scene.geometry)


def error_us(scene: Scene) -> tuple[float, ExchangeFindings]:
    heard = simulate(scene)
    f = measured(scene, heard)
    assert f.round_trip_latency_ms is not None, f.reasons
    return 1000 * (f.round_trip_latency_ms - 1000 * heard.latency_s), f


@pytest.mark.parametrize("seed", [3_100_000, 3_100_001, 3_100_002, 3_100_003, 3_100_004])
def test_the_real_canceller_is_seen_through(seed: int) -> None:
    scene = random_scene(seed)
    error, f = error_us(scene)
    assert abs(error) < 150
    assert abs(error) < 4 * (f.uncertainty_us or 0) + 10  # EQ: the definition's own limit
    assert f.confidence > 0.8
    assert f.skew_ppm == pytest.approx(scene.skew_ppm, abs=0.3)
    assert min(f.trains_a, f.trains_b) >= 2


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_the_processing_has_a_delay_of_its_own(rate_hz: int) -> None:
    # AEC_ON.md: 8 and 14 ms at 16 kHz; band filters add 1 ms at 48 kHz.
    more = 0.001 if rate_hz == 48_000 else 0.0
    assert processing_delay_s("aec", rate_hz) == pytest.approx(0.008 + more, abs=1e-4)
    assert processing_delay_s("aec+ns+agc", rate_hz) == pytest.approx(0.014 + more, abs=1e-4)


@pytest.mark.parametrize("offset_s", [-2.4, -0.9, 0.0, 1.3, 2.4])
def test_any_offset_gives_the_same_latency(offset_s: float) -> None:
    error, f = error_us(replace(PLAIN, offset_s=offset_s))
    assert abs(error) < 5
    assert f.verdict is Verdict.PASS


@pytest.mark.parametrize("offset_s", [-9.3, 6.0, 9.4])
def test_the_long_schedule_reaches_far(offset_s: float) -> None:
    scene = replace(PLAIN, schedule=exchange_schedule(11), offset_s=offset_s)
    error, f = error_us(scene)
    assert abs(error) < 5
    assert min(f.trains_a, f.trains_b) >= 3


def test_out_of_reach_is_refused() -> None:
    scene = replace(PLAIN, offset_s=8.0)
    f = measured(scene, simulate(scene))
    assert f.round_trip_latency_ms is None
    assert set(f.reasons) & {"few_exchanges", "partner_unheard"}


def test_the_skew_is_positive_when_a_runs_fast() -> None:
    _, f = error_us(replace(PLAIN, skew_ppm=120.0))
    assert f.skew_ppm == pytest.approx(120.0, abs=0.1)


def test_two_clocks_of_a_are_told_apart() -> None:
    error, f = error_us(replace(PLAIN, own_drift_ppm=80.0, skew_ppm=-50.0))
    assert abs(error) < 10
    assert f.own_drift_ppm == pytest.approx(80.0, abs=0.2)


def test_a_clock_that_is_none_is_refused() -> None:
    scene = replace(PLAIN, skew_ppm=430.0)
    f = measured(scene, simulate(scene))
    assert f.verdict is Verdict.NOT_MEASURABLE
    assert set(f.reasons) & {"implausible_drift", "few_exchanges", "partner_unheard"}


def test_unknown_distances_stay_in_the_latency() -> None:
    scene = replace(PLAIN, geometry=Geometry(0.6, 0.2))
    heard = simulate(scene)
    f = measure_exchange(heard.audio_a, heard.audio_b, scene.schedule)
    assert f.round_trip_latency_ms is not None
    air_ms = 1000 * (2 * 0.6 - 0.2) / 343
    assert f.round_trip_latency_ms - 1000 * heard.latency_s == pytest.approx(air_ms, abs=0.01)


def test_effects_off_gives_the_one_device_latency_too() -> None:
    _, f = error_us(PLAIN)
    own_ms = 1000 * (PLAIN.latency_s + PLAIN.own_distance_m / 343)
    assert f.own_round_trip_ms == pytest.approx(own_ms, abs=0.01)
    assert f.self_echo_db == pytest.approx(PLAIN.own_db - PLAIN.far_db, abs=1)


def test_a_canceller_hides_a_from_itself() -> None:
    scene = replace(PLAIN, effects="aec", latency_s=0.06, rt60_s=0.2)
    _, f = error_us(scene)
    assert f.own_round_trip_ms is None
    assert f.self_echo_bound_db is not None
    assert f.self_echo_bound_db < scene.own_db - scene.far_db - 10


def test_polarity_does_not_matter() -> None:
    error, _ = error_us(replace(PLAIN, inverted=True))
    assert abs(error) < 5


def test_rates_may_differ_from_the_plan() -> None:
    error, _ = error_us(replace(PLAIN, rate_a_hz=44_100, rate_b_hz=16_000))
    assert abs(error) < 10


@pytest.mark.parametrize(
    ("what", "reasons"),
    [
        ("swapped", {"ambiguous_peak"}),
        ("other plan", {"ambiguous_peak", "partner_unheard", "no_stimulus", "few_exchanges"}),
        ("partner mute", {"partner_unheard", "no_stimulus"}),
        ("device mute", {"partner_unheard"}),
        ("noise", {"partner_unheard", "no_stimulus"}),
    ],
)
def test_what_is_no_exchange_is_refused(what: str, reasons: set[str]) -> None:
    f = without_exchange(6045 if what == "other plan" else 3_100_020, what)
    assert f.verdict is Verdict.NOT_MEASURABLE
    assert (f.round_trip_latency_ms, f.uncertainty_us) == (None, None)
    assert set(f.reasons) <= reasons
    assert f.reasons


def test_recordings_of_two_sessions_are_refused_while_a_hears_itself() -> None:
    one, other = simulate(PLAIN), simulate(replace(PLAIN, offset_s=0.9))
    f = measure_exchange(one.audio_a, other.audio_b, SHORT, PLAIN.geometry)
    assert set(f.reasons) <= {"ambiguous_peak", "negative_latency"}
    assert f.verdict is Verdict.NOT_MEASURABLE


@pytest.mark.parametrize("side", ["a", "b"])
@pytest.mark.parametrize("cut_s", [2.5, 4.2, 5.5, 8.3, 11.5])
def test_an_edited_timeline_is_refused_or_right(plain: Exchange, side: str, cut_s: float) -> None:
    """A recording loses 30 ms between the trains, or in one."""
    heard = plain
    whole = heard.audio_a if side == "a" else heard.audio_b
    cut = round(cut_s * 48_000)
    kept = Audio(np.delete(whole.samples, np.s_[cut : cut + 1440], axis=0), 48_000)
    pair = (kept, heard.audio_b) if side == "a" else (heard.audio_a, kept)
    f = measure_exchange(*pair, SHORT, PLAIN.geometry)
    if f.round_trip_latency_ms is not None:
        assert f.round_trip_latency_ms == pytest.approx(1000 * heard.latency_s, abs=0.1)


@pytest.mark.parametrize(
    "spoil", ["silent", "nan", "short", "empty", "clipped", "huge", "constant"]
)
@pytest.mark.parametrize("side", ["a", "b"])
def test_odd_recordings_never_raise(plain: Exchange, spoil: str, side: str) -> None:
    heard = plain
    x = (heard.audio_a if side == "a" else heard.audio_b).samples.copy()
    bad = {
        "silent": np.zeros_like(x),
        "nan": np.where(np.arange(x.size)[:, None] == 99, np.float32(np.nan), x),
        "short": x[: 48_000 * 2],
        "empty": x[:0],
        "clipped": np.clip(100 * x, -0.5, 0.5),
        "huge": x * np.float32(1e30),
        "constant": np.full_like(x, 0.25),
    }[spoil]
    audio = Audio(bad.astype(np.float32), 48_000)
    pair = (audio, heard.audio_b) if side == "a" else (heard.audio_a, audio)
    f = measure_exchange(*pair, SHORT, PLAIN.geometry)
    if spoil == "huge":  # a factor changes nothing
        assert f.round_trip_latency_ms == pytest.approx(1000 * heard.latency_s, abs=0.05)
    else:
        assert f.verdict is Verdict.NOT_MEASURABLE
        assert f.reasons


def test_the_door_reads_an_exchange() -> None:
    heard = simulate(PLAIN)
    part = PartnerPart(TrialRequest(), SHORT.train_b, SHORT.at_b_s)
    setup = TrialSetup("exchange", at_s=SHORT.at_a_s, partner=part, geometry=PLAIN.geometry)
    reading = read_take(Take(heard.audio_a, SHORT.train_a, setup, heard.audio_b))
    assert reading.verdict is Verdict.PASS
    assert isinstance(reading.findings, ExchangeFindings)
    assert reading.findings == measured(PLAIN, heard)
    for take in (
        Take(heard.audio_a, SHORT.train_a, setup),
        Take(heard.audio_a, SHORT.train_a, replace(setup, partner=None), heard.audio_b),
        Take(heard.audio_a, tone(48_000, 1.0), setup, heard.audio_b),
        Take(
            mono_audio(np.zeros(9), 48_000), SHORT.train_a, replace(setup, at_s=()), heard.audio_b
        ),
    ):
        with pytest.raises(InputError):
            read_take(take)
