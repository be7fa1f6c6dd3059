"""Everything that goes wrong with an iPhone: a stated error and verdict, and the phone works after.

The faults are real ones of the layer below: a phone that is pulled, freezes or lies, a
WebDriverAgent that ends, hangs or forgets; facebook-wda is the real one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ios_fleets import (
    IMPATIENT,
    QUICK,
    Table,
    as_found,
    connect_and_try,
    table,
    trial,
    works_again,
)

from device_probes.ios.errors import REMEDIES
from device_probes.virtual import Clock
from device_probes.virtual.usbmuxd.iphone import VirtualIphone
from profiler.bench.faults import fault_of
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotFound,
    DeviceNotReady,
    DeviceTimeout,
)
from profiler.model import DeviceState, Reason, Verdict

CONNECTING = (
    "mux:connect:62078", "lockdown:GetValue", "mux:connect:8100", "wda:GET /status",
    "wda:POST /wda/apps/state", "wda:POST /wda/apps/launch", "probe:start", "wda:GET /alert/text",
    "wda:POST /alert/accept", "mux:connect:7878", "probe:accept", "probe:facts",
)  # fmt: skip
"""Steps of a first connection, in order."""
IN_A_TRIAL = ("stream:data:in", "probe:run", "probe:stage:playing", "probe:recorded")


@pytest.fixture
def one() -> Iterator[Table]:
    with table("I1") as made:
        yield made


# --- unplugged ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", CONNECTING)
def test_unplugged_while_connecting(one: Table, step: str) -> None:
    driver = one.driver()
    one.phone.on(step, "unplug")
    with pytest.raises((DeviceLost, DeviceNotFound)) as caught:
        driver.connect()
    assert caught.value.hint
    assert fault_of(caught.value).reason is Reason.DEVICE_LOST
    one.phone.replug()
    works_again(one, driver)


@pytest.mark.parametrize("step", IN_A_TRIAL)
def test_unplugged_in_a_trial(one: Table, step: str) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.on(step, "unplug")
    with pytest.raises(DeviceLost, match="the phone went away"):
        trial(driver)
    driver.close()
    one.phone.replug()
    works_again(one, driver)


def test_unplugged_while_the_samples_are_fetched(one: Table) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.on("stream:data:out", "unplug", after=20_000)
    with pytest.raises(DeviceLost, match="the phone went away"):
        trial(driver)
    one.phone.replug()
    works_again(one, driver)


def test_a_phone_that_comes_back_in_time_is_waited_for(one: Table) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.unplug()
    with pytest.raises(DeviceLost):
        trial(driver)
    timer = threading.Timer(0.3, one.phone.replug)
    timer.start()
    driver.connect()
    timer.join()
    trial(driver)


def test_gone_for_good_is_said_and_close_does_not_mind(one: Table) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.unplug()
    driver.close()
    with pytest.raises(DeviceLost, match="not connected"):
        driver.connect()


def test_usbmuxd_ends_in_a_trial(one: Table) -> None:
    driver = one.driver()
    driver.connect()
    one.phone.on("probe:run", lambda _: threading.Thread(target=one.daemon.stop).start())
    with pytest.raises(DeviceLost):
        trial(driver)
    with pytest.raises(DeviceNotReady) as caught:
        driver.connect()
    assert caught.value.state == DeviceState.NO_USBMUXD


def test_two_at_once_and_one_is_pulled() -> None:
    with table("I1", "I2", clock=Clock(8.0)) as made:
        drivers = made.drivers()
        for driver in drivers.values():
            driver.connect()
        made.phone.on("probe:stage:playing", "unplug")
        ended: dict[str, object] = {}

        def work(name: str) -> None:
            try:
                ended[name] = trial(drivers[name]).audio.samples.shape[0]
            except DeviceError as exc:
                ended[name] = type(exc)

        threads = [threading.Thread(target=work, args=(name,)) for name in drivers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert ended == {"I1": DeviceLost, "I2": 19_200}


# --- frozen ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", CONNECTING)
def test_frozen_while_connecting(one: Table, step: str) -> None:
    driver = one.driver(IMPATIENT)
    one.phone.on(step, "freeze")
    with pytest.raises((DeviceTimeout, DeviceNotReady)) as caught:
        driver.connect()
    if isinstance(caught.value, DeviceNotReady):
        assert caught.value.state == DeviceState.WDA_HUNG
    assert caught.value.hint
    one.phone.thaw()
    works_again(one, one.driver())


@pytest.mark.parametrize("step", IN_A_TRIAL)
def test_frozen_in_a_trial(one: Table, step: str) -> None:
    driver = one.driver(IMPATIENT)
    driver.connect()
    one.phone.on(step, "freeze")
    with pytest.raises(DeviceTimeout) as caught:
        trial(driver)
    assert fault_of(caught.value).reason is Reason.DEVICE_TIMEOUT
    driver.close()
    one.phone.thaw()
    driver.connect()
    trial(driver)
    driver.close()
    as_found(one.phone)


# --- states that wait for a person ----------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What is wrong, and what it has to be called."""

    do: tuple[str, ...]
    state: DeviceState
    reason: Reason
    words: str
    cure: tuple[str, ...] = ()
    needs: tuple[str, str] | None = None


