"""A phone's state, its quarantine, and what survives the process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from device_probes.android.errors import REMEDIES
from device_probes.android.ledger import Lease, Ledger, state_folder
from device_probes.android.states import ABSENT_AFTER_S, BACK_OFF_S, Condition, Health
from profiler.errors import DeviceNotReady
from profiler.model import DeviceState

WALL = 1_000_000.0


def test_every_state_of_a_phone_has_a_remedy_but_ready() -> None:
    assert set(REMEDIES) == {
        DeviceState.ABSENT,
        DeviceState.OFFLINE,
        DeviceState.UNAUTHORIZED,
        DeviceState.NO_PERMISSION,
        DeviceState.LOCKED,
        DeviceState.BUSY,
        DeviceState.READY,
        DeviceState.QUARANTINED,
    }
    assert [state for state in REMEDIES if not REMEDIES[state]] == [DeviceState.READY]


def test_a_phone_is_absent_only_after_a_while() -> None:
    ready = Condition().sighted(DeviceState.READY, 10.0)
    assert ready.missing(10.0 + ABSENT_AFTER_S - 0.1).state(WALL) is DeviceState.READY
    gone = ready.missing(10.0 + ABSENT_AFTER_S)
    assert gone.state(WALL) is DeviceState.ABSENT
    assert Condition().missing(0.0).state(WALL) is DeviceState.ABSENT


@pytest.mark.parametrize(
    "state", [DeviceState.OFFLINE, DeviceState.UNAUTHORIZED, DeviceState.NO_PERMISSION]
)
def test_what_the_server_says_is_the_state(state: DeviceState) -> None:
    condition = Condition().sighted(state, 0.0)
    assert condition.state(WALL) is state
    assert condition.detail(WALL) == REMEDIES[state]


def test_locked_and_unlocked() -> None:
    ready = Condition().sighted(DeviceState.READY, 0.0)
    locked = ready.answered(locked=True)
    assert locked.state(WALL) is DeviceState.LOCKED
    assert locked.answered(locked=False).state(WALL) is DeviceState.READY


def test_a_frozen_phone_counts_as_offline_until_it_answers_or_is_plugged_in_again() -> None:
    frozen = Condition().sighted(DeviceState.READY, 0.0).silent()
    assert frozen.state(WALL) is DeviceState.OFFLINE
    assert "does not answer" in frozen.detail(WALL)
    assert frozen.sighted(DeviceState.READY, 1.0).state(WALL) is DeviceState.OFFLINE
    assert frozen.answered(locked=False).state(WALL) is DeviceState.READY
    again = frozen.sighted(DeviceState.OFFLINE, 1.0).sighted(DeviceState.READY, 2.0)
    assert again.state(WALL) is DeviceState.READY


def test_busy_hides_nothing_a_person_has_to_do() -> None:
    busy = Condition().sighted(DeviceState.READY, 0.0).held(busy=True, health=Health())
    assert busy.state(WALL) is DeviceState.BUSY
    asking = busy.sighted(DeviceState.UNAUTHORIZED, 1.0)
    assert asking.state(WALL) is DeviceState.UNAUTHORIZED


def test_three_failures_in_a_row_rest_longer_each_time() -> None:
    health, now = Health(), WALL
    for _ in range(2):
        health = health.failed("no answer", now)
        assert not health.quarantined(now)
    for rest_s in (*BACK_OFF_S, BACK_OFF_S[-1]):
        health = health.failed("no answer", now)
        assert health.quarantined(now + rest_s - 1)
        now += rest_s
        assert not health.quarantined(now), "then it may be tried again"
    assert not health.passed().quarantined(now - 1)
    assert health.passed() == Health()


def test_quarantine_is_a_state_with_its_reason_while_the_phone_is_there() -> None:
    health = Health()
    for _ in range(3):
        health = health.failed("the probe's process ended", WALL)
    condition = Condition().sighted(DeviceState.READY, 0.0).held(busy=False, health=health)
    assert condition.state(WALL + 60) is DeviceState.QUARANTINED
    assert "9 min more" in condition.detail(WALL + 60)
    assert "the probe's process ended" in condition.detail(WALL + 60)
    assert condition.state(WALL + 601) is DeviceState.READY
    assert condition.missing(99.0).state(WALL) is DeviceState.ABSENT


def test_a_clock_set_back_makes_no_quarantine_longer() -> None:
    health = Health(3, 1, WALL + BACK_OFF_S[0], "x")
    assert not health.quarantined(WALL - 10 * BACK_OFF_S[-1])


# --- the ledger -----------------------------------------------------------------------------------


def test_failures_outlive_the_process_and_end_with_a_success(tmp_path: Path) -> None:
    for _ in range(3):
        Ledger(tmp_path).failed("SERIAL1", "no answer to \x1b[31mgetprop")
    ledger = Ledger(tmp_path)
    assert ledger.health("SERIAL1").failures == 3
    assert "\x1b" not in ledger.health("SERIAL1").reason
    with pytest.raises(DeviceNotReady, match=r"quarantined .* after 3 failures") as caught:
        ledger.refuse_quarantined("SERIAL1")
    assert caught.value.state == DeviceState.QUARANTINED
    assert "release" in caught.value.hint
    ledger.refuse_quarantined("SERIAL2")
    ledger.passed("SERIAL1")
    ledger.refuse_quarantined("SERIAL1")
    assert Ledger(tmp_path).health("SERIAL1") == Health()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"phones": 3}', b'{"phones": {"A": 1, "B": {"failures": -1}}}',
     b'{"phones": {"A": {"failures": "x", "quarantines": 0, "until_s": 0, "reason": ""}}}',
     b"\xff\xfe", b"[" * 100_000],
)  # fmt: skip
def test_a_damaged_ledger_counts_as_empty_and_is_mended(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "phones.json").write_bytes(content)
    ledger = Ledger(tmp_path)
    assert ledger.health("A") == Health()
    ledger.failed("A", "x")
    assert json.loads((tmp_path / "phones.json").read_text())["phones"]["A"]["failures"] == 1


def test_one_holder_a_phone_and_the_kernel_frees_it(tmp_path: Path) -> None:
    lease, other = Lease(tmp_path, "SER/IAL"), Lease(tmp_path, "SER/IAL")
    lease.take()
    assert other.taken_by_another()
    assert not lease.taken_by_another()
    with pytest.raises(DeviceNotReady, match=r"busy \(process \d+ uses it\)") as caught:
        other.take(wait_s=0.0)
    assert caught.value.state == DeviceState.BUSY
    lease.release()
    other.take()
    other.release()
    child = (
        "import sys, time; from pathlib import Path\n"
        "from device_probes.android.ledger import Lease\n"
        "Lease_ = Lease(Path(sys.argv[1]), 'SER/IAL'); Lease_.take(); print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", child, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert lease.taken_by_another()
        process.kill()
        process.wait(10)
    lease.take()
    lease.release()
    assert not list(tmp_path.glob("locks/*/*")), "an identity never makes a folder"


def test_looking_whether_a_phone_is_free_never_makes_it_busy(tmp_path: Path) -> None:
    lease, looker = Lease(tmp_path, "A"), Lease(tmp_path, "A")
    lease.take()
    lease.release()
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        looker.taken_by_another()
        lease.take()
        lease.release()


def test_the_folder_follows_xdg() -> None:
    assert state_folder({"XDG_STATE_HOME": "/s"}) == Path("/s/chirpbench")
    assert state_folder({"XDG_STATE_HOME": "relative"}).parts[-3:] == (
        ".local", "state", "chirpbench",
    )  # fmt: skip
