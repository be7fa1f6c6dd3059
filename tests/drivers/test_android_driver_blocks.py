"""What keeps a phone from being measured until a person does something: named, with the remedy."""

from __future__ import annotations

import pytest
from adb_servers import until
from android_benches import (
    Rig,
    left_over,
    rig,
    stay_on,
    trial,
    trial_after,
)

from device_probes.android import AndroidDriver
from device_probes.virtual.adbd.packages import RECORD_AUDIO
from profiler.errors import (
    DeviceNotReady,
    InstallFailed,
    ProbePermission,
    ProbeRefused,
)
from profiler.model import DeviceState

PROBE = "org.chirpbench.probe"


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
