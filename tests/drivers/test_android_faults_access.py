"""The way to the phone fails: offline, a key that is not accepted, an adb server that dies or
hangs, two phones that say the same serial number."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import android_bench as lab
import android_moments as moments
import pytest

from device_probes.android import PrivateServer
from device_probes.virtual.adbd import VirtualAndroid
from profiler.bench import TrialDone
from profiler.model import DeviceState, RunStatus, Verdict

UNAUTHORIZED = "[phone.android.at_start]\nunauthorized = true"
OK = (RunStatus.OK, "")
LOST = (RunStatus.DEVICE_LOST, "device_lost")
IN_SECOND_TRIAL = moments.IN_SECOND_TRIAL["trial"]
ACCEPT = "accept “Allow USB debugging?” on the phone"


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with lab.adb_server() as running:
        yield running


# --- offline --------------------------------------------------------------------------------------


def test_offline_for_a_moment(server: PrivateServer, tmp_path: Path) -> None:
    with lab.stand(server, tmp_path) as stand:
        IN_SECOND_TRIAL.set(stand.phone, "offline")
        back = moments.on_warning(lambda _: stand.phone.online())
        ran = stand.run(lab.SHORT, then=back, deadlines=lab.PATIENT)
        assert ran.status("A1") == OK
        assert ran.attempts("A1") == [("D1", 0, 1), ("D1", 1, 1), ("D1", 1, 2)]
        assert stand.changed("A1") == {}


def test_offline_for_good_and_back_the_next_day(server: PrivateServer, tmp_path: Path) -> None:
    with lab.stand(server, tmp_path) as stand:
        IN_SECOND_TRIAL.set(stand.phone, "offline")
        ran = stand.run(lab.SHORT)
        assert ran.status("A1") == LOST
        assert ran.counts("A1") == (1, 2)
        assert ran.verdicts("A1")[1] == ("D1", 1, Verdict.ERROR, ("device_lost",))
        assert "A1: the phone is offline; unplug it and plug it in again" in ran.of("A1").problem
        assert stand.listed("A1") is DeviceState.OFFLINE
        stand.phone.online()
        stand.wait_listed("A1", DeviceState.READY)
        again = stand.run(lab.SHORT, resume="")
        assert again.status("A1") == OK
        assert again.attempts("A1") == [("D1", 1, 3)]
        assert stand.changed("A1") == {}


# --- the key dialog -------------------------------------------------------------------------------


def test_unauthorized_then_accepted(server: PrivateServer, tmp_path: Path) -> None:
    with lab.stand(server, tmp_path, android=UNAUTHORIZED) as stand:
        ran = stand.run(lab.SHORT)
        assert ran.status("A1") == (RunStatus.ERROR, "not_authorized")
        assert f"A1: the phone is unauthorized; {ACCEPT}" in ran.of("A1").problem
        assert len(ran.warnings("A1")) == 1, "it waits for a person and is not tried again"
        assert ran.trials("A1") == []
        assert stand.phone.accept_key()
        stand.wait_listed("A1", DeviceState.READY)
        again = stand.run(lab.SHORT, resume="")
        assert again.status("A1") == OK
        assert again.counts("A1") == (2, 2)


def test_authorisation_revoked_in_a_trial(server: PrivateServer, tmp_path: Path) -> None:
    with lab.stand(server, tmp_path) as stand:
        IN_SECOND_TRIAL.set(stand.phone, "forget_keys")
        ran = stand.run(lab.SHORT, deadlines=lab.PATIENT)
        assert ran.status("A1") == (RunStatus.ERROR, "not_authorized")
        assert ran.counts("A1") == (1, 2)
        assert ACCEPT in ran.of("A1").problem
        assert stand.phone.accept_key()
        stand.wait_listed("A1", DeviceState.READY)
        again = stand.run(lab.SHORT, resume="")
        assert again.status("A1") == OK
        assert again.attempts("A1") == [("D1", 1, 3)]
        assert stand.changed("A1") == {}


# --- the adb server -------------------------------------------------------------------------------


def hit(server: PrivateServer, number: int) -> None:
    """Kill, stop or continue the server's processes, as an outsider would."""
    group = server.process_group
    assert group is not None
    os.killpg(group, number)


def test_adb_server_killed_in_a_trial(server: PrivateServer, tmp_path: Path) -> None:
    """It is started again, the phones come back to it, and every run completes."""
    starts = server.starts
    with lab.stand(server, tmp_path, "A1", "B1") as stand:
        IN_SECOND_TRIAL.set(stand.phones["A1"], lambda _: hit(server, signal.SIGKILL))
        ran = stand.run(lab.SHORT, deadlines=lab.PATIENT)
        assert server.starts == starts + 1
        assert ran.attempts("A1") == [("D1", 0, 1), ("D1", 1, 1), ("D1", 1, 2)]
        for serial in ("A1", "B1"):
            assert ran.status(serial) == OK
            assert ran.counts(serial) == (2, 2)


