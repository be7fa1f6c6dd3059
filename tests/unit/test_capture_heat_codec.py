"""G4 and G5: what a quarter of an hour of work changes, and what coding speech costs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import store_records as make
from catalogue_runs import number
from tone_records import found, played

from profiler.catalogue import TESTS, Skip, TrialOptions, judge
from profiler.catalogue.capture.g5 import both_p99
from profiler.model import (
    CodecCost,
    CodecFindings,
    CodecRequest,
    CostStats,
    TestResult,
    TrialRecord,
    TrialSetup,
    Verdict,
)

RUN = "run-1"


def soak(
    glitches: list[int], latencies_ms: list[float], status: list[str] | None = None
) -> list[TrialRecord]:
    records = []
    for i, (n, ms) in enumerate(zip(glitches, latencies_ms, strict=True)):
        tone = played("G4", 2 * i, found(n, 51.0), bursts=4, state="soak")
        assert tone.report is not None
        word = status[i] if status else "none"
        warm = replace(tone.report, thermal_status=word, battery_temperature_c=30.0 + i)
        records.append(replace(tone, report=warm))
        setup = TrialSetup(note="soak latency, 4 bursts")
        records.append(
            make.trial(f"l{i}", test_id="G4", index=2 * i + 1, latency_ms=ms, setup=setup)
        )
    return records


def test_a_phone_that_stays_as_it_is() -> None:
    result = judge("G4", RUN, soak([0] * 15, [40.0, 42.0, 41.0] * 5))
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "latency_step_ms") == 0.0
    assert number(result, "battery_rise_c") == 14.0
    assert number(result, "glitches_per_min_ub95[soak=last]") == pytest.approx(0.705, abs=0.01)


def test_a_phone_that_glitches_when_it_is_hot() -> None:
    status = ["none"] * 8 + ["moderate"] * 7
    result = judge("G4", RUN, soak([0] * 9 + [20] * 6, [40.0] * 15, status))
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("heats_up",))
    assert number(result, "degrade_at_thermal") == 2
    assert "thermal status moderate" in result.text


def test_a_latency_that_grows_with_the_heat() -> None:
    result = judge("G4", RUN, soak([0] * 15, [40.0] * 7 + [75.0] * 8))
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("heats_up",))
    spread = judge("G4", RUN, soak([0] * 15, [40.0, 60.0, 50.0, 45.0, 55.0] * 3))
    assert spread.verdict is not Verdict.FAIL


def test_too_few_rounds() -> None:
    assert judge("G4", RUN, soak([0, 0], [40.0, 40.0])).verdict is Verdict.NOT_MEASURABLE


def degrade(result: TestResult) -> list[float]:
    return [m.value for m in result.measurements if m.name == "degrade_at_thermal"]


def test_a_phone_that_passes_degrades_at_no_status() -> None:
    """It glitched once while it got warm, and no more afterwards."""
    status = ["none"] * 5 + ["light"] * 10
    result = judge("G4", RUN, soak([0] * 6 + [1] + [0] * 8, [40.0] * 15, status))
    assert (result.verdict, degrade(result)) == (Verdict.PASS, [])
    assert number(result, "thermal_status_max") == 1


@pytest.mark.parametrize("glitches", [[0] * 14 + [1], [0] * 10 + [1] * 4 + [0], [1] * 15])
def test_few_glitches_are_not_the_heat(glitches: list[int]) -> None:
    status = ["none"] * 5 + ["severe"] * 10
    result = judge("G4", RUN, soak(glitches, [40.0] * 15, status))
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("few_minutes",))
    assert degrade(result) == []


def test_a_rise_that_chance_does_not_explain_is_the_heat() -> None:
    status = ["none"] * 9 + ["light"] * 6
    result = judge("G4", RUN, soak([0] * 10 + [1] * 5, [40.0] * 15, status))
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("heats_up",))
    assert degrade(result) == [1]


def test_a_heat_of_which_the_system_says_nothing_gives_no_status() -> None:
    result = judge("G4", RUN, soak([0] * 9 + [20] * 6, [40.0] * 15))
    assert (result.verdict, degrade(result)) == (Verdict.FAIL, [])


def test_a_minute_without_a_glitch_proves_little() -> None:
    result = judge("G4", RUN, soak([0] * 3, [40.0] * 3))
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("few_minutes", "few_repeats"))


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_trend_needs_three_latencies_in_each_third(count: int) -> None:
    """The last third has ``count`` of them, all 35 ms later."""
    records = soak([0] * 15, [40.0] * 10 + [75.0] * 5)
    unheard = make.trial("x", test_id="G4", latency_ms=None)
    latencies = [r for r in records if r.estimate is not None]
    for late in latencies[10 + count :]:
        at = records.index(late)
        records[at] = replace(
            late, estimate=unheard.estimate, verdict=unheard.verdict, reasons=unheard.reasons
        )
    result = judge("G4", RUN, records)
    steps = [m for m in result.measurements if m.name == "latency_step_ms"]
    if count == 3:
        assert (result.verdict, result.reasons) == (Verdict.FAIL, ("heats_up",))
    else:
        assert (result.verdict, steps) == (Verdict.MARGINAL, [])
        assert result.reasons == ("few_repeats", "no_stimulus")


def test_latencies_that_come_and_go_are_no_trend() -> None:
    """Two thirds of the same two values: the medians are 30 ms apart, the spread about them 0."""
    first, last = [40.0, 40.0, 40.0, 70.0, 70.0], [70.0, 70.0, 70.0, 40.0, 40.0]
    result = judge("G4", RUN, soak([0] * 15, [*first, *first, *last]))
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("latency_spread",))
    sinks = judge("G4", RUN, soak([0] * 15, [75.0] * 7 + [40.0] * 8))
    assert (sinks.verdict, sinks.reasons) == (Verdict.FAIL, ("latency_changed",))


def test_the_status_is_the_one_at_the_first_sign() -> None:
    status = ["none"] * 6 + ["light"] * 4 + ["severe"] * 5
    slow = judge("G4", RUN, soak([0] * 15, [40.0] * 8 + [75.0] * 7, status))
    assert degrade(slow) == [1]
    both = judge("G4", RUN, soak([0] * 10 + [20] * 5, [40.0] * 8 + [75.0] * 7, status))
    assert degrade(both) == [1]
    early = judge("G4", RUN, soak([1] * 5 + [0] * 5 + [20] * 5, [40.0] * 15, status))
    assert degrade(early) == [3], "what glitched when it was cool is not the heat"


def test_g4_takes_a_quarter_of_an_hour() -> None:
    planned = TESTS["G4"].trials(make.facts(), TrialOptions(seed=1, tests=("G4",)))
    assert isinstance(planned, tuple)
    assert 13 * 60 <= sum(t.audio_s for t in planned) <= 20 * 60
    assert all(t.request.cpu_load > 0 for t in planned)
    assert [t.index for t in planned] == list(range(len(planned)))


# --- G5 ------------------------------------------------------------------------------------------


def coded(index: int, complexity: int, p95: float, *, paced: bool = True) -> TrialRecord:
    stats = CostStats(0.6 * p95, p95, 1.3 * p95, 1.5 * p95)
    cost = CodecCost("enc", "dec", 250, 15_000, stats, CostStats(0.1, 0.2, 0.3, 0.4))
    asked = CodecRequest(complexity=complexity, paced=paced)
    return make.trial(
        f"c{index}", test_id="G5", index=index, stimulus=None, estimate=None, report=None,
        setup=TrialSetup(analysis="codec", at_s=(), codec=asked),
        findings=CodecFindings(Verdict.PASS, (), cost), verdict=Verdict.PASS, reasons=(),
    )  # fmt: skip


def test_the_largest_complexity_that_fits() -> None:
    records = [
        coded(0, 0, 0.5),
        coded(1, 5, 1.9),
        coded(2, 10, 3.1),
        coded(3, 10, 1.0, paced=False),
    ]
    result = judge("G5", RUN, records)
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "opus_complexity") == 5
    assert number(result, "encode_p95_ms[complexity=10,pace=call]") == 3.1
    assert number(result, "encode_p95_ms[complexity=10,pace=tight]") == 1.0


def of_parts(encode: CostStats, decode: CostStats | None) -> TrialRecord:
    record = coded(0, 5, 1.0)
    assert isinstance(record.findings, CodecFindings)
    cost = replace(record.findings.cost, encode_ms=encode, decode_ms=decode)
    return replace(record, findings=replace(record.findings, cost=cost))


@pytest.mark.parametrize(
    ("encode", "decode", "verdict", "p99_ms"),
    [
        # Each alone is inside the pass limit of 5 ms.
        ((1.0, 1.9, 4.0, 4.5), (1.0, 2.0, 4.0, 4.5), Verdict.MARGINAL, 8.0),
        ((1.0, 1.9, 2.4, 2.5), (1.0, 2.0, 2.4, 2.5), Verdict.PASS, 4.8),
        # Each alone is inside the fail limit of 10 ms.
        ((1.9, 1.95, 9.0, 9.5), (8.2, 8.4, 9.0, 9.5), Verdict.FAIL, 18.0),
        ((1.0, 1.9, 9.9, 12.0), (0.1, 0.1, 0.2, 0.2), Verdict.MARGINAL, 10.1),
    ],
)
def test_coding_and_decoding_are_graded_together(
    encode: tuple[float, ...], decode: tuple[float, ...], verdict: Verdict, p99_ms: float
) -> None:
    result = judge("G5", RUN, [of_parts(CostStats(*encode), CostStats(*decode))])
    assert result.verdict is verdict
    assert ("codec_slow" in result.reasons) == (verdict is not Verdict.PASS)
    assert number(result, "both_p99_ms[complexity=5,pace=call]") == pytest.approx(p99_ms)


@pytest.mark.parametrize("coincide", [0.0, 0.5, 1.0])
def test_the_bounds_hold_the_p99_of_the_sum(coincide: float) -> None:
    """Of simulated frames, however often the slow ones of both coincide."""
    rng = np.random.default_rng(7)
    for _ in range(50):
        shared = rng.random(250) < coincide
        own = rng.standard_normal((2, 250))
        own[1] = np.where(shared, own[0], own[1])
        frames = np.exp(0.3 * own) * np.array([[1.5], [0.6]])
        parts = [CostStats(*np.quantile(f, (0.5, 0.95, 0.99, 1.0)).tolist()) for f in frames]
        both = both_p99(*parts)
        assert both.low <= float(np.quantile(frames.sum(axis=0), 0.99)) <= both.high
        assert both.low <= both.value <= both.high


def test_without_a_decoders_time_nothing_passes() -> None:
    fast, slow = CostStats(0.5, 0.6, 0.7, 0.8), CostStats(9.0, 12.0, 13.0, 14.0)
    result = judge("G5", RUN, [of_parts(fast, None)])
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("needs_coder",))
    result = judge("G5", RUN, [of_parts(fast, CostStats(2.0, 1.0, 0.5, 0.1))])
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("probe_protocol",))
    assert judge("G5", RUN, [of_parts(slow, None)]).verdict is Verdict.FAIL


def test_the_pace_of_a_call_against_a_tight_loop() -> None:
    both = [coded(0, 10, 3.0), coded(1, 10, 1.0, paced=False)]
    result = judge("G5", RUN, both)
    for quantile in ("p50", "p99"):
        at = f"[complexity=10,part=encode,quantile={quantile}]"
        assert number(result, f"paced_over_tight{at}") == pytest.approx(3.0)
        at = f"[complexity=10,part=decode,quantile={quantile}]"
        assert number(result, f"paced_over_tight{at}") == 1.0
    assert "3 times as long as in a tight loop" in result.text
    alone = judge("G5", RUN, both[:1])
    assert not [m for m in alone.measurements if m.name.startswith("paced_over_tight")]


def test_a_coder_too_slow_for_a_call() -> None:
    result = judge("G5", RUN, [coded(0, 0, 12.0), coded(1, 5, 14.0)])
    assert result.verdict is Verdict.FAIL
    assert "codec_slow" in result.reasons
    assert not [m for m in result.measurements if m.name == "opus_complexity"]
    slow = judge("G5", RUN, [coded(0, 0, 3.0)])
    assert (slow.verdict, slow.reasons) == (Verdict.MARGINAL, ("codec_slow",))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0])
def test_a_devices_own_nonsense_is_no_number(value: float) -> None:
    record = coded(0, 5, 1.0)
    assert isinstance(record.findings, CodecFindings)
    odd = replace(record.findings.cost, encode_ms=CostStats(value, value, value, value))
    broken = replace(record, findings=replace(record.findings, cost=odd))
    result = judge("G5", RUN, [broken])
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert result.measurements == ()


def test_g5_needs_a_coder() -> None:
    skip = TESTS["G5"].trials(make.facts(), TrialOptions(seed=1, tests=("G5",)))
    assert isinstance(skip, Skip)
    assert skip.reason == "needs_coder"
    able = TrialOptions(seed=1, tests=("G5",), abilities=frozenset({"codec"}))
    planned = TESTS["G5"].trials(make.facts(), able)
    assert isinstance(planned, tuple)
    assert [t.setup.codec.complexity for t in planned if t.setup.codec] == [0, 5, 10, 10]
    assert [t.setup.codec.paced for t in planned if t.setup.codec] == [True, True, True, False]
    assert sum(t.audio_s for t in planned) == pytest.approx(20.0)
