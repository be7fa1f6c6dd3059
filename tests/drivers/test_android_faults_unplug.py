"""The cable comes out at each step of a run, through the whole stack to the store.

All phones of a fixture run at once, each unplugged at a step of its own: what one of them does must
not reach the others, and the whole takes as long as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import android_bench as lab
import android_moments as moments
import pytest

from device_probes.android import PrivateServer
from profiler.bench import BenchEvent, Log
from profiler.model import RunStatus, Verdict

STEPS = {**moments.BEFORE_TRIALS, **moments.IN_SECOND_TRIAL}
NEXT_STEP = ("check the cable", "plug it in")


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with lab.adb_server() as running:
        yield running


# --- and plugged in again while the run waits -----------------------------------------------------


@pytest.fixture(scope="module")
def replugged(server: PrivateServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Ran]:
    """Each phone is unplugged at its step, and plugged in again as soon as the bench noticed."""
    folder = tmp_path_factory.mktemp("replugged")
    with lab.stand(server, folder, *STEPS, "good") as stand:

        def plug_in(event: BenchEvent) -> None:
            if isinstance(event, Log) and event.device and "trying again" in event.text:
                stand.phones[event.device.serial].replug()

        for serial, moment in STEPS.items():
            moment.set(stand.phones[serial], "unplug")
        ran = stand.run(lab.SHORT, then=plug_in, deadlines=lab.PATIENT)
        left = {serial: stand.changed(serial) for serial in STEPS}
        assert not any(left.values()), (left, [(e.device, e.text) for e in ran.watcher.of(Log)])
        stand.clear_table()
        yield ran


@pytest.mark.parametrize("step", STEPS)
def test_a_phone_that_comes_back_in_time_completes_its_run(replugged: lab.Ran, step: str) -> None:
    assert replugged.status(step) == (RunStatus.OK, "")
    assert replugged.counts(step) == (2, 2)
    assert {v for *_, v, _ in replugged.verdicts(step)} == {Verdict.PASS}
    (warning,) = replugged.warnings(step)
    assert warning.startswith(f"{step}: ")
    assert any(words in warning for words in NEXT_STEP)
    expected = [("D1", 0, 1), ("D1", 1, 1)]
    if step in moments.IN_SECOND_TRIAL:  # only the trial that was under way is made again
        expected.append(("D1", 1, 2))
    assert replugged.attempts(step) == expected


def test_the_phone_beside_them_noticed_nothing(replugged: lab.Ran) -> None:
    assert replugged.status("good") == (RunStatus.OK, "")
    assert replugged.warnings("good") == []
    assert replugged.attempts("good") == [("D1", 0, 1), ("D1", 1, 1)]


# --- and not plugged in again ---------------------------------------------------------------------


class Lost(NamedTuple):
    """A bench whose phones went, and its continuation."""

    stand: lab.Stand
    first: lab.Ran
    resumed: lab.Ran


@pytest.fixture(scope="module")
def lost(server: PrivateServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lost]:
    with lab.stand(server, tmp_path_factory.mktemp("lost"), *STEPS, "close") as stand:
        for serial, moment in {**STEPS, "close": moments.AT_CLOSE}.items():
            moment.set(stand.phones[serial], "unplug")
        first = stand.run(lab.SHORT)
        stand.replug(*STEPS, "close")
        resumed = stand.run(lab.SHORT, resume=first.outcome.bench_uuid)
        stand.clear_table()
        yield Lost(stand, first, resumed)


@pytest.mark.parametrize("step", STEPS)
def test_a_phone_that_stays_away_is_lost(lost: Lost, step: str) -> None:
    ran = lost.first
    assert ran.status(step) == (RunStatus.DEVICE_LOST, "device_lost")
    problem = ran.of(step).problem
    assert problem.startswith(f"{step}: ")
    assert any(words in problem for words in NEXT_STEP), problem
    if step in moments.BEFORE_TRIALS:
        assert ran.trials(step) == []
        return
    assert ran.counts(step) == (1, 2)
    (result,) = ran.of(step).results
    assert (result.verdict, result.reasons[0]) == (Verdict.ERROR, "device_lost")
    assert result.text.startswith("1 of 2 trials, then device_lost; ")
    done, failed = ran.trials(step)[:2]
    assert done.verdict is Verdict.PASS
    assert (failed.index, failed.verdict, failed.reasons) == (1, Verdict.ERROR, ("device_lost",))
    assert step in failed.message


@pytest.mark.parametrize("step", STEPS)
def test_a_resume_makes_what_is_missing_and_puts_the_phone_back(lost: Lost, step: str) -> None:
    ran = lost.resumed
    assert ran.status(step) == (RunStatus.OK, "")
    assert ran.counts(step) == (2, 2)
    missing = [("D1", 1, 3)] if step in moments.IN_SECOND_TRIAL else [("D1", 0, 1), ("D1", 1, 1)]
    assert ran.attempts(step) == missing
    assert ran.of(step).results[0].verdict is Verdict.PASS
    assert lost.stand.changed(step) == {}


def test_unplugged_while_it_is_given_back_its_next_contact_restores_it(lost: Lost) -> None:
    """The run is complete by then; the old value waits on the phone itself."""
    stand = lost.stand
    assert lost.first.status("close") == lost.resumed.status("close") == (RunStatus.OK, "")
    assert lost.resumed.attempts("close") == []
    assert stand.changed("close").keys() == {"stay_on", "files", "probe_runs"}
    stand.replug("close")
    anew = stand.run(lab.SHORT, only=["close"])
    assert anew.status("close") == (RunStatus.OK, "")
    assert stand.changed("close") == {}


def test_only_our_own_packages_are_cleaned_away(server: PrivateServer, tmp_path: Path) -> None:
    """Those a pulled cable left; whatever else a phone claims to have there is none of ours."""
    ours, listed, removed = "chirpbench-0123456789abcdef.apk", [], []
    claims = (
        "../../etc/hosts", "chirpbench-../../../x.apk", f"{ours};reboot", f"{ours} x", "my.apk",
        "chirpbench-0123456789ABCDEF.apk", f"x{ours}", "chirpbench.apk",
    )  # fmt: skip

    def listing(argv: list[str]) -> str:
        listed.append(argv)
        return "\n".join([*claims, ours]) + "\n"

    def remove(argv: list[str]) -> None:
        removed.append(argv[-1])

    with lab.stand(server, tmp_path) as stand:
        for name in (ours, "my.apk"):
            stand.phone.files.append(stand.phone.files.create(f"{lab.TMP}/{name}"), b"PK")
        stand.phone.override("ls", listing)
        stand.phone.override("rm", remove)
        assert stand.run(lab.SHORT).status("A1") == (RunStatus.OK, "")
        assert len(listed) == 1
        pushed = [path for path in removed if path != f"{lab.TMP}/{ours}"]
        assert len(removed) - len(pushed) == 1
        assert all(re.fullmatch(lab.TMP + r"/chirpbench[-.][a-z0-9.]+", path) for path in pushed)
        assert stand.phone.files.names(lab.TMP) == ["my.apk"]


def test_a_full_suite_resumes_in_the_middle(server: PrivateServer, tmp_path: Path) -> None:
    """Of L1, L1, D1 the second is lost; results and volume come back with the phone."""
    with lab.stand(server, tmp_path) as stand:
        moments.IN_SECOND_TRIAL["trial"].set(stand.phone, "unplug")
        first = stand.run()
        assert first.status("A1") == (RunStatus.DEVICE_LOST, "device_lost")
        assert first.counts("A1") == (1, 3)
        assert [r.text.partition(";")[0] for r in first.of("A1").results] == [
            "1 of 2 trials, then device_lost",
            "0 of 1 trials, then device_lost",
        ]
        stand.replug("A1")
        again = stand.run(resume="")
        assert again.status("A1") == (RunStatus.OK, "")
        assert again.attempts("A1") == [("L1", 1, 3), ("D1", 0, 1)]
        assert [len(r.trial_uuids) for r in again.of("A1").results] == [2, 1]
        assert stand.changed("A1") == {}
