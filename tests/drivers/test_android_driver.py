"""The Android driver end to end: adbutils, the real adb server, virtual phones behind it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from android_benches import REQUEST, TRAIN, Rig, has_note, left_over, rig, stay_on, trial

from device_probes.android import probe_package
from device_probes.driver import CodesSpeech, Driver, ReportsHealth
from device_probes.protocol import PROTOCOL_VERSION, Hello
from device_probes.virtual.adbd.packages import RECORD_AUDIO
from device_probes.wire import Connection, Deadline
from profiler.analysis import analyze
from profiler.errors import (
    DeviceLost,
    DeviceNotReady,
    ProbeVersionMismatch,
)
from profiler.model import CodecRequest, Platform

PROBE = "org.chirpbench.probe"


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
    one.phone.preinstall(version_code=ours.version_code, version_name=ours.version_name)
    driver = one.driver()
    driver.connect()
    assert one.phone.files.read(one.phone.packages.installed[PROBE].path) == ours.data


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
