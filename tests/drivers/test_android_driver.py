"""The Android driver end to end: adbutils, the real adb server, virtual phones behind it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from adb_servers import until
from android_benches import QUICK, REQUEST, TRAIN, Rig, has_note, left_over, rig, stay_on, trial

from device_probes.android import AndroidDriver, PrivateServer, probe_package
from device_probes.driver import CodesSpeech, Driver, ReportsHealth
from device_probes.protocol import PROTOCOL_VERSION, Hello
from device_probes.virtual import Clock
from device_probes.virtual.adbd.packages import RECORD_AUDIO
from device_probes.wire import Connection, Deadline
from profiler.analysis import analyze
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotFound,
    DeviceNotReady,
    InstallFailed,
    ProbePermission,
    ProbeRefused,
    ProbeVersionMismatch,
)
from profiler.model import CodecRequest, DeviceState, Platform

PROBE = "org.chirpbench.probe"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    """The adb server of all tests here."""
    running = PrivateServer(tmp_path_factory.mktemp("adb"))
    yield running
    running.close()


@pytest.fixture
def one(server: PrivateServer) -> Iterator[Rig]:
    with rig(on=server) as made:
        yield made


def commands_of(phone) -> list[str]:
    """Commands the phone is given from now on."""
    seen: list[str] = []

    def note(words: list[str]) -> None:
        seen.append(" ".join(words))

    phone.override("*", note)
    return seen


# --- the way of a good phone ----------------------------------------------------------------------


def test_from_first_contact_to_a_phone_as_it_was(one: Rig) -> None:
    driver = one.driver()
    facts = driver.connect()
    assert (facts.platform, facts.is_virtual, facts.is_emulator) == (Platform.VIRTUAL, True, False)
    assert (facts.manufacturer, facts.model, facts.marketing_name) == ("Acme", "A 1", "Acme One")
    assert facts.api_level == 34
    assert facts.frames_per_burst
    assert facts.raw["opus_encoders"] == "c2.android.opus.encoder"
    assert facts.raw["abi"] == "arm64-v8a"
    installed = one.phone.packages.installed[PROBE]
    assert RECORD_AUDIO in installed.granted
    assert stay_on(one.phone) == "7"
    assert has_note(one.phone)
    assert left_over(one.phone) == []
    capture = trial(driver, replace(REQUEST, duration_s=TRAIN.duration_s + 0.3))
    estimate = analyze(capture.audio, TRAIN)
    truth = one.phone.phone.truths[-1].latency_ms
    assert estimate.round_trip_latency_ms == pytest.approx(truth, abs=0.05)
    health = driver.health()
    assert (health.battery_percent, health.battery_temperature_c) == (80.0, 28.0)
    assert health.thermal_status == "none"
    driver.close()
    assert stay_on(one.phone) == "0"
    assert not has_note(one.phone)
    assert one.phone.app.pid is None
    assert installed is one.phone.packages.installed[PROBE], "it is left installed"


def test_it_is_a_driver_with_all_its_powers(one: Rig) -> None:
    driver: Driver = one.driver()
    assert isinstance(driver, ReportsHealth)
    assert isinstance(driver, CodesSpeech)
    driver.connect()
    cost = driver.codec_cost(CodecRequest(frames=5))
    assert cost.encoder == "c2.android.opus.encoder"
    driver.cancel()
    driver.close()
    driver.close()
    with pytest.raises(DeviceLost, match="not connected"):
        trial(driver)
    with pytest.raises(DeviceLost, match="not connected"):
        driver.health()


def test_a_current_probe_is_not_installed_again(one: Rig) -> None:
    one.driver().connect()
    installed = one.phone.packages.installed[PROBE]
    driver = one.driver()
    with pytest.raises(DeviceNotReady, match="busy"):
        driver.connect()
    one.close()
    seen = commands_of(one.phone)
    driver = one.driver()
    driver.connect()
    assert one.phone.packages.installed[PROBE] is installed
    assert not [line for line in seen if line.startswith("pm install")]
    starts = [line for line in seen if line.startswith("am start")]
    assert len(starts) == 1
    driver.close()
    first = [line.split("--es socket ")[1] for line in starts]
    driver.connect()
    again = [line for line in seen if line.startswith("am start")][-1].split("--es socket ")[1]
    assert again not in first, "name and token are new at every start"


@pytest.mark.parametrize(
    "change",
    [{"version_code": 1}, {"version_name": "0.0.9"}, {"version_code": 9999}, {"signer": "11" * 32},
     {"granted": False}],
    ids=lambda change: next(iter(change)) + str(next(iter(change.values())))[:4],
)  # fmt: skip
def test_any_other_probe_is_replaced(one: Rig, change: dict[str, object]) -> None:
    data = probe_package().data
    if "signer" in change:
        change = {"version_code": 1, **change}
    one.phone.preinstall(data, **change)
    driver = one.driver()
    driver.connect()
    ours = probe_package()
    installed = one.phone.packages.installed[PROBE]
    assert (installed.apk.version_code, installed.apk.version_name) == (
        ours.version_code, ours.version_name,
    )  # fmt: skip
    assert RECORD_AUDIO in installed.granted
    trial(driver)


def test_a_probe_of_the_same_version_with_other_bytes_is_replaced(one: Rig) -> None:
    ours = probe_package()
    one.phone.preinstall(
        None, version_code=ours.version_code, version_name=ours.version_name,
        signer=one.phone.packages.installed[PROBE].apk.signer if PROBE in
        one.phone.packages.installed else None,
    )  # fmt: skip
    driver = one.driver()
    driver.connect()
    path = one.phone.packages.installed[PROBE].path
    assert one.phone.files.read(path) == ours.data


def test_a_probe_of_another_protocol_is_installed_again_once(one: Rig) -> None:
    one.phone.preinstall(probe_package().data, protocol=PROTOCOL_VERSION - 1)
    driver = one.driver()
    driver.connect()
    trial(driver)


def test_one_that_still_speaks_another_protocol_is_refused(one: Rig) -> None:
    def answer(sock) -> None:
        with sock:
            wire = Connection(sock, "host")
            wire.read(Deadline(5, "hello"))
            wire.write(Hello(1, "0.0.1").header(), Deadline(5, "hello"))

    one.phone.hostile_probe = answer
    seen = commands_of(one.phone)
    with pytest.raises(ProbeVersionMismatch, match="protocol 1"):
        one.driver().connect()
    assert len([line for line in seen if line.startswith("am start")]) == 1, "it was just installed"
    one.close()
    with pytest.raises(ProbeVersionMismatch):
        one.driver().connect()
    assert len([line for line in seen if line.startswith("pm install")]) == 2


@pytest.mark.parametrize(
    "android",
    ["[phone.android.at_start]\nlegacy_adbd = true",
     "[phone.android.at_start]\nawake = false\nkeyguard = 'swipe'"],
    ids=["legacy", "swipe"],
)  # fmt: skip
def test_old_and_sleeping_phones_work_too(android: str) -> None:
    with rig(android=android, api_level=26) as made:
        driver = made.driver()
        facts = driver.connect()
        assert facts.api_level == 26
        trial(driver)
        assert made.phone.state.awake
        driver.close()
        assert not has_note(made.phone)


def test_a_setting_that_never_was_is_deleted_again() -> None:
    with rig(android="[phone.android.at_start]\nawake = true") as made:
        made.phone.state.settings["global"].pop("stay_on_while_plugged_in", None)
        driver = made.driver()
        driver.connect()
        assert stay_on(made.phone) == "7"
        driver.close()
        assert stay_on(made.phone) is None


def test_a_phone_that_stays_awake_by_itself_is_not_changed(one: Rig) -> None:
    one.phone.state.settings["global"]["stay_on_while_plugged_in"] = "7"
    driver = one.driver()
    driver.connect()
    assert not has_note(one.phone)
    driver.close()
    assert stay_on(one.phone) == "7"


_CHILD = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from device_probes.android import AdbBench
from device_probes.android.adb import Adb
adb = Adb("127.0.0.1", int(sys.argv[1]))
server = SimpleNamespace(adb=adb, ensure=adb.version, close=lambda: None)
bench = AdbBench(server, Path(sys.argv[2]))
bench.start()
bench.connect_addresses([sys.argv[3]])
bench.drivers()[0].connect()
print("connected", flush=True)
time.sleep(60)
"""


