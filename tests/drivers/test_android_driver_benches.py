"""Several phones, several benches: twins, states, quarantine, many at once."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from adb_servers import until
from android_benches import (
    CALM,
    QUICK,
    REQUEST,
    Rig,
    rig,
    stay_on,
    trial,
    trial_after,
)

from device_probes.android import AndroidDriver
from device_probes.virtual import Clock
from profiler.errors import (
    DeviceError,
    DeviceNotFound,
    DeviceNotReady,
    ProbeRefused,
)
from profiler.model import DeviceState


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
        bench = made.bench(deadlines=replace(QUICK, shell_s=2.0))
        made.phones[0].forget_keys()
        made.phones[1].offline()
        made.phones[2].lock("pin")
        wanted = {"A1": DeviceState.UNAUTHORIZED, "A2": DeviceState.OFFLINE,
                  "A3": DeviceState.LOCKED, "A4": DeviceState.READY}  # fmt: skip

        def states() -> dict[str, DeviceState]:
            return {phone.ref.serial: phone.state for phone in bench.seen(check=True)}

        until(lambda: states() == wanted, 30, "the states")
        made.phones[3].freeze()
        until(lambda: states()["A4"] is DeviceState.OFFLINE, 30, "frozen")
        made.phones[3].thaw()
        made.phones[2].unplug()
        until(lambda: states()["A3"] is DeviceState.ABSENT, 10, "absent")
        for phone in bench.seen():
            assert bool(phone.detail) is (phone.state is not DeviceState.READY), phone


def test_a_phone_that_fails_three_times_rests_until_it_is_released(one: Rig) -> None:
    one.phone.on("am start", lambda _: None)
    for _ in range(3):
        driver = one.driver(deadlines=replace(QUICK, shell_s=0.5, contact_s=0.5, close_s=0.5))
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
    for _ in range(3):
        driver = one.driver(deadlines=replace(QUICK, shell_s=0.5, contact_s=0.5, close_s=0.5))
        one.phone.freeze()
        with pytest.raises(DeviceError):
            driver.connect()
        one.phone.thaw()
        driver.close()
        trial_after(one)


def test_many_phones_at_once() -> None:
    names = [f"A{i}" for i in range(16)]
    with rig(*names) as made:
        drivers = made.drivers(deadlines=CALM)
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
            thread.join(120)
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
