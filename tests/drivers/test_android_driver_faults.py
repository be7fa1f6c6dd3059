"""Everything that goes wrong with a phone, at each step: a stated error, and the phone works after.

The faults are real ones of the layer below: a daemon that drops its connection, answers no more,
lies, or dies; adbutils and the adb server are the real ones.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from adb_servers import until
from android_benches import (
    CALM,
    IMPATIENT,
    QUICK,
    REQUEST,
    TRAIN,
    Rig,
    connect_and_try,
    has_note,
    left_over,
    rig,
    stay_on,
    trial,
)
from hostile_adb_server import LateServer

from device_probes.android import AndroidDriver
from device_probes.driver import Play
from device_probes.virtual import Clock
from profiler.errors import (
    ChirpbenchError,
    DeviceError,
    DeviceLost,
    DeviceNotFound,
    DeviceNotReady,
    DeviceTimeout,
    ProbeBackground,
    ProbeCrashed,
    ProbeRefused,
)
from profiler.model import DeviceState

PROBE = "org.chirpbench.probe"
CONNECTING = (
    "shell:getprop", "sync:send:/data/local/tmp/chirpbench.restore", "shell:settings put",
    "sync:data", "shell:sha256sum", "shell:pm install", "install:commit", "shell:am start",
    "open:localabstract", "probe:accept", "probe:facts",
)  # fmt: skip
"""Steps of a first connection, in order."""
IN_A_TRIAL = ("shell:dumpsys activity", "stream:data:in", "probe:run", "probe:recorded")


def works_again(made: Rig, driver: AndroidDriver) -> None:
    """The same driver, as the bench does it: connect again and make the trial."""
    driver.connect()
    assert trial(driver).audio.samples.shape[0] == round(48_000 * REQUEST.duration_s)
    driver.close()
    assert stay_on(made.phone) == "0"
    assert not has_note(made.phone)
    assert left_over(made.phone) == [] or len(left_over(made.phone)) == 1


def replugged(made: Rig) -> None:
    """Plugged in again, and listed."""
    made.phone.replug()
    until(lambda: any(one.serial == made.phone.address and one.state is DeviceState.READY
                      for one in made.server.adb.listed()), 10, "listed again")  # fmt: skip


# --- unplugged ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", CONNECTING)
def test_unplugged_while_connecting(one: Rig, step: str) -> None:
    driver = one.driver()
    one.phone.on(step, "unplug")
    with pytest.raises((DeviceLost, DeviceNotFound)) as caught:
        driver.connect()
    assert caught.value.hint
    replugged(one)
    works_again(one, driver)


@pytest.mark.parametrize("step", IN_A_TRIAL)
def test_unplugged_in_a_trial(one: Rig, step: str) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.on(step, "unplug")
    with pytest.raises(DeviceLost):
        trial(driver)
    driver.close()
    replugged(one)
    works_again(one, driver)


def test_unplugged_while_the_samples_are_fetched(one: Rig) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.on("stream:data:out", "unplug", after=20_000)
    with pytest.raises(DeviceLost, match="the phone went away"):
        trial(driver)
    replugged(one)
    works_again(one, driver)


def test_a_phone_that_comes_back_in_time_is_waited_for(one: Rig) -> None:
    driver = one.driver(deadlines=replace(CALM, replug_s=20.0))
    driver.connect()
    one.phone.unplug()
    with pytest.raises(DeviceLost):
        trial(driver)
    timer = threading.Timer(0.4, one.phone.replug)
    timer.start()
    driver.connect()
    timer.join()
    trial(driver)


def test_back_before_the_bench_heard_that_it_was_gone(one: Rig) -> None:
    """With many phones notices come late: the old connection is still believed in, and is dead."""
    with LateServer(one.server.adb.port) as late:
        driver = one.driver(deadlines=replace(CALM, replug_s=20.0), port=late.port)
        driver.connect()
        late.late_s = 6.0
        one.phone.unplug()
        with pytest.raises(DeviceLost):
            trial(driver)
        replugged(one)
        driver.connect()
        trial(driver)
        late.late_s = 0.0


def test_gone_for_good_is_said_and_close_does_not_mind(one: Rig) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.unplug()
    until(lambda: not one.server.adb.listed(), 10, "gone")
    driver.close()
    with pytest.raises(DeviceLost, match="not connected"):
        driver.connect()


# --- frozen ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", CONNECTING[::2])
def test_frozen_while_connecting(one: Rig, step: str) -> None:
    driver = one.driver(deadlines=IMPATIENT)
    one.phone.on(step, "freeze")
    with pytest.raises(DeviceTimeout) as caught:
        driver.connect()
    assert caught.value.hint
    one.phone.thaw()
    works_again(one, driver)


@pytest.mark.parametrize("step", IN_A_TRIAL)
def test_frozen_in_a_trial(one: Rig, step: str) -> None:
    driver = one.driver(deadlines=IMPATIENT)
    driver.connect()
    one.phone.on(step, "freeze")
    with pytest.raises(DeviceTimeout):
        trial(driver)
    driver.close()
    one.phone.thaw()
    works_again(one, driver)


def test_closing_a_frozen_phone_ends_and_its_next_contact_restores_it(one: Rig) -> None:
    driver = one.driver(deadlines=IMPATIENT)
    driver.connect()
    one.phone.freeze()
    driver.close()
    assert stay_on(one.phone) == "7"
    assert has_note(one.phone)
    one.phone.thaw()
    works_again(one, driver)


# --- offline, server gone -------------------------------------------------------------------------


def test_offline_is_named_and_forgotten_when_it_is_over(one: Rig) -> None:
    bench = one.bench()
    one.phone.offline()
    until(lambda: bench.seen()[0].state is DeviceState.OFFLINE, 10, "offline")
    driver = one.driver()
    with pytest.raises((DeviceNotReady, DeviceNotFound)) as caught:
        driver.connect()
    assert "unplug" in caught.value.hint or "plug" in caught.value.hint
    one.phone.online()
    until(lambda: bench.seen()[0].state is DeviceState.READY, 10, "ready")
    works_again(one, driver)


@pytest.mark.parametrize("moment", ["before", "connecting", "trial"])
def test_the_adb_server_is_killed(moment: str) -> None:
    with rig(clock=Clock(1.0)) as made:
        driver = made.driver(deadlines=replace(CALM, replug_s=20.0))

        def kill() -> None:
            group = made.server.process_group
            assert group is not None
            os.killpg(group, signal.SIGKILL)

        if moment == "before":
            kill()
        elif moment == "connecting":
            made.phone.on("shell:pm install", lambda _: kill())
            with pytest.raises(DeviceError):
                driver.connect()
        else:
            driver.connect()
            made.phone.on("probe:stage:playing", lambda _: kill())
            with pytest.raises((DeviceLost, DeviceNotFound)):
                trial(driver)
        works_again(made, driver)
        assert made.server.starts == 2


# --- the probe ------------------------------------------------------------------------------------


_JAVA = "java.lang.IllegalStateException: the audio server died"


@pytest.mark.parametrize(
    ("step", "fault", "words"),
    [("probe:run", "crash_probe", _JAVA), ("probe:facts", "crash_probe", _JAVA),
     ("probe:run", "crash_native", "signal 11 (SIGSEGV), code 1 (SEGV_MAPERR)"),
     ("probe:accept", "kill_probe", "the probe's process ended")],
)  # fmt: skip
def test_a_probe_that_dies_leaves_its_last_words(
    one: Rig, step: str, fault: str, words: str
) -> None:
    driver = one.driver()
    one.phone.on(step, fault)
    with pytest.raises(ProbeCrashed) as caught:
        connect_and_try(driver)
    assert words in str(caught.value)
    driver.close()
    works_again(one, driver)


def test_a_probe_that_was_sent_away_is_brought_back_before_the_trial(one: Rig) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.go_background()
    trial(driver)
    assert one.phone.state.probe_on_top


def test_one_that_goes_away_in_the_trial_is_not_believed() -> None:
    with rig(clock=Clock(1.0)) as made:
        driver = made.driver()
        driver.connect()
        made.phone.on("probe:stage:playing", "go_background")
        with pytest.raises((ProbeBackground, ProbeRefused)):
            trial(driver)
        trial(driver)


def test_one_that_goes_away_at_the_very_end_is_not_believed(one: Rig) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.on("stream:data:out", "go_background", after=20_000)
    with pytest.raises(ProbeBackground, match=r"com\.example\.caller is in front"):
        trial(driver)
    trial(driver)


def test_a_screen_that_is_locked_between_trials(one: Rig) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.lock("pin")
    with pytest.raises(DeviceError):
        trial(driver)
    with pytest.raises(DeviceNotReady, match="unlock the screen"):
        driver.connect()
    one.phone.unlock()
    works_again(one, driver)


# --- many -----------------------------------------------------------------------------------------


def test_four_bad_phones_of_sixteen_harm_no_other() -> None:
    names = [f"A{i:02}" for i in range(16)]
    with rig(*names) as made:
        made.phones[0].on("shell:pm install", "unplug")
        made.phones[1].on("probe:run", "freeze")
        made.phones[2].on("probe:run", "crash_probe")
        made.phones[3].refuse_installs()
        drivers = made.drivers(deadlines=replace(QUICK, shell_s=8.0, launch_s=8.0))
        ends: dict[str, str] = {}

        def work(driver: AndroidDriver) -> None:
            try:
                driver.connect()
                capture = driver.run(REQUEST, (Play(TRAIN),), lambda _: None)
                ends[driver.ref.serial] = "ok" if np.any(capture.audio.samples) else "silent"
            except ChirpbenchError as exc:
                ends[driver.ref.serial] = type(exc).__name__
            finally:
                driver.close()

        threads = [threading.Thread(target=work, args=(driver,)) for driver in drivers]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        assert time.monotonic() - began < 90
        assert [ends[name] for name in names] == [
            "DeviceLost", "DeviceTimeout", "ProbeCrashed", "InstallFailed", *["ok"] * 12,
        ]  # fmt: skip
        assert all(stay_on(phone) == "0" for phone in made.phones[2:])