def test_adb_server_killed_between_trials(server: PrivateServer, tmp_path: Path) -> None:
    starts = server.starts
    with lab.stand(server, tmp_path) as stand:
        kill = moments.after_trials(1, lambda _: hit(server, signal.SIGKILL))
        ran = stand.run(lab.SHORT, then=kill, deadlines=lab.PATIENT)
        assert server.starts == starts + 1
        assert ran.status("A1") == OK
        assert ran.counts("A1") == (2, 2)
        assert stand.changed("A1") == {}


def test_adb_server_killed_again_and_again(server: PrivateServer, tmp_path: Path) -> None:
    """More often than is retried: the phone is lost, and a resume completes."""
    with lab.stand(server, tmp_path) as stand:
        moments.repeated(stand.phone, "probe:recorded", lambda _: hit(server, signal.SIGKILL))
        ran = stand.run(lab.SHORT, deadlines=lab.PATIENT)
        assert ran.status("A1") == LOST
        assert ran.attempts("A1") == [("D1", 0, 1), ("D1", 0, 2)]
        stand.phone.triggers.clear()
        again = stand.run(lab.SHORT, resume="")
        assert again.status("A1") == OK
        assert again.counts("A1") == (2, 2)
        assert stand.changed("A1") == {}


def test_adb_server_hangs(server: PrivateServer, tmp_path: Path) -> None:
    """Stopped, it keeps every connection and answers none: that is bounded, too."""
    with lab.stand(server, tmp_path) as stand:
        IN_SECOND_TRIAL.set(stand.phone, lambda _: hit(server, signal.SIGSTOP))
        try:
            ran = stand.run(lab.ONE_TRY, deadlines=lab.QUICK)
        finally:
            hit(server, signal.SIGCONT)
        assert ran.status("A1") == (RunStatus.DEVICE_LOST, "device_timeout")
        assert ran.counts("A1") == (1, 2)
        assert "A1: gave no complete answer" in ran.of("A1").problem
        again = stand.run(lab.SHORT, resume="")
        assert again.status("A1") == OK
        assert again.attempts("A1") == [("D1", 1, 2)]
        assert stand.changed("A1") == {}


# --- twins ----------------------------------------------------------------------------------------


def own_latencies(ran: lab.Ran, phones: dict[str, VirtualAndroid]) -> None:
    """Each device's numbers are those of the phone at its address, and of no other."""
    assert len({device.device.uid for device in ran.outcome.devices}) == len(phones)
    for device in ran.outcome.devices:
        phone = phones[device.device.serial.partition("@")[2]]
        assert device.run is not None
        assert (device.run.status, device.run.reason) == OK
        truth_ms = phone.phone.truths[-1].latency_ms
        measured = [
            trial.estimate.round_trip_latency_ms
            for trial in ran.trials(device.device.serial)
            if trial.test_id == "L1" and trial.estimate is not None
        ]
        assert measured == pytest.approx([truth_ms] * 2, abs=0.5)


@pytest.mark.parametrize("serial", ["0123456789ABCDEF", "R58M12ABCDE"], ids=["dummy", "sane"])
def test_two_phones_with_one_serial(server: PrivateServer, tmp_path: Path, serial: str) -> None:
    """One of them is unplugged in a trial and comes back; neither takes the other's results."""
    found = lab.of_latencies({"A1": 25.0, "B1": 61.0}, android=f'serialno = "{serial}"')
    with lab.stand(server, tmp_path, found=found, named=False) as stand:
        at = {phone.address: phone for phone in found}
        with stand.bench() as bench:
            seen = bench.seen()
        assert sorted(one.ref.serial.partition("@")[2] for one in seen) == sorted(at)
        if serial != "0123456789ABCDEF":
            assert {one.detail for one in seen} == {f"2 phones say the serial {serial}"}
        IN_SECOND_TRIAL.set(found[0], "unplug")
        ran = stand.run(then=moments.on_warning(lambda _: found[0].replug()), deadlines=lab.PATIENT)
        own_latencies(ran, at)
        assert [stand.changed(name) for name in ("A1", "B1")] == [{}, {}]
        done = [e.device.uid for e in ran.watcher.of(TrialDone)]
        assert sorted(done.count(uid) for uid in set(done)) == [3, 3]
