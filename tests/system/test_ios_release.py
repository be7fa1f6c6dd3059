"""A bench that is killed while it measures an iPhone, and what gives the phone back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ios_fleets import CALM, Table, as_found, table, trial

from device_probes.android.ledger import Lease, Ledger
from device_probes.ios.leftovers import BY_HAND, CLOSED, REOPENED
from device_probes.ios.note import Notes
from device_probes.virtual import Clock
from profiler.errors import DeviceNotFound, DeviceNotReady, DeviceTimeout
from profiler.model import DeviceState, TrialRequest

PROGRAM = (sys.executable, "-P", "-m", "profiler")
PLAN = 'name = "killed"\ntests = ["L4"]\nvolumes = [0.9]\nrepeats = 1\n'
"""A trial of a minute."""
PATIENCE_S = 60.0


@dataclass
class Bench:
    """A phone, and programs of this computer that use it."""

    phones: Table
    folder: Path

    @property
    def udid(self) -> str:
        return self.phones.phone.udid

    @property
    def state(self) -> Path:
        return self.folder / "chirpbench"

    @property
    def noted(self) -> bool:
        return Notes(self.state).read(self.udid) is not None

    def start(self, *words: str) -> subprocess.Popen[str]:
        env = {
            **os.environ,
            "USBMUXD_SOCKET_ADDRESS": f"UNIX:{self.phones.socket}",
            "XDG_STATE_HOME": str(self.folder),
        }
        return subprocess.Popen(
            [*PROGRAM, *words], cwd=self.folder, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def ran(self, *words: str) -> tuple[int, str]:
        """Run to the end; exit code, and all that was said."""
        process = self.start(*words)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out + err

    def release(self) -> str:
        """What the command does, without its start."""
        state = self.state
        ios = self.phones.bench(
            named=False, leases=lambda _, key: Lease(state, key), ledger=Ledger(state),  # type: ignore[arg-type,return-value]
            notes=Notes(state),
        )  # fmt: skip
        return ios.release(self.udid)

    def measuring(self) -> subprocess.Popen[str]:
        """A run that is in the middle of its first trial."""
        playing = threading.Event()
        self.phones.phone.on("probe:stage:playing", lambda _: playing.set(), after=3)
        (self.folder / "bench.toml").write_text(PLAN)
        process = self.start("run", "--probe", "ios", "--bench", "bench.toml", "--db", "b.db")
        if not playing.wait(PATIENCE_S):
            process.kill()
            pytest.fail("".join(process.communicate()))
        return process

    def killed(self) -> None:
        """Let a run begin and kill it."""
        process = self.measuring()
        assert self.phones.phone.state.volume == pytest.approx(0.9)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL


pytestmark = pytest.mark.timeout(180)  # whole programs start and are killed


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with table("I1", clock=Clock()) as phones:
        yield Bench(phones, tmp_path)


def put_back(bench: Bench) -> bool:
    """Whether the app comes to put back the volume, which nobody has to ask it for."""
    end_s = time.monotonic() + PATIENCE_S
    while bench.phones.phone.state.volume != 0.5 and time.monotonic() < end_s:
        time.sleep(0.05)
    return bench.phones.phone.state.volume == 0.5


def test_release_closes_what_a_killed_bench_left_open(bench: Bench) -> None:
    phone = bench.phones.phone
    bench.killed()
    assert bench.noted
    assert phone.app.token, "it asks for the secret of a program that is gone"
    assert put_back(bench)
    code, said = bench.ran("devices", "--release", bench.udid)
    assert (code, said) == (0, f"{bench.udid} answers and may be used again; {CLOSED}\n")
    as_found(phone)
    assert not bench.noted
    assert bench.release() == ""


def test_release_gives_an_app_back_that_a_person_had_opened(bench: Bench) -> None:
    phone = bench.phones.phone
    phone.allow_microphone()
    phone.open_probe()
    bench.killed()
    assert bench.release() == REOPENED
    assert phone.app.runs
    assert phone.app.token == ""
    life = phone.app.life
    assert bench.release() == ""
    assert phone.app.life == life, "a person's app is left alone"


def test_without_webdriveragent_a_person_is_asked_and_nothing_is_forgotten(bench: Bench) -> None:
    phone = bench.phones.phone
    bench.killed()
    phone.kill_wda()
    assert bench.release() == BY_HAND
    assert bench.noted
    phone.close_probe()  # as it was asked
    assert bench.release() == ""
    assert not bench.noted


def test_a_phone_that_is_measured_is_not_released(bench: Bench) -> None:
    process = bench.measuring()
    try:
        with pytest.raises(DeviceNotReady, match=f"process {process.pid} uses it") as caught:
            bench.release()
        assert caught.value.state == DeviceState.BUSY
        assert bench.phones.phone.app.runs
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_the_next_run_gives_back_what_the_killed_one_took(bench: Bench) -> None:
    phone = bench.phones.phone
    phone.allow_microphone()
    phone.open_probe()
    bench.killed()
    driver = bench.phones.driver(named=False, leases=Lease, notes=Notes(bench.state))
    driver.connect()
    trial(driver, TrialRequest(warmup_s=0.1, duration_s=0.4))
    driver.close()
    assert phone.app.runs
    assert phone.app.token == ""
    assert not bench.noted


def test_an_old_note_does_not_open_an_app_that_somebody_closed(bench: Bench) -> None:
    phone = bench.phones.phone
    phone.allow_microphone()
    phone.open_probe()
    bench.killed()
    phone.close_probe()
    driver = bench.phones.driver(named=False, notes=Notes(bench.state))
    driver.connect()
    driver.close()
    as_found(phone)


# --- without a killed process ---------------------------------------------------------------------


def rested(bench: Bench) -> Ledger:
    ledger = Ledger(bench.state)
    for _ in range(3):
        ledger.failed(bench.udid, "it froze")
    return ledger


def test_a_phone_that_rests_says_so_until_it_is_released(bench: Bench) -> None:
    ledger = rested(bench)
    seen = bench.phones.bench(named=False, ledger=ledger).seen()
    assert [s.state for s in seen] == [DeviceState.QUARANTINED]
    assert "3 failures: it froze" in seen[0].detail
    assert "--release" in seen[0].detail
    assert bench.release() == ""
    bench.phones.driver(named=False, ledger=ledger).connect()


def test_one_that_is_not_there_or_does_not_answer_goes_on_resting(bench: Bench) -> None:
    ledger = rested(bench)
    ios = bench.phones.bench(CALM, named=False, ledger=ledger)
    bench.phones.phone.freeze()
    with pytest.raises(DeviceTimeout):
        ios.release(bench.udid)
    bench.phones.phone.thaw()
    bench.phones.phone.unplug()
    with pytest.raises(DeviceNotFound, match="absent"):
        ios.release(bench.udid)
    bench.phones.phone.replug()
    with pytest.raises(DeviceNotReady):
        bench.phones.driver(named=False, ledger=ledger).connect()
    code, said = bench.ran("devices", "--release", "00008110-000A1B2C3D4E5F60")
    assert code == 1
    assert "plug it in" in said


def test_what_another_computers_bench_left_is_cleared_without_a_note(bench: Bench) -> None:
    phone = bench.phones.phone
    phone.app.launch(("-token", "ab" * 16, "-port", "7878"))
    assert bench.phones.bench(named=False).release(bench.udid) == CLOSED
    as_found(phone)


def test_one_in_use_is_shown_busy_and_nothing_is_asked_of_it(bench: Bench) -> None:
    drivers = {"named": False, "leases": Lease}
    first = bench.phones.driver(**drivers)
    first.connect()
    second = bench.phones.driver(**drivers)
    with pytest.raises(DeviceNotReady) as caught:
        second.inspect()
    assert caught.value.state == DeviceState.BUSY
