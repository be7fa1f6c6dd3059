"""Virtual phones that grant performance modes as asked, through the real adb path and L3."""

from __future__ import annotations

import math
from pathlib import Path

import bench_fleets as fleets
import pytest
from android_bench import plan
from android_benches import rig
from ios_fleets import table, trial

from device_probes.android import PrivateServer
from device_probes.virtual.driver import fleet_from_toml
from profiler.bench import TestDone, run_bench
from profiler.errors import PlanError, ProbeRefused
from profiler.model import TestResult, TrialRequest

MODES = """[phone.streams]
performance_modes = ["low_latency", "none"]
"""
EXTRA = 'performance_extra_ms = [["none", 35.0]]'


def l3(server: PrivateServer, folder: Path, **more: str) -> TestResult:
    """What L3 finds on a phone behind adb whose plain stream is of low latency."""
    with rig("A1", on=server, **more) as made:
        store = fleets.open_store(folder)
        watcher = fleets.Watcher()
        base = TrialRequest(performance_mode="low_latency")
        asked = plan("L3", repeats=1, buffer_bursts=(2,), apis=("aaudio",), base=base)
        run_bench(asked, made.drivers(), store, observe=watcher)
        store.close()
        found = [e.result for e in watcher.of(TestDone) if e.result.test_id == "L3"]
    (result,) = found
    return result


def numbers(result: TestResult) -> dict[str, float]:
    return {m.name: m.value for m in result.measurements}


def test_modes_that_differ_are_measured_apart(server: PrivateServer, tmp_path: Path) -> None:
    found = numbers(l3(server, tmp_path, android=MODES, latency=EXTRA))
    assert found["rtl_ms[performance=none]"] - found["rtl_ms"] == pytest.approx(35.0, abs=0.1)
    assert found["grants_that_differ"] == 0


def test_modes_that_are_granted_alike_do_not_differ(server: PrivateServer, tmp_path: Path) -> None:
    found = numbers(l3(server, tmp_path, android=MODES))
    assert found["rtl_ms[performance=none]"] - found["rtl_ms"] == pytest.approx(0.0, abs=0.1)


def test_a_mode_that_is_not_granted_is_no_measurement(
    server: PrivateServer, tmp_path: Path
) -> None:
    """As without the key: this phone gives low latency to whoever asks for none."""
    result = l3(server, tmp_path, latency=EXTRA)
    assert "rtl_ms[performance=none]" not in numbers(result)
    assert "granted_differs" in result.reasons
    assert "out performance none → low_latency" in result.text


def test_an_iphone_has_no_performance_modes() -> None:
    with table("I1") as made:
        driver = made.driver()
        driver.connect()
        with pytest.raises(ProbeRefused, match="on iOS the buffer says it"):
            trial(driver, TrialRequest(performance_mode="none", warmup_s=0.1, duration_s=0.4))


def test_a_mode_that_nobody_knows_is_refused() -> None:
    text = fleets.PHONE.format(serial="A1", latency_ms=math.pi, more="")
    wrong = "version = 1\n" + text + '[phone.streams]\nperformance_modes = ["fast"]\n'
    with pytest.raises(PlanError, match="low_latency"):
        fleet_from_toml(wrong, "f.toml")
