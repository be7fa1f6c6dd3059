"""WebDriverAgent, alerts and the probe app gone wrong: a stated error, and the phone works after.

The faults are real ones of the layer below: a phone that is pulled, freezes or lies, a
WebDriverAgent that ends, hangs or forgets; facebook-wda is the real one.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from ios_fleets import (
    IMPATIENT,
    REQUEST,
    Table,
    as_found,
    connect_and_try,
    table,
    trial,
    works_again,
)

from device_probes.virtual import Clock
from device_probes.virtual.usbmuxd.state import PROBE_BUNDLE
from profiler.bench.faults import fault_of
from profiler.errors import (
    DeviceError,
    DeviceNotReady,
    DeviceTimeout,
    ProbeBackground,
    ProbeCrashed,
    ProbePermission,
    ProbeProtocolError,
    ProbeRefused,
    ProbeVersionMismatch,
)
from profiler.model import DeviceState, Reason

IN_A_TRIAL = ("stream:data:in", "probe:run", "probe:stage:playing", "probe:recorded")


@pytest.fixture
def one() -> Iterator[Table]:
    with table("I1") as made:
        yield made


# --- WebDriverAgent -------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["wda:POST /wda/apps/state", "wda:POST /wda/apps/launch",
                                  "wda:GET /alert/text"])  # fmt: skip
def test_a_session_that_is_lost_is_begun_again(one: Table, step: str) -> None:
    driver = one.driver()
    connect_and_try(driver)
    driver.close()
    one.phone.on(step, "lose_session")
    works_again(one, driver)


@pytest.mark.parametrize("step", ["wda:POST /wda/apps/state", "wda:POST /wda/apps/launch",
                                  "wda:GET /alert/text", "wda:POST /alert/accept"])  # fmt: skip
def test_webdriveragent_hangs_while_it_is_used(one: Table, step: str) -> None:
    driver = one.driver(IMPATIENT)
    one.phone.on(step, "hang_wda")
    with pytest.raises(DeviceNotReady) as caught:
        driver.connect()
    assert caught.value.state == DeviceState.WDA_HUNG
    one.phone.heal_wda()
    works_again(one, one.driver())


@pytest.mark.parametrize("step", ["wda:POST /wda/apps/state", "wda:POST /wda/apps/launch"])
def test_webdriveragent_dies_while_it_is_used(one: Table, step: str) -> None:
    driver = one.driver()
    one.phone.on(step, "kill_wda")
    with pytest.raises(DeviceError) as caught:
        driver.connect()
    assert caught.value.hint
    with pytest.raises(DeviceNotReady) as again:
        driver.connect()
    assert again.value.state == DeviceState.WDA_MISSING
    one.phone.start_wda()
    one.phone.close_probe()
    works_again(one, driver)


def test_webdriveragent_that_hangs_does_not_keep_close_waiting_for_ever(one: Table) -> None:
    driver = one.driver(IMPATIENT)
    connect_and_try(driver)
    one.phone.hang_wda()
    driver.health()
    driver.close()
    assert one.phone.app.runs  # nobody could end it
    one.phone.heal_wda()
    works_again(one, driver)  # now it is given back as it was found at first


@pytest.mark.parametrize("odd", ["wda_empty", "wda_bad_gateway"])
def test_an_answer_that_makes_no_sense_is_an_error_and_no_crash(one: Table, odd: str) -> None:
    driver = one.driver(IMPATIENT)
    getattr(one.phone, odd)(40)
    with pytest.raises(DeviceError) as caught:
        driver.connect()
    assert caught.value.hint
    one.phone.wda.odd.clear()
    works_again(one, one.driver())


# --- alerts ---------------------------------------------------------------------------------------


def test_an_alert_of_something_else_is_named_and_left_alone(one: Table) -> None:
    one.phone.allow_microphone()
    one.phone.show_alert()
    driver = one.driver()
    with pytest.raises(ProbeBackground, match="Software Update"):
        driver.connect()
    assert one.phone.state.pressed == []
    one.phone.clear_alerts()
    works_again(one, driver)


def test_another_apps_question_for_the_microphone_is_not_answered(one: Table) -> None:
    one.phone.allow_microphone()
    question = "“Recorder” Would Like to Access the Microphone\nIt records."
    one.phone.state.show_alert(question, ("Don’t Allow", "Allow"))
    driver = one.driver()
    with pytest.raises(ProbePermission, match=r"another app.*Recorder"):
        driver.connect()
    assert one.phone.state.pressed == []
    one.phone.clear_alerts()
    works_again(one, driver)


def test_a_storm_of_alerts_ends(one: Table) -> None:
    one.phone.alert_storm(about="microphone")
    driver = one.driver()
    with pytest.raises(ProbeBackground, match="one after the other") as caught:
        driver.connect()
    assert fault_of(caught.value).reason is Reason.PROBE_BACKGROUND
    assert 1 < len(one.phone.state.pressed) < 10
    one.phone.clear_alerts()
    works_again(one, driver)


def test_a_short_storm_is_weathered(one: Table) -> None:
    one.phone.alert_storm(count=3, about="microphone")
    one.phone.on("probe:accept", "allow_microphone")
    connect_and_try(one.driver())
    assert len(one.phone.state.pressed) == 4


def test_a_microphone_that_was_refused(one: Table) -> None:
    one.phone.deny_microphone()
    driver = one.driver()
    driver.connect()
    with pytest.raises(ProbePermission) as caught:
        trial(driver)
    assert fault_of(caught.value).reason is Reason.PERMISSION
    driver.close()
    one.phone.allow_microphone()
    works_again(one, driver)


# --- the probe ------------------------------------------------------------------------------------


def test_an_app_that_ends_at_once(one: Table) -> None:
    driver = one.driver(IMPATIENT)
    one.phone.on("probe:start", "crash_probe")
    with pytest.raises(ProbeCrashed, match="right after"):
        driver.connect()
    works_again(one, one.driver())


@pytest.mark.parametrize("step", IN_A_TRIAL)
def test_an_app_that_crashes_in_a_trial(one: Table, step: str) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.on(step, "crash_probe")
    with pytest.raises(ProbeCrashed) as caught:
        trial(driver)
    assert fault_of(caught.value).reason is Reason.PROBE_CRASHED
    works_again(one, driver)


def test_an_app_that_crashes_without_webdriveragent_has_to_be_opened_again(one: Table) -> None:
    phone = one.phone
    phone.open_probe()
    phone.allow_microphone()
    phone.kill_wda()
    driver = one.driver()
    driver.connect()
    phone.on("probe:run", "crash_probe")
    with pytest.raises(DeviceNotReady, match="it has ended, or its port was closed") as ended:
        trial(driver)
    assert ended.value.state == DeviceState.PORT_CLOSED
    with pytest.raises(DeviceNotReady) as caught:
        driver.connect()
    assert caught.value.state == DeviceState.WDA_MISSING
    phone.open_probe()
    driver.connect()
    trial(driver)


def test_a_probe_of_another_version(one: Table) -> None:
    one.phone.speak_protocol(3)
    with pytest.raises(ProbeVersionMismatch, match="speaks protocol 3") as caught:
        one.driver().connect()
    assert fault_of(caught.value).reason is Reason.PROBE_VERSION
    as_found(one.phone)


def test_an_open_app_that_belongs_to_another_program(one: Table) -> None:
    one.phone.app.launch(("-token", "ab" * 16))
    one.phone.kill_wda()
    with pytest.raises(ProbeRefused) as caught:
        one.driver().connect()
    assert caught.value.code == "unauthorized"
    assert fault_of(caught.value).reason is Reason.PERMISSION


def _garbage(sock: socket.socket) -> None:
    sock.recv(100)
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" * 100)


def _silence(sock: socket.socket) -> None:
    while sock.recv(1000):
        pass


@pytest.mark.parametrize(
    ("script", "error"), [(_garbage, ProbeProtocolError), (_silence, DeviceTimeout)]
)
def test_a_port_that_speaks_something_else(
    one: Table, script: Callable[[socket.socket], None], error: type[DeviceError]
) -> None:
    one.phone.hostile_probe = script
    with pytest.raises(error):
        one.driver(IMPATIENT).connect()
    as_found(one.phone)


@pytest.mark.parametrize("cover", ["go_background", "lock"])
def test_something_in_front_of_the_probe(one: Table, cover: str) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.on("probe:stage:playing", cover)
    with pytest.raises(ProbeBackground) as caught:
        trial(driver)
    assert fault_of(caught.value).reason is Reason.PROBE_BACKGROUND
    if cover == "lock":
        with pytest.raises(DeviceNotReady) as locked:
            trial(driver)
        assert locked.value.state == DeviceState.LOCKED
        one.phone.unlock()
    trial(driver)  # it was brought to the front again
    assert one.phone.state.front == PROBE_BUNDLE


def test_a_trial_that_is_cut_short_leaves_the_volume_as_it_was() -> None:
    with table("I1", head="faults = { stuck_on_trials = [0] }", clock=Clock()) as made:
        driver = made.driver(IMPATIENT)
        driver.connect()
        seen: list[float] = []
        made.phone.on("probe:stage:opening", lambda phone: seen.append(phone.state.volume))
        with pytest.raises(DeviceTimeout):
            trial(driver, replace(REQUEST, volume=0.9))
        driver.close()
        assert seen == [0.9]
        assert made.phone.state.volume == 0.5
        as_found(made.phone)
