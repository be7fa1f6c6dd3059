"""Everything that goes wrong with a phone, at each step: a stated error, and the phone works after.

The faults are real ones of the layer below: a daemon that drops its connection, answers no more,
lies, or dies; adbutils and the adb server are the real ones.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import bad_probes
import numpy as np
import pytest
from adb_servers import until
from android_benches import (
    IMPATIENT,
    QUICK,
    REQUEST,
    TRAIN,
    Rig,
    has_note,
    left_over,
    rig,
    stay_on,
    trial,
)

from device_probes.android import AndroidDriver, PrivateServer, probe_package
from device_probes.driver import Play
from device_probes.virtual import Clock
from device_probes.virtual.adbd import VirtualAndroid
from profiler.errors import (
    ChirpbenchError,
    DeviceError,
    DeviceLost,
    DeviceNotFound,
    DeviceNotReady,
    DeviceTimeout,
    ProbeBackground,
    ProbeCrashed,
    ProbeError,
    ProbeProtocolError,
    ProbeRefused,
)
from profiler.model import DeviceState

PROBE = "org.chirpbench.probe"
CONNECTING = (
    "shell:getprop", "shell:dumpsys", "sync:send:/data/local/tmp/chirpbench.restore",
    "shell:settings put", "sync:data", "shell:sha256sum", "shell:pm install", "install:commit",
    "shell:rm", "shell:am start", "open:localabstract", "probe:accept", "stream:data:out",
    "probe:facts",
)  # fmt: skip
"""Steps of a first connection, in order."""
IN_A_TRIAL = ("shell:dumpsys activity", "stream:data:in", "probe:run", "probe:recorded")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    """The adb server of all tests here that do not kill theirs."""
    running = PrivateServer(tmp_path_factory.mktemp("adb"))
    yield running
    running.close()


@pytest.fixture
def one(server: PrivateServer) -> Iterator[Rig]:
    with rig(on=server) as made:
        yield made


def works_again(made: Rig, driver: AndroidDriver) -> None:
    """The same driver, as the bench does it: connect again and make the trial."""
    driver.connect()
    assert trial(driver).audio.samples.shape[0] == round(48_000 * REQUEST.duration_s)
    driver.close()
    assert stay_on(made.phone) == "0"
    assert not has_note(made.phone)
    assert left_over(made.phone) == [] or len(left_over(made.phone)) == 1


def connect_and_try(driver: AndroidDriver) -> None:
    """The whole way of a phone."""
    driver.connect()
    trial(driver)
    driver.health()


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
    driver = one.driver(deadlines=replace(QUICK, replug_s=10.0))
    driver.connect()
    one.phone.unplug()
    with pytest.raises(DeviceLost):
        trial(driver)
    timer = threading.Timer(0.4, one.phone.replug)
    timer.start()
    driver.connect()
    timer.join()
    trial(driver)


def test_gone_for_good_is_said_and_close_does_not_mind(one: Rig) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.unplug()
    until(lambda: not one.server.adb.listed(), 10, "gone")
    driver.close()
    with pytest.raises(DeviceLost, match="not connected"):
        driver.connect()


# --- frozen ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", CONNECTING)
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
        driver = made.driver(deadlines=replace(QUICK, replug_s=10.0))

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


@pytest.mark.parametrize(
    ("fault", "words"),
    [("crash_probe", "java.lang.IllegalStateException: the audio server died"),
     ("crash_native", "signal 11 (SIGSEGV), code 1 (SEGV_MAPERR)"),
     ("kill_probe", "the probe's process ended")],
)  # fmt: skip
@pytest.mark.parametrize("step", ["probe:run", "probe:facts", "probe:accept"])
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


# --- a hostile phone ------------------------------------------------------------------------------

NASTY = "\x1b]0;x\x07'; DROP TABLE devices; -- <script>alert(1)</script> $(reboot) `id` ../../etc"


def nasty_phone(made: Rig) -> VirtualAndroid:
    phone = made.phone
    for key in list(phone.properties):
        if key.startswith("ro.product") or key.startswith("ro.soc"):
            phone.properties[key] = NASTY
    phone.properties["ro.build.fingerprint"] = "x\n@@path\npackage:/data/app/$(reboot)/base.apk"
    return phone


def test_nothing_a_phone_says_gets_out_of_its_place(one: Rig) -> None:
    phone = nasty_phone(one)
    seen: list[str] = []
    phone.override("*", lambda words: seen.append(" ".join(words)))
    driver = one.driver(named=False)
    facts = driver.connect()
    for text in (facts.manufacturer, facts.model, facts.soc, facts.os_build, *facts.raw.values()):
        assert not any(ord(char) < 32 for char in text), text
        assert len(text) <= 128
    assert len(facts.raw) <= 256
    assert "reboot" not in "".join(seen)
    trial(driver)
    driver.close()


COMMANDS = (
    "dumpsys battery", "dumpsys audio", "dumpsys activity", "dumpsys trust", "dumpsys window",
    "dumpsys sensor_privacy", "dumpsys package", "getprop", "pm path", "settings get", "df",
    "sha256sum", "logcat", "pidof", "cat", "am start",
)  # fmt: skip
Answer = str | bytes | tuple[str, int]
_LIES: dict[str, Callable[[], Answer | Iterator[bytes]]] = {
    "empty": lambda: "",
    "nonsense": lambda: "\xff\x00[a]: [b" * 500,
    "escapes": lambda: NASTY * 20,
    "unknown": lambda: ("", 127),
}


@pytest.mark.parametrize("lie", _LIES)
def test_lies_lead_to_an_answer_or_a_named_error(one: Rig, lie: str) -> None:
    """Each command lies in turn; the last one is the start, after which nothing can be reached."""
    lying = [""]

    def answer(words: list[str]) -> Answer | None:
        return _LIES[lie]() if " ".join(words).startswith(lying[0] or "-") else None

    one.phone.override("*", answer)
    driver = one.driver()
    errors: list[DeviceError] = []
    for lying[0] in COMMANDS:
        try:
            connect_and_try(driver)
        except DeviceError as exc:
            errors.append(exc)
        driver.close()
    assert all(error.device and "\x1b" not in str(error) for error in errors)
    assert len(errors) < len(COMMANDS), "a lie about a detail stops nothing"


def test_a_command_that_never_ends_is_ended(one: Rig) -> None:
    def flood(_: list[str]) -> Iterator[bytes]:
        while True:
            yield b"x" * 60_000

    one.phone.override("dumpsys audio", flood)
    with pytest.raises((ProbeProtocolError, DeviceTimeout)):
        one.driver().connect()


@pytest.mark.parametrize(
    "script",
    [bad_probes.garbage, bad_probes.http, bad_probes.never_answers, bad_probes.closes_at_once,
     bad_probes.huge_header, bad_probes.huge_payload, bad_probes.truncated_hello],
    ids=lambda script: script.__name__,
)  # fmt: skip
def test_a_probe_that_is_none(one: Rig, script: bad_probes.Script) -> None:
    one.phone.hostile_probe = script
    with pytest.raises(DeviceError) as caught:
        one.driver().connect()
    assert isinstance(caught.value, ProbeError | DeviceTimeout | DeviceLost)


def test_a_phone_that_swaps_the_package_is_found_out(one: Rig) -> None:
    """The package that counts is the one that is installed, not the one that was sent."""
    one.phone.preinstall(probe_package().data)
    path = one.phone.packages.installed[PROBE].path
    seen: list[str] = []
    one.phone.override("pm install", lambda words: seen.append(" ".join(words)))
    one.phone.override("sha256sum " + path, lambda _: f"{'0' * 64}  {path}\n")
    one.driver().connect()
    assert len(seen) == 1


# --- many -----------------------------------------------------------------------------------------


def test_four_bad_phones_of_sixteen_harm_no_other() -> None:
    names = [f"A{i:02}" for i in range(16)]
    with rig(*names) as made:
        made.phones[0].on("shell:pm install", "unplug")
        made.phones[1].on("probe:run", "freeze")
        made.phones[2].on("probe:run", "crash_probe")
        made.phones[3].refuse_installs()
        drivers = made.drivers(deadlines=replace(QUICK, shell_s=4.0, launch_s=4.0))
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