def test_after_kill_9_the_next_contact_puts_the_old_values_back(one: Rig) -> None:
    arguments = [str(one.server.adb.port), str(one.folder / "state"), one.phone.address]
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD, *arguments], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"connected\n"
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)
    assert stay_on(one.phone) == "7"
    assert has_note(one.phone)
    driver = one.driver()
    driver.connect()
    trial(driver)
    driver.close()
    assert stay_on(one.phone) == "0"
    assert not has_note(one.phone)


@pytest.mark.parametrize(
    "note",
    ["", "x" * 9999, "chirpbench-restore 1\nglobal stay_on_while_plugged_in 7; reboot\nend\n",
     "chirpbench-restore 1\nglobal stay_on_while_plugged_in 3\n"]
)  # fmt: skip
def test_a_note_that_is_not_ours_is_not_believed(one: Rig, note: str) -> None:
    one.phone.files.put("/data/local/tmp/chirpbench.restore", note.encode())
    one.phone.state.settings["global"]["stay_on_while_plugged_in"] = "3"
    driver = one.driver()
    driver.connect()
    driver.close()
    assert stay_on(one.phone) == "3"


# --- what waits for a person ----------------------------------------------------------------------


def test_unauthorized_is_said_at_once_and_accepted_later() -> None:
    with rig(android="[phone.android.at_start]\nunauthorized = true") as made:
        driver = made.driver()
        with pytest.raises(DeviceNotReady, match="Allow USB debugging") as caught:
            driver.connect()
        assert caught.value.state == DeviceState.UNAUTHORIZED
        assert made.phone.accept_key()
        driver = replace_driver(made)
        driver.connect()
        trial(driver)


