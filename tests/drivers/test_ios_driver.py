"""The iPhones' driver end to end: real facebook-wda, a usbmuxd of our own, virtual iPhones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ios_fleets as lab
import pytest
from adb_servers import until
from ios_fleets import PROBE, REQUEST, Table, connect_and_try, table, trial

from device_probes.android.ledger import Lease, Ledger
from device_probes.driver import (
    Acts,
    Driver,
    Inspects,
    Paced,
    ReportsHealth,
    StartsFresh,
)
from device_probes.ios.bench import IosBench
from device_probes.virtual import Clock
from device_probes.virtual.usbmuxd.state import HOME_BUNDLE, MICROPHONE
from profiler.errors import DeviceError, DeviceLost, DeviceNotReady, ProbeRefused
from profiler.model import DeviceState, Platform, TimedAction, TrialRequest


@pytest.fixture
def one() -> Iterator[Table]:
    with table("I1") as made:
        yield made


def test_a_phone_is_launched_measured_and_given_back(one: Table) -> None:
    driver, phone = one.driver(), one.phone
    facts = driver.connect()
    assert phone.app.token
    assert len(phone.app.token) == 32
    assert [bundle for bundle, _ in phone.state.launches] == [PROBE]
    assert phone.state.pressed == ["Allow"]
    assert phone.state.front == PROBE
    capture = trial(driver)
    assert capture.audio.samples.shape[0] == round(48_000 * REQUEST.duration_s)
    assert len(phone.phone.truths) == 1
    assert driver.health().battery_percent == 83.0
    driver.close()
    assert not phone.app.runs
    assert phone.state.front == HOME_BUNDLE
    assert facts.raw["probe_start"] == "launched by WebDriverAgent 16.7.0"


def test_facts_are_the_systems_word_on_model_and_build_and_the_probes_on_sound(one: Table) -> None:
    facts = one.driver().connect()
    assert (facts.platform, facts.is_virtual) == (Platform.VIRTUAL, True)
    assert (facts.manufacturer, facts.model, facts.os_build) == ("Apple", "iPhone14,7", "21F79")
    # the table of models knows it, so the probe's own words do not count
    assert (facts.marketing_name, facts.soc) == ("iPhone 14", "A15 Bionic")
    assert (facts.native_rate_hz, facts.low_latency) == (48_000, True)
    assert facts.raw["hardware"] == "D27AP"
    assert one.phone.udid not in str(facts.raw)


def test_a_model_that_no_table_knows_is_what_the_probe_calls_it() -> None:
    with table("I1", model="oPhone99,1") as made:
        driver = made.driver()
        facts = driver.connect()
    assert (facts.model, facts.marketing_name, facts.soc) == ("oPhone99,1", "iPhone I1", "A15")
    assert driver.ref.label == "iPhone I1"


@pytest.mark.parametrize("language", sorted(MICROPHONE))
def test_the_microphone_is_allowed_in_every_language(one: Table, language: str) -> None:
    one.phone.speak(language)
    connect_and_try(one.driver())
    assert one.phone.state.pressed == [MICROPHONE[language].allow]
    assert one.phone.state.microphone == "allowed"


def test_a_question_that_comes_only_with_the_first_trial_is_answered_then(one: Table) -> None:
    one.phone.allow_microphone()
    driver = one.driver()
    driver.connect()
    one.phone.state.microphone = "ask"
    trial(driver)
    assert one.phone.state.pressed == ["Allow"]


def test_an_open_app_is_started_anew_and_is_open_again_in_the_end(one: Table) -> None:
    phone = one.phone
    phone.open_probe()
    phone.allow_microphone()
    driver = one.driver()
    connect_and_try(driver)
    assert phone.app.token
    driver.close()
    assert phone.app.runs
    assert (phone.app.token, phone.state.front) == ("", PROBE)


@pytest.mark.parametrize("wda", ["kill_wda", "remove_wda", "hang_wda"])
def test_without_webdriveragent_an_open_app_is_used_and_left_open(one: Table, wda: str) -> None:
    phone = one.phone
    phone.open_probe()
    phone.allow_microphone()
    getattr(phone, wda)()
    driver = one.driver(lab.QUICK)
    facts = driver.connect()
    assert "nothing was launched" in facts.raw["probe_start"]
    trial(driver)
    trial(driver)
    assert phone.state.launches == []
    assert driver.health().battery_percent == 83.0  # as the last trial said
    with pytest.raises(DeviceNotReady) as caught:
        driver.restart()
    assert caught.value.state in (DeviceState.WDA_MISSING, DeviceState.WDA_HUNG)
    trial(driver)
    driver.close()
    assert phone.app.runs
    assert phone.state.front == PROBE


def test_trials_go_on_when_webdriveragent_dies_between_them(one: Table) -> None:
    driver = one.driver()
    connect_and_try(driver)
    one.phone.kill_wda()
    trial(driver)
    assert driver.health().battery_percent == 83.0
    trial(driver)
    driver.close()


def test_a_fresh_process_is_another_one(one: Table) -> None:
    driver = one.driver()
    driver.connect()
    trial(driver)
    before = one.phone.app.token
    driver.restart()
    assert one.phone.app.token != before
    trial(driver)
    assert one.phone.state.pressed == ["Allow"]


def test_two_phones_at_once_each_with_its_own_sound() -> None:
    latencies = {"I1": 25.0, "I2": 75.0}
    with table(*latencies, latencies_ms=latencies) as made:
        drivers = made.drivers()
        assert sorted(drivers) == ["I1", "I2"]
        with ThreadPoolExecutor(2) as pool:
            for _ in range(2):
                list(pool.map(connect_and_try, drivers.values()))
        for phone in made.phones:
            assert len(phone.phone.truths) == 2
            for truth in phone.phone.truths:
                assert abs(truth.latency_ms - latencies[phone.serial]) < 5
        for driver in drivers.values():
            driver.close()
        assert not any(phone.app.runs for phone in made.phones)


def test_inspecting_starts_nothing(one: Table) -> None:
    facts = one.driver().inspect()
    assert (facts.marketing_name, facts.os_version) == ("iPhone 14", "17.5")
    # It is no phone of Apple's, and its own maker and system are the probe's to tell.
    assert (facts.manufacturer, facts.soc, facts.os_name) == ("", "", "")
    assert one.phone.state.launches == []
    assert not one.phone.app.runs


def test_the_contract_is_kept(one: Table) -> None:
    driver = one.driver()
    for part in (Driver, Inspects, ReportsHealth, StartsFresh, Acts, Paced):
        if part is not Driver:
            assert isinstance(driver, part)
    assert str(driver.ref) == "iPhone 14 (I1)"
    assert driver.ref.transport == "usb"
    for call in (lambda: trial(driver), driver.health, driver.restart):
        with pytest.raises(DeviceLost, match="connect first"):
            call()
    driver.close()
    driver.close()


def test_a_running_trial_is_cancelled_and_the_next_one_runs() -> None:
    with table("I1", clock=Clock()) as made:
        driver = made.driver()
        driver.connect()
        made.phone.on(
            "probe:stage:playing", lambda _: threading.Thread(target=driver.cancel).start()
        )
        with pytest.raises(ProbeRefused) as caught:
            trial(driver, TrialRequest(warmup_s=0.0, duration_s=20.0))
        assert caught.value.code == "cancelled"
        trial(driver)


def test_the_route_is_changed_while_a_trial_runs() -> None:
    with table("I1", clock=Clock(4.0)) as made:
        driver = made.driver()
        assert driver.actions == frozenset()
        driver.connect()
        assert driver.actions == {"route", "lock"}
        acted: list[str] = []

        def change(_: object) -> None:
            act = TimedAction(action="route", value="earpiece", at_s=0.5)
            threading.Thread(target=lambda: acted.append(driver.act(act))).start()

        made.phone.on("probe:stage:playing", change)
        capture = trial(driver, TrialRequest(warmup_s=0.0, duration_s=2.0))
    assert acted == ["earpiece"]
    assert capture.report.observed["route_1"] == "earpiece"


# --- the bench ------------------------------------------------------------------------------------


def state_of(bench: IosBench, serial: str) -> DeviceState:
    return {one.ref.serial: one.state for one in bench.seen()}[serial]


def test_the_bench_says_of_each_phone_what_it_is_in() -> None:
    with table("I1", "I2", "I3") as made:
        _, two, three = made.phones
        two.kill_wda()
        two.open_probe()
        bench = made.bench(lab.QUICK)
        three.unplug()
        assert bench.wait_for([two.udid]) == ()
        until(lambda: state_of(bench, "I3") is DeviceState.ABSENT, 5.0, "the pulled cable")
        seen = {one.ref.serial: one for one in bench.seen(check=True)}
        assert {name: one.state for name, one in seen.items()} == {
            "I1": DeviceState.READY, "I2": DeviceState.READY, "I3": DeviceState.ABSENT,
        }  # fmt: skip
        two.close_probe()
        three.replug()
        bench.wait_for([three.udid])
        three.freeze()
        seen = {one.ref.serial: one for one in bench.seen(check=True)}
        assert seen["I2"].state is DeviceState.WDA_MISSING
        assert "open the probe app" in seen["I2"].detail
        assert seen["I3"].state is DeviceState.OFFLINE
        assert seen["I1"].ref.label == "iPhone 14"
        three.thaw()


def test_real_phones_are_known_by_their_udid(one: Table) -> None:
    (driver,) = one.bench(named=False).drivers()
    assert driver.ref.serial == one.phone.udid


def test_no_usbmuxd_is_said_and_no_error(tmp_path: Path) -> None:
    from device_probes.ios.bench import IosBench

    bench = IosBench(str(tmp_path / "none"), names={"0000-1": "I1"}, deadlines=lab.IMPATIENT)
    try:
        bench.start()
        assert "no usbmuxd" in bench.problem
        assert [one.state for one in bench.seen(check=True)] == [DeviceState.ABSENT]
        (driver,) = bench.drivers()
        with pytest.raises(DeviceNotReady) as caught:
            driver.connect()
        assert caught.value.state == DeviceState.NO_USBMUXD
        said = str(caught.value)
        assert said.count("no usbmuxd answers") == said.count("apt install usbmuxd") == 1
        assert "Error" not in said, "no name of an exception"
    finally:
        bench.close()


def test_a_phone_belongs_to_one_program_at_a_time(one: Table) -> None:
    first, second = (one.driver(leases=Lease) for _ in range(2))
    first.connect()
    with pytest.raises(DeviceNotReady) as caught:
        second.connect()
    assert caught.value.state == DeviceState.BUSY
    trial(first)  # the second has not touched the phone
    bench = one.bench(leases=Lease)
    assert [seen.state for seen in bench.seen()] == [DeviceState.BUSY]
    first.close()
    connect_and_try(second)


def test_a_phone_that_fails_again_and_again_rests(one: Table) -> None:
    ledger = Ledger(one.folder / "state")
    one.phone.on("probe:start", "crash_probe")
    for _ in range(3):
        one.phone.on("probe:start", "crash_probe")
        driver = one.driver(lab.IMPATIENT, ledger=ledger)
        with pytest.raises(DeviceError, match="ended right after"):
            driver.connect()
    one.phone.triggers.clear()
    with pytest.raises(DeviceNotReady) as caught:
        one.driver(ledger=ledger).connect()
    assert caught.value.state == DeviceState.QUARANTINED
    ledger.passed("I1")
    connect_and_try(one.driver(ledger=ledger))