INFO = ("libimobiledevice-utils", "ideviceinfo")
PROFILES = ("libimobiledevice-utils", "ideviceprovision")
STATES = {
    "wda dead": Case(("kill_wda",), DeviceState.WDA_MISSING, Reason.WDA_MISSING,
                     "open the probe app by hand", ("start_wda",)),
    "wda hangs": Case(("hang_wda",), DeviceState.WDA_HUNG, Reason.WDA_HUNG,
                      "end WebDriverAgent", ("heal_wda",)),
    "wda expired": Case(("expire_wda",), DeviceState.WDA_EXPIRED, Reason.WDA_EXPIRED,
                        "sign WebDriverAgent", (), PROFILES),
    "probe missing": Case(("remove_probe",), DeviceState.PROBE_MISSING, Reason.PROBE_MISSING,
                          "docs/ios.md"),
    "probe expired": Case(("expire_probe",), DeviceState.PROBE_EXPIRED, Reason.PROBE_EXPIRED,
                          "trust its developer"),
    "locked": Case(("lock",), DeviceState.LOCKED, Reason.DEVICE_LOCKED, "unlock", ("unlock",)),
    "untrusted": Case(("untrust", "kill_wda"), DeviceState.UNTRUSTED, Reason.UNTRUSTED,
                      "tap Trust", ("trust", "start_wda")),
    "no developer mode": Case(("set_developer_mode",), DeviceState.NO_DEVELOPER_MODE,
                              Reason.NO_DEVELOPER_MODE, "Developer Mode", (), INFO),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.needs_apt(*case.needs)] if case.needs else [])
        for name, case in STATES.items()
    ],
)
def test_a_state_that_waits_for_a_person(one: Table, name: str) -> None:
    case, phone = STATES[name], one.phone
    for action in case.do:
        getattr(phone, action)()
    driver = one.driver(QUICK)
    with pytest.raises(DeviceNotReady) as caught:
        driver.connect()
    assert caught.value.state == case.state
    assert case.words in caught.value.hint
    fault = fault_of(caught.value)
    assert (fault.verdict, fault.reason) == (Verdict.ERROR, case.reason)
    as_found(phone)
    if case.cure:
        for action in case.cure:
            getattr(phone, action)()
        works_again(one, driver)


def test_a_computer_that_the_phone_has_forgotten_is_untrusted(one: Table) -> None:
    one.phone.revoke()
    one.phone.kill_wda()
    with pytest.raises(DeviceNotReady) as caught:
        one.driver().connect()
    assert caught.value.state == DeviceState.UNTRUSTED


def test_trust_is_known_without_any_program(
    one: Table, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    one.phone.kill_wda()
    bench = one.bench()
    (before,) = bench.seen(check=True)
    one.phone.untrust()
    (after,) = bench.seen(check=True)
    assert (before.state, after.state) == (DeviceState.WDA_MISSING, DeviceState.UNTRUSTED)
    one.phone.trust()
    one.phone.revoke()
    (revoked,) = bench.seen(check=True)
    assert revoked.state is DeviceState.UNTRUSTED


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (lambda phone: phone.untrust(), DeviceState.UNTRUSTED),
        (lambda phone: phone.kill_wda(), DeviceState.WDA_MISSING),
        (lambda phone: phone.lock(passcode=True), DeviceState.LOCKED),
    ],
)
def test_inspecting_tells_the_state_that_a_run_would_meet(
    one: Table, fault: Callable[[VirtualIphone], None], state: DeviceState
) -> None:
    fault(one.phone)
    with pytest.raises(DeviceNotReady) as caught:
        one.driver().inspect()
    assert caught.value.state == state
    assert REMEDIES[state] in caught.value.hint
    assert one.phone.state.launches == []


def test_a_screen_without_a_passcode_is_unlocked(one: Table) -> None:
    one.phone.lock(passcode=False)
    connect_and_try(one.driver())


def test_a_failed_start_leaves_a_picture_of_the_screen(one: Table) -> None:
    one.phone.expire_probe()
    with pytest.raises(DeviceNotReady) as caught:
        one.driver().connect()
    (file,) = (one.folder / "pictures").glob("I1-*.png")
    assert str(file) in caught.value.hint
    assert file.read_bytes().startswith(b"\x89PNG")
    assert file.stat().st_mode & 0o077 == 0