def replace_driver(made: Rig) -> AndroidDriver:
    """A driver of a bench that sees the phone ready."""
    bench = made.bench()
    until(lambda: all(s.state is DeviceState.READY for s in bench.seen()), 10, "ready")
    return made.driver()


def test_a_pin_is_not_guessed(one: Rig) -> None:
    one.phone.lock("pin")
    with pytest.raises(DeviceNotReady, match="unlock the screen by hand") as caught:
        one.driver().connect()
    assert caught.value.state == DeviceState.LOCKED
    (seen,) = one.bench().seen(check=True)
    assert seen.state is DeviceState.LOCKED
    one.phone.unlock()
    one.close()
    trial_after(one)


def trial_after(made: Rig) -> None:
    """The phone is as good as any again."""
    driver = made.driver()
    driver.connect()
    trial(driver)
    driver.close()


@pytest.mark.parametrize(
    ("reason", "hint"),
    [("INSTALL_FAILED_USER_RESTRICTED", "Install via USB"),
     ("INSTALL_FAILED_INSUFFICIENT_STORAGE", "free some space"),
     ("INSTALL_FAILED_UPDATE_INCOMPATIBLE", "remove the probe by hand")],
)  # fmt: skip
def test_a_refused_install_says_which_switch(one: Rig, reason: str, hint: str) -> None:
    one.phone.refuse_installs(reason)
    with pytest.raises(InstallFailed, match=reason) as caught:
        one.driver().connect()
    assert caught.value.reason == reason
    assert hint in caught.value.hint
    assert left_over(one.phone) == []
    one.phone.refuse_installs(None)
    one.close()
    trial_after(one)


def test_a_refused_grant_says_which_switch(one: Rig) -> None:
    one.phone.refuse_grants()
    with pytest.raises(ProbePermission, match="did not give the probe the microphone") as caught:
        one.driver().connect()
    assert "USB debugging (Security settings)" in caught.value.hint
    one.phone.allow_microphone()
    one.close()
    trial_after(one)


def test_a_full_phone_is_named_and_nothing_is_left_on_it(one: Rig) -> None:
    one.phone.fill_disk(500_000)
    with pytest.raises(InstallFailed, match="storage is full") as caught:
        one.driver().connect()
    assert caught.value.reason == "disk_full"
    assert left_over(one.phone) == []
    one.close()
    assert stay_on(one.phone) == "0"
    one.phone.fill_disk(0)
    with pytest.raises(InstallFailed, match="storage is full"):
        one.driver().connect()
    assert stay_on(one.phone) == "0"
    one.phone.clear_disk()
    one.close()
    trial_after(one)


def test_a_microphone_that_is_switched_off_is_found_before_the_trial(one: Rig) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.switch_mic()
    with pytest.raises(ProbePermission, match="Microphone access"):
        trial(driver)
    one.phone.switch_mic(off=False)
    one.phone.other_app_records("com.example.recorder")
    with pytest.raises(DeviceNotReady, match=r"com\.example\.recorder records") as caught:
        trial(driver)
    assert caught.value.state == DeviceState.BUSY
    one.phone.other_app_records(None)
    trial(driver)


def test_a_revoked_permission_is_found(one: Rig) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.packages.installed[PROBE].granted.discard(RECORD_AUDIO)
    with pytest.raises((ProbePermission, ProbeRefused)):
        trial(driver)


def test_heat_and_charge_are_told(one: Rig) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.heat(47.0, 3)
    one.phone.drain(12.0)
    health = driver.health()
    assert health.battery_temperature_c == pytest.approx(47.0, abs=0.1)
    assert health.battery_percent == pytest.approx(12.0, abs=1.0)
    assert health.thermal_status == "severe"


# --- several phones, several benches --------------------------------------------------------------


