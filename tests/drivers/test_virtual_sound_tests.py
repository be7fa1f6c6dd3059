"""L6, L7, L8 and the V tests on virtual phones, from the plan to the verdict, against the truth."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from catalogue_runs import HEAD, number, phone, run_test

from db import queries
from db.store import Store
from device_probes.driver import pace_of
from device_probes.virtual import Clock
from device_probes.virtual.driver import fleet_from_toml
from profiler.bench import run_bench
from profiler.catalogue import TrialOptions
from profiler.model import NearEndFindings, Verdict
from profiler.plan import BenchPlan, PartnerPlan

EVERY_RATE = "[phone.streams]\nrates_hz = [8000, 16000, 24000, 44100, 48000]\n"


def test_l6_wakes_up_as_late_as_the_phone_does() -> None:
    tables = "[phone.start]\nfirst_input_ms = 100\nfirst_nonzero_ms = 400\nlater_extra_ms = 600\n"
    with phone(tables) as (driver, facts):
        result, records = run_test(driver, facts, "L6")
        first, *_, last = driver.phone.truths
    assert first.start is not None
    assert last.start is not None
    assert len(records) == 5
    # The own sound is heard from the first sample that is not 0 on.
    assert number(result, "cold_start_ms[start=first]") == pytest.approx(
        first.start.first_nonzero_ms, abs=2
    )
    assert number(result, "cold_start_ms[start=later]") == pytest.approx(
        last.start.first_nonzero_ms, abs=2
    )
    assert number(result, "first_nonzero_ms[start=first]") == pytest.approx(400, abs=2)
    assert result.verdict is Verdict.FAIL
    assert "input_lost_at_start" in result.reasons


def test_l6_a_late_loudspeaker_is_bounded() -> None:
    with phone("[phone.start]\nfirst_output_ms = 500\n") as (driver, facts):
        result, _ = run_test(driver, facts, "L6")
        truth = driver.phone.truths[0]
    assert truth.start is not None
    (lost,) = [m for m in result.measurements if m.name == "input_lost_ms[start=first]"]
    assert lost.sigma is not None
    assert abs(lost.value - truth.start.output_lost_ms) <= 2 * 1.645 * lost.sigma
    with phone() as (driver, facts):
        quick, _ = run_test(driver, facts, "L6")
    assert (quick.verdict, quick.reasons) == (Verdict.PASS, ())


def test_l6_rests_on_the_phones_own_clock(tmp_path: Path) -> None:
    text = HEAD.format(seed=3, head="", latency="api_ms = { aaudio = 62.5 }\nspread = 'none'")
    (driver,) = fleet_from_toml(text, "rest").drivers(Clock(float("inf")))
    assert pace_of(driver) == float("inf")
    with Store.open(str(tmp_path / "rest.db")) as store:
        outcome = run_bench(BenchPlan(suite="custom", tests=("L6",)), [driver], store)
    (device,) = outcome.devices
    (result,) = device.results
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "starts[start=first]") == 1
    assert number(result, "starts[start=later]") == 4


def test_l7_finds_the_converter_the_wrong_rate_and_the_dead_one() -> None:
    tables = EVERY_RATE + "wrong_rates_hz = [[24000, 16000]]\nsilent_rates_hz = [8000]\n"
    latency = "api_ms = { aaudio = 62.5 }\nspread = 'none'\nrate_extra_ms = [[16000, 200.0]]"
    with phone(tables, latency=latency) as (driver, facts):
        result, records = run_test(driver, facts, "L7")
        by_rate = {t.request.rate_hz: t for t in driver.phone.truths}
    assert len(records) == 5
    added = by_rate[16_000].latency_ms - by_rate[48_000].latency_ms
    assert number(result, "added_ms[rate=16000]") == pytest.approx(added, abs=0.1)
    assert number(result, "added_ms[rate=44100]") == pytest.approx(0.0, abs=0.1)
    truth = by_rate[24_000].pitch_ratio
    assert truth == pytest.approx(1.5)
    assert number(result, "pitch_error_percent[rate=24000]") == pytest.approx(
        100 * (truth - 1), abs=0.005
    )
    assert number(result, "pitch_error_percent[rate=48000]") < 0.002
    assert number(result, "zero_run_ms[rate=8000]") > 3000
    assert result.verdict is Verdict.FAIL
    assert {"rate_adds_delay", "pitch_error", "zero_run"} <= set(result.reasons)
    with phone(EVERY_RATE) as (driver, facts):
        clean, _ = run_test(driver, facts, "L7")
    assert (clean.verdict, clean.reasons) == (Verdict.PASS, ())


def test_l8_finds_the_dead_preset_and_measures_the_others() -> None:
    with phone("[phone.streams]\nsilent = [{ presets = ['unprocessed'] }]\n") as (driver, facts):
        result, _ = run_test(driver, facts, "L8")
        truth = driver.phone.truths[0]
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("silent_capture",))
    assert number(result, "rtl_ms[preset=generic]") == pytest.approx(truth.latency_ms, abs=0.01)
    # -26 dBFS of a sweep whose RMS is 0.9 / sqrt(2).
    assert number(result, "gain_db[preset=camcorder]") == pytest.approx(-22.1, abs=0.3)
    assert number(result, "noise_dbfs[preset=generic]") == pytest.approx(-80, abs=0.5)


@pytest.mark.parametrize("depth_db", [3.0, 12.0, 20.0])
def test_l8_levels_differ_as_the_presets_do(depth_db: float) -> None:
    """One preset has a canceller that takes exactly so much of the phone's own sound."""
    tables = (
        "[phone.processing]\naec = 'always'\n"
        f"[phone.processing.canceller]\nkind = 'ideal'\ndepth_db = {depth_db}\n"
        "works_only_in = { presets = ['voice_communication'] }\n"
    )
    with phone(tables) as (driver, facts):
        result, _ = run_test(driver, facts, "L8")
        truths = {t.request.input_preset: t for t in driver.phone.truths}
        echo = truths["voice_communication"].echo
    level_db = {p: number(result, f"gain_db[preset={p}]") for p in truths}
    apart_db = {p: level - level_db["generic"] for p, level in level_db.items()}
    assert apart_db.pop("voice_communication") == pytest.approx(-depth_db, abs=0.1)
    assert list(apart_db.values()) == pytest.approx([0.0] * len(apart_db), abs=0.1)
    assert echo.erle_db == pytest.approx(depth_db, abs=0.1), "the truth of the trial says so, too"
    full_dbfs = 20 * math.log10(0.9 / math.sqrt(2))
    assert level_db["generic"] == pytest.approx(-26 - full_dbfs, abs=0.3)


