"""R1, R4 and K1 from the bench down to the keys of virtual phones behind a real adb server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from android_benches import QUICK, rig

from db import queries
from db.store import Store
from device_probes.android import PrivateServer
from device_probes.virtual import Clock
from profiler.bench import run_bench
from profiler.model import Reason, RunStatus, TestResult, TrialRequest, Verdict
from profiler.plan import BenchPlan

pytestmark = [pytest.mark.alone, pytest.mark.timeout(180)]

HEAD = '[phone.streams]\nroutes = ["speaker", "earpiece"]\n'
GOOD = """
[phone.routes.earpiece]
delay_ms = 14.0
level_db = -12.0
gap_s = 0.4
[phone.routes.speaker]
gap_s = 0.3
"""
BAD = """background_mute_s = 6.0
volume_keys_in_call = "music"
[phone.routes.earpiece]
delay_ms = 220.0
gap_s = 2.6
[phone.routes.speaker]
gap_s = 0.3
"""
SPEED = 8.0


def run(folder: Path, server: PrivateServer, android: str, *tests: str) -> dict[str, TestResult]:
    """Results by test of one phone."""
    plan = BenchPlan(tests=tests, base=TrialRequest(api="java"))
    deadlines = replace(QUICK, shell_s=5.0, probe=replace(QUICK.probe, open_s=10.0))
    with (
        rig(clock=Clock(SPEED), on=server, head=HEAD, android=android) as phones,
        Store.open(str(folder / "s.db")) as store,
    ):
        outcome = run_bench(plan, phones.drivers(deadlines=deadlines), store)
        found = queries.results(store, queries.Filter())
        assert phones.phone.state.awake
        assert phones.phone.state.probe_on_top or phones.phone.app.pid is None
    (device,) = outcome.devices
    assert device.run is not None
    assert device.run.status is RunStatus.OK, device.problem
    return {result.test_id: result for result in found}


def number(result: TestResult, name: str) -> float:
    (value,) = [m.value for m in result.measurements if m.name == name]
    return value


def test_a_phone_on_which_everything_goes_on(tmp_path: Path, server: PrivateServer) -> None:
    """Truth: gaps of 0.4 and 0.3 s, 14 ms more on the earpiece, 12 dB less; keys of the call."""
    found = run(tmp_path, server, GOOD, "R1", "R4")
    route = found["R1"]
    assert route.verdict is Verdict.PASS, route
    away = number(route, "latency_ms[route=earpiece]") - number(route, "latency_ms[route=speaker]")
    assert away == pytest.approx(14.0, abs=0.1)
    assert number(route, "gap_s[from=speaker,to=earpiece]") == pytest.approx(0.4, abs=0.15)
    assert number(route, "gap_s[from=earpiece,to=speaker]") == pytest.approx(0.3, abs=0.15)
    change = number(route, "level_change_db[from=speaker,to=earpiece]")
    assert change == pytest.approx(-12.0, abs=1.0)
    keys = found["R4"]
    assert keys.verdict is Verdict.PASS, keys
    assert number(keys, "index_change[stream=voice_call,key=down]") == -2
    assert number(keys, "level_change_db") < -1.5


def test_a_phone_with_all_three_faults(tmp_path: Path, server: PrivateServer) -> None:
    """Truth: 2.6 s without sound, keys that move music, zeros 6 s after the lock."""
    found = run(tmp_path, server, BAD, "R1", "R4", "K1")
    route = found["R1"]
    assert (route.verdict, route.reasons) == (Verdict.FAIL, (str(Reason.AUDIO_GAP),)), route
    assert number(route, "gap_s[from=speaker,to=earpiece]") == pytest.approx(2.7, abs=0.2)
    keys = found["R4"]
    assert (keys.verdict, keys.reasons) == (Verdict.FAIL, (str(Reason.WRONG_STREAM),)), keys
    assert "they move music" in keys.text
    lock = found["K1"]
    assert lock.verdict is Verdict.FAIL, lock
    assert set(lock.reasons) == {str(Reason.ZERO_RUN), str(Reason.MIC_SILENCED)}
    after_s = number(lock, "zeros_after_s")
    assert after_s == pytest.approx(6.0, abs=0.1)
    zeros_s = number(lock, "zero_run_ms") / 1000
    assert number(lock, "left_front_s") + after_s + zeros_s == pytest.approx(90.0, abs=0.3)
