"""G4 and G5: what a quarter of an hour of work changes, and what coding speech costs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import store_records as make
from catalogue_runs import number
from tone_records import found, played

from profiler.catalogue import TESTS, Skip, TrialOptions, judge
from profiler.model import (
    CodecCost,
    CodecFindings,
    CodecRequest,
    CostStats,
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
