"""A probe that iOS has put to sleep is no frozen phone, no crash and not ready."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from ios_fleets import IMPATIENT, Table, connect_and_try, table, trial, works_again

from device_probes.android.ledger import Ledger
from device_probes.ios.driver import IosDriver
from device_probes.virtual import Clock
from device_probes.virtual.usbmuxd.iphone import VirtualIphone
from profiler.bench.faults import fault_of
from profiler.errors import (
    DeviceNotReady,
    DeviceTimeout,
    ProbeBackground,
    ProbeCrashed,
    ProbePermission,
)
from profiler.model import DeviceState, Reason


@pytest.fixture
def one() -> Iterator[Table]:
    with table("I1") as made:
        yield made


@pytest.fixture
def alone() -> Iterator[Table]:
    """A phone without WebDriverAgent, whose probe a person opened."""
    with table("I1") as made:
        made.phone.allow_microphone()
        made.phone.open_probe()
        made.phone.kill_wda()
        yield made


def failures(made: Table) -> int:
    return Ledger(made.folder / "state").health("I1").failures


def driver_of(made: Table) -> IosDriver:
    return made.driver(IMPATIENT, ledger=Ledger(made.folder / "state"))


def says_to_open_it(error: DeviceNotReady) -> None:
    assert error.state == DeviceState.PORT_CLOSED, error
    assert "not open on the phone's screen" in error.message
    assert "leave it on the screen" in error.hint
    assert fault_of(error).reason is Reason.PORT_CLOSED


# --- it takes connections and does not answer -----------------------------------------------------


def test_it_is_to_be_opened_and_no_failure_of_the_phone(alone: Table) -> None:
    alone.phone.suspend_probe()
    for _ in range(4):
        with pytest.raises(DeviceNotReady) as caught:
            driver_of(alone).connect()
        says_to_open_it(caught.value)
        assert "does not answer" in caught.value.message
    assert failures(alone) == 0
    alone.phone.open_probe()
    connect_and_try(driver_of(alone))


def test_behind_a_lock_with_a_passcode_the_phone_is_to_be_unlocked(alone: Table) -> None:
    alone.phone.suspend_probe()
    alone.phone.lock()
    with pytest.raises(DeviceNotReady) as caught:
        driver_of(alone).connect()
    assert caught.value.state == DeviceState.LOCKED
    (seen,) = alone.bench(IMPATIENT).seen(check=True)
    assert seen.state is DeviceState.LOCKED
    assert failures(alone) == 0


def test_a_frozen_phone_is_still_one(alone: Table) -> None:
    alone.phone.suspend_probe()
    alone.phone.on("mux:connect:7878", "freeze")
    with pytest.raises(DeviceTimeout):
        driver_of(alone).connect()
    assert failures(alone) == 1
    alone.phone.thaw()


def test_devices_and_a_look_say_what_a_run_would_meet(alone: Table) -> None:
    bench = alone.bench(IMPATIENT)
    assert [seen.state for seen in bench.seen(check=True)] == [DeviceState.READY]
    alone.phone.suspend_probe()
    (seen,) = bench.seen(check=True)
    assert seen.state is DeviceState.PORT_CLOSED
    assert "leave it on the screen" in seen.detail
    with pytest.raises(DeviceNotReady) as caught:
        alone.driver(IMPATIENT).inspect()
    says_to_open_it(caught.value)
    alone.phone.open_probe()
    assert [seen.state for seen in bench.seen(check=True)] == [DeviceState.READY]


def test_where_webdriveragent_answers_again_a_run_can_begin(alone: Table) -> None:
    bench = alone.bench(IMPATIENT)
    alone.phone.suspend_probe()
    bench.seen(check=True)
    alone.phone.start_wda()
    assert [seen.state for seen in bench.seen(check=True)] == [DeviceState.READY]


@pytest.mark.parametrize("owner", ["another program", "another version"])
def test_one_that_is_awake_answers_whatever_it_has_against_us(alone: Table, owner: str) -> None:
    if owner == "another program":
        alone.phone.close_probe()
        alone.phone.app.launch(("-token", "ab" * 16))
    else:
        alone.phone.speak_protocol(3)
        alone.phone.open_probe()
    (seen,) = alone.bench(IMPATIENT).seen(check=True)
    assert seen.state is DeviceState.READY


def test_webdriveragent_knows_that_it_sleeps_and_opens_it(one: Table) -> None:
    driver = driver_of(one)
    one.phone.on("mux:connect:7878", "suspend_probe")
    with pytest.raises(DeviceNotReady) as caught:
        driver.connect()
    says_to_open_it(caught.value)
    assert failures(one) == 0
    works_again(one, driver)


# --- between and in trials ------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [False, True])
def test_the_trial_after_one_in_the_background_meets_it_asleep(alone: Table, closed: bool) -> None:
    driver, phone = driver_of(alone), alone.phone
    driver.connect()
    phone.on("probe:stage:playing", "go_background")
    with pytest.raises(ProbeBackground):
        trial(driver)
    phone.suspend_probe(closed=closed)
    with pytest.raises(DeviceNotReady) as caught:
        trial(driver)
    says_to_open_it(caught.value)
    assert "crash" not in str(caught.value)
    assert failures(alone) == 0
    phone.open_probe()
    connect_and_try(driver)


def test_one_that_fell_asleep_between_two_trials(alone: Table) -> None:
    driver = driver_of(alone)
    connect_and_try(driver)
    alone.phone.suspend_probe()
    with pytest.raises(DeviceNotReady) as caught:
        trial(driver)
    says_to_open_it(caught.value)
    assert failures(alone) == 0


def _closed(phone: VirtualIphone) -> None:
    phone.suspend_probe(closed=True)


def test_a_port_that_ios_took_is_no_crash_where_webdriveragent_sees_the_app(one: Table) -> None:
    driver = driver_of(one)
    connect_and_try(driver)
    one.phone.on("probe:run", _closed)
    with pytest.raises(DeviceNotReady) as caught:
        trial(driver)
    says_to_open_it(caught.value)
    assert "crash" not in str(caught.value)
    assert failures(one) == 0
    works_again(one, driver)


def test_without_webdriveragent_both_reasons_are_told(alone: Table) -> None:
    driver = driver_of(alone)
    connect_and_try(driver)
    for end in (_closed, VirtualIphone.crash_probe):
        alone.phone.on("probe:run", end)
        with pytest.raises(DeviceNotReady) as caught:
            trial(driver)
        says_to_open_it(caught.value)
        assert "has ended, or its port was closed" in caught.value.message
        assert "crash log" in caught.value.hint
        alone.phone.open_probe()
        connect_and_try(driver)
    assert failures(alone) == 0


def test_a_crash_that_webdriveragent_sees_is_one(one: Table) -> None:
    driver = driver_of(one)
    connect_and_try(driver)
    one.phone.on("probe:run", "crash_probe")
    with pytest.raises(ProbeCrashed):
        trial(driver)
    assert failures(one) == 1


def test_one_that_hangs_in_mid_trial_does_not_sleep() -> None:
    with table("I1", head="faults = { stuck_on_trials = [0] }", clock=Clock()) as made:
        made.phone.allow_microphone()
        made.phone.open_probe()
        made.phone.kill_wda()
        driver = driver_of(made)
        driver.connect()
        with pytest.raises(DeviceTimeout):
            trial(driver)
        assert failures(made) == 1


# --- the question for the microphone comes late ---------------------------------------------------


def test_a_late_question_that_keeps_the_port_closed_is_answered(one: Table) -> None:
    one.phone.ask_late()
    connect_and_try(one.driver())
    assert one.phone.state.pressed == ["Allow"]


def test_a_late_alert_that_nobody_may_answer_is_named_at_once(one: Table) -> None:
    state = one.phone.state
    state.asks_late = True
    question = "“Recorder” Would Like to Access the Microphone\nIt records."
    one.phone.on("mux:connect:7878", lambda _: state.show_alert(question, ("Don’t Allow", "Allow")))
    with pytest.raises(ProbePermission, match="Recorder"):
        one.driver().connect()
    assert state.pressed == []


def test_a_port_that_stays_closed_is_told_by_the_deadline(one: Table) -> None:
    one.phone.state.asks_late = True
    with pytest.raises(DeviceNotReady, match="nothing listens on its port") as caught:
        one.driver(replace(IMPATIENT, open_s=0.5)).connect()
    says_to_open_it(caught.value)
