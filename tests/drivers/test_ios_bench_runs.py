"""Whole benches of virtual iPhones: run, break, resume; what is stored is true, none is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import bench_fleets as fleets
import pytest
from android_bench import Ran, nothing_lost
from ios_fleets import QUICK, Table, table

from profiler.bench import run_bench
from profiler.model import RunStatus, Verdict
from profiler.plan import BenchPlan

LATENCIES = {"I1": 24.0, "I2": 71.0}


def plan(*tests: str, retries: int = 0) -> BenchPlan:
    times = fleets.Timeouts(trial_margin_s=20.0, retries=retries, retry_wait_s=0.0)
    return fleets.plan(
        *(tests or ("L1",)), repeats=3, rates_hz=(48_000,), volumes=(0.9,),
        separate_zones=True, timeouts=times,
    )  # fmt: skip


class Lab:
    """Two phones and a store; each run has drivers of its own."""

    def __init__(self, phones: Table, folder: Path) -> None:
        self.phones = phones
        self.one, self.two = phones.phones
        self.store = fleets.open_store(folder)
        self.rans: list[Ran] = []

    def run(self, of: BenchPlan, resume: str | None = None) -> Ran:
        watcher = fleets.Watcher()
        drivers = list(self.phones.drivers(QUICK).values())
        outcome = run_bench(of, drivers, self.store, observe=watcher, resume=resume)
        ran = Ran(outcome, watcher, self.store)
        self.rans.append(ran)
        nothing_lost(self.store, self.rans)
        return ran


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with table(*LATENCIES, latencies_ms=LATENCIES) as phones:
        made = Lab(phones, tmp_path)
        yield made
        made.store.close()


def done(ran: Ran, serial: str) -> bool:
    count, total = ran.counts(serial)
    return ran.status(serial)[0] is RunStatus.OK and count == total > 0


def test_two_phones_are_measured_at_once_each_right(lab: Lab) -> None:
    ran = lab.run(plan())
    for phone in (lab.one, lab.two):
        assert done(ran, phone.serial)
        trials = ran.trials(phone.serial)
        assert {t.verdict for t in trials} == {Verdict.PASS}
        for trial, truth in zip(trials, phone.phone.truths, strict=True):
            assert trial.estimate is not None
            assert trial.estimate.round_trip_latency_ms == pytest.approx(truth.latency_ms, abs=0.05)
        assert not phone.app.runs
    device = ran.of("I1").device
    assert (device.label, device.transport) == ("iPhone 14", "usb")


def test_one_is_pulled_in_mid_trial_and_goes_on_when_it_is_back(lab: Lab) -> None:
    lab.one.on("probe:stage:playing", "unplug", after=25)
    ran = lab.run(plan())
    assert ran.status("I1")[0] is RunStatus.DEVICE_LOST
    assert done(ran, "I2")
    lab.one.replug()
    again = lab.run(plan(), resume="")
    assert done(again, "I1")
    assert lab.one.state.front == "com.apple.springboard"


def test_one_is_pulled_and_back_at_once_and_nothing_is_missing(lab: Lab) -> None:
    def jerk(_: object) -> None:
        lab.one.unplug()
        threading.Timer(0.2, lab.one.replug).start()

    lab.one.on("probe:stage:playing", jerk, after=25)
    ran = lab.run(plan(retries=2))
    assert done(ran, "I1")
    assert done(ran, "I2")


@pytest.mark.parametrize("fault", ["kill_wda", "hang_wda", "lose_session"])
def test_webdriveragent_goes_in_mid_run_and_the_trials_go_on(lab: Lab, fault: str) -> None:
    lab.one.on("probe:recorded", fault)
    ran = lab.run(plan())
    assert done(ran, "I1")
    assert done(ran, "I2")


def test_the_app_crashes_once_and_the_trial_is_made_again(lab: Lab) -> None:
    lab.one.on("probe:stage:playing", "crash_probe", after=25)
    ran = lab.run(plan(retries=1))
    assert done(ran, "I1")
    assert [attempt for _, _, attempt in ran.attempts("I1")].count(2) == 1
    assert any("the probe's process ended" in text for text in ran.warnings("I1"))


ENDS = {
    "kill_wda": "wda_missing",
    "remove_probe": "probe_missing",
    "expire_probe": "probe_expired",
    "lock": "device_locked",
    "speak_protocol": "probe_version",
}


@pytest.mark.parametrize("fault", ENDS)
def test_what_waits_for_a_person_ends_one_run_and_not_the_other(lab: Lab, fault: str) -> None:
    getattr(lab.one, fault)()
    ran = lab.run(plan())
    status, reason = ran.status("I1")
    assert (status, reason.partition(":")[0]) == (RunStatus.ERROR, ENDS[fault])
    assert done(ran, "I2")
