"""Driver and app together: real facebook-wda, usbmuxd of our own, and the app that Xcode compiles.

Behind the app is the fake of Core Audio, whose delay is known to the frame.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bench_fleets as fleets
import pytest
from adb_servers import until
from android_bench import Ran, nothing_lost
from ios_fleets import CALM, TRAIN, Table, table, trial
from ios_native import ios_rig as rig
from ios_swift import app_rig
from ios_swift.app_behind import AppBehind

from device_probes.driver import Play
from profiler.analysis import analyze
from profiler.bench import run_bench
from profiler.errors import DeviceError, ProbeRefused
from profiler.model import EffectState, RunStatus, TrialRequest, Verdict
from profiler.stimulus import render
from tools.swift import app

BURST, DELAY, RATE = 192, 480, 48_000
TRUTH_MS = (BURST + DELAY) / RATE * 1e3
REQUEST = TrialRequest(
    api="coreaudio_remote_io", warmup_s=0.1, duration_s=len(render(TRAIN, RATE)) / RATE + 1.0
)
pytestmark = [pytest.mark.needs_apt(*package) for package in rig.GCC]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> app.Program:
    return app_rig.build(tmp_path_factory.mktemp("app"))


@pytest.fixture
def one() -> Iterator[Table]:
    with table("I1") as made:
        yield made


def test_the_app_is_launched_measured_and_given_back(one: Table, program: app.Program) -> None:
    with AppBehind(one.phone, program) as behind:
        driver = one.driver()
        facts = driver.connect()
        assert facts.raw["audio.modes"].count("AVAudioSessionMode") == 4  # the app's own word
        for request in (REQUEST, replace(REQUEST, api="coreaudio_voice_processing")):
            capture = trial(driver, request)
            estimate = analyze(capture.audio, TRAIN)
            assert estimate.verdict is Verdict.PASS
            assert estimate.round_trip_latency_ms == pytest.approx(TRUTH_MS, abs=0.01)
        on = replace(REQUEST, api="coreaudio_voice_processing", aec=EffectState.ON)
        assert trial(driver, on).report.effects["aec"].state is EffectState.ON
        driver.close()
        assert not one.phone.app.runs
        assert behind.started == 1


def test_a_restart_is_another_process_and_a_cancel_none(one: Table, program: app.Program) -> None:
    with AppBehind(one.phone, program) as behind:
        driver = one.driver()
        driver.connect()
        begun = threading.Event()
        ending = threading.Thread(target=lambda: begun.wait(20) and driver.cancel())
        ending.start()
        with pytest.raises(ProbeRefused) as caught:
            driver.run(
                replace(REQUEST, duration_s=400.0),
                (Play(TRAIN),),
                lambda progress: begun.set() if progress.stage == "playing" else None,
            )
        ending.join()
        assert caught.value.code == "cancelled"
        trial(driver, REQUEST)
        assert behind.started == 1
        driver.restart()
        trial(driver, REQUEST)
        assert behind.started == 2


def test_pulled_in_mid_trial_the_app_is_ready_again(one: Table, program: app.Program) -> None:
    with AppBehind(one.phone, program):
        driver = one.driver()
        driver.connect()
        pulled: list[object] = []

        def pull(progress: object) -> None:
            if not pulled:
                pulled.append(one.phone.unplug())

        with pytest.raises(DeviceError):
            driver.run(replace(REQUEST, duration_s=400.0), (Play(TRAIN),), pull)
        one.phone.replug()
        until(lambda: one.phone.plugged, 10, "plugged in again")
        driver.connect()
        estimate = analyze(trial(driver, REQUEST).audio, TRAIN)
        assert estimate.round_trip_latency_ms == pytest.approx(TRUTH_MS, abs=0.01)


def test_a_bench_measures_the_app_with_tests_of_the_catalogue(
    one: Table, program: app.Program, tmp_path: Path
) -> None:
    of = fleets.plan(
        "L1", "L8", "D1", repeats=3, rates_hz=(RATE,), volumes=(0.9,), separate_zones=True,
        timeouts=fleets.Timeouts(trial_margin_s=20.0, retries=0, retry_wait_s=0.0),
    )  # fmt: skip
    store = fleets.open_store(tmp_path)
    with AppBehind(one.phone, program):
        watcher = fleets.Watcher()
        outcome = run_bench(of, list(one.drivers(CALM).values()), store, observe=watcher)
        ran = Ran(outcome, watcher, store)
    nothing_lost(store, [ran])
    assert ran.status("I1")[0] is RunStatus.OK
    modes = {(t.request.api, t.request.input_preset) for t in ran.trials("I1") if t.test_id == "L8"}
    assert modes == {
        ("default", "generic"), ("default", "unprocessed"), ("default", "voice_communication"),
        ("default", "video_chat"), ("coreaudio_voice_processing", "voice_communication"),
        ("coreaudio_voice_processing", "video_chat"),
    }  # fmt: skip
    assert {t.verdict for t in ran.trials("I1")} == {Verdict.PASS}
    measured = [t.estimate for t in ran.trials("I1") if t.estimate is not None]
    assert len(measured) >= 3
    assert [e.round_trip_latency_ms for e in measured] == pytest.approx(
        [TRUTH_MS] * len(measured), abs=0.05
    )
    store.close()
