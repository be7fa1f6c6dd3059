"""D2, G4 and G5 on virtual phones, from the plan to the verdict, against the truth."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalogue_runs import HEAD, number, phone, run_test

from db import queries
from db.store import Store
from device_probes.virtual import Clock
from device_probes.virtual.coding import median_ms
from device_probes.virtual.driver import VirtualDriver, fleet_from_toml
from profiler.bench import run_bench
from profiler.catalogue import TrialOptions
from profiler.model import CodecFindings, CodecRequest, TestResult, TrialRecord, Verdict
from profiler.plan import BenchPlan

STREAMS = "[phone.streams]\n"


def pitches(result: TestResult) -> list[float]:
    return [m.value for m in result.measurements if m.name.startswith("pitch_ratio[")]


# --- D2 ------------------------------------------------------------------------------------------


def test_d2_a_mono_stream_that_holds_two_channels_fails() -> None:
    with phone(STREAMS + "mono_is_stereo = [{}]\n[phone.noise]\nwhite_dbfs = -50\n") as (d, facts):
        result, records = run_test(d, facts, "D2")
        truths = d.phone.truths
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("channels_wrong",))
    assert pitches(result) == pytest.approx([t.pitch_ratio for t in truths], rel=1e-4)
    assert {r.request.input_channels for r in records} == {1, 2}
    assert {t.pitch_ratio for t in truths if t.request.input_channels == 2} == {1.0}


def test_d2_finds_it_where_only_the_call_preset_is_wrong() -> None:
    where = "mono_is_stereo = [{ presets = ['voice_communication'] }]\n"
    with phone(STREAMS + where) as (driver, facts):
        result, _ = run_test(driver, facts, "D2")
        truths = driver.phone.truths
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("channels_wrong",))
    assert sorted(pitches(result)) == pytest.approx(sorted(t.pitch_ratio for t in truths), rel=1e-4)
    assert min(pitches(result)) == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize(
    ("channels", "apart_db"), [("separate", -3.0), ("swapped", 3.0), ("duplicated", None)]
)
def test_d2_two_channels_are_described_not_judged(channels: str, apart_db: float | None) -> None:
    with phone(STREAMS + f"channels = '{channels}'\n", seed=5) as (driver, facts):
        result, _ = run_test(driver, facts, "D2")
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    apart = [m.value for m in result.measurements if m.name.startswith("channel_difference_db[")]
    if apart_db is None:
        assert apart == []
        assert "the same signal in both" in result.text
    else:
        assert apart
        assert apart == pytest.approx([apart_db] * len(apart), abs=0.1)


def test_d2_a_dead_second_channel_is_marginal() -> None:
    with phone(STREAMS + "channels = 'first_only'\n") as (driver, facts):
        result, _ = run_test(driver, facts, "D2")
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("channels_wrong",))
    assert "channel 2 of 2 is dead" in result.text


# --- G4 ------------------------------------------------------------------------------------------

BUFFERS = "[phone.buffers]\nsafe_bursts = 2\n"
COOL = TrialOptions(seed=11, tests=("G4",), rates_hz=(16_000,))
"""The lowest rate this phone grants: a third of the work."""


def test_g4_heat_that_needs_a_larger_buffer_fails() -> None:
    with phone(BUFFERS + "heat_bursts = 3\nheat_after_min = 9\n") as (driver, facts):
        result, records = run_test(driver, facts, "G4", COOL)
        truths = driver.phone.truths
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("heats_up",))
    assert number(result, "glitches_per_min[soak=first]") == 0.0
    tones = [t for t, r in zip(truths, records, strict=True) if r.setup.analysis == "glitches"]
    last = tones[-(len(tones) // 3) :]
    per_minute = sum(t.buffer_glitches for t in last) / sum(t.request.duration_s / 60 for t in last)
    assert number(result, "glitches_per_min[soak=last]") == pytest.approx(per_minute, rel=0.05)
    seconds = sum(t.request.duration_s + t.request.warmup_s for t in truths)
    assert 14 * 60 <= seconds <= 20 * 60  # and half a second for each of 30 opens


def test_g4_a_phone_that_bears_it_passes() -> None:
    with phone(BUFFERS) as (driver, facts):
        result, _ = run_test(driver, facts, "G4", COOL)
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "latency_step_ms") == pytest.approx(0.0, abs=0.01)
    assert number(result, "glitches_per_min_ub95[soak=last]") < 0.75


# --- G5 ------------------------------------------------------------------------------------------


def coded(tmp_path: Path, android: str) -> tuple[TestResult, list[TrialRecord], VirtualDriver]:
    """One run of G5 on the bench."""
    head = HEAD.format(seed=3, head="", latency="api_ms = { aaudio = 60.0 }\nspread = 'none'")
    (driver,) = fleet_from_toml(head + android, "codec").drivers(Clock(float("inf")))
    with Store.open(str(tmp_path / "codec.db")) as store:
        outcome = run_bench(BenchPlan(suite="custom", tests=("G5",)), [driver], store)
        (device,) = outcome.devices
        (result,) = device.results
        records = queries.trials_of(store, result.run_uuid)
    return result, records, driver


def coder(encode_ms: float, decode_ms: float) -> str:
    names = "opus_encoders = ['c2.e']\nopus_decoders = ['c2.d']\n"
    return f"[phone.android]\n{names}opus_encode_ms = {encode_ms}\nopus_decode_ms = {decode_ms}\n"


@pytest.mark.parametrize(
    ("encode_ms", "complexity", "verdict"),
    # Medians are 0.5, 1 and 1.5 times this; 95 % stay below 1.25 times the median, and a tenth of
    # a frame is 2 ms.
    [(0.5, 10, Verdict.PASS), (1.3, 5, Verdict.PASS), (2.4, 0, Verdict.PASS), (16.0, None, "not")],
)
def test_g5_recommends_what_the_phone_can_code(
    tmp_path: Path, encode_ms: float, complexity: int | None, verdict: Verdict | str
) -> None:
    result, records, driver = coded(tmp_path, coder(encode_ms, 0.3))
    assert {r.setup.codec.paced for r in records if r.setup.codec} == {True, False}
    found = [m.value for m in result.measurements if m.name == "opus_complexity"]
    assert found == ([] if complexity is None else [complexity])
    if complexity is None:
        assert (result.verdict is Verdict.PASS, "codec_slow" in result.reasons) == (False, True)
    else:
        assert (result.verdict, result.reasons) == (verdict, ())
    for record in records:
        assert record.setup.codec is not None
        assert isinstance(record.findings, CodecFindings)
        assert record.findings.cost.encode_ms is not None
        truth, _ = median_ms(driver.phone.spec, record.setup.codec)
        assert record.findings.cost.encode_ms.p50 == pytest.approx(truth, rel=0.05)


def test_g5_a_phone_without_a_coder_has_no_number(tmp_path: Path) -> None:
    result, _, driver = coded(tmp_path, "[phone.android]\nopus_encoders = []\nopus_decoders = []\n")
    assert result.verdict in (Verdict.NOT_MEASURABLE, Verdict.SKIPPED)
    assert result.measurements == ()
    assert median_ms(driver.phone.spec, CodecRequest())[0] > 0
