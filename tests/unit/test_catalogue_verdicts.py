"""Trials in, verdicts out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import store_records as make

from profiler.catalogue import judge
from profiler.model import (
    CaptureQuality,
    GrantedStream,
    Jump,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
    Verdict,
)

RUN = "run-1"
QUALITY = CaptureQuality(6.6, -6.0, -20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)


def opens(*latencies_ms: float | None, **changes: Any) -> list[TrialRecord]:
    return [
        make.trial(f"t{i}", index=i, latency_ms=ms, **changes) for i, ms in enumerate(latencies_ms)
    ]


def failed(index: int, verdict: Verdict, reason: Reason, **changes: Any) -> TrialRecord:
    return make.trial(
        f"x{index}",
        index=index,
        verdict=verdict,
        reasons=(str(reason),),
        report=None,
        estimate=None,
        message="why",
        **changes,
    )


def number(result: TestResult, name: str) -> float:
    (value,) = [m.value for m in result.measurements if m.name == name]
    return value


# --- L1 ------------------------------------------------------------------------------------------


def test_l1_passes_a_fast_steady_phone_with_its_numbers() -> None:
    result = judge("L1", RUN, opens(40.0, 41.0, 40.5, 40.2, 40.4))
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "rtl_ms") == 40.4
    assert number(result, "rtl_mad_ms") == pytest.approx(0.2)
    assert (number(result, "rtl_min_ms"), number(result, "rtl_max_ms")) == (40.0, 41.0)
    assert number(result, "rtl_p95_ms") == 41.0
    assert number(result, "opens") == 5
    assert "40.40 ms" in result.text
    assert "5 of 5" in result.text
    assert result.trial_uuids == ("t0", "t1", "t2", "t3", "t4")
    (sigma,) = [m.sigma for m in result.measurements if m.name == "rtl_ms"]
    assert sigma is not None
    assert sigma > 0


@pytest.mark.parametrize(
    ("latencies_ms", "verdict", "reasons"),
    [
        ((48.0, 48.1, 48.2, 48.3, 50.5), Verdict.MARGINAL, ("latency_high",)),
        ((125.0, 125.1, 125.2, 125.3, 125.4), Verdict.FAIL, ("latency_high",)),
        ((119.9, 125.1, 125.2, 125.3, 125.4), Verdict.MARGINAL, ("latency_high",)),
        ((10.0, 14.0, 18.0, 22.0, 26.0), Verdict.MARGINAL, ("latency_spread",)),
        ((44.0, 48.0, 52.0, 56.0, 60.0), Verdict.MARGINAL, ("latency_high", "latency_spread")),
        ((5.0, 6.0, 46.0, 86.0, 88.0), Verdict.FAIL, ("latency_high", "latency_spread")),
    ],
)
def test_l1_limits(
    latencies_ms: tuple[float, ...], verdict: Verdict, reasons: tuple[str, ...]
) -> None:
    result = judge("L1", RUN, opens(*latencies_ms))
    assert (result.verdict, result.reasons) == (verdict, reasons)


def test_l1_claims_nothing_on_fewer_than_five_opens() -> None:
    result = judge("L1", RUN, opens(40.0, 40.1, 40.2, 40.3, None))
    assert result.verdict is Verdict.MARGINAL
    assert result.reasons == ("few_repeats", "no_stimulus")
    assert number(result, "opens_rejected") == 1
    assert judge("L1", RUN, opens(400.0)).verdict is Verdict.MARGINAL


def test_l1_without_a_number_is_not_measurable() -> None:
    result = judge("L1", RUN, opens(None, None, None, None, None))
    assert (result.verdict, result.reasons) == (Verdict.NOT_MEASURABLE, ("no_stimulus",))
    assert result.measurements == ()


def test_l1_errors_outrank_poor_signals_only_when_nothing_was_measured() -> None:
    lost = failed(4, Verdict.ERROR, Reason.DEVICE_LOST)
    assert judge("L1", RUN, [*opens(None, None), lost]).verdict is Verdict.ERROR
    partly = judge("L1", RUN, [*opens(40.0, 40.0, 40.0, 40.0), lost])
    assert partly.verdict is Verdict.MARGINAL
    assert partly.reasons == ("few_repeats", "device_lost")


def test_l1_is_judged_per_volume_and_the_worst_decides() -> None:
    quiet, loud = TrialRequest(volume=0.5), TrialRequest(volume=1.0)
    records = [
        *opens(40.0, 40.1, 40.2, 40.3, 40.4, request=quiet),
        *[make.trial(f"l{i}", index=5 + i, latency_ms=130.0 + i, request=loud) for i in range(5)],
    ]
    result = judge("L1", RUN, records)
    assert result.verdict is Verdict.FAIL
    assert number(result, "rtl_ms[volume=0.5]") == 40.2
    assert number(result, "rtl_ms[volume=1]") == 132.0
    assert "volume 0.5: " in result.text


def test_a_test_without_trials_is_skipped() -> None:
    for test_id in ("L1", "L3", "L4", "L5", "D1"):
        assert judge(test_id, RUN, []).verdict is Verdict.SKIPPED


# --- L3 ------------------------------------------------------------------------------------------


def reporting(total_ms: float | None, **changes: Any) -> Any:
    half = None if total_ms is None else total_ms / 2
    return make.report(reported_output_latency_ms=half, reported_input_latency_ms=half, **changes)


@pytest.mark.parametrize(
    ("reported_ms", "verdict"),
    [(41.0, Verdict.PASS), (30.0, Verdict.MARGINAL), (80.0, Verdict.FAIL), (5.0, Verdict.FAIL)],
)
def test_l3_trusts_a_reported_latency_that_is_the_measured_one(
    reported_ms: float, verdict: Verdict
) -> None:
    records = opens(*[40.0 + i / 10 for i in range(5)], report=reporting(reported_ms))
    result = judge("L3", RUN, records)
    assert result.verdict is verdict
    assert ("timestamps_untrusted" in result.reasons) == (verdict is not Verdict.PASS)


def test_l3_says_so_when_the_system_reports_no_latency() -> None:
    result = judge("L3", RUN, opens(40.0, 40.0, report=reporting(None)))
    assert (result.verdict, result.reasons) == (Verdict.NOT_MEASURABLE, ("no_timestamps",))


def test_l3_lists_what_was_granted_otherwise() -> None:
    granted = GrantedStream(48_000, 1, 96, buffer_frames=384, route="speaker")
    record = make.trial(
        test_id="L3",
        latency_ms=40.0,
        request=TrialRequest(rate_hz=16_000, buffer_bursts=2),
        report=reporting(40.0, output=granted, input=replace(granted, rate_hz=16_000)),
    )
    result = judge("L3", RUN, [record])
    assert result.verdict is Verdict.PASS
    assert result.reasons == ("granted_differs",)
    assert "out rate 16000 → 48000" in result.text
    assert "buffer 192 → 384" in result.text
    assert "in rate" not in result.text
    assert number(result, "grants_that_differ") == 2


def test_l3_counts_refusals_and_is_not_failed_by_them() -> None:
    refused = failed(
        1, Verdict.NOT_MEASURABLE, Reason.RATE_REFUSED, test_id="L3",
        request=TrialRequest(rate_hz=8000),
    )  # fmt: skip
    good = make.trial(test_id="L3", report=reporting(40.5), latency_ms=40.0)
    result = judge("L3", RUN, [good, refused])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ("rate_refused",))
    assert number(result, "variants") == 2
    assert number(result, "variants_refused") == 1


def test_l3_worst_variant_decides() -> None:
    near = make.trial("a", test_id="L3", report=reporting(40.5), latency_ms=40.0)
    far = make.trial(
        "b", test_id="L3", index=1, report=reporting(10.0), latency_ms=90.0,
        request=TrialRequest(performance_mode="none"),
    )  # fmt: skip
    result = judge("L3", RUN, [near, far])
    assert result.verdict is Verdict.FAIL
    assert "-80.0 ms at worst (default 48000 Hz performance none)" in result.text


def test_l3_with_a_trial_that_failed_is_an_error() -> None:
    good = make.trial(test_id="L3", report=reporting(40.5), latency_ms=40.0)
    bad = failed(1, Verdict.ERROR, Reason.PROBE_PROTOCOL, test_id="L3")
    assert judge("L3", RUN, [good, bad]).verdict is Verdict.ERROR


# --- L4, L5 --------------------------------------------------------------------------------------


def minute(per_chirp_ms: list[float], **changes: Any) -> TrialRecord:
    estimate = make.estimate(
        per_chirp_ms[0],
        per_chirp_ms=tuple(per_chirp_ms),
        per_chirp_time_s=tuple(0.5 * i for i in range(len(per_chirp_ms))),
        quality=replace(QUALITY, duration_s=61.6),
        **{"drift_ppm": 0.0, **changes},
    )
    return make.trial(test_id="L4", estimate=estimate)


def test_l4_takes_the_drift_out_before_it_looks_for_wander() -> None:
    drift_ppm = 120.0
    drifting = [50.0 + 0.5 * i * drift_ppm * 1e-3 for i in range(120)]
    result = judge("L4", RUN, [minute(drifting, drift_ppm=drift_ppm)])
    assert result.verdict is Verdict.PASS
    assert number(result, "wander_pp_ms") == pytest.approx(0.0, abs=1e-6)
    assert number(result, "slope_ms_per_min") == pytest.approx(7.2)


@pytest.mark.parametrize(
    ("step_ms", "verdict", "reasons"),
    [
        (4.0, Verdict.PASS, ()),
        (6.0, Verdict.PASS, ("latency_step",)),
        (20.0, Verdict.MARGINAL, ("wander_high", "latency_step")),
        (-30.0, Verdict.MARGINAL, ("wander_high", "latency_step", "clock_wander")),
        (45.0, Verdict.FAIL, ("wander_high", "latency_step", "clock_wander")),
    ],
)
def test_l4_counts_steps_as_wander_and_lists_the_large_ones(
    step_ms: float, verdict: Verdict, reasons: tuple[str, ...]
) -> None:
    path = [50.0] * 60 + [50.0 + step_ms] * 60
    result = judge("L4", RUN, [minute(path, jumps=(Jump(30.0, step_ms),))])
    assert (result.verdict, result.reasons) == (verdict, reasons)
    assert number(result, "wander_pp_ms") == pytest.approx(abs(step_ms))
    if abs(step_ms) > 5:
        assert number(result, "step_ms[t=30.0]") == step_ms
        assert f"{step_ms:+.1f} ms at 30.0 s" in result.text


def test_l4_without_a_trajectory_is_not_measurable() -> None:
    result = judge("L4", RUN, [make.trial(test_id="L4", latency_ms=None)])
    assert (result.verdict, result.reasons) == (Verdict.NOT_MEASURABLE, ("no_stimulus",))


@pytest.mark.parametrize(
    ("ppm", "sigma", "verdict"),
    [
        (12.0, 0.1, Verdict.PASS),
        (-49.0, 0.1, Verdict.PASS),
        (-49.0, 1.0, Verdict.MARGINAL),
        (120.0, 0.1, Verdict.MARGINAL),
        (-201.0, 0.1, Verdict.FAIL),
        (3.0, None, Verdict.MARGINAL),
    ],
)
def test_l5_reads_the_skew_from_l4s_recording(
    ppm: float, sigma: float | None, verdict: Verdict
) -> None:
    record = minute([50.0] * 120, drift_ppm=ppm, drift_sigma_ppm=sigma)
    result = judge("L5", RUN, [record])
    assert result.verdict is verdict
    assert number(result, "skew_ppm") == ppm
    assert result.trial_uuids == (record.trial_uuid,)


# --- D1 ------------------------------------------------------------------------------------------


def captured(
    rate_hz: int,
    zero_run_ms: float,
    index: int,
    fraction: float = 0.0,
    granted_hz: int | None = None,
) -> TrialRecord:
    quality = replace(QUALITY, zero_run_ms=zero_run_ms, zero_fraction=fraction)
    granted = GrantedStream(rate_hz=granted_hz or rate_hz, channels=1)
    return make.trial(
        f"d{index}",
        test_id="D1",
        index=index,
        request=TrialRequest(rate_hz=rate_hz),
        report=make.report(input=granted),
        estimate=make.estimate(None, quality=quality),
        verdict=Verdict.NOT_MEASURABLE,
    )


def test_d1_asks_only_whether_the_microphone_delivers() -> None:
    result = judge("D1", RUN, [captured(16_000, 0.2, 0), captured(48_000, 0.0, 1)])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert "all 2 rates" in result.text
    assert number(result, "zero_run_ms[rate=16000]") == 0.2


def test_d1_names_the_silent_rate() -> None:
    records = [captured(24_000, 1300.0, 0, fraction=1.0), captured(48_000, 0.0, 1)]
    result = judge("D1", RUN, records)
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("silent_capture",))
    assert result.text == "digital silence at 24000 Hz"
    other = judge("D1", RUN, [captured(24_000, 1300.0, 0, fraction=1.0, granted_hz=48_000)])
    assert other.text == "digital silence at 24000 → 48000 Hz"


@pytest.mark.parametrize(("zero_run_ms", "verdict"), [(40.0, "marginal"), (100.0, "fail")])
def test_d1_grades_runs_of_zeros(zero_run_ms: float, verdict: str) -> None:
    result = judge("D1", RUN, [captured(16_000, zero_run_ms, 0)])
    assert (result.verdict, result.reasons) == (verdict, ("zero_run",))
    assert f"16000 Hz ({zero_run_ms:.0f} ms)" in result.text


def test_d1_tells_the_round_trip_where_the_sweep_was_found() -> None:
    heard = make.trial(
        "d0", test_id="D1", index=0, request=TrialRequest(rate_hz=44_100), latency_ms=85.0
    )
    result = judge("D1", RUN, [heard, captured(48_000, 480.0, 1)])
    assert number(result, "rtl_ms[rate=44100]") == 85.0
    assert "rtl_ms[rate=48000]" not in {m.name for m in result.measurements}


def test_d1_notes_refused_rates_and_does_not_hold_them_against_the_phone() -> None:
    refused = failed(
        1, Verdict.NOT_MEASURABLE, Reason.RATE_REFUSED, test_id="D1",
        request=TrialRequest(rate_hz=8000),
    )  # fmt: skip
    result = judge("D1", RUN, [captured(48_000, 0.0, 0), refused])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ("rate_refused",))
    assert "no capture at 8000 Hz (rate_refused)" in result.text
    assert judge("D1", RUN, [refused]).verdict is Verdict.NOT_MEASURABLE


def test_judging_again_gives_the_same_result() -> None:
    records = opens(40.0, 41.0, 40.5, 40.2, 40.4)
    assert judge("L1", RUN, records) == judge("L1", RUN, list(reversed(records)))
