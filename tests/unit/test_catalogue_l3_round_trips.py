"""L3 publishes the round trip of each variant, named by what it changes of the plain request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import store_records as make
from catalogue_runs import phone, run_test

from profiler.catalogue import TrialOptions, judge
from profiler.model import Measurement, TrialRecord, TrialRequest

PLAIN = TrialRequest()


def opened(test_id: str, request: TrialRequest, *latencies_ms: float | None) -> list[TrialRecord]:
    return [
        make.trial(f"{test_id}-{id(request)}-{i}", test_id=test_id, index=i, request=request,
                   latency_ms=ms)
        for i, ms in enumerate(latencies_ms)
    ]  # fmt: skip


def round_trips(records: list[TrialRecord]) -> dict[str, Measurement]:
    found = judge("L3", "run-1", records).measurements
    return {m.name: m for m in found if m.name.startswith("rtl_ms")}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"api": "java"}, "rtl_ms[api=java]"),
        ({"performance_mode": "none"}, "rtl_ms[performance=none]"),
        ({"rate_hz": 16_000}, "rtl_ms[rate=16000]"),
        ({"buffer_bursts": 2}, "rtl_ms[bursts=2]"),
        ({"buffer_frames": 512}, "rtl_ms[frames=512]"),
        (
            {"audio_mode": "communication", "input_preset": "voice_communication"},
            "rtl_ms[mode=communication,preset=voice_communication]",
        ),
        ({"volume": 0.5}, "rtl_ms"),
    ],
)
def test_a_variant_is_named_by_what_it_changes(changes: dict[str, Any], name: str) -> None:
    varied = replace(PLAIN, **changes)
    variant = make.trial("v", test_id="L3", index=9, request=varied, latency_ms=55.0)
    found = round_trips([*opened("L3", PLAIN, 40.0), variant])
    assert found.keys() == {"rtl_ms", name}
    assert found[name].value == (55.0 if name != "rtl_ms" else 47.5)
    assert found[name].unit == "ms"


@pytest.mark.parametrize(
    ("output", "input_", "named"),
    [
        ("low_latency", "low_latency", False), ("none", "none", True), (None, None, True),
        ("low_latency", "none", True), ("low_latency", None, False),
    ],
)  # fmt: skip
def test_a_mode_that_was_refused_has_no_number(
    output: str | None, input_: str | None, named: bool
) -> None:
    """The system opened the plain stream again: what it took says nothing of the other mode."""
    stream = make.report().output
    report = make.report(
        output=replace(stream, performance_mode=output),
        input=replace(stream, performance_mode=input_),
    )
    asked = replace(PLAIN, performance_mode="none")
    variant = make.trial("v", test_id="L3", index=9, request=asked, latency_ms=55.0, report=report)
    found = round_trips([*opened("L3", PLAIN, 40.0), variant])
    assert found["rtl_ms"].value == 40.0
    assert ("rtl_ms[performance=none]" in found) == named


def test_the_plain_request_is_the_first_of_l1_when_the_run_has_it() -> None:
    java = replace(PLAIN, api="java")
    records = opened("L3", java, 90.0) + opened("L1", PLAIN, 40.0, 41.0, 42.0, 43.0, 44.0)
    found = round_trips(records)
    assert {name: m.value for name, m in found.items()} == {
        "rtl_ms[api=java]": 90.0,
        "rtl_ms": 42.0,
    }


def test_one_open_has_the_scatter_of_the_plain_ones() -> None:
    java = replace(PLAIN, api="java")
    scattered = opened("L1", PLAIN, 30.0, 35.0, 40.0, 45.0, 50.0)
    found = round_trips(opened("L3", java, 90.0) + scattered)
    assert found["rtl_ms[api=java]"].sigma == pytest.approx(1.2533 * 1.4826 * 5.0, rel=1e-3)
    assert found["rtl_ms"].sigma == pytest.approx(1.2533 * 1.4826 * 5.0 / 5**0.5, rel=1e-3)
    steady = opened("L1", PLAIN, 40.0, 40.0, 40.0, 40.0, 40.0)
    found = round_trips(opened("L3", java, 90.0) + steady)
    assert found["rtl_ms[api=java]"].sigma == pytest.approx(0.005)  # the method's own


def test_a_variant_without_a_latency_has_no_number() -> None:
    java = replace(PLAIN, api="java")
    assert round_trips(opened("L3", java, None) + opened("L1", PLAIN, None)) == {}
    only = round_trips(opened("L3", java, 80.0) + opened("L1", PLAIN, None))
    assert {name: m.value for name, m in only.items()} == {"rtl_ms[api=java]": 80.0}
    assert round_trips([]) == {}


def test_the_round_trips_of_a_phone_are_its_own() -> None:
    delays = "api_ms = { aaudio = 62.5, java = 120.0 }\nspread = 'none'"
    with phone(latency=delays) as (driver, facts):
        options = TrialOptions(seed=3, short=True, tests=("L3",))
        result, _ = run_test(driver, facts, "L3", options)
    found = {m.name: m.value for m in result.measurements if m.name.startswith("rtl_ms")}
    assert found["rtl_ms"] == pytest.approx(62.5, abs=1.0)
    assert found["rtl_ms[api=java]"] == pytest.approx(120.0, abs=1.0)
    assert found["rtl_ms[performance=none]"] == pytest.approx(62.5, abs=1.0)
    assert "rtl_ms[bursts=2]" in found
    assert "rtl_ms[rate=16000]" in found