def test_v5_band_edges_noise_and_distortion() -> None:
    tables = (
        "[phone.acoustics]\nlevel_dbfs = -20\ndrive = 1.0\ncapture_band_hz = [150, 3500]\n"
        "[phone.noise]\nwhite_dbfs = -72\n"
    )
    with phone(tables) as (driver, facts):
        result, _ = run_test(driver, facts, "V5")
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("narrow_voice_band",))
    assert number(result, "edge_hi_hz[mode=media]") == pytest.approx(3530, rel=0.03)
    assert number(result, "edge_lo_hz[mode=media]") == pytest.approx(150, rel=0.08)
    assert number(result, "noise_dbfs[mode=media]") == pytest.approx(-72, abs=0.5)
    assert number(result, "thd_percent[mode=media]") > 1.0


def test_v4_a_phone_that_clips() -> None:
    with phone("[phone.acoustics]\nlevel_dbfs = 6\n") as (driver, facts):
        loud, _ = run_test(driver, facts, "V4")
    assert (loud.verdict, "clipped" in loud.reasons) == (Verdict.FAIL, True)
    with phone("[phone.acoustics]\nlevel_dbfs = -30\n") as (driver, facts):
        soft, _ = run_test(driver, facts, "V4")
    assert (soft.verdict, soft.reasons) == (Verdict.PASS, ())


def test_v2_levels_follow_the_volume() -> None:
    with phone() as (driver, facts):
        result, _ = run_test(driver, facts, "V2")
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    half = number(result, "gain_db[config=media, volume 0.5]")
    full = number(result, "gain_db[config=media, volume 1]")
    assert full - half == pytest.approx(6.02, abs=0.1)