def test_two_phones_with_one_serial_are_two_devices() -> None:
    with rig("A1", "A2", android='serialno = "0123456789ABCDEF"') as made:
        first, second = made.drivers(named=False)
        keys = {first.ref.serial, second.ref.serial}
        assert len(keys) == 2
        assert all(made_address in "".join(keys) for made_address in made.names)
        for driver in (first, second):
            driver.connect()
            trial(driver)
        assert all(phone.app.pid for phone in made.phones)


def test_a_serial_of_its_own_seen_twice_is_said() -> None:
    with rig("A1", "A2", android='serialno = "R58M12ABCDE"') as made:
        seen = made.bench(named=False).seen()
        assert all("2 phones say the serial R58M12ABCDE" in phone.detail for phone in seen)
    with rig("A1", android='serialno = "R58M12ABCDE"') as made:
        (phone,) = made.bench(named=False).seen()
        assert phone.ref.serial == "R58M12ABCDE"
        assert phone.ref.label == "A 1"


def test_a_bench_shows_every_state_with_its_remedy() -> None:
    with rig("A1", "A2", "A3", "A4") as made:
        bench = made.bench()
        made.phones[0].forget_keys()
        made.phones[1].offline()
        made.phones[2].lock("pin")
        wanted = {"A1": DeviceState.UNAUTHORIZED, "A2": DeviceState.OFFLINE,
                  "A3": DeviceState.LOCKED, "A4": DeviceState.READY}  # fmt: skip

        def states() -> dict[str, DeviceState]:
            return {phone.ref.serial: phone.state for phone in bench.seen(check=True)}

        until(lambda: states() == wanted, 10, "the states")
        made.phones[3].freeze()
        until(lambda: states()["A4"] is DeviceState.OFFLINE, 10, "frozen")
        made.phones[3].thaw()
        made.phones[2].unplug()
        until(lambda: states()["A3"] is DeviceState.ABSENT, 10, "absent")
        for phone in bench.seen():
            assert bool(phone.detail) is (phone.state is not DeviceState.READY), phone


def test_a_phone_that_fails_three_times_rests_until_it_is_released(one: Rig) -> None:
    one.phone.on("am start", lambda _: None)
    for _ in range(3):
        driver = one.driver(deadlines=replace(QUICK, shell_s=0.3, contact_s=0.3, close_s=0.3))
        one.phone.freeze()
        for _ in range(2):
            with pytest.raises(DeviceError):
                driver.connect()
        one.phone.thaw()
        driver.close()
    driver = one.driver()
    with pytest.raises(DeviceNotReady, match="chirpbench devices --release") as caught:
        driver.connect()
    assert caught.value.state == DeviceState.QUARANTINED
    bench = one.bench()
    assert bench.seen()[0].state is DeviceState.QUARANTINED
    with pytest.raises(DeviceNotFound, match="absent"):
        bench.release("B9")
    bench.release("A1")
    assert bench.seen()[0].state is DeviceState.READY
    trial_after(one)


def test_a_success_forgets_the_failures(one: Rig) -> None:
    for _ in range(4):
        driver = one.driver(deadlines=replace(QUICK, shell_s=0.3, contact_s=0.3, close_s=0.3))
        one.phone.freeze()
        with pytest.raises(DeviceError):
            driver.connect()
        one.phone.thaw()
        driver.close()
        trial_after(one)


def test_many_phones_at_once() -> None:
    names = [f"A{i}" for i in range(16)]
    with rig(*names) as made:
        drivers = made.drivers()
        failures: list[str] = []

        def work(driver: AndroidDriver) -> None:
            try:
                driver.connect()
                trial(driver)
                driver.close()
            except DeviceError as exc:
                failures.append(str(exc))

        threads = [threading.Thread(target=work, args=(driver,)) for driver in drivers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        assert {stay_on(phone) for phone in made.phones} == {"0"}


def test_a_running_trial_is_cancelled() -> None:
    with rig(clock=Clock(1.0)) as made:
        driver = made.driver()
        driver.connect()
        timer = threading.Timer(0.5, driver.cancel)
        timer.start()
        with pytest.raises(ProbeRefused) as caught:
            trial(driver, replace(REQUEST, duration_s=20.0))
        assert caught.value.code == "cancelled"
        timer.join()
        trial(driver, replace(REQUEST, duration_s=0.2))


def test_a_phone_that_is_not_there_is_named(one: Rig) -> None:
    one.phone.unplug()
    with pytest.raises(DeviceNotFound, match="not connected") as caught:
        one.driver().connect()
    assert "USB debugging" in caught.value.hint
