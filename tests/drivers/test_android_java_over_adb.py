"""From ``run_bench`` to the app's own Java code: adbutils, adb server, ``am start``, a JVM.

The virtual phone's ``am start`` launches the app in a JVM and its tunnel leads there, so nothing
between the bench and AudioTrack is ours but the two ends under test. The truth is the number of
frames by which the air between AudioTrack and AudioRecord delays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from android_benches import rig
from android_java import JDK, JavaProbe, require_jars

from db import queries
from db.store import Store
from device_probes.android import AndroidDeadlines
from profiler.bench import run_bench
from profiler.model import EffectState, RunStatus, TrialRequest, Verdict
from profiler.plan import BenchPlan

pytestmark = [pytest.mark.needs_apt(*JDK), pytest.mark.timeout(240)]

DELAY_FRAMES = 2917
RATE_HZ = 48_000
PATIENT = AndroidDeadlines(launch_s=60.0)
"""A JVM with the whole Android framework needs some seconds to start."""


class Launched:
    """What the virtual phone runs as the probe's process."""

    def __init__(self, extras: Mapping[str, str]) -> None:
        self._jvm = JavaProbe(
            socket_name=extras["socket"], token=extras["token"], delay_frames=DELAY_FRAMES
        )

    @property
    def port(self) -> int:
        return self._jvm.port

    @property
    def alive(self) -> bool:
        return self._jvm._process.poll() is None

    def stop(self) -> None:
        self._jvm.close()


def test_a_bench_measures_the_apps_own_code(tmp_path: Path) -> None:
    """Truth: 2917 frames at 48 kHz; tolerance: 0.02 frame, the analysis' own floor."""
    require_jars()
    started: list[str] = []

    def launch(_phone: object, extras: Mapping[str, str]) -> Launched:
        started.append(extras["socket"])
        return Launched(extras)

    plan = BenchPlan(
        tests=("L1",), repeats=2, base=TrialRequest(api="java", agc=EffectState.DEFAULT)
    )
    with rig(launcher=launch) as phones, Store.open(str(tmp_path / "s.db")) as store:
        drivers = phones.drivers(deadlines=replace(PATIENT))
        outcome = run_bench(plan, drivers, store)
        trials = queries.trials(store, queries.Filter())
        (facts,) = {outcome.devices[0].facts.model_key}  # type: ignore[union-attr]
    (device,) = outcome.devices
    assert device.run is not None
    assert device.run.status is RunStatus.OK, device.problem
    assert len(started) == 1
    assert facts.os_build == "acme/a1:14/AP1A/1:user", "what adb says of the build wins"
    truth_ms = 1000 * DELAY_FRAMES / RATE_HZ
    tolerance_ms = 1000 * 0.02 / RATE_HZ
    assert len(trials) == 2
    for trial in trials:
        assert trial.estimate is not None
        assert trial.verdict in (Verdict.PASS, Verdict.MARGINAL), trial.reasons
        assert trial.estimate.round_trip_latency_ms == pytest.approx(truth_ms, abs=tolerance_ms)
        assert trial.estimate.drift_ppm == pytest.approx(0.0, abs=0.01)
        assert trial.report is not None
        assert trial.report.observed["api"] == "java"
        assert trial.report.startup_ms
        assert math.isfinite(trial.report.longest_zero_run_frames or 0)