def test_v3_and_v6_see_gain_control_and_suppression() -> None:
    tables = "[phone.noise]\nwhite_dbfs = -50\n[phone.acoustics]\nlevel_dbfs = -18\n"
    with phone(tables) as (driver, facts):
        agc, _ = run_test(driver, facts, "V3")
        ns, _ = run_test(driver, facts, "V6")
    assert number(agc, "gain_range_db") > 3
    assert agc.verdict is not Verdict.NOT_MEASURABLE
    assert number(ns, "noise_attenuation_db") > 6
    assert number(ns, "attenuation_db") == pytest.approx(0.0, abs=1.0)
    assert ns.verdict is Verdict.PASS


@pytest.mark.parametrize("keeps_it", [False, True])
def test_v6_alone_does_not_pass_when_the_canceller_stays_on(keeps_it: bool) -> None:
    tables = (
        "[phone.noise]\nwhite_dbfs = -50\n[phone.acoustics]\nlevel_dbfs = -18\n"
        f"[phone.processing]\naec = '{'always' if keeps_it else 'on_request'}'\n"
        "[phone.processing.canceller]\nkind = 'ideal'\ndepth_db = 10\n"
    )
    with phone(tables) as (driver, facts):
        result, _ = run_test(driver, facts, "V6")
        assert {t.aec for t in driver.phone.truths} == {keeps_it}
    assert result.verdict is (Verdict.MARGINAL if keeps_it else Verdict.PASS)
    assert ("erle_baseline_not_aec_off" in result.reasons) == keeps_it


def test_l1_measures_every_path() -> None:
    latency = (
        "api_ms = { aaudio = 40.0, java = 130.0 }\ncommunication_extra_ms = 55\nspread = 'none'"
    )
    with phone(latency=latency) as (driver, facts):
        result, _ = run_test(driver, facts, "L1", TrialOptions(seed=1, tests=("L1",), repeats=5))
        truths = driver.phone.truths
    assert result.verdict is Verdict.PASS
    assert number(result, "rtl_ms") == pytest.approx(truths[0].latency_ms, abs=0.01)
    calls = "rtl_ms[path=default/communication/voice_communication/speaker]"
    assert number(result, calls) == pytest.approx(truths[5].latency_ms, abs=0.01)
    assert number(result, "rtl_ms[path=java/media/default/speaker]") == pytest.approx(
        truths[10].latency_ms, abs=0.01
    )


@pytest.mark.parametrize(
    ("claims", "trusted"), [("honest", 1.0), ("early", 0.0), ("jitter", 0.0), ("stuck", 0.0)]
)
def test_l3_timestamps_that_lie_are_found(claims: str, trusted: float) -> None:
    options = TrialOptions(seed=1, tests=("L3",), short=True, brief=True)
    with phone(f"[phone.reported]\ntimestamps = '{claims}'\n") as (driver, facts):
        result, _ = run_test(driver, facts, "L3", options)
    assert number(result, "timestamps_trusted") == trusted
    assert ("timestamps_untrusted" in result.reasons) == (not trusted)


def test_v6_with_a_partner_that_speaks_through_the_air(tmp_path: Path) -> None:
    """Two phones of one zone, clocks apart: one speaks, the other listens and hisses itself."""
    listener = HEAD.format(
        seed=3, head='zone = "desk"', latency="api_ms = { aaudio = 62.5 }\nspread = 'none'"
    )
    speaker = listener[listener.index("[[phone]]") :].replace('"S1"', '"S2"')
    zone = '[[zone]]\nname = "desk"\ndistance_m = 0.4\n'
    fleet = fleet_from_toml(
        listener + "[phone.clock]\nppm = 20\n" + speaker + "[phone.clock]\nppm = -60\n" + zone,
        "air",
    )
    plan = BenchPlan(
        suite="custom", tests=("V6",), partner=PartnerPlan(probe="virtual", serial="S2")
    )
    with Store.open(str(tmp_path / "air.db")) as store:
        outcome = run_bench(plan, fleet.drivers(Clock(15.0)), store)
        (device,) = outcome.devices
        (result,) = device.results
        trials = queries.trials(store, queries.Filter())
    assert result.verdict in {Verdict.PASS, Verdict.MARGINAL}, result.text
    assert number(result, "noise_attenuation_db") > 3
    assert abs(number(result, "attenuation_db")) < 6
    for trial in trials:
        assert trial.partner is not None
        assert isinstance(trial.findings, NearEndFindings)
        assert trial.findings.onset_lost_ms == 0.0
