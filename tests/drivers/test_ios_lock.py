"""An iPhone is locked in mid-trial by WebDriverAgent, and is open again for the next one."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import bench_fleets as fleets
import pytest
from android_bench import Ran
from ios_fleets import CALM, Table, fleet_toml, table, trial

from device_probes.ios.door import MuxDoor
from device_probes.ios.driver import IosDriver
from device_probes.ios.lockdown import read_facts
from device_probes.virtual import Clock
from profiler.bench import run_bench
from profiler.cli.phones import ios_phones, virtual_phones
from profiler.errors import DeviceNotReady, ProbeBackground, ProbeRefused
from profiler.model import DeviceState, RunStatus, TimedAction, TrialRequest, Verdict
from profiler.plan import IosPlan

LOCK = TimedAction(action="lock", at_s=0.5)
LONG = TrialRequest(warmup_s=0.0, duration_s=4.0, background="continue")


def locking(made: Table, driver: IosDriver) -> list[object]:
    """Lock it when the next trial plays; what came of it."""
    seen: list[object] = []

    def act() -> None:
        try:
            seen.append(driver.act(LOCK))
        except Exception as exc:  # noqa: BLE001 - the test looks at it
            seen.append(exc)

    made.phone.on("probe:stage:playing", lambda _: threading.Thread(target=act).start())
    return seen


def test_k1_is_measured_and_the_phone_is_open_again(tmp_path: Path) -> None:
    with table("I1", clock=Clock(8.0)) as phones:
        locked: list[bool] = []
        phones.phone.on("wda:POST /wda/unlock", lambda p: locked.append(p.state.locked))
        store = fleets.open_store(tmp_path)
        plan = fleets.plan("K1", suite="standard", volumes=(0.9,), separate_zones=True)
        watcher = fleets.Watcher()
        outcome = run_bench(plan, list(phones.drivers(CALM).values()), store, observe=watcher)
        ran = Ran(outcome, watcher, store)
        assert ran.status("I1")[0] is RunStatus.OK
        (found,) = ran.of("I1").results
        assert found.verdict is Verdict.PASS, found.text
        assert "behind a locked screen" in found.text
        assert True in locked
        assert not phones.phone.state.locked
        store.close()


def test_the_next_trial_is_in_front_again() -> None:
    with table("I1", clock=Clock(4.0)) as made:
        driver = made.driver()
        driver.connect()
        seen = locking(made, driver)
        trial(driver, LONG)
        assert seen == ["locked"]
        assert made.phone.state.probe_in_front
        trial(driver, TrialRequest(warmup_s=0.0, duration_s=0.4))


def test_one_that_is_not_to_go_on_ends_and_is_open_again() -> None:
    with table("I1", clock=Clock(4.0)) as made:
        driver = made.driver()
        driver.connect()
        seen = locking(made, driver)
        with pytest.raises(ProbeBackground):
            trial(driver, TrialRequest(warmup_s=0.0, duration_s=4.0))
        assert seen == ["locked"]
        trial(driver, TrialRequest(warmup_s=0.0, duration_s=0.4))


def test_one_with_a_passcode_keeps_its_recording_and_then_waits_for_a_person() -> None:
    with table("I1", clock=Clock(4.0)) as made:
        driver = made.driver()
        driver.connect()
        made.phone.state.passcode = True
        locking(made, driver)
        capture = trial(driver, LONG)
        assert capture.audio.samples.shape[0] == 4 * 48_000
        with pytest.raises(DeviceNotReady) as caught:
            trial(driver, LONG)
        assert caught.value.state == DeviceState.LOCKED
        assert "lock" not in driver.actions, "nobody could open it: it is not locked again"
        made.phone.unlock()
        trial(driver, TrialRequest(warmup_s=0.0, duration_s=0.4))
        driver.connect()
        assert "lock" not in driver.actions
        with pytest.raises(ProbeRefused):
            driver.act(LOCK)
        assert not made.phone.state.locked


def test_one_with_a_passcode_that_is_open_is_skipped_and_never_locked(tmp_path: Path) -> None:
    with table("I1", clock=Clock(8.0)) as phones:
        phones.phone.set_passcode()
        locked: list[object] = []
        phones.phone.on("wda:POST /wda/lock", locked.append)
        store = fleets.open_store(tmp_path)
        plan = fleets.plan("K1", "L1", repeats=2, volumes=(0.9,), separate_zones=True)
        watcher = fleets.Watcher()
        drivers = list(phones.drivers(CALM, no_passcode=False).values())
        ran = Ran(run_bench(plan, drivers, store, observe=watcher), watcher, store)
        assert ran.status("I1")[0] is RunStatus.OK
        (skipped,) = [r for r in ran.of("I1").results if r.test_id == "K1"]
        assert skipped.verdict is Verdict.SKIPPED
        assert "no_passcode = true" in skipped.text
        assert "CHIRPBENCH_IOS_NO_PASSCODE=1" in skipped.text
        assert ran.trials("I1"), "the other test was made"
        assert not locked
        assert not phones.phone.state.locked
        store.close()


def test_one_that_was_locked_by_a_passcode_when_it_was_met_is_not_locked_again() -> None:
    with table("I1", clock=Clock(4.0)) as made:
        made.phone.lock()
        made.phone.on("wda:GET /status", "unlock")
        driver = made.driver()
        driver.connect()
        assert driver.actions == {"route"}


def test_lockdown_says_that_it_is_locked_now_and_not_that_it_has_a_passcode() -> None:
    with table("I1") as made:
        door, udid = MuxDoor(made.socket), made.phone.udid
        seen = {}
        for passcode, locked in itertools.product((False, True), repeat=2):
            made.phone.set_passcode(passcode)
            made.phone.state.locked = locked
            facts = read_facts(lambda port: door.connect(udid, port, 3.0), 3.0)
            seen[passcode, locked] = facts.password_protected
        assert seen == {pair: all(pair) for pair in seen}


def test_a_bench_of_virtual_phones_says_itself_that_they_have_none(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(fleet_toml("I1"), "utf-8")
    with virtual_phones(str(fleet), Clock(4.0)) as (driver,):
        assert isinstance(driver, IosDriver)
        driver.connect()
        assert "lock" in driver.actions
        driver.close()


@pytest.mark.parametrize(
    ("said", "variable", "locks"),
    [(None, "", False), (None, "1", True), (True, "0", True), (False, "1", False)],
)
def test_a_run_locks_only_phones_that_it_was_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bool | None, variable: str, locks: bool
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("CHIRPBENCH_IOS_NO_PASSCODE", variable)
    with table("I1", clock=Clock()) as made:
        monkeypatch.setenv("USBMUXD_SOCKET_ADDRESS", f"UNIX:{made.socket}")
        with ios_phones(IosPlan(no_passcode=said)) as (driver,):
            assert isinstance(driver, IosDriver)
            driver.connect()
            assert ("lock" in driver.actions) is locks
            driver.close()


@pytest.mark.parametrize("speed", [9.0, float("inf")])
def test_a_clock_that_is_too_fast_is_not_locked(speed: float) -> None:
    with table("I1", clock=Clock(speed)) as made:
        driver = made.driver()
        driver.connect()
        assert "lock" not in driver.actions


def test_without_webdriveragent_nobody_locks_it() -> None:
    with table("I1", clock=Clock(4.0)) as made:
        made.phone.allow_microphone()
        made.phone.open_probe()
        made.phone.kill_wda()
        driver = made.driver()
        driver.connect()
        assert driver.actions == {"route"}
