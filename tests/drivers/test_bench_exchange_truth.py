"""L2 and A3 on virtual phones whose voice processing is known, from the plan to the verdict."""

from __future__ import annotations

from pathlib import Path

import bench_fleets as fleets
import pytest

from profiler.bench import run_bench
from profiler.model import TestResult, Verdict
from profiler.plan import PartnerPlan

pytestmark = pytest.mark.alone  # phones that have to start together

ONLY_P = PartnerPlan("virtual", "P")
WEBRTC = """
[phone.processing]
agc_kind = "webrtc"
ns_kind = "webrtc"
[phone.processing.canceller]
kind = "aec3"
"""


def canceller(attenuation_db: float) -> str:
    """Takes exactly the echo, and this much of everything else while there is echo."""
    return (
        '[phone.processing.canceller]\nkind = "ideal"\n'
        f"near_end_attenuation_db = {attenuation_db}\n"
    )


def numbers(result: TestResult) -> dict[str, float]:
    return {m.name: m.value for m in result.measurements}


def test_the_round_trip_through_the_real_webrtc_processing(tmp_path: Path) -> None:
    phone, helper = fleets.neighbours("A", "P", only={"A": WEBRTC})
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L2", repeats=1, partner=ONLY_P), [phone, helper], store)
    (result,) = outcome.devices[0].results
    off, on = phone.phone.truths
    found = numbers(result)
    assert found["rtl_ms"] == pytest.approx(on.latency_ms, abs=0.2)
    assert found["rtl_off_ms"] == pytest.approx(off.latency_ms, abs=0.2)
    delay_ms = on.latency_ms - off.latency_ms
    assert delay_ms > 10, "AEC3, NS and AGC2 take their time"
    assert found["processing_delay_ms"] == pytest.approx(delay_ms, abs=0.2)
    assert found["self_echo_on_db"] < found["self_echo_off_db"] - 20


def test_what_double_talk_does_to_a_voice(tmp_path: Path) -> None:
    only = {"A": canceller(8.0), "B": canceller(60.0)}
    drivers = fleets.neighbours("A", "B", "P", only=only)
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("A3", partner=ONLY_P), drivers, store)
    damped, deaf = (d.results[0] for d in outcome.devices)
    assert numbers(damped)["attenuation_db"] == pytest.approx(8.0, abs=1.5)
    assert (damped.verdict, damped.reasons) == (Verdict.MARGINAL, ("near_end_damaged",))
    assert "attenuation_db" not in numbers(deaf)
    assert deaf.verdict is Verdict.MARGINAL, "one take of each proves nothing"
    assert "near_end_damaged" in deaf.reasons
